//! Plans a text: a line or message of a known shape, or free text that is searched.

use super::recode::BASE64_BYTES_MIN;
use super::{Plan, Scope};
use crate::decode::escape::{self, Undo};
use crate::decode::json::Enclosed;
use crate::decode::line::Hole;
use crate::detect::{self, Found};
use crate::kernels::Level;
use crate::kernels::signs::Classes;
use crate::rules::Shape;
use crate::transform::{Quoting, Source};
use crate::veil::Rows;
use crate::veil::patterns::{Pattern, Patterns};
use std::ops::Range;

impl Plan {
    /// Plans a line of any pack's shapes, or else a message of the scope's pack.
    pub(super) fn any_line(&mut self, scope: Scope<'_>, text: &[u8]) {
        let mut holes = self.spare_holes.pop().unwrap_or_default();
        match scope.packs.line(text, &mut holes) {
            Some((pack, pattern)) => self.holes(scope.of(pack), pattern, holes, text),
            None => {
                self.spare_holes.push(holes);
                self.message(scope, text);
            }
        }
    }

    /// Plans a line of the pack's own shapes; `false` when it has none of them.
    pub(super) fn line(&mut self, scope: Scope<'_>, text: &[u8]) -> bool {
        self.patterns(scope, &scope.matcher.lines, text)
    }

    /// Plans a message: by the pack's message shapes, or else by scanning.
    pub(super) fn message(&mut self, scope: Scope<'_>, text: &[u8]) {
        if self.patterns(scope, &scope.matcher.messages, text) {
            return;
        }
        if has_lines(text) {
            self.rows(scope, text);
            self.messages(scope, text);
        }
        self.scan(scope, text);
    }

    /// Plans the lines of a text that are messages: each may have a shape of its own.
    fn messages(&mut self, scope: Scope<'_>, text: &[u8]) {
        if scope.matcher.messages.is_empty() {
            return;
        }
        for line in lines(text) {
            let found = self.findings.len();
            self.patterns(scope, &scope.matcher.messages, &text[line.clone()]);
            self.shift(found, line.start);
        }
    }

    /// Plans the lines of a text that are rows below its first line, if that is a header.
    fn rows(&mut self, scope: Scope<'_>, text: &[u8]) {
        let mut lines = lines(text);
        let header = lines.next().and_then(|header| Rows::below(scope.matcher, &text[header]));
        let Some(rows) = header else { return };
        for line in lines {
            let found = self.findings.len();
            self.row(scope, &rows, &text[line.clone()]);
            self.shift(found, line.start);
        }
    }

    /// Plans the columns of a row, if the text is one.
    pub(super) fn row(&mut self, scope: Scope<'_>, rows: &Rows, text: &[u8]) {
        let mut holes = self.spare_holes.pop().unwrap_or_default();
        match rows.row(text, &mut holes) {
            Some(pattern) => self.holes(scope, pattern, holes, text),
            None => self.spare_holes.push(holes),
        }
    }

    fn patterns(&mut self, scope: Scope<'_>, patterns: &Patterns, text: &[u8]) -> bool {
        if patterns.is_empty() {
            return false;
        }
        let mut holes = self.spare_holes.pop().unwrap_or_default();
        let Some(pattern) = patterns.first_match(text, &mut holes) else {
            self.spare_holes.push(holes);
            return false;
        };
        self.holes(scope, pattern, holes, text);
        true
    }

    /// Plans what stands in the holes of a pattern, and keeps the buffer for the next one.
    fn holes(&mut self, scope: Scope<'_>, pattern: &Pattern, mut holes: Vec<Hole>, text: &[u8]) {
        for Hole { part, span } in holes.drain(..) {
            let start = self.findings.len();
            let inner = &text[span.clone()];
            let is_quoted = pattern.is_field(part) && text[..span.start].ends_with(b"\"");
            let undone = is_quoted
                && self.unescaped(inner, Undo::Doubled, |plan, inner| plan.hole(scope, pattern, part, inner)).is_some();
            if !undone {
                self.hole(scope, pattern, part, inner);
            }
            self.shift(start, span.start);
        }
        self.spare_holes.push(holes);
    }

    fn hole(&mut self, scope: Scope<'_>, pattern: &Pattern, part: usize, inner: &[u8]) {
        match (pattern.holes[part], scope.inner()) {
            (_, None) => self.whole(scope.matcher.whole, inner),
            (Some(action), Some(scope)) => self.apply(scope, action, inner),
            (None, Some(scope)) if pattern.is_message(part) => self.message(scope, inner),
            (None, Some(_)) if pattern.is_int(part) => {}
            (None, Some(scope)) => self.unknown(scope, scope.matcher.unknown, inner),
        }
    }

    /// Plans free text: JSON, whole or among words, and what stands around it.
    ///
    /// No byte is planned as JSON and as text both, so that layers inside each other stay linear together.
    pub(super) fn scan(&mut self, scope: Scope<'_>, text: &[u8]) {
        let signs = Signs::of(text);
        let mut enclosed = Enclosed::new(if signs.has(Sign::Bracket) { text } else { b"" });
        let mut regions: Vec<Range<usize>> = Vec::new();
        while let Some(span) = enclosed.next_candidate() {
            let Some(inner) = scope.inner() else { return self.whole(scope.matcher.whole, text) };
            let start = self.findings.len();
            let name = detect::name_before_value(text, span.start).map(|name| String::from_utf8_lossy(&text[name]));
            if self.json_called(inner, name.as_deref(), &text[span.clone()]).is_ok() {
                self.shift(start, span.start);
                enclosed.skip_to(span.end);
                regions.push(span);
            }
        }
        let mut from = 0;
        for region in &regions {
            self.words(scope, signs, text, from..region.start);
            from = region.end;
        }
        self.words(scope, signs, text, from..text.len());
        if signs.has(Sign::Equals) {
            self.pairs(scope, text, &regions);
        }
        if signs.has(Sign::Angle) {
            self.elements(scope, text, &regions);
        }
    }

    /// Plans a part of a text that holds no JSON: entities by shape and by the author's expressions, as the text stands and
    /// with one more layer of escapes undone.
    fn words(&mut self, scope: Scope<'_>, signs: Signs, text: &[u8], span: Range<usize>) {
        let words = &text[span.clone()];
        if words.len() < ENTITY_BYTES_MIN {
            return;
        }
        let start = self.findings.len();
        if signs.has(Sign::Shape) || signs.has(Sign::Digit) && words.len() >= detect::NUMBER_BYTES_MIN {
            self.shapes_as_written(scope, words);
        }
        let mut kept: Vec<Range<usize>> = Vec::new();
        if !scope.matcher.expression_actions.is_empty() {
            let mut groups = std::mem::take(&mut self.groups);
            scope.packs.expressed(scope.matcher, words, &mut groups, |entity, action| match action.replacement {
                Some(replacement) => self.push(action, replacement, words, entity, Quoting::Text, Source::Rule),
                None => kept.push(entity),
            });
            self.groups = groups;
        }
        if signs.has(Sign::Question) {
            self.encoded_words(scope, words);
        }
        self.keep(start, kept);
        let (inner, written) = (scope.inner(), self.findings.len());
        let flatten = |plan: &mut Self, flat: &[u8]| match inner {
            Some(inner) => plan.scan(inner, flat),
            None => plan.whole(scope.matcher.whole, flat),
        };
        let has_escapes = signs.has(Sign::Escape);
        match has_escapes.then(|| self.unescaped(words, Undo::Any, flatten)).flatten() {
            Some(()) => self.forget_misread(start..written, words),
            None => self.base64_words(scope, words),
        }
        self.shift(start, span.start);
    }

    /// Takes back the findings from `start` on that lie inside what an expression keeps.
    fn keep(&mut self, start: usize, mut kept: Vec<Range<usize>>) {
        if kept.is_empty() {
            return;
        }
        kept.sort_unstable_by_key(|span| span.start);
        // The end that reaches furthest, of all that start no later.
        let mut furthest = 0;
        for span in &mut kept {
            furthest = furthest.max(span.end);
            span.end = furthest;
        }
        let mut end = start;
        for index in start..self.findings.len() {
            let span = &self.findings[index].span;
            let before = kept.partition_point(|kept| kept.start <= span.start as usize);
            let is_inside = before.checked_sub(1).is_some_and(|last| span.end as usize <= kept[last].end);
            if !is_inside {
                self.findings.swap(end, index);
                end += 1;
            }
        }
        self.findings.truncate(end);
    }

    /// Takes out what was found in a text as it stands where an escape spells a part of it, for it was found again without
    /// the escapes: in `%2540`, the digits are no part of a name.
    fn forget_misread(&mut self, written: Range<usize>, text: &[u8]) {
        let unescaped = self.findings.split_off(written.end);
        let mut kept = written.start;
        for at in written {
            let span = &self.findings[at].span;
            if !escape::is_spelled(text, span.start as usize..span.end as usize) {
                self.findings.swap(kept, at);
                kept += 1;
            }
        }
        self.findings.truncate(kept);
        self.findings.extend(unescaped);
    }

    /// Plans the entities that their shape gives away, as the text stands and with one more layer of escapes undone.
    pub(super) fn shapes(&mut self, scope: Scope<'_>, text: &[u8]) {
        self.shapes_as_written(scope, text);
        self.unescaped(text, Undo::Any, |plan, flat| plan.shapes_as_written(scope, flat));
    }

    fn shapes_as_written(&mut self, scope: Scope<'_>, text: &[u8]) {
        let mut found = std::mem::take(&mut self.spare_found);
        scope.matcher.search.shapes(text, &mut found);
        for Found { span, shape } in found.drain(..) {
            let action = scope.matcher.shape(shape);
            let Some(replacement) = action.replacement else { continue };
            let planned = match shape {
                // `root@web1` names nobody.
                Shape::Login => scope.matcher.is_ambiguous(&text[span.clone()].to_ascii_lowercase()),
                Shape::Jwt => {
                    self.jwt(scope, action, text, span.clone()) || self.base64(scope, action, text, span.clone())
                }
                Shape::Secret => self.secret(scope, action, text, span.clone()),
                Shape::Ip
                | Shape::Net
                | Shape::Mac
                | Shape::Email
                | Shape::Sid
                | Shape::Phone
                | Shape::Account
                | Shape::Card
                | Shape::Iban
                | Shape::Uuid
                | Shape::Password => false,
            };
            if !planned {
                self.push(action, replacement, text, span, Quoting::Text, Source::Shape);
            }
        }
        self.spare_found = found;
    }

    /// Plans the words that encode text in base64.
    fn base64_words(&mut self, scope: Scope<'_>, text: &[u8]) {
        if text.len() < BASE64_BYTES_MIN {
            return;
        }
        let action = scope.matcher.whole;
        detect::base64_words(text, |span| self.base64(scope, action, text, span));
    }
}

/// What has to stand in a text so that something of a kind is found in it.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// A byte that stands in or beside every entity of a shape other than a number.
    Shape,
    Digit,
    /// A bracket that JSON begins with.
    Bracket,
    /// A byte that escapes begin with.
    Escape,
    /// An equals sign or colon, as between the name and the value of a pair.
    Equals,
    /// The bracket that XML elements begin with.
    Angle,
    /// A question mark, as in the encoded words of mails.
    Question,
}

/// The signs in a text.
#[derive(Debug, Clone, Copy)]
struct Signs(u8);

impl Signs {
    fn of(text: &[u8]) -> Self {
        /// In the order of [`Sign`]. Letters of full width are escapes, too, and not ASCII.
        static CLASSES: Classes = Classes::new(
            [detect::SIGNS, b"0123456789", b"{[", b"\\%&", b"=:", b"<", b"?", b""],
            1 << Sign::Escape as u8,
        );
        Self(CLASSES.seen(Level::best(), text))
    }

    fn has(self, sign: Sign) -> bool {
        self.0 & 1 << sign as u8 != 0
    }
}

/// No entity is shorter that its shape or an expression gives away: `a@b`.
const ENTITY_BYTES_MIN: usize = 2;

/// Line separators besides the line feed: U+2028, which some tools put in its place inside a line.
const LINE_SEPARATOR: &[u8] = "\u{2028}".as_bytes();

fn has_lines(text: &[u8]) -> bool {
    let has_separator = || memchr::memmem::find(text, LINE_SEPARATOR).is_some();
    memchr::memchr2(b'\n', LINE_SEPARATOR[0], text)
        .is_some_and(|at| text[at] == b'\n' || memchr::memchr(b'\n', text).is_some() || has_separator())
}

/// The lines of a text, without what separates them.
fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let rest = text.get(from..).filter(|rest| !rest.is_empty())?;
        let feed = memchr::memchr(b'\n', rest);
        let separator = memchr::memmem::find(&rest[..feed.unwrap_or(rest.len())], LINE_SEPARATOR);
        let (length, skip) = match (separator, feed) {
            (Some(at), _) => (at, LINE_SEPARATOR.len()),
            (None, Some(at)) => (at, 1),
            (None, None) => (rest.len(), 0),
        };
        let line = from..from + length;
        from = line.end + skip;
        Some(line)
    })
}
