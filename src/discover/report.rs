//! What was found, as plain types. Nothing in it quotes a value.

use super::distinct::Count;
use super::place::{Key, Place};
use crate::rules::{Class, Format};
use crate::veil::{Reason, Rows};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a sample shows.
#[derive(Debug, Clone)]
pub struct Report {
    /// Records read, also those that would be quarantined.
    pub records: u64,
    /// First records whose values were compared with each other.
    pub rows: u64,
    /// Records by pack.
    pub packs: Vec<PackShare>,
    /// Records that would be quarantined, by reason; nothing else is told of them.
    pub quarantined: BTreeMap<Reason, u64>,
    /// Places that hold entities and that no rule of the pack itself speaks of: open ones first, then by confidence.
    pub findings: Vec<Finding>,
    /// Places that rules of the packs themselves cover.
    pub ruled: Vec<(Place, Class)>,
    /// Places that are left alone, with why.
    pub harmless: Vec<(Place, Harmless)>,
    /// What singles people out without naming them.
    pub quasi: Quasi,
    /// Shapes of texts.
    pub templates: Vec<TemplateReport>,
    /// Texts that have none of these shapes.
    pub texts_other: u64,
    /// Maps whose names are data, and so are shown as `*`.
    pub maps: Vec<Place>,
    /// Names that may be somebody's, and so are shown as `*`, too.
    pub names_hidden: u64,
    /// Values at places that came when there were too many already; they were not looked at.
    pub values_dropped: u64,
}

impl Report {
    /// Takes the names of these paths of a pack out of all that is told, but for those that lead to a finding: a rule must name
    /// it.
    pub(super) fn hide(&mut self, pack: &str, mut doubtful: BTreeSet<Vec<Key>>, quasi: &mut Quasi) {
        for finding in self.findings.iter().filter(|finding| finding.place.pack == pack) {
            let path = &finding.place.path;
            doubtful.retain(|hidden| !path.starts_with(hidden));
        }
        self.names_hidden += doubtful.len() as u64;
        let mut hide = |place: &mut Place| {
            if place.pack == pack {
                *place = place.without(&doubtful);
            }
        };
        self.ruled.iter_mut().for_each(|(place, _)| hide(place));
        self.harmless.iter_mut().for_each(|(place, _)| hide(place));
        self.templates.iter_mut().for_each(|template| hide(&mut template.place));
        self.maps.iter_mut().for_each(&mut hide);
        quasi.subject.iter_mut().for_each(&mut hide);
        quasi.combinations.iter_mut().flat_map(|found| &mut found.places).for_each(&mut hide);
        self.harmless.sort();
        self.harmless.dedup();
        let shares = self.packs.iter_mut().filter(|share| share.name == pack);
        shares.for_each(|share| share.top.retain(|name| !doubtful.contains(&vec![Key::Member(name.clone())])));
    }
}

/// The records of a pack.
#[derive(Debug, Clone)]
pub struct PackShare {
    /// The pack.
    pub name: String,
    /// Its format.
    pub format: Format,
    /// How many records went by it.
    pub records: u64,
    /// Names at the top of the JSON that every record of this pack has.
    pub top: Vec<String>,
    /// The columns, where lines are rows below a header.
    pub table: Option<Table>,
}

/// The shape of rows below a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The header as it is written.
    pub header: String,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// What separates their values.
    pub separator: String,
}

impl Table {
    /// The shape of these rows.
    pub(super) fn of(rows: &Rows) -> Self {
        let (columns, separator) = rows.columns();
        let header = String::from_utf8_lossy(rows.header()).into_owned();
        Self { header, columns: columns.into_iter().map(str::to_owned).collect(), separator: separator.to_owned() }
    }
}

/// A place that holds entities.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What the packs do with it.
    pub standing: Standing,
    /// The class guessed.
    pub class: Class,
    /// How sure that is.
    pub confidence: Confidence,
    /// Why.
    pub why: Vec<Why>,
    /// The evidence.
    pub evidence: Evidence,
}

/// What the packs in force do with the entities of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing: they pass.
    Open,
    /// Some are replaced, others pass.
    Partly,
    /// All are replaced, but by a guess: a shared lexicon knows the name, or a detector the shape.
    Guessed,
}

/// How sure a guess is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Several things speak for it, or one that hardly errs.
    High,
    /// One thing speaks for it.
    Medium,
    /// It looks like it.
    Low,
}

/// What speaks for a guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A rule of the pack replaces some of its values.
    Rule,
    /// The shared lexicon knows its name.
    Lexicon,
    /// A detector knows the shape of its values, or the phrase around them.
    Detector,
    /// Its name has a word of people, devices or sessions.
    Name,
    /// Its values look like identifiers, or like names of persons.
    Shape,
    /// It has many values, and they come again.
    Unique,
    /// Each of its values goes with one entity of another place.
    Constant {
        /// That place.
        within: String,
    },
}

impl Standing {
    /// Name in reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Partly => "partly",
            Self::Guessed => "guessed",
        }
    }
}

impl Confidence {
    /// The next higher one.
    pub(super) fn raised(self) -> Self {
        match self {
            Self::High | Self::Medium => Self::High,
            Self::Low => Self::Medium,
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        })
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule => f.write_str("a rule takes some"),
            Self::Lexicon => f.write_str("known name"),
            Self::Detector => f.write_str("known shape or phrase"),
            Self::Name => f.write_str("name"),
            Self::Shape => f.write_str("shape"),
            Self::Unique => f.write_str("many values, seen again"),
            Self::Constant { within } => write!(f, "goes with one `{within}`"),
        }
    }
}

/// Why a place is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harmless {
    /// It holds nothing.
    Empty,
    /// A rule keeps it.
    Kept,
    /// Its name is that of an amount, a kind or an event.
    Named,
    /// Times, or numbers that only grow.
    Time,
    /// Numbers that nothing goes with.
    Measure,
    /// A few values only.
    Few,
    /// Another value in each record: it points at the event.
    Unique,
    /// Free text: see the templates.
    Text,
    /// It goes with no entity.
    NoTie,
    /// It describes somebody, and many have the same: see what singles out.
    Attribute,
}

impl Harmless {
    /// Every reason, in declaration order.
    pub const ALL: [Self; 10] = [
        Self::Empty,
        Self::Kept,
        Self::Named,
        Self::Time,
        Self::Measure,
        Self::Few,
        Self::Unique,
        Self::Text,
        Self::NoTie,
        Self::Attribute,
    ];

    /// Name in reports.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Kept => "kept",
            Self::Named => "named",
            Self::Time => "time",
            Self::Measure => "measure",
            Self::Few => "few-values",
            Self::Unique => "unique",
            Self::Text => "text",
            Self::NoTie => "no-tie",
            Self::Attribute => "attribute",
        }
    }

    /// The reason as a sentence.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "hold nothing",
            Self::Kept => "a rule keeps them",
            Self::Named => "named as an amount, a kind, or an event",
            Self::Time => "times, or numbers that only grow",
            Self::Measure => "numbers that go with nobody",
            Self::Few => "a few values only",
            Self::Unique => "another value in each record: they point at the event (or are secrets: look)",
            Self::Text => "free text or paths, searched by shape and phrase",
            Self::NoTie => "values that go with nobody known",
            Self::Attribute => "describe somebody: see what singles out",
        }
    }
}

/// What is known of the values of a place.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Values.
    pub values: u64,
    /// Share of the pack's records that have one, from 0 to 1.
    pub share: f64,
    /// Share of the values that are replaced whole, from 0 to 1.
    pub covered: f64,
    /// Distinct values.
    pub distinct: Count,
    /// What most of them look like.
    pub shape: String,
}

/// What singles people out without naming them.
#[derive(Debug, Clone, Default)]
pub struct Quasi {
    /// How many must share a value so that nobody stands alone.
    pub k: u64,
    /// The place that says who is who; without one, records are counted.
    pub subject: Option<Place>,
    /// Subjects, or records.
    pub subjects: u64,
    /// Places and combinations, those that single out most first.
    pub combinations: Vec<Combination>,
}

/// Places whose values together single somebody out.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    /// The places.
    pub places: Vec<Place>,
    /// Share of the records, from 0 to 1, whose values fewer than k subjects share.
    pub share: f64,
    /// Subjects whose values nobody shares.
    pub alone: u64,
    /// Combinations of values.
    pub values: u64,
}

/// The shape of some texts.
#[derive(Debug, Clone)]
pub struct TemplateReport {
    /// The pack and path of the texts.
    pub place: Place,
    /// Number of the template among those of its place.
    pub number: usize,
    /// Texts of this shape.
    pub lines: u64,
    /// The parts, in order.
    pub parts: Vec<TemplatePart>,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplatePart {
    /// Text that all have.
    Fixed(String),
    /// A word that varies.
    Open {
        /// The class, where it is an entity.
        class: Option<Class>,
        /// The name of the pair whose value it is, where that tells the class.
        pair: Option<String>,
        /// What it looks like.
        shape: String,
    },
}
