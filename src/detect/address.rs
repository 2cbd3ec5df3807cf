//! IPv4 and IPv6 addresses.
//!
//! Where a text can be read two ways, the reading that covers more wins: a version number taken for an address costs a
//! number, an address taken for a version is a leak.

use super::scan::{byte, byte_before, escape_end, part, run_end, run_start, work};
use crate::rules::{Shape, ShapeSet};
use ipnet::IpNet;
use std::net::Ipv6Addr;
use std::ops::Range;

/// Longest IPv6 address in text, with an IPv4 tail: POSIX `INET6_ADDRSTRLEN` less the final NUL.
const ADDRESS_BYTES_MAX: usize = 45;
/// Digits of a full group of an IPv6 address (RFC 4291, section 2.2).
const GROUP_DIGITS_MAX: usize = 4;
/// Groups of an IPv6 address without `::`.
const GROUPS: usize = 8;

/// Numbers of a dotted run that are looked at one by one; longer runs are judged by their first.
const NUMBERS_MAX: usize = 5;

/// Finds the IPv4 address around the dot at `anchor`.
///
/// In a run of dotted numbers the address is:
/// - of four numbers: all of them;
/// - of five: the first four, the fifth being a port as tcpdump and BSD netstat write it (`192.0.2.1.443`), or else the
///   last four (`1700000000.192.0.2.1`). Five-part versions whose numbers are all octets are taken for addresses too;
/// - of six or more: the whole run if it starts with an address, unless it starts with 0, 1 or 2 as every object
///   identifier does (X.660): the parts of `192.0.2.1.80.198.51.100.2` cannot be told apart.
///
/// Numbers after `v` or after a product name (`Chrome/126.0.0.0`) are versions.
pub(super) fn at_dot(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    let is_digit = |at: Option<u8>| at.is_some_and(|byte| byte.is_ascii_digit());
    if anchor < *done || !is_digit(byte_before(text, anchor)) || !is_digit(byte(text, anchor + 1)) {
        return None;
    }
    let start = run_start(text, *done, anchor, |byte| byte.is_ascii_digit());
    let run = DottedNumbers::at(text, escape_end(text, start).filter(|&end| end < anchor).unwrap_or(start));
    *done = run.end;
    run.address(text).filter(|span| !is_version(text, span))
}

/// Whether the dotted numbers around the dot at `anchor` go on behind the next one, or that is no octet.
///
/// A run of two numbers holds no address, and behind the first dot of an address there are more bytes than are looked at.
pub(super) fn may_go_on(text: &[u8], anchor: usize) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    match part(text, anchor + 1..anchor + 2 + OCTET_DIGITS_MAX) {
        [_, b'.', ..] | [_, _, b'.', ..] => true,
        behind => {
            behind.iter().skip(1).take(2).all(is_digit)
                && behind.get(OCTET_DIGITS_MAX).is_some_and(|byte| is_digit(byte) || *byte == b'.')
        }
    }
}

/// Digits of the largest octet, 255.
const OCTET_DIGITS_MAX: usize = 3;

/// The address together with the length of its prefix, if it is the address of a network that is sought: `192.0.2.0/24`.
///
/// Where bits stand behind the prefix, or none can, it is the address of a host in its network.
pub(super) fn with_prefix(text: &[u8], address: Range<usize>, sought: ShapeSet) -> (Shape, Range<usize>) {
    let network = || {
        let digits = address.end + 1..run_end(text, address.end + 1, |byte| byte.is_ascii_digit());
        let open = byte(text, digits.end).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"./_-%".contains(&byte));
        let ends_sentence = byte(text, digits.end) == Some(b'.')
            && !byte(text, digits.end + 1).is_some_and(|byte| byte.is_ascii_alphanumeric());
        // The first step of a URL's path may be a number.
        let in_url =
            byte_before(text, address.start) == Some(b'/') && byte_before(text, address.start - 1) == Some(b'/');
        if !(1..=3).contains(&digits.len()) || open && !ends_sentence || in_url {
            return None;
        }
        let span = address.start..digits.end;
        work::count(span.len());
        let network: IpNet = std::str::from_utf8(part(text, span.clone())).ok()?.parse().ok()?;
        (network.prefix_len() < network.max_prefix_len() && network.trunc() == network).then_some(span)
    };
    if byte(text, address.end) != Some(b'/') || !sought.has(Shape::Net) {
        return (Shape::Ip, address);
    }
    network().map_or((Shape::Ip, address), |span| (Shape::Net, span))
}

/// A run of numbers joined by single dots.
struct DottedNumbers {
    /// The first [`NUMBERS_MAX`] numbers.
    numbers: [Range<usize>; NUMBERS_MAX],
    /// How many numbers there are in all.
    count: usize,
    /// End of the last number.
    end: usize,
}

impl DottedNumbers {
    /// The run that starts at `start`.
    fn at(text: &[u8], start: usize) -> Self {
        let mut run = Self { numbers: Default::default(), count: 0, end: start };
        let mut from = start;
        loop {
            let end = run_end(text, from, |byte| byte.is_ascii_digit());
            if end == from {
                return run;
            }
            if let Some(number) = run.numbers.get_mut(run.count) {
                *number = from..end;
            }
            run.count += 1;
            run.end = end;
            if byte(text, end) != Some(b'.') {
                return run;
            }
            from = end + 1;
        }
    }

    /// The address in the run, by the rules of [`at_dot`].
    fn address(&self, text: &[u8]) -> Option<Range<usize>> {
        let octets = self.numbers.each_ref().map(|number| octet(part(text, number.clone())));
        let [first, second, _, fourth, fifth] = &self.numbers;
        let starts_with_address = octets.iter().take(4).all(Option::is_some);
        match self.count {
            4 | 5 if starts_with_address => Some(first.start..fourth.end),
            5 if octets.iter().skip(1).all(Option::is_some) && octets[1] != Some(0) => Some(second.start..fifth.end),
            6.. if starts_with_address && octets[0] > Some(2) => Some(first.start..self.end),
            _ => None,
        }
    }
}

/// The value of one to three digits up to 255. Leading zeros are common in logs that pad columns.
fn octet(digits: &[u8]) -> Option<u8> {
    if !(1..=3).contains(&digits.len()) {
        return None;
    }
    let value = digits.iter().fold(0_u16, |value, digit| value * 10 + u16::from(digit.saturating_sub(b'0')));
    u8::try_from(value).ok()
}

/// Whether the numbers of `span` are a version: `v1.2.3.4`, `version: 1.2.3.4`, or `Chrome/126.0.0.0`.
///
/// Browsers with reduced user agents end all versions in `.0.0`, which no host's address does, so a name and a slash
/// before other numbers (`Peer/192.0.2.1`) hide nothing.
fn is_version(text: &[u8], span: &Range<usize>) -> bool {
    let letters_before = |to: usize| {
        let floor = to.saturating_sub(PRODUCT_BYTES_MAX);
        part(text, run_start(text, floor, to, |byte| byte.is_ascii_alphabetic())..to)
    };
    match byte_before(text, span.start) {
        Some(b'v' | b'V') => letters_before(span.start).len() == 1,
        Some(b'/') => {
            let product = letters_before(span.start - 1);
            product.len() > 1 && product[0].is_ascii_uppercase() && part(text, span.clone()).ends_with(b".0.0")
        }
        Some(b' ' | b':' | b'=') => {
            let word_end = span.start - 1 - usize::from(part(text, span.start.saturating_sub(2)..span.start) == b": ");
            letters_before(word_end).eq_ignore_ascii_case(b"version")
        }
        _ => false,
    }
}

/// Longest product name looked for before a version.
const PRODUCT_BYTES_MAX: usize = 32;

/// Longest address below `ip6.arpa`: a nibble and a dot for four bits each.
const REVERSED_BYTES_MAX: usize = 64;

/// Finds the address or network in the zone of a reverse name, before whose `in-addr.arpa` or `ip6.arpa` the dot at
/// `anchor` stands (RFC 1035, section 3.5; RFC 3596, section 2.5).
pub(super) fn reversed_at(text: &[u8], anchor: usize) -> Option<(Shape, Range<usize>)> {
    const V4: &[u8] = b".in-addr.arpa";
    const V6: &[u8] = b".ip6.arpa";
    if !matches!(byte(text, anchor + 1), Some(b'i' | b'I')) {
        return None;
    }
    let is_zone = |zone: &[u8]| part(text, anchor..anchor + zone.len()).eq_ignore_ascii_case(zone);
    let zone = [V4, V6].into_iter().find(|zone| is_zone(zone))?;
    let is_v4 = zone == V4;
    let belongs = |byte: u8| byte == b'.' || if is_v4 { byte.is_ascii_digit() } else { byte.is_ascii_hexdigit() };
    let start = run_start(text, anchor.saturating_sub(REVERSED_BYTES_MAX), anchor, belongs);
    let span = start..anchor + zone.len();
    let parts = part(text, start..anchor).split(|byte| *byte == b'.');
    work::count(span.len());
    match (is_v4, parts.clone().count()) {
        (true, 4) if parts.clone().all(|part| octet(part).is_some()) => Some((Shape::Ip, span)),
        (true, 3) if parts.clone().all(|part| octet(part).is_some()) => Some((Shape::Net, span)),
        (false, 32) if parts.clone().all(|part| part.len() == 1) => Some((Shape::Ip, span)),
        _ => None,
    }
}

/// Words before an address with hyphens in the name of a host, without those that its domain gives away.
const HOST_WORDS: [&[u8]; 6] = [b"ip", b"ec2", b"ipv4", b"host", b"node", b"static"];

/// What is known of the text around addresses with hyphens: where the last one was looked for, and the name around it.
#[derive(Default)]
pub(super) struct Hyphenated {
    done: usize,
    /// End of the name: letters, digits, hyphens, underscores and dots.
    name_end: usize,
    /// Where the last two labels of the name begin, with the dot before them, if it is one of a host.
    domain: Option<usize>,
}

/// Finds the IPv4 address with hyphens that starts before the one at `anchor`, in the name of a host: `ip-192-0-2-1`,
/// `192-0-2-1.dyn.example.com`.
pub(super) fn at_hyphen(text: &[u8], anchor: usize, known: &mut Hyphenated) -> Option<Range<usize>> {
    let is_digit = |at: Option<u8>| at.is_some_and(|byte| byte.is_ascii_digit());
    if anchor < known.done || !is_digit(byte_before(text, anchor)) || !is_digit(byte(text, anchor + 1)) {
        return None;
    }
    let start = run_start(text, known.done, anchor, |byte| byte.is_ascii_digit());
    // The digit of a word before it: `ec2-203-0-113-5`.
    let is_word = byte_before(text, start).is_some_and(|byte| byte.is_ascii_alphabetic());
    let behind_escape = escape_end(text, start).filter(|&end| end < anchor);
    let start = behind_escape.unwrap_or(if is_word { anchor + 1 } else { start });
    let end = run_end(text, anchor, |byte| byte.is_ascii_digit() || byte == b'-');
    known.done = end;
    // Behind it may stand a hyphen: `192-0-2-1-dynamic`.
    let span = start..start + part(text, start..end).strip_suffix(b"-").map_or(end.max(start) - start, <[u8]>::len);
    work::count(span.len());
    let mut octets = part(text, span.clone()).split(|byte| *byte == b'-').map(octet);
    let are_octets = octets.by_ref().take(4).filter(Option::is_some).count() == 4 && octets.next().is_none();
    // Dates are written so, too.
    let is_padded = byte(text, span.start) == Some(b'0');
    let opens =
        !byte_before(text, span.start).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte));
    if !are_octets || is_padded || !opens {
        return None;
    }
    if known.name_end < span.end {
        known.learn(text, span.start);
    }
    let is_host = known.domain.is_some_and(|domain| span.end <= domain) || is_behind_host_word(text, span.start);
    is_host.then_some(span)
}

impl Hyphenated {
    /// Looks at the name around `at`: a host's has letters only in its last label, and at least one more before that.
    ///
    /// A single slash stands before the name of a file.
    fn learn(&mut self, text: &[u8], at: usize) {
        let belongs = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let start = run_start(text, self.name_end, at, belongs);
        self.name_end = run_end(text, at, belongs);
        let name = part(text, start..self.name_end);
        let name = name.strip_suffix(b".").unwrap_or(name);
        let last = name.iter().rposition(|byte| *byte == b'.').unwrap_or_default();
        let label = name.get(last + 1..).unwrap_or_default();
        let is_file = byte_before(text, start) == Some(b'/') && byte_before(text, start - 1) != Some(b'/');
        let is_host = label.len() >= 2 && label.iter().all(u8::is_ascii_alphabetic) && !is_file;
        work::count(name.len());
        let domain = part(name, 0..last).iter().rposition(|byte| *byte == b'.');
        self.domain = domain.filter(|_| is_host).map(|domain| start + domain);
    }
}

fn is_behind_host_word(text: &[u8], start: usize) -> bool {
    let Some(end) = start.checked_sub(1).filter(|hyphen| byte(text, *hyphen) == Some(b'-')) else { return false };
    let floor = end.saturating_sub(PRODUCT_BYTES_MAX);
    let word = part(text, run_start(text, floor, end, |byte| byte.is_ascii_alphanumeric())..end);
    HOST_WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Finds the IPv6 address around the colon at `anchor`: any spelling of RFC 4291 and RFC 5952, with its zone (RFC 4007).
///
/// A port without brackets cannot be told from a group: `2001:db8::1:443` is one address. If the last number is too
/// long for a group, or one too many, the rest is the address.
pub(super) fn at_colon(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    if anchor < *done {
        return None;
    }
    let start = run_start(text, *done, anchor, |byte| byte.is_ascii_hexdigit());
    let end = run_end(text, anchor, is_address_byte);
    *done = end;
    let run = part(text, start..end);
    if !has_colons(run) || is_date(text, start, run) {
        return None;
    }
    work::count(run.len());
    let start = first_group(text, start..end);
    let span = with_dotted_tail(text, start, end).or_else(|| {
        let whole = start..last_group(text, start..end);
        [Some(whole.clone()), without_port(text, &whole)]
            .into_iter()
            .flatten()
            .find(|span| is_address(text, span))
            .or_else(|| is_crowded(part(text, whole.clone())).then_some(whole))
    })?;
    let end = zone_end(text, &span);
    *done = end.max(*done);
    Some(span.start..end)
}

/// Whether a run has the colons of an address: two together, or those before the last two groups, which may be spelled as
/// IPv4. Times have less.
fn has_colons(run: &[u8]) -> bool {
    work::count(run.len());
    let (mut count, mut before) = (0, 0);
    for byte in run {
        if *byte == b':' {
            count += 1;
            if before == b':' || count == GROUPS - 2 {
                return true;
            }
        }
        before = *byte;
    }
    false
}

/// Whether the run that starts at `start` is the year and time of a date as Erlang writes it: `1-Jan-2026::00:00:00`.
fn is_date(text: &[u8], start: usize, run: &[u8]) -> bool {
    let month = part(text, start.saturating_sub(5)..start);
    let has_month =
        matches!(month, [b'-', month @ .., b'-'] if month.len() == 3 && month.iter().all(u8::is_ascii_alphabetic));
    has_month && run.len() > 4 && run[..4].iter().all(u8::is_ascii_digit) && run[4..].starts_with(b"::")
}

fn is_address_byte(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || byte == b':'
}

/// Where the first group of an address may start in the run: behind an escape, the end of a word, a word such as `add:`.
fn first_group(text: &[u8], run: Range<usize>) -> usize {
    if let Some(end) = escape_end(text, run.start) {
        return skip_lone_colon(text, end);
    }
    let group_end = run_end(text, run.start, |byte| byte.is_ascii_hexdigit());
    let group = part(text, run.start..group_end);
    let cut_word = byte_before(text, run.start).is_some_and(|byte| byte.is_ascii_alphanumeric());
    // A first group shorter than four digits is an address below 1000::, where only ones with digits are assigned.
    let short_word =
        !group.is_empty() && group.len() < GROUP_DIGITS_MAX && group.iter().all(|byte| byte.is_ascii_alphabetic());
    if !cut_word && !short_word {
        return skip_lone_colon(text, run.start);
    }
    let colons_end = run_end(text, group_end, |byte| byte == b':');
    // `addr:::1` is `addr:` before `::1`; `std::ac` is a path.
    if colons_end - group_end >= 3 { group_end + 1 } else { colons_end }
}

/// `start`, or behind the colon there if it is no part of `::`.
fn skip_lone_colon(text: &[u8], start: usize) -> usize {
    let colons = run_end(text, start, |byte| byte == b':') - start;
    if colons == 1 || colons == 3 { start + 1 } else { start }
}

/// Where the last group of an address may end in the run: before a lone colon, before the start of a word.
fn last_group(text: &[u8], run: Range<usize>) -> usize {
    let cut_word = byte(text, run.end).is_some_and(|byte| byte.is_ascii_alphanumeric());
    let certain = || first_group_digits(text, &run) == GROUP_DIGITS_MAX && has_digit(part(text, run.clone()));
    if cut_word && !certain() {
        let group_start = run_start(text, run.start, run.end, |byte| byte.is_ascii_hexdigit());
        return run_start(text, run.start, group_start, |byte| byte == b':');
    }
    let colons = run.end - run_start(text, run.start, run.end, |byte| byte == b':');
    if colons == 1 || colons > 2 { run.end - 1 } else { run.end }
}

fn first_group_digits(text: &[u8], run: &Range<usize>) -> usize {
    run_end(text, run.start, |byte| byte.is_ascii_hexdigit()) - run.start
}

fn has_digit(bytes: &[u8]) -> bool {
    work::count(bytes.len());
    bytes.iter().any(u8::is_ascii_digit)
}

/// The address whose last 32 bits are written as IPv4, if the run goes on as one: `::ffff:192.0.2.1`.
fn with_dotted_tail(text: &[u8], start: usize, run_end: usize) -> Option<Range<usize>> {
    if byte(text, run_end) != Some(b'.') {
        return None;
    }
    let tail = run_start(text, start, run_end, |byte| byte.is_ascii_digit());
    let end = DottedNumbers::at(text, tail).address(text)?.end;
    Some(start..end).filter(|span| is_address(text, span))
}

/// The span without its last group, if that can be a port and the rest is a whole address.
fn without_port(text: &[u8], span: &Range<usize>) -> Option<Range<usize>> {
    let port = run_start(text, span.start, span.end, |byte| byte.is_ascii_digit());
    let is_port = port < span.end && first_group_digits(text, span) == GROUP_DIGITS_MAX;
    (is_port && byte_before(text, port) == Some(b':')).then(|| span.start..port - 1)
}

/// Whether `span` is an address and not a time, a path or a hardware address.
fn is_address(text: &[u8], span: &Range<usize>) -> bool {
    let bytes = part(text, span.clone());
    let Some(address) = parse(bytes) else { return false };
    if address.is_unspecified() && bytes.len() == 2 {
        return is_delimited(text, span);
    }
    let is_path = first_group_digits(text, span) < GROUP_DIGITS_MAX && !has_digit(bytes);
    let is_hardware = bytes.split(|&byte| byte == b':').all(|group| group.len() == 2);
    !is_path && !is_hardware
}

fn parse(bytes: &[u8]) -> Option<Ipv6Addr> {
    if bytes.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    work::count(bytes.len());
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// Whether white space, quotes, brackets or the text's ends stand around `span`: `::` alone is common in code.
fn is_delimited(text: &[u8], span: &Range<usize>) -> bool {
    let delimits =
        |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'`[](){}<>=,;/|".contains(&byte));
    delimits(byte_before(text, span.start)) && delimits(byte(text, span.end))
}

/// Whether a run that is no address holds one all the same, beside other groups: `12:34:2001:db8:0:0:0:0:0:1`.
fn is_crowded(bytes: &[u8]) -> bool {
    work::count(3 * bytes.len());
    let groups = || bytes.split(|&byte| byte == b':');
    let compressed = bytes.windows(2).any(|pair| pair == b"::");
    let enough = if compressed { GROUPS / 2 } else { GROUPS };
    groups().count() > enough
        && groups().all(|group| group.len() <= GROUP_DIGITS_MAX + 2)
        && groups().any(|group| group.len() > 2)
        && has_digit(bytes)
}

/// End of the address's zone: `fe80::1%eth0`. Only addresses with a scope have one; elsewhere `%` starts an escape.
fn zone_end(text: &[u8], span: &Range<usize>) -> usize {
    let scoped = || parse(part(text, span.clone())).is_some_and(|ip| ip.is_unicast_link_local() || ip.is_multicast());
    if byte(text, span.end) != Some(b'%') || !scoped() {
        return span.end;
    }
    // `%25` is the same sign in a URL (RFC 6874).
    let zone = if part(text, span.end..span.end + 3) == b"%25" { span.end + 3 } else { span.end + 1 };
    let end = run_end(text, zone, |byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let end = run_start(text, zone, end, |byte| byte == b'.').min(end);
    if end == zone { span.end } else { end }
}

/// Finds the IPv6 address around the percent-encoded colon at `anchor`: `2001%3Adb8%3A%3A1`.
pub(super) fn at_encoded_colon(text: &[u8], anchor: usize, done: &mut usize) -> Option<Range<usize>> {
    if anchor < *done || !is_encoded_colon(text, anchor) {
        return None;
    }
    let run = run_start(text, *done, anchor, |byte| byte.is_ascii_hexdigit());
    let start = escape_end(text, run).filter(|&end| end <= anchor).unwrap_or(run);
    let mut decoded = Vec::with_capacity(ADDRESS_BYTES_MAX);
    let mut end = start;
    loop {
        let group_end = run_end(text, end, |byte| byte.is_ascii_hexdigit());
        decoded.extend_from_slice(part(text, end..group_end));
        end = group_end;
        if !is_encoded_colon(text, end) {
            break;
        }
        decoded.push(b':');
        end += 3;
    }
    *done = end;
    is_address(&decoded, &(0..decoded.len())).then_some(start..end)
}

fn is_encoded_colon(text: &[u8], at: usize) -> bool {
    part(text, at..at + 3).eq_ignore_ascii_case(b"%3a")
}

#[cfg(test)]
mod tests {
    use crate::detect::tests::check;

    #[test]
    fn ipv4() {
        for text in [
            "192.0.2.1",
            "from 192.0.2.1 port 22",
            "[192.0.2.1]:443",
            "192.0.2.1:443",
            "192.0.2.1/24",
            "192.0.2.1/32",
            "http://192.0.2.1/8",
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
            "1700000000.192.0.2.1",
            "sshd@3-192.0.2.1",
            "größe192.0.2.1€",
        ] {
            check(text, &["ip:192.0.2.1"]);
        }
        check("192.168.001.001", &["ip:192.168.001.001"]);
        check("192.0.2.1..198.51.100.2", &["ip:192.0.2.1", "ip:198.51.100.2"]);
        check("1.2.3.4, 10.0.0.1, unknown", &["ip:1.2.3.4", "ip:10.0.0.1"]);
        check("10.0.0.1.5", &["ip:10.0.0.1"]);
        check("192.0.2.1.80.198.51.100.2", &["ip:192.0.2.1.80.198.51.100.2"]);
        check("Chrome/126.0.0.0 192.0.2.1", &["ip:192.0.2.1"]);
    }

    #[test]
    fn networks() {
        for network in ["192.0.2.0/24", "192.0.2.128/25", "10.0.0.0/8", "2001:db8::/32", "fe80::/10"] {
            for text in ["{}", "from {} to", "({})", "[{}]", "cidr={},", "route {}.", "\"{}\""] {
                check(&text.replace("{}", network), &[&format!("net:{network}")]);
            }
        }
        for text in ["192.0.2.0/33", "192.0.2.0/24/x", "http://192.0.2.0/24", "192.0.2.0/", "192.0.2.0/1234"] {
            check(text, &["ip:192.0.2.0"]);
        }
    }

    #[test]
    fn only_the_word_itself_makes_a_version() {
        for text in ["conversion 192.0.2.1", "version to 192.0.2.1", "version  192.0.2.1", "versions: 192.0.2.1"] {
            check(text, &["ip:192.0.2.1"]);
        }
    }

    #[test]
    fn not_ipv4() {
        for text in [
            "1.2.3",
            "300.0.2.1",
            "192.0.2.256",
            "192.0.2",
            "v1.2.3.4",
            "version 1.2.3.4",
            "nginx Version: 1.2.3.4",
            "version=1.2.3.4",
            "Chrome/126.0.0.0",
            "Edg/126.0.0.0",
            "Safari/537.36.1.2",
            "1.3.6.1.4.1.2021.10.1.3.1",
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
    fn in_names_of_hosts() {
        let nibbles = format!("1.{}8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(23));
        for (text, address) in [
            ("PTR 1.2.0.192.in-addr.arpa.", "1.2.0.192.in-addr.arpa"),
            ("query: 77.2.0.192.IN-ADDR.ARPA IN PTR", "77.2.0.192.IN-ADDR.ARPA"),
            (&format!("q={nibbles} IN"), nibbles.as_str()),
            ("host=ip-192-0-2-1 up", "192-0-2-1"),
            ("ec2-203-0-113-5.compute-1.amazonaws.com", "203-0-113-5"),
            ("from 192-0-2-1.dyn.example.com[x]", "192-0-2-1"),
            ("dsl-192-0-2-77-static.example.net.", "192-0-2-77"),
            ("https://h-192-0-2-77.a.example.net/x", "192-0-2-77"),
        ] {
            check(text, &[&format!("ip:{address}")]);
        }
        check("zone 2.0.192.in-addr.arpa", &["net:2.0.192.in-addr.arpa"]);
        for text in [
            "10.in-addr.arpa",
            "x.ip6.arpa",
            "192-0-2-1",
            "2026-01-01-12",
            "report-10-11-12-13.pdf",
            "GET /js/10-11-12-13.bundle.min.js",
            "01-02-03-04.a.example.com",
            "1-2-3-4-5.a.example.com",
            "a1-2-3-4.b.example.com",
        ] {
            check(text, &[]);
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
            "1-Jan-2026::00:00:00",
            "key:value:x",
            "0000:00:1f.2",
            "3c:a9:f4:3b:3c:a9:f4:3b:3c:a9:f4:3b:3c:a9:f4:3b",
        ] {
            check(text, &[]);
        }
    }
}
