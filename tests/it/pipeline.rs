//! The loop between a source and a sink in memory that fail on command: nothing lost, nothing doubled, order kept.

use crate::support::{NEW_YEAR_MS, keyring, veil};
use logveil::pipeline::metrics::Metrics;
use logveil::pipeline::{CommitRule, Fault, Lane, Progress, ReadLimit, Route, Routes, SealedEntry, Sink, Source, Step};
use logveil::record::{Position, Record};
use logveil::veil::{CleanRecord, Reason};
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PACK: &str = r#"
name = "test"
version = 1
format = "json"

[[rule]]
id = "ip"
select = ["client_ip"]
class = "ip"
"#;
const PARTITIONS: usize = 3;
/// Steps after which a loop that has not finished never will.
const STEPS_MAX: usize = 5_000;

/// What came out of a record, at its partition and offset.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Out {
    Clean(i32, i64),
    Sealed(i32, i64, Reason),
}

/// Both ends of the stream. What a real broker keeps is in `committed` and `out`; the rest dies with its clients.
#[derive(Default)]
struct World {
    payloads: Vec<Vec<&'static str>>,
    /// Next offset to read, by partition.
    position: Vec<i64>,
    committed: Vec<i64>,
    in_transaction: bool,
    sent: Vec<Out>,
    out: Vec<Out>,
    /// A commit that was begun and can't be taken back.
    committing: Option<Progress>,
    /// Faults to come: each is what the first call of its kind after so many calls answers.
    faults: VecDeque<(usize, Call, Fault)>,
    calls: usize,
    /// Payloads that are too large for the target, and those too large for the quarantine.
    too_large: Vec<&'static str>,
    unsealable: bool,
    pauses: usize,
    transactions: usize,
    /// Records of a commit that took effect although its caller never heard so.
    unheard: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Begin,
    Clean,
    Sealed,
    Commit,
    Abort,
    Read,
    Rewind,
}

impl World {
    fn new(payloads: Vec<Vec<&'static str>>) -> Self {
        let zeros = vec![0; payloads.len()];
        Self { position: zeros.clone(), committed: zeros, payloads, ..Self::default() }
    }

    /// Fails this call if a fault waits for it.
    fn call(&mut self, call: Call) -> Result<(), Fault> {
        self.calls += 1;
        let due = self.faults.iter().position(|(after, kind, _)| *kind == call && self.calls > *after);
        due.and_then(|index| self.faults.remove(index)).map_or(Ok(()), |(_, _, fault)| Err(fault))
    }

    /// What closing all clients does: a transaction that no commit was begun for is gone.
    fn restart(&mut self) {
        if let Some(progress) = self.committing.take() {
            self.unheard += self.sent.len() as i64;
            self.land(&progress);
        }
        self.in_transaction = false;
        self.sent.clear();
        self.position.clone_from(&self.committed);
    }

    fn land(&mut self, progress: &Progress) {
        self.out.append(&mut self.sent);
        for (_, partition, next) in progress.iter() {
            self.committed[partition as usize] = next;
        }
        self.in_transaction = false;
    }

    fn is_done(&self) -> bool {
        let ends: Vec<i64> = self.payloads.iter().map(|partition| partition.len() as i64).collect();
        self.committed == ends
    }
}

#[derive(Clone)]
struct End(Rc<RefCell<World>>);

impl Source for End {
    fn read(
        &mut self,
        limit: ReadLimit,
        take: &mut dyn FnMut(&[Record<'_>]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.0.borrow_mut().call(Call::Read)?;
        let mut read = Vec::new();
        {
            let mut world = self.0.borrow_mut();
            let World { payloads, position, .. } = &mut *world;
            for (partition, (payloads, position)) in payloads.iter().zip(position).enumerate() {
                while let Some(payload) = payloads.get(*position as usize).filter(|_| read.len() < limit.records) {
                    read.push((partition as i32, *position, *payload));
                    *position += 1;
                }
            }
        }
        let records: Vec<Record<'_>> = read
            .iter()
            .map(|(partition, offset, payload)| Record {
                position: Position { topic: "raw", partition: *partition, offset: *offset },
                timestamp_ms: Some(NEW_YEAR_MS),
                key: None,
                payload: Some(payload.as_bytes()),
                headers: &[],
            })
            .collect();
        if records.is_empty() { Ok(()) } else { take(&records) }
    }

    fn rewind(&mut self) -> Result<(), Fault> {
        let mut world = self.0.borrow_mut();
        world.call(Call::Rewind)?;
        let committed = world.committed.clone();
        world.position = committed;
        Ok(())
    }
}

impl Sink for End {
    fn begin(&mut self) -> Result<(), Fault> {
        let mut world = self.0.borrow_mut();
        world.call(Call::Begin)?;
        assert!(!world.in_transaction, "a transaction inside a transaction");
        world.in_transaction = true;
        world.transactions += 1;
        Ok(())
    }

    fn send_clean(&mut self, target: &str, rules: &str, record: &CleanRecord<'_>) -> Result<(), Fault> {
        let mut world = self.0.borrow_mut();
        world.call(Call::Clean)?;
        assert!(world.in_transaction && target == "clean" && rules.starts_with("test@1"));
        let Position { partition, offset, .. } = record.position();
        if world.too_large.contains(&world.payloads[partition as usize][offset as usize]) {
            return Err(Fault::TooLarge { topic: target.to_owned(), size_bytes: 2, limit_bytes: 1 });
        }
        world.sent.push(Out::Clean(partition, offset));
        Ok(())
    }

    fn send_sealed(&mut self, quarantine: &str, entry: &SealedEntry<'_>) -> Result<(), Fault> {
        let mut world = self.0.borrow_mut();
        world.call(Call::Sealed)?;
        assert!(world.in_transaction && quarantine == "quarantine");
        if world.unsealable {
            return Err(Fault::TooLarge { topic: quarantine.to_owned(), size_bytes: 2, limit_bytes: 1 });
        }
        let Position { partition, offset, .. } = entry.position();
        world.sent.push(Out::Sealed(partition, offset, entry.reason()));
        Ok(())
    }

    fn commit(&mut self, progress: &Progress) -> Result<(), Fault> {
        let mut world = self.0.borrow_mut();
        assert!(world.in_transaction, "a commit without a transaction");
        let failed = world.call(Call::Commit);
        if let Some(begun) = &world.committing {
            assert_eq!(begun, progress, "the same call again");
        }
        match failed {
            // The request is on its way: only the same call may follow.
            Err(Fault::Busy(_)) => world.committing = Some(progress.clone()),
            Err(_) if world.committing.is_some() => {}
            Err(_) => return failed,
            Ok(()) => {
                world.committing = None;
                world.land(progress);
            }
        }
        failed
    }

    fn abort(&mut self) -> Result<(), Fault> {
        let mut world = self.0.borrow_mut();
        world.call(Call::Abort)?;
        // The broker has refused the commit, or else it would not be aborted.
        world.committing = None;
        world.in_transaction = false;
        world.sent.clear();
        Ok(())
    }

    fn pause(&mut self, _: u32) -> Result<(), Fault> {
        self.0.borrow_mut().pauses += 1;
        Ok(())
    }
}

/// Runs lanes over the world until everything is committed; each fault that ends a lane starts a new one.
fn run(world: World, rule: CommitRule) -> (World, Vec<Fault>) {
    let veil = Arc::new(veil(PACK));
    let route = Route { source: "raw".into(), target: "clean".into(), quarantine: "quarantine".into(), veil };
    let routes = Routes::new([route]);
    let (metrics, keys) = (Arc::new(Metrics::new(&routes)), Arc::new(keyring()));
    let limit = ReadLimit { records: 2, bytes: 1 << 20 };
    let world = Rc::new(RefCell::new(world));
    let mut ended = Vec::new();
    let mut steps = 0;
    while !world.borrow().is_done() {
        let (source, sink) = (End(Rc::clone(&world)), End(Rc::clone(&world)));
        let mut lane = Lane::new(source, sink, routes.clone(), Arc::clone(&keys), rule, limit, Arc::clone(&metrics));
        let fault = loop {
            steps += 1;
            assert!(steps < STEPS_MAX, "no end in sight");
            let stepped = lane
                .step(Instant::now())
                .and_then(|step| if step == Step::Idle { lane.finish().map(|()| step) } else { Ok(step) });
            match stepped {
                Ok(_) if world.borrow().is_done() => break None,
                Ok(_) => {}
                Err(fault) => break Some(fault),
            }
        };
        drop(lane);
        if let Some(fault) = fault {
            let halted = matches!(fault, Fault::Halt(_));
            ended.push(fault);
            world.borrow_mut().restart();
            if halted {
                break;
            }
        }
    }
    let text = metrics.text();
    let world = Rc::try_unwrap(world).unwrap_or_else(|_| panic!("no lane is left")).into_inner();
    let read = world.committed.iter().sum::<i64>() - world.unheard;
    assert!(text.contains(&format!("logveil_records_in_total{{topic=\"raw\"}} {read}")), "each counts once: {text}");
    (world, ended)
}

fn rule(records: usize) -> CommitRule {
    CommitRule { interval: Duration::from_secs(3600), bytes: usize::MAX, records }
}

/// Each record came out once, in the order of its partition, as what it should be.
#[track_caller]
fn check_complete(world: &World) {
    let mut outs: BTreeMap<i32, Vec<Out>> = BTreeMap::new();
    for out in &world.out {
        let (Out::Clean(partition, _) | Out::Sealed(partition, _, _)) = out;
        outs.entry(*partition).or_default().push(out.clone());
    }
    for (partition, payloads) in world.payloads.iter().enumerate() {
        let partition = partition as i32;
        let wanted = payloads.iter().enumerate().map(|(offset, payload)| match *payload {
            "broken" => Out::Sealed(partition, offset as i64, Reason::NotJson),
            payload if world.too_large.contains(&payload) => Out::Sealed(partition, offset as i64, Reason::TooLarge),
            _ => Out::Clean(partition, offset as i64),
        });
        assert_eq!(outs.remove(&partition).unwrap_or_default(), wanted.collect::<Vec<_>>(), "partition {partition}");
    }
}

fn payloads() -> Vec<Vec<&'static str>> {
    vec![vec!["{}", "broken", "{\"n\":1}", "{}", "{}"], vec!["{\"n\":2}", "{}"], vec!["broken", "{}", "{}"]]
}

#[test]
fn every_fault_at_every_call() {
    let calls = [Call::Begin, Call::Clean, Call::Sealed, Call::Commit, Call::Abort, Call::Read, Call::Rewind];
    let faults = [
        Fault::Busy("busy".to_owned()),
        Fault::Abort("abort".to_owned()),
        Fault::Broken("broken".to_owned()),
        Fault::Stopped,
    ];
    for call in calls {
        for fault in &faults {
            let not_theirs = matches!((call, fault), (Call::Abort | Call::Rewind | Call::Read, Fault::Abort(_)));
            for after in (0..40).filter(|_| !not_theirs) {
                let mut world = World::new(payloads());
                // An abort and a rewind happen only after something else failed.
                world.faults.push_back((after / 2, Call::Commit, Fault::Abort("first".to_owned())));
                world.faults.push_back((after, call, fault.clone()));
                let (world, _) = run(world, rule(3));
                check_complete(&world);
            }
        }
    }
}

#[test]
fn busy_calls_are_made_again_and_not_given_up() {
    let mut world = World::new(payloads());
    for _ in 0..20 {
        world.faults.push_back((0, Call::Commit, Fault::Busy("no broker".to_owned())));
    }
    let (world, ended) = run(world, rule(3));
    check_complete(&world);
    assert_eq!((ended, world.pauses), (Vec::new(), 20));
}

#[test]
fn too_large_is_quarantined_and_an_entry_too_large_halts_before_it() {
    let mut world = World::new(payloads());
    world.too_large = vec!["{\"n\":1}"];
    check_complete(&run(world, rule(3)).0);

    let mut world = World::new(payloads());
    world.too_large = vec!["{\"n\":2}"];
    world.payloads = vec![vec!["{}", "{}"], vec!["{}", "{\"n\":2}", "{}"]];
    world.unsealable = true;
    let (world, ended) = run(world, rule(1));
    let Some(Fault::Halt(text)) = ended.last() else { panic!("{ended:?}") };
    assert!(text.contains("raw/1@1") && text.contains("hint: raise `max.message.bytes`"), "{text}");
    assert!(world.committed[1] <= 1, "nothing at or after the record is committed: {:?}", world.committed);
    assert!(world.out.iter().all(|out| matches!(out, Out::Clean(0, _) | Out::Clean(1, 0))), "{:?}", world.out);
}

#[test]
fn commits_when_the_rule_says_so() {
    let world = World::new(vec![vec!["{}"; 8]; PARTITIONS]);
    let (few, _) = run(world, rule(2));
    let world = World::new(vec![vec!["{}"; 8]; PARTITIONS]);
    let (many, _) = run(world, rule(1000));
    check_complete(&few);
    check_complete(&many);
    assert_eq!((few.transactions, many.transactions), (12, 1));
}

fn any_call() -> impl Strategy<Value = Call> {
    prop_oneof![
        Just(Call::Begin),
        Just(Call::Clean),
        Just(Call::Sealed),
        Just(Call::Commit),
        Just(Call::Abort),
        Just(Call::Read),
        Just(Call::Rewind)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn random_faults_lose_and_double_nothing(
        payloads in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![Just("{}"), Just("broken"), Just("{\"n\":1}")], 0..20), PARTITIONS),
        faults in proptest::collection::vec((0_usize..120, any_call(), 0_u8..4), 0..24),
        records in 1_usize..9,
        some_too_large in any::<bool>(),
    ) {
        let mut world = World::new(payloads);
        if some_too_large {
            world.too_large = vec!["{\"n\":1}"];
        }
        world.faults = faults.into_iter().map(|(after, call, kind)| {
            let fault = match (kind, call) {
                (0, _) => Fault::Busy("busy".to_owned()),
                (1, Call::Begin | Call::Clean | Call::Sealed | Call::Commit) => Fault::Abort("abort".to_owned()),
                (3, _) => Fault::Stopped,
                (_, _) => Fault::Broken("broken".to_owned()),
            };
            (after, call, fault)
        }).collect();
        let (world, _) = run(world, rule(records));
        check_complete(&world);
    }
}
