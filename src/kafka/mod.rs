//! Source and sink on Kafka, and the threads between them. The only room that names the client.
//!
//! One thread polls the consumer for its group duties; each worker thread owns some partitions' queues and a
//! transactional producer of its own, and runs a [`Lane`](crate::pipeline::Lane) between the two. Must not know rules or
//! keys' contents. Start at [`run`].

mod client;
mod fault;
mod native;
mod quarantine;
mod raw_topics;
mod rebalance;
mod session;
mod sink;
mod source;
mod topic_reader;
mod topics;
mod trial;

pub use client::Properties;
pub use quarantine::{Entry, Place, Replay, Replayed, fetch, list, replay};
pub use raw_topics::RawTopics;
pub use trial::{Filler, Invented, ReadBack, create_topics, read_back};

use crate::keys::Keyring;
use crate::pipeline::metrics::Metrics;
use crate::pipeline::{CommitRule, Fault, Health, Pulses, Routes, State, Stop};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// The cluster, and this process's place in it.
#[derive(Clone)]
pub struct Options {
    /// `host:port`, comma-separated.
    pub bootstrap_servers: String,
    /// Consumer group.
    pub group: String,
    /// Name of this process in the group: the same over restarts, different between processes.
    pub instance: String,
    /// Worker threads.
    pub workers: usize,
    /// More librdkafka properties of the consumer.
    pub consumer: BTreeMap<String, String>,
    /// More librdkafka properties of the producers.
    pub producer: BTreeMap<String, String>,
}

/// Everything a run needs besides the cluster. Cheap to clone.
#[derive(Clone)]
pub struct Job {
    /// What is read, how it is veiled, where it goes.
    pub routes: Routes,
    /// The keys.
    pub keys: Arc<Keyring>,
    /// When transactions commit.
    pub rule: CommitRule,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// What probes see.
    pub health: Health,
    /// The request to stop.
    pub stop: Stop,
    /// Whether the threads that call the client come back from it; somebody else is to look.
    pub pulses: Pulses,
}

/// Why a run ended before it was told to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Halted(String);

/// Waits between rebuilds of the clients: first and longest.
const REBUILD_WAIT_MIN: Duration = Duration::from_millis(200);
const REBUILD_WAIT_MAX: Duration = Duration::from_secs(5);
/// Clients that lived for so long were good ones: the wait after them is short again.
const GOOD_SESSION: Duration = Duration::from_secs(30);

/// Consumes, veils and produces until told to stop. Survives lost brokers and fenced producers by building its clients
/// anew; everything not committed is read again.
///
/// # Errors
/// [`Halted`] when going on would lose or leak something, or when a person must act.
pub fn run(options: &Options, job: &Job) -> Result<(), Halted> {
    let mut wait = REBUILD_WAIT_MIN;
    while !job.stop.is_requested() {
        job.health.set(State::Connecting);
        let started = Instant::now();
        let ended = session::run(options, job);
        if started.elapsed() >= GOOD_SESSION {
            wait = REBUILD_WAIT_MIN;
        }
        match ended {
            Ok(()) | Err(Fault::Stopped) => {}
            Err(Fault::Halt(cause)) => return Err(Halted(cause)),
            Err(Fault::Broken(cause) | Fault::Busy(cause) | Fault::Abort(cause)) => {
                tracing::warn!(cause, "kafka clients closed; building them anew");
                job.metrics.rebuild();
                pause(wait, &job.stop);
                wait = (wait * 2).min(REBUILD_WAIT_MAX);
            }
            Err(fault @ Fault::TooLarge { .. }) => return Err(Halted(fault.to_string())),
        }
    }
    job.health.set(State::Stopping);
    Ok(())
}

/// Sleeps, but not past a request to stop.
fn pause(wait: Duration, stop: &Stop) {
    const SLICE: Duration = Duration::from_millis(20);
    let mut left = wait;
    while !left.is_zero() && !stop.is_requested() {
        let slice = left.min(SLICE);
        std::thread::sleep(slice);
        left -= slice;
    }
}
