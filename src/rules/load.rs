//! Pack files (TOML) into plain types.
//!
//! Knows: the file format. Reads no files itself: text comes in, shared files come from a closure. Start at [`parse`].
//!
//! Faults are collected, not stopped at: an author sees all of them at once.

use super::conflicts;
use super::load_error::{LoadError, LoadErrors, Source, choice_hint, nearest, quoted};
use super::pattern;
use super::reader::{Fields, Reader};
use super::schema;
use super::selector::{Selector, Step, Target};
use super::{
    Class, Detector, Extent, Format, LinePattern, Name, Parse, Part, Rule, RulePack, Shape, ShapeSet, Transform,
    Unknown, Used,
};
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// Longest pack file, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// Most selectors in one pack, so that comparing them pair by pair stays quick.
pub const SELECTORS_MAX: usize = 4096;

/// Largest compiled regular expression of a detector, in bytes.
pub const REGEX_BYTES_MAX: usize = 1 << 20;

/// Words that packs treat as ambiguous unless they list their own: accounts that every system has, values that stand for
/// nobody, and what logs call things.
pub const AMBIGUOUS_DEFAULT: [&str; 31] = [
    "root",
    "admin",
    "administrator",
    "system",
    "guest",
    "test",
    "user",
    "nobody",
    "anonymous",
    "unknown",
    "null",
    "none",
    "localhost",
    "true",
    "false",
    "default",
    "www-data",
    "daemon",
    "session",
    "name",
    "username",
    "login",
    "password",
    "owner",
    "host",
    "server",
    "client",
    "service",
    "api",
    "web",
    "app",
];

/// Reads a pack that uses no shared files. `file` is its path as errors show it.
///
/// # Errors
/// Everything that is wrong with the pack.
pub fn parse(file: &str, text: &str) -> Result<RulePack, LoadErrors> {
    parse_with(file, text, &|_| None)
}

/// Reads a pack and the shared files it uses; `shared` finds a shared file by its name.
///
/// # Errors
/// Everything that is wrong with the pack and its shared files.
pub fn parse_with(file: &str, text: &str, shared: &dyn Fn(&str) -> Option<Source>) -> Result<RulePack, LoadErrors> {
    let own = Source { file: file.to_owned(), text: text.to_owned() };
    let mut sources = Vec::new();
    let pack = read_pack(&own, |name| shared(name).map(|source| sources.push(source)).is_some())?;
    let shared: Vec<Shared<'_>> = sources.iter().map(Shared::read).collect();
    pack.merge(&shared.iter().collect::<Vec<_>>())
}

/// A shared file as it was read, to be merged into any number of packs.
pub(super) struct Shared<'s> {
    used: Used,
    messages: Vec<LinePattern>,
    drafts: Vec<Draft<'s>>,
    errors: Vec<LoadError>,
}

impl<'s> Shared<'s> {
    pub(super) fn read(source: &'s Source) -> Self {
        let mut reader = Reader::new(source);
        let (mut used, mut messages, mut drafts) = (Used { name: String::new(), version: 1 }, Vec::new(), Vec::new());
        if let Some(document) = reader.document() {
            let top = Fields { table: &schema::SHARED, fields: document.get_ref(), span: 0..0 };
            let head = read_head(&mut reader, &top);
            let body = read_body(&mut reader, &top);
            used = Used { name: head.name, version: head.version };
            (messages, drafts) = (body.messages, body.drafts);
        }
        Self { used, messages, drafts, errors: reader.errors }
    }
}

/// A pack's own file as it was read.
pub(super) struct OwnFile<'s> {
    source: &'s Source,
    head: Head,
    body: Body<'s>,
    errors: Vec<LoadError>,
}

/// Reads a pack's own file; `has_shared` is asked for the shared files it uses, in their order.
pub(super) fn read_pack(source: &Source, has_shared: impl FnMut(&str) -> bool) -> Result<OwnFile<'_>, LoadErrors> {
    let mut reader = Reader::new(source);
    let Some(document) = reader.document() else { return Err(LoadErrors::sorted(source, reader.errors)) };
    let top = Fields { table: &schema::PACK, fields: document.get_ref(), span: 0..0 };
    let head = read_head(&mut reader, &top);
    let body = read_body(&mut reader, &top);
    check_format(&mut reader, &top, &head, &body);
    check_scan(&mut reader, head.scan, &body);
    check_uses(&mut reader, &top, has_shared);
    Ok(OwnFile { source, head, body, errors: reader.errors })
}

impl OwnFile<'_> {
    /// The pack, with the shared files it uses behind its own rules.
    pub(super) fn merge(self, shared: &[&Shared<'_>]) -> Result<RulePack, LoadErrors> {
        let Self { source, head, body, mut errors } = self;
        let Body { lines, mut messages, drafts } = body;
        for file in shared {
            errors.extend(file.errors.iter().cloned());
            messages.extend(file.messages.iter().cloned());
        }
        let drafts = conflicts::merge(drafts, shared.iter().flat_map(|file| file.drafts.iter().cloned()));
        if drafts.is_empty() && errors.is_empty() {
            let error = LoadError::new(source, 0..0, "the pack has no rules");
            errors.push(error.hint("add `[[rule]]`, or `use` a shared file"));
        }
        errors.extend(check_together(source, &drafts));
        if !errors.is_empty() {
            return Err(LoadErrors::sorted(source, errors));
        }
        let Head { name, version, format, unknown, unknown_key, recognize, ambiguous, scan } = head;
        let uses = shared.iter().map(|file| file.used.clone()).collect();
        let rules = drafts.into_iter().map(Draft::into_rule).collect();
        Ok(RulePack {
            name,
            version,
            uses,
            format,
            unknown,
            unknown_key,
            recognize,
            lines,
            messages,
            rules,
            ambiguous,
            scan,
        })
    }
}

/// A rule as it was read: each claim with its place, so that conflicts can be shown.
#[derive(Clone)]
pub(super) struct Draft<'s> {
    pub(super) source: &'s Source,
    pub(super) id: Spanned<String>,
    pub(super) select: Vec<Spanned<Selector>>,
    pub(super) named: Vec<Spanned<Name>>,
    pub(super) detect: Option<Spanned<Detector>>,
    pub(super) class: Class,
    pub(super) transform: Transform,
    parse: Parse,
    line: usize,
}

impl Draft<'_> {
    fn into_rule(self) -> Rule {
        Rule {
            id: self.id.into_inner(),
            select: self.select.into_iter().map(Spanned::into_inner).collect(),
            named: self.named.into_iter().map(Spanned::into_inner).collect(),
            detect: self.detect.map(Spanned::into_inner),
            class: self.class,
            transform: self.transform,
            parse: self.parse,
            file: self.source.file.clone(),
            line: self.line,
        }
    }
}

/// What a file says of itself. A key that is missing or wrong is reported and has a stand-in here.
struct Head {
    name: String,
    version: u32,
    format: Format,
    unknown: Unknown,
    unknown_key: Unknown,
    recognize: Vec<String>,
    ambiguous: Vec<String>,
    scan: ShapeSet,
}

/// The patterns and rules of a file.
struct Body<'s> {
    lines: Vec<LinePattern>,
    messages: Vec<LinePattern>,
    drafts: Vec<Draft<'s>>,
}

fn read_head(reader: &mut Reader<'_>, top: &Fields<'_>) -> Head {
    reader.check_keys(top);
    let owned = |texts: Vec<Spanned<&str>>| texts.into_iter().map(|text| text.into_inner().to_owned()).collect();
    let ambiguous: Vec<_> = reader.texts(top, "ambiguous").iter().map(|word| word.get_ref().to_lowercase()).collect();
    Head {
        name: reader.name(top, "name").map(Spanned::into_inner).unwrap_or_default(),
        version: reader.number(top, "version").unwrap_or(1),
        format: reader.choice(top, "format", &Format::ALL, Format::code).unwrap_or(Format::Json),
        unknown: reader.choice(top, "unknown", &Unknown::ALL, Unknown::code).unwrap_or(Unknown::Scan),
        unknown_key: reader.choice(top, "unknown_key", &Unknown::ALL, Unknown::code).unwrap_or(Unknown::Pseudonymize),
        recognize: owned(reader.texts(top, "recognize")),
        ambiguous: if top.get("ambiguous").is_some() { ambiguous } else { AMBIGUOUS_DEFAULT.map(str::to_owned).into() },
        scan: match top.get("scan") {
            Some(_) => ShapeSet::of(&reader.choices(top, "scan", &Shape::ALL, Shape::code)),
            None => ShapeSet::ALL,
        },
    }
}

fn read_body<'s>(reader: &mut Reader<'s>, top: &Fields<'_>) -> Body<'s> {
    let lines = read_patterns(reader, top, "line");
    let messages = read_patterns(reader, top, "message");
    let rules = reader.tables(top, "rule");
    let drafts = rules.iter().filter_map(|rule| read_rule(reader, rule)).collect();
    Body { lines, messages, drafts }
}

fn check_uses(reader: &mut Reader<'_>, top: &Fields<'_>, mut has_shared: impl FnMut(&str) -> bool) {
    for name in reader.texts(top, "use") {
        if !has_shared(name.get_ref()) {
            reader.report(name.span(), format!("there is no shared file `{}`", name.get_ref()));
        }
    }
}

fn read_patterns(reader: &mut Reader<'_>, top: &Fields<'_>, key: &str) -> Vec<LinePattern> {
    let mut patterns: Vec<LinePattern> = Vec::new();
    for table in reader.tables(top, key) {
        reader.check_keys(&table);
        let id = reader.name(&table, "id");
        let Some(parts) = read_parts(reader, &table) else { continue };
        let Some(id) = id else { continue };
        if let Some(earlier) = patterns.iter().find(|pattern| pattern.id == *id.get_ref()) {
            reader.report(id.span(), format!("this id is already in the {key} of line {}", earlier.line));
        }
        patterns.push(LinePattern { id: id.into_inner(), parts, line: reader.source.line(table.span.start) });
    }
    patterns
}

/// The parts of a pattern, or those of a row of separated values.
fn read_parts(reader: &mut Reader<'_>, table: &Fields<'_>) -> Option<Vec<Part>> {
    let pattern = reader.text(table, "pattern");
    let columns = reader.texts(table, "columns");
    let separator = reader.text(table, "separator");
    match (table.get("pattern"), table.get("columns")) {
        (Some(_), Some(columns)) => reader.report(columns.span(), "a line has either `pattern` or `columns`"),
        // Where a pattern is the only way, its absence is reported with the other keys.
        (None, None) if !table.table.required.contains(&"pattern") => {
            reader.report(table.span.clone(), "this line has neither `pattern` nor `columns`");
        }
        (None, Some(list)) => return columns_parts(reader, list.span(), &columns, separator),
        (Some(_) | None, None) => {}
    }
    if let Some(separator) = separator {
        reader.report(separator.span(), "a `separator` belongs to `columns`");
    }
    let text = pattern?;
    match pattern::parse(text.get_ref()) {
        Ok(parts) => Some(parts),
        Err(error) => {
            let codes = Extent::ALL.map(Extent::code);
            let hint = error.fault.unknown_extent().map(|code| choice_hint(code, &codes));
            reader.report_hint(reader.inside(&text, error.column), error.to_string(), hint);
            None
        }
    }
}

/// The parts of a row with these columns.
fn columns_parts(
    reader: &mut Reader<'_>,
    list: Range<usize>,
    columns: &[Spanned<&str>],
    separator: Option<Spanned<&str>>,
) -> Option<Vec<Part>> {
    let faults = reader.errors.len();
    if !(2..=LinePattern::COLUMNS_MAX).contains(&columns.len()) {
        reader.report(list, format!("a row has 2 to {} columns", LinePattern::COLUMNS_MAX));
    }
    for (place, column) in columns.iter().enumerate() {
        let is_named = *column.get_ref() != pattern::ANONYMOUS;
        if is_named && columns[..place].iter().any(|earlier| earlier.get_ref() == column.get_ref()) {
            reader.report(column.span(), format!("column `{}` stands twice", column.get_ref()));
        }
    }
    if let Some(separator) = separator.as_ref().filter(|separator| separator.get_ref().is_empty()) {
        reader.report(separator.span(), "`separator` is an empty text");
    }
    let names: Vec<&str> = columns.iter().map(|column| *column.get_ref()).collect();
    let separator = separator.map_or(",", Spanned::into_inner);
    (reader.errors.len() == faults).then(|| LinePattern::of_columns("", &names, separator, 0).parts)
}

fn read_rule<'s>(reader: &mut Reader<'s>, rule: &Fields<'_>) -> Option<Draft<'s>> {
    reader.check_keys(rule);
    let id = reader.name(rule, "id");
    let label = id.as_ref().map_or("this rule".to_owned(), |id| format!("rule `{}`", id.get_ref()));
    if ["select", "named", "detect"].into_iter().all(|key| rule.get(key).is_none()) {
        let hint = "add `select = \"client_ip\"` or `detect = \"ip\"`".to_owned();
        reader.report_hint(
            rule.span.clone(),
            format!("{label} has neither `select`, `named` nor `detect`"),
            Some(hint),
        );
    }
    let select = read_selectors(reader, rule);
    let named = read_names(reader, rule);
    let detect = read_detector(reader, rule);
    let parse = reader.choice(rule, "parse", &Parse::ALL, Parse::code).unwrap_or(Parse::No);
    let (class, transform) = match parse {
        Parse::No | Parse::Cookies => read_treatment(reader, rule, &label, detect.as_ref().map(Spanned::get_ref))?,
        Parse::Auto => {
            for key in ["class", "transform", "network", "detect"] {
                if let Some(value) = rule.get(key) {
                    reader.report(value.span(), format!("{label} has `parse`, so `{key}` means nothing in it"));
                }
            }
            (Class::Text, Class::Text.default_transform())
        }
    };
    let line = reader.source.line(rule.span.start);
    Some(Draft { source: reader.source, id: id?, select, named, detect, class, transform, parse, line })
}

fn read_selectors(reader: &mut Reader<'_>, rule: &Fields<'_>) -> Vec<Spanned<Selector>> {
    let mut selectors = Vec::new();
    for text in reader.texts(rule, "select") {
        match Selector::parse(text.get_ref()) {
            Ok(selector) => selectors.push(Spanned::new(text.span(), selector)),
            Err(error) => reader.report_hint(
                reader.inside(&text, error.column),
                error.to_string(),
                error.fault.hint().map(str::to_owned),
            ),
        }
    }
    selectors
}

fn read_names(reader: &mut Reader<'_>, rule: &Fields<'_>) -> Vec<Spanned<Name>> {
    let mut names = Vec::new();
    for text in reader.texts(rule, "named") {
        let name = Name::new(text.get_ref());
        if name.field_name().as_str().is_empty() {
            reader.report(text.span(), "a name has at least one letter or digit");
        } else if text.get_ref().trim_start_matches("*_").contains('*') {
            let hint = "`*_session_id` is every name that ends with the words `session` and `id`".to_owned();
            reader.report_hint(text.span(), "a `*` stands only at the start of a name, with a `_`", Some(hint));
        } else {
            names.push(Spanned::new(text.span(), name));
        }
    }
    names
}

fn read_detector(reader: &mut Reader<'_>, rule: &Fields<'_>) -> Option<Spanned<Detector>> {
    let value = rule.get("detect")?;
    let DeValue::Table(fields) = value.get_ref() else {
        let shape = reader.choice(rule, "detect", &Shape::ALL, Shape::code)?;
        return Some(Spanned::new(value.span(), Detector::Shape(shape)));
    };
    let table = Fields { table: &schema::REGEX, fields, span: value.span() };
    reader.check_keys(&table);
    let text = reader.text(&table, "regex")?;
    match expression_fault(text.get_ref()) {
        None => return Some(Spanned::new(value.span(), Detector::Regex((*text.get_ref()).to_owned()))),
        Some(fault) => reader.report(text.span(), fault),
    }
    None
}

/// What is wrong with a regular expression.
fn expression_fault(text: &str) -> Option<String> {
    match regex::bytes::RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build() {
        Ok(regex) if regex.is_match(b"") => Some("the regex matches the empty text".to_owned()),
        Ok(_) => None,
        Err(error) => {
            // The crate's message repeats the pattern; its last line is the fault.
            let message = error.to_string();
            let fault = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Some(format!("bad regex: {fault}"))
        }
    }
}

/// Class and transform of a rule whose value is the entity.
fn read_treatment(
    reader: &mut Reader<'_>,
    rule: &Fields<'_>,
    label: &str,
    detector: Option<&Detector>,
) -> Option<(Class, Transform)> {
    let shape = match detector {
        Some(Detector::Shape(shape)) => Some(*shape),
        Some(Detector::Regex(_)) | None => None,
    };
    if rule.get("class").is_none() && shape.is_none() && rule.get("detect").is_none_or(|_| detector.is_some()) {
        let hint = format!("add one of {}", quoted(&schema::class_codes()));
        reader.report_hint(rule.span.clone(), format!("{label} has no `class`"), Some(hint));
    }
    let class = reader.choice(rule, "class", &Class::ALL, Class::code);
    let transform = reader.choice(rule, "transform", &Transform::ALL, Transform::code);
    let network = reader.flag(rule, "network");
    if rule.get("transform").is_some() && transform.is_none() || rule.get("class").is_some() && class.is_none() {
        return None;
    }
    let class = class.or(shape.map(Shape::class))?;
    if let (Some(shape), Some(value)) = (shape, rule.get("class"))
        && !shape_fits(shape, class)
    {
        let message = format!("what the detector `{}` finds is no `{class}`", shape.code());
        reader.report_hint(value.span(), message, Some(format!("leave `class` out: it is `{}`", shape.class())));
    }
    let transform = match (transform.unwrap_or(class.default_transform()), network.as_ref().map(Spanned::get_ref)) {
        (Transform::Pseudonymize { .. }, Some(true)) => Transform::Pseudonymize { network: true },
        (transform, Some(true)) => {
            let span = network.as_ref().map_or(rule.span.clone(), Spanned::span);
            reader.report(span, format!("`network` adds to `pseudonymize`, and {label} has `{}`", transform.code()));
            transform
        }
        (transform, _) => transform,
    };
    if !transform.fits(class) {
        let (key, value) = ["transform", "network"].into_iter().find_map(|key| Some((key, rule.get(key)?)))?;
        let word = if key == "transform" { transform.code() } else { key };
        let fitting: Vec<_> = Transform::ALL.into_iter().filter(|t| t.fits(class)).map(Transform::code).collect();
        let hint = format!("for `{class}` there is {}", quoted(&fitting));
        reader.report_hint(value.span(), format!("`{word}` means nothing for class `{class}`"), Some(hint));
    }
    Some((class, transform))
}

/// Whether what a shape finds can be of this class: a UUID can name a session as well as a device, an address is one.
fn shape_fits(shape: Shape, class: Class) -> bool {
    let opaque = [Class::Device, Class::Session, Class::Token, Class::UserId, Class::Text];
    class == shape.class() || opaque.contains(&class) && opaque.contains(&shape.class())
}

/// Checks what depends on the pack's format.
fn check_format(reader: &mut Reader<'_>, top: &Fields<'_>, head: &Head, body: &Body<'_>) {
    let foreign = match head.format {
        Format::Json => "line",
        Format::Line => "recognize",
    };
    if top.get("format").is_some()
        && let Some(value) = top.get(foreign)
    {
        reader.report(value.span(), format!("a pack with format `{}` has no `{foreign}`", head.format.code()));
    }
    // A pattern that could not be read has holes nobody knows of.
    let all_read = body.lines.len() + body.messages.len() == top.count("line") + top.count("message");
    if head.format == Format::Line && all_read {
        check_holes(reader, body);
    }
}

/// Refuses rules of the pack's own for shapes that it does not look for. Those of a shared file find nothing.
fn check_scan(reader: &mut Reader<'_>, scan: ShapeSet, body: &Body<'_>) {
    for draft in &body.drafts {
        let Some(detect) = &draft.detect else { continue };
        if let Detector::Shape(shape) = detect.get_ref()
            && !scan.has(*shape)
        {
            let message = format!("rule `{}` detects `{}`, which `scan` leaves out", draft.id.get_ref(), shape.code());
            reader.report_hint(detect.span(), message, Some(format!("add `{}` to `scan`", shape.code())));
        }
    }
}

/// Refuses selectors of holes that no pattern has. A path that starts with `**` may lead into JSON inside a line.
fn check_holes(reader: &mut Reader<'_>, body: &Body<'_>) {
    let parts = body.lines.iter().chain(&body.messages).flat_map(|pattern| &pattern.parts);
    let holes: Vec<&str> = parts
        .filter_map(|part| match part {
            Part::Hole { name, .. } if name != pattern::ANONYMOUS => Some(name.as_str()),
            Part::Hole { .. } | Part::Literal(_) => None,
        })
        .collect();
    for select in body.drafts.iter().flat_map(|draft| &draft.select) {
        let Selector { target: Target::Payload, steps } = select.get_ref() else { continue };
        let Some(Step::Name(name)) = steps.first() else { continue };
        if !holes.contains(&name.as_str()) {
            let hint = nearest(name, &holes).map(|near| format!("did you mean `{near}`?"));
            reader.report_hint(select.span(), format!("no line or message has a hole `{name}`"), hint);
        }
    }
}

/// Checks the rules of the pack and its shared files against each other.
fn check_together(own: &Source, drafts: &[Draft<'_>]) -> Vec<LoadError> {
    if drafts.iter().map(|draft| draft.select.len()).sum::<usize>() > SELECTORS_MAX {
        return vec![LoadError::new(own, 0..0, format!("the pack has more than {SELECTORS_MAX} selectors"))];
    }
    conflicts::find(drafts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::schema::TABLES;
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    const FILE: &str = "rules/demo/pack.toml";

    /// A shared file that tests can use.
    fn shared(name: &str) -> Option<Source> {
        let text = "name = \"names\"\nversion = 3\n\n[[rule]]\nid = \"shared-user\"\nnamed = [\"user\", \"login\"]\n\
                    select = [\"**.user.name\"]\nclass = \"user\"\n\n[[rule]]\nid = \"shared-ip\"\ndetect = \"ip\"\n";
        (name == "names").then(|| Source { file: "rules/names.toml".into(), text: text.into() })
    }

    /// Loads a pack whose top and one rule are fine, so that a test shows only its fault.
    fn load(body: &str) -> Result<RulePack, LoadErrors> {
        let head = "name = \"demo\"\nversion = 1\n";
        let format = if body.contains("format =") { "" } else { "format = \"json\"\n" };
        let text =
            format!("{head}{format}{body}\n[[rule]]\nid = \"fine\"\nselect = \"fine_field\"\nclass = \"text\"\n");
        parse_with(FILE, &text, &shared)
    }

    #[track_caller]
    fn loaded(body: &str) -> RulePack {
        load(body).unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[track_caller]
    fn refused(body: &str, expect: Expect) {
        let errors = load(body).expect_err("the pack is faulty");
        expect.assert_eq(&format!("{errors}\n"));
    }

    #[test]
    fn a_pack_becomes_plain_types() {
        let pack = loaded(
            r#"
            recognize = ["request", "user"]
            unknown = "drop"
            unknown_key = "scan"
            ambiguous = ["Root"]
            [[message]]
            id = "login"
            pattern = 'login of <user:greedy> from <client_ip>'
            [[rule]]
            id = "client-ip"
            select = ["client_ip", '**."x.y"', "@headers.X-Real-IP"]
            named = "remoteAddr"
            detect = "ip"
            network = true
            [[rule]]
            id = "ticket"
            detect = { regex = 'T-(\d+)' }
            class = "session"
            transform = "drop"
            [[rule]]
            id = "agent"
            select = "user_agent"
            class = "user-agent"
            [[rule]]
            id = "message"
            select = "message"
            parse = "auto"
            "#,
        );
        let Part::Hole { name, extent } = &pack.messages[0].parts[1] else { panic!("{:?}", pack.messages) };
        assert_eq!((name.as_str(), extent), ("user", &Extent::Greedy));
        assert_eq!((pack.unknown, pack.unknown_key), (Unknown::Drop, Unknown::Scan));
        assert_eq!((pack.recognize.join(" ").as_str(), pack.ambiguous.join(" ").as_str()), ("request user", "root"));
        let rules = pack.rules.iter().map(|rule| {
            let select = rule.select.iter().map(Selector::to_string).collect::<Vec<_>>().join(" ");
            let Rule { id, named, detect, class, transform, parse, line, .. } = rule;
            format!("{line} {id}: [{select}] {named:?} {detect:?} {class} {transform:?} {parse:?}\n")
        });
        expect![[r#"
            12 client-ip: [client_ip **."x.y" @headers.X-Real-IP] [Whole(FieldName("remoteaddr"))] Some(Shape(Ip)) ip Pseudonymize { network: true } No
            18 ticket: [] [] Some(Regex("T-(\\d+)")) session Drop No
            23 agent: [user_agent] [] None user-agent Generalize No
            27 message: [message] [] None text Pseudonymize { network: false } Auto
            32 fine: [fine_field] [] None text Pseudonymize { network: false } No
        "#]].assert_eq(&rules.collect::<String>());
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let pack = loaded("");
        assert_eq!((pack.unknown, pack.unknown_key), (Unknown::Scan, Unknown::Pseudonymize));
        assert_eq!(pack.ambiguous, AMBIGUOUS_DEFAULT);
        assert_eq!(pack.scan, ShapeSet::ALL);
        assert_eq!(pack.rules[0].transform, Transform::Pseudonymize { network: false });
    }

    #[test]
    fn shapes_that_are_looked_for() {
        let pack = loaded("scan = [\"ip\", \"net\"]\nuse = [\"names\"]\n");
        let sought: Vec<_> = Shape::ALL.into_iter().filter(|shape| pack.scan.has(*shape)).collect();
        assert_eq!(sought, [Shape::Ip, Shape::Net]);
        assert_eq!(loaded("scan = \"uuid\"").scan, ShapeSet::of(&[Shape::Uuid]));
        refused(
            "scan = [\"mac\", \"ipv4\", 1]\n[[rule]]\nid = \"a\"\ndetect = \"email\"\n",
            expect![[r#"
                rules/demo/pack.toml:4:16: `scan` cannot be `ipv4`
                    4 | scan = ["mac", "ipv4", 1]
                      |                ^^^^^^
                  hint: there is `ip`, `net`, `mac`, `email`, `login`, `sid`, `phone`, `account`, `card`, `iban`, `uuid`, `jwt`, `secret`, `password`
                rules/demo/pack.toml:4:24: `scan` is a string or a list of strings, not of type integer
                    4 | scan = ["mac", "ipv4", 1]
                      |                        ^
                rules/demo/pack.toml:7:10: rule `a` detects `email`, which `scan` leaves out
                    7 | detect = "email"
                      |          ^^^^^^^
                  hint: add `email` to `scan`
            "#]],
        );
    }

    #[test]
    fn shared_rules_are_merged_and_the_pack_goes_first() {
        let pack = loaded(
            "use = [\"names\"]\n[[rule]]\nid = \"own\"\nnamed = \"LOGIN\"\ndetect = \"ip\"\nclass = \"ip\"\ntransform = \"prefix\"\n",
        );
        assert_eq!(pack.uses, [Used { name: "names".into(), version: 3 }]);
        let claims: Vec<_> = pack.rules.iter().map(|rule| (rule.id.as_str(), rule.named.len(), &rule.detect)).collect();
        let ip = Some(Detector::Shape(Shape::Ip));
        assert_eq!(claims, [("own", 1, &ip), ("fine", 0, &None), ("shared-user", 1, &None)]);
    }

    #[test]
    fn empty_pack() {
        let errors = parse(FILE, "").expect_err("an empty file is no pack");
        expect![[r#"
            rules/demo/pack.toml:1:1: a pack needs `name`, `version`, `format`
                1 |
                  | ^
        "#]]
        .assert_eq(&format!("{errors}\n"));
    }

    #[test]
    fn a_pack_without_rules() {
        let errors = parse(FILE, "name = \"a\"\nversion = 1\nformat = \"line\"\n").expect_err("it has no rules");
        expect![[r#"
            rules/demo/pack.toml:1:1: the pack has no rules
                1 | name = "a"
                  | ^
              hint: add `[[rule]]`, or `use` a shared file
        "#]]
        .assert_eq(&format!("{errors}\n"));
    }

    #[test]
    fn toml_syntax() {
        refused(
            "unknown = \n[[rule]\nid = 'a'\n",
            expect![[r#"
                rules/demo/pack.toml:4:11: string values must be quoted, expected literal string
                    4 | unknown =
                      |           ^
                rules/demo/pack.toml:5:8: unclosed array table, expected `]`
                    5 | [[rule]
                      |        ^
            "#]],
        );
    }

    #[test]
    fn unknown_keys() {
        refused(
            "unkown = \"scan\"\noperator = 1\n[[rule]]\nid = \"a\"\nselect = \"a\"\nclass = \"ip\"\ntranform = \"drop\"\n",
            expect![[r#"
                rules/demo/pack.toml:4:1: no key `unkown` in a pack
                    4 | unkown = "scan"
                      | ^^^^^^
                  hint: did you mean `unknown`?
                rules/demo/pack.toml:5:1: no key `operator` in a pack
                    5 | operator = 1
                      | ^^^^^^^^
                  hint: its keys are `name`, `version`, `use`, `format`, `unknown`, `unknown_key`, `recognize`, `ambiguous`, `scan`, `line`, `message`, `rule`
                rules/demo/pack.toml:10:1: no key `tranform` in a rule
                   10 | tranform = "drop"
                      | ^^^^^^^^
                  hint: did you mean `transform`?
            "#]],
        );
    }

    #[test]
    fn unknown_words() {
        refused(
            "format = \"jsn\"\nunknown = \"hash\"\n[[rule]]\nid = \"a\"\nselect = \"a\"\nclass = \"usr\"\ntransform = \"mask\"\n\
             [[rule]]\nid = \"b\"\ndetect = \"ipv4\"\n[[message]]\nid = \"m\"\npattern = \"<a:greedi>\"\n",
            expect![[r#"
                rules/demo/pack.toml:3:10: `format` cannot be `jsn`
                    3 | format = "jsn"
                      |          ^^^^^
                  hint: did you mean `json`? there is `json`, `line`
                rules/demo/pack.toml:4:11: `unknown` cannot be `hash`
                    4 | unknown = "hash"
                      |           ^^^^^^
                  hint: there is `scan`, `pseudonymize`, `drop`, `keep`
                rules/demo/pack.toml:8:9: `class` cannot be `usr`
                    8 | class = "usr"
                      |         ^^^^^
                  hint: did you mean `user`? there is `ip`, `net`, `mac`, `email`, `user`, `person`, `user-id`, `phone`, `account`, `card`, `iban`, `session`, `connection-id`, `token`, `device`, `user-agent`, `host`, `geo`, `text`
                rules/demo/pack.toml:9:13: `transform` cannot be `mask`
                    9 | transform = "mask"
                      |             ^^^^^^
                  hint: there is `pseudonymize`, `prefix`, `truncate`, `generalize`, `round`, `drop`, `keep`
                rules/demo/pack.toml:12:10: `detect` cannot be `ipv4`
                   12 | detect = "ipv4"
                      |          ^^^^^^
                  hint: there is `ip`, `net`, `mac`, `email`, `login`, `sid`, `phone`, `account`, `card`, `iban`, `uuid`, `jwt`, `secret`, `password`
                rules/demo/pack.toml:15:12: `greedi` is no extent of a hole
                   15 | pattern = "<a:greedi>"
                      |            ^
                  hint: did you mean `greedy`? there is `word`, `int`, `text`, `greedy`, `quoted`, `csv`, `rest`
            "#]],
        );
    }

    #[test]
    fn values_of_the_wrong_type() {
        refused(
            "unknown = 1\nrecognize = []\nuse = [\"\", 2]\nline = 3\n[[rule]]\nid = \"A b\"\nselect = {}\nclass = \"ip\"\nnetwork = \"yes\"\n",
            expect![[r#"
                rules/demo/pack.toml:4:11: `unknown` is a string, not of type integer
                    4 | unknown = 1
                      |           ^
                rules/demo/pack.toml:5:13: `recognize` is an empty list
                    5 | recognize = []
                      |             ^^
                rules/demo/pack.toml:6:8: `use` holds an empty text
                    6 | use = ["", 2]
                      |        ^^
                rules/demo/pack.toml:6:12: `use` is a string or a list of strings, not of type integer
                    6 | use = ["", 2]
                      |            ^
                rules/demo/pack.toml:7:8: `line` is a list of tables
                    7 | line = 3
                      |        ^
                  hint: write `[[line]]`
                rules/demo/pack.toml:7:8: a pack with format `json` has no `line`
                    7 | line = 3
                      |        ^
                rules/demo/pack.toml:9:6: `id` is lower-case letters, digits and hyphens, and starts with a letter
                    9 | id = "A b"
                      |      ^^^^^
                rules/demo/pack.toml:10:10: `select` is a string or a list of strings, not of type table
                   10 | select = {}
                      |          ^^
                rules/demo/pack.toml:12:11: `network` is `true` or `false`, not of type string
                   12 | network = "yes"
                      |           ^^^^^
            "#]],
        );
    }

    #[test]
    fn versions_count_from_one() {
        let rule = "[[rule]]\nid = \"a\"\nselect = \"a\"\nclass = \"ip\"\n";
        for version in ["0", "-1", "1.5", "4294967296", "\"1\""] {
            let text = format!("name = \"a\"\nversion = {version}\nformat = \"json\"\n{rule}");
            let errors = parse(FILE, &text).expect_err("the version is no version");
            assert_eq!(errors.0[0].message, "`version` is a whole number from 1 to 4294967295", "{version}");
        }
    }

    #[test]
    fn rules_that_claim_nothing_or_lack_keys() {
        refused(
            "[[rule]]\nid = \"client-ip\"\nclass = \"ip\"\n\n[[rule]]\nselect = \"a\"\n",
            expect![[r#"
                rules/demo/pack.toml:4:1: rule `client-ip` has neither `select`, `named` nor `detect`
                    4 | [[rule]]
                      | ^^^^^^^^
                  hint: add `select = "client_ip"` or `detect = "ip"`
                rules/demo/pack.toml:8:1: a rule needs `id`
                    8 | [[rule]]
                      | ^^^^^^^^
                rules/demo/pack.toml:8:1: this rule has no `class`
                    8 | [[rule]]
                      | ^^^^^^^^
                  hint: add one of `ip`, `net`, `mac`, `email`, `user`, `person`, `user-id`, `phone`, `account`, `card`, `iban`, `session`, `connection-id`, `token`, `device`, `user-agent`, `host`, `geo`, `text`
            "#]],
        );
    }

    #[test]
    fn transforms_that_do_not_fit_their_class() {
        refused(
            "[[rule]]\nid = \"a\"\nselect = \"a\"\nclass = \"user\"\ntransform = \"prefix\"\n\
             [[rule]]\nid = \"b\"\nselect = \"b\"\nclass = \"ip\"\ntransform = \"truncate\"\nnetwork = true\n\
             [[rule]]\nid = \"c\"\nselect = \"c\"\nclass = \"ip\"\ntransform = \"generalize\"\n\
             [[rule]]\nid = \"d\"\nselect = \"d\"\nclass = \"user\"\nnetwork = true\n\
             [[rule]]\nid = \"e\"\ndetect = \"email\"\nclass = \"user\"\n\
             [[rule]]\nid = \"f\"\nselect = \"f\"\nparse = \"auto\"\nclass = \"user\"\n",
            expect![[r#"
                rules/demo/pack.toml:8:13: `prefix` means nothing for class `user`
                    8 | transform = "prefix"
                      |             ^^^^^^^^
                  hint: for `user` there is `pseudonymize`, `drop`, `keep`
                rules/demo/pack.toml:14:11: `network` adds to `pseudonymize`, and rule `b` has `truncate`
                   14 | network = true
                      |           ^^^^
                rules/demo/pack.toml:19:13: `generalize` means nothing for class `ip`
                   19 | transform = "generalize"
                      |             ^^^^^^^^^^^^
                  hint: for `ip` there is `pseudonymize`, `prefix`, `truncate`, `drop`, `keep`
                rules/demo/pack.toml:24:11: `network` means nothing for class `user`
                   24 | network = true
                      |           ^^^^
                  hint: for `user` there is `pseudonymize`, `drop`, `keep`
                rules/demo/pack.toml:28:9: what the detector `email` finds is no `user`
                   28 | class = "user"
                      |         ^^^^^^
                  hint: leave `class` out: it is `email`
                rules/demo/pack.toml:33:9: rule `f` has `parse`, so `class` means nothing in it
                   33 | class = "user"
                      |         ^^^^^^
            "#]],
        );
    }

    #[test]
    fn bad_selectors() {
        refused(
            "[[rule]]\nid = \"a\"\nselect = [\"items[0].ip\", \"@timestamp\", \"a\\u002E.b\"]\nclass = \"ip\"\n",
            expect![[r#"
                rules/demo/pack.toml:6:17: arrays have no step of their own
                    6 | select = ["items[0].ip", "@timestamp", "a\u002E.b"]
                      |                 ^
                  hint: leave the brackets out: `items.name` is the `name` of every item
                rules/demo/pack.toml:6:27: only `@key` and `@headers.NAME` start with `@`
                    6 | select = ["items[0].ip", "@timestamp", "a\u002E.b"]
                      |                           ^
                  hint: quote the name: `"@timestamp"`, `"a b"`, `"a.b"`
                rules/demo/pack.toml:6:40: a name is missing here
                    6 | select = ["items[0].ip", "@timestamp", "a\u002E.b"]
                      |                                        ^^^^^^^^^^^
            "#]],
        );
    }

    #[test]
    fn bad_regexes() {
        refused(
            "[[rule]]\nid = \"a\"\ndetect = { regex = '(a' }\nclass = \"text\"\n\
             [[rule]]\nid = \"b\"\ndetect = { regex = 'a*' }\nclass = \"text\"\n\
             [[rule]]\nid = \"c\"\ndetect = { regx = 'a*' }\nclass = \"text\"\n\
             [[rule]]\nid = \"d\"\ndetect = { regex = '((\\w{1,200}){1,200}){1,200}' }\nclass = \"text\"\n",
            expect![[r#"
                rules/demo/pack.toml:6:20: bad regex: unclosed group
                    6 | detect = { regex = '(a' }
                      |                    ^^^^
                rules/demo/pack.toml:10:20: the regex matches the empty text
                   10 | detect = { regex = 'a*' }
                      |                    ^^^^
                rules/demo/pack.toml:14:10: a detector needs `regex`
                   14 | detect = { regx = 'a*' }
                      |          ^^^^^^^^^^^^^^^
                rules/demo/pack.toml:14:12: no key `regx` in a detector
                   14 | detect = { regx = 'a*' }
                      |            ^^^^
                  hint: did you mean `regex`?
                rules/demo/pack.toml:18:20: bad regex: Compiled regex exceeds size limit of 1048576 bytes.
                   18 | detect = { regex = '((\w{1,200}){1,200}){1,200}' }
                      |                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
            "#]],
        );
    }

    #[test]
    fn bad_columns() {
        refused(
            "format = \"line\"\n[[line]]\nid = \"a\"\n[[line]]\nid = \"b\"\npattern = 'x'\ncolumns = [\"y\", \"z\"]\n\
             [[line]]\nid = \"c\"\ncolumns = \"y\"\n[[line]]\nid = \"d\"\ncolumns = [\"y\", \"y\"]\nseparator = \"\"\n\
             [[line]]\nid = \"e\"\npattern = 'x'\nseparator = \",\"\n",
            expect![[r#"
                rules/demo/pack.toml:4:1: this line has neither `pattern` nor `columns`
                    4 | [[line]]
                      | ^^^^^^^^
                rules/demo/pack.toml:9:11: a line has either `pattern` or `columns`
                    9 | columns = ["y", "z"]
                      |           ^^^^^^^^^^
                rules/demo/pack.toml:12:11: a row has 2 to 512 columns
                   12 | columns = "y"
                      |           ^^^
                rules/demo/pack.toml:15:17: column `y` stands twice
                   15 | columns = ["y", "y"]
                      |                 ^^^
                rules/demo/pack.toml:16:13: `separator` is an empty text
                   16 | separator = ""
                      |             ^^
                rules/demo/pack.toml:20:13: a `separator` belongs to `columns`
                   20 | separator = ","
                      |             ^^^
            "#]],
        );
    }

    #[test]
    fn bad_patterns() {
        refused(
            "[[message]]\nid = \"a\"\npattern = 'from <a><b>'\n[[message]]\nid = \"b\"\npattern = 'from <a:greedy> and <b:greedy>'\n\
             [[message]]\nid = \"c\"\npattern = 'x'\n[[message]]\nid = \"c\"\npattern = 'y'\n",
            expect![[r#"
                rules/demo/pack.toml:6:20: two holes touch, so nothing tells where the first one ends
                    6 | pattern = 'from <a><b>'
                      |                    ^
                rules/demo/pack.toml:9:32: a pattern has at most one greedy hole
                    9 | pattern = 'from <a:greedy> and <b:greedy>'
                      |                                ^
                rules/demo/pack.toml:14:6: this id is already in the message of line 10
                   14 | id = "c"
                      |      ^^^
            "#]],
        );
    }

    #[test]
    fn keys_of_the_other_format() {
        refused(
            "[[line]]\nid = \"a\"\npattern = 'x'\n",
            expect![[r#"
            rules/demo/pack.toml:4:1: a pack with format `json` has no `line`
                4 | [[line]]
                  | ^^^^^^^^
        "#]],
        );
        refused(
            "format = \"line\"\nrecognize = \"a\"\n[[line]]\nid = \"a\"\npattern = '<fine_field>'\n",
            expect![[r#"
                rules/demo/pack.toml:4:13: a pack with format `line` has no `recognize`
                    4 | recognize = "a"
                      |             ^^^
            "#]],
        );
    }

    #[test]
    fn holes_that_no_pattern_has() {
        refused(
            "format = \"line\"\n[[line]]\nid = \"a\"\npattern = '<client_ip> <fine_field> <_:rest>'\n\
             [[rule]]\nid = \"a\"\nselect = [\"clientip\", \"_\", \"@key\", \"@headers.ip\", \"**.ip\"]\nnamed = \"ip\"\nclass = \"ip\"\n",
            expect![[r#"
                rules/demo/pack.toml:9:11: no line or message has a hole `clientip`
                    9 | select = ["clientip", "_", "@key", "@headers.ip", "**.ip"]
                      |           ^^^^^^^^^^
                  hint: did you mean `client_ip`?
                rules/demo/pack.toml:9:23: no line or message has a hole `_`
                    9 | select = ["clientip", "_", "@key", "@headers.ip", "**.ip"]
                      |                       ^^^
            "#]],
        );
    }

    #[test]
    fn rules_that_claim_one_value() {
        refused(
            "use = \"names\"\n\
             [[rule]]\nid = \"a\"\nselect = [\"client_ip\", \"a.*\", \"**.id\"]\nnamed = \"client\"\ndetect = \"ip\"\nclass = \"ip\"\n\
             [[rule]]\nid = \"b\"\nselect = [\"client_ip\", \"*.b\", \"user.id\"]\nnamed = \"Client\"\nclass = \"text\"\n\
             [[rule]]\nid = \"a\"\ndetect = \"ip\"\nselect = [\"c\", \"c\", \"d.*\", \"*.d\"]\nclass = \"ip\"\n\
             [[rule]]\nid = \"shared-user\"\nselect = \"**.*.name\"\nclass = \"text\"\n",
            expect![[r#"
                rules/demo/pack.toml:13:11: rule `b` gives `client_ip` the class `text`, not the `ip` of rule `a` (rules/demo/pack.toml:6)
                   13 | select = ["client_ip", "*.b", "user.id"]
                      |           ^^^^^^^^^^^
                  hint: select a field in one rule only
                rules/demo/pack.toml:13:24: `*.b` meets `a.*` in rule `a` (rules/demo/pack.toml:6), and neither is more specific
                   13 | select = ["client_ip", "*.b", "user.id"]
                      |                        ^^^^^
                  hint: put both into one rule, or name the fields they share with fewer `*` in one of them
                rules/demo/pack.toml:14:9: this name is already in rule `a` (rules/demo/pack.toml:6)
                   14 | named = "Client"
                      |         ^^^^^^^^
                  hint: names are compared without case and punctuation: `clientIp` is `client_ip`
                rules/demo/pack.toml:17:6: this id is already in rule `a` (rules/demo/pack.toml:6)
                   17 | id = "a"
                      |      ^^^
                  hint: give each rule an id of its own
                rules/demo/pack.toml:18:10: this detector is already in rule `a` (rules/demo/pack.toml:6)
                   18 | detect = "ip"
                      |          ^^^^
                  hint: keep it in one of the rules
                rules/demo/pack.toml:19:16: `c` of rule `a` is already in this rule
                   19 | select = ["c", "c", "d.*", "*.d"]
                      |                ^^^
                  hint: select a field in one rule only
                rules/demo/pack.toml:19:21: `d.*` meets `*.b` in rule `b` (rules/demo/pack.toml:12), and neither is more specific
                   19 | select = ["c", "c", "d.*", "*.d"]
                      |                     ^^^^^
                  hint: put both into one rule, or name the fields they share with fewer `*` in one of them
                rules/demo/pack.toml:19:28: `*.d` meets `a.*` in rule `a` (rules/demo/pack.toml:6), and neither is more specific
                   19 | select = ["c", "c", "d.*", "*.d"]
                      |                            ^^^^^
                  hint: put both into one rule, or name the fields they share with fewer `*` in one of them
                rules/names.toml:5:6: this id is already in rule `shared-user` (rules/demo/pack.toml:22)
                    5 | id = "shared-user"
                      |      ^^^^^^^^^^^^^
                  hint: give each rule an id of its own
            "#]],
        );
    }

    #[test]
    fn shared_files_that_are_missing_or_faulty() {
        refused(
            "use = [\"nams\"]\n",
            expect![[r#"
            rules/demo/pack.toml:4:8: there is no shared file `nams`
                4 | use = ["nams"]
                  |        ^^^^^^
        "#]],
        );
        let faulty = |_: &str| Some(Source { file: "rules/faulty.toml".into(), text: "format = \"json\"".into() });
        let pack = "name = \"a\"\nversion = 1\nformat = \"json\"\nuse = \"faulty\"\n[[rule]]\nid = \"a\"\nselect = \"a\"\nclas = \"ip\"\n";
        let errors = parse_with(FILE, pack, &faulty).expect_err("both files are faulty");
        expect![[r#"
            rules/demo/pack.toml:5:1: rule `a` has no `class`
                5 | [[rule]]
                  | ^^^^^^^^
              hint: add one of `ip`, `net`, `mac`, `email`, `user`, `person`, `user-id`, `phone`, `account`, `card`, `iban`, `session`, `connection-id`, `token`, `device`, `user-agent`, `host`, `geo`, `text`
            rules/demo/pack.toml:8:1: no key `clas` in a rule
                8 | clas = "ip"
                  | ^^^^
              hint: did you mean `class`?
            rules/faulty.toml:1:1: no key `format` in a shared file
                1 | format = "json"
                  | ^^^^^^
              hint: its keys are `name`, `version`, `message`, `rule`
            rules/faulty.toml:1:1: a shared file needs `name`, `version`
                1 | format = "json"
                  | ^
        "#]].assert_eq(&format!("{errors}\n"));
    }

    /// Every key in the tables of the schema is read: a date, which no key takes, is refused by type and not as unknown.
    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        for table in TABLES {
            for key in table.key_names() {
                let line = format!("{key} = 2026-01-01");
                let text = match table.name {
                    "a pack" => line,
                    "a shared file" => format!("name = \"a\"\nuse = \"{line}\""),
                    "a rule" => format!("[[rule]]\n{line}"),
                    "a line" => format!("[[line]]\n{line}"),
                    "a message" => format!("[[message]]\n{line}"),
                    _ => format!("[[rule]]\ndetect = {{ {line} }}"),
                };
                let library = |name: &str| Some(Source { file: "shared".into(), text: name.into() });
                let errors = parse_with(FILE, &text, &library).expect_err("a date is refused");
                let named = format!("`{key}` is ");
                assert!(errors.0.iter().any(|e| e.message.starts_with(&named)), "{}: {key}\n{errors}", table.name);
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "((\\[\\[(rule|line|message)\\]\\]|(id|select|class|pattern|detect|use) = (\"[a-z.*<>:@]{0,6}\"|\\[\\]|1|\\{\\}))\n){0,8}") {
            if let Err(errors) = parse_with(FILE, &text, &shared) {
                prop_assert!(!errors.0.is_empty());
            }
        }

        /// Which of two selectors wins, and whether a pack loads, does not depend on the order of its rules.
        #[test]
        fn the_order_of_rules_never_matters(selectors in prop::collection::vec("(a|b|\\*|\\*\\*)(\\.(a|b|\\*)){0,2}", 2..5)) {
            let load = |order: &[String]| {
                let rules = order.iter().enumerate().map(|(n, select)| {
                    format!("[[rule]]\nid = \"r{n}\"\nselect = \"{select}\"\nclass = \"ip\"\n")
                });
                parse(FILE, &format!("name = \"a\"\nversion = 1\nformat = \"json\"\n{}", rules.collect::<String>()))
            };
            let reversed: Vec<_> = selectors.iter().rev().cloned().collect();
            prop_assert_eq!(load(&selectors).is_ok(), load(&reversed).is_ok());
        }
    }
}
