//! Everything a text may mean: escapes and encodings undone, by code that shares nothing with logveil's.

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};

/// Rounds of undoing: more layers than any check builds.
const ROUNDS_MAX: usize = 12;
/// Shorter words are not read as base64.
const BASE64_BYTES_MIN: usize = 8;

/// The text in lower case, and all that is found in it by undoing escapes (JSON and C, percent, HTML, full width) and
/// decoding words of base64, round by round.
pub(crate) fn meanings(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned()];
    let mut at = 0;
    for _ in 0..ROUNDS_MAX {
        let end = all.len();
        for index in at..end {
            let text = all[index].clone();
            let flat = unescaped(&text);
            if flat != text {
                all.push(flat);
            }
            all.extend(base64_words(&text));
        }
        at = end;
    }
    all.iter().map(|text| text.to_lowercase()).collect()
}

/// The text with one layer of every escape undone.
pub(crate) fn unescaped(text: &str) -> String {
    let mut out: Vec<u8> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (bytes, length) = one_escape(rest).unwrap_or_else(|| (first.to_string().into_bytes(), first.len_utf8()));
        out.extend(bytes);
        rest = rest.get(length..).unwrap_or_default();
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What the escape at the beginning of `text` stands for, and its length.
fn one_escape(text: &str) -> Option<(Vec<u8>, usize)> {
    let mut chars = text.chars();
    match chars.next()? {
        '%' => Some((vec![u8::from_str_radix(text.get(1..3)?, 16).ok()?], 3)),
        '\\' => match chars.next()? {
            'u' => {
                let unit = u16::from_str_radix(text.get(2..6)?, 16).ok()?;
                let second = text.get(6..).and_then(|rest| rest.strip_prefix("\\u")).and_then(|rest| rest.get(..4));
                let units = [Some(unit), second.and_then(|digits| u16::from_str_radix(digits, 16).ok())];
                let mut decoded = char::decode_utf16(units.into_iter().flatten());
                let first = decoded.next()?.ok()?;
                Some((first.to_string().into_bytes(), if first.len_utf16() == 2 { 12 } else { 6 }))
            }
            'x' => Some((vec![u8::from_str_radix(text.get(2..4)?, 16).ok()?], 4)),
            'n' => Some((b"\n".to_vec(), 2)),
            't' => Some((b"\t".to_vec(), 2)),
            'r' => Some((b"\r".to_vec(), 2)),
            sign @ ('"' | '\\' | '/' | '\'') => Some((sign.to_string().into_bytes(), 2)),
            _ => None,
        },
        '&' => {
            let (name, _) = text.get(1..)?.split_once(';')?;
            let sign = match name {
                "quot" => '"',
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "apos" => '\'',
                _ => match name.strip_prefix('#')? {
                    hex if hex.starts_with(['x', 'X']) => char::from_u32(u32::from_str_radix(hex.get(1..)?, 16).ok()?)?,
                    decimal => char::from_u32(decimal.parse().ok()?)?,
                },
            };
            Some((sign.to_string().into_bytes(), name.len() + 2))
        }
        wide @ '\u{ff01}'..='\u{ff5e}' => {
            let usual = char::from_u32(u32::from(wide) - 0xfee0)?;
            Some((usual.to_string().into_bytes(), wide.len_utf8()))
        }
        _ => None,
    }
}

fn base64_words(text: &str) -> Vec<String> {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
    let words = text.split(|c| !is_base64(c)).filter(|word| word.len() >= BASE64_BYTES_MIN);
    let decode = |word: &str| {
        let url = BASE64URL_NOPAD.decode(word.as_bytes()).ok();
        String::from_utf8(url.or_else(|| BASE64_NOPAD.decode(word.as_bytes()).ok())?).ok()
    };
    words.filter_map(decode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_seen_through() {
        for text in [
            "al\\u0069ce",
            "a%6cice",
            "&#97;lice",
            "&#x61;lice",
            "ａｌｉｃｅ",
            "x \\\"a\\\\u006cice\\\"",
            "data=bG9naW49YWxpY2U= end",
            "%62G9naW49YWxpY2U",
        ] {
            assert!(meanings(text).iter().any(|text| text.contains("alice")), "{text}");
        }
        assert_eq!(meanings("plain words"), ["plain words"]);
    }
}
