//! Lines in and lines out: files and standard streams, in bounded memory.
//!
//! Knows: line ends, buffers, limits. Must not know formats, rules or keys; what it writes is clean by its type.
//! Start at [`LineReader::read`] and [`LineWriter`].

mod reader;
mod writer;

pub use reader::{Blank, Content, Ending, Line, LineReader, Lines};
pub use writer::{CleanLines, LineWriter};

/// Longest line that is read, without its end: 16 MiB. Of a longer one no byte is kept.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Most bytes asked for in one read, and so the usual size of [`Lines`]: few system calls, and it stays inside the L2
/// cache together with what becomes of it.
pub const READ_BYTES: usize = 256 << 10;

/// A larger buffer is given back to the system after a long line, not kept for the next ones.
const HELD_BYTES_MAX: usize = 4 * READ_BYTES;
