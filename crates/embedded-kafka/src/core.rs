//! What all connections share: the state behind one lock, the clock, the faults, and the tick that lets time pass.

use crate::group::Group;
use crate::log::{Partition, Space};
use crate::topic::{PARTITIONS_MAX, Settings, Topic, is_name};
use crate::transaction::Transactions;
use crate::wire::ErrorCode;
use crate::{Clock, Faults, Options};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often timeouts are looked at.
const TICK: Duration = Duration::from_millis(20);
/// How often a request that waits looks whether its sender still does.
const PEER_CHECK_INTERVAL: Duration = Duration::from_millis(100);
/// Most partitions of all topics, and most groups: a client gone wild does not eat the memory.
const ALL_PARTITIONS_MAX: usize = 10 * PARTITIONS_MAX;
const GROUPS_MAX: usize = 10_000;

/// Topics, groups and transactions.
#[derive(Debug)]
pub(crate) struct State {
    /// Settings of a topic that sets none.
    pub(crate) defaults: Settings,
    pub(crate) topics: BTreeMap<String, Topic>,
    pub(crate) groups: BTreeMap<String, Group>,
    pub(crate) transactions: Transactions,
    pub(crate) space: Space,
}

impl State {
    fn new(options: &Options) -> Self {
        Self {
            defaults: Settings { message_bytes_max: options.message_bytes_max, ..Settings::default() },
            topics: BTreeMap::new(),
            groups: BTreeMap::new(),
            transactions: Transactions::default(),
            space: Space::default(),
        }
    }

    /// The topic of this name.
    ///
    /// # Errors
    /// `INVALID_TOPIC_EXCEPTION` for what is no name, `UNKNOWN_TOPIC_OR_PARTITION`.
    pub(crate) fn find(&self, name: &str) -> Result<&Topic, ErrorCode> {
        if !is_name(name) {
            return Err(ErrorCode::InvalidTopic);
        }
        self.topics.get(name).ok_or(ErrorCode::UnknownTopicOrPartition)
    }

    /// A partition and its topic's settings.
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_OR_PARTITION`.
    pub(crate) fn partition(&mut self, topic: &str, number: i32) -> Result<(&mut Partition, &Settings), ErrorCode> {
        self.topics.get_mut(topic).ok_or(ErrorCode::UnknownTopicOrPartition)?.partition(number)
    }

    /// Makes a topic, or only says whether it could be made.
    ///
    /// # Errors
    /// As `CreateTopics` answers.
    pub(crate) fn create_topic(
        &mut self,
        name: &str,
        partitions: i32,
        overrides: BTreeMap<String, String>,
        is_trial: bool,
    ) -> Result<(), ErrorCode> {
        if !is_name(name) {
            return Err(ErrorCode::InvalidTopic);
        }
        if self.topics.contains_key(name) {
            return Err(ErrorCode::TopicAlreadyExists);
        }
        let partitions = usize::try_from(partitions).map_err(|_| ErrorCode::InvalidPartitions)?;
        self.check_room_for(partitions)?;
        let topic = Topic::new(partitions, &self.defaults, overrides, self.space.clone())?;
        if !is_trial {
            self.topics.insert(name.to_owned(), topic);
        }
        Ok(())
    }

    /// Gives a topic so many partitions, or only says whether it could have them.
    ///
    /// # Errors
    /// As `CreatePartitions` answers.
    pub(crate) fn grow_topic(&mut self, name: &str, count: i32, is_trial: bool) -> Result<(), ErrorCode> {
        let topic = self.topics.get(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let count = usize::try_from(count).map_err(|_| ErrorCode::InvalidPartitions)?;
        topic.check_growth(count)?;
        self.check_room_for(count - topic.partitions.len())?;
        match self.topics.get_mut(name) {
            Some(topic) if !is_trial => topic.grow(count),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether there may be so many partitions more.
    fn check_room_for(&self, partitions: usize) -> Result<(), ErrorCode> {
        let existing: usize = self.topics.values().map(|topic| topic.partitions.len()).sum();
        let is_room = existing.saturating_add(partitions) <= ALL_PARTITIONS_MAX;
        if is_room { Ok(()) } else { Err(ErrorCode::PolicyViolation) }
    }

    /// Deletes a topic and what groups and transactions know of it.
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_OR_PARTITION`.
    pub(crate) fn delete_topic(&mut self, name: &str) -> Result<(), ErrorCode> {
        self.topics.remove(name).ok_or(ErrorCode::UnknownTopicOrPartition)?;
        self.groups.values_mut().for_each(|group| group.offsets.forget_topic(name));
        self.transactions.forget_topic(name);
        Ok(())
    }

    /// The group of this name, made if there is none.
    ///
    /// # Errors
    /// `INVALID_GROUP_ID` for an empty name, `COORDINATOR_NOT_AVAILABLE` when there are too many groups.
    pub(crate) fn group(&mut self, name: &str) -> Result<&mut Group, ErrorCode> {
        if name.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(name) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        Ok(self.groups.entry(name.to_owned()).or_default())
    }

    /// Writes the marks of the transactions whose end is decided.
    pub(crate) fn write_markers(&mut self, now_ms: i64) {
        for ending in self.transactions.take_ending() {
            let (producer, is_commit) = (ending.producer, ending.is_commit);
            for (topic, number) in ending.partitions {
                if let Ok((partition, settings)) = self.partition(&topic, number) {
                    partition.end_transaction(producer.producer_id, producer.epoch, is_commit, settings, now_ms);
                }
            }
            for group in ending.groups {
                if let Some(group) = self.groups.get_mut(&group) {
                    group.offsets.end_transaction(producer.producer_id, is_commit);
                }
            }
        }
    }
}

/// The broker without its sockets.
pub(crate) struct Core {
    state: Mutex<State>,
    changed: Condvar,
    is_stopping: AtomicBool,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) options: Options,
    pub(crate) address: SocketAddr,
}

impl Core {
    pub(crate) fn new(options: Options, address: SocketAddr) -> Self {
        Self {
            state: Mutex::new(State::new(&options)),
            changed: Condvar::new(),
            is_stopping: AtomicBool::new(false),
            clock: Clock::default(),
            faults: Faults::default(),
            options,
            address,
        }
    }

    /// The state. Every change that somebody may wait for is followed by [`Core::wake`].
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all that wait for a change.
    pub(crate) fn wake(&self) {
        self.changed.notify_all();
    }

    /// Calls `look` until it answers, `timeout` is over (if one), `is_given_up` or the broker stops; then none.
    pub(crate) fn wait_for<T>(
        &self,
        timeout: Option<Duration>,
        is_given_up: impl Fn() -> bool,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        // Real time, not the test's: a reader that waits for records is not to be hurried by a moved clock.
        let start = Instant::now();
        let mut peer_looked_at = start;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&mut state) {
                return Some(found);
            }
            let left = timeout.map_or(Duration::MAX, |timeout| timeout.saturating_sub(start.elapsed()));
            if left.is_zero() || self.is_stopping() {
                return None;
            }
            if peer_looked_at.elapsed() >= PEER_CHECK_INTERVAL {
                if is_given_up() {
                    return None;
                }
                peer_looked_at = Instant::now();
            }
            // Waiting ends early now and then, in case a wake was meant for an instant before the wait.
            let wait = self.changed.wait_timeout(state, left.min(PEER_CHECK_INTERVAL));
            state = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Lets time pass until the broker stops: sessions, transactions, retention.
    pub(crate) fn run_ticks(&self, cut_connections: impl Fn()) {
        let mut retired = self.clock.timer();
        let mut retired_wall_ms = self.clock.wall_ms();
        while !self.is_stopping() {
            std::thread::sleep(TICK);
            if self.faults.refuses_connections() {
                cut_connections();
            }
            let (now, now_ms) = (self.clock.timer(), self.clock.wall_ms());
            let mut state = self.lock();
            state.groups.values_mut().for_each(|group| group.tick(now));
            state.transactions.tick(now);
            if !self.faults.holds_markers() {
                state.write_markers(now_ms);
            }
            let interval_ms = self.options.retention_check_interval.as_millis() as i64;
            // A moved clock of either kind makes the check due.
            if now.saturating_sub(retired) >= self.options.retention_check_interval
                || now_ms.saturating_sub(retired_wall_ms) >= interval_ms
            {
                (retired, retired_wall_ms) = (now, now_ms);
                for topic in state.topics.values_mut() {
                    for partition in &mut topic.partitions {
                        partition.retire(&topic.settings, now_ms);
                    }
                }
            }
            drop(state);
            self.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_counted_over_all_topics() {
        let mut state = State::new(&Options::default());
        for number in 0..10 {
            let partitions = if number == 9 { 2 } else { PARTITIONS_MAX as i32 };
            state.create_topic(&format!("topic-{number}"), partitions, BTreeMap::new(), false).unwrap();
        }
        state.create_topic("small", 1, BTreeMap::new(), false).unwrap();
        let most = PARTITIONS_MAX as i32 - 1;
        for is_trial in [true, false] {
            assert_eq!(state.grow_topic("topic-9", most + 1, is_trial), Err(ErrorCode::PolicyViolation));
            assert_eq!(state.grow_topic("topic-9", 2, is_trial), Err(ErrorCode::InvalidPartitions));
            assert_eq!(state.grow_topic("topic-8", most + 2, is_trial), Err(ErrorCode::InvalidPartitions));
            assert_eq!(state.grow_topic("none", 2, is_trial), Err(ErrorCode::UnknownTopicOrPartition));
            assert_eq!(state.grow_topic("topic-9", most, is_trial), Ok(()));
        }
        assert_eq!(state.create_topic("more", 1, BTreeMap::new(), false), Err(ErrorCode::PolicyViolation));
    }
}
