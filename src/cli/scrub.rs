//! `logveil scrub`: lines in, clean lines out.

use super::exit::{Exit, Failure};
use super::text::{count, table};
use super::{packs, terminal, time};
use crate::files::{self, Content, LINE_BYTES_MAX, Line, LineReader, LineWriter};
use crate::keys::Keyring;
use crate::keystore::{self, KeyringFile};
use crate::record::{Position, Record};
use crate::rules::Class;
use crate::veil::{Batch, Choice, Outcome, Reason, Rows, Veil};
use anyhow::anyhow;
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The keyring that is used when none is named and this one is there.
const KEYRING_DEFAULT: &str = "keyring.toml";

/// Tenant of the keyring that is drawn when there is none.
const TENANT_EPHEMERAL: &str = "ephemeral";

/// Pseudonymises lines of files or of standard input.
///
/// Line in, line out, in order. A line that cannot be veiled for certain becomes a marker line
/// `logveil: quarantined line 17: not-json`, and the exit code is 4.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil scrub access.log > clean.log
  journalctl -f | logveil scrub --keyring keyring.toml
  logveil scrub --pack nginx --at 2026-11-01 --json-report report.json access.log.1")]
pub(super) struct ScrubArgs {
    /// Files to read one after the other; `-` or none is standard input
    files: Vec<PathBuf>,
    /// Rule pack; `auto` chooses one for each line
    #[arg(long, default_value = "auto", value_name = "NAME")]
    pack: String,
    /// Folder of rule packs, or of one pack; goes before shipped packs of the same name
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Keyring file [default: ./keyring.toml, or else a random key for this run]
    #[arg(long, value_name = "FILE")]
    keyring: Option<PathBuf>,
    /// Day or time of the events, which decides their key epoch [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    at: Option<i64>,
    /// Write the counts to this file as JSON
    #[arg(long, value_name = "FILE")]
    json_report: Option<PathBuf>,
    /// Exit with 0 even when lines were quarantined
    #[arg(long)]
    allow_quarantine: bool,
    /// Print no counts
    #[arg(short, long)]
    quiet: bool,
}

pub(super) fn run(args: ScrubArgs, now_ms: i64, out: &mut impl Write) -> Result<Exit, Failure> {
    let veil = Veil::new(&packs::load(args.rules.as_deref())?, &Choice::new(&args.pack))?;
    let veil = veil.with_record_bytes_max(LINE_BYTES_MAX);
    let bytes_total = bytes_total(&args.files)?;
    let timestamp_ms = args.at.unwrap_or(now_ms);
    let keys = keyring(args.keyring.as_deref(), timestamp_ms)?;

    let progress = terminal::progress(bytes_total);
    let mut scrub = Scrub::new(&veil, &keys, timestamp_ms, out);
    if args.files.is_empty() {
        scrub.input("standard input", progress.wrap_read(io::stdin().lock()))?;
    }
    for file in &args.files {
        let name = file.display().to_string();
        if is_stdin(file) {
            scrub.input("standard input", progress.wrap_read(io::stdin().lock()))?;
        } else {
            let input = File::open(file).map_err(|error| Failure::file("read", &name, error))?;
            scrub.input(&name, progress.wrap_read(input))?;
        }
    }
    let report = scrub.report;
    finish(&args, &report, &veil, &progress)
}

fn finish(args: &ScrubArgs, report: &Report, veil: &Veil, progress: &ProgressBar) -> Result<Exit, Failure> {
    progress.finish_and_clear();
    if !args.quiet {
        terminal::say(report.text(veil).trim_end());
    }
    if let Some(path) = &args.json_report {
        let text = format!("{:#}\n", report.json(veil));
        fs::write(path, text).map_err(|error| Failure::file("write", &path.display().to_string(), error))?;
    }
    let quarantined = report.quarantined() > 0 && !args.allow_quarantine;
    Ok(if quarantined { Exit::Quarantined } else { Exit::Done })
}

/// Makes sure that all files are there before the first line is written; their bytes together, if none is a stream.
pub(super) fn bytes_total(files: &[PathBuf]) -> Result<Option<u64>, Failure> {
    let mut total = (!files.is_empty()).then_some(0);
    for file in files.iter().filter(|file| !is_stdin(file)) {
        let failed = |error| Failure::file("read", &file.display().to_string(), error);
        let metadata = fs::metadata(file).map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        total = total.filter(|_| metadata.is_file()).map(|total| total + metadata.len());
    }
    Ok(total.filter(|_| !files.iter().any(|file| is_stdin(file))))
}

pub(super) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// The keys for events of this time.
fn keyring(path: Option<&Path>, timestamp_ms: i64) -> Result<Keyring, Failure> {
    let default = Path::new(KEYRING_DEFAULT);
    let keyring = match path.or(default.exists().then_some(default)) {
        Some(path) => keystore::load(path)?,
        None => ephemeral(timestamp_ms)?,
    };
    let epoch =
        keyring.epoch_at(timestamp_ms).ok_or_else(|| Failure::Usage(anyhow!("this time is in no key epoch")))?;
    keyring.at(epoch).map_err(|error| {
        let hint = "logveil keys status, and logveil keys extend for times to come";
        Failure::Usage(anyhow!("{error}, so that every line would be quarantined\n  hint: {hint}"))
    })?;
    Ok(keyring)
}

fn ephemeral(timestamp_ms: i64) -> Result<Keyring, Failure> {
    terminal::say(
        "note: no keyring.toml here, so a random key is used for this run only: no other run gives these pseudonyms\n  \
         hint: logveil keys init",
    );
    let file = KeyringFile::generate(TENANT_EPHEMERAL, crate::keys::EPOCH_DAYS_DEFAULT, timestamp_ms, 0, 0)?;
    file.into_keyring().map_err(|error| Failure::Halted(error.into()))
}

/// Lines on their way from inputs to one output.
struct Scrub<'v, W: Write> {
    veil: &'v Veil,
    keys: &'v Keyring,
    timestamp_ms: i64,
    batch: Batch,
    writer: LineWriter<W>,
    report: Report,
    /// The rows that may stand below the last header of the present input.
    rows: Option<Rows>,
    /// Whether no line of the present input has been read.
    is_first: bool,
}

/// What became of the lines.
#[derive(Default)]
struct Report {
    lines: u64,
    blank: u64,
    by_reason: BTreeMap<Reason, u64>,
    by_class: [u64; Class::ALL.len()],
    /// Indexed as [`Veil::rule_names`].
    by_rule: Vec<u64>,
}

impl<'v, W: Write> Scrub<'v, W> {
    fn new(veil: &'v Veil, keys: &'v Keyring, timestamp_ms: i64, out: W) -> Self {
        let report = Report { by_rule: vec![0; veil.rule_names().len()], ..Report::default() };
        Self {
            veil,
            keys,
            timestamp_ms,
            batch: Batch::default(),
            writer: LineWriter::new(out),
            report,
            rows: None,
            is_first: true,
        }
    }

    /// Reads an input to its end.
    fn input(&mut self, name: &str, input: impl Read) -> Result<(), Failure> {
        let mut reader = LineReader::new(input);
        (self.rows, self.is_first) = (None, true);
        while let Some(lines) = reader.batch().map_err(|error| Failure::file("read", name, error))? {
            let lines: Vec<Line<'_>> = lines.lines().collect();
            let mut rest = lines.as_slice();
            while let Some(header) = rest.iter().position(|line| self.is_header(line)) {
                let (above, below) = rest.split_at(header + 1);
                self.lines(name, above)?;
                self.rows = content(&above[header]).and_then(|raw| self.veil.rows_below(raw));
                rest = below;
            }
            self.lines(name, rest)?;
        }
        Ok(())
    }

    /// Whether a line may tell what stands in those below it: the first of a file may, and one that says so.
    fn is_header(&mut self, line: &Line<'_>) -> bool {
        let Some(raw) = content(line) else { return false };
        std::mem::take(&mut self.is_first) || Veil::is_marked_header(raw)
    }

    /// Veils lines and writes what became of them.
    fn lines(&mut self, name: &str, lines: &[Line<'_>]) -> io::Result<()> {
        let line_number = |index: usize| self.report.lines + 1 + index as u64;
        let mut records = Vec::with_capacity(files::BATCH_LINES_MAX);
        for (index, line) in lines.iter().enumerate() {
            if let Content::Raw(raw) = line.content {
                let offset = i64::try_from(line_number(index)).unwrap_or(i64::MAX);
                let position = Position { topic: name, partition: 0, offset };
                let timestamp_ms = Some(self.timestamp_ms);
                records.push(Record { position, timestamp_ms, key: None, payload: Some(raw), headers: &[] });
            }
        }
        self.veil.batch_of_rows(self.keys, &records, self.rows.as_ref(), &mut self.batch);

        let mut outcomes = records.iter().enumerate().map(|(index, record)| self.batch.outcome(index, record));
        for line in lines {
            self.report.lines += 1;
            let outcome = match line.content {
                Content::Blank(blank) => {
                    self.report.blank += 1;
                    self.writer.blank(blank, line.ending)?;
                    continue;
                }
                Content::TooLong => Outcome::Quarantine(Reason::TooLarge),
                Content::Raw(_) => outcomes.next().expect("every raw line was made a record above"),
            };
            match outcome {
                Outcome::Clean(record) => self.writer.clean(&record, line.ending)?,
                Outcome::Quarantine(reason) => {
                    *self.report.by_reason.entry(reason).or_default() += 1;
                    self.writer.quarantined(self.report.lines, reason, line.ending)?;
                }
            }
        }
        let tally = self.batch.tally();
        self.report.by_class.iter_mut().zip(&tally.by_class).for_each(|(sum, new)| *sum += new);
        self.report.by_rule.iter_mut().zip(&tally.by_rule).for_each(|(sum, new)| *sum += new);
        self.writer.flush()
    }
}

/// The bytes of a line that is to be veiled.
fn content<'l>(line: &Line<'l>) -> Option<&'l [u8]> {
    match line.content {
        Content::Raw(raw) => Some(raw),
        Content::Blank(_) | Content::TooLong => None,
    }
}

impl Report {
    fn quarantined(&self) -> u64 {
        self.by_reason.values().sum()
    }

    /// Replaced values by class, without zeros.
    fn classes(&self) -> Vec<(&'static str, u64)> {
        let classes = Class::ALL.iter().zip(&self.by_class);
        classes.filter(|(_, sum)| **sum > 0).map(|(class, sum)| (class.code(), *sum)).collect()
    }

    /// Replaced values by rule, without zeros, most first.
    fn rules<'v>(&self, veil: &'v Veil) -> Vec<(&'v str, u64)> {
        let rules = veil.rule_names().iter().zip(&self.by_rule);
        let mut rules: Vec<_> = rules.filter(|(_, sum)| **sum > 0).map(|(name, sum)| (name.as_str(), *sum)).collect();
        rules.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
        rules
    }

    fn reasons(&self) -> Vec<(&'static str, u64)> {
        self.by_reason.iter().map(|(reason, sum)| (reason.code(), *sum)).collect()
    }

    fn text(&self, veil: &Veil) -> String {
        let mut rows = Vec::new();
        for (what, counts) in [("class", self.classes()), ("rule", self.rules(veil)), ("quarantined", self.reasons())] {
            rows.extend(counts.iter().map(|(name, sum)| vec![what.to_owned(), (*name).to_owned(), sum.to_string()]));
        }
        let replaced = count(self.by_class.iter().sum::<u64>(), "value");
        format!(
            "{}: {replaced} replaced, {} quarantined\n{}",
            count(self.lines, "line"),
            self.quarantined(),
            table(&rows)
        )
    }

    fn json(&self, veil: &Veil) -> serde_json::Value {
        let object = |counts: Vec<(&str, u64)>| {
            counts.into_iter().map(|(name, sum)| (name.to_owned(), sum.into())).collect::<serde_json::Map<_, _>>()
        };
        json!({
            "packs": veil.version(),
            "lines": self.lines,
            "blank": self.blank,
            "quarantined": self.quarantined(),
            "replaced_by_class": object(self.classes()),
            "replaced_by_rule": object(self.rules(veil)),
            "quarantined_by_reason": object(self.reasons()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What comes out for these inputs, by the shipped packs.
    fn scrub(inputs: &[&[u8]]) -> (Vec<u8>, Report) {
        let veil = Veil::new(&packs::load([]).unwrap(), &Choice::Auto).unwrap();
        let keys = KeyringFile::generate("test", 30, 0, 0, 0).unwrap().into_keyring().unwrap();
        let mut out = Vec::new();
        let report = {
            let mut scrub = Scrub::new(&veil, &keys, 0, &mut out);
            inputs.iter().for_each(|input| scrub.input("test", *input).unwrap());
            scrub.report
        };
        (out, report)
    }

    fn line_count(text: &[u8]) -> usize {
        text.split_inclusive(|byte| *byte == b'\n').count()
    }

    #[test]
    fn inputs_follow_each_other_on_lines_of_their_own() {
        let (out, report) = scrub(&[b"one\ntwo", b"", b"\xff", b"four\r\n\r\n"]);
        assert_eq!(String::from_utf8(out).unwrap(), "one\ntwo\nlogveil: quarantined line 3: not-utf8\nfour\r\n\r\n");
        assert_eq!((report.lines, report.blank, report.quarantined()), (5, 1, 1));
    }

    #[test]
    fn a_header_holds_for_the_rest_of_its_file() {
        let first: &[u8] = b"time,user,action\n1,alice,x\n#Fields: a c-ip cs-username\n1 - alice\n";
        let (out, report) = scrub(&[first, b"1,alice,x\n1 - alice\n"]);
        let out = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[1].starts_with("1,user.") && lines[3].starts_with("1 - user."), "{out}");
        assert_eq!(lines[4..], ["1,alice,x", "1 - alice"]);
        assert_eq!(report.lines, 6);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_line_is_answered_by_one_line(
            pieces in proptest::collection::vec(
                prop_oneof![
                    proptest::collection::vec(any::<u8>(), 0..40),
                    Just(b"{\"user\":\"alice\"}".to_vec()),
                    Just(b"from 192.0.2.1 \r".to_vec()),
                    Just(b"\n".to_vec()),
                    Just(b"\r\n".to_vec()),
                ],
                0..40,
            ),
        ) {
            let input = pieces.concat();
            let (out, report) = scrub(&[&input]);
            prop_assert_eq!(line_count(&out), line_count(&input));
            prop_assert_eq!(report.lines as usize, line_count(&input));
            prop_assert_eq!(out.ends_with(b"\n"), input.ends_with(b"\n"));
        }
    }
}
