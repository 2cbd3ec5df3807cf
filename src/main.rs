//! The `logveil` program.

use logveil::cli::{self, Exit};
use std::panic;
use std::process::ExitCode;
use std::time::SystemTime;

fn main() -> ExitCode {
    // The default hook prints the panic's message, and that may quote data.
    panic::set_hook(Box::new(|panic| cli::report_bug(panic.location())));
    let exit = panic::catch_unwind(|| cli::main(std::env::args_os(), now));
    exit.unwrap_or(Exit::Bug).into()
}

#[expect(clippy::disallowed_methods, reason = "this is where the time comes in")]
fn now() -> SystemTime {
    SystemTime::now()
}
