//! Formats that no corpus taught us: what leaks and what is destroyed, against the truth in `tests/data/unseen`.

use crate::support::{auto, veiled};
use regex::Regex;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The share of marked values of each class that must be gone.
const GONE_MIN: [(&str, f64); 16] = [
    ("account", 1.0),
    ("agent", 0.98),
    ("card", 1.0),
    ("device", 0.97),
    ("email", 0.999),
    ("geo", 1.0),
    ("host", 0.95),
    ("iban", 1.0),
    ("ip", 0.999),
    ("mac", 0.99),
    ("person", 0.95),
    ("phone", 0.95),
    ("session", 0.97),
    ("token", 0.98),
    ("user", 0.97),
    ("userid", 0.96),
];

/// The share of words outside the marks that must stay.
const KEPT_MIN: f64 = 0.995;

/// A stretch of a line: marked with a class, or without one and to be kept.
struct Part<'a> {
    class: Option<&'a str>,
    text: &'a str,
}

/// A line of a file with its truth.
struct Line {
    place: String,
    marked: String,
}

impl Line {
    fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        let mut rest = self.marked.as_str();
        while let Some((before, from_mark)) = rest.split_once('«') {
            let (mark, after) = from_mark.split_once('»').expect("a mark ends");
            let (class, text) = mark.split_once(':').expect("a mark has a class");
            parts.push(Part { class: None, text: before });
            parts.push(Part { class: Some(class), text });
            rest = after;
        }
        parts.push(Part { class: None, text: rest });
        parts
    }

    fn raw(&self) -> String {
        self.parts().iter().map(|part| part.text).collect()
    }
}

fn lines() -> Vec<Line> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/unseen");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files.iter().flat_map(|file| lines_of(file)).collect()
}

fn lines_of(file: &Path) -> Vec<Line> {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(file).unwrap();
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("# "));
    numbered.map(|(index, line)| Line { place: format!("{name}:{}", index + 1), marked: line.to_owned() }).collect()
}

/// A text without pseudonyms, so that only what was there before is found in it.
fn without_tokens(text: &str) -> String {
    let class = "ip|net|mac|email|user|person|user-id|phone|account|card|iban|session|connection-id|token|device|user-agent|host|geo|text";
    let token = Regex::new(&format!(r"(?:{class})\.(?:dropped|[a-z2-7]{{4}}_[a-z2-7]{{24}}(?:_[a-z2-7]{{24}})?)"));
    token.unwrap().replace_all(text, " ").into_owned()
}

fn words(text: &str) -> Vec<&str> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').filter(|word| !word.is_empty()).collect()
}

/// Whether the value stands in the text with no letter or digit of a longer word at its sides.
fn stands(text: &str, value: &str) -> bool {
    let in_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(value).any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + value.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(in_word) && !after.is_some_and(in_word)
    })
}

/// How many words of one text stand in the other in the same order: the length of their longest common subsequence.
fn common(one: &[&str], other: &[&str]) -> usize {
    let mut lengths = vec![0; other.len() + 1];
    for word in one {
        let mut diagonal = 0;
        for (index, candidate) in other.iter().enumerate() {
            let above = lengths[index + 1];
            lengths[index + 1] = if word == candidate { diagonal + 1 } else { above.max(lengths[index]) };
            diagonal = above;
        }
    }
    lengths[other.len()]
}

/// What is gone and kept over all lines.
#[derive(Default)]
struct Score {
    /// Marked values and those that leak, by class.
    gone: BTreeMap<String, (usize, usize)>,
    words: usize,
    words_kept: usize,
    /// Where something leaks or is lost, without saying what.
    faults: Vec<String>,
}

impl Score {
    fn add(&mut self, line: &Line, output: &str) {
        let output = without_tokens(output);
        let parts = line.parts();
        for part in &parts {
            let Some(class) = part.class.filter(|class| *class != "?") else { continue };
            let leaks = stands(&output, part.text);
            let counts = self.gone.entry(class.to_owned()).or_default();
            counts.0 += 1;
            counts.1 += usize::from(leaks);
            if leaks {
                self.faults.push(format!("{}: leaks a {class} of {} bytes", line.place, part.text.len()));
            }
        }
        let plain: Vec<&str> =
            parts.iter().filter(|part| part.class.is_none()).flat_map(|part| words(part.text)).collect();
        let kept = common(&plain, &words(&output));
        self.words += plain.len();
        self.words_kept += kept;
        if kept < plain.len() {
            self.faults.push(format!("{}: loses {} of {} words", line.place, plain.len() - kept, plain.len()));
        }
    }

    fn table(&self) -> String {
        let classes =
            self.gone.iter().map(|(class, (all, leaked))| format!("{class:10} {all:5} marked {leaked:4} leaked"));
        let kept = format!("{} of {} words kept", self.words_kept, self.words);
        classes.chain([kept]).chain(self.faults.iter().cloned()).collect::<Vec<_>>().join("\n")
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "what is measured is worth reading when nothing fails, too")]
fn unseen_formats_leak_little_and_lose_little() {
    let veil = auto();
    let mut score = Score::default();
    for line in lines() {
        score.add(&line, &veiled(veil, line.raw().as_bytes()));
    }
    let table = score.table();
    println!("{table}");
    for (class, least) in GONE_MIN {
        let (all, leaked) = score.gone.remove(class).unwrap_or_default();
        assert!(all > 0, "no {class} is marked");
        assert!((all - leaked) as f64 >= least * all as f64, "{class} leaks too often\n{table}");
    }
    assert!(score.gone.is_empty(), "marks of unknown classes: {:?}", score.gone.keys());
    assert!(score.words_kept as f64 >= KEPT_MIN * score.words as f64, "too many words are lost\n{table}");
}

/// The measure sees what it is to see.
#[test]
fn leaks_and_losses_are_counted() {
    let line = Line { place: String::new(), marked: "a «ip:192.0.2.7» b «?:x»".to_owned() };
    assert_eq!(line.raw(), "a 192.0.2.7 b x");
    assert!(stands("from 192.0.2.7:22", "192.0.2.7") && !stands("from 192.0.2.70", "192.0.2.7"));
    assert_eq!(common(&["a", "b", "c"], &["a", "c", "b"]), 2);
    let mut score = Score::default();
    score.add(&line, "from 192.0.2.7 b");
    assert_eq!((score.gone["ip"], score.words, score.words_kept), ((1, 1), 2, 1));
    assert_eq!(without_tokens("x-user.2sdv_uvbocfkkegsr7uk4vggnokfh y ip.dropped").trim(), "x-  y");
}
