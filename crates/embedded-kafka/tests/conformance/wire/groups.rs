//! Requests for groups and what they have committed.

use super::records::Topics;
use super::{Code, Reader, Request, Writer};

#[derive(Debug, Clone)]
pub(crate) struct FindCoordinator {
    pub(crate) key: String,
    /// 0 for groups, 1 for transactions.
    pub(crate) key_type: i8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coordinator {
    pub(crate) code: Code,
    pub(crate) node_id: i32,
    pub(crate) host: String,
    pub(crate) port: i32,
}

impl Request for FindCoordinator {
    const KEY: i16 = 10;
    const FLEXIBLE_FROM: i16 = 3;
    const VERSION: i16 = 2;
    type Answer = Coordinator;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.text(&self.key);
        if version >= 1 {
            writer.i8(self.key_type);
        }
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 1 {
            reader.i32();
        }
        let code = reader.code();
        if version >= 1 {
            reader.text_or_null();
        }
        Coordinator { code, node_id: reader.i32(), host: reader.text(), port: reader.i32() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct JoinGroup {
    pub(crate) group: String,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    pub(crate) protocol_type: String,
    /// Name and metadata.
    pub(crate) protocols: Vec<(String, Vec<u8>)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    pub(crate) code: Code,
    pub(crate) generation: i32,
    pub(crate) protocol: String,
    pub(crate) leader: String,
    pub(crate) member: String,
    /// For the leader only: id, instance and metadata of every member.
    pub(crate) members: Vec<(String, Option<String>, Vec<u8>)>,
}

impl Request for JoinGroup {
    const KEY: i16 = 11;
    const FLEXIBLE_FROM: i16 = 6;
    const VERSION: i16 = 5;
    type Answer = Joined;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.text(&self.group);
        writer.i32(self.session_timeout_ms);
        if version >= 1 {
            writer.i32(self.rebalance_timeout_ms);
        }
        writer.text(&self.member);
        if version >= 5 {
            writer.text_or_null(self.instance.as_deref());
        }
        writer.text(&self.protocol_type);
        writer.array(&self.protocols, |writer, (name, metadata)| {
            writer.text(name);
            writer.bytes(metadata);
        });
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 2 {
            reader.i32();
        }
        Joined {
            code: reader.code(),
            generation: reader.i32(),
            protocol: reader.text(),
            leader: reader.text(),
            member: reader.text(),
            members: reader.array(|reader| {
                let member = reader.text();
                let instance = if version >= 5 { reader.text_or_null() } else { None };
                (member, instance, reader.bytes())
            }),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct SyncGroup {
    pub(crate) group: String,
    pub(crate) generation: i32,
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    /// From the leader only: member and what it gets.
    pub(crate) assignments: Vec<(String, Vec<u8>)>,
}

impl Request for SyncGroup {
    const KEY: i16 = 14;
    const FLEXIBLE_FROM: i16 = 4;
    const VERSION: i16 = 3;
    type Answer = (Code, Vec<u8>);

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.text(&self.group);
        writer.i32(self.generation);
        writer.text(&self.member);
        if version >= 3 {
            writer.text_or_null(self.instance.as_deref());
        }
        writer.array(&self.assignments, |writer, (member, assignment)| {
            writer.text(member);
            writer.bytes(assignment);
        });
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 1 {
            reader.i32();
        }
        (reader.code(), reader.bytes())
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Heartbeat {
    pub(crate) group: String,
    pub(crate) generation: i32,
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
}

impl Request for Heartbeat {
    const KEY: i16 = 12;
    const FLEXIBLE_FROM: i16 = 4;
    const VERSION: i16 = 3;
    type Answer = Code;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.text(&self.group);
        writer.i32(self.generation);
        writer.text(&self.member);
        if version >= 3 {
            writer.text_or_null(self.instance.as_deref());
        }
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 1 {
            reader.i32();
        }
        reader.code()
    }
}

#[derive(Debug, Clone)]
pub(crate) struct LeaveGroup {
    pub(crate) group: String,
    /// Member and instance; versions before 3 name the first member only.
    pub(crate) members: Vec<(String, Option<String>)>,
}

impl Request for LeaveGroup {
    const KEY: i16 = 13;
    const FLEXIBLE_FROM: i16 = 4;
    const VERSION: i16 = 3;
    /// For the whole request, and from version 3 on for each member.
    type Answer = (Code, Vec<Code>);

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.text(&self.group);
        if version < 3 {
            return writer.text(&self.members[0].0);
        }
        writer.array(&self.members, |writer, (member, instance)| {
            writer.text(member);
            writer.text_or_null(instance.as_deref());
        });
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 1 {
            reader.i32();
        }
        let code = reader.code();
        if version < 3 {
            return (code, Vec::new());
        }
        let members = reader.array(|reader| {
            reader.text();
            reader.text_or_null();
            reader.code()
        });
        (code, members)
    }
}

/// An offset to commit, with the leader epoch and the metadata that a client may keep beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Option<String>,
}

impl Commit {
    pub(crate) fn at(partition: i32, offset: i64) -> Self {
        Self { partition, offset, leader_epoch: -1, metadata: None }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct OffsetCommit {
    pub(crate) group: String,
    pub(crate) generation: i32,
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    pub(crate) topics: Topics<Commit>,
}

impl OffsetCommit {
    /// A commit by nobody in particular, as tools do it.
    pub(crate) fn simple(group: &str, topics: Topics<Commit>) -> Self {
        Self { group: group.to_owned(), generation: -1, member: String::new(), instance: None, topics }
    }
}

impl Request for OffsetCommit {
    const KEY: i16 = 8;
    const FLEXIBLE_FROM: i16 = 8;
    const VERSION: i16 = 7;
    type Answer = Topics<(i32, Code)>;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.text(&self.group);
        writer.i32(self.generation);
        writer.text(&self.member);
        if version >= 7 {
            writer.text_or_null(self.instance.as_deref());
        }
        if version <= 4 {
            writer.i64(-1); // how long to keep it
        }
        writer.topics(&self.topics, |writer, commit| {
            writer.i32(commit.partition);
            writer.i64(commit.offset);
            if version >= 6 {
                writer.i32(commit.leader_epoch);
            }
            writer.text_or_null(commit.metadata.as_deref());
        });
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 3 {
            reader.i32();
        }
        reader.topics(|reader| (reader.i32(), reader.code()))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct OffsetFetch {
    pub(crate) group: String,
    /// Nothing for all that the group has.
    pub(crate) topics: Option<Topics<i32>>,
    pub(crate) require_stable: bool,
}

/// The code is the whole request's; each offset has its own beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FetchedOffsets {
    pub(crate) code: Code,
    pub(crate) topics: Topics<(Commit, Code)>,
}

impl Request for OffsetFetch {
    const KEY: i16 = 9;
    const FLEXIBLE_FROM: i16 = 6;
    const VERSION: i16 = 7;
    type Answer = FetchedOffsets;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.text(&self.group);
        writer.topics_or_null(self.topics.as_ref(), |writer, partition| writer.i32(*partition));
        if version >= 7 {
            writer.bool(self.require_stable);
        }
        writer.tags();
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 3 {
            reader.i32();
        }
        let topics = reader.topics(|reader| {
            let commit = Commit {
                partition: reader.i32(),
                offset: reader.i64(),
                leader_epoch: if version >= 5 { reader.i32() } else { -1 },
                metadata: reader.text_or_null(),
            };
            let fetched = (commit, reader.code());
            reader.tags();
            fetched
        });
        let code = if version >= 2 { reader.code() } else { Code::NONE };
        reader.tags();
        FetchedOffsets { code, topics }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct DescribeGroups {
    pub(crate) groups: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DescribedGroup {
    pub(crate) code: Code,
    pub(crate) group: String,
    pub(crate) state: String,
    pub(crate) protocol_type: String,
    pub(crate) protocol: String,
    pub(crate) members: Vec<DescribedMember>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DescribedMember {
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) metadata: Vec<u8>,
    pub(crate) assignment: Vec<u8>,
}

impl Request for DescribeGroups {
    const KEY: i16 = 15;
    const FLEXIBLE_FROM: i16 = 5;
    const VERSION: i16 = 4;
    type Answer = Vec<DescribedGroup>;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.array(&self.groups, |writer, group| writer.text(group));
        if version >= 3 {
            writer.bool(false); // authorized operations
        }
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 1 {
            reader.i32();
        }
        reader.array(|reader| {
            let group = DescribedGroup {
                code: reader.code(),
                group: reader.text(),
                state: reader.text(),
                protocol_type: reader.text(),
                protocol: reader.text(),
                members: reader.array(|reader| DescribedMember {
                    member: reader.text(),
                    instance: if version >= 4 { reader.text_or_null() } else { None },
                    client_id: reader.text(),
                    client_host: reader.text(),
                    metadata: reader.bytes(),
                    assignment: reader.bytes(),
                }),
            };
            if version >= 3 {
                assert_eq!(reader.i32(), i32::MIN, "authorized operations were not asked for");
            }
            group
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct ListGroups {
    pub(crate) states: Vec<String>,
}

impl Request for ListGroups {
    const KEY: i16 = 16;
    const FLEXIBLE_FROM: i16 = 3;
    const VERSION: i16 = 4;
    /// Code, then group, protocol type and state of each.
    type Answer = (Code, Vec<(String, String, String)>);

    fn write(&self, writer: &mut Writer, version: i16) {
        if version >= 4 {
            writer.array(&self.states, |writer, state| writer.text(state));
        }
        writer.tags();
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 1 {
            reader.i32();
        }
        let code = reader.code();
        let groups = reader.array(|reader| {
            let (group, protocol_type) = (reader.text(), reader.text());
            let state = if version >= 4 { reader.text() } else { String::new() };
            reader.tags();
            (group, protocol_type, state)
        });
        reader.tags();
        (code, groups)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct DeleteGroups {
    pub(crate) groups: Vec<String>,
}

impl Request for DeleteGroups {
    const KEY: i16 = 42;
    const FLEXIBLE_FROM: i16 = 2;
    const VERSION: i16 = 1;
    type Answer = Vec<(String, Code)>;

    fn write(&self, writer: &mut Writer, _: i16) {
        writer.array(&self.groups, |writer, group| writer.text(group));
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        reader.i32();
        reader.array(|reader| (reader.text(), reader.code()))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct OffsetDelete {
    pub(crate) group: String,
    pub(crate) topics: Topics<i32>,
}

impl Request for OffsetDelete {
    const KEY: i16 = 47;
    const FLEXIBLE_FROM: i16 = 1;
    const VERSION: i16 = 0;
    type Answer = (Code, Topics<(i32, Code)>);

    fn write(&self, writer: &mut Writer, _: i16) {
        writer.text(&self.group);
        writer.topics(&self.topics, |writer, partition| writer.i32(*partition));
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        let code = reader.code();
        reader.i32();
        (code, reader.topics(|reader| (reader.i32(), reader.code())))
    }
}

/// What a consumer tells its group's leader: the topics that it wants. Brokers look into it as well.
pub(crate) fn subscription(topics: &[&str]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.i16(0); // version
    writer.array(topics, |writer, topic| writer.text(topic));
    writer.i32(-1); // no more to say
    writer.bytes
}
