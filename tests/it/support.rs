//! What several tests need: a keyring of published bytes, and records in a line.

use logveil::keys::{EpochSecret, KeyEpoch, Keyring, SealSecret};
use logveil::record::{Position, Record};
use logveil::rules::library::Library;
use logveil::rules::{RulePack, load};
use logveil::veil::{Batch, Choice, Outcome, Veil};
use std::sync::OnceLock;

/// 2026-01-01T00:00:00Z.
pub(crate) const NEW_YEAR_MS: i64 = 1_767_225_600_000;

/// The secret bytes 00 01 .. 1f of the golden vectors.
fn counting() -> [u8; 32] {
    std::array::from_fn(|index| index as u8)
}

/// A keyring of known bytes with the epochs around [`NEW_YEAR_MS`].
pub(crate) fn keyring() -> Keyring {
    let present = (NEW_YEAR_MS / (30 * 86_400_000)) as u32;
    let secret = |offset: u8| {
        let mut bytes = counting();
        bytes[0] = offset;
        EpochSecret::new(&bytes)
    };
    let epochs = vec![(KeyEpoch(present), secret(0)), (KeyEpoch(present + 1), secret(1))];
    Keyring::new("test", 30, epochs, SealSecret::new(&counting())).expect("the test keyring is sound")
}

/// A pack from its text.
pub(crate) fn pack(text: &str) -> RulePack {
    load::parse("test/pack.toml", text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The packs inside the binary.
pub(crate) fn shipped() -> &'static [RulePack] {
    static PACKS: OnceLock<Vec<RulePack>> = OnceLock::new();
    PACKS.get_or_init(|| {
        let library = Library::shipped();
        let mut loader = library.loader(&library);
        library.packs.iter().map(|files| loader.parse(files).expect("the shipped packs load")).collect()
    })
}

/// All of them, each record by its own.
pub(crate) fn auto() -> &'static Veil {
    static AUTO: OnceLock<Veil> = OnceLock::new();
    AUTO.get_or_init(|| Veil::new(shipped(), &Choice::Auto).expect("the shipped packs compile"))
}

/// A record with just this payload.
pub(crate) fn record(payload: &[u8]) -> Record<'_> {
    let position = Position { topic: "raw", partition: 0, offset: 7 };
    Record { position, timestamp_ms: Some(NEW_YEAR_MS), key: None, payload: Some(payload), headers: &[] }
}

/// The veil of one pack.
pub(crate) fn veil(pack_text: &str) -> Veil {
    let pack = pack(pack_text);
    let choice = Choice::Pack(pack.name.clone());
    Veil::new(&[pack], &choice).unwrap_or_else(|error| panic!("{error}"))
}

/// What becomes of one payload: its clean text, or `quarantine: <reason>`.
pub(crate) fn veiled(veil: &Veil, payload: &[u8]) -> String {
    let record = record(payload);
    let mut batch = Batch::default();
    veil.batch(&keyring(), &[record], &mut batch);
    match batch.outcome(0, &record) {
        Outcome::Clean(clean) => {
            String::from_utf8(clean.payload().expect("a payload stays one").to_vec()).expect("clean text is UTF-8")
        }
        Outcome::Quarantine(reason) => format!("quarantine: {reason}"),
    }
}

/// Writes each token as `<class:n>`, numbered by first appearance: equal tokens keep equal numbers.
pub(crate) fn readable(text: &str) -> String {
    let token =
        regex::Regex::new(r"([a-z-]+)\.[a-z2-7]{4}_[a-z2-7]{24}(_[a-z2-7]{24})?").expect("the test's expression");
    let mut seen: Vec<String> = Vec::new();
    let number = |token: &str, seen: &mut Vec<String>| {
        let index = seen.iter().position(|known| known == token).unwrap_or_else(|| {
            seen.push(token.to_owned());
            seen.len() - 1
        });
        index + 1
    };
    let replaced = token.replace_all(text, |captures: &regex::Captures<'_>| {
        let whole = number(&captures[0], &mut seen);
        format!("<{}:{whole}>", &captures[1])
    });
    replaced.into_owned()
}
