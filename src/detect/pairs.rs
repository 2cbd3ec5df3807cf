//! `name=value` pairs, also with `:`, `:=`, `==` or `=>`, and with quotes around name or value.

use super::scan::{byte, byte_before, escape_end, foreign_letter_before, part, run_end, run_start, work};
use super::{Between, Link, Pair};
use std::ops::Range;

/// Most words of a name in front of its last one.
const PHRASE_WORDS_MAX: usize = 2;
/// Longest word of a name of several words, in bytes.
const PHRASE_WORD_BYTES_MAX: usize = 32;

/// Appends the pairs of `text` whose link is wanted to `found`.
pub(super) fn find(text: &[u8], found: &mut Vec<Pair>, is_wanted: impl Fn(Link) -> bool) {
    // A plain value ends at the same place wherever it starts, so that place is searched once: `a=a=a=` stays linear.
    let mut plain_end = 0;
    for anchor in memchr::memchr2_iter(b'=', b':', text) {
        work::count(1);
        // Most colons stand in times and addresses.
        let is_in_word =
            text[anchor] == b':' && byte(text, anchor + 1).is_some_and(|next| next.is_ascii_alphanumeric());
        if is_in_word && !is_wanted(Link::Colon) {
            continue;
        }
        let Some(separator) = Separator::at(text, anchor) else { continue };
        let link = separator.link(text);
        if !is_wanted(link) {
            continue;
        }
        let Some(name) = name_before(text, &separator) else { continue };
        let Some(value) = value_after(text, &separator, &mut plain_end) else { continue };
        found.push(Pair { name, value, link });
    }
}

/// Where a name of several words may begin, of which the last begins at `last`.
pub(super) fn phrase_starts(text: &[u8], last: usize) -> impl Iterator<Item = usize> {
    let mut start = Some(last);
    std::iter::from_fn(move || {
        start = start.and_then(|start| word_before(text, start));
        start
    })
    .take(PHRASE_WORDS_MAX)
}

/// The name of the pair whose value, with its quote or bracket, would start at `start`.
pub(super) fn name_before_value(text: &[u8], start: usize) -> Option<Range<usize>> {
    let sign = run_start(text, 0, start, is_blank).checked_sub(1)?;
    let anchor = match part(text, sign.saturating_sub(1)..sign + 1) {
        b"=>" | b"==" | b":=" => sign - 1,
        [.., b'=' | b':'] => sign,
        _ => return None,
    };
    name_before(text, &Separator::at(text, anchor).filter(|separator| separator.end == start)?)
}

/// The start of the word that a single blank separates from the one at `at`.
fn word_before(text: &[u8], at: usize) -> Option<usize> {
    let end = at.checked_sub(1).filter(|blank| byte(text, *blank) == Some(b' '))?;
    let floor = end.saturating_sub(PHRASE_WORD_BYTES_MAX + 1);
    let mut start = run_start(text, floor, end, |byte| byte.is_ascii_alphanumeric() || byte >= 0x80);
    // A letter, not the rest of one.
    start = run_end(text, start, |byte| (0x80..0xc0).contains(&byte));
    let is_letter = byte(text, start).is_some_and(|byte| byte.is_ascii_alphabetic() || byte >= 0x80);
    // The value of a pair before is no part of a name, nor is a word that began further off.
    let opens = byte_before(text, start).is_none_or(|before| before <= b' ' || b"([{<>,;|\"'".contains(&before));
    let fits = (1..=PHRASE_WORD_BYTES_MAX).contains(&(end - start.min(end)));
    (fits && is_letter && opens).then_some(start)
}

/// What stands between name and value.
struct Separator {
    /// End of the name and its closing quote or bracket.
    start: usize,
    /// Start of the value and its quote.
    end: usize,
    /// A colon: weaker than the equals sign, for times and paths have it too.
    is_colon: bool,
}

impl Separator {
    /// The separator whose first sign stands at `anchor`.
    fn at(text: &[u8], anchor: usize) -> Option<Self> {
        let next = byte(text, anchor + 1);
        let is_colon = byte(text, anchor) == Some(b':') && next != Some(b'=');
        if is_colon && (next == Some(b':') || part(text, anchor + 1..anchor + 3) == b"//") {
            return None;
        }
        let two_signs = matches!((is_colon, next), (false, Some(b'=' | b'>')));
        let signs_end = if two_signs { anchor + 2 } else { anchor + 1 };
        let start = run_start(text, 0, anchor, is_blank);
        // `user= next=1` has an empty value; `user = alice` has none.
        let spaced = is_colon || start < anchor || part(text, anchor..signs_end) == b"=>";
        let end = if spaced { run_end(text, signs_end, is_blank) } else { signs_end };
        Some(Self { start, end, is_colon })
    }

    fn link(&self, text: &[u8]) -> Link {
        let is_plain = byte(text, self.end).is_some_and(|first| !b"\"'\\<[({".contains(&first));
        match (self.is_colon && is_plain, byte_before(text, self.end).is_some_and(is_blank)) {
            (true, true) => Link::Prose,
            (true, false) => Link::Colon,
            (false, _) => Link::Sign,
        }
    }
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// By byte: whether it is a letter, a digit or one of `_ - .`.
static NAME_BYTES: [bool; 256] = {
    let mut belongs = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        belongs[byte as usize] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b'-' | b'.');
        byte += 1;
    }
    belongs
};

/// The name in front of the separator: letters, digits, `_ - .`, with a letter first before a colon, or anywhere else.
fn name_before(text: &[u8], separator: &Separator) -> Option<Range<usize>> {
    let end = match part(text, separator.start.saturating_sub(3)..separator.start) {
        // `user[name]=alice`, as forms send lists, also percent-encoded.
        b"%5D" | b"%5d" => separator.start - 3,
        [.., b'\\', b'"' | b'\''] => separator.start - 2,
        [.., b'"' | b'\'' | b']'] => separator.start - 1,
        _ => separator.start,
    };
    let mut start = end;
    loop {
        start = run_start(text, 0, start, |byte| NAME_BYTES[usize::from(byte)]);
        let Some(width) = foreign_letter_before(text, start) else { break };
        work::count(width);
        start -= width;
    }
    start = escape_end(text, start).unwrap_or(start);
    start = run_end(text, start, |byte| byte == b'-' || byte == b'.');
    let name = text.get(start..end)?;
    let is_letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_' || *byte >= 0x80;
    work::count(name.len());
    let is_word = if separator.is_colon { name.first().is_some_and(is_letter) } else { name.iter().any(is_letter) };
    let behind = text.get(separator.end..).unwrap_or_default();
    let is_drive =
        separator.is_colon && name.len() == 1 && matches!(behind, [b'\\', rest @ ..] if !rest.starts_with(b"\""));
    (is_word && !is_drive).then_some(start..end)
}

/// The value behind the separator, without its quotes or brackets.
fn value_after(text: &[u8], separator: &Separator, plain_end: &mut usize) -> Option<Range<usize>> {
    let start = separator.end;
    let value = match text.get(start..)? {
        [b'\\', b'"', ..] => start + 2..escaped_quote(text, start + 2),
        [b'"', ..] => start + 1..closing_quote(text, start + 1, b'"').unwrap_or(text.len()),
        // An apostrophe that nothing closes is one.
        [b'\'', ..] => match closing_quote(text, start + 1, b'\'') {
            Some(end) => start + 1..end,
            None => plain(text, start + 1, plain_end),
        },
        // A string of Python: `u'alice'`, `b'alice'`.
        [b'u' | b'b' | b'r', quote @ (b'\'' | b'"'), ..] => match closing_quote(text, start + 2, *quote) {
            Some(end) => start + 2..end,
            None => plain(text, start, plain_end),
        },
        // A string of Erlang: `<<"alice">>`.
        [b'<', b'<', b'"', ..] => start + 3..closing_quote(text, start + 3, b'"').unwrap_or(text.len()),
        [b'<', ..] => start + 1..run_end(text, start + 1, |byte| byte > b' ' && byte != b'<' && byte != b'>'),
        // The first item of a list, or the first name in an object.
        [b'[' | b'(' | b'{', b'\\', b'"', ..] => start + 3..escaped_quote(text, start + 3),
        [b'[' | b'(' | b'{', quote @ (b'"' | b'\''), ..] => match closing_quote(text, start + 2, *quote) {
            Some(end) => start + 2..end,
            None => plain(text, start + 2, plain_end),
        },
        [b'[' | b'(' | b'{', ..] => plain(text, start + 1, plain_end),
        _ => wrapped(text, plain(text, start, plain_end)),
    };
    (!value.is_empty()).then_some(value)
}

/// Words before the bracket around a value that some languages print with it: `Some(alice)`, `Optional[alice]`.
const WRAPPERS: [&[u8]; 7] = [b"Some", b"Ok", b"Just", b"Optional", b"String", b"Value", b"Secret"];

/// Longest of [`WRAPPERS`], with its bracket.
const WRAPPER_BYTES_MAX: usize = 9;

/// The value, or what stands inside it where it is a call around a string, or a wrapper: `Some("alice")`,
/// `Optional[alice]`.
fn wrapped(text: &[u8], value: Range<usize>) -> Range<usize> {
    let opens = |byte: Option<u8>| matches!(byte, Some(b'(' | b'[' | b'{'));
    if opens(byte_before(text, value.end)) {
        let quoted = match text.get(value.end..).unwrap_or_default() {
            [b'\\', b'"', ..] => Some(value.end + 2..escaped_quote(text, value.end + 2)),
            [quote @ (b'"' | b'\''), ..] => closing_quote(text, value.end + 1, *quote).map(|end| value.end + 1..end),
            _ => None,
        };
        return quoted.filter(|inner| !inner.is_empty()).unwrap_or(value);
    }
    let start = part(text, value.start..value.end.min(value.start + WRAPPER_BYTES_MAX));
    let Some(open) = start.iter().position(|byte| opens(Some(*byte))) else { return value };
    let inner = value.start + open + 1..value.end;
    let is_closed = matches!(byte(text, value.end), Some(b')' | b']' | b'}')) && !inner.is_empty();
    if is_closed && WRAPPERS.contains(&&start[..open]) { inner } else { value }
}

/// Most items of a list that are told apart.
const ITEMS_MAX: usize = 1024;

/// The items of the list whose first item starts at `start`, behind a bracket and perhaps a quote; none where nothing
/// closes the list, or another bracket opens in it.
pub(super) fn items(text: &[u8], start: usize, between: Between) -> Vec<Range<usize>> {
    let quotes = usize::from(matches!(byte_before(text, start), Some(b'"' | b'\'')));
    let mut at = start - quotes;
    let mut items = Vec::new();
    if !matches!(byte_before(text, at), Some(b'[' | b'(' | b'{')) {
        return items;
    }
    let ends = |byte: u8| b",;[](){}\n\"".contains(&byte) || byte == b' ' && between == Between::Blanks;
    while items.len() < ITEMS_MAX {
        at = run_end(text, at, |byte| b" \t,;".contains(&byte));
        let item = match byte(text, at) {
            Some(b']' | b')' | b'}') => return items,
            Some(quote @ (b'"' | b'\'')) => match closing_quote(text, at + 1, quote) {
                Some(end) => at + 1..end,
                None => return Vec::new(),
            },
            Some(byte) if !ends(byte) => at..run_end(text, at, |byte| !ends(byte)),
            Some(_) | None => return Vec::new(),
        };
        at = if matches!(byte(text, item.end), Some(b'"' | b'\'')) { item.end + 1 } else { item.end };
        items.push(item);
    }
    Vec::new()
}

/// Where the next quote stands that no backslash precedes.
fn closing_quote(text: &[u8], from: usize, quote: u8) -> Option<usize> {
    let mut at = from;
    loop {
        at = run_end(text, at, |byte| byte != quote && byte != b'\\');
        if byte(text, at)? == quote {
            return Some(at);
        }
        at += 2;
    }
}

/// Where the next `\"` stands, or the end of the text: a quoted string inside a quoted string.
fn escaped_quote(text: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        at = run_end(text, at, |byte| byte != b'"');
        if at >= text.len() || (at > from && byte_before(text, at) == Some(b'\\')) {
            return if at >= text.len() { at } else { at - 1 };
        }
        at += 1;
    }
}

/// The unquoted value that starts at `start`: up to white space, `, ; & ) ] } |` or a quote.
///
/// An apostrophe between letters is part of it (`O'Brien`); a full stop or colon at its end is the sentence's.
fn plain(text: &[u8], start: usize, known_end: &mut usize) -> Range<usize> {
    if *known_end < start {
        *known_end = plain_run_end(text, start);
    }
    let value = text.get(start..*known_end).unwrap_or_default();
    let value = match byte(text, *known_end) {
        Some(b'"' | b'\'') => value.strip_suffix(b"\\").unwrap_or(value),
        _ => value,
    };
    let value = value.strip_suffix(b".").unwrap_or(value);
    let value = if value.ends_with(b"::") { value } else { value.strip_suffix(b":").unwrap_or(value) };
    start..start + value.len()
}

/// By byte: whether a plain value ends there.
static PLAIN_ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let mut at = 0;
    while at <= b' ' as usize {
        ends[at] = true;
        at += 1;
    }
    let signs = b"\x7f,;&)]}|\"'";
    at = 0;
    while at < signs.len() {
        ends[signs[at] as usize] = true;
        at += 1;
    }
    ends
};

fn plain_run_end(text: &[u8], start: usize) -> usize {
    let mut end = start;
    loop {
        end = run_end(text, end, |byte| !PLAIN_ENDS[usize::from(byte)]);
        let is_letter = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        let apostrophe = byte(text, end) == Some(b'\'') && end > start;
        if !apostrophe || !is_letter(byte_before(text, end)) || !is_letter(byte(text, end + 1)) {
            break;
        }
        end += 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::check_pairs;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        check_pairs(crate::detect::pairs, text, expected);
    }

    #[test]
    fn plain_values() {
        check("user=alice uid=1000", &[("user", "alice"), ("uid", "1000")]);
        check("GET /x?a=b&c=d%20e HTTP/1.1", &[("a", "b"), ("c", "d%20e")]);
        check("(user=alice), [id=7]; {k=v}|x=y", &[("user", "alice"), ("id", "7"), ("k", "v"), ("x", "y")]);
        check("user: alice, host:web-1.", &[("user", "alice"), ("host", "web-1")]);
        check("user = alice", &[("user", "alice")]);
        check("--user=alice", &[("user", "alice")]);
        check("client.ip_addr-v4=192.0.2.1", &[("client.ip_addr-v4", "192.0.2.1")]);
        check("token=YWxpY2U==", &[("token", "YWxpY2U==")]);
        check("to=<alice@example.com>, relay=[192.0.2.1]:25", &[("to", "alice@example.com"), ("relay", "192.0.2.1")]);
        check("name=O'Brien", &[("name", "O'Brien")]);
        check("domain=CORP\\nick", &[("domain", "CORP\\nick")]);
        check("größe=5", &[("größe", "5")]);
        check("a%26user=alice", &[("user", "alice")]);
        check("user[name]=alice&user%5Bid%5D=7", &[("name", "alice"), ("id", "7")]);
        check("user==alice u:=x", &[("user", "alice"), ("u", "x")]);
        check("ip=2001:db8::", &[("ip", "2001:db8::")]);
        check("2fa=1", &[("2fa", "1")]);
        check("file:C:\\x", &[("file", "C:\\x")]);
    }

    #[test]
    fn quoted_values() {
        check(r#"name="Alice Smith" x='a b'"#, &[("name", "Alice Smith"), ("x", "a b")]);
        check(r#"name="a \"b\" c" y=1"#, &[("name", r#"a \"b\" c"#), ("y", "1")]);
        check(r#"{"user":"alice","n": 7, "e":""}"#, &[("user", "alice"), ("n", "7")]);
        check(r#"{\"user\":\"alice b\",\"n\":7}"#, &[("user", "alice b"), ("n", "7")]);
        check(r#"{"user"=>"alice", :id=>7}"#, &[("user", "alice"), ("id", "7")]);
        check(r#"user="alice smith"#, &[("user", "alice smith")]);
        check("user='tis so", &[("user", "tis")]);
        check(r#"user = <<"alice">>, n = 7"#, &[("user", "alice"), ("n", "7")]);
        check("{u'user': u'alice', 'n': b'x'}", &[("user", "alice"), ("n", "x")]);
    }

    #[test]
    fn wrapped_values() {
        check(r#"user: Some("alice"), id: ObjectId('5f')"#, &[("user", "alice"), ("id", "5f")]);
        check(r#"user=Some(\"alice\")"#, &[("user", "alice")]);
        check("user=Optional[alice] x=Some(7), y=Bob(7)", &[("user", "alice"), ("x", "7"), ("y", "Bob(7")]);
    }

    #[test]
    fn lists_have_items() {
        for (text, between, expected) in [
            ("a=['x', \"y z\", w]", Between::Blanks, &["x", "y z", "w"][..]),
            ("a=[x y]", Between::Blanks, &["x", "y"]),
            ("a=[x y, z]", Between::Commas, &["x y", "z"]),
            ("a=(x,y)", Between::Blanks, &["x", "y"]),
            ("a=[x y", Between::Blanks, &[]),
            ("a=[x, [y]]", Between::Blanks, &[]),
            ("a='x, y]", Between::Blanks, &[]),
        ] {
            let start = text.find(['x']).unwrap();
            let items: Vec<_> = items(text.as_bytes(), start, between).into_iter().map(|item| &text[item]).collect();
            assert_eq!(items, expected, "in {text}");
        }
    }

    #[test]
    fn pairs_inside_values() {
        check(r#"msg="user=alice in" x=1"#, &[("msg", "user=alice in"), ("user", "alice"), ("x", "1")]);
        check("error: user: alice", &[("error", "user"), ("user", "alice")]);
        check("error:user=alice", &[("error", "user=alice"), ("user", "alice")]);
        check("msg='user=alice'", &[("msg", "user=alice"), ("user", "alice")]);
    }

    #[test]
    fn sentences_have_colons_and_blanks() {
        let mut found = Vec::new();
        crate::detect::pairs(b"a: b c:d e=f g: 'h' i : j", &mut found);
        let links: Vec<_> = found.iter().map(|pair| pair.link).collect();
        assert_eq!(links, [Link::Prose, Link::Colon, Link::Sign, Link::Sign, Link::Prose]);
    }

    #[track_caller]
    fn check_phrases(text: &str, expected: &[&str]) {
        let mut found = Vec::new();
        crate::detect::pairs(text.as_bytes(), &mut found);
        let phrases = found.iter().flat_map(|pair| {
            let name = pair.name.clone();
            phrase_starts(text.as_bytes(), name.start).map(move |start| &text[start..name.end])
        });
        assert_eq!(phrases.collect::<Vec<_>>(), expected, "in {text}");
    }

    #[test]
    fn names_of_several_words() {
        check_phrases("Account Name:  alice", &["Account Name"]);
        check_phrases("x (Source MAC Address: aa", &["MAC Address", "Source MAC Address"]);
        check_phrases("the one two three=x", &["two three", "one two three"]);
        check_phrases("N° d’utilisateur: x", &[]);
        check_phrases("Größe Name: x", &["Größe Name"]);
        check_phrases("level=info user=alice", &[]);
        check_phrases("a  b: x, 1 c: y", &[]);
        check_phrases(&format!("{} b: x", "a".repeat(PHRASE_WORD_BYTES_MAX + 1)), &[]);
    }

    #[test]
    fn no_pairs() {
        for text in [
            "user=",
            "user= ",
            "user:",
            "12:34:56",
            "2024-01-01T12:34:56Z",
            "http://example.com/",
            "std::string",
            r"C:\Users\alice",
            r"C:\",
            "=x",
            ":x",
            "a != b",
            "a >= b",
            "1=2",
            "== x",
            "",
            "user=\"\"",
            "user=,",
            "\u{20ac}=",
            "[::1]:443",
        ] {
            check(text, &[]);
        }
        check("user= next=1", &[("next", "1")]);
    }
}
