//! What a value looks like, told without the value.

/// What kind of thing a value may be by its letters and digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Look {
    /// Nothing, or what logs write for it.
    Nothing,
    /// `true`, `no`, `on`.
    Flag,
    /// A date or a time of day.
    Time,
    /// Digits.
    Integer,
    /// A number with a fraction or a unit, a version.
    Measure,
    /// Letters and digits mixed.
    Code,
    /// Letters, also with dots, hyphens and low lines among them.
    Word,
    /// Two to four words with capitals.
    Names,
    /// A path or URL.
    Path,
    /// Anything else.
    Text,
}

impl Look {
    /// Every look, in declaration order.
    pub(super) const ALL: [Self; 10] = [
        Self::Nothing,
        Self::Flag,
        Self::Time,
        Self::Integer,
        Self::Measure,
        Self::Code,
        Self::Word,
        Self::Names,
        Self::Path,
        Self::Text,
    ];

    /// The look of a value.
    pub(super) fn of(value: &str) -> Self {
        let value = value.trim();
        let lower = value.to_ascii_lowercase();
        match lower.as_str() {
            "" | "-" | "null" | "none" | "nil" | "n/a" | "unknown" | "undefined" => return Self::Nothing,
            "true" | "false" | "yes" | "no" | "on" | "off" => return Self::Flag,
            _ => {}
        }
        let has = |test: fn(&char) -> bool| value.chars().any(|c| test(&c));
        let (letters, digits) = (has(|c| c.is_alphabetic()), has(char::is_ascii_digit));
        if value.contains(char::is_whitespace) {
            return if is_time(value) { Self::Time } else { words_look(value) };
        }
        // A list or a row of separated values.
        if value.split([';', '|', ',']).nth(2).is_some() {
            return Self::Text;
        }
        if value.contains('/') && !is_time(value) {
            return Self::Path;
        }
        match (letters, digits) {
            _ if is_time(value) => Self::Time,
            (false, true) if value.chars().all(|c| c.is_ascii_digit()) => Self::Integer,
            (_, true) if is_measure(value) => Self::Measure,
            (true, true) => Self::Code,
            (true, false) if value.chars().all(|c| c.is_alphabetic() || ".-_'".contains(c)) => Self::Word,
            (false, true) if value.chars().all(|c| c.is_ascii_digit() || ".-_:/".contains(c)) => Self::Code,
            _ => Self::Text,
        }
    }
}

/// A date, a time of day, or both: `2026-01-31…`, `31/Jan/2026…`, `10:00:07…`.
fn is_time(value: &str) -> bool {
    // With a weekday, fractions and a zone no time is longer; what is, is a line that starts with one.
    const BYTES_MAX: usize = 40;
    const FORMS: [&str; 4] = ["9999-99-99", "9999/99/99", "99/aaa/9999", "99:99:99"];
    let fits = |form: &str| {
        value.len() >= form.len()
            && form.bytes().zip(value.bytes()).all(|(wanted, byte)| match wanted {
                b'9' => byte.is_ascii_digit(),
                b'a' => byte.is_ascii_alphabetic(),
                _ => byte == wanted,
            })
    };
    value.len() <= BYTES_MAX && FORMS.into_iter().any(fits) && has_only_time(value)
}

/// Whether a text that begins as a time goes on as one: no letters but those of months, weekdays and zones, and one fraction.
fn has_only_time(value: &str) -> bool {
    const WORD_BYTES_MAX: usize = 4;
    const WORDS_MAX: usize = 3;
    let is_sign = |c: char| c.is_ascii_alphanumeric() || " -/:.,+".contains(c);
    let words = || value.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    value.chars().all(is_sign)
        && value.matches(['.', ',']).count() <= 1
        && words().all(|word| word.len() <= WORD_BYTES_MAX)
        && words().count() <= WORDS_MAX
}

/// A number with a sign, a fraction or a short unit behind it, or several numbers with dots, as versions have.
fn is_measure(value: &str) -> bool {
    const UNIT_CHARS_MAX: usize = 3;
    let number = value.trim_start_matches(['-', '+', 'v']);
    let unit = number.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let is_unit = unit.chars().count() <= UNIT_CHARS_MAX && unit.chars().all(|c| c.is_alphabetic() || c == '%');
    number.starts_with(|c: char| c.is_ascii_digit()) && is_unit
}

fn words_look(value: &str) -> Look {
    let is_name = |word: &str| {
        word.starts_with(char::is_uppercase) && word.chars().all(|c| c.is_alphabetic() || "-'.’".contains(c))
    };
    let words: Vec<&str> = value.split_whitespace().collect();
    if (2..=4).contains(&words.len()) && words.iter().all(|word| is_name(word)) { Look::Names } else { Look::Text }
}

/// Longest run that a picture spells out.
const RUN_MAX: usize = 4;
/// Digits of a run from which on letters a to f and digits are hexadecimal.
const HEX_CHARS_MIN: usize = 8;
/// Longest value that a picture is drawn of, in characters.
const PICTURE_CHARS_MAX: usize = 64;

/// A picture of a value: `9` for digits, `A` and `a` for letters, `h` for hexadecimal digits, `x` for letters and digits
/// mixed, with the length of longer runs: `AA-9{8}`. Punctuation stands for itself. `None` for long values.
pub(super) fn picture(value: &str) -> Option<String> {
    draw(value, |run, kind| match run {
        ..=RUN_MAX => kind.to_string().repeat(run),
        _ => format!("{kind}{{{run}}}"),
    })
}

/// The same without lengths: `A+-9+`.
pub(super) fn outline(value: &str) -> Option<String> {
    draw(value, |run, kind| if run == 1 { kind.to_string() } else { format!("{kind}+") })
}

fn draw(value: &str, write: impl Fn(usize, char) -> String) -> Option<String> {
    if value.chars().nth(PICTURE_CHARS_MAX).is_some() {
        return None;
    }
    let mut drawn = String::new();
    let mut rest = value;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(word);
        if word.is_empty() {
            drawn.push(if first.is_ascii_punctuation() || first == ' ' { first } else { '?' });
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
            continue;
        }
        draw_word(word, &mut drawn, &write);
        rest = behind;
    }
    Some(drawn)
}

fn draw_word(word: &str, drawn: &mut String, write: &impl Fn(usize, char) -> String) {
    let kinds: Vec<char> = word.chars().map(kind).collect();
    let switches = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let is_hex = kinds.len() >= HEX_CHARS_MIN && word.chars().all(|c| c.is_ascii_hexdigit());
    if is_hex && kinds.contains(&'9') && switches > 0 {
        *drawn += &write(kinds.len(), 'h');
        return;
    }
    // A capital in front is no mixture, nor is a number behind.
    if switches > 2 {
        *drawn += &write(kinds.len(), 'x');
        return;
    }
    for run in kinds.chunk_by(|a, b| a == b) {
        *drawn += &write(run.len(), run[0]);
    }
}

fn kind(c: char) -> char {
    match c {
        _ if c.is_numeric() => '9',
        _ if c.is_uppercase() => 'A',
        _ => 'a',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_looks() {
        for (value, look) in [
            ("", Look::Nothing),
            ("N/A", Look::Nothing),
            ("Yes", Look::Flag),
            ("2026-01-31T10:00:07Z", Look::Time),
            ("31/Jan/2026:10:00:07", Look::Time),
            ("10:00:07.123", Look::Time),
            ("10:00:07;qabcdef;192.0.2.1;5", Look::Text),
            ("10:00:07,abc,192.0.2.1,5", Look::Text),
            ("2026-01-31 10:00:07", Look::Time),
            ("4711", Look::Integer),
            ("-3.5", Look::Measure),
            ("12ms", Look::Measure),
            ("v1.2.3", Look::Measure),
            ("HX-4711", Look::Code),
            ("12-34-56", Look::Code),
            ("0190a1b2c3", Look::Code),
            ("alice", Look::Word),
            ("alice.example", Look::Word),
            ("Alice van-Example", Look::Text),
            ("Alice Example", Look::Names),
            ("/orders/17", Look::Path),
            ("could not open the file", Look::Text),
            ("\u{20ac}!", Look::Text),
        ] {
            assert_eq!(Look::of(value), look, "{value}");
        }
    }

    #[test]
    fn pictures_tell_no_value() {
        for (value, drawn, outlined) in [
            ("HX-471108", "AA-9{6}", "A+-9+"),
            ("alice.example", "a{5}.a{7}", "a+.a+"),
            ("Alice Example", "Aaaaa Aa{6}", "Aa+ Aa+"),
            ("deadbeef01", "h{10}", "h+"),
            ("k3f7aynho5", "x{10}", "x+"),
            ("größe\u{7}", "a{5}?", "a+?"),
            ("", "", ""),
        ] {
            assert_eq!(picture(value).as_deref(), Some(drawn), "{value}");
            assert_eq!(outline(value).as_deref(), Some(outlined), "{value}");
        }
        assert_eq!(picture(&"a".repeat(PICTURE_CHARS_MAX + 1)), None);
    }
}
