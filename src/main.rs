//! The `logveil` program.

fn main() {}
