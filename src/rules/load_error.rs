//! What is wrong with a pack file, shown where it stands.

use std::fmt;
use std::ops::Range;

/// Longest part of a source line that an error shows, in characters.
const SHOWN_MAX: usize = 160;

/// A file of rules as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Path as errors show it, such as `rules/nginx/pack.toml`.
    pub file: String,
    /// The file's text.
    pub text: String,
}

/// Everything that is wrong with a pack, by file and position. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadErrors(pub Vec<LoadError>);

/// One fault of a pack: where it stands, what it is, and often what to do about it.
///
/// Pack files hold rules and no data, so that quoting them leaks nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// Path of the file.
    pub file: String,
    /// Line in the file, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What the author can do about it.
    pub hint: Option<String>,
    /// The line of the file.
    source_line: String,
    /// Characters to underline, at least one.
    width: usize,
}

impl Source {
    /// Line of a byte offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }
}

impl LoadErrors {
    /// Sorts faults by file and position, those of `first` before all others.
    pub(super) fn sorted(first: &Source, mut errors: Vec<LoadError>) -> Self {
        errors.sort_by_key(|error| (error.file != first.file, error.file.clone(), error.line, error.column));
        Self(errors)
    }
}

impl LoadError {
    /// A fault at some bytes of a file.
    pub(super) fn new(source: &Source, span: Range<usize>, message: impl Into<String>) -> Self {
        let before = source.text.get(..span.start).unwrap_or(&source.text);
        let from_line = before.rfind('\n').map_or(0, |at| at + 1);
        let source_line = source.text.get(from_line..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = before.get(from_line..).unwrap_or_default().chars().count() + 1;
        let marked = source.text.get(span.clone()).unwrap_or_default().lines().next().unwrap_or_default();
        Self {
            file: source.file.clone(),
            line: source.line(span.start),
            column,
            message: message.into(),
            hint: None,
            source_line: source_line.to_owned(),
            width: marked.trim_end().chars().count().max(1),
        }
    }

    /// The same fault with a hint.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, .. } = self;
        write!(f, "{file}:{line}:{column}: {}", printable(message))?;
        let shown: String = printable(&self.source_line).chars().take(SHOWN_MAX).collect();
        write!(f, "\n{}", format!("{line:>5} | {shown}").trim_end())?;
        if *column <= SHOWN_MAX {
            let width = self.width.min(SHOWN_MAX + 1 - column);
            write!(f, "\n      | {:column$}{:^<width$}", "", "", column = column - 1)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", printable(hint))?;
        }
        Ok(())
    }
}

/// The text with blanks for control characters, which could move the cursor or recolour the terminal; a tab would move
/// the caret. Messages and hints quote the file.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            let gap = if at > 0 { "\n" } else { "" };
            write!(f, "{gap}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}
impl std::error::Error for LoadErrors {}

/// Code words as errors show them.
pub(super) fn quoted(codes: &[&str]) -> String {
    codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ")
}

/// The hint for a word that is none of `choices`: the nearest one, or all of them.
pub(super) fn choice_hint(word: &str, choices: &[&str]) -> String {
    match nearest(word, choices) {
        Some(near) => format!("did you mean `{near}`? there is {}", quoted(choices)),
        None => format!("there is {}", quoted(choices)),
    }
}

/// The choice that a third of the letters of `word` can turn into, if any: most likely a slip of the pen.
pub(super) fn nearest<'a>(word: &str, choices: &[&'a str]) -> Option<&'a str> {
    let distances = choices.iter().map(|choice| (edit_distance(word, choice), *choice));
    let (distance, choice) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance * 3 <= word.chars().count().max(3)).then_some(choice)
}

/// Levenshtein distance: fewest letters to insert, delete or replace.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, in_a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, in_b) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(in_a != in_b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_fault_is_underlined_where_it_stands() {
        let source = Source { file: "pack.toml".into(), text: "a = 1\n\té = \x1b[31mxyz\n".into() };
        let at = source.text.find("xyz").unwrap();
        let error = LoadError::new(&source, at..at + 3, "no `\x1b[31mxyz`").hint("leave `\x1b` out");
        expect![[r#"
            pack.toml:2:11: no ` [31mxyz`
                2 |  é =  [31mxyz
                  |           ^^^
              hint: leave ` ` out"#]]
        .assert_eq(&error.to_string());
    }

    #[test]
    fn the_end_of_the_file_and_long_lines_can_be_shown() {
        let source = Source { file: "pack.toml".into(), text: "é".repeat(1000) };
        for span in [0..2, 0..2000, 1998..2000, 2000..2000, 1..1, 5000..9000] {
            let shown = LoadError::new(&source, span, "m").to_string();
            assert!(shown.lines().all(|line| line.chars().count() <= SHOWN_MAX + 8), "{shown}");
        }
    }

    #[test]
    fn slips_are_guessed_and_strangers_are_not() {
        let keys = ["transform", "class", "id", "select"];
        assert_eq!(nearest("tranform", &keys), Some("transform"));
        assert_eq!(nearest("clas", &keys), Some("class"));
        assert_eq!(nearest("ids", &keys), Some("id"));
        assert_eq!(nearest("operator", &keys), None);
        assert_eq!(nearest("", &keys), None);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
