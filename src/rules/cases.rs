//! Case files: what goes into a pack, what must come out, and what is found, so that packs are tested without Rust.
//!
//! Knows: the file format. Must not run anything: whoever holds a veil compares. Start at [`Case::parse`].
//!
//! ```text
//! An IPv6 client in brackets keeps its port.
//! --- in
//! [2001:db8::1]:51234 - - "GET / HTTP/1.1" 200
//! --- out
//! [ip.4kq2_…]:51234 - - "GET / HTTP/1.1" 200
//! --- findings
//! client-ip 1..12 ip pseudonymize
//! ```
//! The first line says the point in words. `--- key` and `--- header NAME` give the record a key and headers, `--- out-key`
//! and `--- out-header NAME` say what becomes of them. A record without `--- in` is a tombstone. `--- findings` holds
//! `none` where nothing may be found, and `--- quarantine REASON` stands instead of all output. The newline before the
//! next `---` is not part of a section. Where several findings touch one value they stand in the order of their start.

use super::load_error::{LoadError, Source, quoted};
use super::{Class, Transform};
use std::fmt;
use std::ops::Range;

/// One case of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Path of the file.
    pub file: String,
    /// What the case shows, in one line.
    pub title: String,
    /// The record that goes in.
    pub input: Content,
    /// What must come of it; `None` in a case whose outcome is still to be written.
    pub expected: Option<Expected>,
}

/// Payload, key and headers of a record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// The payload; `None` is a tombstone.
    pub payload: Option<String>,
    /// The record key.
    pub key: Option<String>,
    /// Header names and values, in order.
    pub headers: Vec<(String, String)>,
}

/// What must come of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// A clean record.
    Clean {
        /// The record that comes out.
        output: Content,
        /// What was found in it.
        findings: Vec<Finding>,
    },
    /// Quarantine, for the reason with this code.
    Quarantine(String),
}

/// What a rule found where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Id of the rule.
    pub rule: String,
    /// The part of the record.
    pub place: Place,
    /// Bytes of that part.
    pub span: Range<usize>,
    /// Class of the value.
    pub class: Class,
    /// What replaces it.
    pub transform: Transform,
}

/// A part of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The payload.
    Payload,
    /// The record key, written `@key`.
    Key,
    /// The header with this name, written `@headers.NAME`.
    Header(String),
}

impl Case {
    /// Reads a case file; `file` is its path as errors show it.
    ///
    /// # Errors
    /// The first fault, shown where it stands.
    pub fn parse(file: &str, text: &str) -> Result<Self, LoadError> {
        let source = Source { file: file.to_owned(), text: text.to_owned() };
        let (title, sections) = split(&source);
        if title.text.trim().is_empty() || title.text.trim_end().contains('\n') {
            let error = LoadError::new(&source, title.span, "a case starts with one line that says what it shows");
            return Err(error.hint("put what goes in behind a line `--- in`"));
        }
        let mut draft = Draft::default();
        for section in sections {
            draft.add(&source, section)?;
        }
        let end = source.text.len();
        draft.into_case(file, title.text.trim()).map_err(|message| LoadError::new(&source, end..end, message))
    }

    /// The case as a file: what [`Case::parse`] reads back.
    pub fn render(&self) -> String {
        let mut text = format!("{}\n", self.title);
        let Content { payload, key, headers } = &self.input;
        let mut add = |marker: &str, content: &str| text.extend(["--- ", marker, "\n", content, "\n"]);
        key.iter().for_each(|key| add("key", key));
        headers.iter().for_each(|(name, value)| add(&format!("header {name}"), value));
        payload.iter().for_each(|payload| add("in", payload));
        match &self.expected {
            None => {}
            Some(Expected::Quarantine(reason)) => text.extend(["--- quarantine ", reason, "\n"]),
            Some(Expected::Clean { output: Content { payload, key, headers }, findings }) => {
                key.iter().for_each(|key| add("out-key", key));
                headers.iter().for_each(|(name, value)| add(&format!("out-header {name}"), value));
                payload.iter().for_each(|payload| add("out", payload));
                let lines: Vec<_> = findings.iter().map(Finding::to_string).collect();
                add("findings", if lines.is_empty() { "none".to_owned() } else { lines.join("\n") }.as_str());
            }
        }
        text
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, place, span, class, transform } = self;
        write!(f, "{rule} ")?;
        match place {
            Place::Payload => {}
            Place::Key => f.write_str("@key ")?,
            Place::Header(name) => write!(f, "@headers.{name} ")?,
        }
        write!(f, "{}..{} {class} {}", span.start, span.end, transform.code())?;
        match transform {
            Transform::Pseudonymize { network: true } => f.write_str(" network"),
            Transform::Pseudonymize { network: false }
            | Transform::Prefix
            | Transform::Truncate
            | Transform::Generalize
            | Transform::Round
            | Transform::Drop
            | Transform::Keep => Ok(()),
        }
    }
}

/// A part of the file: its marker and what follows up to the next one.
struct Section<'s> {
    /// The words behind `---`; empty for the title.
    marker: &'s str,
    /// Bytes of the marker's line, or of the title.
    span: Range<usize>,
    /// What follows, without its last newline.
    text: &'s str,
}

/// Splits a file into its title and its sections.
fn split(source: &Source) -> (Section<'_>, Vec<Section<'_>>) {
    let mut sections = vec![Section { marker: "", span: 0..0, text: "" }];
    let mut from = 0;
    let mut at = 0;
    for line in source.text.split_inclusive('\n') {
        if let Some(marker) = line.strip_prefix("--- ") {
            close(source, &mut sections, from..at);
            sections.push(Section { marker: marker.trim_end(), span: at..at + line.trim_end().len(), text: "" });
            from = at + line.len();
        }
        at += line.len();
    }
    close(source, &mut sections, from..at);
    let title = sections.remove(0);
    (title, sections)
}

/// Gives the last section its text.
fn close<'s>(source: &'s Source, sections: &mut [Section<'s>], span: Range<usize>) {
    let text = source.text.get(span).unwrap_or_default();
    if let Some(section) = sections.last_mut() {
        section.text = text.strip_suffix('\n').unwrap_or(text);
    }
}

/// The sections read so far.
#[derive(Default)]
struct Draft {
    input: Content,
    output: Content,
    findings: Option<Vec<Finding>>,
    quarantine: Option<String>,
}

impl Draft {
    fn add(&mut self, source: &Source, section: Section<'_>) -> Result<(), LoadError> {
        let fault = |message: &str| LoadError::new(source, section.span.clone(), message);
        let text = section.text.to_owned();
        let (word, argument) = section.marker.split_once(' ').unwrap_or((section.marker, ""));
        let takes_argument = matches!(word, "header" | "out-header" | "quarantine");
        if takes_argument == argument.is_empty() {
            return Err(fault(&format!(
                "`--- {word}` {}",
                if takes_argument { "needs a name" } else { "takes no name" }
            )));
        }
        let earlier = match word {
            "in" => self.input.payload.replace(text),
            "key" => self.input.key.replace(text),
            "out" => self.output.payload.replace(text),
            "out-key" => self.output.key.replace(text),
            "quarantine" => self.quarantine.replace(argument.to_owned()),
            "findings" => {
                let findings = read_findings(source, &section)?;
                self.findings.replace(findings).map(|_| String::new())
            }
            "header" | "out-header" => {
                let content = if word == "header" { &mut self.input } else { &mut self.output };
                content.headers.push((argument.to_owned(), text));
                None
            }
            _ => {
                let words = ["in", "key", "header", "out", "out-key", "out-header", "findings", "quarantine"];
                return Err(
                    fault(&format!("no section `{word}` in a case")).hint(format!("there is {}", quoted(&words)))
                );
            }
        };
        earlier.map_or(Ok(()), |_| Err(fault(&format!("a second section `{word}`"))))
    }

    fn into_case(self, file: &str, title: &str) -> Result<Case, &'static str> {
        let Self { input, output, findings, quarantine } = self;
        if input == Content::default() {
            return Err("the case has no input: add `--- in`");
        }
        let expected = match (quarantine, findings) {
            (Some(_), Some(_)) => return Err("a record in quarantine has no findings"),
            (Some(_), None) if output != Content::default() => return Err("a record in quarantine has no output"),
            (Some(reason), None) => Some(Expected::Quarantine(reason)),
            (None, Some(findings)) => Some(Expected::Clean { output, findings }),
            (None, None) if output != Content::default() => {
                return Err("an output needs `--- findings`, or `none` there");
            }
            (None, None) => None,
        };
        Ok(Case { file: file.to_owned(), title: title.to_owned(), input, expected })
    }
}

fn read_findings(source: &Source, section: &Section<'_>) -> Result<Vec<Finding>, LoadError> {
    if section.text.trim() == "none" {
        return Ok(Vec::new());
    }
    let mut at = source.text.len().min(section.span.end + 1);
    let mut findings = Vec::new();
    for line in section.text.split('\n') {
        let finding = read_finding(line.trim_end()).ok_or_else(|| {
            LoadError::new(source, at..at + line.len(), "this is no finding")
                .hint("write `rule-id START..END class transform`, or `none` where nothing may be found")
        })?;
        findings.push(finding);
        at += line.len() + 1;
    }
    Ok(findings)
}

/// Reads `rule-id [@key|@headers.NAME] START..END class transform`.
fn read_finding(line: &str) -> Option<Finding> {
    let (rule, rest) = line.split_once(' ')?;
    let (place, rest) = match rest.strip_prefix('@') {
        None => (Place::Payload, rest),
        Some(special) => {
            let (place, rest) = special.split_once(' ')?;
            let header = place.strip_prefix("headers.").map(|name| Place::Header(name.to_owned()));
            (header.or((place == "key").then_some(Place::Key))?, rest)
        }
    };
    let (span, rest) = rest.split_once(' ')?;
    let (start, end) = span.split_once("..")?;
    let (class, transform) = rest.split_once(' ')?;
    let transform = match transform {
        "pseudonymize network" => Transform::Pseudonymize { network: true },
        code => Transform::ALL.into_iter().find(|transform| transform.code() == code)?,
    };
    let span = start.parse().ok()?..end.parse().ok()?;
    Some(Finding { rule: rule.to_owned(), place, span, class: Class::from_code(class)?, transform })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    #[track_caller]
    fn refused(text: &str, expect: Expect) {
        let error = Case::parse("cases/a.txt", text).expect_err("the case is faulty");
        expect.assert_eq(&format!("{error}\n"));
    }

    #[test]
    fn a_full_case_is_read() {
        let text = "Key and header too.\n--- key\nalice\n--- header X-Real-IP\n192.0.2.1\n--- in\n{\n  \"a\": 1\n}\n\
                    --- out-key\nuser.x\n--- out-header X-Real-IP\nip.y\n--- out\n{\n  \"a\": 1\n}\n\
                    --- findings\nkey @key 0..5 user pseudonymize\nip @headers.X-Real-IP 0..9 ip pseudonymize network\n";
        let case = Case::parse("a.txt", text).unwrap();
        assert_eq!(case.title, "Key and header too.");
        assert_eq!(case.input.payload.as_deref(), Some("{\n  \"a\": 1\n}"));
        assert_eq!(case.input.headers, [("X-Real-IP".into(), "192.0.2.1".into())]);
        let Some(Expected::Clean { output, findings }) = &case.expected else { panic!("{case:?}") };
        assert_eq!(output.key.as_deref(), Some("user.x"));
        assert_eq!(findings[1].place, Place::Header("X-Real-IP".into()));
        assert_eq!(case.render(), text);
    }

    #[test]
    fn none_quarantine_and_an_outcome_to_be_written() {
        let expected = |text| Case::parse("a.txt", text).unwrap().expected;
        let output = Content { payload: Some("x".into()), ..Content::default() };
        assert_eq!(
            expected("T\n--- in\nx\n--- out\nx\n--- findings\nnone\n"),
            Some(Expected::Clean { output, findings: vec![] })
        );
        assert_eq!(expected("T\n--- in\nx\n--- quarantine not-json\n"), Some(Expected::Quarantine("not-json".into())));
        assert_eq!(expected("T\n--- in\nx"), None);
        let tombstone = Case::parse("a.txt", "T\n--- key\nalice\n").unwrap();
        assert_eq!(tombstone.input.payload, None);
    }

    #[test]
    fn faults_are_shown_where_they_stand() {
        refused(
            "",
            expect![[r#"
            cases/a.txt:1:1: a case starts with one line that says what it shows
                1 |
                  | ^
              hint: put what goes in behind a line `--- in`
        "#]],
        );
        refused(
            "One\ntwo\n--- in\nx\n",
            expect![[r#"
            cases/a.txt:1:1: a case starts with one line that says what it shows
                1 | One
                  | ^
              hint: put what goes in behind a line `--- in`
        "#]],
        );
        refused(
            "T\n",
            expect![[r#"
            cases/a.txt:2:1: the case has no input: add `--- in`
                2 |
                  | ^
        "#]],
        );
        refused(
            "T\n--- input\nx\n",
            expect![[r#"
            cases/a.txt:2:1: no section `input` in a case
                2 | --- input
                  | ^^^^^^^^^
              hint: there is `in`, `key`, `header`, `out`, `out-key`, `out-header`, `findings`, `quarantine`
        "#]],
        );
        refused(
            "T\n--- in\nx\n--- in\ny\n",
            expect![[r#"
            cases/a.txt:4:1: a second section `in`
                4 | --- in
                  | ^^^^^^
        "#]],
        );
        refused(
            "T\n--- header\nx\n",
            expect![[r#"
            cases/a.txt:2:1: `--- header` needs a name
                2 | --- header
                  | ^^^^^^^^^^
        "#]],
        );
        refused(
            "T\n--- in\nx\n--- out\nx\n",
            expect![[r#"
            cases/a.txt:6:1: an output needs `--- findings`, or `none` there
                6 |
                  | ^
        "#]],
        );
        refused(
            "T\n--- in\nx\n--- quarantine not-json\n--- findings\nnone\n",
            expect![[r#"
            cases/a.txt:7:1: a record in quarantine has no findings
                7 |
                  | ^
        "#]],
        );
        refused(
            "T\n--- in\nx\n--- out\nx\n--- findings\nip 0..1 ip drop\nip 0-1 ip drop\n",
            expect![[r#"
            cases/a.txt:8:1: this is no finding
                8 | ip 0-1 ip drop
                  | ^^^^^^^^^^^^^^
              hint: write `rule-id START..END class transform`, or `none` where nothing may be found
        "#]],
        );
        refused(
            "T\n--- in\nx\n--- out\nx\n--- findings\nip 0..1 ip mask\n",
            expect![[r#"
            cases/a.txt:7:1: this is no finding
                7 | ip 0..1 ip mask
                  | ^^^^^^^^^^^^^^^
              hint: write `rule-id START..END class transform`, or `none` where nothing may be found
        "#]],
        );
    }

    fn any_content() -> impl Strategy<Value = Content> {
        let text = || "[a-z\n {}é]{0,12}";
        (
            proptest::option::of(text()),
            proptest::option::of(text()),
            prop::collection::vec(("[A-Za-z-]{1,8}", text()), 0..3),
        )
            .prop_map(|(payload, key, headers)| Content { payload, key, headers })
    }

    fn any_finding() -> impl Strategy<Value = Finding> {
        let place = prop_oneof![Just(Place::Payload), Just(Place::Key), "[A-Za-z-]{1,8}".prop_map(Place::Header),];
        let transforms = [Transform::ALL.as_slice(), &[Transform::Pseudonymize { network: true }]].concat();
        let class = prop::sample::select(Class::ALL.to_vec());
        ("[a-z][a-z-]{0,7}", place, 0..99_usize, 0..99_usize, class, prop::sample::select(transforms)).prop_map(
            |(rule, place, start, end, class, transform)| Finding { rule, place, span: start..end, class, transform },
        )
    }

    fn any_expected() -> impl Strategy<Value = Option<Expected>> {
        let clean = (any_content(), prop::collection::vec(any_finding(), 0..4))
            .prop_map(|(output, findings)| Some(Expected::Clean { output, findings }));
        prop_oneof![clean, Just(Some(Expected::Quarantine("not-json".into()))), Just(None)]
    }

    proptest! {
        #[test]
        fn what_is_rendered_parses_back(title in "[a-z]{1,9}", input in any_content(), expected in any_expected()) {
            prop_assume!(input != Content::default());
            let case = Case { file: "a.txt".into(), title, input, expected };
            prop_assert_eq!(Case::parse("a.txt", &case.render()), Ok(case));
        }

        #[test]
        fn no_text_panics(text in "(T|--- (in|out|findings|header a|key)|x|none|a 0..1 ip drop|\n){0,12}") {
            if let Ok(case) = Case::parse("a.txt", &text) {
                prop_assert_eq!(Case::parse("a.txt", &case.render()), Ok(case));
            }
        }
    }
}
