//! A producer and a group member that do exactly what they are told.

use crate::stand::{Stand, now_ms, patiently};
use crate::wire::batch::{Batch, Record, TRANSACTIONAL};
use crate::wire::groups::{
    Commit, FindCoordinator, Heartbeat, JoinGroup, Joined, LeaveGroup, OffsetCommit, SyncGroup, subscription,
};
use crate::wire::records::{Produce, Produced, one, only};
use crate::wire::transactions::{AddOffsetsToTxn, AddPartitionsToTxn, End, EndTxn, Identity, InitProducerId};
use crate::wire::transactions::{ProducerId, TxnOffsetCommit};
use crate::wire::{Code, Connection, Request};
use std::collections::BTreeMap;

/// A transactional producer.
#[derive(Debug)]
pub(crate) struct Producer {
    pub(crate) connection: Connection,
    pub(crate) identity: Identity,
    sequences: BTreeMap<(String, i32), i32>,
}

impl Producer {
    /// Long enough that no transaction of a probe times out by accident.
    const TIMEOUT_MS: i32 = 120_000;

    pub(crate) fn start(stand: &Stand, transactional_id: &str) -> Self {
        Self::start_with_timeout(stand, transactional_id, Self::TIMEOUT_MS)
    }

    pub(crate) fn start_with_timeout(stand: &Stand, transactional_id: &str, timeout_ms: i32) -> Self {
        let mut connection = stand.connect();
        wait_for_coordinator(&mut connection, transactional_id, 1);
        let started = init(&mut connection, transactional_id, timeout_ms);
        assert_eq!(started.code, Code::NONE);
        let identity = Identity {
            transactional_id: transactional_id.to_owned(),
            producer_id: started.producer_id,
            epoch: started.epoch,
        };
        Self { connection, identity, sequences: BTreeMap::new() }
    }

    /// Makes a partition part of the transaction.
    pub(crate) fn add(&mut self, topic: &str, partition: i32) -> Code {
        let request = AddPartitionsToTxn { identity: self.identity.clone(), topics: one(topic, partition) };
        patiently(|| only(self.connection.ask(&request)), |(_, code)| *code).1
    }

    /// Sends a batch with a record of each value, in the transaction.
    pub(crate) fn send(&mut self, topic: &str, partition: i32, values: &[&str]) -> Produced {
        let next = self.sequences.entry((topic.to_owned(), partition)).or_default();
        let sequence = *next;
        *next += values.len() as i32;
        self.send_as(topic, partition, sequence, values)
    }

    /// As [`Producer::send`], whatever the number that is due.
    pub(crate) fn send_as(&mut self, topic: &str, partition: i32, sequence: i32, values: &[&str]) -> Produced {
        let now_ms = now_ms();
        let batch = Batch {
            attributes: TRANSACTIONAL,
            producer_id: self.identity.producer_id,
            producer_epoch: self.identity.epoch,
            sequence,
            records: values.iter().map(|value| Record::at(now_ms, value)).collect(),
        };
        let mut request = Produce::to(topic, partition, batch.bytes());
        request.transactional_id = Some(self.identity.transactional_id.clone());
        only(self.connection.ask(&request))
    }

    /// Adds the partition and writes to it; the first offset.
    #[track_caller]
    pub(crate) fn write(&mut self, topic: &str, partition: i32, values: &[&str]) -> i64 {
        assert_eq!(self.add(topic, partition), Code::NONE);
        let produced = self.send(topic, partition, values);
        assert_eq!(produced.code, Code::NONE);
        produced.base_offset
    }

    /// Makes a group's offsets part of the transaction.
    pub(crate) fn add_offsets(&mut self, group: &str) -> Code {
        let request = AddOffsetsToTxn { identity: self.identity.clone(), group: group.to_owned() };
        patiently(|| self.connection.ask(&request), |code| *code)
    }

    /// Commits an offset in the transaction, for no member in particular.
    pub(crate) fn commit_offset(&mut self, group: &str, topic: &str, commit: Commit) -> Code {
        let request = TxnOffsetCommit {
            identity: self.identity.clone(),
            group: group.to_owned(),
            generation: -1,
            member: String::new(),
            instance: None,
            topics: one(topic, commit),
        };
        patiently(|| only(self.connection.ask(&request)), |(_, code)| *code).1
    }

    pub(crate) fn end(&mut self, end: End) -> Code {
        let request = EndTxn { identity: self.identity.clone(), end };
        patiently(|| self.connection.ask(&request), |code| *code)
    }
}

/// Asks for a producer id until the coordinator has time.
pub(crate) fn init(connection: &mut Connection, transactional_id: &str, timeout_ms: i32) -> ProducerId {
    let request =
        InitProducerId { transactional_id: Some(transactional_id.to_owned()), timeout_ms, producer_id: -1, epoch: -1 };
    patiently(|| connection.ask(&request), |answer| answer.code)
}

/// The first group or transaction of a fresh Apache Kafka waits for an internal topic.
pub(crate) fn wait_for_coordinator(connection: &mut Connection, key: &str, key_type: i8) {
    let request = FindCoordinator { key: key.to_owned(), key_type };
    let found = patiently(|| connection.ask(&request), |found| found.code);
    assert_eq!(found.code, Code::NONE);
}

/// A member of a group.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) connection: Connection,
    pub(crate) group: String,
    pub(crate) instance: Option<String>,
    pub(crate) member: String,
    pub(crate) generation: i32,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) protocols: Vec<(String, Vec<u8>)>,
}

impl Member {
    /// The shortest session that Apache Kafka allows by default (`group.min.session.timeout.ms`).
    pub(crate) const SESSION_TIMEOUT_MS: i32 = 6_000;

    /// Somebody who has not joined yet.
    pub(crate) fn of(stand: &Stand, group: &str) -> Self {
        let mut connection = stand.connect();
        wait_for_coordinator(&mut connection, group, 0);
        Self {
            connection,
            group: group.to_owned(),
            instance: None,
            member: String::new(),
            generation: -1,
            session_timeout_ms: 30_000,
            rebalance_timeout_ms: 30_000,
            protocols: vec![("range".to_owned(), subscription(&[]))],
        }
    }

    /// A member with an instance id keeps its place over a restart (KIP-345).
    pub(crate) fn static_of(stand: &Stand, group: &str, instance: &str) -> Self {
        Self { instance: Some(instance.to_owned()), ..Self::of(stand, group) }
    }

    /// Asks to join, and does not wait for the rebalance.
    pub(crate) fn send_join(&mut self) {
        self.connection.send(JoinGroup::VERSION, &self.join_request());
    }

    pub(crate) fn join_request(&self) -> JoinGroup {
        JoinGroup {
            group: self.group.clone(),
            session_timeout_ms: self.session_timeout_ms,
            rebalance_timeout_ms: self.rebalance_timeout_ms,
            member: self.member.clone(),
            instance: self.instance.clone(),
            protocol_type: "consumer".to_owned(),
            protocols: self.protocols.clone(),
        }
    }

    /// The answer to `send_join`.
    pub(crate) fn receive_join(&mut self) -> Joined {
        let joined = self.connection.receive::<JoinGroup>(JoinGroup::VERSION);
        if joined.code == Code::NONE {
            self.member.clone_from(&joined.member);
            self.generation = joined.generation;
        }
        joined
    }

    /// Has the group give it a member id, as every member without an instance id must have (KIP-394).
    #[track_caller]
    pub(crate) fn introduce(&mut self) {
        let request = self.join_request();
        let joined = patiently(|| self.connection.ask(&request), |joined| joined.code);
        assert_eq!(joined.code, Code::MEMBER_ID_REQUIRED);
        self.member = joined.member;
    }

    /// Joins and waits for the rebalance.
    pub(crate) fn join(&mut self) -> Joined {
        if self.member.is_empty() && self.instance.is_none() {
            self.introduce();
        }
        self.send_join();
        self.receive_join()
    }

    /// Joins as the only member and takes what it gives itself.
    #[track_caller]
    pub(crate) fn join_alone(&mut self, assignment: &[u8]) {
        let joined = self.join();
        assert_eq!((joined.code, &joined.leader), (Code::NONE, &joined.member));
        let assignments = [(self.member.clone(), assignment.to_vec())];
        assert_eq!(self.sync(&assignments), (Code::NONE, assignment.to_vec()));
    }

    pub(crate) fn sync_request(&self, assignments: &[(String, Vec<u8>)]) -> SyncGroup {
        SyncGroup {
            group: self.group.clone(),
            generation: self.generation,
            member: self.member.clone(),
            instance: self.instance.clone(),
            assignments: assignments.to_vec(),
        }
    }

    pub(crate) fn sync(&mut self, assignments: &[(String, Vec<u8>)]) -> (Code, Vec<u8>) {
        let request = self.sync_request(assignments);
        self.connection.ask(&request)
    }

    pub(crate) fn heartbeat(&mut self) -> Code {
        let request = Heartbeat {
            group: self.group.clone(),
            generation: self.generation,
            member: self.member.clone(),
            instance: self.instance.clone(),
        };
        self.connection.ask(&request)
    }

    pub(crate) fn leave(&mut self) -> (Code, Vec<Code>) {
        let request =
            LeaveGroup { group: self.group.clone(), members: vec![(self.member.clone(), self.instance.clone())] };
        self.connection.ask(&request)
    }

    pub(crate) fn commit(&mut self, topic: &str, commit: Commit) -> Code {
        let request = OffsetCommit {
            group: self.group.clone(),
            generation: self.generation,
            member: self.member.clone(),
            instance: self.instance.clone(),
            topics: one(topic, commit),
        };
        only(self.connection.ask(&request)).1
    }
}
