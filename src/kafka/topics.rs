//! The topics of the routes: that they exist, fit together, and how large a record each takes.

use super::{Options, client};
use crate::pipeline::{Fault, Routes};
use rdkafka::admin::{AdminClient, AdminOptions, OwnedResourceSpecifier, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::collections::BTreeMap;
use std::time::Duration;

/// Short, so that a request to stop is soon noticed while the cluster is away; the question is asked again.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Kafka's default of `max.message.bytes`, for topics whose settings may not be read.
const MESSAGE_BYTES_DEFAULT: usize = 1_048_588;
/// What a batch of one record adds to its bytes at most: batch header (61), record framing (36).
const FRAMING_BYTES: usize = 128;

/// What is known of the routes' topics.
#[derive(Debug, Clone, Default)]
pub(super) struct Topics {
    partitions: BTreeMap<String, i32>,
    message_bytes_max: BTreeMap<String, usize>,
}

impl Topics {
    /// Asks the cluster about every topic of the routes.
    ///
    /// # Errors
    /// [`Fault::Busy`] while the cluster does not answer; [`Fault::Halt`] when a topic is missing, may not be seen, or
    /// the target cannot keep the source's partitions.
    pub(super) fn inspect(options: &Options, routes: &Routes) -> Result<Self, Fault> {
        let admin: AdminClient<DefaultClientContext> = client::admin(options)
            .create()
            .map_err(|error| Fault::Halt(format!("cannot make a Kafka client: {error}")))?;
        let mut topics = Self::default();
        for route in routes.iter() {
            for topic in [&route.source, &route.target, &route.quarantine] {
                if !topics.partitions.contains_key(topic) {
                    let partitions = partitions(&admin, topic)?;
                    topics.partitions.insert(topic.clone(), partitions);
                }
            }
            let (source, target) = (topics.partitions_of(&route.source), topics.partitions_of(&route.target));
            if target < source {
                return Err(Fault::Halt(format!(
                    "topic `{}` has {target} partitions, its source `{}` has {source}\n  hint: records keep their \
                     partition; raise the target: `kafka-topics.sh --alter --topic {} --partitions {source}`",
                    route.target, route.source, route.target
                )));
            }
        }
        topics.read_limits(&admin, routes)?;
        Ok(topics)
    }

    /// Number of partitions of a topic; 0 for one that no route names.
    pub(super) fn partitions_of(&self, topic: &str) -> i32 {
        self.partitions.get(topic).copied().unwrap_or(0)
    }

    /// Bytes of key, payload and framed headers that a record of this topic may have.
    pub(super) fn record_bytes_max_of(&self, topic: &str) -> usize {
        self.message_bytes_max.get(topic).copied().unwrap_or(MESSAGE_BYTES_DEFAULT).saturating_sub(FRAMING_BYTES)
    }

    /// Bytes of a batch that some topic takes.
    pub(super) fn batch_bytes_max(&self) -> usize {
        self.message_bytes_max.values().copied().max().unwrap_or(MESSAGE_BYTES_DEFAULT)
    }

    /// Bytes of a batch that every topic takes.
    pub(super) fn batch_bytes_min(&self) -> usize {
        self.message_bytes_max.values().copied().min().unwrap_or(MESSAGE_BYTES_DEFAULT)
    }

    fn read_limits(&mut self, admin: &AdminClient<DefaultClientContext>, routes: &Routes) -> Result<(), Fault> {
        let mut names: Vec<&str> =
            routes.iter().flat_map(|route| [route.target.as_str(), route.quarantine.as_str()]).collect();
        names.sort_unstable();
        names.dedup();
        let resources: Vec<ResourceSpecifier<'_>> = names.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let runtime = client::admin_runtime()
            .map_err(|error| Fault::Halt(format!("cannot start a runtime for administration: {error}")))?;
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
        let described = runtime
            .block_on(admin.describe_configs(&resources, &options))
            .map_err(|error| Fault::Busy(format!("could not read the settings of the topics: {error}")))?;
        // Without the right to see a topic's settings, Kafka's defaults are assumed.
        for config in described.into_iter().flatten() {
            let OwnedResourceSpecifier::Topic(topic) = &config.specifier else { continue };
            let value = |name: &str| config.get(name).and_then(|entry| entry.value.as_deref());
            if value("cleanup.policy").is_some_and(|policy| policy.contains("compact"))
                && routes.iter().any(|route| route.quarantine == *topic)
            {
                return Err(Fault::Halt(format!(
                    "the quarantine topic `{topic}` is compacted, and its entries have no key\n  hint: set its \
                     `cleanup.policy` to `delete`"
                )));
            }
            let limit = value("max.message.bytes").and_then(|limit| limit.parse().ok());
            self.message_bytes_max.insert(topic.clone(), limit.unwrap_or(MESSAGE_BYTES_DEFAULT));
        }
        Ok(())
    }
}

fn partitions(admin: &AdminClient<DefaultClientContext>, topic: &str) -> Result<i32, Fault> {
    let busy = |error: &KafkaError| Fault::Busy(format!("could not ask the cluster about topic `{topic}`: {error}"));
    let metadata = admin.inner().fetch_metadata(Some(topic), TIMEOUT).map_err(|error| busy(&error))?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
        return Err(missing(topic));
    };
    match found.error().map(RDKafkaErrorCode::from) {
        None => Ok(found.partitions().len() as i32),
        Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => Err(missing(topic)),
        Some(RDKafkaErrorCode::TopicAuthorizationFailed) => Err(Fault::Halt(format!(
            "may not see topic `{topic}`\n  hint: grant Describe, and Read on sources or Write on targets"
        ))),
        Some(code) => Err(busy(&KafkaError::MetadataFetch(code))),
    }
}

fn missing(topic: &str) -> Fault {
    Fault::Halt(format!(
        "there is no topic `{topic}`\n  hint: `kafka-topics.sh --create --topic {topic} --partitions N`, or mend the route"
    ))
}
