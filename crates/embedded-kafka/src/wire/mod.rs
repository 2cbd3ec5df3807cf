//! The protocol's bytes: names of requests and errors, reading, writing.
//!
//! Written here and not taken from a codec crate: those reserve memory for as many elements as a request announces, before
//! they have read one, so that twelve bytes of garbage end the process. Here an array is believed element by element.

mod api;
mod error_code;
mod read;
mod write;

pub use api::Api;
pub use error_code::ErrorCode;
pub(crate) use read::{Malformed, Reader};
pub(crate) use write::Writer;
