//! Rule files of any text: faults name a place in the file, and what is accepted can be used.

use crate::veils;
use logveil::rules::cases::Case;
use logveil::rules::load::{self, parse_with};
use logveil::rules::load_error::{LoadError, Source};
use logveil::rules::{pattern, selector::Selector};
use logveil::veil::{Choice, Veil};

const FILE: &str = "fuzz/pack.toml";

/// Records that an accepted pack is used on.
const RECORDS: [&str; 3] = [
    r#"{"user":"alice","client":{"ip":"192.0.2.1"},"n":[1,true,null],"m":"login=bob from 198.51.100.7"}"#,
    r#"192.0.2.1 - alice [01/Jan/2026:00:00:00 +0000] "GET /?user=bob HTTP/1.1" 200 5"#,
    "",
];

/// The shared files that a pack may use. Small ones: those that ship cost more to read than all the rest.
const SHARED: [&str; 4] = ["names", "phrases", "daemons", "network"];

fn shared(name: &str) -> Option<Source> {
    let known = SHARED.contains(&name);
    let rule = format!("[[rule]]\nid = \"{name}-user\"\nnamed = [\"{name}_user\"]\nclass = \"user\"\n");
    let text = format!("name = \"{name}\"\nversion = 1\n\n{rule}");
    known.then(|| Source { file: format!("fuzz/{name}.toml"), text })
}

/// Checks one input.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    check_pack(text);
    check_case(text);
    check_small_languages(text);
}

fn check_pack(text: &str) {
    let loaded = parse_with(FILE, text, &shared);
    match loaded {
        Err(errors) => {
            assert!(!errors.0.is_empty(), "refused for no reason");
            for error in errors.0.iter().filter(|error| error.file == FILE) {
                check_place(error, text);
            }
        }
        Ok(pack) => {
            let choice = Choice::Pack(pack.name.clone());
            let veil = Veil::new(&[pack], &choice).expect("what loads compiles");
            for record in RECORDS {
                let clean = veils::veiled(&veil, record.as_bytes());
                assert_eq!(clean, veils::veiled(&veil, record.as_bytes()));
            }
        }
    }
    // Alone it is refused if it uses shared files, and otherwise the same.
    if let Err(errors) = load::parse(FILE, text) {
        errors.0.iter().for_each(|error| check_place(error, text));
    }
}

/// The place is one of the file's: a line of it or the one behind the last, a column of that line or the one behind it.
fn check_place(error: &LoadError, text: &str) {
    let lines: Vec<&str> = text.split('\n').collect();
    assert!((1..=lines.len()).contains(&error.line), "line {} of {}", error.line, lines.len());
    let columns = lines[error.line - 1].chars().count() + 1;
    assert!((1..=columns).contains(&error.column), "column {} of {columns}", error.column);
    let shown = error.to_string();
    assert!(shown.starts_with(&format!("{}:{}:{}: ", error.file, error.line, error.column)));
    assert!(shown.contains('^') || error.column > 160, "no caret: {shown}");
    assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "control characters reach the terminal: {shown:?}");
}

fn check_case(text: &str) {
    match Case::parse("fuzz/cases/a.txt", text) {
        Ok(case) => {
            let again = Case::parse("fuzz/cases/a.txt", &case.render());
            assert_eq!(again.as_ref(), Ok(&case), "a case that is written is read back");
        }
        Err(error) => check_place(&error, text),
    }
}

fn check_small_languages(text: &str) {
    for line in text.lines() {
        if let Ok(selector) = Selector::parse(line) {
            assert!(selector.intersects(&selector), "a selector that selects anything intersects itself: {line}");
        }
        if let Ok(parts) = pattern::parse(line) {
            assert!(!parts.is_empty(), "a pattern of nothing: {line}");
        }
    }
}
