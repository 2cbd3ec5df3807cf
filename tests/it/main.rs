//! The integration tests, as one binary.

mod properties;
mod rules;
mod support;
mod tidy;
mod veil;
