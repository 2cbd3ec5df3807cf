//! `logveil discover`: what in a sample looks like an entity that no rule speaks of, and a draft of a pack.

use super::exit::{Exit, Failure};
use super::scrub::{bytes_total, is_stdin};
use super::terminal::{self, Paint};
use super::text::{count, grouped, table};
use super::{packs, rules};
use crate::discover::draft::Draft;
use crate::discover::place::Place;
use crate::discover::report::{Finding, Harmless, PackShare, Quasi, Report, Standing, TemplatePart, TemplateReport};
use crate::discover::{Count, Discovery, K_DEFAULT};
use crate::files::{Content, LINE_BYTES_MAX, LineReader, Lines};
use crate::rules::RulePack;
use crate::veil::{Choice, Reason, Veil};
use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Reads a sample of a log and tells what in it looks like people, devices and sessions.
///
/// Lists the fields that hold entities and that no rule replaces, those that a rule replaces only in part, and those that are
/// replaced by a guess; what singles people out without naming them; and the shapes of lines. Shows names of fields,
/// counts and shapes (`9` a digit, `A` and `a` letters, `h` hexadecimal, `x` letters and digits), and of the words that all
/// texts of a shape share only those that programs write: no value. Names that are data themselves, as in an object by user,
/// are shown as `*`. Names of fields are shown: where somebody's name is one, and nothing tells, it is shown, too. Look before
/// you pass a report or a draft on.
#[derive(Args)]
#[command(after_help = "Examples:
  logveil discover sample.log
  kcat -C -t new-topic -c 20000 | logveil discover --draft new-topic.toml
  logveil rules check new-topic.toml
  logveil scrub --rules new-topic.toml --pack new-topic sample.log > clean.log
  logveil discover --pack nginx --json access.log")]
pub(super) struct DiscoverArgs {
    /// Files to read one after the other; `-` or none is standard input
    files: Vec<PathBuf>,
    /// Rule pack in force; `auto` chooses one for each line
    #[arg(long, default_value = "auto", value_name = "NAME")]
    pack: String,
    /// Folder of rule packs, or folder or file of one pack; goes before shipped packs of the same name
    #[arg(long, value_name = "PATH")]
    rules: Option<PathBuf>,
    /// Write a draft pack to this file, and its cases beside it; `-` writes the pack to standard output instead of the report
    #[arg(long, value_name = "FILE.toml")]
    draft: Option<PathBuf>,
    /// Stop after so many records
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    records: Option<u64>,
    /// How many must share a value so that nobody stands alone
    #[arg(long, default_value_t = K_DEFAULT, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(2..))]
    k: u64,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &DiscoverArgs, out: &mut impl Write) -> Result<Exit, Failure> {
    let to_stdout = args.draft.as_deref().is_some_and(is_stdin);
    if to_stdout && args.json {
        return Err(Failure::Usage(anyhow!(
            "--draft - and --json both want standard output\n  hint: --draft FILE.toml"
        )));
    }
    if let Some(file) = args.draft.as_deref().filter(|_| !to_stdout) {
        refuse(file)?;
    }
    let packs = packs::load(args.rules.as_deref())?;
    let veil = Veil::new(&packs, &Choice::new(&args.pack))?.with_record_bytes_max(LINE_BYTES_MAX);
    let report = read(args, &veil, &packs)?;
    match &args.draft {
        Some(_) if to_stdout => {
            terminal::say(to_text(&report, Paint::never()).trim_end());
            let draft = draft(args, "draft", &report, &packs)?;
            out.write_all(draft.pack.as_bytes())?;
        }
        _ if args.json => writeln!(out, "{:#}", to_json(&report))?,
        _ => out.write_all(to_text(&report, Paint::for_stdout()).as_bytes())?,
    }
    match args.draft.as_deref().filter(|_| !to_stdout) {
        Some(file) => save(args, file, &report, &packs)?,
        None if to_stdout || args.json || report.findings.is_empty() => {}
        None => writeln!(
            out,
            "next: logveil discover --draft my-log.toml … writes these as rules, to be read and corrected"
        )?,
    }
    Ok(Exit::Done)
}

/// Reads all files, or as many records as were asked for.
fn read(args: &DiscoverArgs, veil: &Veil, packs: &[RulePack]) -> Result<Report, Failure> {
    let progress = terminal::progress_before_output(bytes_total(&args.files)?);
    let mut sample = Sample { discovery: Discovery::new(veil, packs, args.k), left: args.records.unwrap_or(u64::MAX) };
    if args.files.is_empty() {
        sample.input("standard input", progress.wrap_read(io::stdin().lock()))?;
    }
    for file in &args.files {
        let name = file.display().to_string();
        if is_stdin(file) {
            sample.input("standard input", progress.wrap_read(io::stdin().lock()))?;
        } else {
            let input = File::open(file).map_err(|error| Failure::file("read", &name, error))?;
            sample.input(&name, progress.wrap_read(input))?;
        }
    }
    progress.finish_and_clear();
    Ok(sample.discovery.finish())
}

struct Sample<'v> {
    discovery: Discovery<'v>,
    /// Records that are still wanted.
    left: u64,
}

impl Sample<'_> {
    fn input(&mut self, name: &str, input: impl Read) -> Result<(), Failure> {
        let (mut reader, mut lines) = (LineReader::new(input), Lines::default());
        let mut is_first = true;
        self.discovery.file();
        while self.left > 0 && reader.read(&mut lines).map_err(|error| Failure::file("read", name, error))? {
            for line in lines.iter() {
                if self.left == 0 {
                    break;
                }
                match line.content {
                    Content::Raw(raw) => {
                        // As `scrub` does: the first line of a file may be a header, and one that says so.
                        let may_be_header = std::mem::take(&mut is_first) || Veil::is_marked_header(raw);
                        if may_be_header && self.discovery.header(raw) {
                            continue;
                        }
                        self.discovery.record(raw);
                    }
                    Content::TooLong => self.discovery.unread(Reason::TooLarge),
                    Content::Blank(_) => continue,
                }
                self.left -= 1;
            }
        }
        Ok(())
    }
}

// ---- the draft

/// Refuses a file that is there already, before anything is read.
fn refuse(file: &Path) -> Result<(), Failure> {
    let shown = file.display();
    if file.extension().is_none_or(|extension| extension != "toml") {
        return Err(Failure::Usage(anyhow!("{shown} is no name of a pack's file\n  hint: --draft my-log.toml")));
    }
    for path in [file.to_owned(), packs::cases_of(file)] {
        if path.exists() {
            return Err(Failure::Usage(anyhow!("{} exists already and is not overwritten", path.display())));
        }
    }
    Ok(())
}

/// The draft for the pack with the most to say.
fn draft(args: &DiscoverArgs, name: &str, report: &Report, packs: &[RulePack]) -> Result<Draft, Failure> {
    let weight = |share: &&PackShare| {
        let here = report.findings.iter().filter(|finding| finding.place.pack == share.name);
        (here.filter(|finding| finding.standing != Standing::Guessed).count(), share.records)
    };
    let share = report.packs.iter().max_by_key(weight);
    let share =
        share.ok_or_else(|| Failure::Usage(anyhow!("no record could be read, so there is nothing to draft")))?;
    let base = packs.iter().find(|pack| pack.name == share.name);
    let base = base.ok_or_else(|| Failure::Usage(anyhow!("no rule pack `{}`", share.name)))?;
    if report.packs.len() > 1 {
        let others: Vec<&str> =
            report.packs.iter().map(|pack| pack.name.as_str()).filter(|name| *name != share.name).collect();
        terminal::say(&format!(
            "note: the draft is for the {} of pack {}; the sample has others, too ({})\n  hint: a pack has one format, so \
             draft one from each",
            count(share.records, "record"),
            share.name,
            others.join(", ")
        ));
    }
    let has_own = !base.lines.is_empty() || base.rules.iter().any(|rule| base.is_own(rule));
    let text = if !has_own { None } else { packs::text_of(&base.name, args.rules.as_deref())? };
    Ok(Draft::new(name, report, share, base, text.as_deref()))
}

/// Writes a draft and its cases, and what comes of them.
fn save(args: &DiscoverArgs, file: &Path, report: &Report, packs: &[RulePack]) -> Result<(), Failure> {
    let name = pack_name(file, packs);
    let draft = draft(args, &name, report, packs)?;
    let cases = packs::cases_of(file);
    let failed = |path: &Path, error| Failure::file("write", &path.display().to_string(), error);
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    }
    write_new(file, &draft.pack)?;
    fs::create_dir_all(&cases).map_err(|error| failed(&cases, error))?;
    for (case, text) in &draft.cases {
        write_new(&cases.join(case), text)?;
    }
    let tested = rules::test(&[file.to_owned()], true, &mut io::sink())?;
    let shown = file.display();
    let cases_said = count(draft.cases.len() as u64, "case");
    terminal::say(&format!("wrote {shown} and {cases_said} of invented values in {}", cases.display()));
    if tested != Exit::Done {
        terminal::say(&format!("note: not all its rules have a case yet: logveil rules test {shown}"));
    }
    terminal::say(&format!(
        "next: read {shown}, then\n  logveil rules check {shown}\n  logveil scrub --rules {shown} --pack {name} … > clean.log"
    ));
    Ok(())
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::file("write", &path.display().to_string(), error);
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// The name of a pack after its file, or after its folder; none that no pack may have or another one has.
fn pack_name(file: &Path, packs: &[RulePack]) -> String {
    let folder = || file.parent().and_then(Path::file_name);
    let stem = file.file_stem().filter(|stem| *stem != "pack").or_else(folder).unwrap_or_default();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = stem.to_string_lossy().chars().map(plain).collect();
    let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let is_taken = !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || name == "auto"
        || packs.iter().any(|pack| pack.name == name);
    if is_taken { format!("draft-{name}").trim_end_matches('-').to_owned() } else { name }
}

// ---- the report for people

fn to_text(report: &Report, paint: Paint) -> String {
    let mut text = heading(report);
    for standing in [Standing::Open, Standing::Partly, Standing::Guessed] {
        text += &findings(report, standing, paint);
    }
    text += &quasi(&report.quasi, report, paint);
    text += &templates(report, paint);
    text += &rest(report, paint);
    text
}

fn heading(report: &Report) -> String {
    let packs = report.packs.iter().map(|pack| format!("{} by pack {}", grouped(pack.records), pack.name));
    let mut parts: Vec<String> = packs.collect();
    let reasons = report.quarantined.iter().map(|(reason, number)| format!("{} {}", grouped(*number), reason.code()));
    let reasons: Vec<String> = reasons.collect();
    if !reasons.is_empty() {
        parts.push(format!("would be quarantined: {}", reasons.join(", ")));
    }
    let records = if report.records == 1 { "record" } else { "records" };
    let mut text = format!("{} {records}: {}\n", grouped(report.records), parts.join("; "));
    let number = |standing| report.findings.iter().filter(|finding| finding.standing == standing).count();
    text += &format!(
        "places with entities: {} not replaced, {} partly, {} by a guess, {} by rules of the pack\n",
        number(Standing::Open),
        number(Standing::Partly),
        number(Standing::Guessed),
        report.ruled.len()
    );
    text
}

fn findings(report: &Report, standing: Standing, paint: Paint) -> String {
    let found: Vec<&Finding> = report.findings.iter().filter(|finding| finding.standing == standing).collect();
    if found.is_empty() {
        return String::new();
    }
    let title = match standing {
        Standing::Open => paint.red("Passes today: looks like an entity, and no rule replaces it"),
        Standing::Partly => paint.red("Passes in part: of some values, or of a part of each, nothing is replaced"),
        Standing::Guessed => {
            paint.bold("Replaced by a guess: by a known name, shape or phrase; a rule would make it sure")
        }
    };
    let heads = ["where", "class", "sure", "records", "values", "distinct", "replaced", "looks like", "because"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for finding in found {
        let evidence = &finding.evidence;
        let why: Vec<String> = finding.why.iter().map(ToString::to_string).collect();
        rows.push(vec![
            shown(&finding.place, report),
            finding.class.code().to_owned(),
            finding.confidence.to_string(),
            percent(evidence.share),
            grouped(evidence.values),
            distinct(evidence.distinct),
            percent(evidence.covered),
            evidence.shape.clone(),
            why.join("; "),
        ]);
    }
    format!("\n{title}\n{}", indented(&table(&rows)))
}

fn quasi(quasi: &Quasi, report: &Report, paint: Paint) -> String {
    if quasi.combinations.is_empty() {
        return String::new();
    }
    let k = quasi.k;
    let who = match &quasi.subject {
        Some(subject) => format!("{} told apart by {}", count(quasi.subjects, "subject"), shown(subject, report)),
        None => format!("{}, as nothing says who is who", count(quasi.subjects, "record")),
    };
    let mut rows =
        vec![["fields", &format!("records shared by fewer than {k}"), "alone", "values"].map(str::to_owned).to_vec()];
    for found in &quasi.combinations {
        let places: Vec<String> = found.places.iter().map(|place| shown(place, report)).collect();
        rows.push(vec![places.join(" + "), percent(found.share), grouped(found.alone), grouped(found.values)]);
    }
    format!(
        "\n{}\n{}  {who}, in the first {} records. Counted is the share of records whose values fewer than {k} share\n  \
         (k-anonymity, Sweeney 2002), for the smallest combinations of up to three fields. A sample overstates it.\n",
        paint.bold("Singles people out without naming them"),
        indented(&table(&rows)),
        grouped(report.rows),
    )
}

fn templates(report: &Report, paint: Paint) -> String {
    const SHOWN_MAX: usize = 20;
    if report.templates.is_empty() {
        return String::new();
    }
    let mut rows = Vec::new();
    for template in report.templates.iter().take(SHOWN_MAX) {
        rows.push(vec![grouped(template.lines), shown(&template.place, report), written(template)]);
    }
    let more = report.templates.len().saturating_sub(SHOWN_MAX);
    let more = if more > 0 {
        format!("  and {}\n", count(more as u64, "shape more").replace("mores", "more"))
    } else {
        String::new()
    };
    let others = match report.texts_other {
        0 => String::new(),
        number => format!("  {} of rarer shapes\n", count(number, "text")),
    };
    format!("\n{}\n{}{more}{others}", paint.bold("Shapes of texts"), indented(&table(&rows)))
}

/// A template as one line: `paired by <user>`; `·` is a word that varies and names nobody.
fn written(template: &TemplateReport) -> String {
    let parts = template.parts.iter().map(|part| match part {
        TemplatePart::Fixed(text) => text.replace(char::is_control, " "),
        TemplatePart::Open { class: Some(class), .. } => format!("<{class}>"),
        TemplatePart::Open { class: None, .. } => "·".to_owned(),
    });
    parts.collect()
}

/// What is left alone, and what is not looked at.
fn rest(report: &Report, paint: Paint) -> String {
    const NAMES_MAX: usize = 12;
    let mut text = String::new();
    let mut rows = Vec::new();
    for harmless in Harmless::ALL {
        let places = report.harmless.iter().filter(|(place, why)| *why == harmless && place.word.is_none());
        let mut names: Vec<String> = places.map(|(place, _)| shown(place, report)).collect();
        let more = names.len().saturating_sub(NAMES_MAX);
        names.truncate(NAMES_MAX);
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        if !names.is_empty() {
            rows.push(vec![format!("{}:", harmless.reason()), names.join(", ")]);
        }
    }
    if !rows.is_empty() {
        text += &format!("\n{}\n{}", paint.bold("Left alone"), indented(&table(&rows)));
    }
    if !report.maps.is_empty() {
        let maps: Vec<String> = report.maps.iter().map(|place| shown(place, report)).collect();
        text += &format!(
            "\n{}\n  {}\n  No rule can name them: they are replaced by their shape, or where the same value is replaced elsewhere in \
             the record.\n",
            paint.bold("Names that are data themselves, shown as `*`"),
            maps.join(", ")
        );
    }
    if report.names_hidden > 0 {
        text += &format!("\n{} that may be somebody's shown as `*`\n", count(report.names_hidden, "name"));
    }
    if report.values_dropped > 0 {
        text += &format!("\n{} at too many places were not looked at\n", count(report.values_dropped, "value"));
    }
    text
}

/// The place, with its pack where there are several.
fn shown(place: &Place, report: &Report) -> String {
    if report.packs.len() > 1 { format!("{}: {}", place.pack, place.shown()) } else { place.shown() }
}

fn distinct(count: Count) -> String {
    match count {
        Count::Exact(number) => grouped(number),
        Count::About(number) => format!("~{}", grouped(number)),
    }
}

/// A share as a percentage that is 0 or 100 only where it is just that.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    match percent {
        _ if percent > 0.0 && percent < 0.1 => "<0.1 %".to_owned(),
        _ if percent > 99.9 && percent < 100.0 => ">99.9 %".to_owned(),
        _ if percent == percent.round() => format!("{percent:.0} %"),
        _ => format!("{percent:.1} %"),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

// ---- the report for programs

fn to_json(report: &Report) -> Value {
    let packs = report
        .packs
        .iter()
        .map(|pack| json!({ "pack": pack.name, "format": pack.format.code(), "records": pack.records }));
    let quarantined: BTreeMap<&str, u64> =
        report.quarantined.iter().map(|(reason, number)| (reason.code(), *number)).collect();
    let ruled = report.ruled.iter().map(|(place, class)| json!({ "place": place_json(place), "class": class.code() }));
    let harmless = report.harmless.iter().map(|(place, why)| json!({ "place": place_json(place), "why": why.code() }));
    let templates = report.templates.iter().map(|template| {
        json!({ "place": place_json(&template.place), "lines": template.lines, "template": written(template) })
    });
    json!({
        "records": report.records,
        "rows_compared": report.rows,
        "packs": packs.collect::<Vec<_>>(),
        "quarantined": quarantined,
        "findings": report.findings.iter().map(finding_json).collect::<Vec<_>>(),
        "ruled": ruled.collect::<Vec<_>>(),
        "left_alone": harmless.collect::<Vec<_>>(),
        "quasi_identifiers": quasi_json(&report.quasi),
        "templates": templates.collect::<Vec<_>>(),
        "texts_of_rarer_shapes": report.texts_other,
        "names_that_are_data": report.maps.iter().map(place_json).collect::<Vec<_>>(),
        "names_not_shown": report.names_hidden,
        "values_not_looked_at": report.values_dropped,
    })
}

fn place_json(place: &Place) -> Value {
    json!({ "pack": place.pack, "place": place.shown(), "name": place.name() })
}

fn finding_json(finding: &Finding) -> Value {
    let evidence = &finding.evidence;
    json!({
        "place": place_json(&finding.place),
        "standing": finding.standing.code(),
        "class": finding.class.code(),
        "confidence": finding.confidence.to_string(),
        "why": finding.why.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "values": evidence.values,
        "share_of_records": evidence.share,
        "share_replaced": evidence.covered,
        "distinct": evidence.distinct.number(),
        "distinct_exact": matches!(evidence.distinct, Count::Exact(_)),
        "shape": evidence.shape,
    })
}

fn quasi_json(quasi: &Quasi) -> Value {
    let combinations = quasi.combinations.iter().map(|found| {
        json!({
            "places": found.places.iter().map(place_json).collect::<Vec<_>>(),
            "share_of_records_below_k": found.share,
            "alone": found.alone,
            "values": found.values,
        })
    });
    json!({
        "k": quasi.k,
        "method": "k-anonymity over the first records, smallest combinations of up to three places",
        "subject": quasi.subject.as_ref().map(place_json),
        "subjects": quasi.subjects,
        "combinations": combinations.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_never_rounded_to_none_or_all() {
        for (share, expected) in
            [(0.0, "0 %"), (0.0001, "<0.1 %"), (0.0123, "1.2 %"), (0.5, "50 %"), (0.9999, ">99.9 %"), (1.0, "100 %")]
        {
            assert_eq!(percent(share), expected);
        }
    }

    #[test]
    fn a_draft_has_a_name_of_its_own() {
        let packs = packs::load([]).unwrap();
        for (file, expected) in [
            ("My Log.toml", "my-log"),
            ("shop/pack.toml", "shop"),
            ("pack.toml", "draft"),
            ("nginx.toml", "draft-nginx"),
            ("auto.toml", "draft-auto"),
            ("2026.toml", "draft-2026"),
        ] {
            assert_eq!(pack_name(Path::new(file), &packs), expected, "{file}");
        }
    }
}
