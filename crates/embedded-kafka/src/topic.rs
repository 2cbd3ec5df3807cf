//! A topic: partitions and settings.

use crate::log::{Batch, Partition, Space};
use crate::wire::ErrorCode;
use std::collections::BTreeMap;

/// Longest name (Kafka's `Topic.MAX_NAME_LENGTH`).
const NAME_LENGTH_MAX: usize = 249;
/// Most partitions of a topic; each costs memory even when it is empty.
pub(crate) const PARTITIONS_MAX: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) partitions: Vec<Partition>,
    pub(crate) settings: Settings,
    /// What was set, as it was written.
    pub(crate) overrides: BTreeMap<String, String>,
    space: Space,
}

impl Topic {
    /// A topic with this many empty partitions.
    ///
    /// # Errors
    /// `INVALID_PARTITIONS` and `INVALID_CONFIG`.
    pub(crate) fn new(
        partitions: usize,
        defaults: &Settings,
        overrides: BTreeMap<String, String>,
        space: Space,
    ) -> Result<Self, ErrorCode> {
        let settings = defaults.with(&overrides)?;
        let mut topic = Self { partitions: Vec::new(), settings, overrides, space };
        topic.grow(partitions)?;
        Ok(topic)
    }

    /// Whether there can be so many partitions.
    ///
    /// # Errors
    /// `INVALID_PARTITIONS` when that is no more than there are, or too many.
    pub(crate) fn check_growth(&self, count: usize) -> Result<(), ErrorCode> {
        let is_more = (self.partitions.len() + 1..=PARTITIONS_MAX).contains(&count);
        if is_more { Ok(()) } else { Err(ErrorCode::InvalidPartitions) }
    }

    /// Adds partitions until there are `count`.
    ///
    /// # Errors
    /// As [`Topic::check_growth`].
    pub(crate) fn grow(&mut self, count: usize) -> Result<(), ErrorCode> {
        self.check_growth(count)?;
        self.partitions.resize_with(count, || Partition::new(self.space.clone()));
        Ok(())
    }

    /// Replaces what is set.
    ///
    /// # Errors
    /// `INVALID_CONFIG`; then nothing changes.
    pub(crate) fn set(&mut self, defaults: &Settings, overrides: BTreeMap<String, String>) -> Result<(), ErrorCode> {
        self.settings = defaults.with(&overrides)?;
        self.overrides = overrides;
        Ok(())
    }

    /// The partition of this number, and what is set for it.
    ///
    /// # Errors
    /// `UNKNOWN_TOPIC_OR_PARTITION`.
    pub(crate) fn partition(&mut self, number: i32) -> Result<(&mut Partition, &Settings), ErrorCode> {
        let partition = usize::try_from(number).ok().and_then(|number| self.partitions.get_mut(number));
        Ok((partition.ok_or(ErrorCode::UnknownTopicOrPartition)?, &self.settings))
    }
}

/// Whether a topic can be called this.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=NAME_LENGTH_MAX).contains(&name.len())
        && name != "."
        && name != ".."
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// Longest value of a setting (Kafka's `ConfigurationControlManager`).
const SETTING_BYTES_MAX: usize = i16::MAX as usize;
/// Least `segment.bytes` (KIP-1030).
const SEGMENT_BYTES_MIN: i64 = 1 << 20;

/// Type of a setting, as clients are told (`ConfigDef.Type` on the wire).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingType {
    Boolean = 1,
    Text = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// The settings of Apache Kafka 4.1 and their defaults (<https://kafka.apache.org/documentation/#topicconfigs>). Those that
/// [`Settings`] does not read change nothing here.
pub(crate) const KNOWN: [(&str, &str, SettingType); 33] = [
    ("cleanup.policy", "delete", SettingType::List),
    ("compression.gzip.level", "-1", SettingType::Int),
    ("compression.lz4.level", "9", SettingType::Int),
    ("compression.type", "producer", SettingType::Text),
    ("compression.zstd.level", "3", SettingType::Int),
    ("delete.retention.ms", "86400000", SettingType::Long),
    ("file.delete.delay.ms", "60000", SettingType::Long),
    ("flush.messages", "9223372036854775807", SettingType::Long),
    ("flush.ms", "9223372036854775807", SettingType::Long),
    ("follower.replication.throttled.replicas", "", SettingType::List),
    ("index.interval.bytes", "4096", SettingType::Int),
    ("leader.replication.throttled.replicas", "", SettingType::List),
    ("local.retention.bytes", "-2", SettingType::Long),
    ("local.retention.ms", "-2", SettingType::Long),
    ("max.compaction.lag.ms", "9223372036854775807", SettingType::Long),
    ("max.message.bytes", "1048588", SettingType::Int),
    ("message.timestamp.after.max.ms", "3600000", SettingType::Long),
    ("message.timestamp.before.max.ms", "9223372036854775807", SettingType::Long),
    ("message.timestamp.type", "CreateTime", SettingType::Text),
    ("min.cleanable.dirty.ratio", "0.5", SettingType::Double),
    ("min.compaction.lag.ms", "0", SettingType::Long),
    ("min.insync.replicas", "1", SettingType::Int),
    ("preallocate", "false", SettingType::Boolean),
    ("remote.log.copy.disable", "false", SettingType::Boolean),
    ("remote.log.delete.on.disable", "false", SettingType::Boolean),
    ("remote.storage.enable", "false", SettingType::Boolean),
    ("retention.bytes", "-1", SettingType::Long),
    ("retention.ms", "604800000", SettingType::Long),
    ("segment.bytes", "1073741824", SettingType::Int),
    ("segment.index.bytes", "10485760", SettingType::Int),
    ("segment.jitter.ms", "0", SettingType::Long),
    ("segment.ms", "604800000", SettingType::Long),
    ("unclean.leader.election.enable", "false", SettingType::Boolean),
];

/// The settings that the broker acts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Old segments are deleted (`cleanup.policy`).
    pub(crate) deletes: bool,
    /// Records need keys (`cleanup.policy`); nothing is ever compacted.
    pub(crate) compacts: bool,
    /// None keeps for ever.
    pub(crate) retention_ms: Option<i64>,
    /// None keeps all.
    pub(crate) retention_bytes: Option<u64>,
    pub(crate) segment_bytes: u64,
    pub(crate) segment_ms: i64,
    /// Largest batch.
    pub(crate) message_bytes_max: usize,
    /// `message.timestamp.type=LogAppendTime`.
    pub(crate) stamps_append_time: bool,
    pub(crate) timestamp_before_max_ms: i64,
    pub(crate) timestamp_after_max_ms: i64,
}

impl Default for Settings {
    /// Kafka's defaults.
    fn default() -> Self {
        Self {
            deletes: true,
            compacts: false,
            retention_ms: Some(604_800_000),
            retention_bytes: None,
            segment_bytes: 1 << 30,
            segment_ms: 604_800_000,
            message_bytes_max: 1_048_588,
            stamps_append_time: false,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 3_600_000,
        }
    }
}

impl Settings {
    /// These settings with some of them set.
    ///
    /// # Errors
    /// `INVALID_CONFIG` for an unknown name or a value that its setting does not take.
    pub(crate) fn with(&self, overrides: &BTreeMap<String, String>) -> Result<Self, ErrorCode> {
        let mut settings = self.clone();
        for (name, value) in overrides {
            let (_, _, kind) = KNOWN.iter().find(|(known, ..)| known == name).ok_or(ErrorCode::InvalidConfig)?;
            if value.len() > SETTING_BYTES_MAX {
                return Err(ErrorCode::InvalidConfig);
            }
            let value = value.trim();
            check_type(*kind, value)?;
            settings.read(name, value)?;
        }
        Ok(settings)
    }

    fn read(&mut self, name: &str, value: &str) -> Result<(), ErrorCode> {
        match name {
            "cleanup.policy" => {
                let policies: Vec<&str> = value.split(',').map(str::trim).filter(|policy| !policy.is_empty()).collect();
                if policies.iter().any(|policy| !["compact", "delete"].contains(policy)) {
                    return Err(ErrorCode::InvalidConfig);
                }
                self.compacts = policies.contains(&"compact");
                self.deletes = policies.contains(&"delete");
            }
            "retention.ms" => self.retention_ms = Some(number(value, -1)?).filter(|ms| *ms >= 0),
            "retention.bytes" => self.retention_bytes = u64::try_from(number(value, i64::MIN)?).ok(),
            "segment.bytes" => self.segment_bytes = number(value, SEGMENT_BYTES_MIN)? as u64,
            "segment.ms" => self.segment_ms = number(value, 1)?,
            "max.message.bytes" => self.message_bytes_max = number(value, 0)? as usize,
            "message.timestamp.type" => match value {
                "CreateTime" => self.stamps_append_time = false,
                "LogAppendTime" => self.stamps_append_time = true,
                _ => return Err(ErrorCode::InvalidConfig),
            },
            "message.timestamp.before.max.ms" => self.timestamp_before_max_ms = number(value, 0)?,
            "message.timestamp.after.max.ms" => self.timestamp_after_max_ms = number(value, 0)?,
            _ => return check_unused(name, value),
        }
        Ok(())
    }

    /// Whether a batch may be appended.
    ///
    /// # Errors
    /// `MESSAGE_TOO_LARGE`, `INVALID_TIMESTAMP`, and `INVALID_RECORD` without a key where keys decide what stays.
    pub(crate) fn check(&self, batch: &Batch, now_ms: i64) -> Result<(), ErrorCode> {
        if batch.len() > self.message_bytes_max {
            return Err(ErrorCode::MessageTooLarge);
        }
        let age_ms = now_ms.saturating_sub(batch.max_timestamp_ms);
        let is_in_time =
            age_ms <= self.timestamp_before_max_ms && age_ms.saturating_neg() <= self.timestamp_after_max_ms;
        // A record without a timestamp is of no time.
        if !self.stamps_append_time && batch.max_timestamp_ms >= 0 && !is_in_time {
            return Err(ErrorCode::InvalidTimestamp);
        }
        if self.compacts && batch.lacks_a_key() {
            return Err(ErrorCode::InvalidRecord);
        }
        Ok(())
    }
}

/// Settings that change nothing here have their bounds all the same, so that a wrong one is found.
fn check_unused(name: &str, value: &str) -> Result<(), ErrorCode> {
    let is_fine = match name {
        "compression.type" => ["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"].contains(&value),
        "compression.gzip.level" => value == "-1" || number(value, 1)? <= 9,
        "compression.lz4.level" => number(value, 1)? <= 17,
        "compression.zstd.level" => number(value, -131_072)? <= 22,
        "delete.retention.ms"
        | "file.delete.delay.ms"
        | "flush.ms"
        | "index.interval.bytes"
        | "min.compaction.lag.ms"
        | "segment.jitter.ms" => number(value, 0).is_ok(),
        "flush.messages" | "max.compaction.lag.ms" | "min.insync.replicas" => number(value, 1).is_ok(),
        "local.retention.bytes" | "local.retention.ms" => number(value, -2).is_ok(),
        "min.cleanable.dirty.ratio" => value.parse().is_ok_and(|ratio| (0.0..=1.0).contains(&ratio)),
        "segment.index.bytes" => number(value, 4).is_ok(),
        _ => true,
    };
    if is_fine { Ok(()) } else { Err(ErrorCode::InvalidConfig) }
}

fn number(value: &str, min: i64) -> Result<i64, ErrorCode> {
    value.parse().ok().filter(|number| *number >= min).ok_or(ErrorCode::InvalidConfig)
}

fn check_type(kind: SettingType, value: &str) -> Result<(), ErrorCode> {
    let is_fine = match kind {
        SettingType::Boolean => ["true", "false"].iter().any(|known| known.eq_ignore_ascii_case(value)),
        SettingType::Int => value.parse::<i32>().is_ok(),
        SettingType::Long => value.parse::<i64>().is_ok(),
        SettingType::Double => value.parse::<f64>().is_ok(),
        SettingType::Text | SettingType::List => true,
    };
    if is_fine { Ok(()) } else { Err(ErrorCode::InvalidConfig) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Result<Settings, ErrorCode> {
        Settings::default().with(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn the_defaults_listed_are_those_that_count() {
        for (name, value, _) in KNOWN {
            assert_eq!(set(name, value), Ok(Settings::default()), "{name}");
        }
    }

    #[test]
    fn wrong_settings_are_refused() {
        for (name, value) in [
            ("retention.msec", "1"),
            ("retention.ms", "1d"),
            ("retention.ms", "-2"),
            ("segment.bytes", "4294967296"),
            ("cleanup.policy", "burn"),
            ("message.timestamp.type", "Now"),
            ("preallocate", "yes"),
        ] {
            assert_eq!(set(name, value), Err(ErrorCode::InvalidConfig), "{name}={value}");
        }
    }

    #[test]
    fn names_are_as_kafka_wants_them() {
        assert!(is_name("web.access_log-1"));
        assert!(!is_name("") && !is_name(".") && !is_name("..") && !is_name("a b") && !is_name("ä"));
        assert!(is_name(&"a".repeat(249)) && !is_name(&"a".repeat(250)));
    }
}
