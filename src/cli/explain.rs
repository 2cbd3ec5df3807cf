//! `logveil explain`: which rule finds what in a line, and what nearly matched.

use super::exit::{Exit, Failure};
use super::packs;
use super::terminal::Paint;
use super::text::table;
use crate::files::{Content, LINE_BYTES_MAX, LineReader, Lines};
use crate::record::{Position, Record};
use crate::rules::cases::Finding;
use crate::transform::Source;
use crate::veil::{Choice, Explanation, Veil};
use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// Explains what rules find in a line: fields, spans, classes and shapes, never the values themselves.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil explain '{\"client_ip\":\"192.0.2.1\"}'
  tail -n 3 access.log | logveil explain --pack nginx -")]
pub(super) struct ExplainArgs {
    /// The line; `-` reads lines from standard input
    #[arg(default_value = "-", allow_hyphen_values = true)]
    line: String,
    /// Rule pack; `auto` chooses one for each line
    #[arg(long, default_value = "auto", value_name = "NAME")]
    pack: String,
    /// Folder of rule packs, or of one pack; goes before shipped packs of the same name
    #[arg(long, value_name = "DIR")]
    rules: Option<PathBuf>,
    /// Print one JSON object for each line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: ExplainArgs, now_ms: i64, out: &mut impl Write) -> Result<Exit, Failure> {
    let veil = Veil::new(&packs::load(args.rules.as_deref())?, &Choice::new(&args.pack))?;
    let explainer = Explainer { veil: veil.with_record_bytes_max(LINE_BYTES_MAX), now_ms, json: args.json };
    if args.line != "-" {
        explainer.line(1, args.line.as_bytes(), out)?;
        return Ok(Exit::Done);
    }
    let (mut reader, mut lines) = (LineReader::new(io::stdin().lock()), Lines::default());
    let mut number = 0;
    while reader.read(&mut lines).map_err(|error| Failure::file("read", "standard input", error))? {
        for line in lines.iter() {
            number += 1;
            match line.content {
                Content::Raw(raw) => explainer.line(number, raw, out)?,
                Content::Blank(_) => {}
                Content::TooLong => {
                    return Err(Failure::Usage(anyhow!("line {number} is over {LINE_BYTES_MAX} bytes")));
                }
            }
        }
    }
    Ok(Exit::Done)
}

struct Explainer {
    veil: Veil,
    now_ms: i64,
    json: bool,
}

impl Explainer {
    fn line(&self, number: i64, raw: &[u8], out: &mut impl Write) -> io::Result<()> {
        let position = Position { topic: "explain", partition: 0, offset: number };
        let timestamp_ms = Some(self.now_ms);
        let record = Record { position, timestamp_ms, key: None, payload: Some(raw), headers: &[] };
        let explanation = self.veil.explain(&record);
        if self.json {
            return writeln!(out, "{}", to_json(number, &explanation));
        }
        let heading = format!("line {number} of {} bytes, pack {}", raw.len(), explanation.pack);
        writeln!(out, "{}", Paint::for_stdout().bold(heading))?;
        out.write_all(to_text(&explanation).as_bytes())
    }
}

fn to_text(explanation: &Explanation) -> String {
    let mut text = String::new();
    if let Some(reason) = explanation.reason {
        text += &format!("quarantined: {reason}\n");
    } else if explanation.explained.is_empty() {
        text += "nothing found: the line stays as it is\n";
    }
    let mut rows = Vec::new();
    for found in &explanation.explained {
        let span = format!("{}..{}", found.span.start, found.span.end);
        let by = source_code(found.source);
        let cells = [&found.rule, &found.place, &span, found.class.code(), found.transform.code(), &found.shape, by];
        rows.push(cells.map(str::to_owned).to_vec());
    }
    if !rows.is_empty() {
        let heads = ["rule", "field", "bytes", "class", "transform", "shape", "found by"];
        rows.insert(0, heads.map(str::to_owned).to_vec());
        text += &table(&rows);
    }
    for near in &explanation.near_misses {
        text += &format!("near miss: {}: {}\n", near.rule, near.why);
    }
    text
}

fn to_json(number: i64, explanation: &Explanation) -> Value {
    let found = explanation.explained.iter().map(|found| {
        json!({
            "rule": found.rule, "field": found.place, "start": found.span.start, "end": found.span.end,
            "class": found.class.code(), "transform": found.transform.code(), "shape": found.shape,
            "found_by": source_code(found.source),
        })
    });
    let near = explanation.near_misses.iter().map(|near| json!({ "rule": near.rule, "why": near.why }));
    json!({
        "line": number,
        "pack": explanation.pack,
        "quarantined": explanation.reason.map(|reason| reason.code()),
        "found": found.collect::<Vec<_>>(),
        "near_misses": near.collect::<Vec<_>>(),
    })
}

/// How a value was found, as users read it.
fn source_code(source: Source) -> &'static str {
    match source {
        Source::Rule => "rule",
        Source::Shape => "shape",
        Source::Spread => "repeated",
    }
}

/// The findings as cases list them, in the order of their places and starts.
pub(super) fn findings(explanation: &Explanation) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for found in &explanation.explained {
        let rule = found.rule.split_once('/').map_or(found.rule.as_str(), |(_, rule)| rule).to_owned();
        let (place, span, class, transform) = (found.part.clone(), found.span.clone(), found.class, found.transform);
        findings.push(Finding { rule, place, span, class, transform });
    }
    findings.sort_by(|a, b| (&a.place, a.span.start).cmp(&(&b.place, b.span.start)));
    findings
}
