//! Plans a record value by value, and shows each with the names above it.

use super::json::text_of;
use super::path::{Expected, Path, Places};
use super::siblings::Labels;
use super::{Plan, Scope};
use crate::decode::escape;
use crate::decode::json::{Enclosed, JsonError, Token, Tokens};
use crate::decode::line::Hole;
use crate::detect::{self, Link, Pair};
use crate::rules::{Format, Parse, Unknown};
use crate::veil::matcher::Action;
use crate::veil::packs::starts_json;
use crate::veil::patterns::Pattern;
use crate::veil::survey::{Kind, Mark, Sight, Step};
use crate::veil::{JSON_DEPTH_MAX, Packs, Reason, Rows};
use std::ops::Range;

impl Plan {
    /// Shows every value of a payload; the way is that of [`Plan::payload`].
    pub(in crate::veil) fn survey(
        &mut self,
        packs: &Packs,
        rows: Option<&Rows>,
        text: &[u8],
        each: &mut dyn FnMut(Sight<'_>),
    ) -> Result<(), Reason> {
        if let (Some(rows), Some(matcher)) = (rows, packs.for_rows())
            && !starts_json(text)
        {
            let mut holes = Vec::new();
            if let Some(pattern) = rows.row(text, &mut holes) {
                Survey::new(self, &matcher.name, each).holes(Scope::new(packs, matcher), pattern, holes, text);
                return Ok(());
            }
        }
        let Some(matcher) = packs.chosen(text) else {
            Survey::new(self, "", each).any_line(packs, text);
            return Ok(());
        };
        let mut survey = Survey::new(self, &matcher.name, each);
        let scope = Scope::new(packs, matcher);
        match matcher.format {
            Format::Json => {
                check_json(text)?;
                survey.json(scope, text)?;
            }
            Format::Line if matcher.lines.is_empty() => survey.message(scope, text),
            Format::Line => {
                let mut holes = Vec::new();
                let pattern = matcher.lines.first_match(text, &mut holes).ok_or(Reason::NotLine)?;
                survey.holes(scope, pattern, holes, text);
            }
        }
        Ok(())
    }
}

/// A walk over a record.
struct Survey<'s> {
    plan: &'s mut Plan,
    /// Those of the walk itself; the plan forgets its own with each value.
    places: Places,
    /// The pack whose rules hold for the record.
    pack: &'s str,
    /// The names above the present value.
    path: Vec<Step>,
    each: &'s mut dyn FnMut(Sight<'_>),
}

impl<'s> Survey<'s> {
    fn new(plan: &'s mut Plan, pack: &'s str, each: &'s mut dyn FnMut(Sight<'_>)) -> Self {
        Self { plan, places: Places::default(), pack, path: Vec::new(), each }
    }

    fn json(&mut self, scope: Scope<'_>, text: &[u8]) -> Result<(), JsonError> {
        let (mut tokens, mut labels) = (Tokens::new(text, JSON_DEPTH_MAX), Labels::new(text));
        let mut path = Path::new(&mut self.places, scope.matcher, None);
        // The open brackets, each with the length of the path above its members.
        let mut open = Vec::new();
        while let Some(token) = tokens.next_token()? {
            match token {
                Token::ObjectStart | Token::ArrayStart => {
                    path.open(&self.places, token == Token::ArrayStart);
                    open.push(self.path.len());
                }
                Token::ObjectEnd | Token::ArrayEnd => {
                    path.close(&mut self.places);
                    self.path.truncate(open.pop().unwrap_or_default());
                }
                Token::Name(name) => {
                    let written = text_of(text, &name);
                    let label = path.label(written.as_bytes(), |object| labels.of(object));
                    let label = label.map(|label| text_of(text, &label).into_owned());
                    let keyed = path.keyed(&self.places, written.as_bytes());
                    path.member(&mut self.places, written.as_bytes(), label.as_deref());
                    self.path.truncate(open.last().copied().unwrap_or_default());
                    let step = match keyed {
                        Some(action) => Step::Entity(action.class),
                        None => self.step(scope, &written, label),
                    };
                    self.path.push(step);
                }
                Token::Text(quoted) => {
                    path.text(&self.places, &quoted);
                    let mut value = Vec::with_capacity(quoted.inner.len());
                    escape::unescape(&text[quoted.inner], &mut value);
                    let expected = path.expected(&self.places).action();
                    let action = expected.or_else(|| path.item(&self.places, &value));
                    self.value(scope.in_string(), action, &value);
                }
                Token::Number(span) => self.literal(scope, text, span, path.expected(&self.places), Kind::Number),
                Token::Bool(span) => self.literal(scope, text, span, path.expected(&self.places), Kind::Bool),
                Token::Null => {}
            }
        }
        Ok(())
    }

    /// The step to a member. A name that is an entity is not told.
    fn step(&mut self, scope: Scope<'_>, name: &str, label: Option<String>) -> Step {
        let shown = label.as_deref().unwrap_or(name);
        self.plan.start_record();
        let start = self.plan.findings.len();
        self.plan.name(scope, shown.as_bytes());
        let class = self.plan.findings.get(start).map(|finding| finding.class);
        self.plan.findings.truncate(start);
        match (class, label) {
            (Some(class), _) => Step::Entity(class),
            (None, Some(label)) => Step::Label(label),
            (None, None) => Step::Member(name.to_owned()),
        }
    }

    /// A text and, unless a rule says what it is, what stands inside it.
    fn value(&mut self, scope: Scope<'_>, action: Option<Action>, text: &[u8]) {
        let found = self.planned(text, |plan| match action {
            Some(action) => plan.apply(scope, action, text),
            None => plan.unknown(scope, scope.matcher.unknown, text),
        });
        let kept = is_kept(action, &found);
        self.show(text, Kind::Text, kept, &found);
        match (action, scope.inner()) {
            (Some(Action { parse: Parse::Auto, .. }), Some(inner)) => {
                let mut holes = Vec::new();
                match scope.packs.line(text, &mut holes) {
                    Some((pack, pattern)) => self.holes(inner.of(pack), pattern, holes, text),
                    None => self.inside_message(inner, text, &found),
                }
            }
            (None, Some(inner)) if scope.matcher.unknown == Unknown::Scan => self.inside(inner, text, &found),
            (Some(_) | None, _) => {}
        }
    }

    /// A line of any pack's shapes, or else free text.
    fn any_line(&mut self, packs: &'s Packs, text: &[u8]) {
        let mut holes = Vec::new();
        let found = packs.line(text, &mut holes);
        let matcher = found.map_or(packs.fallback(Format::Line), |(pack, _)| pack);
        self.pack = &matcher.name;
        let scope = Scope::new(packs, matcher);
        match found {
            Some((_, pattern)) => self.holes(scope, pattern, holes, text),
            None => self.message(scope, text),
        }
    }

    fn message(&mut self, scope: Scope<'_>, text: &[u8]) {
        let found = self.planned(text, |plan| plan.message(scope, text));
        self.show(text, Kind::Text, false, &found);
        self.inside_message(scope, text, &found);
    }

    /// What stands in a message: the holes of its shape, or else what a search finds.
    fn inside_message(&mut self, scope: Scope<'_>, text: &[u8], found: &[Mark]) {
        let mut holes = Vec::new();
        match scope.matcher.messages.first_match(text, &mut holes) {
            Some(pattern) => self.holes(scope, pattern, holes, text),
            None => self.inside(scope, text, found),
        }
    }

    fn holes(&mut self, scope: Scope<'_>, pattern: &Pattern, holes: Vec<Hole>, text: &[u8]) {
        for Hole { part, span } in holes {
            let Some(name) = pattern.hole_name(part) else { continue };
            self.path.push(Step::Hole(name.to_owned()));
            let inner = &text[span];
            match pattern.holes[part] {
                None if pattern.is_message(part) => self.message(scope, inner),
                None if pattern.is_int(part) => self.show(inner, Kind::Number, false, &[]),
                action => self.value(scope, action, inner),
            }
            self.path.pop();
        }
    }

    /// The JSON in a text, and the pairs and elements around it.
    fn inside(&mut self, scope: Scope<'_>, text: &[u8], found: &[Mark]) {
        let Some(inner) = scope.inner() else { return };
        let mut enclosed = Enclosed::new(text);
        let mut regions: Vec<Range<usize>> = Vec::new();
        while let Some(span) = enclosed.next_candidate() {
            let json = &text[span.clone()];
            if check_json(json).is_ok() {
                let depth = self.path.len();
                self.path.push(Step::Inside);
                // It was read to its end just now.
                if self.json(inner, json).is_err() {
                    return self.path.truncate(depth);
                }
                self.path.truncate(depth);
                enclosed.skip_to(span.end);
                regions.push(span);
            }
        }
        let mut pairs = Vec::new();
        detect::pairs(text, &mut pairs);
        detect::elements(text, &mut pairs);
        for Pair { name, value, link } in pairs {
            let is_json = regions.iter().any(|region| region.start < value.end && value.start < region.end);
            // What looks like a name there is a part of an entity, as in `2001:db8::1`.
            let is_entity = found.iter().any(|mark| mark.span.start < name.end && name.start < mark.span.end);
            if !is_json && !is_entity && may_be_pair(&text[name.clone()], &text[value.clone()], link) {
                let name = String::from_utf8_lossy(&text[name]).into_owned();
                self.path.push(Step::Pair(name));
                self.show(&text[value.clone()], Kind::Text, false, &within(found, &value));
                self.path.pop();
            }
        }
    }

    /// A number or boolean.
    fn literal(&mut self, scope: Scope<'_>, text: &[u8], span: Range<usize>, expected: Expected, kind: Kind) {
        let value = &text[span];
        let is_read = kind == Kind::Number || matches!(expected, Expected::Selected(_));
        let found = self.planned(value, |plan| {
            if is_read {
                plan.literal(scope, value, 0..value.len(), expected);
            }
        });
        let kept = is_read && is_kept(expected.action(), &found);
        self.show(value, kind, kept, &found);
    }

    /// What a plan finds in a text of its own.
    fn planned(&mut self, text: &[u8], plan: impl FnOnce(&mut Plan)) -> Vec<Mark> {
        self.plan.clear();
        self.plan.start_record();
        plan(self.plan);
        self.plan.resolve(0, text);
        let marks = self.plan.findings.iter().map(|finding| Mark {
            span: finding.span.start as usize..finding.span.end as usize,
            class: finding.class,
            rule: usize::from(finding.rule.0),
            source: finding.source,
        });
        marks.collect()
    }

    fn show(&mut self, value: &[u8], kind: Kind, kept: bool, found: &[Mark]) {
        (self.each)(Sight { pack: self.pack, path: &self.path, value, kind, kept, found });
    }
}

/// The marks inside a part of a text, by its own bytes.
fn within(found: &[Mark], part: &Range<usize>) -> Vec<Mark> {
    let inside = found.iter().filter(|mark| mark.span.start < part.end && part.start < mark.span.end);
    let moved = inside.map(|mark| {
        let span = mark.span.start.max(part.start) - part.start..mark.span.end.min(part.end) - part.start;
        Mark { span, ..mark.clone() }
    });
    moved.collect()
}

/// Whether a rule speaks of the value as a whole and yet nothing of it is replaced: it keeps it, or the value stands for nobody.
fn is_kept(action: Option<Action>, found: &[Mark]) -> bool {
    found.is_empty() && action.is_some_and(|action| action.parse == Parse::No)
}

/// Whether a name and a value are a pair, and not a host and its port.
fn may_be_pair(name: &[u8], value: &[u8], link: Link) -> bool {
    link != Link::Colon || !(name.contains(&b'.') || value.iter().all(u8::is_ascii_digit))
}

fn check_json(text: &[u8]) -> Result<(), JsonError> {
    let mut tokens = Tokens::new(text, JSON_DEPTH_MAX);
    while tokens.next_token()?.is_some() {}
    Ok(())
}
