//! The house rules that no compiler checks: who may import what, who owns which outside thing, how big things get.
//!
//! Each fault reads `path:line: what is wrong; what to do instead`.

use logveil::retention::{Confirmation, Keep};
use logveil::veil::Reason;
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Lines of a file, without its tests: those are data more than code.
const FILE_LINES_MAX: usize = 700;
const FUNCTION_LINES_MAX: usize = 100;

/// Values in, values out: what these rooms do can be tested and repeated byte for byte.
const PURE_ROOMS: [&str; 12] = [
    "kernels",
    "calendar",
    "record",
    "rules",
    "generate",
    "decode",
    "detect",
    "canon",
    "keys",
    "transform",
    "veil",
    "discover",
];

/// What a pure room must not name, and what it does instead.
const IMPURE: [(&str, &str); 8] = [
    (r"\btokio\b", "async belongs to the rim"),
    (r"\bstd::fs\b|\buse std::\{[^}]*\bfs\b", "take the bytes as an argument"),
    (r"\b(Tcp(Stream|Listener)|UdpSocket|ToSocketAddrs)\b", "take the bytes as an argument"),
    (r"\bstd::env\b|\buse std::\{[^}]*\benv\b", "take the value as an argument; `config` reads it"),
    (r"\b(SystemTime|Instant)\b", "take the time as an argument"),
    (r"\bstd::thread\b|\bthread::|\buse std::\{[^}]*\bthread\b", "`pipeline` owns the threads"),
    (r"\btracing\b", "return what happened; `pipeline` logs it"),
    (r"\bgetrandom\b", "take the randomness as an argument"),
];

/// Crates that only some rooms may name.
const OWNERS: [(&str, &[&str]); 7] = [
    ("rdkafka", &["kafka"]),
    ("axum", &["http"]),
    ("clap", &["cli", "main"]),
    ("indicatif", &["cli"]),
    ("anyhow", &["cli", "main"]),
    ("rand_xoshiro", &["generate"]),
    ("aes_gcm|hkdf|hmac|ipcrypt_rs|sha2", &["keys"]),
];

/// The rooms that turn raw values into something clean, and so may look at them.
const EXPOSERS: [&str; 5] = ["decode", "detect", "canon", "transform", "veil"];

const BANNED_NAMES: [&str; 7] = ["utils", "util", "common", "helpers", "misc", "manager", "service"];

/// One file under `src/`.
struct Source {
    /// `src/veil/mod.rs`
    path: PathBuf,
    /// `veil`
    room: String,
    text: String,
    /// The text without comments and without `mod tests`; line numbers stay.
    code: String,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap();
        let path = path.strip_prefix(root).unwrap().to_path_buf();
        let room = path.components().nth(1).unwrap().as_os_str().to_str().unwrap();
        Self { room: room.trim_end_matches(".rs").to_owned(), code: code_of(&text), path, text }
    }

    fn is_pure(&self) -> bool {
        PURE_ROOMS.contains(&self.room.as_str())
    }

    /// A fault at a byte of `code`.
    fn fault(&self, at: usize, what: &str) -> String {
        let line = self.code.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        self.fault_in_line(line, what)
    }

    fn fault_in_line(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path.display())
    }
}

/// Blanks comments and drops everything from `mod tests` on.
fn code_of(text: &str) -> String {
    let tests = Regex::new(r"(?m)^#\[cfg\(test\)\]\n(#\[.*\]\n)*mod tests \{").unwrap();
    let text = tests.splitn(text, 2).next().unwrap_or(text);
    Regex::new(r"(?m)(^|\s)//.*$").unwrap().replace_all(text, "$1").into_owned()
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    collect(&root.join("src"), &mut paths);
    paths.sort();
    paths.iter().map(|path| Source::read(root, path)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// The rooms in the order of `lib.rs`, then `main`, which may import them all.
fn rooms(sources: &[Source]) -> Vec<String> {
    let lib = sources.iter().find(|source| source.room == "lib").unwrap();
    let mut rooms: Vec<String> =
        Regex::new(r"(?m)^pub mod (\w+);").unwrap().captures_iter(&lib.code).map(|found| found[1].to_owned()).collect();
    rooms.push("main".to_owned());
    rooms
}

#[track_caller]
fn check(find_faults: impl Fn(&Source) -> Vec<String>) {
    let faults: Vec<String> = sources().iter().flat_map(find_faults).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Every fault that `pattern` finds in the code.
fn matches(source: &Source, pattern: &str, what: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern
        .find_iter(&source.code)
        .map(|found| source.fault(found.start(), &format!("`{}`: {what}", found.as_str().trim())))
        .collect()
}

#[test]
fn a_room_imports_only_rooms_above_it() {
    let rooms = rooms(&sources());
    check(|source| {
        let Some(own) = rooms.iter().position(|room| *room == source.room) else { return Vec::new() };
        imports(&source.code, source.room == "main")
            .into_iter()
            .filter_map(|(at, import)| {
                let rank = rooms.iter().position(|room| *room == import)?;
                let what =
                    format!("`{}` imports `{import}`; a room imports only rooms above it in lib.rs", source.room);
                (rank > own).then(|| source.fault(at, &what))
            })
            .collect()
    });
}

/// The rooms that `code` names, with where: `crate::room` and `use crate::{room::.., room}`.
fn imports(code: &str, from_main: bool) -> Vec<(usize, String)> {
    let root = if from_main { "logveil" } else { "crate" };
    let mut found = Vec::new();
    for path in Regex::new(&format!(r"\b{root}::(\w+)")).unwrap().captures_iter(code) {
        found.push((path.get(0).unwrap().start(), path[1].to_owned()));
    }
    for group in Regex::new(&format!(r"\buse {root}::\{{([^;]*)\}};")).unwrap().captures_iter(code) {
        let mut depth = 0;
        for part in group[1].split_inclusive(['{', '}', ',']) {
            let name = part.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            if depth == 0 && !name.is_empty() {
                found.push((group.get(0).unwrap().start(), name.to_owned()));
            }
            depth += part.matches('{').count() as i32 - part.matches('}').count() as i32;
        }
    }
    found
}

#[test]
fn imports_are_found() {
    let code = "use crate::{keys::{Key, Ring}, veil};\nfn f() { crate::rules::f() }";
    let names: BTreeSet<String> = imports(code, false).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["keys", "rules", "veil"]);
}

#[test]
fn a_room_names_other_rooms_from_the_root() {
    let rooms = rooms(&sources()).join("|");
    check(|source| {
        let top = source.path.components().count() == 2 || source.path.ends_with("mod.rs");
        let pattern = if top { format!(r"\bsuper::({rooms})\b") } else { format!(r"\bsuper::super::({rooms})\b") };
        if source.path.components().count() > 3 { Vec::new() } else { matches(source, &pattern, "say `crate::`") }
    });
}

#[test]
fn pure_rooms_touch_nothing_outside() {
    check(|source| {
        let impure = IMPURE.iter().filter(|_| source.is_pure());
        impure.flat_map(|(pattern, instead)| matches(source, pattern, instead)).collect()
    });
}

#[test]
fn every_outside_thing_has_one_owner() {
    check(|source| {
        let foreign = OWNERS.iter().filter(|(_, owners)| !owners.contains(&source.room.as_str()));
        foreign
            .flat_map(|(names, owners)| {
                let pattern = format!(r"\b({names})::|\buse ({names})\b");
                matches(source, &pattern, &format!("only {} may name it", owners.join(", ")))
            })
            .collect()
    });
}

#[test]
fn raw_values_are_exposed_only_where_they_are_cleaned() {
    check(|source| {
        if EXPOSERS.contains(&source.room.as_str()) {
            return Vec::new();
        }
        matches(source, r"\.expose\(|Cleartext::expose", "pass the `Cleartext` on to a room that replaces it")
    });
}

#[test]
fn every_file_says_what_it_knows() {
    check(|source| {
        let says = source.text.starts_with("//! ");
        if says { Vec::new() } else { vec![source.fault_in_line(1, "no module docs; open the file with `//! `")] }
    });
}

#[test]
fn files_and_functions_stay_small() {
    check(|source| {
        let lines: Vec<&str> = source.code.lines().collect();
        let mut faults = Vec::new();
        if lines.len() > FILE_LINES_MAX {
            let what = format!("{} lines; make the file a folder, {FILE_LINES_MAX} are enough", lines.len());
            faults.push(source.fault_in_line(lines.len(), &what));
        }
        for function in functions(&lines) {
            let length = function.end() - function.start() + 1;
            if length > FUNCTION_LINES_MAX {
                let what = format!("function of {length} lines; split it, {FUNCTION_LINES_MAX} are enough");
                faults.push(source.fault_in_line(function.start() + 1, &what));
            }
        }
        faults
    });
}

/// The lines of each function, from 0. Relies on rustfmt: the closing brace stands where the first line starts.
fn functions(lines: &[&str]) -> Vec<RangeInclusive<usize>> {
    let head = Regex::new(r#"^(\s*)(pub(\([^)]*\))? )?(const |async |unsafe |extern "C" )*fn \w+"#).unwrap();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(indent) = head.captures(line).map(|captures| captures[1].to_owned()) else { continue };
        if line.ends_with('}') || line.ends_with(';') {
            continue;
        }
        let close = format!("{indent}}}");
        if let Some(length) = lines[start..].iter().position(|line| *line == close) {
            found.push(start..=start + length);
        }
    }
    found
}

#[test]
fn files_are_named_after_what_they_own() {
    check(|source| {
        let stem = source.path.file_stem().unwrap().to_str().unwrap();
        let banned = BANNED_NAMES.contains(&stem)
            || Regex::new(r"_v\d+$|^new_").unwrap().is_match(stem)
            || BANNED_NAMES.contains(&source.room.as_str());
        if banned {
            vec![source.fault_in_line(1, "the name owns nothing; name the file after what it knows")]
        } else {
            Vec::new()
        }
    });
}

#[test]
fn nothing_is_put_off() {
    check(|source| {
        let marks = Regex::new(r"\b(TODO|FIXME|XXX)\b|\b(todo|unimplemented)!|#\[ignore|should_panic").unwrap();
        let lines = source.text.lines().enumerate();
        lines
            .filter_map(|(index, line)| {
                let mark = marks.find(line)?;
                Some(source.fault_in_line(index + 1, &format!("`{}`: do it now, or say nothing", mark.as_str())))
            })
            .collect()
    });
}

fn operating() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operating.md")).unwrap()
}

/// The first cells of the rows of all tables in a section, without their backticks.
fn rows(docs: &str, section: &str) -> BTreeSet<String> {
    let section = docs.split("\n## ").find(|found| found.starts_with(section)).unwrap_or_default();
    let row = Regex::new(r"(?m)^\| `([a-z0-9-]+)` \|").unwrap();
    row.captures_iter(section).map(|found| found[1].to_owned()).collect()
}

#[test]
fn operators_find_every_reason_in_the_docs() {
    let documented = rows(&operating(), "Reasons");
    let known: BTreeSet<String> = Reason::ALL.into_iter().map(|reason| reason.code().to_owned()).collect();
    let missing: Vec<_> = known.difference(&documented).collect();
    let stale: Vec<_> = documented.difference(&known).collect();
    assert!(missing.is_empty(), "docs/operating.md: add a row in `Reasons` for {missing:?}");
    assert!(stale.is_empty(), "docs/operating.md: no such reasons, remove their rows: {stale:?}");
}

#[test]
fn operators_find_every_state_and_outcome_of_retention_in_the_docs() {
    let docs = operating();
    let documented = rows(&docs, "Raw records and their end");
    let missing: Vec<_> = Keep::ALL.into_iter().filter(|keep| !documented.contains(keep.code())).collect();
    assert!(missing.is_empty(), "docs/operating.md: add a row in `Raw records and their end` for {missing:?}");
    for outcome in Confirmation::ALL {
        assert!(docs.contains(&format!("`{}`: ", outcome.code())), "docs/operating.md: what does {outcome:?} mean?");
    }
}

#[test]
fn operators_find_every_metric_in_the_docs() {
    let docs = operating();
    let source = sources().into_iter().find(|source| source.path.ends_with("pipeline/metrics.rs")).unwrap();
    let name = Regex::new(r#""(logveil_[a-z_]+)""#).unwrap();
    let names: BTreeSet<String> = name.captures_iter(&source.code).map(|found| found[1].to_owned()).collect();
    assert!(!names.is_empty());
    // Counters and units get a suffix.
    let missing: Vec<_> = names.iter().filter(|name| !docs.contains(&format!("`{name}"))).collect();
    assert!(missing.is_empty(), "docs/operating.md: add a row in `Metrics` for {missing:?}");
}
