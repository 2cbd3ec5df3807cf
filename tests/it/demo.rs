//! `logveil demo`, as a newcomer meets it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

const LOGVEIL: &str = env!("CARGO_BIN_EXE_logveil");

/// What the demo prints with these arguments.
#[track_caller]
fn demo(arguments: &[&str]) -> String {
    let output = Command::new(LOGVEIL).args(["demo", "--once"]).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "no noise: {}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The value of `name=value` in a text.
#[track_caller]
fn figure(text: &str, name: &str) -> u64 {
    let value = text.split(&format!("{name}=")).nth(1).unwrap().split([' ', ':', '\n']).next().unwrap();
    value.parse().unwrap()
}

/// The lines between a title and the next empty line.
fn section<'a>(text: &'a str, title: &str) -> Vec<&'a str> {
    text.lines().skip_while(|line| !line.starts_with(title)).skip(1).take_while(|line| !line.is_empty()).collect()
}

#[test]
fn the_demo_proves_what_it_shows() {
    let text = demo(&["--events", "3000", "--seed", "3"]);
    assert_eq!(figure(&text, "in"), 3000);
    assert_eq!(figure(&text, "clean") + figure(&text, "quarantined"), 3000);
    assert!(figure(&text, "quarantined") > 0, "hostile lines are among them:\n{text}");
    for flaw in ["missing", "doubled", "out_of_order", "strange"] {
        assert_eq!(figure(&text, flaw), 0, "{text}");
    }
    assert_eq!(section(&text, "One event of each kind").len(), 12, "four kinds, each before and after:\n{text}");
    let receipts = section(&text, "Raw records older than 7d");
    assert!(receipts.iter().any(|line| line.ends_with("deleted")), "{text}");
    assert!(text.contains(r#""claim":"logical","outcome":"deleted""#), "{text}");
}

#[test]
fn a_seed_tells_the_same_story() {
    let [first, again, other] = ["5", "5", "6"].map(|seed| demo(&["--events", "800", "--seed", seed]));
    for title in ["Replaced values", "Records that could not be veiled"] {
        assert!(!section(&first, title).is_empty());
        assert_eq!(section(&first, title), section(&again, title));
    }
    assert_ne!(section(&first, "Replaced values"), section(&other, "Replaced values"));
}

#[test]
fn without_once_it_stays_until_it_is_told_to_end() {
    let mut demo = Command::new(LOGVEIL).args(["demo", "--events", "300"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    let metrics = lines.find_map(|line| Some(line.trim().strip_prefix("curl http://")?.to_owned())).unwrap();
    let (address, path) = metrics.split_once('/').unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("logveil_records_in_total{topic=\"raw.api\"}"), "{answer}");
    assert!(demo.try_wait().unwrap().is_none(), "it stays");

    assert!(Command::new("sh").args(["-c", &format!("kill -s INT {}", demo.id())]).status().unwrap().success());
    assert_eq!(lines.count(), 1, "only the line about clients was left to read");
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for wrong in [["--events", "0"], ["--events", "3000000"], ["--rate", "0"], ["--seed", "x"]] {
        let output = Command::new(LOGVEIL).arg("demo").args(wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}
