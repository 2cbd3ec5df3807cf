//! Entities in layers: [`logveil_fuzz::layers`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logveil_fuzz::layers::check(data));
