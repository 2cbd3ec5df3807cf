//! What singles people out without naming them: values, alone or together, that few share.
//!
//! The measure is that of k-anonymity (Samarati and Sweeney, 1998; Sweeney, "k-anonymity: a model for protecting privacy",
//! 2002): the share of records whose values fewer than k subjects share. Only the smallest combinations are told, as in the
//! search for special uniques (Elliot, Manning, Ford, 2002): what holds one of them singles out at least as many.
//!
//! Counted in a sample: in the whole log, some of these values have more bearers.

use super::column::{Column, ratio};
use super::look::Look;
use super::relate::{Cells, Constancy};
use std::collections::{BTreeMap, BTreeSet};

/// Columns that are combined; those with the most values go first. 12 make 298 combinations of up to three.
const COLUMNS_MAX: usize = 12;
/// Share of the records, from 0 to 1, from which on a combination is told.
const SHARE_MIN: f64 = 0.05;
/// Combinations that are told.
const COMBINATIONS_MAX: usize = 12;
/// Subjects that a sample needs to tell anything.
const SUBJECTS_MIN: usize = 10;

/// Some columns, by their places in the list, and whom they single out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Singling {
    pub(super) columns: Vec<usize>,
    pub(super) share: f64,
    pub(super) alone: u64,
    pub(super) values: u64,
}

/// Whether a column describes the subjects: a subject has always the same value, and not all have one.
pub(super) fn describes(column: &Column, subjects: &Cells) -> bool {
    let looks = [Look::Code, Look::Integer, Look::Word, Look::Names, Look::Measure, Look::Time, Look::Flag];
    column.distinct.count().number() > 1
        && column.share_of(&looks) >= 0.8
        && Constancy::of(subjects, &column.cells).describes()
}

/// Whether a column may be one of few values each, where nothing says who is who.
pub(super) fn is_kind(column: &Column) -> bool {
    let distinct = column.distinct.count().number();
    distinct > 1
        && distinct * 10 < column.filled()
        && column.share_of(&[Look::Code, Look::Integer, Look::Word, Look::Names]) >= 0.8
}

/// The smallest combinations of columns that single subjects out, most first, and how many subjects there are.
pub(super) fn singling(columns: &[&Column], subjects: &Cells, k: u64) -> (u64, Vec<Singling>) {
    let mut chosen: Vec<usize> = (0..columns.len()).collect();
    chosen.sort_by_key(|at| std::cmp::Reverse(columns[*at].distinct.count().number()));
    chosen.truncate(COLUMNS_MAX);
    let people = People::of(&chosen.iter().map(|at| columns[*at].cells.as_slice()).collect::<Vec<_>>(), subjects);
    if people.subjects < SUBJECTS_MIN {
        return (people.subjects as u64, Vec::new());
    }
    let mut told: Vec<Singling> = Vec::new();
    for size in 1..=3 {
        let mut new = Vec::new();
        for_each_choice(chosen.len(), size, &mut |places| {
            let is_minimal = told.iter().all(|known| !known.columns.iter().all(|column| places.contains(column)));
            let single = is_minimal.then(|| people.singled(places, k));
            new.extend(single.filter(|single| single.share >= SHARE_MIN));
        });
        told.append(&mut new);
    }
    told.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.columns.cmp(&b.columns)));
    told.truncate(COMBINATIONS_MAX);
    for single in &mut told {
        single.columns.iter_mut().for_each(|column| *column = chosen[*column]);
    }
    (people.subjects as u64, told)
}

/// The rows as groups of one subject and the same values.
struct People {
    groups: Vec<(u64, Vec<Option<u64>>, u64)>,
    subjects: usize,
}

impl People {
    fn of(columns: &[&Cells], subjects: &Cells) -> Self {
        let mut rows: BTreeMap<u32, (u64, Vec<Option<u64>>)> =
            subjects.iter().map(|(row, subject)| (*row, (*subject, vec![None; columns.len()]))).collect();
        for (at, cells) in columns.iter().enumerate() {
            for (row, value) in *cells {
                if let Some((_, values)) = rows.get_mut(row) {
                    values[at] = Some(*value);
                }
            }
        }
        let mut groups: BTreeMap<(u64, Vec<Option<u64>>), u64> = BTreeMap::new();
        rows.into_values().for_each(|row| *groups.entry(row).or_default() += 1);
        let groups: Vec<_> = groups.into_iter().map(|((subject, values), rows)| (subject, values, rows)).collect();
        let subjects = groups.iter().map(|(subject, ..)| subject).collect::<BTreeSet<_>>().len();
        Self { groups, subjects }
    }

    /// Whom some columns single out, among the rows that have them all.
    fn singled(&self, places: &[usize], k: u64) -> Singling {
        let mut sharing: BTreeMap<Vec<u64>, (u64, BTreeSet<u64>)> = BTreeMap::new();
        let mut rows_all = 0;
        for (subject, values, rows) in &self.groups {
            let Some(values) = places.iter().map(|place| values[*place]).collect::<Option<Vec<u64>>>() else {
                continue;
            };
            let (rows_here, subjects) = sharing.entry(values).or_default();
            *rows_here += rows;
            subjects.insert(*subject);
            rows_all += rows;
        }
        let few = sharing.values().filter(|(_, subjects)| (subjects.len() as u64) < k);
        let rows_few = few.map(|(rows, _)| rows).sum();
        let alone = sharing.values().filter(|(_, subjects)| subjects.len() == 1).count() as u64;
        Singling { columns: places.to_vec(), share: ratio(rows_few, rows_all), alone, values: sharing.len() as u64 }
    }
}

/// Calls `each` with every choice of `size` of the first `count` numbers, ascending.
fn for_each_choice(count: usize, size: usize, each: &mut dyn FnMut(&[usize])) {
    fn choose(from: usize, count: usize, size: usize, chosen: &mut Vec<usize>, each: &mut dyn FnMut(&[usize])) {
        if chosen.len() == size {
            return each(chosen);
        }
        for next in from..count {
            chosen.push(next);
            choose(next + 1, count, size, chosen, each);
            chosen.pop();
        }
    }
    choose(0, count, size, &mut Vec::new(), each);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discover::column::{Cover, Entry};
    use crate::veil::Kind;

    fn column(rows: u32, value: impl Fn(u32) -> String) -> Column {
        let mut column = Column::new();
        for row in 0..rows {
            let value = value(row);
            let entry = Entry {
                record: u64::from(row) + 1,
                row: Some(row),
                value: &value,
                kind: Kind::Text,
                cover: Cover::Bare,
            };
            column.add(entry);
        }
        column
    }

    /// 100 people with three records each; twenty zip codes of five people each, ten years that share them out.
    #[test]
    fn the_smallest_combinations_are_told() {
        let person = |row: u32| row / 3;
        let people = column(300, |row| format!("person{}", person(row)));
        let zips = column(300, |row| format!("zip{}", person(row) % 20));
        let years = column(300, |row| format!("year{}", person(row) / 10));
        let (subjects, told) = singling(&[&zips, &years], &people.cells, 5);
        assert_eq!(subjects, 100);
        let expected = Singling { columns: vec![0, 1], share: 1.0, alone: 100, values: 100 };
        assert_eq!(told, [expected]);
        let (_, told) = singling(&[&zips, &years], &people.cells, 6);
        assert_eq!(told, [Singling { columns: vec![0], share: 1.0, alone: 0, values: 20 }]);
        assert!(describes(&zips, &people.cells));
        assert!(!describes(&column(300, |row| format!("step{}", row % 3)), &people.cells));
    }

    #[test]
    fn choices_are_complete() {
        let mut count = 0;
        (1..=3).for_each(|size| for_each_choice(COLUMNS_MAX, size, &mut |_| count += 1));
        assert_eq!(count, 298);
    }
}
