//! Transactions and the producers that own them.

use crate::wire::ErrorCode;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Longest a transaction may be open (`transaction.max.timeout.ms`).
const TIMEOUT_MAX: Duration = Duration::from_secs(900);

/// Most transactional ids, and most groups of one transaction: a client gone wild does not eat the memory.
const IDS_MAX: usize = 10_000;
const GROUPS_MAX: usize = 16;

/// The last epoch: never a producer's, so that the one before can still be fenced.
const EPOCH_FENCED: i16 = i16::MAX;

/// A producer id and its epoch: who may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerEpoch {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
}

impl ProducerEpoch {
    fn raised(self) -> Self {
        Self { epoch: self.epoch.saturating_add(1), ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing in it since its producer started.
    Empty,
    Ongoing {
        /// When the broker gives it up.
        deadline: Duration,
    },
    /// Decided; the marks are not written yet.
    Ending { is_commit: bool },
    /// Ended; a repeated request for the same end is answered as the first.
    Ended { is_commit: bool },
}

#[derive(Debug)]
struct Transaction {
    producer: ProducerEpoch,
    /// What the producer was before, as which it may still ask who it is now: its first request may have been lost, or
    /// the broker gave its transaction up.
    last: Option<ProducerEpoch>,
    timeout: Duration,
    state: State,
    partitions: BTreeSet<(String, i32)>,
    groups: BTreeSet<String>,
}

/// A transaction whose end is decided, and where that must be said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) producer: ProducerEpoch,
    pub(crate) is_commit: bool,
    pub(crate) partitions: BTreeSet<(String, i32)>,
    pub(crate) groups: BTreeSet<String>,
}

/// All transactions, by transactional id.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    by_id: BTreeMap<String, Transaction>,
    producers: i64,
}

impl Transactions {
    /// A producer id for a producer without transactions.
    pub(crate) fn new_producer(&mut self) -> ProducerEpoch {
        self.producers += 1;
        ProducerEpoch { producer_id: self.producers, epoch: 0 }
    }

    /// Makes the caller the owner of this id: whoever owned it before is fenced, and its transaction is aborted.
    ///
    /// # Errors
    /// `CONCURRENT_TRANSACTIONS` while the previous transaction still ends: come back; `INVALID_TRANSACTION_TIMEOUT`;
    /// `PRODUCER_FENCED` when `expected` owns the id no more; `COORDINATOR_NOT_AVAILABLE` when there are too many ids.
    pub(crate) fn init(
        &mut self,
        id: &str,
        timeout: Duration,
        expected: Option<ProducerEpoch>,
    ) -> Result<ProducerEpoch, ErrorCode> {
        if timeout.is_zero() || timeout > TIMEOUT_MAX {
            return Err(ErrorCode::InvalidTransactionTimeout);
        }
        if !self.by_id.contains_key(id) {
            if self.by_id.len() >= IDS_MAX {
                return Err(ErrorCode::CoordinatorNotAvailable);
            }
            let producer = self.new_producer();
            let fresh = Transaction {
                producer,
                last: None,
                timeout,
                state: State::Empty,
                partitions: BTreeSet::new(),
                groups: BTreeSet::new(),
            };
            self.by_id.insert(id.to_owned(), fresh);
            return Ok(producer);
        }
        let is_exhausted = self.by_id.get(id).is_some_and(Transaction::is_exhausted);
        let fresh_producer = is_exhausted.then(|| self.new_producer());
        let transaction = self.by_id.get_mut(id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        let is_of_another = |expected: ProducerEpoch| {
            expected.producer_id != transaction.producer.producer_id && transaction.last != Some(expected)
        };
        if expected.is_some_and(is_of_another) {
            return Err(ErrorCode::ProducerFenced);
        }
        match transaction.state {
            State::Ending { .. } => return Err(ErrorCode::ConcurrentTransactions),
            // Whatever the expected epoch: who does not know the present one still ends what is open, as in Kafka.
            State::Ongoing { .. } => {
                transaction.fence();
                return Err(ErrorCode::ConcurrentTransactions);
            }
            State::Empty | State::Ended { .. } => {}
        }
        match expected {
            None => {}
            Some(expected) if expected == transaction.producer => {}
            // An epoch that only fences is nobody's: another producer id is due.
            Some(expected) if transaction.last == Some(expected) && transaction.producer.epoch < EPOCH_FENCED => {
                return Ok(transaction.producer);
            }
            Some(expected) if transaction.last == Some(expected) => {}
            Some(_) => return Err(ErrorCode::ProducerFenced),
        }
        transaction.last = expected;
        transaction.timeout = timeout;
        transaction.state = State::Empty;
        transaction.producer = fresh_producer.unwrap_or_else(|| transaction.producer.raised());
        Ok(transaction.producer)
    }

    /// Adds a partition, and opens the transaction if it is not.
    ///
    /// # Errors
    /// The producer does not own the id, or the previous transaction still ends.
    pub(crate) fn add_partition(
        &mut self,
        id: &str,
        producer: ProducerEpoch,
        partition: (String, i32),
        now: Duration,
    ) -> Result<(), ErrorCode> {
        self.open(id, producer, now)?.partitions.insert(partition);
        Ok(())
    }

    /// Adds a group whose offsets will commit with the transaction.
    ///
    /// # Errors
    /// The producer does not own the id, or the previous transaction still ends; `POLICY_VIOLATION` for too many groups.
    pub(crate) fn add_group(
        &mut self,
        id: &str,
        producer: ProducerEpoch,
        group: String,
        now: Duration,
    ) -> Result<(), ErrorCode> {
        let groups = &mut self.open(id, producer, now)?.groups;
        if groups.len() >= GROUPS_MAX && !groups.contains(&group) {
            return Err(ErrorCode::PolicyViolation);
        }
        groups.insert(group);
        Ok(())
    }

    fn open(&mut self, id: &str, producer: ProducerEpoch, now: Duration) -> Result<&mut Transaction, ErrorCode> {
        let transaction = self.owned_by(id, producer)?;
        match transaction.state {
            State::Ending { .. } => return Err(ErrorCode::ConcurrentTransactions),
            State::Ongoing { .. } => {}
            State::Empty | State::Ended { .. } => {
                transaction.state = State::Ongoing { deadline: now + transaction.timeout };
            }
        }
        Ok(transaction)
    }

    /// Marks that the open transactions will end with.
    pub(crate) fn markers_due(&self) -> usize {
        self.by_id.values().map(|transaction| transaction.partitions.len()).sum()
    }

    /// Whether this producer may write to this partition now.
    ///
    /// # Errors
    /// It does not own the id, or the partition is not in its transaction.
    pub(crate) fn check_partition(
        &mut self,
        id: &str,
        producer: ProducerEpoch,
        partition: &(String, i32),
    ) -> Result<(), ErrorCode> {
        let transaction = self.owned_by(id, producer)?;
        let is_in = matches!(transaction.state, State::Ongoing { .. }) && transaction.partitions.contains(partition);
        if is_in { Ok(()) } else { Err(ErrorCode::InvalidTxnState) }
    }

    /// Whether this producer may commit offsets of this group now.
    ///
    /// # Errors
    /// It does not own the id, or the group is not in its transaction.
    pub(crate) fn check_group(&mut self, id: &str, producer: ProducerEpoch, group: &str) -> Result<(), ErrorCode> {
        let transaction = self.owned_by(id, producer)?;
        let is_in = matches!(transaction.state, State::Ongoing { .. }) && transaction.groups.contains(group);
        if is_in { Ok(()) } else { Err(ErrorCode::InvalidTxnState) }
    }

    /// Decides how a transaction ends.
    ///
    /// # Errors
    /// The producer does not own the id; there is no transaction; or it ended the other way.
    pub(crate) fn end(&mut self, id: &str, producer: ProducerEpoch, is_commit: bool) -> Result<(), ErrorCode> {
        let transaction = self.owned_by(id, producer)?;
        match transaction.state {
            State::Ongoing { .. } => {
                transaction.state = State::Ending { is_commit };
                Ok(())
            }
            State::Ending { is_commit: decided } if decided == is_commit => Err(ErrorCode::ConcurrentTransactions),
            State::Ended { is_commit: decided } if decided == is_commit => Ok(()),
            State::Empty | State::Ending { .. } | State::Ended { .. } => Err(ErrorCode::InvalidTxnState),
        }
    }

    fn owned_by(&mut self, id: &str, producer: ProducerEpoch) -> Result<&mut Transaction, ErrorCode> {
        let transaction = self.by_id.get_mut(id).ok_or(ErrorCode::InvalidProducerIdMapping)?;
        if transaction.producer.producer_id != producer.producer_id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        if transaction.producer.epoch != producer.epoch {
            return Err(ErrorCode::ProducerFenced);
        }
        Ok(transaction)
    }

    /// Decides to abort what has been open for too long; its producer is fenced, but may renew itself.
    pub(crate) fn tick(&mut self, now: Duration) {
        for transaction in self.by_id.values_mut() {
            if matches!(transaction.state, State::Ongoing { deadline } if now >= deadline) {
                transaction.fence();
            }
        }
    }

    /// Takes the transactions whose end is decided: the caller writes their marks, at once.
    pub(crate) fn take_ending(&mut self) -> Vec<Ending> {
        let mut ending = Vec::new();
        for transaction in self.by_id.values_mut() {
            if let State::Ending { is_commit } = transaction.state {
                transaction.state = State::Ended { is_commit };
                ending.push(Ending {
                    producer: transaction.producer,
                    is_commit,
                    partitions: std::mem::take(&mut transaction.partitions),
                    groups: std::mem::take(&mut transaction.groups),
                });
            }
        }
        ending
    }

    /// A topic is gone; there is nothing left in it to end.
    pub(crate) fn forget_topic(&mut self, topic: &str) {
        for transaction in self.by_id.values_mut() {
            transaction.partitions.retain(|(known, _)| known != topic);
        }
    }
}

impl Transaction {
    /// Aborts it under a raised epoch, which its producer does not have until it asks for it.
    fn fence(&mut self) {
        self.last = Some(self.producer);
        self.producer = self.producer.raised();
        self.state = State::Ending { is_commit: false };
    }

    /// Whether its producer id has no epoch left to hand out.
    fn is_exhausted(&self) -> bool {
        self.producer.epoch >= EPOCH_FENCED - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Duration = Duration::from_secs(100);
    const TIMEOUT: Duration = Duration::from_secs(10);

    fn ongoing() -> (Transactions, ProducerEpoch) {
        let mut transactions = Transactions::default();
        let producer = transactions.init("t", TIMEOUT, None).unwrap();
        transactions.add_partition("t", producer, ("topic".to_owned(), 0), T0).unwrap();
        (transactions, producer)
    }

    #[test]
    fn a_second_producer_fences_the_first_and_aborts_its_transaction() {
        let (mut transactions, first) = ongoing();
        assert_eq!(transactions.init("t", TIMEOUT, None), Err(ErrorCode::ConcurrentTransactions));
        assert_eq!(transactions.end("t", first, true), Err(ErrorCode::ProducerFenced));
        let ending = transactions.take_ending();
        assert!(!ending[0].is_commit && ending[0].producer.epoch == first.epoch + 1);
        let second = transactions.init("t", TIMEOUT, None).unwrap();
        assert_eq!((second.producer_id, second.epoch), (first.producer_id, first.epoch + 2));
    }

    #[test]
    fn an_end_can_be_asked_for_again_but_not_changed() {
        let (mut transactions, producer) = ongoing();
        assert_eq!(transactions.end("t", producer, true), Ok(()));
        assert_eq!(transactions.end("t", producer, true), Err(ErrorCode::ConcurrentTransactions));
        assert_eq!(transactions.take_ending().len(), 1);
        assert_eq!(transactions.take_ending(), []);
        assert_eq!(transactions.end("t", producer, true), Ok(()));
        assert_eq!(transactions.end("t", producer, false), Err(ErrorCode::InvalidTxnState));
    }

    #[test]
    fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
        let (mut transactions, producer) = ongoing();
        transactions.tick(T0 + TIMEOUT - Duration::from_millis(1));
        assert_eq!(transactions.take_ending(), []);
        transactions.tick(T0 + TIMEOUT);
        assert!(!transactions.take_ending()[0].is_commit);
        assert_eq!(transactions.end("t", producer, true), Err(ErrorCode::ProducerFenced));
        let renewed = ProducerEpoch { epoch: producer.epoch + 1, ..producer };
        assert_eq!(transactions.init("t", TIMEOUT, Some(producer)), Ok(renewed));
    }

    #[test]
    fn a_producer_may_raise_its_own_epoch_and_ask_twice() {
        let (mut transactions, producer) = ongoing();
        transactions.end("t", producer, false).unwrap();
        transactions.take_ending();
        let raised = transactions.init("t", TIMEOUT, Some(producer)).unwrap();
        assert_eq!(raised.epoch, producer.epoch + 1);
        assert_eq!(transactions.init("t", TIMEOUT, Some(producer)), Ok(raised));
    }

    #[test]
    fn asking_again_ends_what_was_opened_since() {
        let (mut transactions, old) = ongoing();
        transactions.end("t", old, true).unwrap();
        transactions.take_ending();
        let raised = transactions.init("t", TIMEOUT, Some(old)).unwrap();
        transactions.add_partition("t", raised, ("topic".to_owned(), 0), T0).unwrap();
        assert_eq!(transactions.init("t", TIMEOUT, Some(old)), Err(ErrorCode::ConcurrentTransactions));
        assert_eq!(transactions.end("t", raised, true), Err(ErrorCode::ProducerFenced));
        assert!(!transactions.take_ending()[0].is_commit);
    }

    #[test]
    fn epochs_end_in_another_producer_id() {
        for is_fenced in [false, true] {
            let (mut transactions, mut producer) = ongoing();
            transactions.end("t", producer, true).unwrap();
            transactions.take_ending();
            transactions.by_id.get_mut("t").unwrap().producer.epoch = EPOCH_FENCED - 2;
            producer.epoch = EPOCH_FENCED - 2;
            let last = transactions.init("t", TIMEOUT, Some(producer)).unwrap();
            assert_eq!((last.producer_id, last.epoch), (producer.producer_id, EPOCH_FENCED - 1));
            assert_eq!(transactions.init("t", TIMEOUT, Some(producer)), Ok(last));
            if is_fenced {
                transactions.add_partition("t", last, ("topic".to_owned(), 0), T0).unwrap();
                transactions.tick(T0 + TIMEOUT);
                assert_eq!(transactions.take_ending()[0].producer.epoch, EPOCH_FENCED);
            }
            let fresh = transactions.init("t", TIMEOUT, Some(last)).unwrap();
            assert_eq!((fresh.producer_id > last.producer_id, fresh.epoch), (true, 0));
            assert_eq!(transactions.init("t", TIMEOUT, Some(last)), Ok(fresh));
            assert_eq!(transactions.end("t", last, true), Err(ErrorCode::InvalidProducerIdMapping));
        }
    }

    #[test]
    fn ids_and_groups_are_limited() {
        let (mut transactions, producer) = ongoing();
        for number in 1..IDS_MAX {
            transactions.init(&number.to_string(), TIMEOUT, None).unwrap();
        }
        assert_eq!(transactions.init("more", TIMEOUT, None), Err(ErrorCode::CoordinatorNotAvailable));
        assert!(transactions.init("1", TIMEOUT, None).is_ok());
        let mut add = |group: usize| transactions.add_group("t", producer, group.to_string(), T0);
        assert!((0..GROUPS_MAX).all(|group| add(group).is_ok()));
        assert_eq!((add(GROUPS_MAX), add(0)), (Err(ErrorCode::PolicyViolation), Ok(())));
        assert_eq!(transactions.markers_due(), 1);
    }

    #[test]
    fn only_what_was_added_may_be_written() {
        let (mut transactions, producer) = ongoing();
        let other = ("topic".to_owned(), 1);
        assert_eq!(transactions.check_partition("t", producer, &("topic".to_owned(), 0)), Ok(()));
        assert_eq!(transactions.check_partition("t", producer, &other), Err(ErrorCode::InvalidTxnState));
        assert_eq!(transactions.check_group("t", producer, "g"), Err(ErrorCode::InvalidTxnState));
        let stranger = ProducerEpoch { producer_id: 99, epoch: 0 };
        assert_eq!(transactions.end("t", stranger, true), Err(ErrorCode::InvalidProducerIdMapping));
    }
}
