//! Escapes: JSON string escapes into text and back to places in the source, and a flattened view for the residue check.

/// Appends the text of a JSON string's `inner` bytes to `text`. The bytes must have passed [`super::json::Tokens`].
pub fn unescape(inner: &[u8], text: &mut Vec<u8>) {
    let mut at = 0;
    while at < inner.len() {
        let step = step(inner, at);
        text.extend_from_slice(step.text());
        at += step.source_len;
    }
}

/// Moves ascending offsets of the unescaped text back to offsets of `inner`.
///
/// `offsets` yields mutable offsets in ascending order; each must be a character boundary of the text. One pass.
pub fn to_source_offsets<'o>(inner: &[u8], offsets: impl Iterator<Item = &'o mut u32>) {
    move_back(inner, step, offsets);
}

/// Undoes one layer of escapes of any kind: JSON and C escapes (`\n`, `\u0041`, `\x41`) and percent-encoding.
///
/// For looking, not for reading: what no rule decodes is copied as it is. Returns whether anything changed.
pub fn flatten(source: &[u8], flat: &mut Vec<u8>) -> bool {
    if memchr::memchr2(b'\\', b'%', source).is_none() {
        flat.extend_from_slice(source);
        return false;
    }
    let mut changed = false;
    let mut at = 0;
    while at < source.len() {
        let step = step_flat(source, at);
        changed |= step.source_len > 1;
        flat.extend_from_slice(step.text());
        at += step.source_len;
    }
    changed
}

/// Moves ascending offsets of the flattened text back to offsets of `source`, as [`to_source_offsets`] does.
pub fn flat_to_source_offsets<'o>(source: &[u8], offsets: impl Iterator<Item = &'o mut u32>) {
    move_back(source, step_flat, offsets);
}

fn move_back<'o>(source: &[u8], step: fn(&[u8], usize) -> Step, offsets: impl Iterator<Item = &'o mut u32>) {
    let (mut at, mut text_len) = (0, 0);
    for offset in offsets {
        while text_len < *offset as usize && at < source.len() {
            let step = step(source, at);
            at += step.source_len;
            text_len += step.text().len();
        }
        *offset = at as u32;
    }
}

/// One character of escaped text and how many source bytes spell it.
struct Step {
    utf8: [u8; 4],
    text_len: usize,
    source_len: usize,
}

impl Step {
    fn char(character: char, source_len: usize) -> Self {
        let mut utf8 = [0; 4];
        let text_len = character.encode_utf8(&mut utf8).len();
        Self { utf8, text_len, source_len }
    }

    fn byte(byte: u8, source_len: usize) -> Self {
        Self { utf8: [byte, 0, 0, 0], text_len: 1, source_len }
    }

    fn text(&self) -> &[u8] {
        &self.utf8[..self.text_len]
    }
}

/// Reads one byte or one escape of a checked JSON string.
fn step(inner: &[u8], at: usize) -> Step {
    if inner[at] != b'\\' {
        return Step::byte(inner[at], 1);
    }
    // The grammar was checked: a backslash starts a whole escape. Anything else is taken literally rather than lost.
    step_lenient(inner, at).unwrap_or_else(|| Step::byte(b'\\', 1))
}

/// Reads one byte, one escape or one percent-encoded byte.
fn step_flat(source: &[u8], at: usize) -> Step {
    let step = match source[at] {
        b'\\' => step_lenient(source, at),
        b'%' => hex(source, at + 1, 2).map(|byte| Step::byte(byte as u8, 3)),
        _ => None,
    };
    step.unwrap_or_else(|| Step::byte(source[at], 1))
}

fn step_lenient(source: &[u8], at: usize) -> Option<Step> {
    Some(match source.get(at + 1)? {
        byte @ (b'"' | b'\\' | b'/' | b'\'') => Step::byte(*byte, 2),
        b'b' => Step::byte(0x08, 2),
        b'f' => Step::byte(0x0C, 2),
        b'n' => Step::byte(b'\n', 2),
        b'r' => Step::byte(b'\r', 2),
        b't' => Step::byte(b'\t', 2),
        b'x' => Step::byte(hex(source, at + 2, 2)? as u8, 4),
        b'u' => {
            let high = hex(source, at + 2, 4)?;
            match char::from_u32(high) {
                Some(character) => Step::char(character, 6),
                None => Step::char(surrogate_pair(high, source, at + 6)?, 12),
            }
        }
        _ => return None,
    })
}

/// The character of a high surrogate and the `\uXXXX` at `at` (RFC 8259, section 7).
fn surrogate_pair(high: u32, source: &[u8], at: usize) -> Option<char> {
    if source.get(at..at + 2)? != b"\\u" {
        return None;
    }
    let low = hex(source, at + 2, 4)?;
    let pair = 0x1_0000 + (high.checked_sub(0xD800)? << 10) + low.checked_sub(0xDC00)?;
    char::from_u32(pair)
}

fn hex(source: &[u8], at: usize, digits: usize) -> Option<u32> {
    source.get(at..at + digits)?.iter().try_fold(0, |value, byte| Some(value << 4 | char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unescaped(inner: &str) -> String {
        let mut text = Vec::new();
        unescape(inner.as_bytes(), &mut text);
        String::from_utf8(text).expect("escapes of a checked string are characters")
    }

    #[test]
    fn every_escape_of_rfc_8259() {
        assert_eq!(unescaped(r#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00z"#), "a\"\\/\u{8}\u{c}\n\r\té😀z");
    }

    #[test]
    fn flattening_undoes_one_layer_of_each_kind() {
        let mut flat = Vec::new();
        assert!(flatten(br"\u0061lice%40example\x2ecom 100% \q", &mut flat));
        assert_eq!(flat, br"alice@example.com 100% \q");
        assert!(!flatten(b"plain", &mut Vec::new()));
    }

    proptest! {
        /// The oracle is `serde_json`; every character boundary of the text maps to a boundary of the source.
        #[test]
        fn agrees_with_serde_json_and_maps_back(characters in prop::collection::vec(any::<(char, bool)>(), 0..20)) {
            let text: String = characters.iter().map(|(c, _)| *c).collect();
            let mut inner = String::new();
            let mut boundaries = vec![(0, 0)];
            for (character, spelled_out) in &characters {
                if *spelled_out {
                    let mut units = [0; 2];
                    for unit in character.encode_utf16(&mut units) {
                        inner.push_str(&format!("\\u{unit:04X}"));
                    }
                } else {
                    let quoted = serde_json::to_string(&character.to_string()).expect("a string serialises");
                    inner.push_str(&quoted[1..quoted.len() - 1]);
                }
                boundaries.push((unescaped(&inner).len(), inner.len()));
            }
            let oracle: String = serde_json::from_str(&format!("\"{inner}\"")).expect("the test spells JSON");
            prop_assert_eq!(unescaped(&inner), oracle);
            let mut offsets: Vec<u32> = boundaries.iter().map(|(text, _)| *text as u32).collect();
            to_source_offsets(inner.as_bytes(), offsets.iter_mut());
            let wanted: Vec<u32> = boundaries.iter().map(|(_, source)| *source as u32).collect();
            prop_assert_eq!(offsets, wanted);
            prop_assert!(text.chars().count() == characters.len());
        }
    }
}
