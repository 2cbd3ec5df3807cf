//! How often the engine reserves memory for an event, once batches like its own went through.
//!
//! A binary of its own, for the allocator that counts is that of a whole program.

use allocation_counter::AllocationInfo;
use logveil::generate::{Event, Generator, Kind, Options, Timeline};
use logveil::keys::{EpochSecret, KeyEpoch, Keyring, SealSecret};
use logveil::record::{Position, Record};
use logveil::rules::RulePack;
use logveil::rules::library::Library;
use logveil::veil::{Batch, Choice, Veil};

/// 2026-01-01T00:00:00Z.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;
const EVENTS: usize = 256;

fn keyring() -> Keyring {
    let epoch = KeyEpoch((NEW_YEAR_MS / (30 * 86_400_000)) as u32);
    Keyring::new("test", 30, vec![(epoch, EpochSecret::new(&[7; 32]))], SealSecret::new(&[9; 32]))
        .expect("the test's keyring is sound")
}

fn record(payload: &[u8]) -> Record<'_> {
    let position = Position { topic: "raw", partition: 0, offset: 0 };
    Record { position, timestamp_ms: Some(NEW_YEAR_MS), key: None, payload: Some(payload), headers: &[] }
}

fn events(kind: Kind) -> Vec<Event> {
    let timeline = Timeline::paced(NEW_YEAR_MS, 10);
    Generator::new(Options { seed: 1, kinds: vec![kind], timeline, hostile_per_mille: 0 }).take(EVENTS).collect()
}

fn shipped() -> Vec<RulePack> {
    let library = Library::shipped();
    let mut loader = library.loader(&library);
    library.packs.iter().map(|files| loader.parse(files).expect("a shipped pack loads")).collect()
}

/// What a batch reserves after two like it.
fn reserved(veil: &Veil, events: &[Event]) -> AllocationInfo {
    let keys = keyring();
    let records: Vec<Record<'_>> = events.iter().map(|event| record(&event.line)).collect();
    let mut batch = Batch::default();
    for _ in 0..2 {
        veil.batch(&keys, &records, &mut batch);
    }
    allocation_counter::measure(|| veil.batch(&keys, &records, &mut batch))
}

/// A batch of invented lines under a shipped pack reserves memory at most this often for a hundred of them.
#[track_caller]
fn check(pack: &str, kind: Kind, most: u64) {
    let veil = Veil::new(&shipped(), &Choice::new(pack)).expect("a shipped pack");
    let reserved = reserved(&veil, &events(kind)).count_total;
    assert!(reserved * 100 <= most * EVENTS as u64, "{pack}: {reserved} times for {EVENTS} events");
}

#[test]
fn lines_reserve_next_to_nothing() {
    check("linux-auth", Kind::Sshd, 10);
    check("nginx", Kind::Nginx, 300);
}

/// What is left is for texts inside texts, expressions with groups, and values that are spread.
#[test]
fn json_events_reserve_little() {
    check("api-gateway", Kind::Api, 1250);
    check("generic-json", Kind::Api, 1550);
}
