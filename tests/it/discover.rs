//! `logveil discover` as users meet it: what it finds in logs that no pack knows, what it never shows, and what its drafts do.

use regex::Regex;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

/// How a run ended.
struct Ended {
    exit: i32,
    stdout: String,
    stderr: String,
}

fn run(folder: &Path, args: &[&str], input: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logveil"));
    command.args(args).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    // A program that refuses its arguments closes its input unread.
    let feeder = thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { exit: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[track_caller]
fn report(input: &str, args: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &[&["discover", "--json"], args].concat(), input);
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    serde_json::from_str(&ended.stdout).unwrap()
}

/// What is told of the finding at a place.
#[track_caller]
fn finding<'r>(report: &'r Value, place: &str) -> &'r Value {
    let findings = report["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["place"]["place"] == place);
    found.unwrap_or_else(|| panic!("no finding at {place} in {:#}", report["findings"]))
}

fn places(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["place"]["place"].as_str().unwrap()).collect()
}

/// One of a few people by number, with letters only.
fn person(number: usize) -> String {
    let letters = b"abcdefghjkmnpqrstuv";
    let digit = |place: usize| char::from(letters[number / 19_usize.pow(place as u32) % 19]);
    ['q', digit(1), 'o', digit(0), 'w', digit(2)].into_iter().collect()
}

/// The values that stand in the samples below and must never be shown.
fn canaries() -> Vec<String> {
    (0..60).flat_map(|number| [person(number), customer(number), badge(number)]).collect()
}

fn customer(number: usize) -> String {
    format!("ZQ-{}", 481_516 + 7 * number)
}

fn badge(number: usize) -> String {
    format!("{:016x}", 0x9a3c_51e7_0b2d_4f68_u64.wrapping_mul(2 * number as u64 + 1))
}

/// 600 records of 60 people in JSON that no pack knows.
fn json_sample() -> String {
    let mut text = String::new();
    for row in 0..600 {
        let who = row * 7 % 60;
        let line = serde_json::json!({
            "t": 1_767_225_600 + row,
            "step": (["open", "close", "turn"][row % 3]),
            "wem": person(who),
            "kdnr": customer(who),
            "plakette": badge(who),
            "spent_ms": row * row % 977,
            "limits": { person(who): row % 5 },
            "note": format!("door {} opened toward {} at once", row % 40, person(who)),
        });
        writeln!(text, "{line}").unwrap();
    }
    text
}

/// The same people in lines of text.
fn line_sample() -> String {
    let mut text = String::new();
    for row in 0..600 {
        let who = row * 7 % 60;
        let clock = format!("10:{:02}:{:02}", row / 60, row % 60);
        match row % 3 {
            0 => writeln!(text, "{clock} door {} opened toward {} with {}", row % 40, person(who), badge(who)),
            1 => writeln!(text, "{clock} bill sent kdnr={} grams={}", customer(who), row % 977),
            _ => writeln!(text, "{clock} self test passed in {} ms", row % 77),
        }
        .unwrap();
    }
    text
}

#[track_caller]
fn assert_shows_none(text: &str, canaries: &[String]) {
    for canary in canaries {
        assert!(!text.contains(canary.as_str()), "`{canary}` is shown in\n{text}");
    }
}

#[test]
fn finds_entities_in_unknown_json() {
    let report = report(&json_sample(), &[]);
    for (place, class) in [("kdnr", "account"), ("plakette", "user-id"), ("note » \"opened toward …\"", "user")] {
        let found = finding(&report, place);
        assert_eq!((&found["class"], &found["standing"]), (&class.into(), &"open".into()), "{place}: {found:#}");
        assert_eq!((&found["distinct"], &found["distinct_exact"]), (&60.into(), &true.into()), "{place}");
    }
    let wem = finding(&report, "wem");
    assert_eq!((&wem["class"], &wem["values"], &wem["share_of_records"]), (&"user".into(), &600.into(), &1.0.into()));
    assert_eq!(report["findings"].as_array().unwrap().len(), 4, "{:#}", report["findings"]);
    let left_alone = places(&report["left_alone"]);
    for place in ["t", "step", "spent_ms", "limits.*"] {
        assert!(left_alone.contains(&place), "{place} in {left_alone:?}");
    }
    assert_eq!(places_of(&report["names_that_are_data"]), ["limits.*"]);
}

fn places_of(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|place| place["place"].as_str().unwrap()).collect()
}

#[test]
fn finds_entities_in_unknown_lines() {
    let report = report(&line_sample(), &[]);
    for (place, class) in [("kdnr=", "account"), ("\"opened toward …\"", "user"), ("\"with …\"", "user-id")] {
        assert_eq!(finding(&report, place)["class"], class, "{place}");
    }
    assert_eq!(report["findings"].as_array().unwrap().len(), 3, "{:#}", report["findings"]);
    let templates = report["templates"].as_array().unwrap();
    let written: Vec<&str> = templates.iter().map(|template| template["template"].as_str().unwrap()).collect();
    assert!(written.contains(&"· door · opened toward <user> with <user-id>"), "{written:?}");
}

#[test]
fn finds_pairs_elements_labels_and_inner_json() {
    let mut text = String::new();
    for row in 0..100 {
        let (a, b, c) = (customer(row % 20), customer(20 + row % 20), customer(40 + row % 20));
        let inner = serde_json::json!({ "kd": { "nr": a } }).to_string();
        let line = serde_json::json!({
            "blob": inner,
            "attrs": [{ "name": "kdnr_alt", "value": b }],
            "xml": format!("<x><custno>{c}</custno></x>"),
        });
        writeln!(text, "{line}").unwrap();
    }
    let report = report(&text, &[]);
    for place in ["blob » kd.nr", "attrs[kdnr_alt]", "xml » custno="] {
        assert_eq!(finding(&report, place)["distinct"], 20, "{place}");
    }
}

#[test]
fn tells_what_is_covered_in_part_or_by_a_guess() {
    let mut text = String::new();
    for row in 0..100 {
        let contact = if row % 4 == 0 { format!("{}@example.com", person(row % 30)) } else { person(row % 30) };
        let line = serde_json::json!({ "reached": contact, "client_ip": format!("192.0.2.{}", row % 9 + 1) });
        writeln!(text, "{line}").unwrap();
    }
    let report = report(&text, &[]);
    let reached = finding(&report, "reached");
    assert_eq!((&reached["standing"], &reached["share_replaced"]), (&"partly".into(), &0.25.into()));
    assert_eq!(finding(&report, "client_ip")["standing"], "guessed");
}

#[test]
fn rules_of_the_pack_itself_are_no_guess() {
    let folder = tempfile::tempdir().unwrap();
    let pack = "name = \"doors\"\nversion = 1\nformat = \"json\"\n[[rule]]\nid = \"who\"\nselect = \"wem\"\nclass = \"user\"\n";
    fs::write(folder.path().join("doors.toml"), pack).unwrap();
    let args = ["discover", "--json", "--rules", "doors.toml", "--pack", "doors"];
    let ended = run(folder.path(), &args, &json_sample());
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(places(&report["ruled"]), ["wem"]);
    assert!(!places(&report["findings"]).contains(&"wem"));
}

#[test]
fn never_shows_a_value() {
    let folder = tempfile::tempdir().unwrap();
    for (name, sample) in [("json", json_sample()), ("line", line_sample())] {
        fs::write(folder.path().join("sample.log"), &sample).unwrap();
        let draft = format!("{name}.toml");
        for args in [
            &["discover", "sample.log"][..],
            &["discover", "--json", "sample.log"],
            &["discover", "--draft", "-", "sample.log"],
        ] {
            let ended = run(folder.path(), args, "");
            assert_eq!(ended.exit, 0, "{}", ended.stderr);
            assert_shows_none(&(ended.stdout + &ended.stderr), &canaries());
        }
        let ended = run(folder.path(), &["discover", "--draft", &draft, "sample.log"], "");
        assert_shows_none(&(ended.stdout + &ended.stderr), &canaries());
        let mut written = fs::read_to_string(folder.path().join(&draft)).unwrap();
        for case in fs::read_dir(folder.path().join(format!("{name}.cases"))).unwrap() {
            written += &fs::read_to_string(case.unwrap().path()).unwrap();
        }
        assert_shows_none(&written, &canaries());
    }
}

#[test]
fn names_that_are_values_are_folded_wherever_they_stand() {
    let mut text = String::new();
    for row in 0..40 {
        let who = person(row % 4);
        let line = serde_json::json!({ "user": who, "seen": { &who: { "n": row } }, "url": format!("/x?{who}=1&a=2") });
        writeln!(text, "{line}").unwrap();
    }
    let report = report(&text, &[]);
    assert_shows_none(&report.to_string(), &canaries());
    assert!(places_of(&report["names_that_are_data"]).contains(&"seen.*"));
}

#[test]
fn a_part_of_an_address_is_no_name_of_a_field() {
    let mut text = String::new();
    for row in 0..30 {
        let client = format!("2001:db8:d56e:a43e::{row:x}:7f1");
        writeln!(
            text,
            "{client} - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"curl/8.5.0\" \"{client}, 192.0.2.1\""
        )
        .unwrap();
        writeln!(text, "proxied for {client}, {client}; done").unwrap();
    }
    let report = report(&text, &[]).to_string();
    for group in ["d56e", "a43e", "7f1"] {
        assert!(!report.contains(group), "{group}: {report}");
    }
}

/// The draft of a sample passes its checks, and what comes out by it holds nobody.
#[track_caller]
fn check_draft(sample: &str, entities: impl Fn(usize) -> Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sample.log"), sample).unwrap();
    let drafted = run(folder.path(), &["discover", "--draft", "doors.toml", "sample.log"], "");
    assert_eq!(drafted.exit, 0, "{}", drafted.stderr);
    assert!(drafted.stderr.contains("wrote doors.toml and "), "{}", drafted.stderr);
    for args in [["rules", "check", "doors.toml"], ["rules", "test", "doors.toml"]] {
        let ended = run(folder.path(), &args, "");
        assert_eq!(ended.exit, 0, "{args:?}: {}{}", ended.stdout, ended.stderr);
    }
    let scrubbed = run(folder.path(), &["scrub", "--rules", "doors.toml", "--pack", "doors", "sample.log"], "");
    assert_eq!(scrubbed.exit, 0, "{}", scrubbed.stderr);
    let plain = run(folder.path(), &["scrub", "sample.log"], "");
    let word = Regex::new("[A-Za-z0-9-]+").unwrap();
    let residues = |output: &str| {
        let lines = output.lines().enumerate();
        let left = lines.map(|(row, line)| {
            let entities = entities(row);
            word.find_iter(line).filter(|word| entities.iter().any(|entity| entity == word.as_str())).count()
        });
        left.sum::<usize>()
    };
    assert_eq!(residues(&scrubbed.stdout), 0);
    assert!(residues(&plain.stdout) > 0, "without the draft there was nothing to find");
}

#[test]
fn a_draft_for_json_leaves_nobody() {
    check_draft(&json_sample(), |row| {
        let who = row * 7 % 60;
        vec![person(who), customer(who), badge(who)]
    });
}

#[test]
fn a_draft_for_lines_leaves_nobody() {
    check_draft(&line_sample(), |row| {
        let who = row * 7 % 60;
        vec![person(who), customer(who), badge(who)]
    });
}

#[test]
fn a_draft_goes_on_from_a_pack_with_rules_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let pack = "name = \"doors\"\nversion = 3\nformat = \"json\"\nuse = [\"names\"]\n\n[[rule]]\nid = \"user-wem\"\nselect = \"wem\"\nclass = \"user\"\n";
    fs::write(folder.path().join("doors.toml"), pack).unwrap();
    fs::write(folder.path().join("sample.log"), json_sample()).unwrap();
    let args = ["discover", "--rules", "doors.toml", "--pack", "doors", "--draft", "more.toml", "sample.log"];
    let drafted = run(folder.path(), &args, "");
    assert_eq!(drafted.exit, 0, "{}", drafted.stderr);
    let checked = run(folder.path(), &["rules", "check", "more.toml"], "");
    assert_eq!(
        (checked.exit, checked.stdout.starts_with("more@1 ")),
        (0, true),
        "{}{}",
        checked.stdout,
        checked.stderr
    );
    let text = fs::read_to_string(folder.path().join("more.toml")).unwrap();
    assert!(text.contains("id = \"user-wem\"\nselect = \"wem\"") && text.contains("id = \"account-kdnr\""), "{text}");
}

/// All that a run writes about a sample: both reports, the draft and its cases. The draft passes its checks.
#[track_caller]
fn everything_told(sample: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sample.log"), sample).unwrap();
    let mut told = String::new();
    for args in [
        &["discover", "sample.log"][..],
        &["discover", "--json", "sample.log"],
        &["discover", "--draft", "draft.toml", "sample.log"],
        &["rules", "check", "draft.toml"],
        &["rules", "test", "draft.toml"],
    ] {
        let ended = run(folder.path(), args, "");
        told += &(ended.stdout + &ended.stderr);
        let draft = || fs::read_to_string(folder.path().join("draft.toml")).unwrap_or_default();
        assert_eq!(ended.exit, 0, "{args:?}: {told}{}", draft());
    }
    told += &fs::read_to_string(folder.path().join("draft.toml")).unwrap();
    for case in fs::read_dir(folder.path().join("draft.cases")).unwrap() {
        told += &fs::read_to_string(case.unwrap().path()).unwrap();
    }
    told
}

/// Lines made by number.
fn lines(rows: usize, line: impl Fn(usize) -> String) -> String {
    (0..rows).map(|row| line(row) + "\n").collect()
}

#[test]
fn words_that_all_lines_share_are_not_shown_unless_programs_write_them() {
    let hidden = ["Marta", "Quillfeather", "mquill", "Quillstrasse"].map(str::to_owned);
    let told = everything_told(&lines(400, |row| {
        format!("INFO greetings from Marta Quillfeather at desk {}, mquill={}", row * 7 % 90, row * 31 % 97)
    }));
    assert_shows_none(&told, &hidden);
    assert!(told.contains("INFO greetings from · · at desk ·, ·=·"), "{told}");
    let told = everything_told(&lines(400, |row| {
        format!("app mquill-laptop: opened door {} by Marta #{} in Quillstrasse seven", row * 7 % 90, row + 17)
    }));
    assert_shows_none(&told, &hidden);
    assert!(!told.contains("class = \"user\""), "a counter is nobody: {told}");
}

#[test]
fn a_draft_holds_no_word_that_may_be_somebodys_and_still_fits() {
    let sample = lines(400, |row| {
        format!("app mquill-laptop: opened door {} by user {} in Quillstrasse seven", row * row % 89, person(row % 60))
    });
    let hidden = ["mquill", "Quillstrasse"].map(str::to_owned);
    let told = everything_told(&sample);
    assert_shows_none(&told, &hidden);
    assert!(told.contains("app <_>: opened door <_> by user <user_in_text> in <_> "), "{told}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sample.log"), &sample).unwrap();
    assert_eq!(run(folder.path(), &["discover", "--draft", "doors.toml", "sample.log"], "").exit, 0);
    // A line that does not fit is quarantined, and the exit code tells.
    let scrubbed = run(folder.path(), &["scrub", "--rules", "doors.toml", "--pack", "doors", "sample.log"], "");
    assert_eq!(scrubbed.exit, 0, "{}", scrubbed.stderr);
    assert_shows_none(&scrubbed.stdout, &(0..60).map(person).collect::<Vec<_>>());
}

#[test]
fn names_that_few_records_share_or_that_are_members_of_a_map_are_not_shown() {
    let told = everything_told(&lines(400, |row| {
        let mut line = serde_json::json!({
            "data": { "mquill": { "score": row % 7 }, "tobberz": { "score": row % 5 } }, "mquill": 1, "ts": row,
            "scores": { "zorbling": row % 3, "wuffelin": row % 4 }, "client_ip": format!("192.0.2.{}", row % 200),
            "note": format!("path C:\\Quaffling\\x and at 12:34:{:02} urn:hoggarty:{row} vWtqQWxpY2U=", row % 60),
        });
        if row % 3 == 0 {
            line["jabberling"] = row.into();
        }
        line.to_string()
    }));
    let hidden =
        ["mquill", "tobberz", "zorbling", "wuffelin", "jabberling", "Quaffling", "hoggarty", "vWtq"].map(str::to_owned);
    assert_shows_none(&told, &hidden);
    assert!(told.contains("data.*.score") && told.contains("recognize = [\"client_ip\", "), "{told}");
}

#[test]
fn columns_below_a_header_are_places_by_their_names() {
    let sample = format!(
        "id,login,Full Name,E-Mail,Last IP,Note\n{}",
        lines(400, |row| {
            let who = person(row % 60);
            format!("{row},{who},{who} {who},{who}@example.com,192.0.2.{},ok", row % 200 + 1)
        })
    );
    let report = report(&sample, &[]);
    assert_eq!(report["records"], 400);
    for (place, class) in [("<login>", "user"), ("<Full Name>", "person"), ("<E-Mail>", "email"), ("<Last IP>", "ip")] {
        let found = finding(&report, place);
        assert_eq!((&found["class"], &found["standing"]), (&class.into(), &"guessed".into()), "{place}");
    }
    assert!(!places(&report["left_alone"]).contains(&"(line)"), "{:#}", report["left_alone"]);
    assert_shows_none(&everything_told(&sample), &canaries());
}

#[test]
fn parts_of_paths_are_words() {
    let report_of = |rows: usize, line: &dyn Fn(usize) -> String| report(&lines(rows, line), &[]);
    let name = |row: usize| format!("{}{}", person(row % 700), person(row * 3));
    let found = report_of(1000, &|row| format!("10:00:00 INFO GET /profile/{}/x 200", name(row)));
    assert_eq!(finding(&found, "\"GET profile …\"")["class"], "user");
    let found = report_of(1000, &|row| serde_json::json!({ "url": format!("/profile/{}/x", name(row)) }).to_string());
    assert_eq!(finding(&found, "url » \"profile …\"")["class"], "user");
    let why = |place: &str| {
        let all = found["left_alone"].as_array().unwrap();
        all.iter().find(|entry| entry["place"]["place"] == place).unwrap()["why"].clone()
    };
    assert_eq!(why("url"), "text");
}

#[test]
fn separated_values_without_a_header_are_no_times() {
    let found = report(
        &lines(600, |row| {
            format!("10:{:02}:{:02};{};10.0.0.{};{row}", row / 60, row % 60, person(row % 60), row % 200 + 1)
        }),
        &[],
    );
    let left_alone = found["left_alone"].as_array().unwrap();
    let line = left_alone.iter().find(|entry| entry["place"]["place"] == "(line)").unwrap();
    assert_eq!(line["why"], "text", "{found:#}");
    assert!(found["templates"][0]["template"].as_str().unwrap().contains(";<ip>;"), "{found:#}");
}

#[test]
fn what_singles_people_out_is_told_in_smallest_combinations() {
    let mut text = String::new();
    for row in 0..2000 {
        let who = row % 500;
        let line = serde_json::json!({
            "user": format!("{}{}", person(who), person(who * 3)), "zip": who % 10, "born": 1950 + who / 10 % 10,
            "model": (["a", "b", "c", "d", "e"][who / 100]), "step": row % 7,
        });
        writeln!(text, "{line}").unwrap();
    }
    let report = report(&text, &["--k", "3"]);
    let quasi = &report["quasi_identifiers"];
    assert_eq!((&quasi["subject"]["place"], &quasi["subjects"], &quasi["k"]), (&"user".into(), &500.into(), &3.into()));
    let combinations = quasi["combinations"].as_array().unwrap();
    assert_eq!(combinations.len(), 1, "{combinations:#?}");
    let mut together = places_of(&combinations[0]["places"]);
    together.sort_unstable();
    assert_eq!(together, ["born", "model", "zip"]);
    assert_eq!((&combinations[0]["share_of_records_below_k"], &combinations[0]["alone"]), (&1.0.into(), &500.into()));
}

/// Peak resident memory of a run over these lines, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib(lines: &str) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_logveil"));
    command.args(["discover", "--json"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.as_bytes()).unwrap();
    stdin.flush().unwrap();
    // All but what is in the pipe has been read now.
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Distinct values, names, pairs, words and shapes of lines without end take no more memory than their limits.
#[cfg(target_os = "linux")]
#[test]
fn memory_is_bounded_whatever_the_values() {
    let sample = |rows: usize| {
        let mut text = String::new();
        for row in 0..rows {
            let noise = (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            writeln!(text, "{{\"a{noise:x}\":{noise},\"id\":\"{noise:x}\",\"m\":{{\"k{noise:x}\":1}},\"t\":\"w{row} x{noise} k{noise}=v\"}}").unwrap();
            writeln!(text, "line{} {noise:x} of{} {}", row % 5000, row % 700, "word ".repeat(row % 50)).unwrap();
        }
        text
    };
    let (few, many) = (peak_kib(&sample(4_000)), peak_kib(&sample(12_000)));
    assert!(many < few + 24 * 1024, "{few} KiB for 8,000 records, {many} KiB for 24,000");
}

#[test]
fn a_sample_may_be_cut_short() {
    assert_eq!(report(&json_sample(), &["--records", "25"])["records"], 25);
}

#[test]
fn unreadable_records_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &["discover", "--pack", "generic-json"], "{\"a\":1}\nno json\n\n{\"a\":\n");
    assert_eq!(ended.exit, 0);
    assert!(
        ended.stdout.starts_with("3 records: 1 by pack generic-json; would be quarantined: 2 not-json\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn an_empty_sample_has_nothing_to_tell() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run(folder.path(), &["discover"], "");
    assert_eq!(ended.exit, 0);
    assert!(ended.stdout.starts_with("0 records"), "{}", ended.stdout);
    let ended = run(folder.path(), &["discover", "--draft", "x.toml"], "");
    assert_eq!((ended.exit, ended.stderr.contains("nothing to draft")), (2, true), "{}", ended.stderr);
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("there.toml"), "x").unwrap();
    for (args, message) in [
        (&["discover", "--draft", "there.toml"][..], "there.toml exists already and is not overwritten"),
        (&["discover", "--draft", "draft"], "hint: --draft my-log.toml"),
        (&["discover", "--draft", "-", "--json"], "both want standard output"),
        (&["discover", "missing.log"], "could not read missing.log"),
        (&["discover", "--pack", "nonsense"], "no rule pack `nonsense`"),
        (&["discover", "--k", "1"], "--k"),
    ] {
        let ended = run(folder.path(), args, "");
        assert_eq!((ended.exit, ended.stderr.contains(message)), (2, true), "{args:?}: {}", ended.stderr);
    }
    assert_eq!(fs::read_to_string(folder.path().join("there.toml")).unwrap(), "x");
}
