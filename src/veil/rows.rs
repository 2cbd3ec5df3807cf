//! Separated values whose columns a header names: CSV and its kin, the extended log format of the W3C, Zeek.

use super::matcher::Matcher;
use super::packs::BYTE_ORDER_MARK;
use super::patterns::Pattern;
use crate::decode::line::{GivenUp, Hole};
use crate::rules::{LinePattern, Part};
use std::collections::BTreeSet;

/// The shape of the rows below a header.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The header itself, which may come again.
    header: Vec<u8>,
    /// One for each separator that may be meant.
    patterns: Vec<Pattern>,
    /// Those separators, where the header says itself that it is one: a row has as many values as it has names then, and
    /// lines of another kind may stand below it.
    strict: Vec<String>,
}

/// What separates values, in the order in which it is looked for.
const SEPARATORS: [char; 4] = ['\t', ';', ',', '|'];

/// Columns of the shortest header that nothing but its names gives away.
const COLUMNS_MIN: usize = 3;
/// Bytes of the longest name of a column.
const COLUMN_BYTES_MAX: usize = 64;
/// Columns that must be known by their names for a line to be a header, rather than values that look like names.
const KNOWN_COLUMNS_MIN: usize = 2;

/// Reduced names that nearly every table has, and that no rule speaks of.
const USUAL_COLUMNS: [&str; 32] = [
    "action",
    "count",
    "created",
    "createdat",
    "date",
    "datetime",
    "description",
    "details",
    "duration",
    "event",
    "eventtype",
    "host",
    "id",
    "level",
    "message",
    "method",
    "name",
    "no",
    "operation",
    "path",
    "port",
    "protocol",
    "resource",
    "result",
    "severity",
    "status",
    "statuscode",
    "time",
    "timestamp",
    "ts",
    "type",
    "url",
];

/// How headers begin that say that they are some.
const W3C: &str = "#Fields:";
const ZEEK: &str = "#fields\t";

/// Whether a line says itself that it is a header.
pub(super) fn is_marked(text: &[u8]) -> bool {
    text.starts_with(W3C.as_bytes()) || text.starts_with(ZEEK.as_bytes())
}

impl Rows {
    /// The rows below a line that says itself that it is a header, or whose names tell; `None` when it is none.
    pub(super) fn below(matcher: &Matcher, header: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(header).ok()?.trim_start_matches(BYTE_ORDER_MARK).trim_end();
        if let Some(names) = text.strip_prefix(ZEEK) {
            return Self::of(matcher, header, &names.split('\t').collect::<Vec<_>>(), &["\t"]);
        }
        if let Some(names) = text.strip_prefix(W3C) {
            // Amazon CloudFront separates the names by blanks, and the values by tabs.
            return Self::of(matcher, header, &names.split_ascii_whitespace().collect::<Vec<_>>(), &["\t", " "]);
        }
        let separator = SEPARATORS.into_iter().find(|separator| text.contains(*separator))?;
        let names = text.split(separator).map(|name| name.trim().trim_matches('"'));
        // A long first line is no header: nothing is to be learnt from all of it.
        let names: Vec<&str> = names.take(LinePattern::COLUMNS_MAX + 1).collect();
        let is_header = (COLUMNS_MIN..=LinePattern::COLUMNS_MAX).contains(&names.len())
            && are_names(&names)
            && are_known(matcher, &names);
        is_header.then(|| Self::of(matcher, header, &names, &[separator.encode_utf8(&mut [0; 4])])).flatten()
    }

    fn of(matcher: &Matcher, header: &[u8], names: &[&str], separators: &[&str]) -> Option<Self> {
        if !(1..=LinePattern::COLUMNS_MAX).contains(&names.len()) {
            return None;
        }
        let pattern = |separator: &&str| matcher.pattern(&LinePattern::of_columns("row", names, separator, 0));
        let strict = if is_marked(header) { separators } else { &[] };
        Some(Self {
            header: header.to_vec(),
            patterns: separators.iter().map(pattern).collect(),
            strict: strict.iter().map(|separator| (*separator).to_owned()).collect(),
        })
    }

    /// The header above the rows.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The names of the columns, and what separates their values.
    pub fn columns(&self) -> (Vec<&str>, &str) {
        let parts = || self.patterns.first().into_iter().flat_map(|pattern| &pattern.pattern.parts);
        let names = parts().filter_map(|part| match part {
            Part::Hole { name, .. } => Some(name.as_str()),
            Part::Literal(_) => None,
        });
        let separator = parts().find_map(|part| match part {
            Part::Literal(text) => Some(text.as_str()),
            Part::Hole { .. } => None,
        });
        (names.collect(), separator.unwrap_or(","))
    }

    /// The pattern of a row, whose holes are appended; `None` when the text is none of these.
    pub(super) fn row(&self, text: &[u8], holes: &mut Vec<Hole>) -> Option<&Pattern> {
        if text == self.header {
            return None;
        }
        let before = holes.len();
        let fits = |index: &usize| {
            holes.truncate(before);
            let shape = &self.patterns[*index].shape;
            shape.holes(text, GivenUp::Misfits, holes) && !self.has_more(*index, text, holes.last())
        };
        let index = (0..self.patterns.len()).find(fits);
        if index.is_none() {
            holes.truncate(before);
        }
        self.patterns.get(index?)
    }

    /// Whether more values stand in the last hole, which takes the rest.
    fn has_more(&self, pattern: usize, text: &[u8], last: Option<&Hole>) -> bool {
        let (Some(separator), Some(last)) = (self.strict.get(pattern), last) else { return false };
        let is_quoted = text[..last.span.start].ends_with(b"\"");
        !is_quoted && memchr::memmem::find(text[last.span.clone()].trim_ascii_end(), separator.as_bytes()).is_some()
    }
}

/// Whether nearly every table has a column of this reduced name.
pub(super) fn is_usual_column(reduced: &str) -> bool {
    USUAL_COLUMNS.binary_search(&reduced).is_ok()
}

/// Whether all are names of columns, and no two the same.
fn are_names(names: &[&str]) -> bool {
    let is_name = |name: &&str| {
        let fits = (1..=COLUMN_BYTES_MAX).contains(&name.len());
        let sign = |c: char| c.is_alphanumeric() || " _-.()/#@:%".contains(c);
        fits && name.chars().any(char::is_alphabetic) && name.chars().all(sign) && !name.starts_with(char::is_numeric)
    };
    let distinct: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    names.iter().all(is_name) && distinct.len() == names.len()
}

fn are_known(matcher: &Matcher, names: &[&str]) -> bool {
    let ruled = names.iter().filter(|name| matcher.named_as_written(name.as_bytes()).is_some()).count();
    let is_usual = |name: &&&str| {
        let reduced: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        is_usual_column(&reduced)
    };
    ruled > 0 && ruled + names.iter().filter(is_usual).count() >= KNOWN_COLUMNS_MIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_columns_are_sorted() {
        assert!(USUAL_COLUMNS.is_sorted());
    }

    #[test]
    fn names_of_columns() {
        assert!(are_names(&["Date", "c-ip", "cs(User-Agent)", "Source IP"]));
        for names in [["a", "a", "b"], ["a", "", "b"], ["a", "192.0.2.1", "b"], ["a", "x=y", "b"], ["a", "b!", "c"]] {
            assert!(!are_names(&names), "{names:?}");
        }
    }
}
