//! logveil as one of the methods: its public API, batch by batch, and the packs of the jobs.

use crate::corpus::{Chunk, NEW_YEAR_MS};
use crate::{Agreement, Method};
use logveil::keys::{EpochSecret, KeyEpoch, Keyring, SealSecret};
use logveil::record::{Position, Record};
use logveil::rules::library::Library;
use logveil::veil::{Batch, Choice, Outcome, Veil};
use std::fmt::Write as _;

/// Records of a batch: what a worker takes at a time.
const BATCH_RECORDS: usize = 128;

/// Days of a key epoch.
const EPOCH_DAYS: u32 = 30;

/// The epoch of all records.
pub const EPOCH: KeyEpoch = KeyEpoch((NEW_YEAR_MS / (EPOCH_DAYS as i64 * 86_400_000)) as u32);

/// The tenant whose keys are used.
pub const TENANT: &str = "peers";

/// The secret that all keys are derived from, by logveil and by its rivals.
pub const EPOCH_SECRET: [u8; 32] = [7; 32];

const EIGHT_FIELDS: &str = include_str!("../packs/eight-fields/pack.toml");
const ADDRESSES: &str = include_str!("../packs/addresses/pack.toml");

/// Rules that match nothing: with the nine of the JSON job, five hundred.
const IDLE_RULES: usize = 491;

/// logveil with the packs of one job.
pub struct Engine {
    veil: Veil,
    keys: Keyring,
}

/// What a run of the engine did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Values replaced.
    pub replaced: u64,
    /// Records that went to quarantine.
    pub quarantined: u64,
}

impl Engine {
    /// The eight fields of the JSON job.
    pub fn eight_fields() -> Self {
        Self::of_pack("eight-fields", EIGHT_FIELDS.to_owned())
    }

    /// The same among five hundred rules: the others select fields that no event has, some of them beside fields that it
    /// has, some at any depth.
    pub fn five_hundred_rules() -> Self {
        let mut pack = EIGHT_FIELDS.to_owned();
        for number in 0..IDLE_RULES {
            let parent = ["", "request.headers.", "user.", "**."][number % 4];
            write!(
                pack,
                "\n[[rule]]\nid = \"idle-{number}\"\nselect = [\"{parent}idle_{number}\"]\nclass = \"text\"\n"
            )
            .expect("a string takes all that is written");
        }
        Self::of_pack("eight-fields", pack)
    }

    /// Addresses in text.
    pub fn addresses() -> Self {
        Self::of_pack("addresses", ADDRESSES.to_owned())
    }

    /// A pack that ships with logveil.
    pub fn shipped(name: &str) -> Self {
        Self::of_library(&Library::shipped(), name)
    }

    fn of_pack(name: &str, pack: String) -> Self {
        Self::of_library(&Library::new("packs", [(format!("{name}/pack.toml"), pack)]), name)
    }

    fn of_library(library: &Library, name: &str) -> Self {
        let mut loader = library.loader(library);
        let packs = library.packs.iter().map(|files| loader.parse(files).expect("the packs are sound"));
        let veil = Veil::new(&packs.collect::<Vec<_>>(), &Choice::new(name)).expect("the pack is there");
        let epochs = vec![(EPOCH, EpochSecret::new(&EPOCH_SECRET))];
        let keys = Keyring::new(TENANT, EPOCH_DAYS, epochs, SealSecret::new(&[9; 32])).expect("the keys are sound");
        Self { veil, keys }
    }

    /// The id that pseudonyms of the epoch carry.
    pub fn key_id(&self) -> &str {
        self.keys.at(EPOCH).expect("the keyring has this epoch").kid()
    }

    /// The engine as a method.
    pub fn method(&self) -> Method<'_> {
        let mut batch = Batch::default();
        let run = move |chunk: &Chunk, out: &mut Vec<u8>| {
            self.clean(chunk, &mut batch, out);
        };
        Method { name: "logveil", agreement: Agreement::Bytes, run: Box::new(run) }
    }

    /// Appends the clean lines of a chunk to `out`.
    pub fn clean(&self, chunk: &Chunk, batch: &mut Batch, out: &mut Vec<u8>) -> Done {
        let mut done = Done::default();
        let mut records = Vec::with_capacity(BATCH_RECORDS);
        let mut lines = chunk.line_bytes();
        loop {
            records.clear();
            records.extend(lines.by_ref().take(BATCH_RECORDS).map(record));
            if records.is_empty() {
                return done;
            }
            self.veil.batch(&self.keys, &records, batch);
            for (index, record) in records.iter().enumerate() {
                match batch.outcome(index, record) {
                    Outcome::Clean(clean) => out.extend_from_slice(clean.payload().unwrap_or_default()),
                    Outcome::Quarantine(_) => done.quarantined += 1,
                }
                out.push(b'\n');
            }
            done.replaced += batch.tally().by_class.iter().sum::<u64>();
        }
    }
}

fn record(payload: &[u8]) -> Record<'_> {
    let position = Position { topic: "peers", partition: 0, offset: 0 };
    Record { position, timestamp_ms: Some(NEW_YEAR_MS), key: None, payload: Some(payload), headers: &[] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Corpus;

    fn cleaned(engine: &Engine, corpus: &Corpus) -> (Done, Vec<u8>) {
        let mut out = Vec::new();
        (engine.clean(&corpus.chunks[0], &mut Batch::default(), &mut out), out)
    }

    #[test]
    fn idle_rules_change_nothing() {
        let corpus = Corpus::events(1);
        assert_eq!(cleaned(&Engine::five_hundred_rules(), &corpus), cleaned(&Engine::eight_fields(), &corpus));
    }

    #[test]
    fn there_are_five_hundred_rules() {
        let rules = |engine: Engine| engine.veil.rule_names().len();
        assert_eq!(rules(Engine::five_hundred_rules()) - rules(Engine::eight_fields()), IDLE_RULES);
    }
}
