//! A small Kafka broker inside the process, **for demos, tests and development**. It is no production broker: one node, no
//! replication, no disk; what it holds is gone when it is dropped. It listens on loopback only, and refuses anything else.
//!
//! It speaks the real protocol, so one client path serves every mode. Transactions work as Apache Kafka's do: open ones hold
//! readers back, aborted records stay hidden, old producers are fenced, offsets commit with the records. Topics have
//! retention and segments that keep their bytes as Kafka's do. What it claims is checked by one suite of probes that
//! runs against it and against Apache Kafka.
//!
//! ```
//! let broker = embedded_kafka::Broker::start(embedded_kafka::Options::default())?;
//! println!("bootstrap.servers={}", broker.bootstrap_servers());
//! # Ok::<(), embedded_kafka::StartError>(())
//! ```

mod clock;
mod core;
mod fault;
mod group;
mod handle;
mod log;
mod offline;
mod server;
mod topic;
mod transaction;
mod wire;

pub use clock::Clock;
pub use fault::{Fault, Faults};
pub use offline::Offline;
pub use wire::{Api, ErrorCode};

use crate::core::Core;
use crate::server::Connections;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// What a broker is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen: a loopback address; port 0 takes a free one, which is the default.
    pub listen: SocketAddr,
    /// Partitions of a topic that a client asks for and nobody made; none (the default) makes no topic.
    pub auto_create_partitions: Option<u32>,
    /// Bytes of record batches that the broker holds at most; producers beyond it are told to try again later
    /// (`KAFKA_STORAGE_ERROR`). 1 GiB by default.
    pub log_bytes_max: u64,
    /// Largest batch of a topic that sets no `max.message.bytes` (`message.max.bytes`): 1 MiB in Apache Kafka, 16 MiB here.
    pub message_bytes_max: usize,
    /// How often segments past their retention are looked for (`log.retention.check.interval.ms`): 5 minutes in Apache
    /// Kafka, 1 second here.
    pub retention_check_interval: Duration,
    /// How long the first member of a group waits for others (`group.initial.rebalance.delay.ms`): 3 seconds in Apache
    /// Kafka, none here.
    pub initial_rebalance_delay: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            auto_create_partitions: None,
            log_bytes_max: 1 << 30,
            message_bytes_max: 16 << 20,
            retention_check_interval: Duration::from_secs(1),
            initial_rebalance_delay: Duration::ZERO,
        }
    }
}

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// This broker checks nobody's identity.
    #[error("{0} is not a loopback address\n  hint: this broker is for tests and development; listen on 127.0.0.1")]
    NotLoopback(SocketAddr),
    /// The operating system refused the address.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// Its answer.
        cause: std::io::Error,
    },
}

/// One segment of a partition's log, as `DescribeLogDirs` and a look at the disk would show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// First offset.
    pub base_offset: i64,
    /// Offset behind the last record.
    pub end_offset: i64,
    /// Bytes of its batches. They stay until the whole segment goes, whatever `DeleteRecords` said.
    pub bytes: u64,
    /// Largest timestamp of its records, in milliseconds since the Unix epoch; -1 for none.
    pub max_timestamp_ms: i64,
}

/// A running broker; it ends when it is dropped.
pub struct Broker {
    core: Arc<Core>,
    threads: Vec<JoinHandle<()>>,
}

impl Broker {
    /// Starts a broker. It answers when this returns.
    ///
    /// # Errors
    /// The address is not a loopback address, or cannot be listened on.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let address = options.listen;
        if !address.ip().is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
        let failed = |cause| StartError::Listen { address, cause };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let core = Arc::new(Core::new(options, bound));
        let connections = Arc::new(Connections::default());
        let mut broker = Self { core: Arc::clone(&core), threads: Vec::new() };

        let (ticking, cut) = (Arc::clone(&core), Arc::clone(&connections));
        broker.spawn("kafka-ticks", move || ticking.run_ticks(|| cut.cut())).map_err(failed)?;
        broker.spawn("kafka-accept", move || server::accept(&listener, &core, &connections)).map_err(failed)?;
        Ok(broker)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.threads.push(std::thread::Builder::new().name(name.to_owned()).spawn(run)?);
        Ok(())
    }

    /// `host:port`, for clients' `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        self.core.address.to_string()
    }

    /// What is to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.core.faults
    }

    /// What time it is.
    pub fn clock(&self) -> &Clock {
        &self.core.clock
    }

    /// The segments of a partition, the oldest first; none for a partition that does not exist.
    pub fn segments(&self, topic: &str, partition: i32) -> Vec<Segment> {
        let mut state = self.core.lock();
        state.partition(topic, partition).map_or_else(|_| Vec::new(), |(partition, _)| partition.segments())
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.core.stop();
        // Wakes the thread that accepts; it ends whether this reaches it or not, with the next connection.
        let woken = TcpStream::connect(self.core.address).is_ok();
        for thread in self.threads.drain(..).filter(|_| woken) {
            // A thread that panicked has already said so.
            thread.join().ok();
        }
    }
}
