//! What the fuzz targets check, one module each: `check` takes any bytes and panics when a promise is broken.
//!
//! `fuzz_targets/` hands these functions to libFuzzer; `tests/seeds.rs` runs them over the checked-in seeds without it.
//! How to run them stands in `dev/fuzz`.

pub mod broker;
pub mod canon;
pub mod json;
pub mod kernels;
pub mod layers;
pub mod readback;
pub mod rules;
pub mod scrub;

mod entity;
mod input;
mod memory;
mod undo;
mod veils;
mod wrap;
