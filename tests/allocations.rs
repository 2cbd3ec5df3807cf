//! What the engine reserves: nothing for an event, once a batch like it went through.
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
    Keyring::new("test", 30, vec![(epoch, EpochSecret::new(&[7; 32]))], SealSecret::new(&[9; 32])).unwrap()
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
    library.packs.iter().map(|files| loader.parse(files).unwrap()).collect()
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

#[test]
fn figures() {
    let shipped = shipped();
    for (pack, kind) in
        [("api-gateway", Kind::Api), ("nginx", Kind::Nginx), ("linux-auth", Kind::Sshd), ("generic-json", Kind::Api)]
    {
        let veil = Veil::new(&shipped, &Choice::new(pack)).unwrap();
        let info = reserved(&veil, &events(kind));
        println!(
            "{pack}: {} per event, {} bytes",
            info.count_total as f64 / EVENTS as f64,
            info.bytes_total / EVENTS as u64
        );
    }
}
