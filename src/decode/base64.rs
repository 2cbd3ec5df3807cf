//! Base64 (RFC 4648) in both alphabets, with and without padding, and base16, and back in the same spelling.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};

/// How a text is written in base64 or base16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// `+` and `/`, padded with `=` (section 4).
    Standard,
    /// `+` and `/`, without padding.
    StandardUnpadded,
    /// `-` and `_`, padded with `=` (section 5).
    Url,
    /// `-` and `_`, without padding, as in JSON Web Tokens (RFC 7515, section 2).
    UrlUnpadded,
    /// Hexadecimal digits with capitals (section 8), as the audit system of Linux writes what may hold blanks.
    Hex,
    /// Hexadecimal digits with small letters.
    SmallHex,
}

impl Spelling {
    fn encoding(self) -> Encoding {
        match self {
            Self::Standard => BASE64,
            Self::StandardUnpadded => BASE64_NOPAD,
            Self::Url => BASE64URL,
            Self::UrlUnpadded => BASE64URL_NOPAD,
            Self::Hex => HEXUPPER,
            Self::SmallHex => HEXLOWER,
        }
    }
}

/// The text that is written in base64, and in which spelling; `None` when it is no base64, or what it encodes is no
/// text: UTF-8 without control characters other than white space.
pub fn decode_text(base64: &[u8]) -> Option<(Vec<u8>, Spelling)> {
    // Most words fail here, before anything is allocated: what three bytes of text encode begins a text.
    let start = base64.get(..4)?;
    if !start.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte)) {
        return None;
    }
    let url = base64.iter().any(|byte| matches!(byte, b'-' | b'_'));
    // What needs no padding may be of either kind; the standard alphabet is mostly padded, the other one mostly not.
    let padded = base64.ends_with(b"=") || !url && base64.len().is_multiple_of(4);
    let spelling = match (url, padded) {
        (false, true) => Spelling::Standard,
        (false, false) => Spelling::StandardUnpadded,
        (true, true) => Spelling::Url,
        (true, false) => Spelling::UrlUnpadded,
    };
    let mut first = [0; 3];
    let decode = |encoding: Encoding, first: &mut [u8]| encoding.decode_mut(start, first).is_ok();
    if !decode(spelling.encoding(), &mut first) && !decode(BASE64, &mut first) {
        return None;
    }
    // The last character may go on behind them.
    let is_utf8 = std::str::from_utf8(&first).map_or_else(|error| error.error_len().is_none(), |_| true);
    if !is_utf8 || first.iter().any(|byte| !is_text(*byte)) {
        return None;
    }
    let text = spelling.encoding().decode(base64).ok()?;
    let fits = text.iter().all(|byte| is_text(*byte)) && std::str::from_utf8(&text).is_ok();
    fits.then_some((text, spelling))
}

/// The text that is written in hexadecimal digits, and in which spelling; `None` when there are digits only, letters of
/// both cases, or what they encode is no text: UTF-8 without control characters other than white space and NUL, which
/// separates the words of a command.
pub fn decode_hex_text(hex: &[u8]) -> Option<(Vec<u8>, Spelling)> {
    let letter = hex.iter().find(|byte| !byte.is_ascii_digit())?;
    let spelling = if letter.is_ascii_uppercase() { Spelling::Hex } else { Spelling::SmallHex };
    let fits = |bytes: &[u8]| bytes.iter().all(|byte| is_text(*byte) || *byte == 0);
    // Most digests fail here, before anything is allocated.
    let mut start = [0; 2];
    spelling.encoding().decode_mut(hex.get(..4)?, &mut start).ok().filter(|_| fits(&start))?;
    let text = spelling.encoding().decode(hex).ok()?;
    (fits(&text) && std::str::from_utf8(&text).is_ok()).then_some((text, spelling))
}

/// Appends `text` in base64 or base16, spelled as it was.
pub fn encode(text: &[u8], spelling: Spelling, out: &mut Vec<u8>) {
    out.extend_from_slice(spelling.encoding().encode(text).as_bytes());
}

fn is_text(byte: u8) -> bool {
    byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling() {
        for (base64, text, spelling) in [
            ("YWxpY2U6aHVudGVyMg==", "alice:hunter2", Spelling::Standard),
            ("YWxpY2U6aHVudGVyMg", "alice:hunter2", Spelling::StandardUnpadded),
            ("YWxpY2U6aHVudGVy", "alice:hunter", Spelling::Standard),
            ("Pz8_Pz8/", "", Spelling::Url),
            ("Pz8_Pz8_", "??????", Spelling::UrlUnpadded),
        ] {
            let decoded = decode_text(base64.as_bytes());
            let expect = (!text.is_empty()).then(|| (text.as_bytes().to_vec(), spelling));
            assert_eq!(decoded, expect, "{base64}");
        }
        for base64 in
            ["", "abc", "authentication", "0123456789abcdef", "usr/lib/python3", "AAAAAAAA", "YWxpY2U6aHVudGVyMh=="]
        {
            assert_eq!(decode_text(base64.as_bytes()), None, "{base64}");
        }
    }

    #[test]
    fn hexadecimal_digits() {
        for (hex, text, spelling) in [
            ("616C696365", "alice", Spelling::Hex),
            ("616c696365", "alice", Spelling::SmallHex),
            ("2F62696E2F6C73002D6C", "/bin/ls\0-l", Spelling::Hex),
            ("C3A96C", "él", Spelling::Hex),
        ] {
            assert_eq!(decode_hex_text(hex.as_bytes()), Some((text.as_bytes().to_vec(), spelling)), "{hex}");
            let mut again = Vec::new();
            encode(text.as_bytes(), spelling, &mut again);
            assert_eq!(again, hex.as_bytes());
        }
        for hex in ["", "6", "6C", "6C6", "313233", "616C6963658", "616C6963fe", "616C696CFF", "DEADBEEF", "alice"] {
            assert_eq!(decode_hex_text(hex.as_bytes()), None, "{hex}");
        }
    }

    proptest! {
        #[test]
        fn what_is_decoded_is_encoded_back(text in "[ -~]{3,60}", style in 0..4) {
            let spelling = [Spelling::Standard, Spelling::StandardUnpadded, Spelling::Url, Spelling::UrlUnpadded]
                [style as usize];
            let mut base64 = Vec::new();
            encode(text.as_bytes(), spelling, &mut base64);
            let (decoded, spelling) = decode_text(&base64).expect("it was text");
            prop_assert_eq!(&decoded, text.as_bytes());
            let mut again = Vec::new();
            encode(&decoded, spelling, &mut again);
            prop_assert_eq!(again, base64);
        }

        #[test]
        fn any_bytes_are_taken(base64 in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Some((text, spelling)) = decode_text(&base64) {
                let mut again = Vec::new();
                encode(&text, spelling, &mut again);
                prop_assert_eq!(again, base64);
            }
        }
    }
}
