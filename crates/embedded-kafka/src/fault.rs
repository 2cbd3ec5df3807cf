//! Faults that a test has the broker commit.

use crate::wire::{Api, ErrorCode};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; every part of the answer carries this code.
    Refuse(ErrorCode),
    /// The request is handled after this time.
    Delay(Duration),
    /// The connection closes before the request is handled: the client can only guess, and nothing was done.
    LoseRequest,
    /// The request is handled, then the connection closes before its answer: the client can only guess, and all was done.
    LoseAnswer,
    /// The connection closes after this many bytes of the answer.
    CutAnswer(usize),
}

/// The faults that are still to happen. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Planned>);

#[derive(Debug, Default)]
struct Planned {
    requests: Mutex<BTreeMap<Api, Vec<Fault>>>,
    refuse_connections: AtomicBool,
    hold_markers: AtomicBool,
}

impl Faults {
    /// Has the next `times` requests of this API meet this fault, after those planned before.
    pub fn plan(&self, api: Api, fault: Fault, times: usize) {
        self.requests().entry(api).or_default().extend(std::iter::repeat_n(fault, times));
    }

    /// Requests that are still to meet a fault.
    pub fn planned(&self) -> usize {
        self.requests().values().map(Vec::len).sum()
    }

    /// Forgets all faults: what comes next goes well.
    pub fn clear(&self) {
        self.requests().clear();
        self.refuse_connections(false);
        self.hold_markers(false);
    }

    /// While `on`, new connections are closed at once and those that stand are cut, as if the broker were away.
    pub fn refuse_connections(&self, on: bool) {
        self.0.refuse_connections.store(on, Ordering::SeqCst);
    }

    /// While `on`, transactions stop between the decision and its markers: the producer is told that its transaction
    /// ended, but no reader sees it. This is where a real coordinator's crash hurts.
    pub fn hold_markers(&self, on: bool) {
        self.0.hold_markers.store(on, Ordering::SeqCst);
    }

    pub(crate) fn refuses_connections(&self) -> bool {
        self.0.refuse_connections.load(Ordering::SeqCst)
    }

    pub(crate) fn holds_markers(&self) -> bool {
        self.0.hold_markers.load(Ordering::SeqCst)
    }

    /// The fault that this request meets.
    pub(crate) fn next(&self, api: Api) -> Option<Fault> {
        let mut requests = self.requests();
        let faults = requests.get_mut(&api).filter(|faults| !faults.is_empty())?;
        Some(faults.remove(0))
    }

    fn requests(&self) -> MutexGuard<'_, BTreeMap<Api, Vec<Fault>>> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
