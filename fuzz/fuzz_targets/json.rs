//! JSON against an oracle: [`logveil_fuzz::json`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logveil_fuzz::json::check(data));
