//! Which librdkafka properties may be set: all but those that exactly-once rests on.

/// Which client a property is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// `[kafka.properties]`: consumer and producers.
    Both,
    /// `[kafka.consumer_properties]`
    Consumer,
    /// `[kafka.producer_properties]`
    Producer,
}

impl Client {
    /// The table's key below `kafka`.
    pub(super) fn table(self) -> &'static str {
        match self {
            Self::Both => "properties",
            Self::Consumer => "consumer_properties",
            Self::Producer => "producer_properties",
        }
    }
}

/// Properties that are not for the file, each with the reason or the key to use instead.
const REFUSED: [(&str, &str); 14] = [
    ("acks", "a transaction needs every replica's acknowledgement"),
    ("auto.offset.reset", "records from before the group's first start would be skipped"),
    ("bootstrap.servers", "set `kafka.bootstrap_servers`"),
    ("enable.auto.commit", "offsets commit in the transaction"),
    ("enable.auto.offset.store", "offsets commit in the transaction"),
    ("enable.idempotence", "a transaction needs it"),
    ("enable.partition.eof", "the loop does not read ends of partitions"),
    ("group.id", "set `kafka.group`"),
    ("isolation.level", "aborted records would be forwarded"),
    ("log_level", "set `log.level`"),
    ("metadata.broker.list", "set `kafka.bootstrap_servers`"),
    ("debug", "librdkafka's debug output can show record contents"),
    ("transactional.id", "it is made of group, instance and worker, so that a restart fences its own past"),
    ("delivery.report.only.error", "failed deliveries surface in the commit"),
];

/// Why a property cannot be set in the file, if it cannot.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, reason)| *reason)
}
