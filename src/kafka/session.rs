//! One life of the clients: from finding the topics to closing the consumer.

use super::rebalance::{Command, GroupContext, WorkerHandle};
use super::sink::KafkaSink;
use super::source::{KafkaSource, Queue};
use super::topics::Topics;
use super::{Job, Options, client, fault, pause};
use crate::pipeline::{Fault, Lane, Pulse, ReadLimit, State, Step};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One engine batch: enough records to fill its phases, few enough bytes to stay in cache.
const READ_LIMIT: ReadLimit = ReadLimit { records: 1000, bytes: 1024 * 1024 };
/// How often the consumer's group duties are served, and a request to stop is noticed.
const POLL: Duration = Duration::from_millis(50);
/// Between looks whether workers that were told to finish have done so.
const FINISH_LOOK: Duration = Duration::from_millis(2);
/// The longest a worker sleeps without being woken.
const IDLE: Duration = Duration::from_millis(50);
/// Between attempts to reach a cluster at the start; and between log lines about it.
const CONNECT_WAIT: Duration = Duration::from_millis(300);
const CONNECT_LOG_INTERVAL: Duration = Duration::from_secs(10);
/// A broker that has just come back, or a topic that was just made, is not known everywhere at once.
const HALT_PATIENCE: Duration = Duration::from_secs(3);
/// After an abort: first and longest wait, so that a refusal that stays does not become a storm.
const ABORT_WAIT_MIN: Duration = Duration::from_millis(50);
const ABORT_WAIT_MAX: Duration = Duration::from_secs(5);
/// Aborts without a commit between them after which the topics are looked at anew: a deleted target or a lowered limit
/// refuses the same records for ever.
const ABORTS_MAX: u32 = 3;

type Worker = JoinHandle<Result<(), Fault>>;

/// Runs until told to stop or until the clients are of no more use.
///
/// # Errors
/// Any but [`Fault::TooLarge`].
pub(super) fn run(options: &Options, job: &Job) -> Result<(), Fault> {
    // Beats until the consumer is closed.
    let pulse = job.pulses.start("group");
    let Some(topics) = connect(options, job, &pulse)? else { return Ok(()) };
    let topics = Arc::new(topics);
    let sources: Vec<&str> = job.routes.iter().map(|route| route.source.as_str()).collect();
    let partitions: i32 = sources.iter().map(|source| topics.partitions_of(source)).sum();
    let context = GroupContext::new(Arc::clone(&job.metrics), job.health.clone(), Arc::clone(&pulse));
    let consumer: BaseConsumer<GroupContext> = client::consumer(options, partitions as usize)
        .create_with_context(context)
        .map_err(|error| Fault::Halt(format!("cannot make a Kafka consumer: {error}")))?;
    let consumer = Arc::new(consumer);

    let workers = start_workers(options, job, &consumer, &topics, &sources)?;
    job.health.set(State::Joining);
    let outcome = consumer
        .subscribe(&sources)
        .map_err(|error| Fault::Broken(format!("could not subscribe: {error}")))
        .and_then(|()| serve(job, &consumer, &workers, &pulse));

    consumer.context().tell_all(|| Command::Finish);
    let mut outcome = outcome;
    while !workers.iter().all(Worker::is_finished) {
        pulse.beat();
        std::thread::sleep(FINISH_LOOK);
    }
    for worker in workers {
        let ended = worker.join().unwrap_or_else(|_| Err(Fault::Halt("a worker panicked; this is a bug".to_owned())));
        // The first fault is the cause; a halt outweighs all.
        if let (Ok(()), Err(_)) | (Err(_), Err(Fault::Halt(_))) = (&outcome, &ended) {
            outcome = ended;
        }
    }
    // Closing the consumer revokes what is left; there is no worker to tell any more.
    consumer.context().set_workers(Vec::new());
    outcome
}

/// Waits for the cluster; `None` when told to stop before it answered.
fn connect(options: &Options, job: &Job, pulse: &Pulse) -> Result<Option<Topics>, Fault> {
    let mut logged: Option<Instant> = None;
    let mut wrong_since = None;
    while !job.stop.is_requested() {
        pulse.beat();
        match Topics::inspect(options, &job.routes) {
            Ok(topics) => return Ok(Some(topics)),
            Err(Fault::Halt(_)) if wrong_since.get_or_insert_with(Instant::now).elapsed() < HALT_PATIENCE => {
                pause(CONNECT_WAIT, &job.stop);
            }
            Err(Fault::Busy(cause)) => {
                if logged.is_none_or(|at| at.elapsed() >= CONNECT_LOG_INTERVAL) {
                    tracing::warn!(cause, servers = options.bootstrap_servers, "waiting for the cluster");
                    logged = Some(Instant::now());
                }
                pause(CONNECT_WAIT, &job.stop);
            }
            Err(fault) => return Err(fault),
        }
    }
    Ok(None)
}

/// Splits every partition's queue from the consumer's and starts the workers, each with its share.
///
/// The queues are split before the first assignment: librdkafka then never puts a record into the common queue.
fn start_workers(
    options: &Options,
    job: &Job,
    consumer: &Arc<BaseConsumer<GroupContext>>,
    topics: &Arc<Topics>,
    sources: &[&str],
) -> Result<Vec<Worker>, Fault> {
    let mut shares: Vec<Vec<Queue>> = (0..options.workers).map(|_| Vec::new()).collect();
    let partitions = sources.iter().flat_map(|source| (0..topics.partitions_of(source)).map(move |p| (*source, p)));
    for (index, (topic, partition)) in partitions.enumerate() {
        let queue = consumer
            .split_partition_queue(topic, partition)
            .ok_or_else(|| Fault::Broken(format!("could not split the queue of {topic}/{partition}")))?;
        shares[index % options.workers].push(Queue {
            partition: (topic.to_owned(), partition),
            queue,
            assigned: false,
        });
    }
    let (mut workers, mut handles) = (Vec::new(), Vec::new());
    for (index, queues) in shares.into_iter().enumerate() {
        let (commands, told) = channel();
        let (options, job, consumer, topics) = (options.clone(), job.clone(), Arc::clone(consumer), Arc::clone(topics));
        let worker = std::thread::Builder::new()
            .name(format!("worker-{index}"))
            .spawn(move || {
                let id = format!("logveil-{}-{}-{index}", options.group, options.instance);
                let sink = KafkaSink::connect(&options, &job, topics, Arc::clone(&consumer), &id, index)?;
                work(KafkaSource::new(consumer, queues), sink, &job, &told)
            })
            .map_err(|error| Fault::Halt(format!("cannot start a thread: {error}")))?;
        handles.push(WorkerHandle { commands, thread: worker.thread().clone() });
        workers.push(worker);
    }
    consumer.context().set_workers(handles);
    Ok(workers)
}

/// Serves the consumer's group duties until told to stop or until a worker ends.
fn serve(job: &Job, consumer: &BaseConsumer<GroupContext>, workers: &[Worker], pulse: &Pulse) -> Result<(), Fault> {
    while !job.stop.is_requested() && !workers.iter().any(Worker::is_finished) {
        pulse.beat();
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                return Err(Fault::Broken(format!(
                    "a record of {}/{} arrived, a partition that was not there at the start",
                    message.topic(),
                    message.partition()
                )));
            }
            Some(Err(error)) => match fault::of_read(&error) {
                Some(fault) => return Err(fault),
                None => tracing::debug!(%error, "the consumer goes on"),
            },
            None => {}
        }
    }
    Ok(())
}

/// A step of the lane. Before a halt the open transaction is aborted, so that no reader waits for its timeout.
fn step(lane: &mut Lane<KafkaSource, KafkaSink>) -> Result<Step, Fault> {
    lane.step(Instant::now()).inspect_err(|fault| {
        if matches!(fault, Fault::Halt(_))
            && let Err(error) = lane.discard()
        {
            tracing::warn!(%error, "could not abort the open transaction; the broker will");
        }
    })
}

/// A worker's life: reads, veils, sends and commits, and does what the group says in between.
fn work(mut source: KafkaSource, sink: KafkaSink, job: &Job, told: &Receiver<Command>) -> Result<(), Fault> {
    source.wake_on_records();
    let (routes, keys, metrics) = (job.routes.unshared(), Arc::clone(&job.keys), Arc::clone(&job.metrics));
    let pulse = sink.pulse();
    let mut lane = Lane::new(source, sink, routes, keys, job.rule, READ_LIMIT, metrics);
    let (mut aborts, mut abort_wait) = (0, ABORT_WAIT_MIN);
    loop {
        pulse.beat();
        match told.try_recv() {
            Ok(Command::Assign(partitions)) => lane.source().set_assigned(&partitions, true),
            Ok(Command::Revoke { partitions, lost, done }) => {
                // First, so that nothing more is read of them, and a rewind leaves them alone.
                lane.source().set_assigned(&partitions, false);
                let let_go = if lost { lane.discard() } else { lane.finish() };
                let_go?;
                drop(done);
            }
            Ok(Command::Finish) | Err(TryRecvError::Disconnected) => return lane.finish(),
            Err(TryRecvError::Empty) => match step(&mut lane)? {
                Step::Sent => {}
                Step::Committed => (aborts, abort_wait) = (0, ABORT_WAIT_MIN),
                Step::Idle => std::thread::park_timeout(lane.due_in(Instant::now()).map_or(IDLE, |due| due.min(IDLE))),
                Step::Aborted => {
                    aborts += 1;
                    if aborts == ABORTS_MAX {
                        return Err(Fault::Broken(format!("{ABORTS_MAX} transactions in a row were aborted")));
                    }
                    pause(abort_wait, &job.stop);
                    abort_wait = (abort_wait * 2).min(ABORT_WAIT_MAX);
                }
            },
        }
    }
}
