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
    requests: Mutex<BTreeMap<Api, Vec<Plan>>>,
    refuse_connections: AtomicBool,
    hold_markers: AtomicBool,
}

/// The next `times` requests of clients whose id begins with `client_prefix` meet this fault.
#[derive(Debug)]
struct Plan {
    client_prefix: String,
    fault: Fault,
    times: usize,
}

impl Faults {
    /// Has the next `times` requests of this API meet this fault, after those planned before.
    pub fn plan(&self, api: Api, fault: Fault, times: usize) {
        self.plan_for("", api, fault, times);
    }

    /// As [`Faults::plan`], for clients only whose `client.id` begins with this: a test's own clients go unharmed.
    pub fn plan_for(&self, client_prefix: &str, api: Api, fault: Fault, times: usize) {
        let plan = Plan { client_prefix: client_prefix.to_owned(), fault, times };
        self.requests().entry(api).or_default().push(plan);
    }

    /// Requests that are still to meet a fault.
    pub fn planned(&self) -> usize {
        self.requests().values().flatten().map(|plan| plan.times).sum()
    }

    /// Requests of this API that are still to meet a fault.
    pub fn planned_for(&self, api: Api) -> usize {
        self.requests().get(&api).into_iter().flatten().map(|plan| plan.times).sum()
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

    /// The fault that this request meets: the first one planned for it.
    pub(crate) fn next(&self, api: Api, client_id: &str) -> Option<Fault> {
        let mut requests = self.requests();
        let plans = requests.get_mut(&api)?;
        let plan = plans.iter_mut().find(|plan| plan.times > 0 && client_id.starts_with(&plan.client_prefix))?;
        plan.times -= 1;
        let fault = plan.fault;
        plans.retain(|plan| plan.times > 0);
        Some(fault)
    }

    fn requests(&self) -> MutexGuard<'_, BTreeMap<Api, Vec<Plan>>> {
        self.0.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_come_in_the_order_of_their_plans() {
        let faults = Faults::default();
        faults.plan(Api::Fetch, Fault::LoseRequest, 2);
        faults.plan(Api::Fetch, Fault::LoseAnswer, 1);
        faults.plan(Api::Produce, Fault::LoseAnswer, 0);
        assert_eq!((faults.planned(), faults.planned_for(Api::Fetch), faults.planned_for(Api::Produce)), (3, 3, 0));
        assert_eq!(faults.next(Api::Produce, "a"), None);
        let met: Vec<_> = (0..4).map(|_| faults.next(Api::Fetch, "a")).collect();
        assert_eq!(met, [Some(Fault::LoseRequest), Some(Fault::LoseRequest), Some(Fault::LoseAnswer), None]);
        assert_eq!(faults.planned(), 0);
    }

    #[test]
    fn a_fault_can_be_for_some_clients_only() {
        let faults = Faults::default();
        faults.plan_for("logveil-", Api::EndTxn, Fault::LoseAnswer, 2);
        faults.plan(Api::EndTxn, Fault::LoseRequest, 1);
        assert_eq!(faults.next(Api::EndTxn, "logveil-7"), Some(Fault::LoseAnswer));
        assert_eq!(faults.next(Api::EndTxn, "a-test"), Some(Fault::LoseRequest));
        assert_eq!(faults.next(Api::EndTxn, "a-test"), None);
        assert_eq!(faults.planned_for(Api::EndTxn), 1);
        faults.clear();
        assert_eq!(faults.next(Api::EndTxn, "logveil-7"), None);
    }
}
