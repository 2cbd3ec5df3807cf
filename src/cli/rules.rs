//! `logveil rules`: loads packs, runs their cases, describes their format.

use super::exit::{Exit, Failure};
use super::terminal::Paint;
use super::text::{Change, count, difference, table};
use super::{explain, packs};
use crate::decode::line::{GivenUp, Hole, Shape};
use crate::keys::{EPOCH_DAYS_DEFAULT, EpochSecret, KeyEpoch, Keyring, SealSecret, epoch_at};
use crate::record::{Header, Position, Record};
use crate::rules::cases::{Case, Content, Expected};
use crate::rules::library::{Library, PackFiles};
use crate::rules::load_error::LoadErrors;
use crate::rules::{Format, LinePattern, Parse, Part, RulePack, Transform, schema};
use crate::veil::{Batch, Choice, CleanRecord, Outcome, Veil};
use anyhow::anyhow;
use clap::{Args, Subcommand};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::PathBuf;

/// The time of every case: 2026-01-01T00:00:00Z, in milliseconds since the Unix epoch.
const CASE_TIMESTAMP_MS: i64 = 1_767_225_600_000;

/// Loads rule packs, runs their cases, describes their format.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil rules check my-packs
  logveil rules test my-packs/my-service --update
  logveil rules schema > pack.schema.json")]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Subcommand)]
enum RulesCommand {
    /// Loads packs and shows what is wrong with them
    Check {
        /// Folders of packs, or of one pack; without any, the shipped packs
        folders: Vec<PathBuf>,
    },
    /// Runs the cases of packs and shows how outcomes differ
    Test {
        /// Folders of packs, or of one pack; without any, the shipped packs
        folders: Vec<PathBuf>,
        /// Write the outcomes into the case files; read the difference like code
        #[arg(long, requires = "folders")]
        update: bool,
    },
    /// Lists the shipped packs, and those of folders
    List {
        /// Folders of packs, or of one pack
        folders: Vec<PathBuf>,
    },
    /// Prints the JSON Schema of `pack.toml`, for editors
    Schema,
}

pub(super) fn run(args: RulesArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    match args.command {
        RulesCommand::Check { folders } => check(&folders, out),
        RulesCommand::Test { folders, update } => test(&folders, update, out),
        RulesCommand::List { folders } => list(&folders, out),
        RulesCommand::Schema => {
            writeln!(out, "{:#}", schema::json_schema())?;
            Ok(Exit::Done)
        }
    }
}

/// The packs of these folders, or the shipped ones.
fn libraries(folders: &[PathBuf]) -> Result<Vec<Library>, Failure> {
    if folders.is_empty() {
        return Ok(vec![Library::shipped()]);
    }
    folders.iter().map(|folder| packs::read(folder)).collect()
}

fn check(folders: &[PathBuf], out: &mut impl Write) -> Result<Exit, Failure> {
    let shipped = Library::shipped();
    let mut errors = Vec::new();
    let mut rows = Vec::new();
    for library in libraries(folders)? {
        let mut loader = library.loader(&shipped);
        for files in &library.packs {
            match loader.parse(files) {
                Ok(pack) => rows.push(row(&pack, files)),
                Err(LoadErrors(found)) => errors.extend(found),
            }
            errors.extend(files.cases.iter().filter_map(|case| Case::parse(&case.file, &case.text).err()));
        }
    }
    if !errors.is_empty() {
        return Err(Failure::Usage(anyhow!(
            "{} in the rules\n{}",
            count(errors.len() as u64, "fault"),
            LoadErrors(errors)
        )));
    }
    write!(out, "{}", table(&rows))?;
    Ok(Exit::Done)
}

fn list(folders: &[PathBuf], out: &mut impl Write) -> Result<Exit, Failure> {
    let shipped = Library::shipped();
    let mut rows = BTreeMap::new();
    let own = if folders.is_empty() { Vec::new() } else { libraries(folders)? };
    for library in std::iter::once(&shipped).chain(&own) {
        let mut loader = library.loader(&shipped);
        for files in &library.packs {
            let pack = loader.parse(files)?;
            rows.insert(pack.name.clone(), row(&pack, files));
        }
    }
    write!(out, "{}", table(&rows.into_values().collect::<Vec<_>>()))?;
    Ok(Exit::Done)
}

fn row(pack: &RulePack, files: &PackFiles) -> Vec<String> {
    let uses: Vec<String> = pack.uses.iter().map(|used| format!("{}@{}", used.name, used.version)).collect();
    vec![
        format!("{}@{}", pack.name, pack.version),
        pack.format.code().to_owned(),
        count(pack.rules.len() as u64, "rule"),
        count(files.cases.len() as u64, "case"),
        uses.join(" "),
    ]
}

/// Runs the cases of packs; with `update`, writes the outcomes into them.
pub(super) fn test(folders: &[PathBuf], update: bool, out: &mut impl Write) -> Result<Exit, Failure> {
    let shipped = Library::shipped();
    let veil = Veil::new(&packs::load(folders.iter().map(PathBuf::as_path))?, &Choice::Auto)?;
    let paint = Paint::for_stdout();
    let mut totals = Totals::default();
    for library in libraries(folders)? {
        let mut coverage = Coverage::default();
        let mut loader = library.loader(&shipped);
        for files in &library.packs {
            let pack = loader.parse(files)?;
            let tester = Tester { veil: veil.choosing(&Choice::Pack(pack.name.clone()))?, keys: keyring()?, paint };
            for source in &files.cases {
                let case = Case::parse(&source.file, &source.text)?;
                let actual = tester.outcome(&case);
                coverage.add(&pack, &case, &actual);
                totals.cases += 1;
                if case.expected.as_ref() != Some(&actual) {
                    totals.failed += 1;
                    tester.fail(case, actual, update, out)?;
                }
            }
            coverage.demand(&pack, &library);
        }
        for gap in coverage.gaps() {
            totals.gaps += 1;
            writeln!(out, "{} {gap}", paint.red("untested"))?;
        }
    }
    totals.print(update, out)
}

#[derive(Default)]
struct Totals {
    cases: u64,
    failed: u64,
    gaps: u64,
}

impl Totals {
    fn print(&self, update: bool, out: &mut impl Write) -> Result<Exit, Failure> {
        let cases = count(self.cases, "case");
        if update {
            writeln!(out, "{cases}: {} updated, {}", self.failed, count(self.gaps, "gap"))?;
        } else {
            writeln!(out, "{cases}: {} failed, {}", self.failed, count(self.gaps, "gap"))?;
        }
        let failed = self.gaps > 0 || (self.failed > 0 && !update);
        Ok(if failed { Exit::RulesFailed } else { Exit::Done })
    }
}

/// Runs the cases of one pack.
struct Tester {
    veil: Veil,
    keys: Keyring,
    paint: Paint,
}

impl Tester {
    /// What becomes of a case's record.
    fn outcome(&self, case: &Case) -> Expected {
        let Content { payload, key, headers } = &case.input;
        let headers: Vec<Header<'_>> =
            headers.iter().map(|(name, value)| Header { name, value: Some(value.as_bytes()) }).collect();
        let record = Record {
            position: Position { topic: &case.file, partition: 0, offset: 0 },
            timestamp_ms: Some(CASE_TIMESTAMP_MS),
            key: key.as_ref().map(String::as_bytes),
            payload: payload.as_ref().map(String::as_bytes),
            headers: &headers,
        };
        let mut batch = Batch::default();
        self.veil.batch(&self.keys, &[record], &mut batch);
        match batch.outcome(0, &record) {
            Outcome::Quarantine(reason) => Expected::Quarantine(reason.code().to_owned()),
            Outcome::Clean(clean) => {
                let findings = explain::findings(&self.veil.explain(&record));
                Expected::Clean { output: content(&clean), findings }
            }
        }
    }

    /// Shows how the outcome of a case differs, or writes it down.
    fn fail(&self, case: Case, actual: Expected, update: bool, out: &mut impl Write) -> Result<(), Failure> {
        let before = case.render();
        let (file, title) = (case.file.clone(), case.title.clone());
        let after = Case { expected: Some(actual), ..case }.render();
        if update {
            fs::write(&file, &after).map_err(|error| Failure::file("write", &file, error))?;
        }
        let verdict = if update { self.paint.green("updated") } else { self.paint.red("failed") };
        writeln!(out, "{verdict} {file}: {title}")?;
        for change in difference(&before, &after) {
            match change {
                Change::Same(line) => writeln!(out, "    {line}")?,
                Change::Gone(line) => writeln!(out, "{}", self.paint.red(format!("  - {line}")))?,
                Change::New(line) => writeln!(out, "{}", self.paint.green(format!("  + {line}")))?,
            }
        }
        Ok(())
    }
}

fn content(clean: &CleanRecord<'_>) -> Content {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let headers = clean.headers().iter().map(|(name, value)| ((*name).to_owned(), text(value.unwrap_or_default())));
    Content { payload: clean.payload().map(text), key: clean.key().map(text), headers: headers.collect() }
}

/// Which rules have a case they match and one they leave alone, and which patterns have a case, by file and id.
#[derive(Default)]
struct Coverage {
    rules: BTreeSet<(String, String)>,
    matched: BTreeSet<(String, String)>,
    left_alone: BTreeSet<(String, String)>,
    patterns: BTreeSet<(String, String)>,
    patterns_matched: BTreeSet<(String, String)>,
}

impl Coverage {
    fn add(&mut self, pack: &RulePack, case: &Case, outcome: &Expected) {
        let Expected::Clean { findings, .. } = outcome else { return };
        let payload = case.input.payload.as_deref().unwrap_or_default().as_bytes();
        let name = pack.name.clone();
        let used = line_patterns(pack, payload).into_iter().map(|pattern| (name.clone(), pattern.id.clone()));
        self.patterns_matched.extend(used);
        for rule in &pack.rules {
            let found = findings.iter().any(|finding| finding.rule == rule.id);
            let seen = if found { &mut self.matched } else { &mut self.left_alone };
            seen.insert((rule.file.clone(), rule.id.clone()));
        }
    }

    /// Demands cases for the rules of these folders, shared ones too: for those that show in findings. A rule that keeps
    /// or only opens a value shows in the output alone. Demands a case for every pattern of a line pack.
    fn demand(&mut self, pack: &RulePack, library: &Library) {
        let packs = library.packs.iter().map(|files| &files.pack.file);
        let files: BTreeSet<&String> = packs.chain(library.shared.iter().map(|(_, source)| &source.file)).collect();
        let here = pack.rules.iter().filter(|rule| files.contains(&rule.file));
        let here = here.filter(|rule| rule.transform != Transform::Keep && rule.parse == Parse::No);
        self.rules.extend(here.map(|rule| (rule.file.clone(), rule.id.clone())));
        if pack.format == Format::Line {
            let patterns = pack.lines.iter().chain(&pack.messages);
            self.patterns.extend(patterns.map(|pattern| (pack.name.clone(), pattern.id.clone())));
        }
    }

    /// One line for each rule that lacks a case.
    fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        for rule @ (file, id) in &self.rules {
            if !self.matched.contains(rule) {
                gaps.push(format!("{file}: rule `{id}` has no case that it matches"));
            }
            if !self.left_alone.contains(rule) {
                gaps.push(format!("{file}: rule `{id}` has no case that it leaves alone"));
            }
        }
        let bare = self.patterns.difference(&self.patterns_matched);
        gaps.extend(bare.map(|(pack, id)| format!("{pack}: pattern `{id}` has no case")));
        gaps
    }
}

/// The patterns of a line pack that a line goes by: that of the line, and those of the messages in it.
fn line_patterns<'p>(pack: &'p RulePack, line: &[u8]) -> Vec<&'p LinePattern> {
    let mut used = Vec::new();
    let mut text = line;
    let (lines, messages) = ((&pack.lines, GivenUp::Misfits), (&pack.messages, GivenUp::TakesRest));
    let (mut candidates, mut given_up) = if pack.lines.is_empty() { messages } else { lines };
    loop {
        let mut holes = Vec::new();
        let mut fits = |pattern: &&LinePattern| Shape::new(pattern).holes(text, given_up, &mut holes);
        let Some(pattern) = candidates.iter().find(|pattern| fits(pattern)) else { break };
        used.push(pattern);
        let is_message =
            |hole: &&Hole| matches!(&pattern.parts[hole.part], Part::Hole { name, .. } if name == "message");
        let Some(message) = holes.iter().find(is_message) else { break };
        text = &text[message.span.clone()];
        (candidates, given_up) = messages;
    }
    used
}

/// The keyring of cases: tenant `test`, and the secret bytes 00, 01, .. 1f for the epoch of [`CASE_TIMESTAMP_MS`], so
/// that every run gives the same pseudonyms. It protects nothing.
fn keyring() -> Result<Keyring, Failure> {
    let secret: [u8; 32] = std::array::from_fn(|index| index as u8);
    let epoch = epoch_at(EPOCH_DAYS_DEFAULT, CASE_TIMESTAMP_MS).unwrap_or(KeyEpoch(0));
    let epochs = vec![(epoch, EpochSecret::new(&secret))];
    let keyring = Keyring::new("test", EPOCH_DAYS_DEFAULT, epochs, SealSecret::new(&secret));
    keyring.map_err(|error| Failure::Halted(error.into()))
}
