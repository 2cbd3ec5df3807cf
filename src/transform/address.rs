//! Addresses as text: what `Display` of the standard library writes, at a fraction of its cost.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of the longest IPv4 address.
const V4_BYTES_MAX: usize = "255.255.255.255".len();

/// Bytes of the longest IPv6 address in this form: eight groups of four digits, and the colons between them.
const V6_BYTES_MAX: usize = 8 * 4 + 7;

/// By number: its decimal digits, with a dot behind them, and how many bytes these are.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([0; 4], 0); 256];
    let mut number = 0;
    while number < octets.len() {
        let digits = [b'0' + (number / 100) as u8, b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8];
        octets[number] = match number {
            0..=9 => ([digits[2], b'.', 0, 0], 2),
            10..=99 => ([digits[1], digits[2], b'.', 0], 3),
            _ => ([digits[0], digits[1], digits[2], b'.'], 4),
        };
        number += 1;
    }
    octets
};

/// Appends an address: four decimal numbers, or the text of RFC 5952.
pub(super) fn write(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => write_v4(v4, out),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            // RFC 5952, section 5.
            Some(v4) => {
                out.extend_from_slice(b"::ffff:");
                write_v4(v4, out);
            }
            None => write_v6(v6, out),
        },
    }
}

fn write_v4(address: Ipv4Addr, out: &mut Vec<u8>) {
    // Each number is written with whatever follows it in the table, and the next one over that.
    let mut text = [0; V4_BYTES_MAX + 1];
    let mut len = 0;
    for octet in address.octets() {
        let (digits, bytes) = OCTETS[usize::from(octet)];
        text[len..len + digits.len()].copy_from_slice(&digits);
        len += usize::from(bytes);
    }
    // Without the last dot.
    out.extend_from_slice(&text[..len - 1]);
}

fn write_v6(address: Ipv6Addr, out: &mut Vec<u8>) {
    let groups = address.segments();
    let (zeros, zeros_len) = longest_zeros(&groups);
    let mut text = [0; V6_BYTES_MAX];
    let mut len = 0;
    let mut push = |byte: u8| {
        text[len] = byte;
        len += 1;
    };
    let mut at = 0;
    while at < groups.len() {
        if zeros_len > 0 && at == zeros {
            push(b':');
            at += zeros_len;
            if at == groups.len() {
                push(b':');
            }
            continue;
        }
        if at > 0 {
            push(b':');
        }
        let digits = (u16::BITS - groups[at].leading_zeros()).div_ceil(4).max(1);
        (0..digits).rev().for_each(|digit| push(b"0123456789abcdef"[usize::from(groups[at] >> (digit * 4) & 0xf)]));
        at += 1;
    }
    out.extend_from_slice(&text[..len]);
}

/// The longest run of zeros, where it begins and how long it is; the first of equals, and none of a single one (RFC 5952,
/// section 4.2).
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let mut longest = (0, 1);
    let mut run = 0;
    for (at, group) in groups.iter().enumerate() {
        run = if *group == 0 { run + 1 } else { 0 };
        if run > longest.1 {
            longest = (at + 1 - run, run);
        }
    }
    if longest.1 > 1 { longest } else { (0, 0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(address: IpAddr) {
        let mut out = b"before ".to_vec();
        write(address, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("before {address}"));
    }

    #[test]
    fn every_octet_and_every_place_of_zeros() {
        for octet in 0..=u8::MAX {
            check(IpAddr::from([octet; 4]));
            check(IpAddr::from([octet, 0, 255, octet]));
            // The bits tell which groups are zero.
            for digits in [1_u16, 0xab, 0xf00, 0x1234] {
                let groups = std::array::from_fn(|group: usize| if octet >> group & 1 == 0 { 0 } else { digits });
                check(IpAddr::V6(Ipv6Addr::from(groups)));
            }
        }
        for text in ["::ffff:192.0.2.1", "::ffff:0:0", "::192.0.2.1", "::", "::1", "1::", "64:ff9b::192.0.2.1"] {
            check(text.parse().unwrap());
        }
    }

    proptest! {
        #[test]
        fn addresses_are_what_the_standard_library_writes(address: IpAddr, groups: [u16; 8], mask: [bool; 8]) {
            check(address);
            check(IpAddr::V6(Ipv6Addr::from(std::array::from_fn(|at| if mask[at] { groups[at] } else { 0 }))));
        }
    }
}
