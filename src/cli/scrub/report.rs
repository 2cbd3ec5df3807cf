//! What became of the lines: counts by closed sets, as text and as JSON.

use super::super::text::{count, table};
use crate::rules::Class;
use crate::veil::{Reason, Tally, Veil};
use serde_json::json;
use std::collections::BTreeMap;

/// What became of the lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) lines: u64,
    pub(super) blank: u64,
    by_reason: BTreeMap<Reason, u64>,
    by_class: [u64; Class::ALL.len()],
    /// Indexed as [`Veil::rule_names`]; empty while nothing was replaced.
    by_rule: Vec<u64>,
}

impl Report {
    /// Adds what a batch replaced.
    pub(super) fn replaced(&mut self, tally: &Tally) {
        self.by_class.iter_mut().zip(&tally.by_class).for_each(|(sum, new)| *sum += new);
        self.add_rules(&tally.by_rule);
    }

    /// Adds a line that was quarantined.
    pub(super) fn quarantine(&mut self, reason: Reason) {
        *self.by_reason.entry(reason).or_default() += 1;
    }

    /// Adds what became of other lines.
    pub(super) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.blank += other.blank;
        other.by_reason.iter().for_each(|(reason, new)| *self.by_reason.entry(*reason).or_default() += new);
        self.by_class.iter_mut().zip(&other.by_class).for_each(|(sum, new)| *sum += new);
        self.add_rules(&other.by_rule);
    }

    fn add_rules(&mut self, by_rule: &[u64]) {
        self.by_rule.resize(self.by_rule.len().max(by_rule.len()), 0);
        self.by_rule.iter_mut().zip(by_rule).for_each(|(sum, new)| *sum += new);
    }

    pub(super) fn quarantined(&self) -> u64 {
        self.by_reason.values().sum()
    }

    /// Replaced values by class, without zeros.
    fn classes(&self) -> Vec<(&'static str, u64)> {
        let classes = Class::ALL.iter().zip(&self.by_class);
        classes.filter(|(_, sum)| **sum > 0).map(|(class, sum)| (class.code(), *sum)).collect()
    }

    /// Replaced values by rule, without zeros, most first.
    fn rules<'v>(&self, veil: &'v Veil) -> Vec<(&'v str, u64)> {
        let rules = veil.rule_names().iter().zip(&self.by_rule);
        let mut rules: Vec<_> = rules.filter(|(_, sum)| **sum > 0).map(|(name, sum)| (name.as_str(), *sum)).collect();
        rules.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
        rules
    }

    fn reasons(&self) -> Vec<(&'static str, u64)> {
        self.by_reason.iter().map(|(reason, sum)| (reason.code(), *sum)).collect()
    }

    pub(super) fn text(&self, veil: &Veil) -> String {
        let mut rows = Vec::new();
        for (what, counts) in [("class", self.classes()), ("rule", self.rules(veil)), ("quarantined", self.reasons())] {
            rows.extend(counts.iter().map(|(name, sum)| vec![what.to_owned(), (*name).to_owned(), sum.to_string()]));
        }
        let replaced = count(self.by_class.iter().sum::<u64>(), "value");
        format!(
            "{}: {replaced} replaced, {} quarantined\n{}",
            count(self.lines, "line"),
            self.quarantined(),
            table(&rows)
        )
    }

    pub(super) fn json(&self, veil: &Veil) -> serde_json::Value {
        let object = |counts: Vec<(&str, u64)>| {
            counts.into_iter().map(|(name, sum)| (name.to_owned(), sum.into())).collect::<serde_json::Map<_, _>>()
        };
        json!({
            "packs": veil.version(),
            "lines": self.lines,
            "blank": self.blank,
            "quarantined": self.quarantined(),
            "replaced_by_class": object(self.classes()),
            "replaced_by_rule": object(self.rules(veil)),
            "quarantined_by_reason": object(self.reasons()),
        })
    }
}
