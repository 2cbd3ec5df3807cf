//! Text into tokens and holes, without a tree: every token is a range of the bytes it was read from.
//!
//! Knows: JSON's grammar ([`json`]), its string escapes ([`escape`]), base64 ([`base64`]), line patterns ([`mod@line`]). Must not know which
//! token is an entity. Start at [`json::Tokens`].

pub mod base64;
pub mod encoded_word;
pub mod escape;
pub mod json;
pub mod line;
