//! The integration tests, as one binary.

mod properties;
mod support;
mod tidy;
mod veil;
