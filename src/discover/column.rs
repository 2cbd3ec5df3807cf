//! What is known of the values of one place, in bounded memory.

use super::distinct::{Distinct, hash_of};
use super::look::{Look, outline, picture};
use crate::rules::Class;
use crate::transform::Source;
use crate::veil::{self, Kind};
use std::collections::BTreeMap;

/// Pictures of one place that are told apart; the rest is counted together.
const PICTURES_MAX: usize = 16;

/// What the packs do with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cover {
    /// Nothing is replaced.
    Bare,
    /// A part of it is replaced.
    Part,
    /// It is replaced, by so firm a rule.
    Whole {
        /// What decides.
        firmness: Firmness,
        /// As what.
        class: Class,
    },
    /// A rule keeps it, or it stands for nobody.
    Kept,
}

/// How firmly a replaced value is known to be an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Firmness {
    /// A detector found it by its shape or by a phrase.
    Shape,
    /// The shared lexicon knows the field's name.
    Lexicon,
    /// A rule of the pack itself speaks of it.
    Rule,
}

impl Firmness {
    pub(super) const ALL: [Self; 3] = [Self::Shape, Self::Lexicon, Self::Rule];

    /// The firmness of what a rule found; `is_shared` tells whether it stands in a file that packs share.
    pub(super) fn of(source: Source, is_shared: bool) -> Self {
        match (source, is_shared) {
            (Source::Shape | Source::Spread, _) => Self::Shape,
            (Source::Rule, true) => Self::Lexicon,
            (Source::Rule, false) => Self::Rule,
        }
    }
}

/// A value that comes to a place.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    /// Number of the record, from 1.
    pub(super) record: u64,
    /// Number of its row, if rows are still followed.
    pub(super) row: Option<u32>,
    pub(super) value: &'a str,
    pub(super) kind: Kind,
    pub(super) cover: Cover,
}

/// The values of one place.
#[derive(Clone)]
pub(super) struct Column {
    pub(super) values: u64,
    /// Records that have one.
    pub(super) records: u64,
    last_record: u64,
    pub(super) distinct: Distinct,
    pictures: Tally,
    outlines: Tally,
    shapes: Tally,
    looks: [u64; Look::ALL.len()],
    pub(super) numbers: u64,
    pub(super) bare: u64,
    pub(super) partly: u64,
    pub(super) kept: u64,
    /// Replaced values by firmness.
    pub(super) covered: [u64; Firmness::ALL.len()],
    /// Replaced values by class.
    classes: BTreeMap<Class, u64>,
    /// Numbers that are no smaller than the number before.
    rising: u64,
    last_number: Option<f64>,
    pub(super) bytes_min: usize,
    pub(super) bytes_max: usize,
    /// By row, ascending: the hash of the first value.
    pub(super) cells: Vec<(u32, u64)>,
}

impl Column {
    pub(super) fn new() -> Self {
        Self {
            values: 0,
            records: 0,
            last_record: 0,
            distinct: Distinct::new(),
            pictures: Tally::default(),
            outlines: Tally::default(),
            shapes: Tally::default(),
            looks: [0; Look::ALL.len()],
            numbers: 0,
            bare: 0,
            partly: 0,
            kept: 0,
            covered: [0; Firmness::ALL.len()],
            classes: BTreeMap::new(),
            rising: 0,
            last_number: None,
            bytes_min: usize::MAX,
            bytes_max: 0,
            cells: Vec::new(),
        }
    }

    /// Adds a value; tells how many cells that took.
    pub(super) fn add(&mut self, entry: Entry<'_>) -> usize {
        let look = Look::of(entry.value);
        self.looks[look as usize] += 1;
        self.values += 1;
        if look == Look::Nothing {
            return 0;
        }
        let is_first = self.last_record != entry.record;
        self.records += u64::from(is_first);
        self.last_record = entry.record;
        let hash = hash_of(entry.value.as_bytes());
        self.distinct.add(hash);
        self.pictures.add(picture(entry.value));
        self.outlines.add(outline(entry.value));
        let shape = veil::shape_of(entry.value.as_bytes());
        self.shapes.add(Some(shape).filter(|shape| !shape.ends_with(" bytes")));
        self.bytes_min = self.bytes_min.min(entry.value.len());
        self.bytes_max = self.bytes_max.max(entry.value.len());
        self.numbers += u64::from(entry.kind == Kind::Number);
        self.add_number(entry.value);
        match entry.cover {
            Cover::Bare => self.bare += 1,
            Cover::Part => self.partly += 1,
            Cover::Kept => self.kept += 1,
            Cover::Whole { firmness, class } => {
                self.covered[firmness as usize] += 1;
                *self.classes.entry(class).or_default() += 1;
            }
        }
        let Some(row) = entry.row.filter(|_| is_first) else { return 0 };
        self.cells.push((row, hash));
        1
    }

    fn add_number(&mut self, value: &str) {
        let Ok(number) = value.parse::<f64>() else { return };
        self.rising += u64::from(self.last_number.is_some_and(|last| number >= last));
        self.last_number = Some(number);
    }

    /// Adds the values of another place.
    pub(super) fn absorb(&mut self, other: Self) {
        self.values += other.values;
        self.records += other.records;
        self.last_record = self.last_record.max(other.last_record);
        self.distinct.absorb(other.distinct);
        self.pictures.absorb(other.pictures);
        self.outlines.absorb(other.outlines);
        self.shapes.absorb(other.shapes);
        self.looks.iter_mut().zip(other.looks).for_each(|(sum, more)| *sum += more);
        self.numbers += other.numbers;
        self.bare += other.bare;
        self.partly += other.partly;
        self.kept += other.kept;
        self.covered.iter_mut().zip(other.covered).for_each(|(sum, more)| *sum += more);
        other.classes.into_iter().for_each(|(class, more)| *self.classes.entry(class).or_default() += more);
        self.rising += other.rising;
        self.bytes_min = self.bytes_min.min(other.bytes_min);
        self.bytes_max = self.bytes_max.max(other.bytes_max);
        self.cells.extend(other.cells);
        self.cells.sort_unstable();
        self.cells.dedup_by_key(|(row, _)| *row);
    }

    /// Values that are something.
    pub(super) fn filled(&self) -> u64 {
        self.values - self.looks[Look::Nothing as usize]
    }

    /// Share of the values, from 0 to 1, that have one of these looks.
    pub(super) fn share_of(&self, looks: &[Look]) -> f64 {
        ratio(looks.iter().map(|look| self.looks[*look as usize]).sum(), self.filled())
    }

    /// Share of the values, from 0 to 1, that are replaced whole; those that a rule keeps do not count.
    pub(super) fn share_covered(&self) -> f64 {
        ratio(self.covered.iter().sum(), self.filled() - self.kept)
    }

    /// Whether something is replaced in some of the values.
    pub(super) fn is_touched(&self) -> bool {
        self.partly > 0 || self.covered.iter().any(|count| *count > 0)
    }

    /// Whether the numbers only grow, as times and sequences do.
    pub(super) fn is_rising(&self) -> bool {
        const SHARE_MIN: f64 = 0.98;
        const VALUES_MIN: u64 = 16;
        self.filled() >= VALUES_MIN
            && self.distinct.count().number() > VALUES_MIN / 2
            && ratio(self.rising + 1, self.filled()) >= SHARE_MIN
    }

    /// Whether nearly all values are of one length.
    pub(super) fn has_one_length(&self) -> bool {
        self.bytes_min == self.bytes_max
    }

    /// The class most often given to what is replaced.
    pub(super) fn class_covered(&self) -> Option<Class> {
        self.classes.iter().max_by_key(|(_, count)| **count).map(|(class, _)| *class)
    }

    /// What most values look like, as a person reads it: a detector's name, a picture, an outline, or lengths.
    pub(super) fn shape(&self) -> String {
        const SHARE_MIN: f64 = 0.8;
        let most = |tally: &Tally| tally.most(self.filled(), SHARE_MIN);
        most(&self.shapes).or_else(|| most(&self.pictures)).or_else(|| most(&self.outlines)).unwrap_or_else(|| {
            match (self.bytes_min, self.bytes_max) {
                (min, max) if min > max => "nothing".to_owned(),
                (min, max) if min == max => format!("{min} bytes"),
                (min, max) => format!("{min} to {max} bytes"),
            }
        })
    }
}

/// A share from 0 to 1; 0 of nothing.
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Counts of a few texts.
#[derive(Debug, Default, Clone)]
struct Tally {
    counts: BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, text: Option<String>) {
        let Some(text) = text else { return };
        self.add_times(text, 1);
    }

    fn add_times(&mut self, text: String, times: u64) {
        if let Some(count) = self.counts.get_mut(&text) {
            *count += times;
        } else if self.counts.len() < PICTURES_MAX {
            self.counts.insert(text, times);
        }
    }

    fn absorb(&mut self, other: Self) {
        other.counts.into_iter().for_each(|(text, times)| self.add_times(text, times));
    }

    /// The text that has the given share at least.
    fn most(&self, of: u64, share_min: f64) -> Option<String> {
        let (text, count) = self.counts.iter().max_by_key(|(_, count)| **count)?;
        (ratio(*count, of) >= share_min).then(|| text.clone())
    }
}
