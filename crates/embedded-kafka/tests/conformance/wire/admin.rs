//! Requests about the broker, its topics and their settings.

use super::{Code, Reader, Request, Writer};

/// The time that a broker has for a change.
const TIMEOUT_MS: i32 = 30_000;

#[derive(Debug, Clone)]
pub(crate) struct ApiVersions {
    pub(crate) software: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Versions {
    pub(crate) code: Code,
    /// Key, first and last version.
    pub(crate) apis: Vec<(i16, i16, i16)>,
}

impl Request for ApiVersions {
    const KEY: i16 = 18;
    const FLEXIBLE_FROM: i16 = 3;
    const VERSION: i16 = 3;
    type Answer = Versions;

    fn write(&self, writer: &mut Writer, version: i16) {
        if version >= 3 {
            writer.text(&self.software);
            writer.text("1");
        }
        writer.tags();
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        let code = reader.code();
        let apis = reader.array(|reader| {
            let api = (reader.i16(), reader.i16(), reader.i16());
            reader.tags();
            api
        });
        if version >= 1 {
            reader.i32();
        }
        reader.tags();
        Versions { code, apis }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    /// Nothing for all.
    pub(crate) topics: Option<Vec<String>>,
    pub(crate) create: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    /// Id, host and port.
    pub(crate) brokers: Vec<(i32, String, i32)>,
    pub(crate) controller_id: i32,
    pub(crate) topics: Vec<Topic>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) code: Code,
    pub(crate) name: String,
    pub(crate) is_internal: bool,
    pub(crate) partitions: Vec<Partition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) code: Code,
    pub(crate) index: i32,
    pub(crate) leader: i32,
    pub(crate) replicas: Vec<i32>,
    pub(crate) in_sync: Vec<i32>,
    pub(crate) offline: Vec<i32>,
}

impl Request for Metadata {
    const KEY: i16 = 3;
    const FLEXIBLE_FROM: i16 = 9;
    const VERSION: i16 = 8;
    type Answer = Cluster;

    fn write(&self, writer: &mut Writer, version: i16) {
        // Version 0 has no null: there, no topic stands for all.
        let topics =
            if version == 0 { Some(self.topics.as_deref().unwrap_or_default()) } else { self.topics.as_deref() };
        writer.array_or_null(topics, |writer, topic| writer.text(topic));
        if version >= 4 {
            writer.bool(self.create);
        }
        if version >= 8 {
            writer.bool(false); // authorized operations
            writer.bool(false);
        }
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 3 {
            reader.i32();
        }
        let brokers = reader.array(|reader| {
            let broker = (reader.i32(), reader.text(), reader.i32());
            if version >= 1 {
                reader.text_or_null(); // rack
            }
            broker
        });
        if version >= 2 {
            reader.text_or_null(); // cluster id
        }
        let controller_id = if version >= 1 { reader.i32() } else { -1 };
        let topics = reader.array(|reader| read_topic(reader, version));
        if version >= 8 {
            assert_eq!(reader.i32(), i32::MIN, "authorized operations were not asked for");
        }
        Cluster { brokers, controller_id, topics }
    }
}

fn read_topic(reader: &mut Reader<'_>, version: i16) -> Topic {
    let (code, name) = (reader.code(), reader.text());
    let is_internal = version >= 1 && reader.bool();
    let partitions = reader.array(|reader| {
        let (code, index, leader) = (reader.code(), reader.i32(), reader.i32());
        if version >= 7 {
            reader.i32(); // leader epoch
        }
        let (replicas, in_sync) = (reader.array(Reader::i32), reader.array(Reader::i32));
        let offline = if version >= 5 { reader.array(Reader::i32) } else { Vec::new() };
        Partition { code, index, leader, replicas, in_sync, offline }
    });
    if version >= 8 {
        assert_eq!(reader.i32(), i32::MIN, "authorized operations were not asked for");
    }
    Topic { code, name, is_internal, partitions }
}

#[derive(Debug, Clone)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) replicas: i16,
    pub(crate) settings: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct CreateTopics {
    pub(crate) topics: Vec<NewTopic>,
    pub(crate) validate_only: bool,
}

impl Request for CreateTopics {
    const KEY: i16 = 19;
    const FLEXIBLE_FROM: i16 = 5;
    const VERSION: i16 = 4;
    type Answer = Vec<(String, Code)>;

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.array(&self.topics, |writer, topic| {
            writer.text(&topic.name);
            writer.i32(topic.partitions);
            writer.i16(topic.replicas);
            writer.array::<()>(&[], |_, ()| {}); // assignments
            writer.array(&topic.settings, |writer, (name, value)| {
                writer.text(name);
                writer.text(value);
            });
        });
        writer.i32(TIMEOUT_MS);
        if version >= 1 {
            writer.bool(self.validate_only);
        }
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 2 {
            reader.i32();
        }
        reader.array(|reader| {
            let result = (reader.text(), reader.code());
            if version >= 1 {
                reader.text_or_null();
            }
            result
        })
    }
}

#[derive(Debug, Clone)]
pub(crate) struct DeleteTopics {
    pub(crate) topics: Vec<String>,
}

impl Request for DeleteTopics {
    const KEY: i16 = 20;
    const FLEXIBLE_FROM: i16 = 4;
    const VERSION: i16 = 3;
    type Answer = Vec<(String, Code)>;

    fn write(&self, writer: &mut Writer, _: i16) {
        writer.array(&self.topics, |writer, topic| writer.text(topic));
        writer.i32(TIMEOUT_MS);
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        if version >= 1 {
            reader.i32();
        }
        reader.array(|reader| (reader.text(), reader.code()))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct CreatePartitions {
    /// Topic and how many it shall have.
    pub(crate) topics: Vec<(String, i32)>,
    pub(crate) validate_only: bool,
}

impl Request for CreatePartitions {
    const KEY: i16 = 37;
    const FLEXIBLE_FROM: i16 = 2;
    const VERSION: i16 = 1;
    type Answer = Vec<(String, Code)>;

    fn write(&self, writer: &mut Writer, _: i16) {
        writer.array(&self.topics, |writer, (topic, count)| {
            writer.text(topic);
            writer.i32(*count);
            writer.array_or_null::<()>(None, |_, ()| {}); // assignments
        });
        writer.i32(TIMEOUT_MS);
        writer.bool(self.validate_only);
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        reader.i32();
        reader.array(|reader| {
            let result = (reader.text(), reader.code());
            reader.text_or_null();
            result
        })
    }
}

/// What settings belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    Topic(String),
    Broker(i32),
}

impl Resource {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Topic(name) => {
                writer.i8(2);
                writer.text(name);
            }
            Self::Broker(id) => {
                writer.i8(4);
                writer.text(&id.to_string());
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct DescribeConfigs {
    pub(crate) resource: Resource,
    /// Nothing for all.
    pub(crate) names: Option<Vec<String>>,
}

/// A setting. The source is 5 for what nobody set, 1 for what was set on the topic, 4 for the broker's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) is_read_only: bool,
    pub(crate) source: i8,
    pub(crate) is_sensitive: bool,
}

impl Request for DescribeConfigs {
    const KEY: i16 = 32;
    const FLEXIBLE_FROM: i16 = 4;
    const VERSION: i16 = 3;
    type Answer = (Code, Vec<Setting>);

    fn write(&self, writer: &mut Writer, version: i16) {
        writer.array(&[()], |writer, ()| {
            self.resource.write(writer);
            writer.array_or_null(self.names.as_deref(), |writer, name| writer.text(name));
        });
        if version >= 1 {
            writer.bool(true); // synonyms
        }
        if version >= 3 {
            writer.bool(false); // documentation
        }
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Self::Answer {
        reader.i32();
        let mut results = reader.array(|reader| {
            let code = reader.code();
            reader.text_or_null();
            reader.i8();
            reader.text();
            (code, reader.array(|reader| read_setting(reader, version)))
        });
        assert_eq!(results.len(), 1, "resources in the answer");
        results.remove(0)
    }
}

fn read_setting(reader: &mut Reader<'_>, version: i16) -> Setting {
    let setting = Setting {
        name: reader.text(),
        value: reader.text_or_null(),
        is_read_only: reader.bool(),
        source: reader.i8(),
        is_sensitive: reader.bool(),
    };
    if version >= 1 {
        reader.array(|reader| (reader.text(), reader.text_or_null(), reader.i8()));
    }
    if version >= 3 {
        reader.i8(); // type
        assert_eq!(reader.text_or_null(), None, "documentation was not asked for");
    }
    setting
}

#[derive(Debug, Clone)]
pub(crate) struct AlterConfigs {
    pub(crate) resource: Resource,
    pub(crate) settings: Vec<(String, Option<String>)>,
    pub(crate) validate_only: bool,
}

impl Request for AlterConfigs {
    const KEY: i16 = 33;
    const FLEXIBLE_FROM: i16 = 2;
    const VERSION: i16 = 1;
    type Answer = Code;

    fn write(&self, writer: &mut Writer, _: i16) {
        writer.array(&[()], |writer, ()| {
            self.resource.write(writer);
            writer.array(&self.settings, |writer, (name, value)| {
                writer.text(name);
                writer.text_or_null(value.as_deref());
            });
        });
        writer.bool(self.validate_only);
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        read_altered(reader)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Set,
    Delete,
    Append,
    Subtract,
}

#[derive(Debug, Clone)]
pub(crate) struct IncrementalAlterConfigs {
    pub(crate) resource: Resource,
    pub(crate) changes: Vec<(String, Change, Option<String>)>,
    pub(crate) validate_only: bool,
}

impl Request for IncrementalAlterConfigs {
    const KEY: i16 = 44;
    const FLEXIBLE_FROM: i16 = 1;
    const VERSION: i16 = 1;
    type Answer = Code;

    fn write(&self, writer: &mut Writer, _: i16) {
        writer.array(&[()], |writer, ()| {
            self.resource.write(writer);
            writer.array(&self.changes, |writer, (name, change, value)| {
                writer.text(name);
                writer.i8(*change as i8);
                writer.text_or_null(value.as_deref());
                writer.tags();
            });
            writer.tags();
        });
        writer.bool(self.validate_only);
        writer.tags();
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Self::Answer {
        let code = read_altered(reader);
        reader.tags();
        code
    }
}

fn read_altered(reader: &mut Reader<'_>) -> Code {
    reader.i32();
    let codes = reader.array(|reader| {
        let code = reader.code();
        reader.text_or_null();
        reader.i8();
        reader.text();
        reader.tags();
        code
    });
    assert_eq!(codes.len(), 1, "resources in the answer");
    codes[0]
}
