//! What the demo prints.

use super::super::terminal::Paint;
use super::super::text::{grouped, table};
use super::DemoArgs;
use super::load::Sample;
use super::proof::Proof;
use super::stage::Stage;
use crate::config::written;
use crate::pipeline::metrics::Counts;
use crate::retention::Receipt;
use crate::rules::Class;
use crate::veil::Reason;
use std::io::{self, Write};
use std::time::Duration;

pub(super) fn introduction(out: &mut impl Write, paint: Paint, args: &DemoArgs, stage: &Stage) -> io::Result<()> {
    writeln!(out, "{}", paint.bold("logveil demo"))?;
    let rows = [
        ("events", format!("{}, all of them invented (seed {})", grouped(args.events), args.seed)),
        ("broker", format!("in this process, on {}; gone when the demo ends", stage.broker())),
        (
            "stream",
            "raw.api raw.nginx raw.auth raw.cloudtrail -> clean.*; what cannot be veiled -> quarantine".to_owned(),
        ),
        ("metrics", format!("http://{}/metrics", stage.http())),
    ];
    for (name, value) in rows {
        writeln!(out, "  {name:<8} {value}")?;
    }
    out.flush()
}

fn title(out: &mut impl Write, paint: Paint, text: &str) -> io::Result<()> {
    writeln!(out, "\n{}", paint.bold(text))
}

/// Each sample before and after; entities and their replacements are coloured.
pub(super) fn pairs(out: &mut impl Write, paint: Paint, samples: &[Sample]) -> io::Result<()> {
    title(out, paint, "One event of each kind, before (invented) and after")?;
    for sample in samples {
        let Some(clean) = &sample.clean else { continue };
        writeln!(out, "  {}", sample.kind.code())?;
        writeln!(out, "  - {}", before(paint, sample))?;
        writeln!(out, "  + {}", after(paint, &sample.raw, clean))?;
    }
    Ok(())
}

fn before(paint: Paint, sample: &Sample) -> String {
    let (mut text, mut end) = (String::new(), 0);
    for entity in &sample.entities {
        text += &String::from_utf8_lossy(sample.raw.get(end..entity.start).unwrap_or_default());
        text += &paint.red(String::from_utf8_lossy(sample.raw.get(entity.clone()).unwrap_or_default()));
        end = entity.end;
    }
    text + &String::from_utf8_lossy(sample.raw.get(end..).unwrap_or_default())
}

/// Words that did not stand in the raw line are what replaced something.
fn after(paint: Paint, raw: &[u8], clean: &[u8]) -> String {
    let (raw, clean) = (String::from_utf8_lossy(raw), String::from_utf8_lossy(clean));
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let (mut text, mut rest) = (String::new(), clean.as_ref());
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(length);
        let is_new = is_word(first) && !raw.contains(word);
        text += &if is_new { paint.green(word) } else { word.to_owned() };
        rest = behind;
    }
    text
}

/// Replaced values by class, and quarantined records by reason.
pub(super) fn counts(out: &mut impl Write, paint: Paint, counts: &Counts) -> io::Result<()> {
    title(out, paint, "Replaced values")?;
    let classes = Class::ALL.iter().zip(counts.by_class).filter(|(_, count)| *count > 0);
    write!(out, "{}", rows(classes.map(|(class, count)| (class.code(), count))))?;
    title(out, paint, "Records that could not be veiled, sealed into quarantine")?;
    let reasons = Reason::ALL.iter().zip(counts.quarantined).filter(|(_, count)| *count > 0);
    write!(out, "{}", rows(reasons.map(|(reason, count)| (reason.code(), count))))
}

fn rows<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let rows: Vec<Vec<String>> = counts.map(|(name, count)| vec![format!("  {name}"), count.to_string()]).collect();
    table(&rows)
}

pub(super) fn throughput(out: &mut impl Write, paint: Paint, counts: &Counts, took: Duration) -> io::Result<()> {
    title(out, paint, "Throughput, invented, sent, veiled and committed in this one process")?;
    let (seconds, megabytes) = (took.as_secs_f64().max(0.001), counts.bytes_in as f64 / 1e6);
    let records = grouped(counts.records_in);
    let per_second = grouped((counts.records_in as f64 / seconds) as u64);
    writeln!(
        out,
        "  {records} records, {megabytes:.1} MB in {seconds:.1} s: {per_second} records/s, {:.1} MB/s",
        megabytes / seconds
    )
}

pub(super) fn proof(out: &mut impl Write, paint: Paint, proof: &Proof) -> io::Result<()> {
    title(out, paint, "Exactly once, read back from the topics")?;
    let Proof { sent, clean, quarantined, missing, doubled, out_of_order, strange } = *proof;
    let verdict = if proof.holds() { paint.green("holds") } else { paint.red("DOES NOT HOLD") };
    writeln!(out, "  in={sent} clean={clean} quarantined={quarantined}")?;
    writeln!(out, "  missing={missing} doubled={doubled} out_of_order={out_of_order} strange={strange}: {verdict}")
}

pub(super) fn retention(out: &mut impl Write, paint: Paint, window: Duration, receipts: &[&Receipt]) -> io::Result<()> {
    let window = written(window);
    title(out, paint, &format!("Raw records older than {window}, deleted once their clean form is committed"))?;
    let mut cells =
        vec![["  topic", "partition", "committed", "deleted", "low watermark", "outcome"].map(str::to_owned).to_vec()];
    cells.extend(receipts.iter().map(|receipt| {
        vec![
            format!("  {}", receipt.topic),
            receipt.partition.to_string(),
            receipt.committed_offset.to_string(),
            receipt.offsets().to_string(),
            receipt.low_watermark_read_back.map_or("-".to_owned(), |offset| offset.to_string()),
            receipt.outcome.code().to_owned(),
        ]
    }));
    write!(out, "{}", table(&cells))?;
    if let Some(receipt) = receipts.first() {
        writeln!(out, "  the first receipt: {}", receipt.json())?;
    }
    Ok(())
}

pub(super) fn farewell(out: &mut impl Write, paint: Paint, stage: &Stage) -> io::Result<()> {
    title(out, paint, "The stream goes on; Ctrl-C ends it")?;
    writeln!(out, "  curl http://{}/metrics", stage.http())?;
    writeln!(out, "  any Kafka client can read clean.* at {}", stage.broker())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_are_what_stands_in_the_clean_line_only() {
        let paint = Paint::always();
        let shown = after(paint, b"user bob from 192.0.2.1", b"user user.a1 from ip.b2");
        assert_eq!(shown, "user \u{1b}[32muser.a1\u{1b}[0m from \u{1b}[32mip.b2\u{1b}[0m");
    }
}
