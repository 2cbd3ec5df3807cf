//! Places of values: the names above them, folded where names are data.

use super::column::{Column, Entry};
use super::distinct::hash_of;
use super::template::Templates;
use crate::rules::selector::{self, Selector, Target};
use crate::veil::Step;
use std::collections::{BTreeMap, BTreeSet};

/// Names in one object that are kept apart. An object with more is a map, but for those of its names that many records have.
const NAMES_MAX: usize = 256;
/// The same at the top, where logs of several formats may be mixed.
const NAMES_TOP_MAX: usize = 1024;
/// Longest name that is kept, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Names that a map has at least, to be told from an object with optional members.
const MAP_NAMES_MIN: usize = 3;
/// Share of an object's records, from 0 to 1, that a name of a map has at most.
const MAP_SHARE_MAX: f64 = 0.5;
/// Share of an object's records, from 0 to 1, that a name has at least to stay when an object has too many names.
const STABLE_SHARE_MIN: f64 = 0.05;
/// Records from which on a name that only one of them has is no name of a field.
const RARE_RECORDS_MIN: u64 = 100;
/// The same for names of pairs, which strangers choose in URLs.
const RARE_PAIRS_MIN: u64 = 10;

/// One step to a place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A member of a JSON object.
    Member(String),
    /// The content that a label beside it names.
    Label(String),
    /// A `name=value` pair or an XML element.
    Pair(String),
    /// A hole of a pattern.
    Hole(String),
    /// Any of a family of names that are data themselves.
    Any(Family),
    /// JSON inside a text.
    Inside,
}

/// What kind of names a fold stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Members of an object: it is a map.
    Members,
    /// Labels.
    Labels,
    /// Names of pairs.
    Pairs,
}

/// Where values stand, below the pack whose rules hold for them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The pack.
    pub pack: String,
    /// The steps down; none is the whole line.
    pub path: Vec<Key>,
    /// In a text of a known template: which word.
    pub word: Option<WordPlace>,
}

/// A word that varies in the texts of a template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WordPlace {
    /// Number of the template among those of the place.
    pub template: usize,
    /// Its place among the words.
    pub position: usize,
    /// The words before it that are the same in all texts, one or two of them; a word that may be somebody's is `·`.
    pub before: String,
}

/// Stands for a word that is not shown.
pub(super) const HIDDEN: &str = "·";

impl WordPlace {
    /// `"opened toward …"`; with numbers where these words are not shown and so do not tell which word is meant.
    fn shown(&self) -> String {
        let Self { template, position, before } = self;
        match before.contains(HIDDEN) || before.is_empty() {
            true => format!("\"{before} …\" (word {} of shape {})", position + 1, template + 1),
            false => format!("\"{before} …\""),
        }
    }
}

impl Key {
    fn of(step: &Step) -> Self {
        let (name, make): (&str, fn(String) -> Self) = match step {
            Step::Member(name) => (name, Self::Member),
            Step::Label(name) => (name, Self::Label),
            Step::Pair(name) => (name, Self::Pair),
            Step::Hole(name) => (name, Self::Hole),
            Step::Entity(_) => return Self::Any(Family::Members),
            Step::Inside => return Self::Inside,
        };
        let key = make(name.to_owned());
        let is_odd = name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control);
        let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
        match key.family() {
            Some(family) if is_odd || is_number => Self::Any(family),
            _ => key,
        }
    }

    fn family(&self) -> Option<Family> {
        match self {
            Self::Member(_) => Some(Family::Members),
            Self::Label(_) => Some(Family::Labels),
            Self::Pair(_) => Some(Family::Pairs),
            Self::Hole(_) | Self::Any(_) | Self::Inside => None,
        }
    }

    /// The name as it is written in the logs; `None` where it is folded.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Member(name) | Self::Label(name) | Self::Pair(name) | Self::Hole(name) => Some(name),
            Self::Any(_) | Self::Inside => None,
        }
    }
}

impl Place {
    /// The name that says most about the values, if it is no fold.
    pub fn name(&self) -> Option<&str> {
        self.path.last().filter(|_| self.word.is_none()).and_then(Key::name)
    }

    /// The selector for the values, where they stand in JSON by names alone.
    pub fn selector(&self) -> Option<Selector> {
        let inner = self.path.rsplit(|key| *key == Key::Inside).next().unwrap_or_default();
        let steps = inner.iter().map(|key| match key {
            Key::Member(name) => Some(selector::Step::Name(name.clone())),
            Key::Any(Family::Members) => Some(selector::Step::Any),
            Key::Label(_) | Key::Pair(_) | Key::Hole(_) | Key::Any(_) | Key::Inside => None,
        });
        let steps = steps.collect::<Option<Vec<_>>>().filter(|steps| !steps.is_empty())?;
        Some(Selector { target: Target::Payload, steps })
    }

    /// The same place without the names of these paths, of which there are several then.
    pub(super) fn without(&self, hidden: &BTreeSet<Vec<Key>>) -> Self {
        let path = self.path.iter().enumerate().map(|(at, key)| {
            let is_hidden = self.path.get(..=at).is_some_and(|path| hidden.contains(path));
            key.family().filter(|_| is_hidden).map_or_else(|| key.clone(), Key::Any)
        });
        Self { path: path.collect(), ..self.clone() }
    }

    /// The place as people read it: `user.*.mail`, `msg » kd=`, `<client_ip>`.
    pub fn shown(&self) -> String {
        let mut shown = String::new();
        for key in &self.path {
            let (lead, name, tail) = match key {
                Key::Member(name) => (".", name.as_str(), ""),
                Key::Any(Family::Members) => (".", "*", ""),
                Key::Label(name) => ("[", name.as_str(), "]"),
                Key::Any(Family::Labels) => ("[", "*", "]"),
                Key::Pair(name) => (" » ", name.as_str(), "="),
                Key::Any(Family::Pairs) => (" » ", "*", "="),
                Key::Hole(name) => (" » <", name.as_str(), ">"),
                Key::Inside => (" » ", "", ""),
            };
            let is_start = shown.is_empty() || shown.ends_with(' ');
            let lead = if is_start { lead.trim_start_matches([' ', '»', '.']) } else { lead };
            shown = shown + lead + name + tail;
        }
        match &self.word {
            Some(word) if shown.is_empty() => word.shown(),
            Some(word) => format!("{shown} » {}", word.shown()),
            None if shown.is_empty() => "(line)".to_owned(),
            None => shown,
        }
    }
}

/// What is known below one place.
pub(super) struct Node {
    pub(super) children: BTreeMap<Key, Node>,
    pub(super) column: Column,
    /// The texts that stand here, if any do.
    pub(super) templates: Templates,
    /// Records that have this place.
    pub(super) records: u64,
    last_record: u64,
    /// Whether there were too many names below, so that further ones are folded.
    is_full: bool,
}

/// What is known when maps are folded, and what comes of it.
struct Folding<'f> {
    records_all: u64,
    /// Whether a name is known as one of a field.
    is_field: &'f dyn Fn(&str) -> bool,
    /// Hashes of the names that turned out to be data.
    folded: &'f mut BTreeSet<u64>,
}

/// All places of a pack.
pub(super) struct Tree {
    pub(super) root: Node,
}

impl Node {
    fn new() -> Self {
        let (children, column, templates) = (BTreeMap::new(), Column::new(), Templates::default());
        Self { children, column, templates, records: 0, last_record: 0, is_full: false }
    }

    fn visit(&mut self, record: u64) {
        self.records += u64::from(self.last_record != record);
        self.last_record = record;
    }

    fn absorb(&mut self, other: Self) {
        self.records += other.records;
        self.last_record = self.last_record.max(other.last_record);
        self.column.absorb(other.column);
        self.templates.absorb(other.templates);
        for (key, child) in other.children {
            self.child(key).absorb(child);
        }
    }

    fn child(&mut self, key: Key) -> &mut Self {
        self.children.entry(key).or_insert_with(Self::new)
    }

    /// Takes the children that `is_folded` and puts one in their place.
    fn fold(&mut self, family: Family, is_folded: impl Fn(&Key, &Self) -> bool) {
        let of_family = |key: &Key| key.family() == Some(family);
        let keys: Vec<Key> = self
            .children
            .iter()
            .filter(|(key, child)| of_family(key) && is_folded(key, child))
            .map(|(key, _)| key.clone())
            .collect();
        for key in keys {
            if let Some(child) = self.children.remove(&key) {
                self.child(Key::Any(family)).absorb(child);
            }
        }
    }

    /// Folds names that are data. At the top, where logs of several formats may be mixed, nearly every record must bring its own.
    fn fold_maps(&mut self, folding: &mut Folding<'_>, is_top: bool) {
        let is_map = self.is_map() && (!is_top || self.children.len() as u64 * 2 > self.records);
        let data: BTreeSet<Key> = match is_map {
            true => self.children.keys().filter(|key| key.family() == Some(Family::Members)).cloned().collect(),
            false => self.twins(folding, is_top),
        };
        let unknown = data.iter().filter_map(Key::name).filter(|name| !(folding.is_field)(name));
        folding.folded.extend(unknown.map(|name| hash_of(name.as_bytes())));
        self.fold(Family::Members, |key, _| data.contains(key));
        for family in [Family::Members, Family::Labels, Family::Pairs] {
            let records_min = if family == Family::Pairs { RARE_PAIRS_MIN } else { RARE_RECORDS_MIN };
            let is_rare = folding.records_all >= records_min;
            self.fold(family, |_, child| is_rare && child.records == 1);
        }
        self.children.values_mut().for_each(|child| child.fold_maps(folding, false));
    }

    /// Members of unknown names below which just the same stands. Texts and numbers are alike everywhere, so of those only all
    /// members of an object together.
    fn twins(&self, folding: &Folding<'_>, is_top: bool) -> BTreeSet<Key> {
        let is_unknown = |key: &Key| {
            key.family() == Some(Family::Members) && key.name().is_some_and(|name| !(folding.is_field)(name))
        };
        let unknown: Vec<_> = self.children.iter().filter(|(key, _)| is_unknown(key)).collect();
        let has_twin =
            |key: &Key, child: &Self| unknown.iter().any(|(other, node)| *other != key && child.is_twin(node));
        let twins: Vec<_> = unknown.iter().filter(|(key, child)| has_twin(key, child)).collect();
        let may_be_flat = !is_top && twins.len() == self.children.len();
        let twins = twins.into_iter().filter(|(_, child)| may_be_flat || !child.children.is_empty());
        twins.map(|(key, _)| (*key).clone()).collect()
    }

    fn doubtful(&self, path: &mut Vec<Key>, is_field: &dyn Fn(&str) -> bool, doubtful: &mut BTreeSet<Vec<Key>>) {
        const SHARE_MIN: f64 = 0.9;
        for (key, child) in &self.children {
            path.push(key.clone());
            let is_steady = child.records as f64 >= SHARE_MIN * self.records as f64;
            let is_doubtful = match (key.family(), key.name()) {
                (Some(Family::Members), Some(name)) => !is_steady && !is_field(name),
                // Strangers choose these.
                (Some(Family::Pairs | Family::Labels), Some(name)) => !is_field(name),
                (Some(_) | None, _) => false,
            };
            if is_doubtful {
                doubtful.insert(path.clone());
            }
            child.doubtful(path, is_field, doubtful);
            path.pop();
        }
    }

    /// Whether the names of the members are data: none of them stands in most records, and below all of them stands the same.
    fn is_map(&self) -> bool {
        let members = || self.children.iter().filter(|(key, _)| key.family() == Some(Family::Members));
        let is_seldom = |child: &Self| (child.records as f64) < MAP_SHARE_MAX * self.records as f64;
        let Some((_, first)) = members().next() else { return false };
        members().count() >= MAP_NAMES_MIN && members().all(|(_, child)| is_seldom(child) && child.is_like(first))
    }

    /// Whether exactly the same stands below: the same names, or values of one kind.
    fn is_twin(&self, other: &Self) -> bool {
        let is_number = |node: &Self| node.column.numbers > 0;
        self.children.keys().eq(other.children.keys()) && is_number(self) == is_number(other)
    }

    /// Whether the same stands below, as far as names and numbers tell.
    fn is_like(&self, other: &Self) -> bool {
        let is_number = |node: &Self| node.column.numbers > 0;
        let members = |node: &Self| node.children.keys().filter(|key| key.family() == Some(Family::Members)).count();
        match (members(self), members(other)) {
            (0, 0) => is_number(self) == is_number(other),
            (0, _) | (_, 0) => false,
            _ => self.children.keys().any(|key| other.children.contains_key(key)),
        }
    }

    fn fold_names(&mut self, hashes: &BTreeSet<u64>) -> bool {
        self.templates.open_names(hashes);
        let mut folded = false;
        for family in [Family::Members, Family::Labels, Family::Pairs] {
            let is_value = |key: &Key| key.name().is_some_and(|name| hashes.contains(&hash_of(name.as_bytes())));
            folded |= self.children.keys().any(|key| key.family() == Some(family) && is_value(key));
            self.fold(family, |key, _| is_value(key));
        }
        self.children.values_mut().for_each(|child| folded |= child.fold_names(hashes));
        folded
    }

    fn each<'n>(&'n self, path: &mut Vec<Key>, visit: &mut dyn FnMut(&[Key], &'n Self)) {
        visit(path, self);
        for (key, child) in &self.children {
            path.push(key.clone());
            child.each(path, visit);
            path.pop();
        }
    }
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { root: Node::new() }
    }

    /// The place at the end of a path; `None` when it would be a new one and `may_grow` is not set.
    pub(super) fn node(&mut self, path: &[Step], record: u64, may_grow: bool) -> Option<&mut Node> {
        let mut node = &mut self.root;
        node.visit(record);
        for (depth, step) in path.iter().enumerate() {
            let names_max = if depth == 0 { NAMES_TOP_MAX } else { NAMES_MAX };
            let key = node.key_for(Key::of(step), names_max);
            if !may_grow && !node.children.contains_key(&key) {
                return None;
            }
            node = node.child(key);
            node.visit(record);
        }
        Some(node)
    }

    /// Folds names that are data, as far as the names themselves tell.
    pub(super) fn fold_maps(&mut self, is_field: &dyn Fn(&str) -> bool) {
        let records = self.root.records;
        let mut folded = BTreeSet::new();
        self.root.fold_maps(&mut Folding { records_all: records, is_field, folded: &mut folded }, true);
        // Who has a name in a map has it elsewhere, too.
        self.root.fold_names(&folded);
    }

    /// The paths whose last name may be somebody's: no name of a field is known in it, and not nearly all records have it
    /// there.
    pub(super) fn doubtful(&self, is_field: &dyn Fn(&str) -> bool) -> BTreeSet<Vec<Key>> {
        let mut doubtful = BTreeSet::new();
        self.root.doubtful(&mut Vec::new(), is_field, &mut doubtful);
        doubtful
    }

    /// Folds names that are also values of entities; tells whether there were any.
    pub(super) fn fold_names(&mut self, hashes: &BTreeSet<u64>) -> bool {
        self.root.fold_names(hashes)
    }

    /// Visits all places, those above before those below.
    pub(super) fn each<'t>(&'t self, visit: &mut dyn FnMut(&[Key], &'t Node)) {
        self.root.each(&mut Vec::new(), visit);
    }
}

impl Node {
    /// The key by which a child is kept, after folding if there are too many.
    fn key_for(&mut self, key: Key, names_max: usize) -> Key {
        let Some(family) = key.family().filter(|_| !self.children.contains_key(&key)) else { return key };
        if self.children.len() >= names_max && !self.is_full {
            let records = self.records;
            self.fold(family, |_, child| (child.records as f64) < STABLE_SHARE_MIN * records as f64);
            self.is_full = true;
        }
        if self.is_full { Key::Any(family) } else { key }
    }

    /// Adds a value; tells how many cells that took.
    pub(super) fn add(&mut self, entry: Entry<'_>) -> usize {
        self.column.add(entry)
    }
}
