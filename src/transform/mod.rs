//! What replaces a value, and the splicing of replacements into the original bytes.
//!
//! Knows: findings, replacements, how a replacement is written where it stands. Must not look for values, nor see key
//! bytes. Only this room makes a [`CleanEvent`]. Start at [`replace`] and [`splice`].

mod address;
pub mod coordinates;
pub mod user_agent;

use crate::canon;
use crate::keys::{EpochKeys, Lanes};
use crate::record::Cleartext;
use crate::rules::{Class, Transform};
use std::net::IpAddr;
use std::ops::Range;

/// Index of a rule among all rules of a veil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleIndex(pub u16);

/// A value to be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Bytes of the original that the replacement takes the place of.
    pub span: Range<u32>,
    /// The value with all escapes undone, as a range of the plan's value arena.
    pub value: Range<u32>,
    /// The rule that asks for it.
    pub rule: RuleIndex,
    /// What kind of entity the value is.
    pub class: Class,
    /// What replaces it.
    pub replacement: Replacement,
    /// How the replacement is written where the value stood.
    pub quoting: Quoting,
    /// What it was found by; decides between two findings of one span.
    pub source: Source,
}

impl Finding {
    /// Whether its value is decoded, cleaned and encoded again.
    pub(crate) fn is_recoded(&self) -> bool {
        matches!(self.replacement, Replacement::Recoded(_))
    }

    /// Notes that percent escapes stand around the value.
    pub(crate) fn escape(&mut self) {
        if let Replacement::Recoded(recoding) = &mut self.replacement {
            recoding.escaped = recoding.escaped.saturating_add(1);
        }
    }
}

/// What a finding was found by, the stronger first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A rule named the field.
    Rule,
    /// The value's shape gave it away.
    Shape,
    /// The value was found elsewhere in the record.
    Spread,
}

/// A [`Transform`] that replaces: all but `Keep`, so that what is found cannot be kept by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Replacement {
    /// A keyed token, for addresses optionally with the token of their network.
    Pseudonym {
        /// Appends the network's token.
        network: bool,
    },
    /// Another address with the same prefixes in common (ipcrypt-pfx).
    Prefix,
    /// The address with its host bits zero: /24 of IPv4, /48 of IPv6.
    Truncation,
    /// A coarser value without a key.
    Generalization,
    /// Coordinates with one decimal.
    Rounding,
    /// The value decoded, what was found in it replaced, and encoded again: base64, a JSON Web Token.
    Recoded(Recoding),
    /// The marker `<class>.dropped`.
    Marker,
}

/// Which layers of a plan a value decodes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recoding {
    /// Index of the first one.
    pub first: u32,
    /// How many there are, one after the other in the value.
    pub count: u8,
    /// Percent escapes around the value, one inside the other: in a form a bare plus would be read as a blank.
    pub escaped: u8,
}

/// How a replacement is written where the value stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quoting {
    /// Inside text: as it is. Replacements hold no character that any layer escapes.
    Text,
    /// In place of a JSON number or literal: as a string, whose quotes are escaped once per layer of JSON strings around.
    Literal {
        /// Layers of JSON strings around the value: 0 in the record itself.
        layers: u8,
    },
}

impl Replacement {
    /// What a transform replaces with; `None` when it keeps the value.
    pub fn of(transform: Transform) -> Option<Self> {
        match transform {
            Transform::Pseudonymize { network } => Some(Self::Pseudonym { network }),
            Transform::Prefix => Some(Self::Prefix),
            Transform::Truncate => Some(Self::Truncation),
            Transform::Generalize => Some(Self::Generalization),
            Transform::Round => Some(Self::Rounding),
            Transform::Drop => Some(Self::Marker),
            Transform::Keep => None,
        }
    }
}

/// Appends what replaces `value` to `out` and returns the class it was hashed under.
///
/// This is where secret becomes public, and it may because: a token is a keyed hash, a prefix-preserving address is
/// encrypted, and the others are coarser values from small sets. A transform that does not fit its value, such as that of
/// an address on something else, falls back to a token. `scratch` is overwritten.
pub fn replace(
    keys: &EpochKeys,
    finding: &Finding,
    value: Cleartext<'_>,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> Class {
    if without_token(keys, finding, value, out) {
        return finding.class;
    }
    let (class, network) = canonical(finding, value, scratch);
    keys.write_pseudonym(class, scratch, network, out);
    class
}

/// The same, at the end of a text whose tokens are computed side by side.
pub fn replace_in_lanes(
    lanes: &mut Lanes<'_>,
    finding: &Finding,
    value: Cleartext<'_>,
    scratch: &mut Vec<u8>,
) -> Class {
    if without_token(lanes.keys(), finding, value, lanes.text()) {
        return finding.class;
    }
    let (class, network) = canonical(finding, value, scratch);
    lanes.write_pseudonym(class, scratch, network);
    class
}

/// Appends what replaces `value` if it is no token; `false` when it is one.
fn without_token(keys: &EpochKeys, finding: &Finding, value: Cleartext<'_>, out: &mut Vec<u8>) -> bool {
    let found = || canon::address(value.expose());
    match finding.replacement {
        // Whoever has the layers of an encoded text puts them together; without them nothing of the value may pass.
        Replacement::Pseudonym { .. } | Replacement::Recoded(_) => return false,
        Replacement::Prefix => match found() {
            Some(address) => address::write(keys.prefix(address), out),
            None => return false,
        },
        Replacement::Truncation => match found() {
            Some(address) => address::write(canon::network(address).network(), out),
            None => return false,
        },
        Replacement::Generalization => user_agent::generalize(value.expose(), out),
        Replacement::Rounding => match coordinates::round(value.expose()) {
            Some(rounded) => out.extend_from_slice(rounded.as_bytes()),
            None => return false,
        },
        Replacement::Marker => {
            out.extend_from_slice(finding.class.code().as_bytes());
            out.extend_from_slice(b".dropped");
        }
    }
    true
}

/// Writes the canonical bytes of a value; its class, and the address whose network is to be told.
fn canonical(finding: &Finding, value: Cleartext<'_>, canonical: &mut Vec<u8>) -> (Class, Option<IpAddr>) {
    canonical.clear();
    let class = canon::canonical(finding.class, value.expose(), canonical);
    let network = finding.replacement == Replacement::Pseudonym { network: true } && class == Class::Ip;
    (class, if network { canon::address(value.expose()) } else { None })
}

/// An original with its findings replaced. Its bytes may still hold a residue: only [`crate::veil`] may pass it on.
///
/// ```compile_fail
/// // No other room can make one: its fields are private.
/// let raw = logveil::transform::CleanEvent { bytes: b"192.0.2.1", replaced: &[] };
/// ```
#[derive(Clone, Copy)]
pub struct CleanEvent<'a> {
    bytes: &'a [u8],
    replaced: &'a [Range<u32>],
}

impl<'a> CleanEvent<'a> {
    /// The bytes after replacement.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The ranges of [`Self::bytes`] that are replacements, ascending.
    pub fn replaced(self) -> &'a [Range<u32>] {
        self.replaced
    }
}

/// Appends `original` to `out` with each finding replaced.
///
/// `findings` are ascending and disjoint; `replacements[i]`, a range of `texts`, replaces `findings[i]`. Untouched bytes
/// stay as they are. `replaced` is overwritten.
pub fn splice<'a>(
    original: &[u8],
    findings: &[Finding],
    replacements: &[Range<u32>],
    texts: &[u8],
    out: &'a mut Vec<u8>,
    replaced: &'a mut Vec<Range<u32>>,
) -> CleanEvent<'a> {
    let event_start = out.len();
    replaced.clear();
    let mut copied = 0;
    for (finding, replacement) in findings.iter().zip(replacements) {
        out.extend_from_slice(&original[copied..finding.span.start as usize]);
        copied = finding.span.end as usize;
        let start = (out.len() - event_start) as u32;
        write_quote(finding.quoting, out);
        out.extend_from_slice(&texts[replacement.start as usize..replacement.end as usize]);
        write_quote(finding.quoting, out);
        replaced.push(start..(out.len() - event_start) as u32);
    }
    out.extend_from_slice(&original[copied..]);
    CleanEvent { bytes: &out[event_start..], replaced }
}

/// Writes a quote that is still one after `layers` layers of unescaping: `"`, `\"`, `\\\"`, …
fn write_quote(quoting: Quoting, out: &mut Vec<u8>) {
    match quoting {
        Quoting::Text => {}
        Quoting::Literal { layers } => {
            out.resize(out.len() + (1 << layers) - 1, b'\\');
            out.push(b'"');
        }
    }
}
