//! The words that are a record's own, whatever somebody in it is called: names of its fields, times, ports, the host and
//! program of its line. A value that reads the same is not spread to them.

use super::json::text_of;
use super::{Plan, Scope, keyed, looks_like_json};
use crate::decode::escape::Undo;
use crate::decode::json::{JsonError, Quoted, Token};
use crate::decode::line::Hole;
use crate::rules::Class;
use crate::transform::{Finding, Quoting, Replacement, Source};
use crate::veil::matcher::Matcher;
use crate::veil::patterns::Pattern;
use crate::veil::residue::{Needles, is_member_name, is_one_word, is_pair_name};
use crate::veil::rows::is_usual_column;
use std::ops::Range;

/// Names of fields that most records have, reduced, beside those of the pack and the usual columns of tables. Any other name
/// may be somebody's, as in maps keyed by user.
const FIELDS: [&str; 45] = [
    "app",
    "bytes",
    "caller",
    "category",
    "code",
    "component",
    "context",
    "data",
    "environment",
    "error",
    "eventcategory",
    "eventid",
    "eventname",
    "eventsource",
    "eventtime",
    "facility",
    "fields",
    "file",
    "function",
    "labels",
    "latency",
    "line",
    "logger",
    "meta",
    "metadata",
    "module",
    "msg",
    "outcome",
    "pid",
    "process",
    "program",
    "reason",
    "region",
    "request",
    "response",
    "service",
    "source",
    "spanid",
    "stream",
    "tags",
    "thread",
    "traceid",
    "uri",
    "useragent",
    "version",
];

/// Last words of the names of fields that hold times, amounts and the like, but nobody.
const MEASURES: [&str; 45] = [
    "amount",
    "at",
    "bytes",
    "column",
    "count",
    "date",
    "duration",
    "elapsed",
    "end",
    "exp",
    "expires",
    "iat",
    "latency",
    "len",
    "length",
    "level",
    "limit",
    "line",
    "max",
    "micros",
    "millis",
    "min",
    "ms",
    "nanos",
    "nbf",
    "ns",
    "offset",
    "percent",
    "port",
    "ports",
    "price",
    "rate",
    "received",
    "seconds",
    "sent",
    "size",
    "start",
    "status",
    "statuscode",
    "time",
    "timestamp",
    "total",
    "ts",
    "ttl",
    "version",
];

/// Letters that times hold, in lower case.
const TIME_WORDS: [&str; 31] = [
    "am", "apr", "april", "aug", "august", "cest", "cet", "dec", "december", "feb", "february", "fri", "gmt", "jan",
    "january", "jul", "july", "jun", "june", "mar", "may", "mon", "nov", "oct", "pm", "sep", "t", "thu", "tue", "utc",
    "z",
];

/// Holes of line patterns that hold a time or a part of one; others end in `_time`.
const TIME_HOLES: [&str; 6] = ["clock", "date", "day", "month", "time", "timestamp"];

/// Holes that hold what wrote the line, or one of the few words that its kind of line knows.
const WRITER_HOLES: [&str; 5] = ["host", "level", "method", "process", "program"];

/// The name of the present value, or of the array around it.
#[derive(Default)]
pub(super) struct Field(Option<Quoted>);

impl Field {
    /// Goes on behind a token.
    pub(super) fn pass(&mut self, token: Token) {
        match token {
            Token::ObjectStart | Token::ObjectEnd => self.0 = None,
            Token::Name(name) => self.0 = Some(name),
            Token::ArrayStart | Token::ArrayEnd => {}
            Token::Text(_) | Token::Number(_) | Token::Bool(_) | Token::Null => {}
        }
    }

    /// Whether it holds times, amounts and the like. `text` is that of the tokens.
    fn is_measure(&self, text: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|name| names_measure(text_of(text, name).as_bytes()))
    }
}

impl Plan {
    fn own_json(&mut self, scope: Scope<'_>, needles: &Needles, text: &[u8]) -> Result<(), JsonError> {
        self.walk_json(text, |plan, mut tokens| {
            let (mut candidates, mut field) = (needles.candidates(text), Field::default());
            while let Some(token) = tokens.next_token()? {
                if candidates.may_stand_in_token(text, &token) {
                    plan.own_token(scope, needles, text, &token, &field);
                }
                field.pass(token);
            }
            Ok(())
        })
    }

    /// Adds findings where a value of `needles` in a token, which is the value of a field or its name, is the record's own
    /// word.
    pub(super) fn own_token(&mut self, scope: Scope<'_>, needles: &Needles, text: &[u8], token: &Token, field: &Field) {
        match token {
            Token::Name(name) => self.quoted(text, name, |plan, name| {
                if is_one_word(name) && is_field(scope.matcher, name) {
                    plan.push_own(scope, needles, name);
                }
            }),
            Token::Text(value) => self.quoted(text, value, |plan, value| {
                if is_figures(value) && field.is_measure(text) {
                    plan.push_own(scope, needles, value);
                } else {
                    plan.own_text(scope.in_string(), needles, value);
                }
            }),
            Token::Number(span) if field.is_measure(text) => {
                let found = self.findings.len();
                self.push_own(scope, needles, &text[span.clone()]);
                self.shift(found, span.start);
            }
            Token::ObjectStart | Token::ObjectEnd | Token::ArrayStart | Token::ArrayEnd => {}
            Token::Number(_) | Token::Bool(_) | Token::Null => {}
        }
    }

    /// The spans of the record's own words in a part's text: ascending and disjoint.
    pub(super) fn own_spans(&mut self, own: Vec<Finding>, text: &[u8]) -> Vec<Range<u32>> {
        let start = self.findings.len();
        self.findings.extend(own);
        self.resolve(start, text);
        self.findings.drain(start..).map(|own| own.span).collect()
    }

    /// Looks into a text as [`Plan::spread`] does: as it stands, as JSON, and with one more layer of escapes undone.
    pub(super) fn own_text(&mut self, scope: Scope<'_>, needles: &Needles, text: &[u8]) {
        let Some(inner) = scope.inner() else { return };
        if looks_like_json(text) && self.own_json(inner, needles, text).is_ok() {
            return;
        }
        let hits = needles.hits(text);
        if !hits.is_empty() {
            self.own_holes(inner, needles, text);
        }
        for (span, _) in hits {
            let word = &text[span.clone()];
            let is_name = is_member_name(text, &span) || is_pair_name(text, &span);
            if is_name && is_one_word(word) && is_field(scope.matcher, word) {
                let found = self.findings.len();
                self.push_own(scope, needles, word);
                self.shift(found, span.start);
            }
        }
        self.unescaped(text, Undo::Any, |plan, flat| plan.own_text(inner, needles, flat));
    }

    /// Looks into the holes of a line or message of a known shape.
    fn own_holes(&mut self, scope: Scope<'_>, needles: &Needles, text: &[u8]) {
        let mut holes = Vec::new();
        let line = if scope.matcher.lines.is_empty() {
            scope.packs.line(text, &mut holes)
        } else {
            scope.matcher.lines.first_match(text, &mut holes).map(|pattern| (scope.matcher, pattern))
        };
        let found = line.or_else(|| {
            let pattern = scope.matcher.messages.first_match(text, &mut holes)?;
            Some((scope.matcher, pattern))
        });
        if let Some((matcher, pattern)) = found {
            self.own_of_pattern(scope.of(matcher), needles, pattern, holes, text);
        }
    }

    fn own_of_pattern(
        &mut self,
        scope: Scope<'_>,
        needles: &Needles,
        pattern: &Pattern,
        holes: Vec<Hole>,
        text: &[u8],
    ) {
        for Hole { part, span } in holes {
            let (start, inner) = (self.findings.len(), &text[span.clone()]);
            let name = pattern.hole_name(part).unwrap_or_default();
            if pattern.is_message(part) {
                let mut holes = Vec::new();
                if let Some(pattern) = scope.matcher.messages.first_match(inner, &mut holes) {
                    self.own_of_pattern(scope, needles, pattern, holes, inner);
                }
            } else if pattern.is_int(part)
                || (is_time_hole(name) && is_figures(inner))
                || (WRITER_HOLES.contains(&name) && needles.is_whole(inner))
            {
                self.push_own(scope, needles, inner);
            }
            self.shift(start, span.start);
        }
    }

    /// Notes a whole text, if a value stands in it.
    fn push_own(&mut self, scope: Scope<'_>, needles: &Needles, text: &[u8]) {
        if self.is_full() || needles.first_in(text).is_none() {
            return;
        }
        self.findings.push(Finding {
            span: 0..text.len() as u32,
            value: 0..0,
            rule: scope.matcher.whole.rule,
            class: Class::Text,
            replacement: Replacement::Marker,
            quoting: Quoting::Text,
            source: Source::Spread,
        });
    }

    /// Takes back the findings from `start` on that lie inside the record's own words.
    pub(super) fn leave_own(&mut self, start: usize, own: &[Range<u32>]) {
        if own.is_empty() {
            return;
        }
        let is_own = |span: &Range<u32>| {
            let before = own.partition_point(|own| own.start <= span.start);
            before.checked_sub(1).is_some_and(|last| span.end <= own[last].end)
        };
        let spread = self.findings.split_off(start);
        self.findings.extend(spread.into_iter().filter(|finding| !is_own(&finding.span)));
    }
}

/// Whether a word is known as the name of a field.
fn is_field(matcher: &Matcher, word: &[u8]) -> bool {
    let word = String::from_utf8_lossy(word).to_lowercase();
    matcher.names.is_known(word.as_bytes()) || is_usual_column(&word) || FIELDS.binary_search(&word.as_str()).is_ok()
}

fn names_measure(name: &[u8]) -> bool {
    let words = keyed::words(&String::from_utf8_lossy(name));
    let last_is = |word: &String| MEASURES.binary_search(&word.as_str()).is_ok();
    words.last().is_some_and(last_is) || (words.len() > 1 && words.ends_with(&["status".to_owned(), "code".to_owned()]))
}

fn is_time_hole(name: &str) -> bool {
    TIME_HOLES.contains(&name) || name.ends_with("_time")
}

/// Whether a text is a time or a number: figures, what separates them, and the words of times.
fn is_figures(text: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let sign = |c: char| c.is_ascii_alphanumeric() || " :-./+,".contains(c);
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let mut words = text.split(|c| !is_letter(c)).filter(|word| !word.is_empty());
    let order = |known: &str, word: &str| known.bytes().cmp(word.bytes().map(|byte| byte.to_ascii_lowercase()));
    text.chars().all(sign) && words.all(|word| TIME_WORDS.binary_search_by(|known| order(known, word)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(FIELDS.is_sorted() && MEASURES.is_sorted() && TIME_WORDS.is_sorted());
    }

    #[test]
    fn measures_are_told_by_the_last_word() {
        for name in ["port", "client_port", "responseBytes", "status_code", "createdAt", "event.time"] {
            assert!(names_measure(name.as_bytes()), "{name}");
        }
        for name in ["report", "passport", "user", "code", "other", "", "time_zone"] {
            assert!(!names_measure(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn figures() {
        for text in ["10:00:00", "2026-01-02T03:04:05.123Z", "02/Nov/2026:10:00:00 +0000", "Mon, 02 Jan 2026", "12345"]
        {
            assert!(is_figures(text.as_bytes()), "{text}");
        }
        for text in ["alice", "10:00 alice", "a12345", "12345_6", "été"] {
            assert!(!is_figures(text.as_bytes()), "{text}");
        }
    }
}
