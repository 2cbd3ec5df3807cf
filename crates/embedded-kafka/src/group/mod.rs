//! A consumer group and its coordinator: the classic protocol, in which the group's leader hands out the partitions.
//!
//! Pure: time comes in, nothing blocks. A member that has to wait is marked so, and finds its answer in its place later.

mod member;
mod offsets;

pub(crate) use member::{Identity, Member, Protocol};
pub(crate) use offsets::{Committed, METADATA_BYTES_MAX, Offsets};

use crate::wire::{ErrorCode, Malformed, Reader};
use member::bytes_of;
use std::collections::BTreeMap;
use std::time::Duration;

/// Session timeouts that Kafka allows by default (`group.min.session.timeout.ms`, `group.max.session.timeout.ms`).
const SESSION_TIMEOUT_MIN: Duration = Duration::from_secs(6);
const SESSION_TIMEOUT_MAX: Duration = Duration::from_secs(1800);
/// Most members: guards the memory against a client gone wild.
const MEMBERS_MAX: usize = 10_000;
/// Most bytes that the members say of themselves, and as many that the leader hands out. Apache Kafka keeps a group as one
/// record, which cannot be larger than a batch (`message.max.bytes`).
const MEMBERS_BYTES_MAX: usize = 1_048_588;

/// What a group is doing, with Kafka's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// No members.
    Empty,
    /// Waiting for all members to join anew.
    PreparingRebalance,
    /// Waiting for the leader's word on who gets what.
    CompletingRebalance,
    /// At work.
    Stable,
}

impl State {
    /// As `DescribeGroups` spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
        }
    }
}

/// What the members of one generation were told when they joined it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) generation: i32,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    /// Only the leader gets them.
    pub(crate) members: Vec<JoinedMember>,
}

/// A member as the leader is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedMember {
    pub(crate) id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) metadata: Vec<u8>,
}

/// A request to join.
#[derive(Debug)]
pub(crate) struct JoinRequest {
    pub(crate) identity: Identity,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    /// Newer clients first learn their id and then join with it (KIP-394).
    pub(crate) learns_id_first: bool,
}

/// What becomes of a request to join.
#[derive(Debug)]
pub(crate) enum Joining {
    /// The answer will stand in the place of the member of this id, for its request of this number.
    Waits(String, u64),
    /// The member of this id is told at once.
    Told(String, Joined),
    /// The client is to come back with this id.
    ComesBack(String),
}

/// What becomes of a request for an assignment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Syncing {
    /// The leader has not spoken yet.
    Waits,
    Assigned(Vec<u8>),
}

/// A group with its members and offsets.
#[derive(Debug)]
pub(crate) struct Group {
    state: State,
    generation: i32,
    protocol_type: String,
    protocol: String,
    leader: String,
    members: BTreeMap<String, Member>,
    /// Member ids of the static members, by instance id.
    instances: BTreeMap<String, String>,
    /// Ids given to clients that are to come back with them, and until when.
    expected: BTreeMap<String, Duration>,
    /// When waiting for members, or for the leader, ends.
    deadline: Duration,
    /// Until when the first members of an empty group wait for more.
    gathers_until: Duration,
    pub(crate) offsets: Offsets,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            state: State::Empty,
            generation: 0,
            protocol_type: String::new(),
            protocol: String::new(),
            leader: String::new(),
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            expected: BTreeMap::new(),
            deadline: Duration::ZERO,
            gathers_until: Duration::ZERO,
            offsets: Offsets::default(),
        }
    }
}

impl Group {
    pub(crate) fn state(&self) -> State {
        self.state
    }

    pub(crate) fn protocol_type(&self) -> &str {
        &self.protocol_type
    }

    /// The way of assigning that was agreed on.
    pub(crate) fn protocol(&self) -> &str {
        &self.protocol
    }

    pub(crate) fn members(&self) -> &BTreeMap<String, Member> {
        &self.members
    }

    /// Handles a request to join. `new_id` is taken for a member that has none.
    ///
    /// # Errors
    /// As the protocol says: unknown or fenced members, timeouts out of range, protocols that do not fit the group's.
    pub(crate) fn join(
        &mut self,
        request: JoinRequest,
        new_id: String,
        gathering: Duration,
        now: Duration,
    ) -> Result<Joining, ErrorCode> {
        if !(SESSION_TIMEOUT_MIN..=SESSION_TIMEOUT_MAX).contains(&request.session_timeout) {
            return Err(ErrorCode::InvalidSessionTimeout);
        }
        if !self.fits(&request) {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let others = self.members.iter().filter(|(id, _)| **id != request.identity.member_id);
        let held: usize = others.map(|(_, member)| member.bytes()).sum();
        if held + bytes_of(&request.protocols) > MEMBERS_BYTES_MAX {
            return Err(ErrorCode::UnknownServerError);
        }
        if !request.identity.member_id.is_empty() {
            return self.join_known(request, gathering, now);
        }
        if let Some(instance) = &request.identity.instance_id
            && let Some(old_id) = self.instances.get(instance).cloned()
        {
            return Ok(self.replace(&old_id, new_id, request, now));
        }
        if self.members.len() + self.expected.len() >= MEMBERS_MAX {
            return Err(ErrorCode::GroupMaxSizeReached);
        }
        if request.learns_id_first && request.identity.instance_id.is_none() {
            self.expected.insert(new_id.clone(), now + request.session_timeout);
            return Ok(Joining::ComesBack(new_id));
        }
        Ok(self.add(new_id, request, gathering, now))
    }

    /// Whether all members share some way of assigning with this one.
    fn fits(&self, request: &JoinRequest) -> bool {
        let others = || self.members.iter().filter(|(id, _)| **id != request.identity.member_id);
        !request.protocols.is_empty()
            && !request.protocol_type.is_empty()
            && (others().next().is_none() || self.protocol_type == request.protocol_type)
            && request.protocols.iter().any(|protocol| others().all(|(_, member)| member.speaks(&protocol.name)))
    }

    fn join_known(&mut self, request: JoinRequest, gathering: Duration, now: Duration) -> Result<Joining, ErrorCode> {
        let id = request.identity.member_id.clone();
        if self.expected.remove(&id).is_some() {
            return Ok(self.add(id, request, gathering, now));
        }
        self.check_identity(&request.identity)?;
        let is_leader = id == self.leader;
        let member = self.members.get_mut(&id).ok_or(ErrorCode::UnknownMemberId)?;
        let is_changed = member.protocols != request.protocols;
        match self.state {
            State::PreparingRebalance => {}
            // The answer to an earlier request was lost.
            State::CompletingRebalance if !is_changed => {
                member.seen = now;
                return Ok(Joining::Told(id.clone(), self.current(&id)));
            }
            State::Stable if !is_changed && !is_leader => {
                member.seen = now;
                return Ok(Joining::Told(id.clone(), self.current(&id)));
            }
            State::CompletingRebalance | State::Stable | State::Empty => self.prepare(now),
        }
        Ok(self.wait(id, request, now))
    }

    fn add(&mut self, id: String, request: JoinRequest, gathering: Duration, now: Duration) -> Joining {
        if let Some(instance) = &request.identity.instance_id {
            self.instances.insert(instance.clone(), id.clone());
        }
        let is_first = self.members.is_empty();
        if is_first {
            self.leader.clone_from(&id);
            self.protocol_type.clone_from(&request.protocol_type);
        }
        self.members.insert(id.clone(), Member::new(&request, now));
        if self.state != State::PreparingRebalance {
            self.prepare(now);
        }
        if is_first {
            self.gathers_until = now + gathering;
        }
        self.wait(id, request, now)
    }

    /// A static member came back under a new id. If it still speaks the group's protocol, nobody else is disturbed.
    fn replace(&mut self, old_id: &str, id: String, request: JoinRequest, now: Duration) -> Joining {
        let assignment = self.members.remove(old_id).map(|old| old.assignment).unwrap_or_default();
        let mut member = Member::new(&request, now);
        member.assignment = assignment;
        self.members.insert(id.clone(), member);
        if let Some(instance) = &request.identity.instance_id {
            self.instances.insert(instance.clone(), id.clone());
        }
        // Whoever joins now is told of the old leader, so that it does not hand out partitions in a group at rest.
        let told_leader = self.leader.clone();
        if self.leader == old_id {
            self.leader.clone_from(&id);
        }
        if self.state == State::Stable && self.chosen_protocol() == self.protocol {
            let joined = Joined { leader: told_leader, members: Vec::new(), ..self.current(&id) };
            return Joining::Told(id, joined);
        }
        if self.state != State::PreparingRebalance {
            self.prepare(now);
        }
        self.wait(id, request, now)
    }

    /// Has a member wait for the next generation.
    fn wait(&mut self, id: String, request: JoinRequest, now: Duration) -> Joining {
        let mut join = 0;
        if let Some(member) = self.members.get_mut(&id) {
            member.renew(request, now);
            join = member.join;
        }
        self.complete_join(now);
        Joining::Waits(id, join)
    }

    /// Asks all members to join anew.
    fn prepare(&mut self, now: Duration) {
        self.state = State::PreparingRebalance;
        self.deadline = now + self.rebalance_timeout();
        self.gathers_until = Duration::ZERO;
        for member in self.members.values_mut() {
            member.is_joining = false;
            member.is_syncing = false;
        }
    }

    fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }

    /// Forms the next generation once everybody is there, or time is up.
    fn complete_join(&mut self, now: Duration) {
        if self.state != State::PreparingRebalance || now < self.gathers_until {
            return;
        }
        let are_all_there = self.members.values().all(|member| member.is_joining) && self.expected.is_empty();
        if !are_all_there && now < self.deadline {
            return;
        }
        // A static member may still come back within its session.
        self.members.retain(|_, member| member.is_joining || member.instance_id.is_some());
        self.generation += 1;
        let Some(first) = self.members.iter().find(|(_, member)| member.is_joining).map(|(id, _)| id.clone()) else {
            if self.members.is_empty() {
                self.state = State::Empty;
                self.protocol.clear();
            }
            self.deadline = now + self.rebalance_timeout();
            return;
        };
        if !self.members.get(&self.leader).is_some_and(|leader| leader.is_joining) {
            self.leader = first;
        }
        self.protocol = self.chosen_protocol();
        self.state = State::CompletingRebalance;
        self.deadline = now + self.rebalance_timeout();
        let told: Vec<(String, Joined)> = self.members.keys().map(|id| (id.clone(), self.current(id))).collect();
        for ((_, joined), member) in told.into_iter().zip(self.members.values_mut()) {
            if member.is_joining {
                member.joined = Some(joined);
            }
            member.is_joining = false;
            member.assignment.clear();
            member.seen = now;
        }
    }

    /// The protocol that most members prefer among those that all speak.
    fn chosen_protocol(&self) -> String {
        let is_common = |protocol: &&Protocol| self.members.values().all(|member| member.speaks(&protocol.name));
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some(preferred) = member.protocols.iter().find(is_common) {
                *votes.entry(&preferred.name).or_default() += 1;
            }
        }
        votes.into_iter().max_by_key(|(_, count)| *count).map_or_else(String::new, |(name, _)| name.to_owned())
    }

    /// What this member is told of the current generation.
    fn current(&self, id: &str) -> Joined {
        let members = if id == self.leader {
            let of = |(id, member): (&String, &Member)| JoinedMember {
                id: id.clone(),
                instance_id: member.instance_id.clone(),
                metadata: member.metadata(&self.protocol).to_vec(),
            };
            self.members.iter().map(of).collect()
        } else {
            Vec::new()
        };
        Joined { generation: self.generation, protocol: self.protocol.clone(), leader: self.leader.clone(), members }
    }

    /// The answer to a member that waits to join: none while it must wait on.
    ///
    /// # Errors
    /// The member was removed or replaced meanwhile; or this is not its latest request, whose answer it must not take.
    pub(crate) fn joined(&mut self, identity: &Identity, join: u64) -> Result<Option<Joined>, ErrorCode> {
        self.check_identity(identity)?;
        let member = self.members.get_mut(&identity.member_id).ok_or(ErrorCode::UnknownMemberId)?;
        if member.join != join {
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(member.joined.take())
    }

    /// Handles a request for an assignment, which from the leader brings everybody's.
    ///
    /// # Errors
    /// Unknown or fenced members, another generation, a group that is joining anew, and assignments that are too large.
    pub(crate) fn sync(
        &mut self,
        identity: &Identity,
        generation: i32,
        assignments: Vec<(String, Vec<u8>)>,
        now: Duration,
    ) -> Result<Syncing, ErrorCode> {
        self.check(identity, generation)?;
        match self.state {
            State::Empty => return Err(ErrorCode::UnknownMemberId),
            State::PreparingRebalance => return Err(ErrorCode::RebalanceInProgress),
            State::CompletingRebalance if identity.member_id == self.leader => {
                let handed_out: usize = assignments.iter().map(|(_, assignment)| assignment.len()).sum();
                if handed_out > MEMBERS_BYTES_MAX {
                    return Err(ErrorCode::UnknownServerError);
                }
                for (id, assignment) in assignments {
                    if let Some(member) = self.members.get_mut(&id) {
                        member.assignment = assignment;
                    }
                }
                self.state = State::Stable;
                self.members.values_mut().for_each(|member| member.seen = now);
            }
            State::CompletingRebalance | State::Stable => {}
        }
        let member = self.members.get_mut(&identity.member_id).ok_or(ErrorCode::UnknownMemberId)?;
        member.seen = now;
        member.is_syncing = self.state == State::CompletingRebalance;
        if member.is_syncing { Ok(Syncing::Waits) } else { Ok(Syncing::Assigned(member.assignment.clone())) }
    }

    /// Notes that a member lives.
    ///
    /// # Errors
    /// Unknown or fenced members, another generation, and `REBALANCE_IN_PROGRESS` when it has to join anew.
    pub(crate) fn heartbeat(&mut self, identity: &Identity, generation: i32, now: Duration) -> Result<(), ErrorCode> {
        self.check(identity, generation)?;
        if let Some(member) = self.members.get_mut(&identity.member_id) {
            member.seen = now;
        }
        match self.state {
            State::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::Empty | State::CompletingRebalance | State::Stable => Ok(()),
        }
    }

    /// Takes a member out.
    ///
    /// # Errors
    /// Unknown or fenced members.
    pub(crate) fn leave(&mut self, identity: &Identity, now: Duration) -> Result<(), ErrorCode> {
        if self.expected.remove(&identity.member_id).is_some() {
            self.complete_join(now);
            return Ok(());
        }
        let mut id = identity.member_id.clone();
        if let (Some(instance), true) = (&identity.instance_id, id.is_empty()) {
            id.clone_from(self.instances.get(instance).ok_or(ErrorCode::UnknownMemberId)?);
        } else {
            self.check_identity(identity)?;
        }
        if !self.members.contains_key(&id) {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.remove(&id, now);
        Ok(())
    }

    fn remove(&mut self, id: &str, now: Duration) {
        self.members.remove(id);
        self.instances.retain(|_, member| member != id);
        if matches!(self.state, State::Stable | State::CompletingRebalance) {
            self.prepare(now);
        }
        self.complete_join(now);
    }

    /// Whether its members said that they read this topic, as far as consumers' metadata can be read.
    pub(crate) fn reads(&self, topic: &str) -> bool {
        self.members.values().any(|member| subscribes(member.metadata(&self.protocol), topic).unwrap_or(false))
    }

    /// Whether a member may commit offsets. Who is in no group may while the group is empty.
    ///
    /// # Errors
    /// Unknown or fenced members, another generation, and a group between two generations.
    pub(crate) fn check_commit(&self, identity: &Identity, generation: i32) -> Result<(), ErrorCode> {
        if generation < 0 && identity.member_id.is_empty() {
            return if self.members.is_empty() { Ok(()) } else { Err(ErrorCode::UnknownMemberId) };
        }
        self.check(identity, generation)?;
        match self.state {
            State::CompletingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::Empty | State::PreparingRebalance | State::Stable => Ok(()),
        }
    }

    /// Whether a member may commit offsets in its producer's transaction (KIP-447). Older clients do not say who they are.
    ///
    /// # Errors
    /// Unknown or fenced members, and another generation: this is what keeps a zombie's offsets out.
    pub(crate) fn check_transactional_commit(&self, identity: &Identity, generation: i32) -> Result<(), ErrorCode> {
        if generation < 0 && identity.member_id.is_empty() && identity.instance_id.is_none() {
            return Ok(());
        }
        self.check(identity, generation)
    }

    fn check_identity(&self, identity: &Identity) -> Result<(), ErrorCode> {
        let Some(instance) = &identity.instance_id else { return Ok(()) };
        match self.instances.get(instance) {
            Some(id) if *id == identity.member_id => Ok(()),
            Some(_) => Err(ErrorCode::FencedInstanceId),
            None => Err(ErrorCode::UnknownMemberId),
        }
    }

    fn check(&self, identity: &Identity, generation: i32) -> Result<(), ErrorCode> {
        self.check_identity(identity)?;
        if !self.members.contains_key(&identity.member_id) {
            return Err(ErrorCode::UnknownMemberId);
        }
        if generation == self.generation { Ok(()) } else { Err(ErrorCode::IllegalGeneration) }
    }

    /// Removes members that were not heard of for too long, and stops waiting for those that do not come.
    pub(crate) fn tick(&mut self, now: Duration) {
        let expected = self.expected.len();
        self.expected.retain(|_, until| *until > now);
        let is_dead = |member: &Member| !member.is_joining && now.saturating_sub(member.seen) > member.session_timeout;
        let dead: Vec<String> =
            self.members.iter().filter(|(_, member)| is_dead(member)).map(|(id, _)| id.clone()).collect();
        for id in &dead {
            self.remove(id, now);
        }
        if self.state == State::CompletingRebalance && now >= self.deadline {
            let silent: Vec<String> =
                self.members.iter().filter(|(_, member)| !member.is_syncing).map(|(id, _)| id.clone()).collect();
            for id in &silent {
                self.remove(id, now);
            }
        }
        if self.state == State::PreparingRebalance || expected != self.expected.len() {
            self.complete_join(now);
        }
    }
}

/// Whether what a consumer says of itself names this topic: a version, then the topics it reads
/// (Kafka's `ConsumerProtocolSubscription`, of which all versions begin like this).
fn subscribes(metadata: &[u8], topic: &str) -> Result<bool, Malformed> {
    let mut metadata = Reader::new(metadata, false);
    metadata.i16()?;
    Ok(metadata.array(Reader::string)?.iter().any(|subscribed| subscribed == topic))
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Duration = Duration::from_secs(100);
    const SECOND: Duration = Duration::from_secs(1);

    fn request(member_id: &str, instance_id: Option<&str>, protocols: &[&str]) -> JoinRequest {
        JoinRequest {
            identity: Identity { member_id: member_id.to_owned(), instance_id: instance_id.map(str::to_owned) },
            session_timeout: SESSION_TIMEOUT_MIN,
            rebalance_timeout: 10 * SECOND,
            protocol_type: "consumer".to_owned(),
            protocols: protocols
                .iter()
                .map(|name| Protocol { name: (*name).to_owned(), metadata: name.as_bytes().to_vec() })
                .collect(),
            client_id: String::new(),
            client_host: String::new(),
            learns_id_first: false,
        }
    }

    fn dynamic(member_id: &str) -> Identity {
        Identity { member_id: member_id.to_owned(), instance_id: None }
    }

    fn join(group: &mut Group, id: &str, now: Duration) {
        let known = if group.members.contains_key(id) { id } else { "" };
        match group.join(request(known, None, &["range"]), id.to_owned(), Duration::ZERO, now) {
            Ok(Joining::Waits(waiting, _)) => assert_eq!(waiting, id),
            other => panic!("{other:?}"),
        }
    }

    /// The answer to the latest request of this member to join.
    fn joined(group: &mut Group, id: &str) -> Result<Option<Joined>, ErrorCode> {
        let join = group.members.get(id).map_or(0, |member| member.join);
        group.joined(&dynamic(id), join)
    }

    /// A stable group of these members.
    fn stable(ids: &[&str]) -> Group {
        let mut group = Group::default();
        join(&mut group, ids[0], T0);
        for id in &ids[1..] {
            join(&mut group, id, T0);
        }
        for id in ids {
            if !group.members[*id].is_joining && group.state == State::PreparingRebalance {
                join(&mut group, id, T0);
            }
        }
        let assignments = ids.iter().map(|id| ((*id).to_owned(), id.as_bytes().to_vec())).collect();
        let (leader, generation) = (dynamic(&group.leader), group.generation);
        group.sync(&leader, generation, assignments, T0).unwrap();
        assert_eq!(group.state, State::Stable);
        group
    }

    #[test]
    fn a_new_member_waits_for_the_others() {
        let mut group = stable(&["a"]);
        join(&mut group, "b", T0);
        assert_eq!(joined(&mut group, "b"), Ok(None));
        assert_eq!(group.heartbeat(&dynamic("a"), 1, T0), Err(ErrorCode::RebalanceInProgress));
        join(&mut group, "a", T0);
        let told = joined(&mut group, "a").unwrap().unwrap();
        assert_eq!((told.generation, told.leader.as_str(), told.members.len()), (2, "a", 2));
        let told = joined(&mut group, "b").unwrap().unwrap();
        assert_eq!((told.generation, told.members.len()), (2, 0));
    }

    #[test]
    fn what_members_say_is_limited() {
        let mut group = stable(&["a"]);
        let mut large = request("", None, &["range"]);
        large.protocols[0].metadata = vec![0; MEMBERS_BYTES_MAX / 2];
        assert!(group.join(large, "b".to_owned(), Duration::ZERO, T0).is_ok());
        let mut larger = request("", None, &["range"]);
        larger.protocols[0].metadata = vec![0; MEMBERS_BYTES_MAX / 2];
        let refused = group.join(larger, "c".to_owned(), Duration::ZERO, T0);
        assert!(matches!(refused, Err(ErrorCode::UnknownServerError)), "{refused:?}");
        let mut anew = request("b", None, &["range"]);
        anew.protocols[0].metadata = vec![0; MEMBERS_BYTES_MAX - 10_000];
        assert!(group.join(anew, String::new(), Duration::ZERO, T0).is_ok(), "in place of what it had said");
        join(&mut group, "a", T0);
        let shares = vec![("a".to_owned(), vec![0; MEMBERS_BYTES_MAX + 1])];
        let (leader, generation) = (dynamic(&group.leader), group.generation);
        assert_eq!(group.sync(&leader, generation, shares, T0), Err(ErrorCode::UnknownServerError));
    }

    #[test]
    fn only_the_latest_request_to_join_is_answered() {
        let mut group = stable(&["a"]);
        join(&mut group, "b", T0);
        let mut again = || match group.join(request("b", None, &["range"]), String::new(), Duration::ZERO, T0) {
            Ok(Joining::Waits(_, number)) => number,
            other => panic!("{other:?}"),
        };
        let (cut, live) = (again(), again());
        join(&mut group, "a", T0);
        assert_eq!(group.joined(&dynamic("b"), cut), Err(ErrorCode::RebalanceInProgress));
        assert!(group.joined(&dynamic("b"), live).unwrap().is_some());
    }

    #[test]
    fn who_does_not_come_back_is_left_out() {
        let mut group = stable(&["a", "b"]);
        join(&mut group, "c", T0);
        join(&mut group, "b", T0);
        group.tick(T0 + 5 * SECOND);
        assert_eq!(joined(&mut group, "b"), Ok(None));
        group.tick(T0 + 10 * SECOND);
        assert_eq!(joined(&mut group, "b").unwrap().unwrap().members.len(), 2);
        assert_eq!(joined(&mut group, "a"), Err(ErrorCode::UnknownMemberId));
    }

    #[test]
    fn a_silent_member_loses_its_session() {
        let mut group = stable(&["a", "b"]);
        let generation = group.generation;
        group.heartbeat(&dynamic("a"), generation, T0 + 5 * SECOND).unwrap();
        group.tick(T0 + 7 * SECOND);
        assert_eq!(group.heartbeat(&dynamic("b"), generation, T0), Err(ErrorCode::UnknownMemberId));
        assert_eq!(group.heartbeat(&dynamic("a"), generation, T0 + 7 * SECOND), Err(ErrorCode::RebalanceInProgress));
    }

    #[test]
    fn a_static_member_comes_back_without_a_stir() {
        let mut group = Group::default();
        for (id, instance) in [("a-1", "a"), ("b-1", "b")] {
            let request = request("", Some(instance), &["range"]);
            group.join(request, id.to_owned(), SECOND, T0).unwrap();
        }
        group.tick(T0 + SECOND);
        let assignments = vec![("a-1".to_owned(), vec![1]), ("b-1".to_owned(), vec![2])];
        let leader = Identity { member_id: "a-1".to_owned(), instance_id: Some("a".to_owned()) };
        group.sync(&leader, 1, assignments, T0).unwrap();

        let back = group.join(request("", Some("a"), &["range"]), "a-2".to_owned(), SECOND, T0).unwrap();
        let Joining::Told(id, joined) = back else { panic!("{back:?}") };
        assert_eq!((id.as_str(), joined.generation, joined.leader.as_str()), ("a-2", 1, "a-1"));
        let anew = Identity { member_id: "a-2".to_owned(), instance_id: Some("a".to_owned()) };
        assert_eq!(group.sync(&anew, 1, Vec::new(), T0), Ok(Syncing::Assigned(vec![1])));
        assert_eq!(group.heartbeat(&leader, 1, T0), Err(ErrorCode::FencedInstanceId));
    }

    #[test]
    fn an_id_that_was_given_is_waited_for() {
        let mut group = Group::default();
        let first = JoinRequest { learns_id_first: true, ..request("", None, &["range"]) };
        assert!(matches!(group.join(first, "a".to_owned(), Duration::ZERO, T0), Ok(Joining::ComesBack(_))));
        join(&mut group, "b", T0);
        assert_eq!(joined(&mut group, "b"), Ok(None));
        group.tick(T0 + SESSION_TIMEOUT_MIN);
        assert!(joined(&mut group, "b").unwrap().is_some());
    }

    #[test]
    fn members_must_share_a_protocol() {
        let mut group = stable(&["a"]);
        let other = group.join(request("", None, &["roundrobin"]), "b".to_owned(), Duration::ZERO, T0);
        assert_eq!(other.unwrap_err(), ErrorCode::InconsistentGroupProtocol);
        let both = group.join(request("", None, &["roundrobin", "range"]), "b".to_owned(), Duration::ZERO, T0);
        assert!(matches!(both, Ok(Joining::Waits(..))));
    }

    #[test]
    fn a_zombie_commits_nothing() {
        let group = stable(&["a"]);
        assert_eq!(group.check_commit(&dynamic("a"), 1), Ok(()));
        assert_eq!(group.check_commit(&dynamic("a"), 0), Err(ErrorCode::IllegalGeneration));
        assert_eq!(group.check_commit(&dynamic("z"), 1), Err(ErrorCode::UnknownMemberId));
        assert_eq!(group.check_commit(&dynamic(""), -1), Err(ErrorCode::UnknownMemberId));
        assert_eq!(group.check_transactional_commit(&dynamic("a"), 0), Err(ErrorCode::IllegalGeneration));
        assert_eq!(group.check_transactional_commit(&dynamic(""), -1), Ok(()));
    }

    #[test]
    fn the_last_one_leaves_an_empty_group() {
        let mut group = stable(&["a"]);
        assert_eq!(group.leave(&dynamic("z"), T0), Err(ErrorCode::UnknownMemberId));
        assert_eq!(group.leave(&dynamic("a"), T0), Ok(()));
        assert_eq!((group.state, group.generation), (State::Empty, 2));
        assert_eq!(group.check_commit(&dynamic(""), -1), Ok(()));
    }
}
