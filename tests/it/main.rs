//! The integration tests, as one binary.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod cli;
mod config;
mod demo;
mod discover;
mod forms;
mod generate;
mod kafka;
mod layers;
mod names;
mod pipeline;
mod properties;
mod rules;
mod shipped;
mod spread;
mod support;
mod tidy;
mod unseen;
mod veil;
