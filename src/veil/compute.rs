//! The second phase: what replaces every value of a batch.
//!
//! Equal values of a batch have equal replacements, so each is worked out once, and the tokens of what is left are
//! computed side by side.

use super::Batch;
use super::plan::{Encoded, Plan};
use crate::decode::base64;
use crate::keys::{EpochKeys, Keyring, Lanes};
use crate::record::Cleartext;
use crate::rules::Class;
use crate::transform::{self, CleanEvent, Finding, Replacement};
use std::ops::Range;

/// Replacements that are kept, a power of two: 24 KiB, which stay in the nearest cache.
const SLOTS: usize = 1024;

/// Places in which a value may stand: no choice of values makes a look-up longer.
const WAYS: usize = 2;

/// What replaced the values of a batch, until the batch or its epoch ends. The values themselves stay in the plan.
pub(super) struct Seen {
    /// Each value stands in one of a set's places, the last one seen first.
    sets: Box<[[Slot; WAYS]]>,
    /// The number of the epoch's part of a batch; slots of others are free.
    part: u32,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    part: u32,
    /// The other half of the hash, so that few other values are compared.
    hash: u32,
    finding: u32,
    replaced: Replaced,
}

/// What replaced a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Replaced {
    /// The replacement, as a range of the texts.
    start: u32,
    end: u32,
    /// The class that the value was hashed under.
    class: Class,
}

impl Batch {
    /// Works out what replaces every value, and counts the values.
    #[inline(never)] // A profile tells the phases apart by these functions.
    pub(super) fn compute(&mut self, keys: &Keyring) {
        self.replacements.resize(self.plan.findings.len(), 0..0);
        let mut records = self.planned.iter().flatten().peekable();
        while let Some(epoch) = records.peek().map(|record| record.epoch) {
            // Planning made sure of the key.
            let Ok(keys) = keys.at(epoch) else {
                records.next();
                continue;
            };
            self.seen.clear();
            let mut lanes = Lanes::new(keys, &mut self.texts);
            while let Some(record) = records.next_if(|record| record.epoch == epoch) {
                for index in record.findings.clone() {
                    let tally = &mut |finding: &Finding, class: Class| {
                        self.tally.by_class[class as usize] += 1;
                        self.tally.by_rule[usize::from(finding.rule.0)] += 1;
                    };
                    self.replacements[index] =
                        replacement(&self.plan, index, &mut self.seen, &mut lanes, &mut self.scratch, tally);
                }
            }
        }
    }
}

/// What replaces a finding, as a range of the texts.
fn replacement(
    plan: &Plan,
    index: usize,
    seen: &mut Seen,
    lanes: &mut Lanes<'_>,
    scratch: &mut Vec<u8>,
    tally: &mut dyn FnMut(&Finding, Class),
) -> Range<u32> {
    let finding = &plan.findings[index];
    if let Replacement::Recoded(_) = finding.replacement {
        return Writer { plan, keys: lanes.keys(), scratch, texts: lanes.text() }.write(finding, tally);
    }
    let value = value_of(finding, &plan.values);
    let replaced = seen.or_insert(plan, index, || {
        let start = lanes.text_bytes() as u32;
        let class = transform::replace_in_lanes(lanes, finding, value, scratch);
        Replaced { start, end: lanes.text_bytes() as u32, class }
    });
    tally(finding, replaced.class);
    replaced.start..replaced.end
}

impl Default for Seen {
    fn default() -> Self {
        let free = Slot { part: 0, hash: 0, finding: 0, replaced: Replaced { start: 0, end: 0, class: Class::Text } };
        Self { sets: vec![[free; WAYS]; SLOTS / WAYS].into(), part: 1 }
    }
}

impl Seen {
    /// Forgets every value.
    fn clear(&mut self) {
        self.part = self.part.wrapping_add(1);
        if self.part == 0 {
            *self = Self::default();
        }
    }

    /// What replaced a value equal to that of a finding; if none is known, `replace` says it.
    fn or_insert(&mut self, plan: &Plan, index: usize, replace: impl FnOnce() -> Replaced) -> Replaced {
        let hash = hash(&plan.findings[index], &plan.values);
        let set = &mut self.sets[hash as usize % (SLOTS / WAYS)];
        let hash = (hash >> 32) as u32;
        let known = set.iter().position(|slot| {
            slot.part == self.part && slot.hash == hash && is_replaced_alike(plan, slot.finding as usize, index)
        });
        let slot = match known {
            Some(way) => set[way],
            None => Slot { part: self.part, hash, finding: index as u32, replaced: replace() },
        };
        // The one that was seen longest ago makes room: of two places, the other one.
        const { assert!(WAYS == 2) };
        set.swap(0, known.unwrap_or(WAYS - 1));
        set[0] = slot;
        slot.replaced
    }
}

/// Whether two findings have one replacement.
fn is_replaced_alike(plan: &Plan, first: usize, second: usize) -> bool {
    let (first, second) = (&plan.findings[first], &plan.findings[second]);
    let value = |finding: &Finding| value_of(finding, &plan.values).expose();
    first.class == second.class && first.replacement == second.replacement && value(first) == value(second)
}

/// A number that equal values of a class have.
fn hash(finding: &Finding, values: &[u8]) -> u64 {
    let value = value_of(finding, values).expose();
    super::hash::hash((value.len() as u64) << u8::BITS | finding.class as u64, value)
}

/// Writes what replaces values, and what replaces those that are encoded inside others.
pub(super) struct Writer<'b> {
    pub(super) plan: &'b Plan,
    pub(super) keys: &'b EpochKeys,
    pub(super) scratch: &'b mut Vec<u8>,
    pub(super) texts: &'b mut Vec<u8>,
}

impl Writer<'_> {
    /// Appends what replaces a value to the texts; its range there. `tally` is called with each value and the class it was
    /// hashed under.
    pub(super) fn write(&mut self, finding: &Finding, tally: &mut dyn FnMut(&Finding, Class)) -> Range<u32> {
        if let Replacement::Recoded(recoding) = finding.replacement {
            let mut encoded = Vec::new();
            let layers = recoding.first as usize..recoding.first as usize + usize::from(recoding.count);
            for layer in &self.plan.encoded[layers] {
                let (mut out, mut replaced) = (Vec::new(), Vec::new());
                let event = self.splice(layer, tally, &mut out, &mut replaced);
                base64::encode(event.bytes(), layer.spelling, &mut encoded);
                encoded.extend_from_slice(layer.suffix.as_bytes());
            }
            let start = self.texts.len() as u32;
            for byte in encoded {
                if byte == b'+' && recoding.escaped > 0 {
                    self.texts.push(b'%');
                    (1..recoding.escaped).for_each(|_| self.texts.extend_from_slice(b"25"));
                    self.texts.extend_from_slice(b"2B");
                } else {
                    self.texts.push(byte);
                }
            }
            return start..self.texts.len() as u32;
        }
        let start = self.texts.len() as u32;
        let value = value_of(finding, &self.plan.values);
        let class = transform::replace(self.keys, finding, value, self.scratch, self.texts);
        tally(finding, class);
        start..self.texts.len() as u32
    }

    /// The decoded text of a layer with what was found in it replaced.
    pub(super) fn splice<'a>(
        &mut self,
        layer: &Encoded,
        tally: &mut dyn FnMut(&Finding, Class),
        out: &'a mut Vec<u8>,
        replaced: &'a mut Vec<Range<u32>>,
    ) -> CleanEvent<'a> {
        let plan = self.plan;
        let findings = &plan.inner[layer.findings.start as usize..layer.findings.end as usize];
        let replacements: Vec<_> = findings.iter().map(|finding| self.write(finding, tally)).collect();
        let text = &plan.values[layer.text.start as usize..layer.text.end as usize];
        transform::splice(text, findings, &replacements, self.texts, out, replaced)
    }
}

/// The value that a finding replaces.
fn value_of<'v>(finding: &Finding, values: &'v [u8]) -> Cleartext<'v> {
    Cleartext::new(&values[finding.value.start as usize..finding.value.end as usize])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::{Quoting, RuleIndex, Source};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn plan(values: &[(&[u8], Class, Replacement)]) -> Plan {
        let mut plan = Plan::default();
        for (value, class, replacement) in values {
            let start = plan.values.len() as u32;
            plan.values.extend_from_slice(value);
            plan.findings.push(Finding {
                span: 0..0,
                value: start..plan.values.len() as u32,
                rule: RuleIndex(0),
                class: *class,
                replacement: *replacement,
                quoting: Quoting::Text,
                source: Source::Rule,
            });
        }
        plan
    }

    /// What a finding is said to be replaced by: its own index, or that of an earlier one.
    fn index_of(seen: &mut Seen, plan: &Plan, index: usize) -> usize {
        let own = Replaced { start: index as u32, end: 0, class: Class::Text };
        seen.or_insert(plan, index, || own).start as usize
    }

    const TOKEN: Replacement = Replacement::Pseudonym { network: false };
    const NETWORK: Replacement = Replacement::Pseudonym { network: true };

    #[test]
    fn only_equal_values_of_a_class_and_transform_are_one() {
        let value = b"192.0.2.1".as_slice();
        let plan = plan(&[
            (value, Class::Ip, TOKEN),
            (value, Class::Ip, NETWORK),
            (value, Class::Text, TOKEN),
            (b"192.0.2.12", Class::Ip, TOKEN),
            (value, Class::Ip, TOKEN),
            (value, Class::Ip, NETWORK),
        ]);
        let mut seen = Seen::default();
        let indexes: Vec<usize> = (0..plan.findings.len()).map(|index| index_of(&mut seen, &plan, index)).collect();
        assert_eq!(indexes, [0, 1, 2, 3, 0, 1]);
    }

    #[test]
    fn values_are_forgotten() {
        let plan = plan(&[(b"alice", Class::User, TOKEN), (b"alice", Class::User, TOKEN)]);
        let mut seen = Seen { part: u32::MAX - 1, ..Seen::default() };
        for _ in 0..4 {
            assert_eq!([0, 1].map(|index| index_of(&mut seen, &plan, index)), [0, 0]);
            seen.clear();
            assert_eq!(index_of(&mut seen, &plan, 1), 1);
            seen.clear();
        }
    }

    /// Values of one set push each other out, the one seen longest ago first.
    #[test]
    fn the_last_values_of_a_set_are_known() {
        let names: Vec<String> = (0..100_000).map(|name| name.to_string()).collect();
        let all: Vec<_> = names.iter().map(|name| (name.as_bytes(), Class::User, TOKEN)).collect();
        let all = plan(&all);
        let set = |index: &usize| hash(&all.findings[*index], &all.values) as usize % (SLOTS / WAYS);
        let crowd: Vec<usize> = (0..all.findings.len()).filter(|index| set(index) == set(&0)).take(WAYS + 1).collect();
        let mut seen = Seen::default();
        for _ in 0..2 {
            for index in &crowd {
                assert_eq!(index_of(&mut seen, &all, *index), *index);
            }
        }
        let before = crowd[crowd.len() - WAYS..].to_vec();
        let mut again = all;
        again.findings.extend(before.iter().map(|index| again.findings[*index].clone()).collect::<Vec<_>>());
        for (at, index) in before.iter().enumerate() {
            assert_eq!(index_of(&mut seen, &again, names.len() + at), *index);
        }
    }

    proptest! {
        /// A replacement is that of an equal value, and no value is told apart from itself at once.
        #[test]
        fn what_is_known_is_equal(values in vec(("[ab]{0,20}", any::<bool>(), any::<bool>()), 0..200)) {
            let values: Vec<_> = values.iter().map(|(value, user, network)| {
                let class = if *user { Class::User } else { Class::Ip };
                (value.as_bytes(), class, if *network { NETWORK } else { TOKEN })
            }).collect();
            let plan = plan(&values);
            let mut seen = Seen::default();
            for index in 0..values.len() {
                let known = index_of(&mut seen, &plan, index);
                prop_assert_eq!(values[known], values[index]);
                prop_assert_eq!(index_of(&mut seen, &plan, index), known);
            }
        }
    }
}
