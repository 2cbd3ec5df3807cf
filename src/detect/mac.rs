//! Hardware addresses: EUI-48 and EUI-64 (IEEE 802), and the identifiers that DHCP and firewalls build on them.

use super::scan::{byte, byte_before, escape_end, part, run_end, run_start};
use std::ops::Range;

/// Octets of a colon-separated run that hold a hardware address: EUI-48; a DHCP client identifier with its type octet
/// (RFC 2132, section 9.14); EUI-64; DUID-LL (RFC 8415, section 11.4); an Ethernet header as iptables logs it, or
/// DUID-LLT (section 11.2). Other lengths are digests: 16, 20, 32.
const COLON_OCTETS: [usize; 5] = [EUI_48, DHCP_CLIENT, EUI_64, DUID_LL, ETHERNET];
const EUI_48: usize = 6;
const DHCP_CLIENT: usize = 7;
const EUI_64: usize = 8;
const DUID_LL: usize = 10;
const ETHERNET: usize = 14;
/// With what a DUID-LLT begins: its type and that of Ethernet (RFC 8415, section 11.2).
const DUID_LLT_START: &[u8] = b"00:01:00:01";
/// Octets of a hyphen-separated run that hold a hardware address: EUI-48 and EUI-64.
const HYPHEN_OCTETS: [usize; 2] = [6, 8];
/// Groups of four digits that hold a hardware address: EUI-48 and EUI-64 as Cisco writes them.
const QUADS: [usize; 2] = [3, 4];

/// Finds the hardware addresses around the colon at `anchor`: `00:1b:44:11:3a:b7`; of an Ethernet header both.
pub(super) fn at_colon(text: &[u8], anchor: usize, done: &mut usize) -> [Option<Range<usize>>; 2] {
    let Some(run) = groups(text, anchor, 2, done).filter(|run| COLON_OCTETS.contains(&run.count)) else {
        return [None, None];
    };
    let Range { start, end } = run.span;
    // Octets and their colons, without the last one.
    let length = |octets: usize| 3 * octets - 1;
    match run.count {
        ETHERNET if !part(text, start..end).starts_with(DUID_LLT_START) => {
            let source = start + length(EUI_48) + 1;
            [Some(start..source - 1), Some(source..source + length(EUI_48))]
        }
        DHCP_CLIENT | DUID_LL => [Some(end - length(EUI_48)..end), None],
        _ => [Some(start..end), None],
    }
}

/// Finds the hardware address around the hyphen at `anchor`: `00-1B-44-11-3A-B7`, or `001b-4411-3ab7`.
pub(super) fn at_hyphen(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    if let Some(run) = groups(text, anchor, 2, done) {
        return HYPHEN_OCTETS.contains(&run.count).then_some(run.span);
    }
    let run = groups(text, anchor, 4, done)?;
    // Digits alone in this form are mostly numbers of orders, accounts and telephones; a UUID's middle stands between hyphens.
    let is_number = text.get(run.span.clone())?.iter().all(|byte| !byte.is_ascii_alphabetic());
    let inside = byte_before(text, run.span.start) == Some(b'-') || byte(text, run.span.end) == Some(b'-');
    (QUADS.contains(&run.count) && !is_number && !inside).then_some(run.span)
}

/// Finds the hardware address around the dot at `anchor`: `001b.4411.3ab7`.
pub(super) fn at_dot(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let run = groups(text, anchor, 4, done)?;
    QUADS.contains(&run.count).then_some(run.span)
}

/// Groups of hex digits of one length, joined by one separator.
struct Groups {
    span: Range<usize>,
    count: usize,
}

/// The run of groups of `digits` hex digits whose first separator stands at `anchor`.
fn groups(text: &[u8], anchor: usize, digits: usize, done: &mut usize) -> Option<Groups> {
    let separator = byte(text, anchor)?;
    let start = anchor.checked_sub(digits)?;
    if anchor < *done || !is_group(text, start, digits) || !opens_group(text, start) {
        return None;
    }
    let mut run = Groups { span: start..anchor, count: 1 };
    while byte(text, run.span.end) == Some(separator) && is_group(text, run.span.end + 1, digits) {
        run.span.end += 1 + digits;
        run.count += 1;
    }
    *done = run.span.end;
    Some(run)
}

/// Whether exactly `digits` hex digits stand at `start`, and no letter or digit behind them.
fn is_group(text: &[u8], start: usize, digits: usize) -> bool {
    let end = run_end(text.get(..text.len().min(start + digits + 1)).unwrap_or_default(), start, |byte| {
        byte.is_ascii_hexdigit()
    });
    end == start + digits && !byte(text, end).is_some_and(|byte| byte.is_ascii_alphanumeric())
}

/// Whether no hex digit stands before `start`, other than an escape's.
fn opens_group(text: &[u8], start: usize) -> bool {
    run_start(text, start.saturating_sub(1), start, |byte| byte.is_ascii_alphanumeric()) == start
        || escape_end(text, start) == Some(start)
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::check;

    #[test]
    fn hardware_addresses() {
        for (text, address) in [
            ("00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
            ("(00-1B-44-11-3A-B7)", "00-1B-44-11-3A-B7"),
            ("001b.4411.3ab7.", "001b.4411.3ab7"),
            ("001b-4411-3ab7", "001b-4411-3ab7"),
            ("00:1b:44:ff:fe:11:3a:b7", "00:1b:44:ff:fe:11:3a:b7"),
            ("00:01:00:01:11:22:33:44:00:1b:44:11:3a:b7", "00:01:00:01:11:22:33:44:00:1b:44:11:3a:b7"),
            ("00:03:00:01:00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
            ("mac:00:1b:44:11:3a:b7:443", "00:1b:44:11:3a:b7"),
            ("uid 01:00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
            ("host-00-1b-44-11-3a-b7.example.com", "00-1b-44-11-3a-b7"),
            ("%3D00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
        ] {
            check(text, &[&format!("mac:{address}")]);
        }
    }

    /// As iptables logs it: destination, source, type.
    #[test]
    fn ethernet_headers() {
        check(
            "MAC=aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:08:00 SRC=192.0.2.1",
            &["mac:aa:bb:cc:dd:ee:ff", "mac:00:11:22:33:44:55", "ip:192.0.2.1"],
        );
    }

    #[test]
    fn other_hex_runs() {
        for text in [
            "12:34:56",
            "00:1b:44:11:3a",
            "2024-01-02-03-04",
            "1234-5678-9012",
            "1234.5678",
            "aa:bb:cc:dd:ee:ff:00:11:22",
            "SHA1 3c:a9:f4:3b:3c:a9:f4:3b:3c:a9:f4:3b:3c:a9:f4:3b:11:22:33:44",
            "001b44113ab7",
        ] {
            check(text, &[]);
        }
    }
}
