//! What a name suggests that the lexicon of the packs does not know as a whole: the lexicon's words inside it, and words of
//! people, devices and sessions that are too vague to go by without looking at the values.

use crate::rules::Class;
use crate::veil::{Meaning, Veil};

/// What a name suggests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hint {
    /// Entities of this class.
    Entity(Class),
    /// An amount, a time, a kind, a place in a program: nobody.
    Thing,
    /// Nothing.
    Nothing,
}

/// Words of names, in lower case, and what they speak of. Not in the packs' lexicon, because each of them alone is also the
/// name of harmless things.
const SUBJECTS: [(Class, &[&str]); 5] = [
    (
        Class::User,
        &[
            "usr",
            "user",
            "users",
            "uname",
            "login",
            "who",
            "by",
            "whom",
            "actor",
            "operator",
            "clerk",
            "staff",
            "member",
            "author",
            "owner",
            "holder",
            "handle",
            "nick",
            "alias",
            "caller",
            "callee",
            "driver",
            "rider",
            "player",
            "wer",
            "nutzer",
            "benutzer",
            "bearbeiter",
            "utilisateur",
            "usuario",
            "utente",
            "gebruiker",
            "person",
            "persona",
            "principal",
            "identity",
            "ident",
            "subject",
            "employee",
            "emp",
            "worker",
            "personnel",
            "mitarbeiter",
            "agent",
        ],
    ),
    (
        Class::Account,
        &[
            "cust",
            "customer",
            "customers",
            "client",
            "cli",
            "kunde",
            "kunden",
            "kd",
            "kdnr",
            "knr",
            "custno",
            "kundennr",
            "subscriber",
            "patient",
            "pupil",
            "student",
            "guest",
            "tenant",
            "insured",
            "policyholder",
            "beneficiary",
            "passenger",
            "abonne",
            "cliente",
            "klant",
            "vertrag",
            "contract",
            "loyalty",
            "membership",
            "acct",
            "account",
            "konto",
            "buyer",
            "payer",
            "household",
            "meter",
            "debtor",
            "creditor",
        ],
    ),
    (
        Class::Device,
        &[
            "dev",
            "device",
            "geraet",
            "gerät",
            "terminal",
            "handset",
            "imei",
            "imsi",
            "serial",
            "sn",
            "hwid",
            "hardware",
            "machine",
            "badge",
            "tag",
            "tracker",
            "beacon",
            "thing",
            "gadget",
            "appareil",
            "dispositivo",
            "apparaat",
            "vehicle",
            "vin",
            "plate",
            "asset",
            "installation",
            "install",
            "fingerprint",
            "fp",
            "advertising",
            "idfa",
            "gaid",
        ],
    ),
    (
        Class::Session,
        &[
            "sess",
            "session",
            "sitzung",
            "sid",
            "ssn",
            "visit",
            "conversation",
            "chat",
            "ticket",
            "journey",
            "sesion",
            "sessie",
            "sessid",
        ],
    ),
    (
        Class::Token,
        &["secret", "token", "bearer", "apikey", "passwd", "pwd", "password", "cookie", "credential", "otp", "pin"],
    ),
];

/// Last words of names of amounts, times, kinds and parts of programs.
const THINGS: [&str; 97] = [
    "count",
    "cnt",
    "total",
    "sum",
    "size",
    "len",
    "length",
    "bytes",
    "kb",
    "mb",
    "ms",
    "us",
    "ns",
    "sec",
    "secs",
    "seconds",
    "min",
    "max",
    "avg",
    "duration",
    "latency",
    "elapsed",
    "took",
    "time",
    "ts",
    "timestamp",
    "date",
    "at",
    "day",
    "ttl",
    "port",
    "status",
    "code",
    "level",
    "lvl",
    "severity",
    "type",
    "kind",
    "mode",
    "state",
    "version",
    "ver",
    "enabled",
    "flag",
    "ratio",
    "pct",
    "percent",
    "score",
    "rank",
    "retries",
    "attempt",
    "attempts",
    "offset",
    "index",
    "idx",
    "seq",
    "sequence",
    "pid",
    "tid",
    "line",
    "depth",
    "weight",
    "price",
    "amount",
    "temp",
    "temperature",
    "rate",
    "reason",
    "result",
    "outcome",
    "method",
    "verb",
    "path",
    "url",
    "uri",
    "zone",
    "region",
    "lang",
    "language",
    "locale",
    "country",
    "currency",
    "unit",
    "module",
    "component",
    "logger",
    "thread",
    "action",
    "event",
    "role",
    "plan",
    "tier",
    "group",
    "env",
    "stage",
    "queue",
    "topic",
];

/// Words of the names of single events.
const EVENTS: [&str; 17] = [
    "request",
    "req",
    "trace",
    "span",
    "evt",
    "event",
    "correlation",
    "corr",
    "transaction",
    "txn",
    "message",
    "batch",
    "job",
    "build",
    "commit",
    "order",
    "invocation",
];

/// Parts of paths behind which people stand.
const FOLDERS: [&str; 10] =
    ["profile", "profiles", "people", "persons", "u", "home", "accounts", "owners", "authors", "contacts"];

/// What the part of a path before a part suggests of it.
pub(super) fn hint_of_folder(veil: &Veil, folder: &str) -> Hint {
    match FOLDERS.contains(&folder.to_ascii_lowercase().as_str()) {
        true => Hint::Entity(Class::User),
        false => hint(veil, folder),
    }
}

/// What a name suggests.
pub(super) fn hint(veil: &Veil, name: &str) -> Hint {
    match veil.meaning(name) {
        Some(Meaning::Entity(class)) => return Hint::Entity(class),
        Some(Meaning::Nobody) => return Hint::Thing,
        None => {}
    }
    let words = words(name);
    if words.last().is_some_and(|last| THINGS.contains(&last.as_str())) {
        return Hint::Thing;
    }
    let has = |known: &[&str]| words.iter().any(|word| known.contains(&word.as_str()));
    let is_event = has(&EVENTS);
    for (class, known) in SUBJECTS {
        if has(known) {
            return Hint::Entity(class);
        }
    }
    if is_event {
        return Hint::Thing;
    }
    by_part(veil, &words).unwrap_or(Hint::Nothing)
}

/// What the lexicon says of two words or more that follow each other in a name.
fn by_part(veil: &Veil, words: &[String]) -> Option<Hint> {
    (2..words.len()).rev().flat_map(|length| words.windows(length)).find_map(|part| {
        match veil.meaning(&part.join("_")) {
            Some(Meaning::Entity(class)) => Some(Hint::Entity(class)),
            Some(Meaning::Nobody) | None => None,
        }
    })
}

/// The words of a name in lower case, cut at punctuation, digits and humps.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for c in name.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && after_small) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphabetic()) {
            word.extend(c.to_lowercase());
        }
        after_small = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::library::Library;
    use crate::veil::Choice;

    fn veil() -> Veil {
        let shipped = Library::shipped();
        let mut loader = shipped.loader(&shipped);
        let packs: Vec<_> = shipped.packs.iter().map(|files| loader.parse(files).unwrap()).collect();
        Veil::new(&packs, &Choice::Auto).unwrap()
    }

    #[test]
    fn words_of_names() {
        for (name, expected) in [
            ("kdNr", "kd nr"),
            ("geraet_kennung2", "geraet kennung"),
            ("X-Sess.ID", "x sess id"),
            ("", ""),
            ("IPAddress", "ipaddress"),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn names_suggest_classes() {
        let veil = veil();
        for (name, expected) in [
            ("client_ip", Hint::Entity(Class::Ip)),
            ("request_id", Hint::Thing),
            ("kdNr", Hint::Entity(Class::Account)),
            ("geraet_kennung", Hint::Entity(Class::Device)),
            ("sessRef", Hint::Entity(Class::Session)),
            ("user_count", Hint::Thing),
            ("customer_type", Hint::Thing),
            ("evtRef", Hint::Thing),
            ("colour", Hint::Nothing),
        ] {
            assert_eq!(hint(&veil, name), expected, "{name}");
        }
    }
}
