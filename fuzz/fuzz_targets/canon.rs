//! Spellings of one entity: [`logveil_fuzz::canon`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logveil_fuzz::canon::check(data));
