//! The shipped packs: they load, their cases are well formed, and come out as they say.

use crate::support;
use logveil::rules::cases::{Case, Expected};
use logveil::rules::load::{self, FILE_BYTES_MAX};
use logveil::rules::load_error::Source;
use logveil::rules::{Format, RulePack};
use logveil::veil::{Choice, Veil};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// What has another shape passes on, and an address is one in base64 and in a network, too.
#[test]
fn only_the_shapes_that_a_pack_looks_for_are_found() {
    let pack = |scan: &str| {
        format!("name = \"a\"\nversion = 1\nformat = \"line\"\n{scan}\n[[rule]]\nid = \"ip\"\ndetect = \"ip\"\n")
    };
    let line =
        "alice@example.com 00:1b:44:11:3a:b7 AKIAIOSFODNN7EXAMPLE from 192.0.2.0/24 as MTkyLjAuMi4wIDE5Mi4wLjIuMA==";
    for (scan, expected) in [
        ("", "<email:1> <mac:2> <token:3> from <net:4>/24 as "),
        ("scan = \"ip\"", "alice@example.com 00:1b:44:11:3a:b7 AKIAIOSFODNN7EXAMPLE from <ip:1>/24 as "),
    ] {
        let veiled = support::readable(&support::veiled(&support::veil(&pack(scan)), line.as_bytes()));
        assert!(veiled.starts_with(expected) && !veiled.contains("MTkyLjAuMi4w"), "{veiled}");
    }
}

/// Every line and JSON text that a pack knows by its shape goes to that pack, whatever other packs there are.
#[test]
fn auto_tells_shipped_formats_apart() {
    let folders = pack_folders();
    let packs: Vec<RulePack> = folders.iter().map(|folder| load_pack(folder)).collect();
    let veil = Veil::new(&packs, &Choice::Auto).unwrap();
    for (folder, pack) in folders.iter().zip(&packs) {
        if pack.lines.is_empty() && pack.recognize.is_empty() {
            continue;
        }
        let mut told = 0;
        for entry in fs::read_dir(folder.join("cases")).unwrap() {
            let path = entry.unwrap().path();
            let case = Case::parse(&path.display().to_string(), &fs::read_to_string(&path).unwrap()).unwrap();
            let (Some(payload), Some(Expected::Clean { .. })) = (&case.input.payload, &case.expected) else { continue };
            let explained = veil.explain(&support::record(payload.as_bytes()));
            if pack.format == Format::Line || explained.pack != "generic-json" {
                assert_eq!(explained.pack, pack.name, "{} goes to another pack", path.display());
                told += 1;
            }
        }
        assert!(told > 0, "no case of {} shows how it is told", pack.name);
    }
}

/// Runs what a pack's author runs, so that the difference it shows is the one that the author sees.
#[test]
fn shipped_cases_come_out_as_they_say() {
    let folder = packs_folder();
    let ran = Command::new(env!("CARGO_BIN_EXE_logveil")).args(["rules", "test"]).arg(&folder).output().unwrap();
    let (shown, errors) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "`logveil rules test` says\n{shown}{errors}");
}
