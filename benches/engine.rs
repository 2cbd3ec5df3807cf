//! The engine on one thread: shipped packs over lines that this file makes up, and cost per byte by record size.
//!
//! Each bench checks how many values were replaced, so that a wrong fast answer fails.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use logveil::keys::{EpochSecret, KeyEpoch, Keyring, SealSecret};
use logveil::record::{Position, Record};
use logveil::rules::RulePack;
use logveil::rules::library::Library;
use logveil::veil::{Batch, Choice, Veil};
use std::hint::black_box;

/// 2026-01-01T00:00:00Z.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;
const LINES: usize = 128;

fn keyring() -> Keyring {
    let epoch = KeyEpoch((NEW_YEAR_MS / (30 * 86_400_000)) as u32);
    Keyring::new("bench", 30, vec![(epoch, EpochSecret::new(&[7; 32]))], SealSecret::new(&[9; 32]))
        .expect("the bench's keyring is sound")
}

fn record(payload: &[u8]) -> Record<'_> {
    let position = Position { topic: "bench", partition: 0, offset: 0 };
    Record { position, timestamp_ms: Some(NEW_YEAR_MS), key: None, payload: Some(payload), headers: &[] }
}

fn api_event(n: usize) -> String {
    format!(
        r#"{{"timestamp":"2026-01-01T00:00:00Z","level":"info","client_ip":"203.0.113.{}","user":{{"id":"u-{n:08}","email":"user{n}@example.com"}},"session":{{"id":"s{n:012x}"}},"request":{{"method":"GET","path":"/v1/orders/{n}","status":200,"bytes":{}}},"user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36","message":"request from 198.51.100.{} done in {} ms"}}"#,
        n % 250,
        n * 31,
        n % 200,
        n % 90,
    )
}

fn access_line(n: usize) -> String {
    format!(
        r#"203.0.113.{} - user{n} [01/Jan/2026:00:00:00 +0000] "GET /v1/orders/{n} HTTP/1.1" 200 {} "-" "curl/8.5.0""#,
        n % 250,
        n * 31
    )
}

fn auth_line(n: usize) -> String {
    format!(
        "Jan  1 00:00:00 web1 sshd[{}]: Failed password for invalid user user{n} from 203.0.113.{} port {} ssh2",
        1000 + n,
        n % 250,
        20_000 + n
    )
}

/// Veils all lines as one batch; the number of values replaced.
fn replaced(veil: &Veil, keys: &Keyring, records: &[Record<'_>], batch: &mut Batch) -> u64 {
    veil.batch(keys, records, batch);
    batch.tally().by_class.iter().sum()
}

/// The packs inside the binary.
fn shipped() -> Vec<RulePack> {
    let library = Library::shipped();
    let mut loader = library.loader(&library);
    let packs = library.packs.iter().map(|files| loader.parse(files).expect("a shipped pack loads"));
    packs.collect()
}

fn packs(c: &mut Criterion) {
    let keys = keyring();
    let shipped = shipped();
    let mut group = c.benchmark_group("engine/packs");
    for (pack, line, per_line) in [
        ("api-gateway", api_event as fn(usize) -> String, 6),
        ("nginx", access_line, 3),
        ("linux-auth", auth_line, 2),
        ("auto", api_event, 6),
    ] {
        let veil = Veil::new(&shipped, &Choice::new(pack)).expect("a shipped pack");
        let lines: Vec<String> = (0..LINES).map(line).collect();
        let records: Vec<Record<'_>> = lines.iter().map(|line| record(line.as_bytes())).collect();
        let mut batch = Batch::default();
        assert_eq!(replaced(&veil, &keys, &records, &mut batch), (LINES * per_line) as u64, "{pack}");
        group.throughput(Throughput::Bytes(lines.iter().map(|line| line.len() as u64).sum()));
        group.bench_function(pack, |b| b.iter(|| black_box(replaced(&veil, &keys, &records, &mut batch))));
    }
    group.finish();
}

/// Records of growing size with the same text: the cost per byte must stay flat.
fn sizes(c: &mut Criterion) {
    let keys = keyring();
    let shipped = shipped();
    let veil = Veil::new(&shipped, &Choice::new("generic-json")).expect("a shipped pack");
    let mut group = c.benchmark_group("engine/sizes");
    for size in [100, 1_000, 10_000, 100_000, 1_000_000] {
        let events: Vec<String> = (0..size / 100).map(|n| format!(r#"{{"n":{n},"client_ip":"203.0.113.{}","note":"the quick brown fox jumps over the lazy dog again"}}"#, n % 250)).collect();
        let payload = format!("[{}]", events.join(","));
        let record = record(payload.as_bytes());
        let mut batch = Batch::default();
        assert_eq!(replaced(&veil, &keys, &[record], &mut batch), events.len() as u64);
        group.throughput(Throughput::Bytes(payload.len() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size), &record, |b, record| {
            b.iter(|| black_box(replaced(&veil, &keys, &[*record], &mut batch)));
        });
    }
    group.finish();
}

criterion_group!(benches, packs, sizes);
criterion_main!(benches);
