//! Requests for records and their places.

use super::{Code, Reader, Request, Writer};

/// Something per partition, by topic.
pub(crate) type Topics<T> = Vec<(String, Vec<T>)>;

/// One partition of one topic.
pub(crate) fn one<T>(topic: &str, partition: T) -> Topics<T> {
    vec![(topic.to_owned(), vec![partition])]
}

/// The only partition of the only topic.
#[track_caller]
pub(crate) fn only<T>(topics: Topics<T>) -> T {
    let mut all: Vec<T> = topics.into_iter().flat_map(|(_, partitions)| partitions).collect();
    assert_eq!(all.len(), 1, "partitions in the answer");
    all.remove(0)
}

impl Writer {
    pub(crate) fn topics<T>(&mut self, topics: &Topics<T>, mut partition: impl FnMut(&mut Self, &T)) {
        self.topics_or_null(Some(topics), &mut partition);
    }

    pub(crate) fn topics_or_null<T>(&mut self, topics: Option<&Topics<T>>, mut each: impl FnMut(&mut Self, &T)) {
        self.array_or_null(topics.map(Vec::as_slice), |writer, (name, partitions)| {
            writer.text(name);
            writer.array(partitions, &mut each);
            writer.tags();
        });
    }
}

impl Reader<'_> {
    pub(crate) fn topics<T>(&mut self, mut partition: impl FnMut(&mut Self) -> T) -> Topics<T> {
        self.array(|reader| {
            let topic = (reader.text(), reader.array(&mut partition));
            reader.tags();
            topic
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Produce {
    pub(crate) transactional_id: Option<String>,
    pub(crate) acks: i16,
    /// Partition and batches.
    pub(crate) topics: Topics<(i32, Vec<u8>)>,
}

impl Produce {
    pub(crate) fn to(topic: &str, partition: i32, batch: Vec<u8>) -> Self {
        Self { transactional_id: None, acks: -1, topics: one(topic, (partition, batch)) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Produced {
    pub(crate) partition: i32,
    pub(crate) code: Code,
    pub(crate) base_offset: i64,
    pub(crate) append_time_ms: i64,
    pub(crate) start_offset: i64,
}

impl Request for Produce {
    const KEY: i16 = 0;
    const FLEXIBLE_FROM: i16 = 9;
    const VERSION: i16 = 8;
    type Answer = Topics<Produced>;

    fn write(&self, writer: &mut Writer, _: i16) {
        writer.text_or_null(self.transactional_id.as_deref());
        writer.i16(self.acks);
        writer.i32(30_000);
        writer.topics(&self.topics, |writer, (partition, batch)| {
            writer.i32(*partition);
            writer.bytes(batch);
        });
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        let topics = reader.topics(|reader| {
            let produced = Produced {
                partition: reader.i32(),
                code: reader.code(),
                base_offset: reader.i64(),
                append_time_ms: reader.i64(),
                start_offset: if version >= 5 { reader.i64() } else { -1 },
            };
            if version >= 8 {
                reader.array(|reader| (reader.i32(), reader.text_or_null()));
                reader.text_or_null();
            }
            produced
        });
        reader.i32();
        topics
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Isolation {
    Uncommitted,
    Committed,
}

#[derive(Debug, Clone)]
pub(crate) struct Fetch {
    pub(crate) max_wait_ms: i32,
    pub(crate) bytes_min: i32,
    pub(crate) bytes_max: i32,
    pub(crate) isolation: Isolation,
    /// Id and epoch of an incremental session (KIP-227).
    pub(crate) session: (i32, i32),
    pub(crate) topics: Topics<FetchFrom>,
    pub(crate) forgotten: Topics<i32>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct FetchFrom {
    pub(crate) partition: i32,
    pub(crate) leader_epoch: i32,
    pub(crate) offset: i64,
    pub(crate) bytes_max: i32,
}

impl Fetch {
    /// What is there now, without waiting and without a session.
    pub(crate) fn from(topic: &str, partition: i32, offset: i64, isolation: Isolation) -> Self {
        let from = FetchFrom { partition, leader_epoch: -1, offset, bytes_max: 1 << 20 };
        Self {
            max_wait_ms: 0,
            bytes_min: 0,
            bytes_max: 1 << 24,
            isolation,
            session: (0, -1),
            topics: one(topic, from),
            forgotten: Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct FetchAnswer {
    pub(crate) code: Code,
    pub(crate) session_id: i32,
    pub(crate) topics: Topics<Fetched>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fetched {
    pub(crate) partition: i32,
    pub(crate) code: Code,
    pub(crate) high_watermark: i64,
    pub(crate) stable_offset: i64,
    pub(crate) start_offset: i64,
    /// Producer id and first offset.
    pub(crate) aborted: Option<Vec<(i64, i64)>>,
    pub(crate) records: Vec<u8>,
}

impl Request for Fetch {
    const KEY: i16 = 1;
    const FLEXIBLE_FROM: i16 = 12;
    const VERSION: i16 = 11;
    type Answer = FetchAnswer;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.i32(-1); // no replica
        writer.i32(self.max_wait_ms);
        writer.i32(self.bytes_min);
        writer.i32(self.bytes_max);
        writer.i8(self.isolation as i8);
        if version >= 7 {
            writer.i32(self.session.0);
            writer.i32(self.session.1);
        }
        writer.topics(&self.topics, |writer, from| {
            writer.i32(from.partition);
            if version >= 9 {
                writer.i32(from.leader_epoch);
            }
            writer.i64(from.offset);
            if version >= 5 {
                writer.i64(-1); // a replica's log start
            }
            writer.i32(from.bytes_max);
        });
        if version >= 7 {
            writer.topics(&self.forgotten, |writer, partition| writer.i32(*partition));
        }
        if version >= 11 {
            writer.text(""); // rack
        }
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        reader.i32();
        let (code, session_id) = if version >= 7 { (reader.code(), reader.i32()) } else { (Code::NONE, 0) };
        let topics = reader.topics(|reader| {
            let (partition, code, high_watermark) = (reader.i32(), reader.code(), reader.i64());
            let stable_offset = reader.i64();
            let start_offset = if version >= 5 { reader.i64() } else { -1 };
            let aborted = reader.array_or_null(|reader| (reader.i64(), reader.i64()));
            if version >= 11 {
                assert_eq!(reader.i32(), -1, "there is no other replica to read from");
            }
            let records = reader.bytes_or_null().unwrap_or_default();
            Fetched { partition, code, high_watermark, stable_offset, start_offset, aborted, records }
        });
        FetchAnswer { code, session_id, topics }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct ListOffsets {
    pub(crate) isolation: Isolation,
    pub(crate) topics: Topics<ListOffset>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct ListOffset {
    pub(crate) partition: i32,
    pub(crate) leader_epoch: i32,
    pub(crate) timestamp_ms: i64,
}

/// The timestamps that stand for the ends of a log, and for the record with the largest timestamp (KIP-734).
pub(crate) const LATEST: i64 = -1;
pub(crate) const EARLIEST: i64 = -2;
pub(crate) const NEWEST: i64 = -3;

impl ListOffsets {
    pub(crate) fn of(topic: &str, partition: i32, timestamp_ms: i64, isolation: Isolation) -> Self {
        Self { isolation, topics: one(topic, ListOffset { partition, leader_epoch: -1, timestamp_ms }) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedOffset {
    pub(crate) partition: i32,
    pub(crate) code: Code,
    pub(crate) timestamp_ms: i64,
    pub(crate) offset: i64,
}

impl Request for ListOffsets {
    const KEY: i16 = 2;
    const FLEXIBLE_FROM: i16 = 6;
    const VERSION: i16 = 7;
    type Answer = Topics<ListedOffset>;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.i32(-1); // no replica
        if version >= 2 {
            writer.i8(self.isolation as i8);
        }
        writer.topics(&self.topics, |writer, wanted| {
            writer.i32(wanted.partition);
            if version >= 4 {
                writer.i32(wanted.leader_epoch);
            }
            writer.i64(wanted.timestamp_ms);
            writer.tags();
        });
        writer.tags();
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 2 {
            reader.i32();
        }
        let topics = reader.topics(|reader| {
            let listed = ListedOffset {
                partition: reader.i32(),
                code: reader.code(),
                timestamp_ms: reader.i64(),
                offset: reader.i64(),
            };
            if version >= 4 {
                reader.i32(); // leader epoch
            }
            reader.tags();
            listed
        });
        reader.tags();
        topics
    }
}

#[derive(Debug, Clone)]
pub(crate) struct DeleteRecords {
    /// Partition and offset.
    pub(crate) topics: Topics<(i32, i64)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeletedRecords {
    pub(crate) partition: i32,
    pub(crate) low_watermark: i64,
    pub(crate) code: Code,
}

impl Request for DeleteRecords {
    const KEY: i16 = 21;
    const FLEXIBLE_FROM: i16 = 2;
    const VERSION: i16 = 1;
    type Answer = Topics<DeletedRecords>;

    fn write(&self, writer: &mut Writer, _: i16) {
        writer.topics(&self.topics, |writer, (partition, offset)| {
            writer.i32(*partition);
            writer.i64(*offset);
        });
        writer.i32(30_000);
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        reader.i32();
        reader.topics(|reader| DeletedRecords {
            partition: reader.i32(),
            low_watermark: reader.i64(),
            code: reader.code(),
        })
    }
}
