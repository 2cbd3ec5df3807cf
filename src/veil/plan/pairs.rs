//! Plans the `name=value` pairs of a text: what their names tell, and the names of the brackets around them.

use super::credential::{with_cookies, with_credential};
use super::named::Named;
use super::siblings::Role;
use super::{Plan, Scope, keyed, prose};
use crate::detect::{self, Between, Container, Link, Nesting, Pair};
use crate::rules::{Class, Parse};
use crate::veil::matcher::{Action, Matcher};
use std::ops::Range;
use std::slice;

impl Plan {
    /// Plans the `name=value` pairs of a text whose name a rule speaks of, but for those inside `regions`.
    pub(super) fn pairs(&mut self, scope: Scope<'_>, text: &[u8], regions: &[Range<usize>]) {
        // Without a name that tells something, a value is looked into only where a sign stands before it.
        let find = if scope.matcher.knows_names { detect::pairs } else { detect::pairs_by_sign };
        self.pairs_of(scope, text, regions, find);
    }

    /// Plans the XML elements of a text in the same way.
    pub(super) fn elements(&mut self, scope: Scope<'_>, text: &[u8], regions: &[Range<usize>]) {
        self.pairs_of(scope, text, regions, detect::elements);
    }

    fn pairs_of(&mut self, scope: Scope<'_>, text: &[u8], regions: &[Range<usize>], find: fn(&[u8], &mut Vec<Pair>)) {
        let Some(inner) = scope.inner() else { return };
        let mut pairs = std::mem::take(&mut self.spare_pairs);
        pairs.clear();
        find(text, &mut pairs);
        self.each_pair(inner, text, &pairs, regions);
        self.spare_pairs = pairs;
    }

    /// Plans the values of pairs, which are in order.
    fn each_pair(&mut self, scope: Scope<'_>, text: &[u8], pairs: &[Pair], regions: &[Range<usize>]) {
        let mut regions = regions.iter().peekable();
        let mut nesting = Nesting::new(text);
        let mut done = 0;
        for (index, Pair { name, value, link }) in pairs.iter().cloned().enumerate() {
            while regions.next_if(|region| region.end <= name.start).is_some() {}
            let inside = regions.peek().is_some_and(|region| region.start <= name.start);
            // `user=user=…` is one value, not one for each of its tails: what was planned is not planned again.
            if inside || value.end <= done {
                continue;
            }
            let matcher = scope.matcher;
            let value = before_escape(&mut self.named, matcher, text, value, pairs.get(index + 1));
            let container = if matcher.knows_names { nesting.around(name.start) } else { None };
            let action = action_of(&mut self.named, matcher, text, name.clone(), link)
                .or_else(|| action_within(&mut self.named, matcher, text, container?, &name));
            if link == Link::Sign && self.hex(scope, action, text, value.clone()) {
                done = value.end;
                continue;
            }
            let items = || self::items(matcher, text, &name, &value);
            let Some(action) = action.or_else(items) else {
                if link == Link::Sign {
                    let start = self.findings.len();
                    self.short_base64(scope, &text[value.clone()]);
                    self.shift(start, value.start);
                }
                continue;
            };
            if is_working_directory(&text[name.clone()], &text[value.clone()]) {
                continue;
            }
            let next = pairs.get(index + 1);
            let follows = |next: &&Pair| (link, next.link) == (Link::Prose, Link::Prose);
            if next.filter(follows).is_some_and(|next| is_name(&mut self.named, matcher, text, next, &value))
                || next.is_some_and(|next| holds_pairs(text, &name, &value, next))
            {
                continue;
            }
            let value = match (action.parse, action.class) {
                (Parse::Cookies, _) => with_cookies(text, value),
                (_, Class::Token) => with_credential(text, value),
                (_, Class::Person) => prose::with_names(text, value),
                (_, Class::Phone) => prose::with_groups(text, value),
                // Commas separate the pairs: `User(name=Alice Smith, id=7)`.
                (_, Class::User) if container.is_some() => prose::with_names(text, value),
                _ => value,
            };
            let end = self.pair(scope, action, text, value, link);
            done = end.unwrap_or(done);
        }
    }

    /// Plans the value of a pair, or the items of the list that it is; where it ends, if it is planned.
    fn pair(
        &mut self,
        scope: Scope<'_>,
        action: Action,
        text: &[u8],
        value: Range<usize>,
        link: Link,
    ) -> Option<usize> {
        let between = if action.class == Class::Person { Between::Commas } else { Between::Blanks };
        let listed = detect::items(text, value.start, between);
        let is_octet = |item: &Range<usize>| item.len() <= OCTET_DIGITS_MAX;
        let (whole, items) = match listed.as_slice() {
            [] | [_] => (value, None),
            // Erlang has addresses as tuples: `{192, 0, 2, 1}`.
            [first, _, _, last] if action.class == Class::Ip && listed.iter().all(is_octet) => {
                (first.start..last.end, None)
            }
            items => (value, Some(items)),
        };
        let mut end = None;
        for item in items.unwrap_or(slice::from_ref(&whole)) {
            if !prose::is_entity(action.class, link, &text[item.clone()]) {
                continue;
            }
            let start = self.findings.len();
            self.decoded(scope, action, &text[item.clone()]);
            self.shift(start, item.start);
            if self.findings.len() > start || action.parse == Parse::Auto {
                end = Some(item.end);
            }
        }
        end
    }
}

/// Digits of the largest octet, 255.
const OCTET_DIGITS_MAX: usize = 3;

/// Whether a pair is what shells call the directory they are in. In small letters the name is a password's.
fn is_working_directory(name: &[u8], value: &[u8]) -> bool {
    matches!(name, b"PWD" | b"OLDPWD") && value.starts_with(b"/")
}

/// The value before an escaped line feed or tab behind which the name of the next pair stands: `user: alice\nip: …` as it
/// is written in a JSON string that was not unescaped.
///
/// A name that no rule knows may be the end of a value with a backslash: `CORP\nick`.
fn before_escape(
    named: &mut Named,
    matcher: &Matcher,
    text: &[u8],
    value: Range<usize>,
    next: Option<&Pair>,
) -> Range<usize> {
    let escape = next.and_then(|next| {
        let escape = next.name.start.checked_sub(2).filter(|escape| value.contains(escape))?;
        let is_escape = matches!(text.get(escape..escape + 2), Some([b'\\', b'n' | b'r' | b't']));
        (is_escape && named.as_written(matcher, &text[next.name.clone()]).is_some()).then_some(escape)
    });
    escape.map_or(value.clone(), |escape| value.start..escape)
}

/// The rule for the name of a pair: of several words where rules know them together, as `Account Name`, or of one.
///
/// Words that something else than a colon follows belong together only where each begins with a capital.
fn action_of(named: &mut Named, matcher: &Matcher, text: &[u8], name: Range<usize>, link: Link) -> Option<Action> {
    let is_capital = |at: usize| text.get(at).is_some_and(|byte| !byte.is_ascii_lowercase());
    let (mut phrase, mut longest) = (None, name.start);
    for start in detect::phrase_starts(text, name.start) {
        if link == Link::Prose || (is_capital(start) && is_capital(name.start)) {
            phrase = named.phrase(matcher, &text[start..name.end]).or(phrase);
            longest = start;
        }
    }
    let own = phrase.or_else(|| named.as_written(matcher, &text[name.clone()]));
    own.or_else(|| named.as_written(matcher, &text[longest..name.end]).filter(|_| longest < name.start))
}

/// The rule for the name of a pair together with that of the container around it: `session={id=7}` is also `session.id`,
/// and `user={first=Alice}` also `firstname`.
fn action_within(
    named: &mut Named,
    matcher: &Matcher,
    text: &[u8],
    container: &Container,
    name: &Range<usize>,
) -> Option<Action> {
    let name = &text[name.clone()];
    let outer = [&container.name, &container.kind].into_iter().flatten().map(|outer| &text[outer.clone()]);
    outer.into_iter().find_map(|outer| {
        // Each of `sessions: [{id: 7}]` is a session.
        let outer = outer.strip_suffix(b"s").unwrap_or(outer);
        let together = [outer, b".", name].concat();
        if let Some(action) = named.as_written(matcher, &together) {
            return Some(action);
        }
        let of_outer = named.as_written(matcher, outer)?;
        if Role::of(name) == Role::Content {
            return Some(of_outer);
        }
        let is_name = |action: &Action| matches!(action.class, Class::Person | Class::User);
        let by_name = of_outer.is_somebody().then(|| [name, b"_name"].concat())?;
        named.as_written(matcher, &by_name).filter(is_name)
    })
}

/// What the items of a list are, where its name tells: `users=[alice, bob]`.
fn items(matcher: &Matcher, text: &[u8], name: &Range<usize>, value: &Range<usize>) -> Option<Action> {
    let name = std::str::from_utf8(&text[name.clone()]).ok().filter(|name| name.ends_with('s'))?;
    let items = detect::items(text, value.start, Between::Blanks);
    let action = (!items.is_empty()).then(|| keyed::of(matcher, name)).flatten()?;
    items.into_iter().all(|item| keyed::is_data(action.class, &text[item])).then_some(action)
}

/// Whether a value is the start of the name of the pair behind, so that there is none: `New Account: Security ID: S-1-5-…`.
fn is_name(named: &mut Named, matcher: &Matcher, text: &[u8], next: &Pair, value: &Range<usize>) -> bool {
    let mut starts = std::iter::once(next.name.start).chain(detect::phrase_starts(text, next.name.start));
    starts.any(|start| start == value.start) && named.phrase(matcher, &text[value.start..next.name.end]).is_some()
}

/// Words before the bracket of a container that tell nothing but that it is one.
const KINDS: [&[u8]; 8] =
    [b"map", b"dict", b"struct", b"object", b"ordereddict", b"hashmap", b"mappingproxy", b"defaultdict"];

/// Most signs between a bracket and the first name in it, which may be in escaped quotes: `{\"`.
const SIGNS_MAX: usize = 3;

/// Whether a value is a bracket around other pairs, of which `next` is the first: `session={id=7}`, `session=map[id:7]`,
/// `session=Session{id=7}`.
///
/// Of a word that has nothing to do with the name, nobody knows whether it is one: `user=alice(x=1)`.
fn holds_pairs(text: &[u8], name: &Range<usize>, value: &Range<usize>, next: &Pair) -> bool {
    let is_opener = |byte: &u8| b"{[(<".contains(byte);
    let is_sign = |byte: &u8| is_opener(byte) || b"\"':\\ #".contains(byte);
    // The bracket stands before the value, perhaps with a quote between them, or in it, behind a word.
    let signs = text[..value.start].iter().rev().take(SIGNS_MAX).take_while(|byte| is_sign(byte)).count();
    let Some(before) = text.get(value.start - signs..next.name.start) else { return false };
    let Some(open) = before.iter().position(is_opener) else { return false };
    if !before[open..].iter().all(is_sign) {
        return false;
    }
    let kind = before.get(signs..open).unwrap_or_default().to_ascii_lowercase();
    let name = text[name.clone()].to_ascii_lowercase();
    let is_within = |inner: &[u8], outer: &[u8]| memchr::memmem::find(outer, inner).is_some();
    kind.is_empty() || KINDS.contains(&kind.as_slice()) || is_within(&name, &kind) || is_within(&kind, &name)
}
