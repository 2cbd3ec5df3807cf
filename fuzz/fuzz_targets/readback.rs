//! What is read back from disk and topics: [`logveil_fuzz::readback`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logveil_fuzz::readback::check(data));
