//! Invented API events.

/// An event of fewer bytes has no path, no duration and no headers.
const FULL_BYTES_MIN: usize = 512;

/// Writes the event `seq` of partition `part` into `payload` and returns its user's name.
///
/// Addresses are of the documentation ranges (RFC 3849, RFC 5737). Every event has a user of its own and one of 65,536
/// IPv6 addresses or 762 IPv4 ones.
pub(crate) fn event(part: i32, seq: u64, bytes: usize, payload: &mut Vec<u8>) -> String {
    let random = scramble(seq << 8 | part as u64);
    let host = 1 + random % 254;
    let ip = match random >> 8 & 3 {
        0 => format!("192.0.2.{host}"),
        1 => format!("198.51.100.{host}"),
        2 => format!("203.0.113.{host}"),
        _ => format!("2001:db8::{:x}", 1 + (random >> 16) % 65_536),
    };
    let user = format!("{}{}", name(random >> 20), name(scramble(random)));
    let (order, status, took) =
        (random >> 40 & 0xffff, [200, 201, 404, 503][(random >> 10 & 3) as usize], random >> 50 & 0xff);
    let event = if bytes < FULL_BYTES_MIN {
        format!(
            "{{\"part\":{part},\"seq\":{seq},\"client_ip\":\"{ip}\",\
             \"user\":{{\"name\":\"{user}\",\"email\":\"{user}@example.com\"}},\"status\":{status},\"note\":\""
        )
    } else {
        format!(
            "{{\"part\":{part},\"seq\":{seq},\"service\":\"orders\",\"client_ip\":\"{ip}\",\
             \"user\":{{\"name\":\"{user}\",\"email\":\"{user}@example.com\"}},\"method\":\"GET\",\
             \"path\":\"/users/{user}/orders/{order}\",\"status\":{status},\"duration_ms\":{took},\
             \"headers\":{{\"x-forwarded-for\":\"{ip}\",\"accept\":\"application/json\",\
             \"user-agent\":\"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
             Chrome/126.0.0.0 Safari/537.36\"}},\"note\":\""
        )
    };
    payload.clear();
    payload.extend_from_slice(event.as_bytes());
    let words = b"upstream answered after one retry, cache was cold, ".iter().cycle();
    payload.extend(words.take(bytes.saturating_sub(payload.len() + 2)));
    payload.extend_from_slice(b"\"}");
    user
}

/// Five syllables, 20 bits: a name that is no word.
fn name(mut random: u64) -> String {
    const SYLLABLES: [&str; 16] =
        ["ba", "ce", "di", "fo", "gu", "ha", "je", "ki", "lo", "mu", "na", "pe", "ri", "so", "tu", "ve"];
    let mut name = String::new();
    for _ in 0..5 {
        name.push_str(SYLLABLES[(random & 15) as usize]);
        random >>= 4;
    }
    name
}

/// The output function of SplitMix64 (Steele, Lea and Flood 2014): neighbours become unlike.
fn scramble(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ number >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ number >> 31
}
