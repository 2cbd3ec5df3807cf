//! Any bytes through every pack: [`logveil_fuzz::scrub`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logveil_fuzz::scrub::check(data));
