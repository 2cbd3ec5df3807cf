//! Chunks on their way through the threads: one reads, some veil, and the thread that calls writes, in the order in which
//! the chunks were read.
//!
//! A chunk goes round. There are only so many of them, so whoever is ahead waits for the others, and memory is bounded.

use super::super::exit::Failure;
use super::chunk::{Chunk, Input, Inputs, Worker};
use super::report::Report;
use crate::files::LineWriter;
use std::io::{self, Write};
use std::panic;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread;

/// One that is veiled, one that waits for it, and two that wait for a slower one before them.
const CHUNKS_PER_WORKER: usize = 4;

/// Raw bytes of all chunks on their way, unless it is one alone. Long lines make chunks that are much larger than usual.
const BYTES_ON_THE_WAY_MAX: usize = 64 << 20;

/// A chunk to be veiled, and where it goes then.
type Job = (Chunk, SyncSender<Chunk>);

/// By order of reading: where a chunk will come from once it is veiled, or why reading has ended.
type Promise = Result<Receiver<Chunk>, Failure>;

/// Scrubs with one worker in the calling thread.
pub(super) fn alone<I>(mut inputs: Inputs<I>, mut worker: Worker, out: impl Write) -> Result<Report, Failure>
where
    I: Iterator<Item = Result<Input, Failure>>,
{
    let (mut writer, mut chunk) = (LineWriter::new(out), Chunk::default());
    while inputs.read(&mut chunk)? {
        worker.veil(&mut chunk);
        writer.write(&chunk.clean)?;
    }
    Ok(worker.report)
}

/// Scrubs with each of these workers in a thread of its own. What is written is the same as [`alone`].
///
/// When the output fails, the other threads are left behind: reading may wait for a line that never comes.
pub(super) fn together<I>(inputs: Inputs<I>, workers: Vec<Worker>, out: impl Write) -> Result<Report, Failure>
where
    I: Iterator<Item = Result<Input, Failure>> + Send + 'static,
{
    let chunks: Vec<Chunk> = (0..workers.len() * CHUNKS_PER_WORKER).map(|_| Chunk::default()).collect();
    let (give_back, given_back) = mpsc::channel();
    let (jobs, queue) = mpsc::channel();
    let (promises, promised) = mpsc::channel();
    let queue = Arc::new(Mutex::new(queue));
    let start = |name: &str| thread::Builder::new().name(name.to_owned());
    let failed = |error: io::Error| Failure::Halted(anyhow::Error::new(error).context("could not start a thread"));

    let stock = Stock { idle: chunks, given_back, bytes_on_the_way: 0 };
    let reader = start("reader").spawn(move || read(inputs, stock, &jobs, &promises)).map_err(failed)?;
    let veil = |worker: Worker| {
        let queue = Arc::clone(&queue);
        start("worker").spawn(move || veil_all(worker, &queue))
    };
    let workers = workers.into_iter().map(veil).collect::<io::Result<Vec<_>>>().map_err(failed)?;

    let mut writer = LineWriter::new(out);
    for promise in promised {
        let Ok(chunk) = promise?.recv() else {
            // The hook has said where. The other threads may wait for ever, so they are not asked.
            panic::resume_unwind(Box::new("a worker came upon a fault of its own"));
        };
        writer.write(&chunk.clean)?;
        // The reader is gone when all is read.
        drop(give_back.send(chunk));
    }
    reader.join().unwrap_or_else(|fault| panic::resume_unwind(fault));
    let mut report = Report::default();
    for worker in workers {
        report.add(&worker.join().unwrap_or_else(|fault| panic::resume_unwind(fault)));
    }
    Ok(report)
}

/// Reads chunks until the inputs end, one of them fails, or nobody wants any more.
fn read<I>(mut inputs: Inputs<I>, mut stock: Stock, jobs: &Sender<Job>, promises: &Sender<Promise>)
where
    I: Iterator<Item = Result<Input, Failure>>,
{
    while let Some(mut chunk) = stock.take() {
        match inputs.read(&mut chunk) {
            Ok(true) => {}
            Ok(false) => return,
            Err(failure) => return drop(promises.send(Err(failure))),
        }
        let (veiled, promise) = mpsc::sync_channel(1);
        let wanted = stock.sends(chunk.size()).is_some()
            && promises.send(Ok(promise)).is_ok()
            && jobs.send((chunk, veiled)).is_ok();
        if !wanted {
            return;
        }
    }
}

/// Veils chunks until there are no more.
fn veil_all(mut worker: Worker, queue: &Mutex<Receiver<Job>>) -> Report {
    let next = || queue.lock().ok()?.recv().ok();
    while let Some((mut chunk, veiled)) = next() {
        worker.veil(&mut chunk);
        // Nobody waits for it when the output has failed.
        drop(veiled.send(chunk));
    }
    worker.report
}

/// The chunks that are not on their way, and how much those are that are.
struct Stock {
    idle: Vec<Chunk>,
    given_back: Receiver<Chunk>,
    bytes_on_the_way: usize,
}

impl Stock {
    /// Waits for a chunk; `None` when none will come back.
    fn take(&mut self) -> Option<Chunk> {
        while self.idle.is_empty() {
            self.wait()?;
        }
        self.idle.pop()
    }

    /// Notes that so many bytes set out, once there is room for them; `None` when there will be none.
    fn sends(&mut self, bytes: usize) -> Option<()> {
        while self.bytes_on_the_way > 0 && self.bytes_on_the_way + bytes > BYTES_ON_THE_WAY_MAX {
            self.wait()?;
        }
        self.bytes_on_the_way += bytes;
        Some(())
    }

    fn wait(&mut self) -> Option<()> {
        let mut chunk = self.given_back.recv().ok()?;
        self.bytes_on_the_way -= chunk.size();
        chunk.trim();
        self.idle.push(chunk);
        Some(())
    }
}
