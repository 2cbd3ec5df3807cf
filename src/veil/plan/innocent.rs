//! Short texts of a batch in which nothing was found: logs repeat `GET`, `eu-west-1` and `info` in every line.

use super::Scope;
use crate::transform::RuleIndex;
use crate::veil::hash::hash;

/// A longer text seldom comes again.
const TEXT_BYTES_MAX: usize = 48;
/// Texts that are kept, as a power of two: 128 KiB of them, which stay in cache and have no effect on memory.
const SLOTS: usize = 2048;
/// Places in which a text may stand: no choice of texts makes a look-up longer.
const WAYS: usize = 2;

/// Texts that were searched in vain. They can be data, such as a name that no rule finds: they live as long as their batch.
pub(super) struct Innocents {
    /// Each text stands in one of [`WAYS`] neighbours.
    slots: Box<[Slot]>,
    /// The number of the batch; slots of others are free.
    batch: u32,
}

#[derive(Clone, Copy)]
struct Slot {
    key: Key,
    text: [u8; TEXT_BYTES_MAX],
}

/// What the search of a text went by: what is found depends on the pack, and on how many layers may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    batch: u32,
    rule: RuleIndex,
    depth: u8,
    length: u8,
}

impl Default for Innocents {
    fn default() -> Self {
        let key = Key { batch: 0, rule: RuleIndex(0), depth: 0, length: 0 };
        let free = Slot { key, text: [0; TEXT_BYTES_MAX] };
        Self { slots: vec![free; SLOTS].into(), batch: 1 }
    }
}

impl Innocents {
    /// Forgets every text.
    pub(super) fn clear(&mut self) {
        self.batch = self.batch.wrapping_add(1);
        if self.batch == 0 {
            *self = Self::default();
        }
    }

    /// Whether this text was searched in vain in such a scope.
    pub(super) fn know(&self, scope: Scope<'_>, text: &[u8]) -> bool {
        text.len() <= TEXT_BYTES_MAX && {
            let key = self.key(scope, text);
            self.slots[first_way(text)..]
                .iter()
                .take(WAYS)
                .any(|slot| slot.key == key && slot.text[..text.len()] == *text)
        }
    }

    /// Notes that this text was searched in vain.
    pub(super) fn note(&mut self, scope: Scope<'_>, text: &[u8]) {
        if text.len() > TEXT_BYTES_MAX {
            return;
        }
        let key = self.key(scope, text);
        let ways = &mut self.slots[first_way(text)..][..WAYS];
        let free = ways.iter().position(|slot| slot.key.batch != key.batch).unwrap_or(text.len() % WAYS);
        ways[free].key = key;
        ways[free].text[..text.len()].copy_from_slice(text);
    }

    fn key(&self, scope: Scope<'_>, text: &[u8]) -> Key {
        Key { batch: self.batch, rule: scope.matcher.whole.rule, depth: scope.layer.depth, length: text.len() as u8 }
    }
}

/// The first of the places in which a text may stand.
fn first_way(text: &[u8]) -> usize {
    hash(text.len() as u64, text) as usize % (SLOTS / WAYS) * WAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_its_places() {
        for length in 0..=TEXT_BYTES_MAX {
            for byte in 0..=u8::MAX {
                assert!(first_way(&vec![byte; length]) + WAYS <= SLOTS);
            }
        }
    }
}
