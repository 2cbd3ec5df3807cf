//! Finds entities by shape in free text, and `name=value` pairs.
//!
//! Knows: byte shapes and their validators. Must not know rules' selectors, formats or keys. Start at [`shapes`].
//!
//! Linear: every byte is looked at a bounded number of times, whatever the text. Each detector wakes at one byte that
//! stands in all it finds and seldom elsewhere, looks back no further than where it stopped last, and judges a run once.

mod address;
mod email;
mod mac;
mod pairs;
mod scan;
mod secret;
mod uuid;

use crate::rules::Shape;
use std::ops::Range;

/// An entity found by its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Bytes of the text that are the entity itself: no port, no brackets, no quotes.
    pub span: Range<usize>,
    /// What it is.
    pub shape: Shape,
}

/// A `name=value` pair in free text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Bytes of the name.
    pub name: Range<usize>,
    /// Bytes of the value, without quotes.
    pub value: Range<usize>,
}

/// Appends the entities in `text` to `found`, in order of their start, without overlaps.
///
/// Where two detectors' spans overlap, their union is one entity of the longer one's shape: nothing that any detector
/// found stays outside.
pub fn shapes(text: &[u8], found: &mut Vec<Found>) {
    let first = found.len();
    let mut done = Done::default();
    for (anchor, &byte) in text.iter().enumerate().filter(|&(_, &byte)| ANCHORS[usize::from(byte)]) {
        wake(text, anchor, byte, &mut done, |shape, span| found.extend(span.map(|span| Found { span, shape })));
    }
    unite(found, first);
}

/// Where each detector stopped last: bytes before it are judged.
#[derive(Default)]
struct Done {
    ipv4: usize,
    ipv6: usize,
    encoded_ipv6: usize,
    octets: usize,
    hyphens: usize,
    quads: usize,
    uuid: usize,
    email: usize,
    jwt: usize,
    issued: usize,
    scheme: usize,
}

/// Bytes at which a detector wakes. Must be those that [`wake`] matches.
static ANCHORS: [bool; 256] = {
    let mut anchors = [false; 256];
    let bytes = b".:-@%J_I +";
    let mut at = 0;
    while at < bytes.len() {
        anchors[bytes[at] as usize] = true;
        at += 1;
    }
    anchors
};

/// Calls the detectors that wake at `byte`.
fn wake(text: &[u8], anchor: usize, byte: u8, done: &mut Done, mut keep: impl FnMut(Shape, Option<Range<usize>>)) {
    match byte {
        b'.' => {
            keep(Shape::Ip, address::at_dot(text, anchor, &mut done.ipv4));
            keep(Shape::Mac, mac::at_dot(text, anchor, &mut done.quads));
        }
        b':' => {
            keep(Shape::Ip, address::at_colon(text, anchor, &mut done.ipv6));
            keep(Shape::Mac, mac::at_colon(text, anchor, &mut done.octets));
        }
        b'-' => {
            keep(Shape::Uuid, uuid::at_hyphen(text, anchor, &mut done.uuid));
            keep(Shape::Mac, mac::at_hyphen(text, anchor, &mut done.hyphens));
            keep(Shape::Secret, secret::issued_at(text, anchor, &mut done.issued));
        }
        b'@' => keep(Shape::Email, email::at_sign(text, anchor, &mut done.email)),
        b'%' => {
            keep(Shape::Email, email::at_sign(text, anchor, &mut done.email));
            keep(Shape::Ip, address::at_encoded_colon(text, anchor, &mut done.encoded_ipv6));
            keep(Shape::Secret, secret::behind_scheme(text, anchor, &mut done.scheme));
        }
        b'J' => keep(Shape::Jwt, secret::jwt_at(text, anchor, &mut done.jwt)),
        b'_' | b'I' => keep(Shape::Secret, secret::issued_at(text, anchor, &mut done.issued)),
        b' ' | b'+' => keep(Shape::Secret, secret::behind_scheme(text, anchor, &mut done.scheme)),
        _ => {}
    }
}

/// Sorts the entities from `first` on by start and unites those that overlap.
fn unite(found: &mut Vec<Found>, first: usize) {
    let Some(new) = found.get_mut(first..).filter(|new| !new.is_empty()) else { return };
    new.sort_by_key(|entity| (entity.span.start, entity.shape));
    let mut last = 0;
    for next in 1..new.len() {
        if new[next].span.start >= new[last].span.end {
            last += 1;
            new.swap(last, next);
            continue;
        }
        if new[next].span.len() > new[last].span.len() {
            new[last].shape = new[next].shape;
        }
        new[last].span.end = new[last].span.end.max(new[next].span.end);
    }
    found.truncate(first + last + 1);
}

/// Appends the pairs in `text` to `found`, in order of their names: `name=value`, `name="value"`, `name: value`.
///
/// A value may hold pairs of its own (`msg="user=alice"`), which are listed too: only the caller knows which names count.
pub fn pairs(text: &[u8], found: &mut Vec<Pair>) {
    pairs::find(text, found);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `shapes` finds, as `shape:text`.
    fn found(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        shapes(text.as_bytes(), &mut found);
        found.iter().map(|entity| format!("{}:{}", entity.shape.code(), &text[entity.span.clone()])).collect()
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(found(text), expected, "in {text}");
    }

    #[test]
    fn ipv4() {
        for text in [
            "192.0.2.1",
            "from 192.0.2.1 port 22",
            "[192.0.2.1]:443",
            "192.0.2.1:443",
            "192.0.2.0/24",
            "(192.0.2.1)",
            "ip=192.0.2.1;",
            "\"192.0.2.1\"",
            "addr:192.0.2.1",
            "http://192.0.2.1/x",
            "peer/192.0.2.1",
            "/192.0.2.1:443",
            "from 192.0.2.1.",
            "192.0.2.1, unknown",
            "x_192.0.2.1_y",
            "IP 192.0.2.1.443:",
            "192.0.2.1.443 >",
            "a%20192.0.2.1%20b",
            "%3D192.0.2.1",
            "a\\n192.0.2.1\\n",
            "\u{1b}[31m192.0.2.1\u{1b}[0m",
            "#012192.0.2.1",
            "\\u0020192.0.2.1",
            "client192.0.2.1port",
            "192.0.2.1...",
            "1700000000.192.0.2.1",
            "sshd@3-192.0.2.1",
            "192.0.2.1.in-addr.arpa",
            "Peer/192.0.2.1",
            "größe192.0.2.1€",
        ] {
            let expected = if text == "192.0.2.0/24" { "ip:192.0.2.0" } else { "ip:192.0.2.1" };
            check(text, &[expected]);
        }
        check("192.168.001.001", &["ip:192.168.001.001"]);
        check("192.0.2.1..198.51.100.2", &["ip:192.0.2.1", "ip:198.51.100.2"]);
        check("1.2.3.4, 10.0.0.1, unknown", &["ip:1.2.3.4", "ip:10.0.0.1"]);
        check("10.0.0.1.5", &["ip:10.0.0.1"]);
        check("192.0.2.1.80.198.51.100.2", &["ip:192.0.2.1.80.198.51.100.2"]);
        check("Chrome/126.0.0.0 192.0.2.1", &["ip:192.0.2.1"]);
    }

    #[test]
    fn not_ipv4() {
        for text in [
            "1.2.3",
            "300.0.2.1",
            "192.0.2.256",
            "192.0.2",
            "v1.2.3.4",
            "Chrome/126.0.0.0",
            "Edg/126.0.0.0",
            "Safari/537.36.1.2",
            "1.3.6.1.4.1.2021.10.1.3.1",
            "ip-192-0-2-1",
            "1,2,3,4",
            "0.25 1.5",
            "2024.11.23",
            "1.2..3.4",
            "1920.0.2.1",
            "....",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn ipv6() {
        for (text, address) in [
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("[2001:db8::1]:443]", "2001:db8::1"),
            ("2001:DB8:0:0:0:0:0:1", "2001:DB8:0:0:0:0:0:1"),
            ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:0db8:0000:0000:0000:0000:0000:0001"),
            ("from ::1 port", "::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("[::ffff:c000:201]:443", "::ffff:c000:201"),
            ("::ffff:1.2.3.4,", "::ffff:1.2.3.4"),
            ("64:ff9b::192.0.2.33", "64:ff9b::192.0.2.33"),
            ("fe80::1%eth0", "fe80::1%eth0"),
            ("[fe80::1%25eth0]", "fe80::1%25eth0"),
            ("fe80::1%eth0.100: up", "fe80::1%eth0.100"),
            ("2001:db8::1%20x", "2001:db8::1"),
            ("a :: b", "::"),
            ("listening on [::]:80", "::"),
            ("2001:db8::", "2001:db8::"),
            ("2001:db8::1.", "2001:db8::1"),
            ("2001:db8::1:", "2001:db8::1"),
            ("IP6 2001:db8::1.443 >", "2001:db8::1"),
            ("ip:2001:db8::1", "2001:db8::1"),
            ("add:2001:db8::1", "2001:db8::1"),
            ("addr:::1", "::1"),
            ("id=2001:db8::1;", "2001:db8::1"),
            ("2001:db8::1:443", "2001:db8::1:443"),
            ("2001:db8::/32", "2001:db8::"),
            ("1a00:c820:1180:c84c::ad3f:d991:ec2e:49255", "1a00:c820:1180:c84c::ad3f:d991:ec2e"),
            ("1a00:c820:1180:c84c::ad3f:d991:ec2e:492555", "1a00:c820:1180:c84c::ad3f:d991:ec2e"),
            ("2001:db8:0:0:0:0:0:1:443", "2001:db8:0:0:0:0:0:1"),
            ("limit:12:34:2001:db8:0:0:0:0:0:1", "12:34:2001:db8:0:0:0:0:0:1"),
            ("2001%3Adb8%3A%3A1", "2001%3Adb8%3A%3A1"),
            ("?ip%3D2001%3adb8%3a%3a1&x", "2001%3adb8%3a%3a1"),
            ("%202001:db8::1", "2001:db8::1"),
            ("2001:db8::1is", "2001:db8::1"),
            ("dead::beef", "dead::beef"),
        ] {
            check(text, &[&format!("ip:{address}")]);
        }
    }

    #[test]
    fn not_ipv6() {
        for text in [
            "std::string",
            "a::b",
            "use std::ac::bd;",
            "12:34:56",
            "12:34:56.789",
            "2024-01-01T12:34:56Z",
            "a:b:c",
            "Foo::",
            "f64::EPSILON",
            "foo.rs:12:34",
            "::::::",
            "md5::abc",
            "::dead",
            "b64::decode",
            "key:value:x",
            "0000:00:1f.2",
            "3c:a9:f4:3b:3c:a9:f4:3b:3c:a9:f4:3b:3c:a9:f4:3b",
        ] {
            check(text, &[]);
        }
    }

    #[test]
    fn mac() {
        for (text, address) in [
            ("00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
            ("(00-1B-44-11-3A-B7)", "00-1B-44-11-3A-B7"),
            ("001b.4411.3ab7.", "001b.4411.3ab7"),
            ("001b-4411-3ab7", "001b-4411-3ab7"),
            ("00:1b:44:ff:fe:11:3a:b7", "00:1b:44:ff:fe:11:3a:b7"),
            ("MAC=aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:08:00 SRC", "aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:08:00"),
            ("mac:00:1b:44:11:3a:b7:443", "00:1b:44:11:3a:b7"),
            ("uid 01:00:1b:44:11:3a:b7", "01:00:1b:44:11:3a:b7"),
            ("host-00-1b-44-11-3a-b7.example.com", "00-1b-44-11-3a-b7"),
            ("%3D00:1b:44:11:3a:b7", "00:1b:44:11:3a:b7"),
        ] {
            check(text, &[&format!("mac:{address}")]);
        }
    }

    #[test]
    fn not_mac() {
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

    #[test]
    fn uuid() {
        const ID: &str = "550e8400-e29b-41d4-a716-446655440000";
        for text in ["{}", "{{}}", "id={};", "pod-{}-x", "%3D{}%26", "urn:uuid:{}", "x{}"] {
            check(&text.replace("{}", ID), &[&format!("uuid:{ID}")]);
        }
        check("550E8400-E29B-41D4-A716-446655440000", &["uuid:550E8400-E29B-41D4-A716-446655440000"]);
        for text in [
            "f550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-4466554400001",
            "550e8400-e29b-41d4-a716-44665544000",
        ] {
            check(text, &[]);
        }
    }
}
