//! Processes that stop, die, sleep or fence each other, and topics that vanish: nothing is lost or doubled.

use super::*;
use std::sync::atomic::AtomicBool;
use std::thread;

/// Commits seldom, so that a crash hits an open transaction; a dead process is noticed as soon as Kafka allows (6 s).
const SLOW_COMMITS: &str = "[kafka.consumer_properties]\n\"session.timeout.ms\" = 6000\n\
                            \"heartbeat.interval.ms\" = 500\n[commit]\ninterval_ms = 1000\n";

#[test]
fn a_stopped_process_leaves_no_transaction_open() {
    let servers = servers();
    // An interval that would hold the last records back for long.
    let stand = Stand::new(&servers, "[commit]\ninterval_ms = 10000\n");
    let mut process = stand.start("a");
    process.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    stand.fill(0, 10);
    eventually("they are sent", || stand.held_back(&stand.clean()) >= 10 * i64::from(PARTITIONS));
    assert_eq!(stand.read(&stand.clean()).len(), 0);
    let start = Instant::now();
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    check_exactly_once(&stand.read(&stand.clean()), 10);
}

#[test]
fn sigterm_under_load_ends_within_ten_seconds_and_the_next_run_goes_on() {
    let servers = servers();
    let stand = Stand::new(&servers, "[commit]\ninterval_ms = 100\n");
    let (mut process, stop) = (stand.start("a"), AtomicBool::new(false));
    let count = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut seq = 0;
            // Bounded, should the process never get anywhere.
            while !stop.load(Ordering::Relaxed) && seq < 20_000 {
                stand.fill(seq, 50);
                seq += 50;
            }
            seq
        });
        eventually("some are committed", || stand.end(&stand.clean(), "read_committed") > 0);
        let start = Instant::now();
        let ended = process.terminate();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(ended.code(), Some(0), "{}", process.log());
        assert!(start.elapsed() < Duration::from_secs(10), "took {:?}", start.elapsed());
        load.join().unwrap()
    });
    assert_eq!(stand.held_back(&stand.clean()), 0, "no transaction is left open");

    let mut process = stand.start("a");
    check_exactly_once(&stand.wait_for(&stand.clean(), (count * PARTITIONS as u64) as usize), count);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
}

#[test]
fn a_kill_in_mid_transaction_is_survived_by_range() {
    check_kill("range");
}

#[test]
fn a_kill_in_mid_transaction_is_survived_by_cooperative_sticky() {
    check_kill("cooperative-sticky");
}

/// Two processes; each is killed once while transactions are open, and comes back at once.
fn check_kill(strategy: &str) {
    let servers = servers();
    const COUNT: u64 = 5000;
    let strategy = format!("\"partition.assignment.strategy\" = \"{strategy}\"\n");
    let stand = Stand::new(&servers, &SLOW_COMMITS.replace("[commit]", &format!("{strategy}[commit]")));
    let (mut first, mut second) = (stand.start("a"), stand.start("b"));
    for process in [&first, &second] {
        process.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    }
    stand.fill(0, COUNT / 2);
    eventually("a transaction is open", || stand.held_back(&stand.clean()) > 0);
    first.kill();
    let mut first = stand.start("a");
    stand.fill(COUNT / 2, COUNT / 2);
    eventually("a transaction is open", || stand.held_back(&stand.clean()) > 0);
    second.kill();
    let mut second = stand.start("b");
    let found = stand.wait_for(&stand.clean(), (COUNT * PARTITIONS as u64) as usize);
    check_exactly_once(&found, COUNT);
    for process in [&mut first, &mut second] {
        assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    }
    assert_eq!(stand.held_back(&stand.clean()), 0, "no transaction is left open");
}

#[test]
fn a_process_that_slept_past_its_session_commits_nothing() {
    let servers = servers();
    const COUNT: u64 = 500;
    let stand = Stand::new(&servers, SLOW_COMMITS);
    let mut sleeper = stand.start("a");
    sleeper.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    stand.fill(0, COUNT);
    eventually("a transaction is open", || stand.held_back(&stand.clean()) > 0);
    sleeper.signal("STOP");
    // Whether or not it had committed by then: the other one does all that is left.
    let mut other = stand.start("b");
    other.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    sleeper.signal("CONT");
    stand.fill(COUNT, COUNT);
    check_exactly_once(&stand.wait_for(&stand.clean(), (2 * COUNT * PARTITIONS as u64) as usize), 2 * COUNT);
    for process in [&mut sleeper, &mut other] {
        assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    }
    check_exactly_once(&stand.read(&stand.clean()), 2 * COUNT);
}

#[test]
fn two_processes_of_one_instance_fence_each_other_and_say_so() {
    let servers = servers();
    let stand = Stand::new(&servers, "[commit]\ninterval_ms = 50\n");
    let mut first = stand.start("same");
    first.wait_until("/readyz", |answer| answer.starts_with("HTTP/1.1 200"));
    // Only now: of two that start at once each can get the partitions of those workers that it fenced last.
    let mut second = stand.start("same");
    let hint = "another process runs as the same `kafka.instance`; give each its own";
    let mut count = 0;
    eventually("one says why it starts anew", || {
        stand.fill(count, 20);
        count += 20;
        first.log().contains(hint) || second.log().contains(hint)
    });
    assert_eq!(second.terminate().code(), Some(0), "{}", second.log());
    check_exactly_once(&stand.wait_for(&stand.clean(), (count * PARTITIONS as u64) as usize), count);
    assert_eq!(first.terminate().code(), Some(0), "{}", first.log());
}

#[test]
fn a_target_deleted_in_mid_run_skips_nothing() {
    let servers = servers();
    const COUNT: u64 = 100;
    let stand = Stand::new(&servers, "");
    let (clean, mut process) = (stand.clean(), stand.start("a"));
    stand.fill(0, COUNT);
    stand.wait_for(&clean, (COUNT * PARTITIONS as u64) as usize);
    stand.delete(&clean);
    stand.fill(COUNT, COUNT);
    eventually("it ends or tells that it is stalled", || {
        process.child.try_wait().unwrap().is_some()
            || process.get("/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 503"))
    });
    // Ended with a halt, or told to end while it waits.
    if process.child.try_wait().unwrap().is_some() {
        assert!(process.log().contains(&clean), "{}", process.log());
    } else {
        assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    }

    stand.create(&clean, PARTITIONS, &[]);
    let mut process = stand.start("a");
    let found = stand.wait_for(&clean, (COUNT * PARTITIONS as u64) as usize);
    assert!(found.iter().all(|record| record.seq() >= COUNT), "what was committed to the old topic is not sent again");
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
}

#[test]
fn a_source_deleted_in_mid_run_halts_and_is_read_from_its_beginning_when_it_is_back() {
    let servers = servers();
    const COUNT: u64 = 100;
    let stand = Stand::new(&servers, "");
    let (raw, mut process) = (stand.raw(), stand.start("a"));
    stand.fill(0, COUNT);
    stand.wait_for(&stand.clean(), (COUNT * PARTITIONS as u64) as usize);
    stand.delete(&raw);
    assert_eq!(process.wait().code(), Some(1), "{}", process.log());
    assert!(process.log().contains(&format!("there is no topic `{raw}`")), "{}", process.log());

    stand.create(&raw, PARTITIONS, &[]);
    stand.fill(COUNT, COUNT);
    let mut process = stand.start("a");
    check_exactly_once(&stand.wait_for(&stand.clean(), (2 * COUNT * PARTITIONS as u64) as usize), 2 * COUNT);
    assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
}

/// On embedded brokers of their own: only those are silent on demand.
#[test]
fn what_is_not_answered_is_asked_again_before_its_transaction_is_over() {
    use embedded_kafka::{Api, Fault};
    let check = |api: Api| {
        let broker = Broker::start(embedded_kafka::Options::default()).unwrap();
        let stand = Stand::new(&broker.bootstrap_servers(), "[commit]\ninterval_ms = 100\n");
        let mut process = stand.start("a");
        stand.fill(0, 10);
        check_exactly_once(&stand.wait_for(&stand.clean(), 10 * PARTITIONS as usize), 10);
        broker.faults().plan_for("logveil-", api, Fault::Delay(Duration::from_secs(28)), 1);
        let start = Instant::now();
        stand.fill(10, 10);
        check_exactly_once(&stand.wait_for(&stand.clean(), 20 * PARTITIONS as usize), 20);
        assert!(start.elapsed() < Duration::from_secs(25), "{api:?} took {:?}", start.elapsed());
        assert_eq!(broker.faults().planned_for(api), 0, "{api:?} was held back");
        assert!(!process.log().contains("building them anew"), "{api:?}: {}", process.log());
        assert_eq!(process.terminate().code(), Some(0), "{}", process.log());
    };
    thread::scope(|scope| {
        for api in [Api::Produce, Api::AddPartitionsToTxn, Api::TxnOffsetCommit, Api::EndTxn] {
            scope.spawn(move || check(api));
        }
    });
}
