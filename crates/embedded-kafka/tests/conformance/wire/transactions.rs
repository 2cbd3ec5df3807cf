//! Requests of transactional producers.

use super::groups::Commit;
use super::records::Topics;
use super::{Code, Reader, Request, Writer};

/// Who a transactional request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) transactional_id: String,
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
}

impl Identity {
    fn write(&self, writer: &mut Writer) {
        writer.text(&self.transactional_id);
        writer.i64(self.producer_id);
        writer.i16(self.epoch);
    }
}

#[derive(Debug, Clone)]
pub(crate) struct InitProducerId {
    pub(crate) transactional_id: Option<String>,
    pub(crate) timeout_ms: i32,
    /// What the producer was before, or -1 and -1.
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
}

impl InitProducerId {
    /// Of a producer that wants its next epoch (KIP-360).
    pub(crate) fn renewing(identity: &Identity) -> Self {
        Self {
            transactional_id: Some(identity.transactional_id.clone()),
            timeout_ms: 60_000,
            producer_id: identity.producer_id,
            epoch: identity.epoch,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerId {
    pub(crate) code: Code,
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
}

impl Request for InitProducerId {
    const KEY: i16 = 22;
    const FLEXIBLE_FROM: i16 = 2;
    const VERSION: i16 = 4;
    type Answer = ProducerId;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.text_or_null(self.transactional_id.as_deref());
        writer.i32(self.timeout_ms);
        if version >= 3 {
            writer.i64(self.producer_id);
            writer.i16(self.epoch);
        }
        writer.tags();
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        reader.i32();
        let answer = ProducerId { code: reader.code(), producer_id: reader.i64(), epoch: reader.i16() };
        reader.tags();
        answer
    }
}

#[derive(Debug, Clone)]
pub(crate) struct AddPartitionsToTxn {
    pub(crate) identity: Identity,
    pub(crate) topics: Topics<i32>,
}

impl Request for AddPartitionsToTxn {
    const KEY: i16 = 24;
    const FLEXIBLE_FROM: i16 = 3;
    const VERSION: i16 = 2;
    type Answer = Topics<(i32, Code)>;

    fn write(&self, writer: &mut Writer, _: i16) {
        self.identity.write(writer);
        writer.topics(&self.topics, |writer, partition| writer.i32(*partition));
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        reader.i32();
        reader.topics(|reader| (reader.i32(), reader.code()))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct AddOffsetsToTxn {
    pub(crate) identity: Identity,
    pub(crate) group: String,
}

impl Request for AddOffsetsToTxn {
    const KEY: i16 = 25;
    const FLEXIBLE_FROM: i16 = 3;
    const VERSION: i16 = 2;
    type Answer = Code;

    fn write(&self, writer: &mut Writer, _: i16) {
        self.identity.write(writer);
        writer.text(&self.group);
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        reader.i32();
        reader.code()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Abort,
    Commit,
}

#[derive(Debug, Clone)]
pub(crate) struct EndTxn {
    pub(crate) identity: Identity,
    pub(crate) end: End,
}

impl Request for EndTxn {
    const KEY: i16 = 26;
    const FLEXIBLE_FROM: i16 = 3;
    const VERSION: i16 = 2;
    type Answer = Code;

    fn write(&self, writer: &mut Writer, _: i16) {
        self.identity.write(writer);
        writer.bool(self.end == End::Commit);
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        reader.i32();
        reader.code()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct TxnOffsetCommit {
    pub(crate) identity: Identity,
    pub(crate) group: String,
    pub(crate) generation: i32,
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    pub(crate) topics: Topics<Commit>,
}

impl Request for TxnOffsetCommit {
    const KEY: i16 = 28;
    const FLEXIBLE_FROM: i16 = 3;
    const VERSION: i16 = 3;
    type Answer = Topics<(i32, Code)>;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.text(&self.identity.transactional_id);
        writer.text(&self.group);
        writer.i64(self.identity.producer_id);
        writer.i16(self.identity.epoch);
        if version >= 3 {
            writer.i32(self.generation);
            writer.text(&self.member);
            writer.text_or_null(self.instance.as_deref());
        }
        writer.topics(&self.topics, |writer, commit| {
            writer.i32(commit.partition);
            writer.i64(commit.offset);
            if version >= 2 {
                writer.i32(commit.leader_epoch);
            }
            writer.text_or_null(commit.metadata.as_deref());
            writer.tags();
        });
        writer.tags();
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        reader.i32();
        let topics = reader.topics(|reader| {
            let result = (reader.i32(), reader.code());
            reader.tags();
            result
        });
        reader.tags();
        topics
    }
}
