//! The shipped packs, compiled once, and what they make of a payload.

use logveil::keys::{EpochSecret, KeyEpoch, Keyring, SealSecret};
use logveil::record::{Position, Record};
use logveil::rules::library::Library;
use logveil::rules::{Format, RulePack};
use logveil::veil::{Batch, Choice, Outcome, Reason, Veil};
use std::sync::OnceLock;

/// 2026-01-01T00:00:00Z.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;
const EPOCH_DAYS: u32 = 30;

/// The packs that take what no other recognises.
const GENERIC: [&str; 2] = ["generic-json", "generic-line"];

/// A choice of pack, ready to be used.
pub(crate) struct Veiled {
    /// Whether JSON that goes in comes out as JSON.
    pub(crate) keeps_json: bool,
    /// Whether text that no rule names is searched for entities whatever it is: other packs name fields that are kept.
    pub(crate) scans: bool,
    pub(crate) veil: Veil,
    /// The same with the rules of every pack in reverse order.
    pub(crate) reversed: Veil,
}

impl Veiled {
    fn compile(packs: &[RulePack], name: &str) -> Self {
        let reverse = |pack: &RulePack| {
            let rules = pack.rules.iter().rev().cloned().collect();
            RulePack { rules, ..pack.clone() }
        };
        let reversed: Vec<RulePack> = packs.iter().map(reverse).collect();
        let compile = |packs| Veil::new(packs, &Choice::new(name)).expect("the shipped packs compile");
        let format = packs.iter().find(|pack| pack.name == name).map(|pack| pack.format);
        let (keeps_json, scans) = (format != Some(Format::Line), GENERIC.contains(&name));
        Self { keeps_json, scans, veil: compile(packs), reversed: compile(&reversed) }
    }
}

/// How many choices there are: `auto` and every shipped pack.
pub(crate) fn choices() -> usize {
    1 + packs().len()
}

/// The veil of a choice by its number: 0 is `auto` with all packs, the others are packs with the generic ones beside them.
pub(crate) fn choice(number: usize) -> &'static Veiled {
    static CHOICES: OnceLock<Vec<OnceLock<Veiled>>> = OnceLock::new();
    let choices = CHOICES.get_or_init(|| (0..choices()).map(|_| OnceLock::new()).collect());
    choices[number].get_or_init(|| match number.checked_sub(1).map(|at| packs()[at].name.as_str()) {
        None => Veiled::compile(packs(), "auto"),
        Some(name) => {
            let beside = |pack: &&RulePack| pack.name == name || GENERIC.contains(&pack.name.as_str());
            let packs: Vec<RulePack> = packs().iter().filter(beside).cloned().collect();
            Veiled::compile(&packs, name)
        }
    })
}

/// The veil of `auto`, or of a generic pack.
pub(crate) fn named(name: &str) -> &'static Veil {
    let number = packs().iter().position(|pack| pack.name == name).map_or(0, |at| at + 1);
    &choice(number).veil
}

/// Every shipped pack, by name.
fn packs() -> &'static [RulePack] {
    static PACKS: OnceLock<Vec<RulePack>> = OnceLock::new();
    PACKS.get_or_init(|| {
        let library = Library::shipped();
        let mut loader = library.loader(&library);
        let load = |files| loader.parse(files).expect("the shipped packs load");
        let mut packs: Vec<RulePack> = library.packs.iter().map(load).collect();
        packs.sort_by(|a, b| a.name.cmp(&b.name));
        packs
    })
}

/// Keys of known bytes for the epoch of [`NEW_YEAR_MS`].
pub(crate) fn keys() -> &'static Keyring {
    static KEYS: OnceLock<Keyring> = OnceLock::new();
    KEYS.get_or_init(|| {
        let present = u32::try_from(NEW_YEAR_MS / (i64::from(EPOCH_DAYS) * 86_400_000)).expect("a small number");
        let epochs = vec![(KeyEpoch(present), EpochSecret::new(&[7; 32]))];
        Keyring::new("fuzz", EPOCH_DAYS, epochs, SealSecret::new(&[9; 32])).expect("the keyring is sound")
    })
}

/// Where every record stands.
pub(crate) const POSITION: Position<'static> = Position { topic: "raw", partition: 0, offset: 7 };

/// A record with this payload and nothing else.
pub(crate) fn record(payload: &[u8]) -> Record<'_> {
    Record { position: POSITION, timestamp_ms: Some(NEW_YEAR_MS), key: None, payload: Some(payload), headers: &[] }
}

/// A clean payload and how many values were replaced in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clean {
    pub(crate) payload: Vec<u8>,
    pub(crate) replaced: u64,
}

impl Clean {
    /// Whether something was replaced or all bytes are those of `payload`. A token whose claims name nobody loses its
    /// signature, and no value is counted for it.
    pub(crate) fn accounts_for(&self, payload: &[u8]) -> bool {
        let has_token = payload.windows(3).any(|bytes| bytes == b"eyJ");
        self.replaced > 0 || self.payload == payload || has_token
    }
}

/// What becomes of a payload, in a batch of its own.
pub(crate) fn veiled(veil: &Veil, payload: &[u8]) -> Result<Clean, Reason> {
    let (record, mut batch) = (record(payload), Batch::default());
    veil.batch(keys(), &[record], &mut batch);
    clean(&batch, 0, &record)
}

/// The outcome of a record of a batch.
pub(crate) fn clean(batch: &Batch, index: usize, record: &Record<'_>) -> Result<Clean, Reason> {
    match batch.outcome(index, record) {
        Outcome::Quarantine(reason) => Err(reason),
        Outcome::Clean(clean) => {
            let payload = clean.payload().expect("a payload stays one").to_vec();
            Ok(Clean { payload, replaced: batch.tally().by_class.iter().sum() })
        }
    }
}

/// As [`veiled`], for a text that must come out clean.
#[track_caller]
pub(crate) fn clean_text(veil: &Veil, payload: &str) -> String {
    let clean = veiled(veil, payload.as_bytes());
    assert!(clean.is_ok(), "quarantined for {clean:?}: {payload}");
    clean.map(|clean| String::from_utf8(clean.payload).expect("clean text is UTF-8")).unwrap_or_default()
}
