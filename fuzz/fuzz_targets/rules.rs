//! Rule files of any text: [`logveil_fuzz::rules`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| logveil_fuzz::rules::check(data));
