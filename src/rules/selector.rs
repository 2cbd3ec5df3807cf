//! Which fields a rule looks at.
//!
//! A selector is a path: names separated by dots, `*` for any one name, `**` for any number of names, `"a.b"` for a
//! name with dots. Arrays are transparent. `@key` is the record key, `@headers.NAME` a record header (any case).

use std::cmp::Reverse;
use std::fmt;
use std::iter::Peekable;
use std::str::CharIndices;

/// Most steps in one selector.
pub const STEPS_MAX: usize = 64;

/// A parsed selector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    /// Which part of the record.
    pub target: Target,
    /// The path inside that part; empty for `@key`.
    pub steps: Vec<Step>,
}

/// The part of a record that a selector looks into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// The decoded payload.
    Payload,
    /// The record key.
    Key,
    /// A header; the one step is its name, or `*`.
    Header,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// This name.
    Name(String),
    /// `*`: any one name.
    Any,
    /// `**`: any number of names, also none.
    AnyDepth,
}

/// How closely a selector names its fields. Where two selectors meet, the greater one wins.
///
/// Fewer `**` first, then fewer `*`, then more names: `user.id` > `user.*` > `**.user.id` > `**.id` > `**`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    any_depth: Reverse<usize>,
    any: Reverse<usize>,
    names: usize,
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct SelectorError {
    /// Where in the selector, in characters from 1.
    pub column: usize,
    /// What is wrong there.
    pub fault: SelectorFault,
}

/// What can be wrong with a selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SelectorFault {
    /// The text is empty, or two dots touch, or it starts or ends with a dot.
    #[error("a name is missing here")]
    NameMissing,
    /// A character that a bare name cannot have.
    #[error("this character needs a quoted name")]
    NeedsQuotes,
    /// `[`: arrays need no step of their own.
    #[error("arrays have no step of their own")]
    Bracket,
    /// A quoted name without its closing quote.
    #[error("the quoted name has no closing `\"`")]
    QuoteOpen,
    /// A backslash before something other than `"` or `\`.
    #[error("a backslash stands only before `\"` or another backslash")]
    Escape,
    /// Text straight after a quoted name or a wildcard.
    #[error("expected `.` or the end here")]
    DotMissing,
    /// `***`, or `**` beside another `**`.
    #[error("one `**` already stands for any number of names")]
    AnyDepthTwice,
    /// `@` with something other than `key` or `headers`.
    #[error("only `@key` and `@headers.NAME` start with `@`")]
    TargetUnknown,
    /// `@key` with a path behind it.
    #[error("the record key has no fields")]
    KeyHasPath,
    /// `@headers` with no name, `**`, or more than one step.
    #[error("a header is `@headers.` and one name")]
    HeaderPath,
    /// More than [`STEPS_MAX`] steps.
    #[error("more than {STEPS_MAX} steps")]
    TooLong,
}

impl SelectorFault {
    /// What the author can do about it, where one thing is likely.
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::NeedsQuotes | Self::TargetUnknown => Some("quote the name: `\"@timestamp\"`, `\"a b\"`, `\"a.b\"`"),
            Self::Bracket => Some("leave the brackets out: `items.name` is the `name` of every item"),
            Self::HeaderPath => Some("quote a header name with dots: `@headers.\"a.b\"`"),
            Self::NameMissing
            | Self::QuoteOpen
            | Self::Escape
            | Self::DotMissing
            | Self::AnyDepthTwice
            | Self::KeyHasPath
            | Self::TooLong => None,
        }
    }
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// The first fault and its column.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let Some(special) = text.strip_prefix('@') else {
            return Ok(Self { target: Target::Payload, steps: parse_path(text, 0)? });
        };
        if special == "key" {
            return Ok(Self { target: Target::Key, steps: Vec::new() });
        }
        if special.starts_with("key.") {
            return Err(SelectorError { column: 5, fault: SelectorFault::KeyHasPath });
        }
        if special == "headers" {
            return Err(SelectorError { column: 1, fault: SelectorFault::HeaderPath });
        }
        let Some(name) = special.strip_prefix("headers.") else {
            return Err(SelectorError { column: 1, fault: SelectorFault::TargetUnknown });
        };
        let column = "@headers.".len();
        let steps = parse_path(name, column)?;
        match steps.as_slice() {
            [Step::Name(_) | Step::Any] => Ok(Self { target: Target::Header, steps }),
            _ => Err(SelectorError { column: column + 1, fault: SelectorFault::HeaderPath }),
        }
    }

    /// How closely the selector names its fields.
    pub fn specificity(&self) -> Specificity {
        let count = |wanted: fn(&Step) -> bool| self.steps.iter().filter(|step| wanted(step)).count();
        Specificity {
            any_depth: Reverse(count(|step| matches!(step, Step::AnyDepth))),
            any: Reverse(count(|step| matches!(step, Step::Any))),
            names: count(|step| matches!(step, Step::Name(_))),
        }
    }

    /// Whether the selector looks at the field with this path, inside the selector's own target.
    ///
    /// `path` has the names of the objects on the way down and no steps for arrays. This is the reference that faster
    /// matchers are tested against: O(steps × names).
    pub fn matches(&self, path: &[&str]) -> bool {
        let mut reached = vec![false; self.steps.len() + 1];
        reached[0] = true;
        self.pass_any_depth(&mut reached);
        for name in path {
            let mut next = vec![false; reached.len()];
            for (at, step) in self.steps.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match step {
                    Step::Name(wanted) => next[at + 1] |= self.same_name(wanted, name),
                    Step::Any => next[at + 1] = true,
                    Step::AnyDepth => next[at] = true,
                }
            }
            self.pass_any_depth(&mut next);
            reached = next;
        }
        reached[self.steps.len()]
    }

    /// Whether some path is matched by both selectors. O(steps × steps).
    ///
    /// Walks the product of the two small automata: a pair of positions is reached when some path leads both there.
    pub fn intersects(&self, other: &Self) -> bool {
        if self.target != other.target {
            return false;
        }
        // Most do not even end alike, and packs have hundreds.
        if let (Some(Step::Name(a)), Some(Step::Name(b))) = (self.steps.last(), other.steps.last())
            && !self.same_name(a, b)
        {
            return false;
        }
        let width = other.steps.len() + 1;
        let mut reached = vec![false; (self.steps.len() + 1) * width];
        let mut open = vec![(0, 0)];
        while let Some((left, right)) = open.pop() {
            if std::mem::replace(&mut reached[left * width + right], true) {
                continue;
            }
            match (self.steps.get(left), other.steps.get(right)) {
                (None, None) => return true,
                (Some(Step::AnyDepth), step) => {
                    open.push((left + 1, right));
                    if step.is_some() {
                        open.push((left, right + 1));
                    }
                }
                (step, Some(Step::AnyDepth)) => {
                    open.push((left, right + 1));
                    if step.is_some() {
                        open.push((left + 1, right));
                    }
                }
                (Some(Step::Name(a)), Some(Step::Name(b))) if !self.same_name(a, b) => {}
                (Some(_), Some(_)) => open.push((left + 1, right + 1)),
                (Some(_), None) | (None, Some(_)) => {}
            }
        }
        false
    }

    /// Marks the positions behind a reached `**`, which may stand for no name at all.
    fn pass_any_depth(&self, reached: &mut [bool]) {
        for (at, step) in self.steps.iter().enumerate() {
            if reached[at] && matches!(step, Step::AnyDepth) {
                reached[at + 1] = true;
            }
        }
    }

    /// Header names are ASCII case-insensitive, as in HTTP (RFC 9110, 5.1); field names are exact.
    fn same_name(&self, a: &str, b: &str) -> bool {
        match self.target {
            Target::Header => a.eq_ignore_ascii_case(b),
            Target::Payload | Target::Key => a == b,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.target {
            Target::Payload => "",
            Target::Key => "@key",
            Target::Header => "@headers.",
        })?;
        for (at, step) in self.steps.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            write!(f, "{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::AnyDepth => f.write_str("**"),
            Self::Name(name) if !name.is_empty() && name.chars().all(is_bare) && !name.starts_with('@') => {
                f.write_str(name)
            }
            Self::Name(name) => write!(f, "\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")),
        }
    }
}

/// Whether a name may have this character without quotes.
fn is_bare(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '@' | '$' | '/' | ':' | '+' | '#')
}

/// Reads the steps of a path; `before` characters of the selector precede it.
fn parse_path(text: &str, before: usize) -> Result<Vec<Step>, SelectorError> {
    let mut path = Path { text, before, chars: text.char_indices().peekable() };
    let mut steps = Vec::new();
    loop {
        let start = path.column();
        let step = path.step()?;
        if step == Step::AnyDepth && steps.last() == Some(&Step::AnyDepth) {
            return Err(SelectorError { column: start, fault: SelectorFault::AnyDepthTwice });
        }
        if steps.len() == STEPS_MAX {
            return Err(SelectorError { column: start, fault: SelectorFault::TooLong });
        }
        steps.push(step);
        match path.chars.peek() {
            None => return Ok(steps),
            Some((_, '.')) => path.chars.next(),
            Some(&(_, c)) => return Err(path.fault(unexpected(c))),
        };
    }
}

/// The fault of a character that stands where a step should have ended.
fn unexpected(c: char) -> SelectorFault {
    match c {
        '[' | ']' => SelectorFault::Bracket,
        '*' => SelectorFault::AnyDepthTwice,
        c if is_bare(c) || c == '"' => SelectorFault::DotMissing,
        _ => SelectorFault::NeedsQuotes,
    }
}

/// A path being read.
struct Path<'a> {
    text: &'a str,
    before: usize,
    chars: Peekable<CharIndices<'a>>,
}

impl Path<'_> {
    fn step(&mut self) -> Result<Step, SelectorError> {
        match self.chars.peek() {
            Some((_, '*')) => Ok(self.wildcard()),
            Some((_, '"')) => self.quoted(),
            Some((_, c)) if is_bare(*c) => Ok(self.bare()),
            None | Some((_, '.')) => Err(self.fault(SelectorFault::NameMissing)),
            Some(&(_, c)) => Err(self.fault(unexpected(c))),
        }
    }

    fn wildcard(&mut self) -> Step {
        self.chars.next();
        match self.chars.next_if(|(_, c)| *c == '*') {
            Some(_) => Step::AnyDepth,
            None => Step::Any,
        }
    }

    fn bare(&mut self) -> Step {
        let mut name = String::new();
        while let Some((_, c)) = self.chars.next_if(|(_, c)| is_bare(*c)) {
            name.push(c);
        }
        Step::Name(name)
    }

    fn quoted(&mut self) -> Result<Step, SelectorError> {
        let open = self.fault(SelectorFault::QuoteOpen);
        self.chars.next();
        let mut name = String::new();
        loop {
            match self.chars.next() {
                None => return Err(open),
                Some((_, '"')) => return Ok(Step::Name(name)),
                Some((_, '\\')) => match self.chars.next_if(|(_, c)| matches!(c, '"' | '\\')) {
                    Some((_, c)) => name.push(c),
                    None => return Err(self.fault(SelectorFault::Escape)),
                },
                Some((_, c)) => name.push(c),
            }
        }
    }

    /// The fault, at the character that comes next.
    fn fault(&mut self, fault: SelectorFault) -> SelectorError {
        SelectorError { column: self.column(), fault }
    }

    /// Column of the character that comes next, from 1.
    fn column(&mut self) -> usize {
        let next = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        let read = self.text.char_indices().take_while(|(at, _)| *at < next).count();
        self.before + read + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn selector(text: &str) -> Selector {
        Selector::parse(text).expect("the test's selector is valid")
    }

    #[track_caller]
    fn refused(text: &str, column: usize, fault: SelectorFault) {
        assert_eq!(Selector::parse(text), Err(SelectorError { column, fault }), "{text}");
    }

    #[test]
    fn paths_and_wildcards_are_read() {
        let read = selector(r#"**.user.*."a.b \"c\" \\""#);
        assert_eq!(read.target, Target::Payload);
        assert_eq!(
            read.steps,
            [Step::AnyDepth, Step::Name("user".into()), Step::Any, Step::Name(r#"a.b "c" \"#.into())]
        );
        assert_eq!(selector("@key"), Selector { target: Target::Key, steps: vec![] });
        assert_eq!(
            selector("@headers.X-User"),
            Selector { target: Target::Header, steps: vec![Step::Name("X-User".into())] }
        );
        assert_eq!(selector("@headers.*").steps, [Step::Any]);
        assert_eq!(selector("имя.名").steps, [Step::Name("имя".into()), Step::Name("名".into())]);
        assert_eq!(selector("\"\"").steps, [Step::Name(String::new())]);
    }

    #[test]
    fn faults_have_a_column() {
        refused("", 1, SelectorFault::NameMissing);
        refused("a..b", 3, SelectorFault::NameMissing);
        refused("a.", 3, SelectorFault::NameMissing);
        refused(".a", 1, SelectorFault::NameMissing);
        refused("имя..b", 5, SelectorFault::NameMissing);
        refused("a b", 2, SelectorFault::NeedsQuotes);
        refused("items[0].name", 6, SelectorFault::Bracket);
        refused("a.\"b", 3, SelectorFault::QuoteOpen);
        refused(r#"a."b\n""#, 6, SelectorFault::Escape);
        refused("\"a\"b", 4, SelectorFault::DotMissing);
        refused("*a", 2, SelectorFault::DotMissing);
        refused("***", 3, SelectorFault::AnyDepthTwice);
        refused("a.**.**", 6, SelectorFault::AnyDepthTwice);
        refused("@timestamp", 1, SelectorFault::TargetUnknown);
        refused("@key.a", 5, SelectorFault::KeyHasPath);
        refused("@headers", 1, SelectorFault::HeaderPath);
        refused("@headers.", 10, SelectorFault::NameMissing);
        refused("@headers.a.b", 10, SelectorFault::HeaderPath);
        refused("@headers.**", 10, SelectorFault::HeaderPath);
        refused(&"a.".repeat(STEPS_MAX + 1), 2 * STEPS_MAX + 1, SelectorFault::TooLong);
    }

    #[test]
    fn header_names_have_no_case_and_fields_do() {
        assert!(selector("@headers.x-user").matches(&["X-User"]));
        assert!(selector("@headers.x-user").intersects(&selector("@headers.X-USER")));
        assert!(!selector("user").matches(&["User"]));
        assert!(!selector("user").intersects(&selector("@headers.user")));
        assert!(selector("@key").matches(&[]));
    }

    #[test]
    fn closer_selectors_are_greater() {
        let falling = ["user.id", "id", "user.*", "*", "a.**.user.id", "**.user.id", "**.id", "**"];
        for pair in falling.windows(2) {
            assert!(selector(pair[0]).specificity() > selector(pair[1]).specificity(), "{pair:?}");
        }
        assert_eq!(selector("a.*").specificity(), selector("*.b").specificity());
    }

    /// Matching by the definition of each step, without sharing a line with [`Selector::matches`].
    fn matches_by_definition(steps: &[Step], path: &[&str]) -> bool {
        match (steps.split_first(), path.split_first()) {
            (None, _) => path.is_empty(),
            (Some((Step::AnyDepth, steps)), _) => (0..=path.len()).any(|n| matches_by_definition(steps, &path[n..])),
            (Some(_), None) => false,
            (Some((Step::Any, steps)), Some((_, path))) => matches_by_definition(steps, path),
            (Some((Step::Name(wanted), steps)), Some((name, path))) => {
                wanted == name && matches_by_definition(steps, path)
            }
        }
    }

    /// Every path of up to `length` names out of two that selectors use and one that they do not.
    fn paths(length: usize) -> Vec<Vec<&'static str>> {
        let mut all = vec![vec![]];
        let mut longest = all.clone();
        for _ in 0..length {
            longest = longest
                .iter()
                .flat_map(|path: &Vec<&str>| ["a", "b", "other"].map(|name| [path.as_slice(), &[name]].concat()))
                .collect();
            all.extend(longest.clone());
        }
        all
    }

    fn any_step(name: impl Strategy<Value = String>) -> impl Strategy<Value = Step> {
        prop_oneof![3 => name.prop_map(Step::Name), 1 => Just(Step::Any), 1 => Just(Step::AnyDepth)]
    }

    fn any_payload(name: &'static str, steps_max: usize) -> impl Strategy<Value = Selector> {
        prop::collection::vec(any_step(name), 1..=steps_max).prop_map(|mut steps| {
            steps.dedup_by(|a, b| *a == Step::AnyDepth && *b == Step::AnyDepth);
            Selector { target: Target::Payload, steps }
        })
    }

    proptest! {
        #[test]
        fn display_parses_back(payload in any_payload("\\PC{0,4}", 6), header in "\\PC{0,6}") {
            prop_assert_eq!(Selector::parse(&payload.to_string()), Ok(payload));
            let header = Selector { target: Target::Header, steps: vec![Step::Name(header)] };
            prop_assert_eq!(Selector::parse(&header.to_string()), Ok(header));
        }

        #[test]
        fn no_text_panics_and_columns_stay_inside(text in "[a-z.*@\"\\\\\\[ é]{0,12}") {
            match Selector::parse(&text) {
                Ok(selector) => prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector)),
                Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.column)),
            }
        }

        #[test]
        fn matching_follows_the_definition(selector in any_payload("[ab]", 5)) {
            for path in paths(5) {
                prop_assert_eq!(selector.matches(&path), matches_by_definition(&selector.steps, &path));
            }
        }

        /// The shortest common path is no longer than both selectors together: six names suffice for three steps each.
        #[test]
        fn intersection_is_a_common_path(a in any_payload("[ab]", 3), b in any_payload("[ab]", 3)) {
            let common = paths(6).iter().any(|path| a.matches(path) && b.matches(path));
            prop_assert_eq!(a.intersects(&b), common);
            prop_assert_eq!(b.intersects(&a), common);
        }
    }
}
