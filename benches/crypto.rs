//! Pseudonyms and addresses: side by side, one by one, and as the crates do it without preparation.
//!
//! Each bench checks its results against the others, so that a wrong fast answer fails. The last lines are the ratios of
//! this run, which hold on other machines better than the times do.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use ipcrypt_rs::IpcryptPfx;
use logveil::generate::{Generator, Kind, Options, Timeline};
use logveil::keys::{EpochKeys, EpochSecret, KeyEpoch, Keyring, Lanes, SealSecret};
use logveil::record::{Position, Record};
use logveil::rules::library::Library;
use logveil::rules::{Class, RulePack};
use logveil::veil::{Batch, Choice, Veil};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use sha2::Sha256;
use std::hint::black_box;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// 2026-01-01T00:00:00Z.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;
/// Values of a round, as many as are replaced in about 128 events.
const VALUES: usize = 1024;
/// Bytes of a value: a UUID or an e-mail address are of this size.
const VALUE_BYTES: usize = 27;

fn keyring() -> Keyring {
    let epoch = KeyEpoch((NEW_YEAR_MS / (30 * 86_400_000)) as u32);
    Keyring::new("bench", 30, vec![(epoch, EpochSecret::new(&[7; 32]))], SealSecret::new(&[9; 32]))
        .expect("the bench's keyring is sound")
}

fn keys(keyring: &Keyring) -> &EpochKeys {
    keyring.epochs().next().expect("the bench's keyring has an epoch")
}

fn dice() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(1)
}

/// The shortest time of some rounds, in nanoseconds: what others on the machine do only adds.
fn best_ns(per_round: usize, mut round: impl FnMut()) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        round();
        best = best.min(start.elapsed());
    }
    best.as_nanos() as f64 / per_round as f64
}

/// Prints how many times faster `ours` is than each other way.
#[expect(clippy::print_stdout, reason = "the ratios are what the bench is for")]
fn print_ratios(what: &str, ours_ns: f64, others: &[(&str, f64)]) {
    print!("{what}: {ours_ns:.0} ns");
    for (other, ns) in others {
        print!("; {other} {ns:.0} ns, {:.1}x", ns / ours_ns);
    }
    println!();
}

fn tokens(c: &mut Criterion) {
    let keyring = keyring();
    let keys = keys(&keyring);
    let mut dice = dice();
    let values: Vec<[u8; VALUE_BYTES]> = (0..VALUES)
        .map(|_| {
            let mut value = [0; VALUE_BYTES];
            dice.fill_bytes(&mut value);
            value
        })
        .collect();
    let in_lanes = |out: &mut Vec<u8>| {
        out.clear();
        let mut lanes = Lanes::new(keys, out);
        values.iter().for_each(|value| lanes.write_pseudonym(Class::Session, value, None));
    };
    let one_by_one = |out: &mut Vec<u8>| {
        out.clear();
        values.iter().for_each(|value| keys.write_pseudonym(Class::Session, value, None, out));
    };
    // As a program does that keeps the key's bytes and calls the crate for each value; only the code, no text.
    let new_each = || {
        for value in &values {
            let mut mac = Hmac::<Sha256>::new_from_slice(black_box(&[7; 32])).expect("HMAC takes keys of any length");
            mac.update(value);
            black_box(mac.finalize().into_bytes());
        }
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    in_lanes(&mut first);
    one_by_one(&mut second);
    assert_eq!(first, second);
    let mut group = c.benchmark_group("crypto/token");
    group.throughput(Throughput::Elements(VALUES as u64));
    group.bench_function("lanes", |b| b.iter(|| in_lanes(black_box(&mut first))));
    group.bench_function("one-by-one", |b| b.iter(|| one_by_one(black_box(&mut second))));
    group.bench_function("hmac-new-each", |b| b.iter(new_each));
    group.finish();
    print_ratios(
        "token of 27 bytes in lanes",
        best_ns(VALUES, || in_lanes(&mut first)),
        &[
            ("one by one", best_ns(VALUES, || one_by_one(&mut second))),
            ("hmac, key each time", best_ns(VALUES, new_each)),
        ],
    );
}

fn prefixes(c: &mut Criterion) {
    let secret = [7; 32];
    let keyring = keyring();
    let keys = keys(&keyring);
    // The key that `ipcrypt-pfx` has in the epoch of the bench.
    let mut key = [0; 32];
    hkdf::Hkdf::<Sha256>::from_prk(&secret)
        .and_then(|hkdf| hkdf.expand(b"ipcrypt-pfx", &mut key).map_err(|_| hkdf::InvalidPrkLength))
        .expect("both keys have 32 bytes");
    let reference = IpcryptPfx::new(key);
    let mut dice = dice();
    let v4: Vec<IpAddr> = (0..VALUES).map(|_| dice.next_u32().to_be_bytes().into()).collect();
    let v6: Vec<IpAddr> = (0..VALUES)
        .map(|_| (u128::from(dice.next_u64()) << 64 | u128::from(dice.next_u64())).to_be_bytes().into())
        .collect();
    for (family, addresses) in [("v4", v4), ("v6", v6)] {
        for address in &addresses {
            assert_eq!(keys.prefix(*address), reference.encrypt_ipaddr(*address), "{family}");
        }
        let ours = || {
            addresses.iter().for_each(|address| {
                black_box(keys.prefix(*address));
            })
        };
        let crates = || {
            addresses.iter().for_each(|address| {
                black_box(reference.encrypt_ipaddr(*address));
            })
        };
        let mut group = c.benchmark_group(format!("crypto/prefix-{family}"));
        group.throughput(Throughput::Elements(VALUES as u64));
        group.bench_function("logveil", |b| b.iter(ours));
        group.bench_function("ipcrypt-rs", |b| b.iter(crates));
        group.finish();
        print_ratios(
            &format!("prefix-preserving {family}"),
            best_ns(VALUES, ours),
            &[("ipcrypt-rs", best_ns(VALUES, crates))],
        );
    }
}

fn record(payload: &[u8]) -> Record<'_> {
    let position = Position { topic: "bench", partition: 0, offset: 0 };
    Record { position, timestamp_ms: Some(NEW_YEAR_MS), key: None, payload: Some(payload), headers: &[] }
}

/// The packs inside the binary.
fn shipped() -> Vec<RulePack> {
    let library = Library::shipped();
    let mut loader = library.loader(&library);
    library.packs.iter().map(|files| loader.parse(files).expect("a shipped pack loads")).collect()
}

/// A number below `count`, the n-th of which is drawn 1/n as often as the first.
fn zipf(dice: &mut Xoshiro256PlusPlus, count: u32) -> u32 {
    let position = dice.next_u64() as f64 / u64::MAX as f64;
    (f64::from(count).powf(position) as u32).min(count - 1)
}

/// Records whose values repeat as those of logs do, and as many with no value twice: what is left is the saving of
/// replacing equal values once.
fn repeats(c: &mut Criterion) {
    let keyring = keyring();
    let veil = Veil::new(&shipped(), &Choice::new("api-gateway")).expect("a shipped pack");
    let mut dice = dice();
    let event = |address: u32, session: u32| {
        let [_, b, c, d] = address.to_be_bytes();
        format!(
            r#"{{"client_ip":"10.{b}.{c}.{d}","user":{{"id":"u-{address:08}"}},"session_id":"{session:08x}-5aca-4cca-a9f6-7c43cea1b5a4"}}"#
        )
    };
    let repeated: Vec<String> = (0..VALUES / 4).map(|_| event(zipf(&mut dice, 1000), zipf(&mut dice, 1000))).collect();
    let distinct: Vec<String> = (0..VALUES as u32 / 4).map(|n| event(n, n)).collect();
    let mut batch = Batch::default();
    let mut group = c.benchmark_group("crypto/repeats");
    let mut times = Vec::new();
    for (name, events) in [("zipf", &repeated), ("distinct", &distinct)] {
        let records: Vec<Record<'_>> = events.iter().map(|event| record(event.as_bytes())).collect();
        veil.batch(&keyring, &records, &mut batch);
        assert_eq!(batch.tally().by_class.iter().sum::<u64>(), 3 * events.len() as u64, "{name}");
        check_equals_single(&veil, &keyring, &records, &batch);
        group.throughput(Throughput::Elements(records.len() as u64));
        group.bench_function(name, |b| b.iter(|| veil.batch(&keyring, &records, black_box(&mut batch))));
        times.push(best_ns(records.len(), || veil.batch(&keyring, &records, &mut batch)));
    }
    group.finish();
    print_ratios("event with values after Zipf", times[0], &[("no value twice", times[1])]);
}

/// A batch gives what its records give one at a time, where no value can repeat another record's.
#[track_caller]
fn check_equals_single(veil: &Veil, keyring: &Keyring, records: &[Record<'_>], batch: &Batch) {
    use logveil::veil::Outcome;
    let mut single = Batch::default();
    for (index, record) in records.iter().enumerate() {
        veil.batch(keyring, &[*record], &mut single);
        let outcomes = (batch.outcome(index, record), single.outcome(0, record));
        let is_same =
            matches!(&outcomes, (Outcome::Clean(one), Outcome::Clean(other)) if one.payload() == other.payload());
        assert!(is_same, "record {index}");
    }
}

/// The generated events of an API, of which a batch has 128.
fn events(c: &mut Criterion) {
    let keyring = keyring();
    let veil = Veil::new(&shipped(), &Choice::new("api-gateway")).expect("a shipped pack");
    let timeline = Timeline::paced(NEW_YEAR_MS, 10);
    let options = Options { seed: 1, kinds: vec![Kind::Api], timeline, hostile_per_mille: 0 };
    let events: Vec<_> = Generator::new(options).take(128).collect();
    let records: Vec<Record<'_>> = events.iter().map(|event| record(&event.line)).collect();
    let mut batch = Batch::default();
    veil.batch(&keyring, &records, &mut batch);
    check_equals_single(&veil, &keyring, &records, &batch);
    let mut group = c.benchmark_group("crypto/events");
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("api", |b| b.iter(|| veil.batch(&keyring, &records, black_box(&mut batch))));
    group.finish();
}

criterion_group!(benches, tokens, prefixes, repeats, events);
criterion_main!(benches);
