//! Lines per second of the log generator: whoever tests load with it must not wait for it.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use logveil::generate::{Generator, Kind, Options, Timeline};
use std::hint::black_box;

const LINES: u64 = 1000;

fn lines(c: &mut Criterion) {
    let mut group = c.benchmark_group("generate/lines");
    for kind in Kind::ALL {
        let timeline = Timeline::paced(0, 10);
        let options = Options { seed: 1, kinds: vec![kind], timeline, hostile_per_mille: 3 };
        let mut events = Generator::new(options);
        group.throughput(Throughput::Elements(LINES));
        group.bench_function(BenchmarkId::from_parameter(kind.code()), |b| {
            b.iter(|| events.by_ref().take(LINES as usize).map(|event| black_box(event).line.len()).sum::<usize>());
        });
    }
    group.finish();
}

criterion_group!(benches, lines);
criterion_main!(benches);
