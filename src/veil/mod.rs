//! The whole way of a batch of records: decode, match, detect, transform, splice, residue check.
//!
//! Pure: same records, packs and keys give the same bytes. Every record ends as a [`CleanRecord`] or a [`Reason`].
//! Must not know batches' origin, Kafka, time or randomness. Start at [`Veil::batch`].

mod compute;
mod emit;
mod explain;
mod expressions;
mod hash;
mod literals;
mod matcher;
mod names;
mod packs;
mod patterns;
mod plan;
mod prefilter;
mod reason;
mod residue;
mod rows;
mod survey;

pub use explain::{Explained, Explanation, NearMiss, shape_of};
pub use packs::{Choice, VeilError};
pub use reason::Reason;
pub use rows::Rows;
pub use survey::{Kind, Mark, Meaning, Sight, Step};

use crate::keys::{KeyEpoch, Keyring};
use crate::record::{Position, Record};
use crate::rules::{Class, RulePack};
use compute::Seen;
use emit::HeaderNames;
use packs::{Met, Packs};
use plan::Plan;
use residue::{Buffers, Needles};
use std::ops::Range;

/// Texts inside texts (JSON in a string, a line in a field, a message in a line): deeper ones are replaced whole.
pub const LAYERS_MAX: u8 = 8;
/// Arrays and objects inside each other in one JSON text, as in `serde_json`.
pub const JSON_DEPTH_MAX: usize = 128;
/// Values to be replaced in one record. A 1 MiB record of nothing but short addresses has about 130,000.
pub const FINDINGS_MAX: usize = 200_000;
/// Bytes of key, payload and headers of one record, unless configured otherwise. Kafka's own default for a message is
/// 1 MiB (`message.max.bytes`); this leaves room above it and keeps a worker's memory bounded.
pub const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Compiled packs, ready to veil records.
///
/// It can be shared between threads, but a clone for each is faster: regular expressions keep caches that threads
/// contend for.
#[derive(Debug, Clone)]
pub struct Veil {
    packs: Packs,
    record_bytes_max: usize,
    version: String,
}

/// Buffers of one worker, reused from batch to batch, and the outcomes of the last one.
#[derive(Default)]
pub struct Batch {
    plan: Plan,
    planned: Vec<Result<Planned, Reason>>,
    parts: Vec<PlannedPart>,
    /// By finding: its replacement, a range of `texts`.
    replacements: Vec<Range<u32>>,
    texts: Vec<u8>,
    scratch: Vec<u8>,
    seen: Seen,
    out: Vec<u8>,
    replaced: Vec<Range<u32>>,
    needles: Needles,
    buffers: Buffers,
    header_names: HeaderNames,
    outputs: Vec<Range<usize>>,
    done: Vec<Result<Done, Reason>>,
    tally: Tally,
}

/// A planned record: its epoch, packs and parts.
struct Planned {
    epoch: KeyEpoch,
    met: Met,
    parts: Range<usize>,
    findings: Range<usize>,
}

/// One part of a planned record.
struct PlannedPart {
    part: Part,
    findings: Range<usize>,
}

/// The parts of a record that are veiled one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Key,
    Payload,
    Header(usize),
}

/// A finished record: its parts, as ranges of the output.
struct Done {
    epoch: KeyEpoch,
    outputs: Range<usize>,
    has_key: bool,
    has_payload: bool,
}

/// What became of one record.
pub enum Outcome<'a> {
    /// Every entity is replaced; safe to send on.
    Clean(CleanRecord<'a>),
    /// It could not be veiled: to be sealed and quarantined.
    Quarantine(Reason),
}

/// A record that passed the residue check. Only this room makes one, and sinks take nothing else.
///
/// ```compile_fail
/// fn forge(raw: logveil::record::Record<'_>) -> logveil::veil::CleanRecord<'_> {
///     logveil::veil::CleanRecord { position: raw.position, payload: raw.payload } // private fields
/// }
/// ```
pub struct CleanRecord<'a> {
    position: Position<'a>,
    timestamp_ms: Option<i64>,
    key: Option<&'a [u8]>,
    payload: Option<&'a [u8]>,
    headers: Vec<(&'a str, Option<&'a [u8]>)>,
    epoch: KeyEpoch,
}

/// What a batch replaced, by closed sets: for counters.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Replaced values by class, indexed as [`Class::ALL`].
    pub by_class: [u64; Class::ALL.len()],
    /// Replaced values by rule, indexed as [`Veil::rule_names`].
    pub by_rule: Vec<u64>,
}

impl Veil {
    /// Compiles packs for a route.
    ///
    /// # Errors
    /// [`VeilError`] when the choice names no pack of `packs`, or when the packs lack a fallback that `auto` needs.
    pub fn new(packs: &[RulePack], choice: &Choice) -> Result<Self, VeilError> {
        let packs = Packs::compile(packs, choice)?;
        let version = packs.version();
        Ok(Self { packs, record_bytes_max: RECORD_BYTES_MAX, version })
    }

    /// The same packs for another route.
    ///
    /// # Errors
    /// [`VeilError`] when the choice names no pack of this veil.
    pub fn choosing(&self, choice: &Choice) -> Result<Self, VeilError> {
        let packs = self.packs.choosing(choice)?;
        let version = packs.version();
        Ok(Self { packs, record_bytes_max: self.record_bytes_max, version })
    }

    /// The same veil with another limit on the bytes of a record.
    #[must_use]
    pub fn with_record_bytes_max(self, record_bytes_max: usize) -> Self {
        Self { record_bytes_max, ..self }
    }

    /// Veils `records` in order. The outcomes and the tally stay in `batch` until the next call.
    pub fn batch(&self, keys: &Keyring, records: &[Record<'_>], batch: &mut Batch) {
        self.batch_of_rows(keys, records, None, batch);
    }

    /// The same, for lines of a file that may be rows below a header. What is no such row goes its usual way.
    pub fn batch_of_rows(&self, keys: &Keyring, records: &[Record<'_>], rows: Option<&Rows>, batch: &mut Batch) {
        batch.clear(self.rule_names().len());
        for record in records {
            let planned = batch.plan_record(self, keys, rows, record);
            batch.planned.push(planned);
        }
        batch.compute(keys);
        for (index, record) in records.iter().enumerate() {
            let done = batch.emit(self, keys, index, record);
            batch.done.push(done);
        }
    }

    /// The rows below a line, if it is a header: separated names of columns, `#Fields:` of the W3C, `#fields` of Zeek.
    ///
    /// Without such a mark only the first line of a file should be asked for. `None` where the route's pack has shapes of
    /// its own.
    pub fn rows_below(&self, line: &[u8]) -> Option<Rows> {
        Rows::below(self.packs.for_rows()?, line)
    }

    /// Whether a line says itself that it is a header.
    pub fn is_marked_header(line: &[u8]) -> bool {
        rows::is_marked(line)
    }

    /// `pack/rule` of every rule, in the order of [`Tally::by_rule`].
    pub fn rule_names(&self) -> &[String] {
        self.packs.rule_names()
    }

    /// Names and versions of the packs that a record may meet, as provenance headers carry them: `api-gateway@1`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl Batch {
    /// The outcome of the `index`-th record of the last call.
    ///
    /// `record` must be that record: timestamp, header names and position are taken from it.
    pub fn outcome<'a>(&'a self, index: usize, record: &Record<'a>) -> Outcome<'a> {
        let done = match &self.done[index] {
            Ok(done) => done,
            Err(reason) => return Outcome::Quarantine(*reason),
        };
        let mut outputs = self.outputs[done.outputs.clone()].iter().map(|range| &self.out[range.clone()]);
        let key = if done.has_key { outputs.next() } else { None };
        let payload = if done.has_payload { outputs.next() } else { None };
        let headers = record.headers.iter().map(|header| (header.name, header.value.and_then(|_| outputs.next())));
        Outcome::Clean(CleanRecord {
            position: record.position,
            timestamp_ms: record.timestamp_ms,
            key,
            payload,
            headers: headers.collect(),
            epoch: done.epoch,
        })
    }

    /// What the last call replaced.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn clear(&mut self, rules: usize) {
        self.plan.clear();
        self.planned.clear();
        self.parts.clear();
        self.replacements.clear();
        self.texts.clear();
        self.out.clear();
        self.outputs.clear();
        self.header_names.clear();
        self.done.clear();
        self.tally.by_class = Default::default();
        self.tally.by_rule.clear();
        self.tally.by_rule.resize(rules, 0);
    }

    /// First phase: lists the findings of every part.
    #[inline(never)] // A profile tells the phases apart by these functions.
    fn plan_record(
        &mut self,
        veil: &Veil,
        keys: &Keyring,
        rows: Option<&Rows>,
        record: &Record<'_>,
    ) -> Result<Planned, Reason> {
        if record.size() > veil.record_bytes_max {
            return Err(Reason::TooLarge);
        }
        let epoch = record.timestamp_ms.and_then(|time| keys.epoch_at(time)).ok_or(Reason::NoTimestamp)?;
        keys.at(epoch).map_err(|_| Reason::KeyEpochUnknown)?;
        if record.payload.is_some_and(|payload| !is_text(payload))
            || record.headers.iter().any(|header| header.name.contains(char::REPLACEMENT_CHARACTER))
        {
            return Err(Reason::NotUtf8);
        }
        let (parts, findings) = (self.parts.len(), self.plan.findings.len());
        self.plan.start_record();
        let met = veil.packs.met_by(record.payload);
        for (part, _) in parts_of(record) {
            let findings = self.plan_part(veil, met, rows, record, part)?;
            self.parts.push(PlannedPart { part, findings });
        }
        let findings = findings..self.plan.findings.len();
        self.plan.agree(findings.clone());
        Ok(Planned { epoch, met, parts: parts..self.parts.len(), findings })
    }

    fn plan_part(
        &mut self,
        veil: &Veil,
        met: Met,
        rows: Option<&Rows>,
        record: &Record<'_>,
        part: Part,
    ) -> Result<Range<usize>, Reason> {
        let (packs, text) = (&veil.packs, bytes_of(part, record));
        let matcher = packs.at(met.metadata);
        self.plan.part(text, |plan| match part {
            Part::Key => plan.key(packs, matcher, text),
            Part::Payload => plan.payload(packs, met.payload.map(|pack| packs.at(pack)), rows, text),
            Part::Header(index) => {
                plan.header(packs, matcher, record.headers[index].name, text);
                Ok(())
            }
        })
    }
}

impl<'a> CleanRecord<'a> {
    /// Where the raw record stood.
    pub fn position(&self) -> Position<'a> {
        self.position
    }

    /// The raw record's timestamp, in milliseconds since the Unix epoch.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp_ms
    }

    /// The clean key; `None` stays Kafka's null key.
    pub fn key(&self) -> Option<&'a [u8]> {
        self.key
    }

    /// The clean payload; `None` stays a tombstone.
    pub fn payload(&self) -> Option<&'a [u8]> {
        self.payload
    }

    /// The clean headers, in their order.
    pub fn headers(&self) -> &[(&'a str, Option<&'a [u8]>)] {
        &self.headers
    }

    /// Bytes of key, payload and headers together.
    pub fn size(&self) -> usize {
        let len = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + len(*value)).sum();
        len(self.key) + len(self.payload) + headers
    }

    /// The key epoch its pseudonyms belong to.
    pub fn epoch(&self) -> KeyEpoch {
        self.epoch
    }
}

fn parts_of<'r>(record: &Record<'r>) -> impl Iterator<Item = (Part, &'r [u8])> {
    let key = record.key.map(|key| (Part::Key, key));
    let payload = record.payload.map(|payload| (Part::Payload, payload));
    let headers = record.headers.iter().enumerate();
    let headers = headers.filter_map(|(index, header)| Some((Part::Header(index), header.value?)));
    key.into_iter().chain(payload).chain(headers)
}

fn bytes_of<'r>(part: Part, record: &Record<'r>) -> &'r [u8] {
    let bytes = match part {
        Part::Key => record.key,
        Part::Payload => record.payload,
        Part::Header(index) => record.headers[index].value,
    };
    bytes.unwrap_or_default()
}

/// Whether bytes are UTF-8 that can be searched. Text with NUL bytes is not: in UTF-16 every Latin letter has one
/// beside it, and no value would be found.
fn is_text(payload: &[u8]) -> bool {
    memchr::memchr(0, payload).is_none() && std::str::from_utf8(payload).is_ok()
}
