//! The integration tests, as one binary.

mod config;
mod properties;
mod rules;
mod support;
mod tidy;
mod veil;
