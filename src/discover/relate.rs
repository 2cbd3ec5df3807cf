//! How the values of two columns go together, from the rows that were followed.

use super::column::ratio;
use std::collections::BTreeMap;

/// Rows by number, with the hash of the value: a column's cells.
pub(super) type Cells = [(u32, u64)];

/// How far the values of one column tell those of another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Constancy {
    /// Share of the rows that repeat a value, from 0 to 1, in which the other column is as it was the first time.
    agreement: f64,
    /// Rows that repeat a value.
    repeats: u64,
    /// The share that chance would give.
    chance: f64,
    /// Distinct values of the first column.
    pub(super) values: u64,
    /// Distinct values of the other.
    pub(super) others: u64,
    /// How far apart the rows of one value are, as a share of all rows from 0 to 1.
    pub(super) spread: f64,
}

impl Constancy {
    /// How the values of `a` tell those of `b`, from the rows that have both.
    pub(super) fn of(a: &Cells, b: &Cells) -> Self {
        let mut groups: BTreeMap<u64, Group> = BTreeMap::new();
        let mut others: BTreeMap<u64, u64> = BTreeMap::new();
        let (mut rows, mut repeats, mut agreeing, mut last_row) = (0, 0, 0, 0);
        for (row, value, other) in joined(a, b) {
            rows += 1;
            last_row = row;
            *others.entry(other).or_default() += 1;
            let group = groups.entry(value).or_insert(Group { other, first: row, last: row, rows: 0 });
            repeats += u64::from(group.rows > 0);
            agreeing += u64::from(group.rows > 0 && group.other == other);
            group.rows += 1;
            group.last = row;
        }
        let chance = others.values().map(|count| ratio(*count, rows).powi(2)).sum();
        let repeated = || groups.values().filter(|group| group.rows > 1);
        let spreads: f64 = repeated().map(|group| ratio((group.last - group.first).into(), last_row.into())).sum();
        Self {
            agreement: ratio(agreeing, repeats),
            repeats,
            chance,
            values: groups.len() as u64,
            others: others.len() as u64,
            spread: spreads / repeated().count().max(1) as f64,
        }
    }

    /// Whether the other column describes what the first one names: that has nearly always the same there.
    pub(super) fn describes(&self) -> bool {
        const AGREEMENT_MIN: f64 = 0.9;
        const CHANCE_MAX: f64 = 0.8;
        self.agreement >= AGREEMENT_MIN && self.chance <= CHANCE_MAX && self.repeats >= REPEATS_MIN
    }

    /// Whether a value of the first column has one of the other column, more than by chance.
    pub(super) fn holds(&self) -> bool {
        const AGREEMENT_MIN: f64 = 0.95;
        const CHANCE_MAX: f64 = 0.5;
        self.agreement >= AGREEMENT_MIN && self.chance <= CHANCE_MAX && self.repeats >= REPEATS_MIN
    }
}

/// Rows that must repeat a value before anything is concluded.
const REPEATS_MIN: u64 = 12;

struct Group {
    other: u64,
    first: u32,
    last: u32,
    rows: u64,
}

/// The rows that both columns have, with both values. Both are ascending by row.
fn joined(a: &Cells, b: &Cells) -> impl Iterator<Item = (u32, u64, u64)> {
    let mut others = b.iter().peekable();
    a.iter().filter_map(move |(row, value)| {
        while others.next_if(|(other_row, _)| other_row < row).is_some() {}
        others.peek().filter(|(other_row, _)| other_row == row).map(|(_, other)| (*row, *value, *other))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(rows: u32, value: impl Fn(u32) -> u64) -> Vec<(u32, u64)> {
        (0..rows).map(|row| (row, value(row))).collect()
    }

    #[test]
    fn a_session_tells_its_user_and_not_the_other_way_round() {
        let (sessions, users) = (cells(400, |row| u64::from(row / 8)), cells(400, |row| u64::from(row / 8 % 10)));
        let told = Constancy::of(&sessions, &users);
        assert!(told.holds());
        assert_eq!((told.values, told.others), (50, 10));
        assert!(told.spread < 0.1, "{told:?}");
        assert!(!Constancy::of(&users, &sessions).holds());
    }

    #[test]
    fn what_is_nearly_always_the_same_tells_nothing() {
        let told = Constancy::of(&cells(400, |row| u64::from(row % 40)), &cells(400, |_| 1));
        assert!(!told.holds());
    }

    #[test]
    fn only_common_rows_count() {
        let even: Vec<_> = cells(100, |row| u64::from(row % 5)).into_iter().filter(|(row, _)| row % 2 == 0).collect();
        assert_eq!(Constancy::of(&even, &cells(60, u64::from)).others, 30);
    }
}
