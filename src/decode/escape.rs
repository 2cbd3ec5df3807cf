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

/// Which escapes are undone where nobody says how a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undo {
    /// One layer of all: JSON and C escapes (`\n`, `\u0041`, `\x41`), percent-encoding, character references of HTML
    /// (`&#64;`, `&quot;`), and letters and digits of full width.
    Any,
    /// Those that only spell a character differently. `\n` in `CORP\nick` stays: a domain and a name.
    Spelling,
    /// `""` for a quote in a field of separated values (RFC 4180, section 2).
    Doubled,
}

impl Undo {
    /// Appends `source` without one layer of escapes to `flat`.
    ///
    /// For looking, not for reading: what no rule decodes is copied as it is. Returns whether anything changed; `flat` is
    /// whole only then.
    pub fn flatten(self, source: &[u8], flat: &mut Vec<u8>) -> bool {
        // Most of what escapes begin with is none, as in `?a=b&c=d`: nothing is copied before the first one.
        let (mut at, mut copied) = (0, 0);
        let has_full_width = self == Self::Any && memchr::memchr(FULL_WIDTH, source).is_some();
        while let Some(start) = self.next_start(&source[at..], has_full_width).map(|start| at + start) {
            let step = self.step(source, start);
            at = start + step.source_len;
            if step.source_len > 1 {
                flat.extend_from_slice(&source[copied..start]);
                flat.extend_from_slice(step.text());
                copied = at;
            }
        }
        if copied > 0 {
            flat.extend_from_slice(&source[copied..]);
        }
        copied > 0
    }

    /// Moves ascending offsets of the flattened text back to offsets of `source`, as [`to_source_offsets`] does.
    pub fn to_source_offsets<'o>(self, source: &[u8], offsets: impl Iterator<Item = &'o mut u32>) {
        let step = match self {
            Self::Any => step_any,
            Self::Spelling => step_spelling,
            Self::Doubled => step_doubled,
        };
        move_back(source, step, offsets);
    }

    /// Whether bytes that escapes begin with stand in `source`: a quick look.
    pub fn may_change(self, source: &[u8]) -> bool {
        let escapes = || memchr::memchr3(b'\\', b'%', b'&', source).is_some();
        match self {
            Self::Any => escapes() || memchr::memchr(FULL_WIDTH, source).is_some(),
            Self::Spelling => escapes(),
            Self::Doubled => memchr::memchr(b'"', source).is_some(),
        }
    }

    /// The first byte of `source` that an escape may begin with.
    fn next_start(self, source: &[u8], has_full_width: bool) -> Option<usize> {
        match self {
            // Looking for one of four bytes by two searches could cost the square of the length.
            Self::Any if has_full_width => {
                source.iter().position(|byte| matches!(*byte, b'\\' | b'%' | b'&' | FULL_WIDTH))
            }
            Self::Any | Self::Spelling => memchr::memchr3(b'\\', b'%', b'&', source),
            Self::Doubled => memchr::memchr(b'"', source),
        }
    }

    fn step(self, source: &[u8], at: usize) -> Step {
        match self {
            Self::Any => step_any(source, at),
            Self::Spelling => step_spelling(source, at),
            Self::Doubled => step_doubled(source, at),
        }
    }
}

/// Longest escape that spells one character: a surrogate pair.
const ESCAPE_BYTES_MAX: usize = 12;

/// Whether a percent escape stands in `text` (RFC 3986, section 2.1).
pub fn has_percent(text: &[u8]) -> bool {
    let is_escape = |at: usize| text.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    memchr::memchr_iter(b'%', text).any(is_escape)
}

/// Whether an escape that only spells a character ([`Undo::Spelling`]) stands in `span`, or reaches it from before.
pub fn is_spelled(source: &[u8], span: std::ops::Range<usize>) -> bool {
    let first = span.start.saturating_sub(ESCAPE_BYTES_MAX);
    let region = source.get(first..span.end).unwrap_or_default();
    memchr::memchr3_iter(b'\\', b'%', b'&', region).any(|at| {
        let at = first + at;
        let length = step_spelling(source, at).source_len;
        length > 1 && at + length >= span.start
    })
}

/// First byte of the letters and digits of full width, U+FF01 to U+FF5E, in UTF-8.
const FULL_WIDTH: u8 = 0xEF;

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

/// Reads one byte, or one escape of any kind.
fn step_any(source: &[u8], at: usize) -> Step {
    let step = match source[at] {
        b'\\' => step_lenient(source, at),
        b'%' => percent(source, at),
        b'&' => reference(source, at),
        FULL_WIDTH => full_width(source, at),
        _ => None,
    };
    step.unwrap_or_else(|| Step::byte(source[at], 1))
}

/// Reads one byte, or one escape that spells a character.
fn step_spelling(source: &[u8], at: usize) -> Step {
    let step = match source[at] {
        b'\\' => match source.get(at + 1) {
            Some(b'u' | b'x' | b'"' | b'\\' | b'/' | b'\'') => step_lenient(source, at),
            _ => None,
        },
        b'%' => percent(source, at),
        b'&' => reference(source, at),
        _ => None,
    };
    step.unwrap_or_else(|| Step::byte(source[at], 1))
}

/// Reads one byte, or two quotes that stand for one.
fn step_doubled(source: &[u8], at: usize) -> Step {
    let is_doubled = source[at..].starts_with(b"\"\"");
    Step::byte(source[at], if is_doubled { 2 } else { 1 })
}

fn percent(source: &[u8], at: usize) -> Option<Step> {
    hex(source, at + 1, 2).map(|byte| Step::byte(byte as u8, 3))
}

/// Character references by name that HTML needs for its own signs, and the apostrophe (HTML, section 13.5).
const REFERENCES: [(&[u8], u8); 6] =
    [(b"&quot;", b'"'), (b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&apos;", b'\''), (b"&nbsp;", b' ')];

/// Digits of the largest code point, U+10FFFF, in decimal.
const REFERENCE_DIGITS_MAX: usize = 7;

/// Reads a character reference: `&quot;`, `&#64;`, `&#x40;`.
fn reference(source: &[u8], at: usize) -> Option<Step> {
    let rest = source.get(at..)?;
    if let Some((name, byte)) = REFERENCES.iter().find(|(name, _)| rest.starts_with(name)) {
        return Some(Step::byte(*byte, name.len()));
    }
    let (radix, start) = match rest {
        [b'&', b'#', b'x' | b'X', ..] => (16, 3),
        [b'&', b'#', ..] => (10, 2),
        _ => return None,
    };
    let digits = rest.get(start..)?.iter().take(REFERENCE_DIGITS_MAX + 1);
    let digits = digits.take_while(|byte| char::from(**byte).is_digit(radix)).count();
    if !(1..=REFERENCE_DIGITS_MAX).contains(&digits) || rest.get(start + digits) != Some(&b';') {
        return None;
    }
    let number = rest[start..start + digits].iter();
    let number = number.fold(0, |number, byte| number * radix + char::from(*byte).to_digit(radix).unwrap_or_default());
    char::from_u32(number).filter(|character| *character != '\0').map(|c| Step::char(c, start + digits + 1))
}

/// Reads a letter, digit or sign of full width as the usual one: U+FF01 to U+FF5E stand for U+0021 to U+007E.
fn full_width(source: &[u8], at: usize) -> Option<Step> {
    let &[FULL_WIDTH, high @ (0xBC | 0xBD), low @ 0x80..=0xBF] = source.get(at..at + 3)? else { return None };
    let offset = u32::from(high - 0xBC) * 64 + u32::from(low - 0x80);
    let usual = u8::try_from(offset + 0x20).ok().filter(u8::is_ascii_graphic)?;
    Some(Step::byte(usual, 3))
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
        let flat = |undo: Undo, source: &str| {
            let mut flat = Vec::new();
            undo.flatten(source.as_bytes(), &mut flat).then(|| String::from_utf8(flat).unwrap())
        };
        for (source, expect) in [
            (r"\u0061lice%40example\x2ecom 100% \q", r"alice@example.com 100% \q"),
            ("a&#64;b &#x40; &quot;&amp;amp; &copy; &#; &#0; &#99999999;", "a@b @ \"&amp; &copy; &#; &#0; &#99999999;"),
            ("１９２．０．２．１ ｡ ：！～", "192.0.2.1 ｡ :!~"),
            (r"a\nb", "a\nb"),
        ] {
            assert_eq!(flat(Undo::Any, source).as_deref(), Some(expect));
        }
        assert_eq!(flat(Undo::Spelling, r"CORP\\nick\u0041%41\nick").as_deref(), Some(r"CORP\nickAA\nick"));
        for plain in ["plain", "100% of a & b", r"\q", "字、字"] {
            assert_eq!(flat(Undo::Any, plain), None);
        }
        assert_eq!(flat(Undo::Spelling, r"CORP\nick"), None);
    }

    proptest! {
        /// The oracle takes a step at every byte.
        #[test]
        fn flattening_passes_by_nothing(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["a", "\\n", "\\", "%41", "%", "&amp;", "&", "１", "é", "\"", "\"\"", "\\u0041", "long enough"]),
                0..30,
            ),
            undo in prop::sample::select(vec![Undo::Any, Undo::Spelling, Undo::Doubled]),
        ) {
            let source = pieces.concat().into_bytes();
            let (mut expected, mut changed, mut at) = (Vec::new(), false, 0);
            while at < source.len() {
                let step = undo.step(&source, at);
                expected.extend_from_slice(step.text());
                changed |= step.source_len > 1;
                at += step.source_len;
            }
            let mut flat = Vec::new();
            prop_assert_eq!(undo.flatten(&source, &mut flat), changed);
            prop_assert!(!changed || flat == expected);
        }

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

        /// Every offset of the flattened text leads back to where its character begins.
        #[test]
        fn flattened_offsets_lead_back(source in "([a-z%\\\\&#;4120xu]|＠|é|%40|&#64;|&quot;|\\\\u0041){0,24}") {
            for undo in [Undo::Any, Undo::Spelling] {
                let mut flat = Vec::new();
                if undo.flatten(source.as_bytes(), &mut flat) {
                    let mut offsets: Vec<u32> = (0..=flat.len() as u32).collect();
                    undo.to_source_offsets(source.as_bytes(), offsets.iter_mut());
                    prop_assert!(offsets.is_sorted());
                    prop_assert_eq!(offsets.last().copied(), Some(source.len() as u32));
                    prop_assert!(flat.len() < source.len());
                }
            }
        }
    }
}
