//! What the names of pairs in texts tell, as far as the batch has shown: logs have the same names in every line.

use crate::transform::RuleIndex;
use crate::veil::hash::hash;
use crate::veil::matcher::{Action, Matcher};

/// A longer name seldom comes again.
const NAME_BYTES_MAX: usize = 24;
/// Names that are kept, as a power of two.
const SLOTS: usize = 512;

/// Names that were looked up, and the rules that go by them. Names can be data: they live as long as their batch.
pub(super) struct Named {
    slots: Box<[Slot]>,
    /// The number of the batch; slots of others are free.
    batch: u32,
}

#[derive(Clone, Copy)]
struct Slot {
    key: Key,
    name: [u8; NAME_BYTES_MAX],
    action: Option<Action>,
}

/// What a look-up went by.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    batch: u32,
    /// A rule of the pack.
    rule: RuleIndex,
    is_phrase: bool,
    length: u8,
}

impl Default for Named {
    fn default() -> Self {
        let key = Key { batch: 0, rule: RuleIndex(0), is_phrase: false, length: 0 };
        Self { slots: vec![Slot { key, name: [0; NAME_BYTES_MAX], action: None }; SLOTS].into(), batch: 1 }
    }
}

impl Named {
    /// Forgets every name.
    pub(super) fn clear(&mut self) {
        self.batch = self.batch.wrapping_add(1);
        if self.batch == 0 {
            *self = Self::default();
        }
    }

    /// The rule for a name as it is written, as [`Matcher::named_as_written`] finds it.
    pub(super) fn as_written(&mut self, matcher: &Matcher, name: &[u8]) -> Option<Action> {
        self.look_up(matcher, name, false, || matcher.named_as_written(name))
    }

    /// The rule for a whole name of several words.
    pub(super) fn phrase(&mut self, matcher: &Matcher, words: &[u8]) -> Option<Action> {
        self.look_up(matcher, words, true, || matcher.names.phrase(words))
    }

    fn look_up(
        &mut self,
        matcher: &Matcher,
        name: &[u8],
        is_phrase: bool,
        find: impl FnOnce() -> Option<Action>,
    ) -> Option<Action> {
        if !matcher.knows_names {
            return None;
        }
        if name.len() > NAME_BYTES_MAX {
            return find();
        }
        let key = Key { batch: self.batch, rule: matcher.whole.rule, is_phrase, length: name.len() as u8 };
        let slot = &mut self.slots[hash(name.len() as u64 ^ u64::from(is_phrase) << 8, name) as usize % SLOTS];
        if slot.key != key || slot.name[..name.len()] != *name {
            let action = find();
            *slot = Slot { key, action, ..*slot };
            slot.name[..name.len()].copy_from_slice(name);
        }
        slot.action
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::load;
    use crate::veil::expressions::Expressions;
    use crate::veil::matcher::RuleNames;
    use proptest::prelude::*;

    fn matcher(rules: &str) -> Matcher {
        let text = format!("name = \"a\"\nversion = 1\nformat = \"json\"\n{rules}");
        let pack = load::parse("a.toml", &text).unwrap();
        Matcher::compile(&pack, &mut RuleNames::default(), &mut Expressions::default()).unwrap()
    }

    proptest! {
        #[test]
        fn as_the_pack_says(names in prop::collection::vec("[a-c]{1,2}|user[._ ]?(name|id)|[Uu]ser|x{20,30}", 0..40)) {
            let rule = "[[rule]]\nid = \"r\"\nselect = \"b.c\"\nnamed = [\"user\", \"username\", \"*_id\", \"a\"]\nclass = \"user\"\n";
            let mut named = Named::default();
            for matcher in [matcher(rule), matcher("[[rule]]\nid = \"r\"\ndetect = \"ip\"\n")] {
                for name in names.iter().chain(&names) {
                    let name = name.as_bytes();
                    prop_assert_eq!(named.as_written(&matcher, name), matcher.named_as_written(name));
                    prop_assert_eq!(named.phrase(&matcher, name), matcher.names.phrase(name));
                }
                named.clear();
            }
        }
    }
}
