//! Lines in and lines out: files and standard streams, in bounded memory.
//!
//! Knows: line ends, buffers, limits. Must not know formats, rules or keys; what it writes is clean by its type.
//! Start at [`LineReader::batch`] and [`LineWriter`].

mod reader;
mod writer;

pub use reader::{Batch, Blank, Content, Ending, Line, LineReader};
pub use writer::LineWriter;

/// Longest line that is read, without its end: 16 MiB. Of a longer one no byte is kept.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Most lines in a batch. With the usual few hundred bytes a line, a batch then stays inside the L2 cache.
pub const BATCH_LINES_MAX: usize = 512;

/// A batch is closed by the line that brings it to this many bytes.
pub const BATCH_BYTES_MAX: usize = 1 << 20;

/// Bytes asked for in one read, and gathered before one write: few system calls, and little to hold.
const CHUNK_BYTES: usize = 1 << 20;
