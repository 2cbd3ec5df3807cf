//! Short texts of a batch in which nothing was found: logs repeat `GET`, `eu-west-1` and `info` in every line.

use super::Scope;

/// A longer text seldom comes again.
const TEXT_BYTES_MAX: usize = 48;
/// The most texts that are kept: in cache, and without effect on memory.
const TEXTS_MAX: usize = 4096;

/// Texts that were searched in vain. They can be data, such as a name that no rule finds: they live as long as their batch.
#[derive(Debug, Default)]
pub(super) struct Innocents {
    /// Each behind what the search went by.
    #[expect(clippy::disallowed_types, reason = "looked up only; no order leaves it")]
    texts: std::collections::HashSet<Box<[u8]>>,
    key: Vec<u8>,
}

impl Innocents {
    /// Forgets every text.
    pub(super) fn clear(&mut self) {
        self.texts.clear();
    }

    /// Whether this text was searched in vain in such a scope.
    pub(super) fn know(&mut self, scope: Scope<'_>, text: &[u8]) -> bool {
        text.len() <= TEXT_BYTES_MAX && {
            self.set_key(scope, text);
            self.texts.contains(self.key.as_slice())
        }
    }

    /// Notes that this text was searched in vain.
    pub(super) fn note(&mut self, scope: Scope<'_>, text: &[u8]) {
        if text.len() <= TEXT_BYTES_MAX && self.texts.len() < TEXTS_MAX {
            self.set_key(scope, text);
            self.texts.insert(self.key.as_slice().into());
        }
    }

    /// What is found depends on the pack, and on how many layers may follow.
    fn set_key(&mut self, scope: Scope<'_>, text: &[u8]) {
        self.key.clear();
        self.key.extend_from_slice(&scope.matcher.whole.rule.0.to_ne_bytes());
        self.key.push(scope.layer.depth);
        self.key.extend_from_slice(text);
    }
}
