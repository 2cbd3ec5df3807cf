//! The requests that the broker knows, and in which versions.

use std::ops::RangeInclusive;

/// A kind of request (<https://kafka.apache.org/protocol#protocol_api_keys>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the protocol's own names")]
pub enum Api {
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    OffsetCommit,
    OffsetFetch,
    FindCoordinator,
    JoinGroup,
    Heartbeat,
    LeaveGroup,
    SyncGroup,
    DescribeGroups,
    ListGroups,
    ApiVersions,
    CreateTopics,
    DeleteTopics,
    DeleteRecords,
    InitProducerId,
    AddPartitionsToTxn,
    AddOffsetsToTxn,
    EndTxn,
    TxnOffsetCommit,
    DescribeConfigs,
    AlterConfigs,
    CreatePartitions,
    DeleteGroups,
    IncrementalAlterConfigs,
    OffsetDelete,
}

/// An API with its key, the versions served, and the first version with compact lengths and tagged fields (KIP-482).
struct Served {
    api: Api,
    key: i16,
    versions: RangeInclusive<i16>,
    flexible_from: i16,
}

const fn served(api: Api, key: i16, versions: RangeInclusive<i16>, flexible_from: i16) -> Served {
    Served { api, key, versions, flexible_from }
}

/// Versions begin where Apache Kafka 4's do (KIP-896). Nearly all end before the first flexible one; the few that go on
/// have fields there that no earlier version has, such as the group's generation in `TxnOffsetCommit`.
const SERVED: [Served; 28] = [
    served(Api::Produce, 0, 3..=8, 9),
    served(Api::Fetch, 1, 4..=11, 12),
    served(Api::ListOffsets, 2, 1..=7, 6),
    served(Api::Metadata, 3, 1..=8, 9),
    served(Api::OffsetCommit, 8, 2..=7, 8),
    served(Api::OffsetFetch, 9, 1..=7, 6),
    served(Api::FindCoordinator, 10, 0..=2, 3),
    served(Api::JoinGroup, 11, 0..=5, 6),
    served(Api::Heartbeat, 12, 0..=3, 4),
    served(Api::LeaveGroup, 13, 0..=3, 4),
    served(Api::SyncGroup, 14, 0..=3, 4),
    served(Api::DescribeGroups, 15, 0..=4, 5),
    served(Api::ListGroups, 16, 0..=4, 3),
    served(Api::ApiVersions, 18, 0..=3, 3),
    served(Api::CreateTopics, 19, 2..=4, 5),
    served(Api::DeleteTopics, 20, 1..=3, 4),
    served(Api::DeleteRecords, 21, 0..=1, 2),
    served(Api::InitProducerId, 22, 0..=4, 2),
    served(Api::AddPartitionsToTxn, 24, 0..=2, 3),
    served(Api::AddOffsetsToTxn, 25, 0..=2, 3),
    served(Api::EndTxn, 26, 0..=2, 3),
    served(Api::TxnOffsetCommit, 28, 0..=3, 3),
    served(Api::DescribeConfigs, 32, 1..=3, 4),
    served(Api::AlterConfigs, 33, 0..=1, 2),
    served(Api::CreatePartitions, 37, 0..=1, 2),
    served(Api::DeleteGroups, 42, 0..=1, 2),
    served(Api::IncrementalAlterConfigs, 44, 0..=1, 1),
    served(Api::OffsetDelete, 47, 0..=0, 1),
];

impl Api {
    /// The API with this key, if it is served.
    pub(crate) fn of_key(key: i16) -> Option<Self> {
        SERVED.iter().find(|served| served.key == key).map(|served| served.api)
    }

    /// Whether this version is served.
    pub(crate) fn serves(self, version: i16) -> bool {
        self.served().versions.contains(&version)
    }

    /// Whether this version has compact lengths and tagged fields.
    pub(crate) fn is_flexible(self, version: i16) -> bool {
        version >= self.served().flexible_from
    }

    /// Key and versions of all APIs served.
    pub(crate) fn all() -> impl Iterator<Item = (i16, RangeInclusive<i16>)> {
        SERVED.iter().map(|served| (served.key, served.versions.clone()))
    }

    fn served(self) -> &'static Served {
        // In the order of the declaration, which a test checks.
        &SERVED[self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_declaration() {
        for (at, served) in SERVED.iter().enumerate() {
            assert_eq!(served.api as usize, at, "{:?}", served.api);
            assert_eq!(Api::of_key(served.key), Some(served.api));
        }
    }

    #[test]
    fn keys_that_are_not_served_are_none() {
        assert_eq!(Api::of_key(-1), None);
        assert_eq!(Api::of_key(4), None);
        assert_eq!(Api::of_key(i16::MAX), None);
    }
}
