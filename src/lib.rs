//! logveil: pseudonymises logs between two Kafka topics, exactly once, and fails closed.
//!
//! The rooms, in the order in which they may import each other (a room imports only rooms above it):

#![cfg_attr(test, expect(clippy::string_slice, reason = "tests slice texts of their own"))]

// pure rooms: values in, values out
pub mod kernels;

pub mod calendar;
pub mod record;
pub mod rules;

pub mod generate;

pub mod decode;
pub mod detect;

pub mod canon;
pub mod keys;
pub mod transform;
pub mod veil;

pub mod discover;

// rim: one outside thing each
pub mod keystore;
pub mod pipeline;

pub mod retention;

pub mod kafka;

pub mod files;
pub mod http;

pub mod config;

pub mod cli;
