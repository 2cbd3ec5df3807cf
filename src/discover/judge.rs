//! Decides which places hold entities, from names, shapes, uniqueness and what goes with what.

use super::column::{Column, Firmness};
use super::look::Look;
use super::name::Hint;
use super::relate::{Cells, Constancy};
use super::report::{Confidence, Harmless, Standing, Why};
use crate::rules::Class;

/// Share of replaced values, from 0 to 1, from which on a place counts as covered.
const COVERED_MIN: f64 = 0.98;
/// Share of replaced values, from 0 to 1, from which on the rest of a place is suspect.
const PARTLY_MIN: f64 = 0.05;
/// Share of values, from 0 to 1, that must have a look for the place to have it.
const LOOK_MIN: f64 = 0.8;
/// Share of values, from 0 to 1, that are distinct where every record has another one.
const UNIQUE_MIN: f64 = 0.95;
/// Distinct values that a place without a telling name has at least to hold identifiers.
const DISTINCT_MIN: u64 = 10;
/// How much finer one identifier is than another that it belongs to.
const FINER: f64 = 1.15;
/// Known identifiers that others are compared with; those that most records have go first.
const KNOWN_MAX: usize = 16;
/// Digits that the longest number of people, devices and sessions has at least; shorter ones count something.
const DIGITS_MIN: usize = 4;
/// How many of a known identifier one of a coarser one has at most, on the average, to be one itself.
const SHARED_MAX: f64 = 3.5;
/// Distinct values that such a one has at least.
const OWNERS_MIN: u64 = 30;
/// How far apart, as a share of all rows, the rows of a session are at most.
const SESSION_SPREAD_MAX: f64 = 0.35;

/// A place before judgement.
pub(super) struct Case<'c> {
    pub(super) column: &'c Column,
    pub(super) hint: Hint,
}

/// What is decided of a place.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Verdict {
    /// A rule of the pack itself speaks of it.
    Ruled(Class),
    /// It holds entities.
    Entity { standing: Standing, class: Class, confidence: Confidence, why: Vec<Why> },
    /// It does not, as far as can be told.
    Harmless(Harmless),
    /// Only what it goes with can tell.
    Open,
}

impl Verdict {
    pub(super) fn class(&self) -> Option<Class> {
        match self {
            Self::Ruled(class) | Self::Entity { class, .. } => Some(*class),
            Self::Harmless(_) | Self::Open => None,
        }
    }
}

/// Judges all places of one pack. `shown` names a place.
pub(super) fn judge(cases: &[Case<'_>], shown: &dyn Fn(usize) -> String) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = cases.iter().map(by_itself).collect();
    while relate(cases, &mut verdicts, shown) {}
    if seed(cases, &mut verdicts) {
        while relate(cases, &mut verdicts, shown) {}
    }
    for (case, verdict) in cases.iter().zip(&mut verdicts) {
        if *verdict == Verdict::Open {
            *verdict = Verdict::Harmless(left_over(case.column));
        }
    }
    verdicts
}

/// What a place says by itself.
fn by_itself(case: &Case<'_>) -> Verdict {
    let Case { column, hint } = case;
    if column.filled() == 0 {
        return Verdict::Harmless(Harmless::Empty);
    }
    if let Some(verdict) = by_cover(column) {
        return verdict;
    }
    if column.kept * 2 > column.filled() {
        return Verdict::Harmless(Harmless::Kept);
    }
    let has = |looks: &[Look]| column.share_of(looks) >= LOOK_MIN;
    if has(&[Look::Flag]) {
        return Verdict::Harmless(Harmless::Few);
    }
    if has(&[Look::Time]) || column.is_rising() {
        return Verdict::Harmless(Harmless::Time);
    }
    if has(&[Look::Measure]) {
        return Verdict::Harmless(Harmless::Measure);
    }
    match hint {
        // The name is that of a kind of text, as `url` is; what says nothing of who stands in it.
        Hint::Thing if has(&[Look::Text, Look::Path]) => Verdict::Harmless(Harmless::Text),
        Hint::Thing => Verdict::Harmless(Harmless::Named),
        Hint::Entity(class) => by_name(column, *class),
        Hint::Nothing if has(&[Look::Text, Look::Path]) => Verdict::Harmless(Harmless::Text),
        Hint::Nothing if has(&[Look::Names]) && column.distinct.count().number() >= DISTINCT_MIN => {
            entity(column, Class::Person, Confidence::Low, vec![Why::Shape])
        }
        Hint::Nothing => Verdict::Open,
    }
}

fn entity(column: &Column, class: Class, confidence: Confidence, why: Vec<Why>) -> Verdict {
    let standing = if column.is_touched() { Standing::Partly } else { Standing::Open };
    Verdict::Entity { standing, class, confidence, why }
}

/// What the packs do with the values.
fn by_cover(column: &Column) -> Option<Verdict> {
    let class = column.class_covered()?;
    let share = column.share_covered();
    if share < PARTLY_MIN || (share < COVERED_MIN && column.share_of(&[Look::Text, Look::Path]) >= LOOK_MIN) {
        return None;
    }
    let most = Firmness::ALL.into_iter().max_by_key(|firmness| column.covered[*firmness as usize])?;
    let why = match most {
        Firmness::Shape => Why::Detector,
        Firmness::Lexicon => Why::Lexicon,
        Firmness::Rule if share >= COVERED_MIN => return Some(Verdict::Ruled(class)),
        Firmness::Rule => Why::Rule,
    };
    let standing = if share >= COVERED_MIN { Standing::Guessed } else { Standing::Partly };
    Some(Verdict::Entity { standing, class, confidence: Confidence::High, why: vec![why] })
}

/// What the name suggests, unless the values speak against it.
fn by_name(column: &Column, class: Class) -> Verdict {
    let distinct = column.distinct.count().number();
    let opaque = column.share_of(&[Look::Code]);
    let integers = column.share_of(&[Look::Integer]);
    // A few words are kinds of things, not things.
    let distinct_min = match () {
        () if column.records < 50 => 1,
        () if matches!(class, Class::User | Class::Person) => 5,
        () if opaque + integers >= LOOK_MIN => 3,
        () => 20,
    };
    if distinct < distinct_min {
        return Verdict::Harmless(Harmless::Few);
    }
    if integers >= LOOK_MIN {
        // Amounts have more digits or less; a number that is part of a name has always the same.
        let class = if class == Class::User { Class::UserId } else { class };
        if !column.has_one_length() || column.bytes_max < DIGITS_MIN {
            return Verdict::Open;
        }
        return entity(column, class, Confidence::Medium, vec![Why::Name]);
    }
    if opaque >= LOOK_MIN {
        return entity(column, class, Confidence::High, vec![Why::Name, Why::Shape]);
    }
    entity(column, class, Confidence::Medium, vec![Why::Name])
}

/// Judges what is still open by the entities it goes with, and makes sure of what is not sure. Tells whether anything new came
/// of it; as each place is judged so but once, that ends.
fn relate(cases: &[Case<'_>], verdicts: &mut [Verdict], shown: &dyn Fn(usize) -> String) -> bool {
    let mut known: Vec<usize> = (0..cases.len()).filter(|at| verdicts[*at].class().is_some_and(is_somebody)).collect();
    known.sort_by_key(|at| (std::cmp::Reverse(cases[*at].column.cells.len()), *at));
    known.truncate(KNOWN_MAX);
    let mut news = false;
    for at in 0..cases.len() {
        let column = cases[at].column;
        if !is_unsure(&verdicts[at], column) {
            continue;
        }
        let ties = known.iter().filter(|other| **other != at);
        let ties = ties.filter_map(|other| Some((tie(column, &cases[*other].column.cells)?, *other)));
        let Some((tie, other)) = ties.min() else { continue };
        news = true;
        let constant = Why::Constant { within: shown(other) };
        match &mut verdicts[at] {
            Verdict::Entity { class, confidence, why, .. } => {
                if *confidence == Confidence::Low {
                    *class = tie.class(column);
                }
                *confidence = confidence.raised();
                why.push(constant);
            }
            verdict @ (Verdict::Open | Verdict::Ruled(_) | Verdict::Harmless(_)) => {
                *verdict = entity(column, tie.class(column), Confidence::Medium, vec![Why::Unique, constant])
            }
        }
    }
    news
}

/// Whether what a place goes with may say more than is known of it.
fn is_unsure(verdict: &Verdict, column: &Column) -> bool {
    match verdict {
        Verdict::Open => may_be_identifier(column),
        Verdict::Entity { confidence: Confidence::Low | Confidence::Medium, why, .. } => {
            !why.iter().any(|why| matches!(why, Why::Constant { .. }))
        }
        Verdict::Ruled(_) | Verdict::Entity { .. } | Verdict::Harmless(_) => false,
    }
}

/// How an identifier belongs to another, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    /// Each has one of the other.
    Alias,
    /// It has several of the other, and these have one of it.
    Owner,
    /// The other has several, one after the other.
    Session,
    /// The other has several, side by side.
    Device,
}

impl Tie {
    fn class(self, column: &Column) -> Class {
        match self {
            Self::Alias | Self::Owner if column.share_of(&[Look::Word]) >= LOOK_MIN => Class::User,
            Self::Alias | Self::Owner if column.share_of(&[Look::Names]) >= LOOK_MIN => Class::Person,
            Self::Alias | Self::Owner => Class::UserId,
            Self::Session => Class::Session,
            Self::Device => Class::Device,
        }
    }
}

fn tie(column: &Column, other: &Cells) -> Option<Tie> {
    let told = Constancy::of(&column.cells, other);
    let (values, others) = (told.values as f64, told.others as f64);
    if told.holds() && values > others * FINER {
        return Some(if told.spread <= SESSION_SPREAD_MAX { Tie::Session } else { Tie::Device });
    }
    // What many share describes them; what few share is nearly a name.
    let is_fine = values * SHARED_MAX >= others && told.values >= OWNERS_MIN;
    let is_told = (is_fine || values * FINER >= others) && Constancy::of(other, &column.cells).holds();
    match told.holds() {
        true => is_told.then_some(Tie::Alias),
        false => is_told.then_some(Tie::Owner),
    }
}

/// Takes the opaque identifiers that nothing else speaks for as known, so that others can be told by them.
fn seed(cases: &[Case<'_>], verdicts: &mut [Verdict]) -> bool {
    const BYTES_MIN: usize = 6;
    let mut seeded = false;
    for (case, verdict) in cases.iter().zip(verdicts) {
        let column = case.column;
        let is_opaque = column.share_of(&[Look::Code]) >= LOOK_MIN && column.bytes_min >= BYTES_MIN;
        if *verdict == Verdict::Open
            && is_opaque
            && may_be_identifier(column)
            && column.distinct.count().number() >= 2 * DISTINCT_MIN
        {
            *verdict = entity(column, Class::UserId, Confidence::Low, vec![Why::Shape, Why::Unique]);
            seeded = true;
        }
    }
    seeded
}

/// Whether values come again, are many, and look like something that is given to somebody.
fn may_be_identifier(column: &Column) -> bool {
    let distinct = column.distinct.count().number();
    distinct >= DISTINCT_MIN
        && (distinct as f64) < UNIQUE_MIN * column.filled() as f64
        && (column.bytes_max >= DIGITS_MIN || column.share_of(&[Look::Integer]) < LOOK_MIN)
        && column.share_of(&[Look::Code, Look::Integer, Look::Word, Look::Names]) >= LOOK_MIN
}

/// Whether entities of a class are somebody, or belong to somebody.
pub(super) fn is_somebody(class: Class) -> bool {
    match class {
        Class::User
        | Class::Person
        | Class::UserId
        | Class::Email
        | Class::Phone
        | Class::Account
        | Class::Card
        | Class::Iban
        | Class::Session
        | Class::Device
        | Class::Mac
        | Class::Token => true,
        Class::Ip
        | Class::Network
        | Class::ConnectionId
        | Class::UserAgent
        | Class::Host
        | Class::Geo
        | Class::Text => false,
    }
}

/// Why a place that nothing speaks for is left alone.
fn left_over(column: &Column) -> Harmless {
    let distinct = column.distinct.count().number();
    match () {
        () if distinct < DISTINCT_MIN => Harmless::Few,
        () if distinct as f64 >= UNIQUE_MIN * column.filled() as f64 => Harmless::Unique,
        () if column.share_of(&[Look::Integer, Look::Measure]) >= LOOK_MIN => Harmless::Measure,
        () => Harmless::NoTie,
    }
}
