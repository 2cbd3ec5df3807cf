//! The raw topics as a sweep sees them: watermarks, commits, times, deletions. Reads no record.

use super::native::{self, ListedOffset, OffsetOf};
use super::{Options, client};
use crate::retention::{Answers, LogError, Mark, RawLog, Stamp};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList, TopicPartitionListElem};
use std::time::Duration;
use tokio::runtime::Runtime;

/// One question. Short, so that a request to stop is soon noticed while the cluster is away.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How long the leader waits until all replicas have deleted; and until its answer must be here.
const DELETE_TIMEOUT: Duration = Duration::from_secs(5);
const DELETE_ANSWER_TIMEOUT: Duration = Duration::from_secs(6);

/// A connection to the raw topics.
///
/// Worth keeping while it works: the wrapper leaks some 200 bytes with each client that it makes.
pub struct RawTopics {
    admin: AdminClient<DefaultClientContext>,
    observer: BaseConsumer,
    runtime: Runtime,
    servers: String,
    group: String,
}

impl RawTopics {
    /// Makes the clients; whether a broker is there shows with the first question.
    ///
    /// # Errors
    /// [`LogError::Failed`] when the options fit no client.
    pub fn connect(options: &Options) -> Result<Self, LogError> {
        let cannot = |error: &dyn std::fmt::Display| LogError::Failed(format!("cannot make a Kafka client: {error}"));
        Ok(Self {
            admin: client::admin(options).create().map_err(|error| cannot(&error))?,
            observer: client::observer(options).create().map_err(|error| cannot(&error))?,
            runtime: client::admin_runtime().map_err(|error| cannot(&error))?,
            servers: options.bootstrap_servers.clone(),
            group: options.group.clone(),
        })
    }

    /// What an error means for the sweep, and how to mend it.
    fn error(&self, what: &str, error: &KafkaError) -> LogError {
        let code = error.rdkafka_error_code();
        let cause = match code {
            Some(code) => format!("could not {what}: {code}"),
            None => format!("could not {what}: {error}"),
        };
        let refused = |hint: &str| LogError::Refused(format!("{cause}\n  hint: {hint}"));
        match code {
            Some(RDKafkaErrorCode::TopicAuthorizationFailed) => {
                refused("grant Describe and Delete on the source topics: Delete on no other topic")
            }
            Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {
                refused(&format!("grant Describe or Read on the group `{}`", self.group))
            }
            Some(RDKafkaErrorCode::PolicyViolation) => refused(
                "the topic is compacted, so it keeps the last raw record of each key for ever; set its \
                 `cleanup.policy` to `delete`, or take the window from its route",
            ),
            Some(
                RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition,
            ) => refused("create the topic, or mend the route"),
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SaslAuthenticationFailed,
            ) => LogError::Away(format!(
                "{cause}\n  hint: `kafka.bootstrap_servers` is {}; see that a broker answers there",
                self.servers
            )),
            Some(_) | None => LogError::Failed(cause),
        }
    }

    fn stamp(&self, what: &str, listed: ListedOffset) -> Result<Option<Stamp>, LogError> {
        let ListedOffset { partition: _, offset, timestamp_ms, error } = listed;
        if error != RDKafkaErrorCode::NoError {
            return Err(self.error(what, &KafkaError::AdminOp(error)));
        }
        match offset {
            0.. => Ok(Some(Stamp { offset, timestamp_ms: Some(timestamp_ms).filter(|ms| *ms >= 0) })),
            -1 => Ok(None),
            // The answer's place is still as librdkafka made it: the leader's was lost.
            _ => Err(LogError::Failed(format!("could not {what}: its leader did not answer"))),
        }
    }
}

impl RawLog for RawTopics {
    fn partitions(&mut self, topic: &str) -> Result<Vec<i32>, LogError> {
        let what = format!("ask the cluster about topic `{topic}`");
        let failed = |error: &KafkaError| self.error(&what, error);
        let metadata = self.admin.inner().fetch_metadata(Some(topic), TIMEOUT).map_err(|error| failed(&error))?;
        let missing = KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopic);
        let found = metadata.topics().iter().find(|found| found.name() == topic).ok_or_else(|| failed(&missing))?;
        if let Some(error) = found.error() {
            return Err(failed(&KafkaError::MetadataFetch(error.into())));
        }
        let mut partitions: Vec<i32> = found.partitions().iter().map(|partition| partition.id()).collect();
        partitions.sort_unstable();
        Ok(partitions)
    }

    /// The offset of a transaction that is still open is in no answer: the coordinator keeps it apart until the commit.
    fn committed(&mut self, topic: &str, partitions: &[i32]) -> Result<Answers<Option<i64>>, LogError> {
        let what = format!("ask what group `{}` has committed in topic `{topic}`", self.group);
        let mut asked = TopicPartitionList::new();
        for partition in partitions {
            asked.add_partition(topic, *partition);
        }
        let committed = self.observer.committed_offsets(asked, TIMEOUT).map_err(|error| self.error(&what, &error))?;
        // It reads nothing; but what its connections have to say would pile up unheard.
        while let Some(Err(error)) = self.observer.poll(Duration::ZERO) {
            tracing::debug!(%error, "the sweeper's consumer goes on");
        }
        let answer = |element: &TopicPartitionListElem<'_>| {
            element.error().map_err(|error| self.error(&what, &error))?;
            match element.offset() {
                Offset::Offset(offset) => Ok(Some(offset)),
                Offset::Invalid => Ok(None),
                Offset::Beginning | Offset::End | Offset::Stored | Offset::OffsetTail(_) => {
                    Err(LogError::Failed(format!("could not {what}: the answer is no offset")))
                }
            }
        };
        Ok(committed.elements().iter().map(|element| (element.partition(), answer(element))).collect())
    }

    fn find(&mut self, topic: &str, partitions: &[i32], mark: Mark) -> Result<Answers<Option<Stamp>>, LogError> {
        let (of, name) = match mark {
            Mark::Low => (OffsetOf::Start, "start"),
            Mark::StableEnd => (OffsetOf::StableEnd, "end"),
            Mark::Since(timestamp_ms) => (OffsetOf::Time(timestamp_ms), "first record of a time"),
            Mark::Newest => (OffsetOf::NewestRecord, "newest record"),
        };
        let listed = native::list_offsets(self.admin.inner(), topic, partitions, of, TIMEOUT)
            .map_err(|error| self.error(&format!("ask for the {name} of topic `{topic}`"), &error))?;
        let answer =
            |listed: ListedOffset| self.stamp(&format!("ask for the {name} of {topic}/{}", listed.partition), listed);
        Ok(listed.into_iter().map(|listed| (listed.partition, answer(listed))).collect())
    }

    fn delete_before(&mut self, topic: &str, partition: i32, offset: i64) -> Result<i64, LogError> {
        let what = format!("delete records of {topic}/{partition}");
        let failed = |error: &KafkaError| self.error(&what, error);
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset(topic, partition, Offset::Offset(offset)).map_err(|error| failed(&error))?;
        let options =
            AdminOptions::new().operation_timeout(Some(DELETE_TIMEOUT)).request_timeout(Some(DELETE_ANSWER_TIMEOUT));
        let deleted = self.runtime.block_on(self.admin.delete_records(&asked, &options));
        let deleted = deleted.map_err(|error| failed(&error))?;
        // The call as a whole succeeds even if every partition in it failed.
        let Some(element) = deleted.find_partition(topic, partition) else {
            return Err(LogError::Failed(format!("could not {what}: the answer does not name it")));
        };
        element.error().map_err(|error| failed(&error))?;
        match element.offset() {
            Offset::Offset(low) => Ok(low),
            Offset::Beginning | Offset::End | Offset::Stored | Offset::Invalid | Offset::OffsetTail(_) => {
                Err(LogError::Failed(format!("could not {what}: the answer is no low watermark")))
            }
        }
    }
}
