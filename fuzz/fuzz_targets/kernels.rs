//! Kernels against their twins: [`logveil_fuzz::kernels`].

#![no_main]
#![expect(clippy::print_stderr, reason = "a run says what it compares")]

libfuzzer_sys::fuzz_target!(
    init: logveil_fuzz::kernels::compared().iter().for_each(|compared| eprintln!("compared: {compared}")),
    |data: &[u8]| logveil_fuzz::kernels::check(data)
);
