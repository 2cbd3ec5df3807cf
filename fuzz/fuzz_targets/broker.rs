//! Requests of any bytes to the embedded broker: [`logveil_fuzz::broker`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logveil_fuzz::broker::check(data));
