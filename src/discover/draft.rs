//! Drafts a pack from what was found: rules with their evidence as comments, patterns, and cases of invented values.
//!
//! Start at [`Draft::new`].

use super::Count;
use super::place::{Key, Place};
use super::report::{Finding, PackShare, Report, Standing, Table, TemplatePart, TemplateReport, Why};
use crate::rules::cases::{Case, Content};
use crate::rules::selector::{Selector, Step};
use crate::rules::{Class, FieldName, Format, Part, RulePack, Unknown};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Names at the top of the JSON by which `auto` is to recognise the format.
const RECOGNIZED_MAX: usize = 6;
/// Share of the lines, from 0 to 1, that must have a known shape for the others to be quarantined.
const LINES_SHARE_MIN: f64 = 0.99;
/// A case that no rule finds anything in.
const NOTHING: &str = "nothing-of-anybody";

/// What logs write where there is no value.
const NO_VALUE: &str = "-";

/// A pack and its cases, as texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The `pack.toml`.
    pub pack: String,
    /// Case files by name. Their outcomes are still to be written, as by `logveil rules test --update`.
    pub cases: Vec<(String, String)>,
}

impl Draft {
    /// Drafts a pack for the records of `share`. `base` is the pack that they went by; where it has rules of its own, `text`
    /// is its file, and the draft goes on from it.
    pub fn new(name: &str, report: &Report, share: &PackShare, base: &RulePack, text: Option<&str>) -> Self {
        let mut writer = Writer::beside(base, text.is_some());
        writer.findings(report, share);
        writer.patterns(report, share);
        let mut pack = match text {
            Some(text) => renamed(text, name),
            None => head(name, report, share, base),
        };
        pack += &writer.rules;
        pack += &quasi(report, share);
        pack += &share.table.as_ref().map(columns).unwrap_or_default();
        pack += &writer.patterns;
        Self { pack, cases: writer.cases(share, base.unknown) }
    }
}

/// The beginning of a new pack.
fn head(name: &str, report: &Report, share: &PackShare, base: &RulePack) -> String {
    let uses: Vec<&str> = base.uses.iter().map(|used| used.name.as_str()).collect();
    let mut text = format!(
        "# Drafted by `logveil discover` from {} records of pack `{}`. Read it as a proposal: each rule says what speaks for it.\n\
         # Take out what is no entity, correct classes, and add cases from the format's own documentation.\n\
         name = {}\nversion = 1\nformat = {}\nunknown = {}\nunknown_key = {}\n",
        share.records,
        share.name,
        quoted(name),
        quoted(share.format.code()),
        quoted(base.unknown.code()),
        quoted(base.unknown_key.code()),
    );
    let is_clean = |name: &&String| {
        !report.findings.iter().any(|finding| finding.place.path.first() == Some(&Key::Pair((*name).clone())))
    };
    let recognized: Vec<String> =
        share.top.iter().filter(is_clean).take(RECOGNIZED_MAX).map(|name| quoted(name)).collect();
    if share.format == Format::Json && recognized.len() > 1 {
        text += "# Names that every record of the sample has at its top; `auto` takes JSON with all of them for this pack.\n";
        text += &format!("recognize = [{}]\n", recognized.join(", "));
    }
    text += "# What is known of names and phrases in any log goes on to hold.\n";
    text += &format!("use = [{}]\n", uses.into_iter().map(quoted).collect::<Vec<_>>().join(", "));
    text
}

/// The text of a pack under another name, as its first version.
fn renamed(text: &str, name: &str) -> String {
    let mut in_head = true;
    let lines = text.lines().map(|line| {
        in_head &= !line.trim_start().starts_with('[');
        match line.split('=').next().map(str::trim).filter(|_| in_head) {
            Some("name") => format!("name = {}\n", quoted(name)),
            Some("version") => "version = 1\n".to_owned(),
            _ => format!("{line}\n"),
        }
    });
    lines.collect::<String>() + "\n# ---- drafted by `logveil discover`\n"
}

/// The columns of rows as a pattern that is commented out: below a header it is not needed.
fn columns(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(column)).collect();
    format!(
        "\n# ---- the columns of the sample's header. A stream has none: take this in where records are rows; other lines and the\n\
         # header itself go another way then\n# [[line]]\n# id = \"row\"\n# columns = [{}]\n# separator = {}\n",
        columns.join(", "),
        quoted(&table.separator)
    )
}

/// What singles people out, as rules that are commented out: whether an analyst needs it is for a person to say.
fn quasi(report: &Report, share: &PackShare) -> String {
    let here =
        report.quasi.combinations.iter().filter(|found| found.places.iter().all(|place| place.pack == share.name));
    let (mut text, mut told) = (String::new(), BTreeSet::new());
    for combination in here {
        let shown: Vec<String> = combination.places.iter().map(|place| format!("`{}`", place.shown())).collect();
        text += &format!(
            "# {}: {:.0} % of the records share their values with fewer than {} others.\n",
            shown.join(" with "),
            100.0 * combination.share,
            report.quasi.k
        );
        told.extend(combination.places.iter().filter_map(Place::selector).map(|selector| selector.to_string()));
    }
    if text.is_empty() {
        return text;
    }
    let selectors: Vec<String> = told.iter().map(|selector| quoted(selector)).collect();
    format!(
        "\n# ---- what singles people out without naming them; drop what no analyst needs\n{text}#\n# [[rule]]\n# id = \"singling-out\"\n\
         # select = [{}]\n# class = \"text\"\n# transform = \"drop\"\n",
        selectors.join(", ")
    )
}

/// The rules and patterns of a draft, and what its cases must hold.
#[derive(Default)]
struct Writer {
    rules: String,
    patterns: String,
    ids: BTreeSet<String>,
    selectors: Vec<Selector>,
    names: BTreeSet<FieldName>,
    /// The holes that can be selected.
    holes: BTreeSet<String>,
    /// Paths in JSON that a case must hold, with a value.
    members: Vec<(Selector, String)>,
    /// Pairs that a case must hold.
    pairs: Vec<(String, String)>,
    /// Texts that a case must hold.
    texts: Vec<TextCase>,
    invented: u32,
    /// Whether lines of other shapes than the patterns' are quarantined.
    takes_all_lines: bool,
}

/// A text that a case must hold.
struct TextCase {
    /// The field of JSON in which it stands; without one it is a line.
    field: Option<Selector>,
    /// The text with invented values.
    example: String,
    /// The text with what logs write where there is no value, if it has entities.
    nobody: Option<String>,
    /// The pattern.
    id: String,
}

impl Writer {
    /// A writer whose rules get on with those of `base`: with the ids of all, and where the draft goes on from its file, also
    /// with its own selectors and names.
    fn beside(base: &RulePack, goes_on: bool) -> Self {
        let patterns = base.lines.iter().chain(&base.messages).map(|pattern| &pattern.id);
        let ids = base.rules.iter().map(|rule| &rule.id).chain(patterns).cloned().collect();
        let own = base.rules.iter().filter(|rule| goes_on && base.is_own(rule));
        let selectors = own.clone().flat_map(|rule| rule.select.clone()).collect();
        let names = own.flat_map(|rule| &rule.named).map(|name| name.field_name().clone()).collect();
        // Those of shared messages are reached by name.
        let parts = base.lines.iter().filter(|_| goes_on).flat_map(|pattern| &pattern.parts);
        let holes = parts.filter_map(|part| match part {
            Part::Hole { name, .. } => Some(name.clone()),
            Part::Literal(_) => None,
        });
        Self { ids, selectors, names, holes: holes.collect(), ..Self::default() }
    }

    fn findings(&mut self, report: &Report, share: &PackShare) {
        for finding in report.findings.iter().filter(|finding| finding.place.pack == share.name) {
            if finding.place.word.is_none() {
                self.finding(finding, share.format);
            }
        }
    }

    fn finding(&mut self, finding: &Finding, format: Format) {
        let Finding { place, class, .. } = finding;
        let comment = evidence(finding);
        match place.path.last() {
            Some(Key::Member(_) | Key::Any(_) | Key::Hole(_)) => match self.selector_of(place, format) {
                Some(selector) if !self.meets(&selector) => {
                    let value = self.invent(*class);
                    self.rule(&comment, *class, place, &format!("select = {}", quoted(&selector.to_string())));
                    if format == Format::Json && place.selector().is_some() {
                        self.members.push((selector.clone(), value));
                    }
                    self.selectors.push(selector);
                }
                Some(_) => {
                    self.rules += &format!("\n{comment}# No rule: another one speaks of this place in another way.\n")
                }
                None => self.named(finding, &comment),
            },
            Some(Key::Pair(_) | Key::Label(_)) => self.named(finding, &comment),
            Some(Key::Inside) | None => self.rules += &format!("\n{comment}# No rule can name this place alone.\n"),
        }
    }

    /// The selector for a place in JSON, or for a hole. In a pack of lines, nothing but holes can be selected.
    fn selector_of(&self, place: &Place, format: Format) -> Option<Selector> {
        match (place.path.as_slice(), format) {
            ([.., Key::Hole(name)], _) => Selector::parse(name).ok().filter(|_| self.holes.contains(name)),
            (_, Format::Json) => place.selector(),
            (_, Format::Line) => None,
        }
    }

    /// A rule by the name of a field, which holds wherever the name stands.
    fn named(&mut self, finding: &Finding, comment: &str) {
        let name = finding.place.name().unwrap_or_default();
        let reduced = FieldName::new(name);
        if reduced.as_str().is_empty() || self.names.contains(&reduced) {
            self.rules += &format!("\n{comment}# No rule: its name is data, or is spoken of above.\n");
            return;
        }
        let value = self.invent(finding.class);
        self.pairs.push((name.to_owned(), value));
        self.rule(comment, finding.class, &finding.place, &format!("named = {}", quoted(name)));
        self.names.insert(reduced);
    }

    fn rule(&mut self, comment: &str, class: Class, place: &Place, claim: &str) {
        let id = self.id(&format!("{}-{}", class.code(), place.name().unwrap_or("any")));
        self.rules +=
            &format!("\n{comment}[[rule]]\nid = {}\n{claim}\nclass = {}\n", quoted(&id), quoted(class.code()));
    }

    /// Whether a selector would meet another one that is as specific; such a pack is refused.
    fn meets(&self, selector: &Selector) -> bool {
        let equal = |known: &&Selector| known.specificity() == selector.specificity();
        self.selectors.iter().filter(equal).any(|known| known.intersects(selector))
    }

    /// Patterns of the texts in which a word is an entity, or of all lines where one has such a word.
    fn patterns(&mut self, report: &Report, share: &PackShare) {
        let here = || report.templates.iter().filter(|template| template.place.pack == share.name);
        let wide = widened(here());
        let here = || wide.iter();
        let lines: Vec<_> = here().filter(|template| template.place.path.is_empty()).collect();
        let mut holes = BTreeMap::new();
        if share.format == Format::Line && lines.iter().any(|template| has_entity(template)) {
            let known: u64 = lines.iter().map(|template| template.lines).sum();
            let table = if known as f64 >= LINES_SHARE_MIN * share.records as f64 { "line" } else { "message" };
            self.patterns += match table {
                "line" => {
                    "\n# The shapes of lines. A line of another shape is quarantined; as `[[message]]` it would be searched.\n"
                }
                _ => {
                    "\n# The shapes of many lines; the others are searched. As `[[line]]` the others would be quarantined.\n"
                }
            };
            self.takes_all_lines = table == "line";
            for template in lines {
                self.pattern(table, template, None, &mut holes);
            }
        }
        let mut fields: BTreeMap<String, Vec<&TemplateReport>> = BTreeMap::new();
        for template in here().filter(|template| has_entity(template) && !template.place.path.is_empty()) {
            if let Some(selector) = template.place.selector().filter(|selector| !self.meets(selector)) {
                fields.entry(selector.to_string()).or_default().push(template);
            }
        }
        for (written, templates) in fields {
            let Ok(selector) = Selector::parse(&written) else { continue };
            for template in &templates {
                self.pattern("message", template, Some(&selector), &mut holes);
            }
            let id = self.id(&format!("text-{}", templates[0].place.name().unwrap_or("any")));
            self.rules += &format!(
                "\n# Texts with entities among their words: see the messages below.\n[[rule]]\nid = {}\nselect = {}\nparse = \"auto\"\n",
                quoted(&id),
                quoted(&written)
            );
            self.selectors.push(selector);
        }
        for (class, names) in holes {
            let id = self.id(&format!("{class}-in-text"));
            let names: Vec<String> = names.iter().map(|name: &String| quoted(name)).collect();
            self.rules += &format!(
                "\n# Words of the patterns below.\n[[rule]]\nid = {}\nselect = [{}]\nclass = {}\n",
                quoted(&id),
                names.join(", "),
                quoted(class.code())
            );
        }
    }

    /// A pattern of a template. Appends the names of its holes by class.
    fn pattern(
        &mut self,
        table: &str,
        template: &TemplateReport,
        field: Option<&Selector>,
        holes: &mut BTreeMap<Class, BTreeSet<String>>,
    ) {
        let (mut pattern, mut example, mut nobody) = (String::new(), String::new(), String::new());
        let mut used = BTreeMap::new();
        for part in &template.parts {
            match part {
                TemplatePart::Fixed(text) => {
                    pattern += &text.replace('\\', "\\\\").replace('<', "\\<");
                    example += text;
                    nobody += text;
                }
                TemplatePart::Open { class: None, .. } => {
                    pattern += "<_>";
                    example += "ordinary";
                    nobody += "ordinary";
                }
                TemplatePart::Open { class: Some(class), pair, .. } => {
                    example += &self.invent(*class);
                    nobody += NO_VALUE;
                    let pair =
                        pair.as_ref().filter(|name| is_hole_name(name) && !pattern.contains(&format!("<{name}>")));
                    if let Some(name) = pair {
                        pattern += &format!("<{name}>");
                        continue;
                    }
                    let count = used.entry(*class).or_insert(0);
                    *count += 1;
                    let name = hole_name(*class, *count);
                    pattern += &format!("<{name}>");
                    holes.entry(*class).or_default().insert(name);
                }
            }
        }
        let id = self.id(&format!("{table}-{}", template.number + 1));
        self.patterns += &format!(
            "\n# {} texts of the sample.\n[[{table}]]\nid = {}\npattern = {}\n",
            template.lines,
            quoted(&id),
            quoted(&pattern)
        );
        let nobody = has_entity(template).then_some(nobody);
        self.texts.push(TextCase { field: field.cloned(), example, nobody, id });
    }

    /// An id of its own for a rule or pattern.
    fn id(&mut self, wanted: &str) -> String {
        let plain: String =
            wanted.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
        let plain = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        let numbered = |number: usize| if number == 1 { plain.clone() } else { format!("{plain}-{number}") };
        let id = (1..).map(numbered).find(|id| !self.ids.contains(id)).unwrap_or_default();
        self.ids.insert(id.clone());
        id
    }

    /// A value of a class that nobody has.
    fn invent(&mut self, class: Class) -> String {
        self.invented += 1;
        let number = self.invented;
        match class {
            Class::Ip => format!("192.0.2.{}", number % 255),
            Class::Network => format!("198.51.{}.0/24", 100 + number % 2),
            Class::Email => format!("invented{number}@example.com"),
            Class::Mac => format!("00:00:5e:00:53:{:02x}", number % 256),
            Class::User
            | Class::Person
            | Class::UserId
            | Class::Phone
            | Class::Account
            | Class::Card
            | Class::Iban
            | Class::Session
            | Class::ConnectionId
            | Class::Token
            | Class::Device
            | Class::UserAgent
            | Class::Host
            | Class::Geo
            | Class::Text => format!("invented-{number}"),
        }
    }

    /// One case for the fields, one for each text, and one in which nothing is found.
    fn cases(&self, share: &PackShare, unknown: Unknown) -> Vec<(String, String)> {
        let format = share.format;
        let mut cases = vec![("nothing.txt".to_owned(), case("What names nobody stays.", nothing(format)))];
        let in_table = |name: &String| share.table.as_ref().is_some_and(|table| table.columns.contains(name));
        if let Some(table) = &share.table {
            let invented = |column: &String| self.pairs.iter().find(|(name, _)| name == column).map(|(_, value)| value);
            let row = table.columns.iter().map(|column| invented(column).map_or(NO_VALUE, String::as_str));
            let row = row.collect::<Vec<_>>().join(&table.separator);
            let text = format!("{}\n{row}", table.header);
            cases.push(("rows.txt".to_owned(), case("Columns that hold entities are replaced below a header.", text)));
        }
        let in_text = self.pairs.iter().filter(|(name, _)| !in_table(name));
        let pairs: Vec<String> = in_text.map(|(name, value)| format!("{name}={value}")).collect();
        let pairs = pairs.join(" ");
        if format == Format::Json {
            let mut object = Map::new();
            for (selector, value) in &self.members {
                insert(&mut object, &selector.steps, value);
            }
            if unknown == Unknown::Scan && !pairs.is_empty() {
                object.entry("note").or_insert(json!(pairs));
            }
            if !object.is_empty() {
                cases.push((
                    "fields.txt".to_owned(),
                    case("Fields that hold entities are replaced.", Value::Object(object).to_string()),
                ));
            }
        } else if !pairs.is_empty() && !self.takes_all_lines {
            cases.push(("pairs.txt".to_owned(), case("Pairs that hold entities are replaced.", pairs)));
        }
        for TextCase { field, example, nobody, id } in &self.texts {
            let payload = |text: &str| match field {
                Some(selector) => {
                    let mut object = Map::new();
                    insert(&mut object, &selector.steps, text);
                    Value::Object(object).to_string()
                }
                None => text.to_owned(),
            };
            let title = "Entities among the words of a text are replaced.";
            cases.push((format!("{id}.txt"), case(title, payload(example))));
            let without = nobody.iter().map(|text| case("The same text of nobody stays.", payload(text)));
            cases.extend(without.map(|text| (format!("{id}-nobody.txt"), text)));
        }
        cases
    }
}

/// The templates with the most that is fixed first, each with the entities of all whose texts it might take as its own: words
/// that are not shown are holes, so that a pattern may fit more than the texts it was made of.
fn widened<'t>(templates: impl Iterator<Item = &'t TemplateReport>) -> Vec<TemplateReport> {
    let mut wide: Vec<TemplateReport> = templates.cloned().collect();
    wide.sort_by_key(|template| std::cmp::Reverse(fixed_bytes(template)));
    let all = wide.clone();
    for template in &mut wide {
        for other in all.iter().filter(|other| other.place == template.place) {
            let Some(pairs) = aligned(template, other) else { continue };
            for (at, class) in pairs {
                if let Some(TemplatePart::Open { class: wanted @ None, .. }) = template.parts.get_mut(at) {
                    *wanted = Some(class);
                }
            }
        }
    }
    wide
}

fn fixed_bytes(template: &TemplateReport) -> usize {
    let fixed = template.parts.iter().map(|part| match part {
        TemplatePart::Fixed(text) => text.len(),
        TemplatePart::Open { .. } => 0,
    });
    fixed.sum()
}

/// Where a template is open and a word of another one stands that is an entity, by part; `None` when no text fits both. Only
/// templates of equally many parts are compared.
fn aligned(template: &TemplateReport, other: &TemplateReport) -> Option<Vec<(usize, Class)>> {
    if template.parts.len() != other.parts.len() {
        return None;
    }
    let mut found = Vec::new();
    for (at, parts) in template.parts.iter().zip(&other.parts).enumerate() {
        match parts {
            (TemplatePart::Fixed(a), TemplatePart::Fixed(b)) if a == b => {}
            (TemplatePart::Open { .. }, TemplatePart::Open { class, .. }) => {
                found.extend(class.map(|class| (at, class)))
            }
            (TemplatePart::Fixed(_), _) | (_, TemplatePart::Fixed(_)) => return None,
        }
    }
    Some(found)
}

fn has_entity(template: &TemplateReport) -> bool {
    template.parts.iter().any(|part| matches!(part, TemplatePart::Open { class: Some(_), .. }))
}

/// Whether a hole may be called so, and is searched as a pair of that name is.
fn is_hole_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name != "message" && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_plain)
}

fn hole_name(class: Class, number: usize) -> String {
    let class = class.code().replace('-', "_");
    if number == 1 { format!("{class}_in_text") } else { format!("{class}_in_text_{number}") }
}

/// Puts a value where a selector looks; a place that is taken stays as it is.
fn insert(object: &mut Map<String, Value>, steps: &[Step], value: &str) {
    let Some((step, below)) = steps.split_first() else { return };
    let name = match step {
        Step::Name(name) => name.clone(),
        Step::Any | Step::AnyDepth => "any".to_owned(),
    };
    if below.is_empty() {
        object.entry(name).or_insert(json!(value));
    } else if let Value::Object(inner) = object.entry(name).or_insert(json!({})) {
        insert(inner, below, value);
    }
}

fn nothing(format: Format) -> String {
    match format {
        Format::Json => json!({ "text": NOTHING }).to_string(),
        Format::Line => NOTHING.to_owned(),
    }
}

fn case(title: &str, payload: String) -> String {
    let input = Content { payload: Some(payload), key: None, headers: Vec::new() };
    Case { file: String::new(), title: title.to_owned(), input, expected: None }.render()
}

/// The evidence for a rule, as comment lines.
fn evidence(finding: &Finding) -> String {
    let Finding { place, standing, confidence, evidence, .. } = finding;
    let standing = match standing {
        Standing::Open => "not replaced so far".to_owned(),
        Standing::Partly => format!("only {:.0} % replaced so far", 100.0 * evidence.covered),
        Standing::Guessed => "replaced already by a guess; stated here, it is decided".to_owned(),
    };
    let distinct = match evidence.distinct {
        Count::Exact(number) => number.to_string(),
        Count::About(number) => format!("about {number}"),
    };
    let why: Vec<String> = finding.why.iter().map(Why::to_string).collect();
    format!(
        "# `{}`: {standing}. In {:.0} % of the records, {} values, {distinct} distinct, mostly {}.\n# {confidence} confidence: {}.\n",
        place.shown(),
        100.0 * evidence.share,
        evidence.values,
        evidence.shape,
        why.join("; ")
    )
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
