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
        // Fatal (fenced by a later start of the same instance), or not classified: librdkafka's advice is to start anew.
        Fault::Broken(cause)
    }
}

/// What to do after a record could not be queued for sending.
pub(super) fn of_send(topic: &str, error: &KafkaError) -> Fault {
    let cause = format!("could not send to topic `{topic}`: {error}");
    match error {
        KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) => Fault::Busy(cause),
        KafkaError::MessageProduction(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::Fenced) => Fault::Broken(cause),
        // The transaction has failed already, and this is how it is told.
        _ => Fault::Abort(cause),
    }
}

/// What to do after reading from the consumer failed; `None` when the client mends it by itself.
pub(super) fn of_read(error: &KafkaError) -> Option<Fault> {
    match error {
        KafkaError::MessageConsumptionFatal(_) => Some(Fault::Broken(format!("the consumer failed: {error}"))),
        KafkaError::MessageConsumption(
            RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::GroupAuthorizationFailed,
        ) => Some(Fault::Halt(format!(
            "may not read: {error}\n  hint: grant Read and Describe on the source topics, and Read on the group"
        ))),
        _ => None,
    }
}

fn is_denied(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TransactionalIdAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
    )
}
