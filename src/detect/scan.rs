//! Walking over runs of bytes. Every loop over the text is here, so that the tests can count the work.

use std::ops::Range;

/// Longest escape sequence that [`escape_end`] looks back for: `ESC [ 38 ; 5 ; 255 m`, a terminal color.
const ESCAPE_BYTES_MAX: usize = 11;

/// End of the run of bytes from `from` on that all belong to a class.
pub(super) fn run_end(text: &[u8], from: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let length = rest.iter().position(|&byte| !belongs(byte)).unwrap_or(rest.len());
    work::count(length + 1);
    from + length
}

/// Start of the run of bytes that ends at `to`, not before `floor`.
pub(super) fn run_start(text: &[u8], floor: usize, to: usize, belongs: impl Fn(u8) -> bool) -> usize {
    let part = text.get(floor..to).unwrap_or_default();
    let length = part.iter().rev().position(|&byte| !belongs(byte)).unwrap_or(part.len());
    work::count(length + 1);
    to - length
}

/// The byte at `at`, if there is one.
pub(super) fn byte(text: &[u8], at: usize) -> Option<u8> {
    text.get(at).copied()
}

/// The byte directly before `at`, if there is one.
pub(super) fn byte_before(text: &[u8], at: usize) -> Option<u8> {
    text.get(at.checked_sub(1)?).copied()
}

/// The bytes of `range`; none where it leaves the text.
pub(super) fn part(text: &[u8], range: Range<usize>) -> &[u8] {
    text.get(range).unwrap_or_default()
}

/// Whether `at` is where a word may start: no ASCII letter or digit directly before, other than an escape's.
pub(super) fn opens_word(text: &[u8], at: usize) -> bool {
    !byte_before(text, at).is_some_and(|before| before.is_ascii_alphanumeric()) || escape_end(text, at) == Some(at)
}

/// End of the escape sequence that stands before `start` and reaches it or beyond.
///
/// A run of digits or letters may begin inside an escape: in `%20192.0.2.1` the digits run from `20` on.
pub(super) fn escape_end(text: &[u8], start: usize) -> Option<usize> {
    // The byte before is the escape's own, and few can be.
    if !byte_before(text, start).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"%\\#[;".contains(&byte)) {
        return None;
    }
    let floor = start.saturating_sub(ESCAPE_BYTES_MAX);
    let before = part(text, floor..start);
    work::count(before.len());
    let starts = before.iter().enumerate().rev().filter(|(_, byte)| matches!(byte, b'%' | b'\\' | b'#' | 0x1b));
    starts.map(|(at, _)| floor + at).find_map(|from| {
        let end = from + escape_length(text.get(from..)?)?;
        (end >= start).then_some(end)
    })
}

/// Length of the escape sequence that `bytes` begin with.
fn escape_length(bytes: &[u8]) -> Option<usize> {
    let all = |digits: Range<usize>, is: fn(&u8) -> bool| bytes.get(digits).is_some_and(|found| found.iter().all(is));
    match bytes {
        // RFC 3986, section 2.1.
        [b'%', ..] if all(1..3, u8::is_ascii_hexdigit) => Some(3),
        // RFC 8259, section 7.
        [b'\\', b'u', ..] if all(2..6, u8::is_ascii_hexdigit) => Some(6),
        [b'\\', b'x', ..] if all(2..4, u8::is_ascii_hexdigit) => Some(4),
        [b'\\', b'n' | b'r' | b't', ..] => Some(2),
        // Control characters as syslog daemons write them: `#012` is a line feed.
        [b'#', b'0', ..] if all(2..4, |digit| matches!(digit, b'0'..=b'7')) => Some(4),
        // Select Graphic Rendition, ECMA-48 section 8.3.117.
        [0x1b, b'[', ..] => {
            let parameters = bytes.iter().take(ESCAPE_BYTES_MAX).skip(2);
            let length = 2 + parameters.take_while(|&&byte| byte.is_ascii_digit() || byte == b';').count();
            (bytes.get(length) == Some(&b'm')).then_some(length + 1)
        }
        _ => None,
    }
}

/// The first code point of `bytes` that is not ASCII and may stand in a name, and its length.
///
/// Spaces and punctuation of other scripts end a name as ASCII ones do.
pub(super) fn foreign_letter(bytes: &[u8]) -> Option<usize> {
    let width = match bytes.first()? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let letter = std::str::from_utf8(bytes.get(..width)?).ok()?.chars().next()?;
    let delimits = matches!(letter, '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}'
        | '\u{fe30}'..='\u{fe4f}' | '\u{feff}' | '\u{ff00}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}')
        && !matches!(letter, 'ª' | 'µ' | 'º');
    (!delimits).then_some(width)
}

/// The last code point before `to` that is not ASCII and may stand in a name: its length.
pub(super) fn foreign_letter_before(text: &[u8], to: usize) -> Option<usize> {
    let is_continuation = |byte: &u8| (0x80..0xc0).contains(byte);
    if !byte_before(text, to).is_some_and(|byte| is_continuation(&byte)) {
        return None;
    }
    let last = text.get(to.saturating_sub(4)..to)?;
    let width = 1 + last.iter().rev().take_while(|byte| is_continuation(byte)).count();
    let start = to.checked_sub(width)?;
    (foreign_letter(text.get(start..to)?)? == width).then_some(width)
}

/// Counts the bytes looked at, in tests only.
#[cfg(not(test))]
pub(super) mod work {
    /// Counts nothing.
    pub(in crate::detect) fn count(_steps: usize) {}
}

/// Counts the bytes looked at.
#[cfg(test)]
pub(super) mod work {
    use std::cell::Cell;

    thread_local! { static STEPS: Cell<usize> = const { Cell::new(0) } }

    /// Adds to this thread's count.
    pub(in crate::detect) fn count(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// This thread's count since the last call.
    pub(in crate::detect) fn take() -> usize {
        STEPS.take()
    }
}
