//! The checked-in seeds, and what is made of them by small changes, through every target in a usual build.

use std::fs;
use std::path::Path;

type Check = fn(&[u8]);

/// The folder of a target's seeds, and its check.
const TARGETS: [(&str, Check); 8] = [
    ("broker", logveil_fuzz::broker::check),
    ("canon", logveil_fuzz::canon::check),
    ("json", logveil_fuzz::json::check),
    ("kernels", logveil_fuzz::kernels::check),
    ("layers", logveil_fuzz::layers::check),
    ("readback", logveil_fuzz::readback::check),
    ("rules", logveil_fuzz::rules::check),
    ("scrub", logveil_fuzz::scrub::check),
];

/// Every seed of a target, by its path.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let entries = fs::read_dir(folder).expect("every target has a folder of seeds");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder can be listed").path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("a seed can be read")).collect()
}

#[test]
fn seeds_keep_every_promise() {
    for (target, check) in TARGETS {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{target} has no seeds");
        seeds.iter().for_each(|seed| check(seed));
    }
}

/// Each seed cut off at some places, and with some of its bytes changed: the beginning of what libFuzzer does.
#[test]
fn changed_seeds_keep_every_promise() {
    for (target, check) in TARGETS {
        for seed in seeds(target) {
            let step = (seed.len() / 8).max(1);
            for at in (0..seed.len()).step_by(step) {
                check(&seed[..at]);
                for change in [0x01, 0x20, 0x80, 0xff] {
                    let mut changed = seed.clone();
                    changed[at] ^= change;
                    check(&changed);
                }
            }
        }
    }
}

#[test]
fn no_bytes_and_many_bytes_are_taken() {
    for (_, check) in TARGETS {
        check(b"");
        for byte in [0, b'"', b'[', b'%', 0xff] {
            check(&[byte; 300]);
        }
    }
}
