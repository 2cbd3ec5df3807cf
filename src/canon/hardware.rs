//! Hardware addresses: EUI-48 and EUI-64.

use super::{USUAL, hex_bytes, push};

/// How the digits of a hardware address are grouped.
#[derive(Clone, Copy)]
struct Grouping {
    separator: u8,
    /// Digits between two separators.
    group: usize,
}

/// IEEE 802 writes hyphens, most systems colons, Cisco dots, Huawei hyphens between fours.
const GROUPINGS: [Grouping; 4] = [
    Grouping { separator: b':', group: 2 },
    Grouping { separator: b'-', group: 2 },
    Grouping { separator: b'.', group: 4 },
    Grouping { separator: b'-', group: 4 },
];

/// Appends the canonical bytes of a hardware address; `false` when the value is none.
pub(super) fn write(value: &[u8], out: &mut Vec<u8>) -> bool {
    let is_bare = value.iter().all(u8::is_ascii_hexdigit);
    if !is_bare && !GROUPINGS.into_iter().any(|grouping| is_grouped(value, grouping)) {
        return false;
    }
    let digits = || value.iter().copied().filter(u8::is_ascii_hexdigit);
    if let Some(eui_48) = hex_bytes::<6>(digits()) {
        push(USUAL, &eui_48, out);
        return true;
    }
    if let Some(eui_64) = hex_bytes::<8>(digits()) {
        push(USUAL, &eui_64, out);
        return true;
    }
    false
}

/// Whether a text is a hardware address with separators; bare digits may be anything, and decimal digits in fours are
/// numbers of cards and accounts.
pub(super) fn is_unmistakable(value: &[u8]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_hexdigit()).count();
    matches!(digits, 12 | 16)
        && GROUPINGS.into_iter().any(|grouping| {
            let is_number = grouping.group == 4 && !value.iter().any(u8::is_ascii_alphabetic);
            is_grouped(value, grouping) && !is_number
        })
}

/// Whether a text is groups of hexadecimal digits, all of one length, with one separator between them.
fn is_grouped(value: &[u8], grouping: Grouping) -> bool {
    value.contains(&grouping.separator)
        && value
            .split(|b| *b == grouping.separator)
            .all(|group| group.len() == grouping.group && group.iter().all(u8::is_ascii_hexdigit))
}
