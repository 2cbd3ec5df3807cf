//! Lets the findings of one value agree on what it is: a UUID that `user.id` holds is a user in the message, too.

use super::Plan;
use crate::rules::Class;
use crate::transform::{Finding, Replacement, Source};
use std::ops::Range;

/// Shorter values are equal by chance.
const VALUE_BYTES_MIN: usize = 6;

impl Plan {
    /// Gives each of the record's values that only its shape, or a field for any secret, gave away the class that a rule
    /// gave the same value elsewhere in the record.
    ///
    /// Which of several classes is decided by their order, never by that of the findings.
    pub(in crate::veil) fn agree(&mut self, findings: Range<usize>) {
        let vague = self.lengths(self.findings[findings.clone()].iter().filter(|finding| is_vague(finding)));
        if vague == 0 {
            return;
        }
        let all = self.with_inner(findings.clone());
        // Most records have no two such values of one length.
        if vague & self.lengths(all.iter().filter(|finding| is_telling(finding))) == 0 {
            return;
        }
        let value = |finding: &Finding| key(&self.values[finding.value.start as usize..finding.value.end as usize]);
        let mut told: Vec<(Vec<u8>, Class, Finding)> =
            all.iter().filter(|f| is_telling(f)).map(|f| (value(f), f.class, f.clone())).collect();
        drop(all);
        told.retain(|(value, _, _)| value.len() >= VALUE_BYTES_MIN);
        if told.is_empty() {
            return;
        }
        told.sort_by(|a, b| (&a.0, a.1, a.2.rule).cmp(&(&b.0, b.1, b.2.rule)));
        for index in findings {
            let finding = &self.findings[index];
            if !is_vague(finding) {
                continue;
            }
            let value = key(&self.values[finding.value.start as usize..finding.value.end as usize]);
            let first = told.partition_point(|(known, _, _)| *known < value);
            if let Some((_, class, like)) = told.get(first).filter(|(known, _, _)| *known == value) {
                let finding = &mut self.findings[index];
                (finding.class, finding.replacement) = (*class, like.replacement);
            }
        }
    }

    /// The lengths of values as they are compared, as bits; all long ones share one.
    fn lengths<'f>(&self, findings: impl Iterator<Item = &'f Finding>) -> u64 {
        let value = |finding: &Finding| &self.values[finding.value.start as usize..finding.value.end as usize];
        let lengths = findings.map(|finding| bare(value(finding)).len());
        lengths.fold(0, |lengths, length| lengths | 1 << length.min(u64::BITS as usize - 1))
    }
}

/// Whether a rule said what the value is, and it is an identifier that stands for itself.
fn is_telling(finding: &Finding) -> bool {
    let identifier = matches!(
        finding.class,
        Class::User | Class::UserId | Class::Account | Class::Session | Class::ConnectionId | Class::Device
    );
    identifier && finding.source == Source::Rule && matches!(finding.replacement, Replacement::Pseudonym { .. })
}

/// Whether a value may be an identifier of several kinds.
fn is_vague(finding: &Finding) -> bool {
    let by_shape = finding.class == Class::Device && finding.source == Source::Shape;
    (by_shape || matches!(finding.class, Class::Token | Class::Text))
        && matches!(finding.replacement, Replacement::Pseudonym { .. })
}

/// Characters of a UUID.
const UUID_BYTES: usize = 36;

/// The value as it is compared: a UUID in any case and braces, anything else as it is.
fn key(value: &[u8]) -> Vec<u8> {
    let bare = bare(value);
    if bare.len() == UUID_BYTES { bare.to_ascii_lowercase() } else { bare.to_vec() }
}

/// The value without blanks around it, and a UUID without braces.
fn bare(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    let inner = value.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}"));
    inner.filter(|inner| inner.len() == UUID_BYTES).unwrap_or(value)
}
