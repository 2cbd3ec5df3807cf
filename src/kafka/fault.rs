//! Errors of the client, by what to do next.

use crate::pipeline::Fault;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What to do after a failed call of the transaction's protocol. `what` says what was tried.
pub(super) fn of_transaction(what: &str, error: &KafkaError) -> Fault {
    let KafkaError::Transaction(transaction) = error else {
        return Fault::Broken(format!("could not {what}: {error}"));
    };
    let cause = format!("could not {what}: {} ({})", transaction.string(), transaction.name());
    if is_denied(transaction.code()) {
        let hint = "grant Write and Describe on the transactional id `logveil-*`, and Read on the group";
        return Fault::Halt(format!("{cause}\n  hint: {hint}"));
    }
    if transaction.is_retriable() {
        Fault::Busy(cause)
    } else if transaction.txn_requires_abort() {
        Fault::Abort(cause)
    } else {
        // Fatal, or not classified: librdkafka's advice is to start anew.
        Fault::Broken(cause + hint_of_fencing(transaction.code()))
    }
}

/// What to do after a record could not be queued for sending. `fatal` is what ended the producer for good, if it has.
pub(super) fn of_send(topic: &str, error: &KafkaError, fatal: Option<RDKafkaErrorCode>) -> Fault {
    let cause = format!("could not send to topic `{topic}`: {error}");
    if let Some(code) = fatal {
        return Fault::Broken(format!("{cause}: {code}{}", hint_of_fencing(code)));
    }
    if let Some(RDKafkaErrorCode::QueueFull) = error.rdkafka_error_code() {
        return Fault::Busy(cause);
    }
    // The transaction has failed already, and this is how it is told.
    Fault::Abort(cause)
}

/// A transaction that timed out while the broker was away is fenced as well, so fencing alone is no reason to halt.
fn hint_of_fencing(code: RDKafkaErrorCode) -> &'static str {
    let is_fenced = matches!(
        code,
        RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::InvalidProducerEpoch | RDKafkaErrorCode::Fenced
    );
    let hint = "\n  hint: if this repeats, another process runs as the same `kafka.instance`; give each its own";
    if is_fenced { hint } else { "" }
}

/// What to do after reading from the consumer failed; `None` when the client mends it by itself.
pub(super) fn of_read(error: &KafkaError) -> Option<Fault> {
    if let KafkaError::MessageConsumptionFatal(_) = error {
        return Some(Fault::Broken(format!("the consumer failed: {error}")));
    }
    let damaged = matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::BadCompression | RDKafkaErrorCode::NotImplemented)
    );
    if damaged {
        // The client goes on behind the batch, which would skip its records; a new one begins at the last commit.
        return Some(Fault::Broken(format!("could not decode a batch of records: {error}")));
    }
    let gone = matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
        )
    );
    if gone {
        // Told only after the client's own patience of 30 s. It would never read a topic that is made anew; and its
        // offsets are those of the old one.
        return Some(Fault::Broken(format!("a source topic is gone: {error}")));
    }
    let denied = matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::GroupAuthorizationFailed)
    );
    let hint = "grant Read and Describe on the source topics, and Read on the group";
    denied.then(|| Fault::Halt(format!("may not read: {error}\n  hint: {hint}")))
}

fn is_denied(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TransactionalIdAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_batch_is_read_again_and_not_skipped() {
        for code in [RDKafkaErrorCode::BadMessage, RDKafkaErrorCode::BadCompression] {
            assert!(matches!(of_read(&KafkaError::MessageConsumption(code)), Some(Fault::Broken(_))), "{code:?}");
        }
        let mended_by_itself = KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure);
        assert_eq!(of_read(&mended_by_itself), None);
    }

    #[test]
    fn a_send_tells_what_ended_the_producer() {
        let error = KafkaError::MessageProduction(RDKafkaErrorCode::Fatal);
        let Fault::Broken(cause) = of_send("clean", &error, Some(RDKafkaErrorCode::Fenced)) else {
            panic!("such a producer is of no more use");
        };
        assert!(cause.contains("same `kafka.instance`"), "{cause}");
        let refused = KafkaError::MessageProduction(RDKafkaErrorCode::State);
        assert!(matches!(of_send("clean", &refused, None), Fault::Abort(_)));
    }
}
