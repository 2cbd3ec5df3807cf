//! The shipped packs: they load, and their cases are well formed.

use logveil::rules::RulePack;
use logveil::rules::cases::Case;
use logveil::rules::load::{self, FILE_BYTES_MAX};
use logveil::rules::load_error::Source;
use std::fs;
use std::path::{Path, PathBuf};

fn packs_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")
}

fn pack_folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(packs_folder()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

fn load_pack(folder: &Path) -> RulePack {
    let shared = |name: &str| {
        let path = packs_folder().join(format!("{name}.toml"));
        Some(Source { file: path.display().to_string(), text: fs::read_to_string(path).ok()? })
    };
    let path = folder.join("pack.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.len() <= FILE_BYTES_MAX);
    load::parse_with(&path.display().to_string(), &text, &shared).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn shipped_packs_load_and_are_named_like_their_folders() {
    for folder in pack_folders() {
        assert_eq!(Some(load_pack(&folder).name.as_str()), folder.file_name().and_then(|name| name.to_str()));
    }
}

#[test]
fn shipped_cases_are_well_formed() {
    for folder in pack_folders() {
        let mut titles = Vec::new();
        for entry in fs::read_dir(folder.join("cases")).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let case = Case::parse(&path.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"));
            assert!(!titles.contains(&case.title), "{}: the title stands twice", path.display());
            titles.push(case.title);
        }
        assert!(!titles.is_empty(), "{} has no cases", folder.display());
    }
}
