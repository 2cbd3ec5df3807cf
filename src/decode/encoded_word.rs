//! Encoded words, as headers of mails have them (RFC 2047): `=?utf-8?B?QWxpY2U=?=`, `=?iso-8859-1?Q?Andr=E9?=`.

use data_encoding::{BASE64, BASE64_NOPAD};
use std::ops::Range;

/// Longest encoded word (section 2), with room for mailers that do not care.
const WORD_BYTES_MAX: usize = 1024;
/// How a word begins.
const START: &[u8] = b"=?";

/// The next encoded words at or behind `from`, and the text that they spell together: blanks between two of them are no
/// part of it (section 6.2).
pub fn next(text: &[u8], mut from: usize) -> Option<(Range<usize>, Vec<u8>)> {
    loop {
        let mark = from + memchr::memchr(b'?', text.get(from..)?)?;
        let Some(start) = mark.checked_sub(1).filter(|start| *start >= from && text[*start] == b'=') else {
            from = mark + 1;
            continue;
        };
        let mut decoded = Vec::new();
        let Some(mut end) = word(text, start, &mut decoded) else {
            from = mark + 1;
            continue;
        };
        loop {
            let rest = text.get(end..).unwrap_or_default();
            let blank = rest.len() - rest.trim_ascii_start().len();
            let Some(further) = word(text, end + blank, &mut decoded).filter(|_| blank > 0) else { break };
            end = further;
        }
        return std::str::from_utf8(&decoded).is_ok().then_some((start..end, decoded));
    }
}

/// Appends the text of the word at `start`; its end.
fn word(text: &[u8], start: usize, decoded: &mut Vec<u8>) -> Option<usize> {
    let rest = text.get(start..text.len().min(start + WORD_BYTES_MAX))?.strip_prefix(START)?;
    let charset_len = memchr::memchr(b'?', rest)?;
    let (charset, rest) = rest.split_at_checked(charset_len)?;
    let [b'?', encoding, b'?', content @ ..] = rest else { return None };
    let len = memchr::memmem::find(content, b"?=")?;
    let content = content.get(..len)?;
    let bytes = match encoding {
        b'B' | b'b' => BASE64.decode(content).or_else(|_| BASE64_NOPAD.decode(content)).ok()?,
        b'Q' | b'q' => quoted(content)?,
        _ => return None,
    };
    // The language behind a star says nothing of the bytes (RFC 2231, section 5).
    let charset = charset.split(|byte| *byte == b'*').next()?.to_ascii_lowercase();
    match charset.as_slice() {
        b"utf-8" | b"utf8" | b"us-ascii" | b"ascii" => decoded.extend_from_slice(&bytes),
        b"iso-8859-1" | b"iso-8859-15" | b"windows-1252" | b"latin1" => {
            let characters: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            decoded.extend_from_slice(characters.as_bytes());
        }
        _ => return None,
    }
    Some(start + START.len() + charset_len + 3 + len + 2)
}

/// Undoes the encoding `Q` (section 4.2).
fn quoted(content: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(content.len());
    let mut rest = content.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => {
                let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
                (digit(rest.next())? << 4 | digit(rest.next())?) as u8
            }
            byte => *byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str)>) {
        let found = next(text.as_bytes(), 0).map(|(span, decoded)| (text[span].to_owned(), decoded));
        let expected = expected.map(|(span, decoded)| (span.to_owned(), decoded.as_bytes().to_vec()));
        assert_eq!(found, expected, "in {text}");
    }

    #[test]
    fn words_are_decoded() {
        check("to =?utf-8?B?QWxpY2U=?= x", Some(("=?utf-8?B?QWxpY2U=?=", "Alice")));
        check("=?UTF-8?q?Alice_=C3=89?=", Some(("=?UTF-8?q?Alice_=C3=89?=", "Alice É")));
        check("=?iso-8859-1*fr?Q?Andr=E9?=", Some(("=?iso-8859-1*fr?Q?Andr=E9?=", "André")));
        check("=?utf-8?B?QWxp?= =?utf-8?B?Y2U?=", Some(("=?utf-8?B?QWxp?= =?utf-8?B?Y2U?=", "Alice")));
        check("=?x =?utf-8?Q?a?=", Some(("=?utf-8?Q?a?=", "a")));
    }

    #[test]
    fn no_words() {
        for text in
            ["", "=?", "a=?b", "=?utf-8?B?!?=", "=?utf-8?X?a?=", "=?koi8-r?Q?a?=", "=?utf-8?Q?=E9?=", "=?utf-8?Q?=?="]
        {
            check(text, None);
        }
    }
}
