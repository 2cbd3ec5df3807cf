//! Invented logs: the same on every run, true to their truth, and veiled by the shipped packs without a leak.

use crate::support::{NEW_YEAR_MS, keyring, record};
use logveil::decode::escape;
use logveil::generate::{Event, Generator, Kind, Options, Timeline};
use logveil::rules::library::Library;
use logveil::rules::{Class, RulePack};
use logveil::veil::{Batch, Choice, Outcome, Veil};

fn options(kind: Kind, hostile_per_mille: u16) -> Options {
    Options { seed: 1, kinds: vec![kind], timeline: Timeline::paced(NEW_YEAR_MS, 10), hostile_per_mille }
}

fn shipped() -> Vec<RulePack> {
    let library = Library::shipped();
    library.packs.iter().map(|files| library.parse(files, &library).unwrap()).collect()
}

/// All that can be read in a text: itself and what its escapes hide, in lower case.
fn views(text: &[u8]) -> Vec<String> {
    let mut views = vec![text.to_vec()];
    for _ in 0..6 {
        let mut flat = Vec::new();
        if !escape::flatten(views.last().unwrap(), &mut flat) {
            break;
        }
        views.push(flat);
    }
    views.iter().map(|view| String::from_utf8_lossy(view).to_lowercase()).collect()
}

/// Whether the value stands in the view by itself: `192.0.2.1` does not stand in `192.0.2.17`.
fn stands(value: &str, view: &str) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    view.match_indices(value)
        .any(|(at, _)| !is_word(view[..at].chars().next_back()) && !is_word(view[at + value.len()..].chars().next()))
}

fn leaks(event: &Event, clean: &[u8]) -> Vec<String> {
    let views = views(clean);
    let mut leaks = Vec::new();
    for entity in &event.truth {
        let spelled = views_of(event, &entity.span);
        for value in [entity.value.to_lowercase(), spelled] {
            if views.iter().any(|view| stands(&value, view)) {
                leaks.push(format!("{} {value}", entity.class));
            }
        }
    }
    leaks
}

fn views_of(event: &Event, span: &std::ops::Range<usize>) -> String {
    views(&event.line[span.clone()]).pop().unwrap()
}

#[test]
fn explore() {
    let packs = shipped();
    for (kind, hostile) in Kind::ALL.into_iter().flat_map(|kind| [(kind, 0), (kind, 1000)]) {
        for pack in [
            "auto",
            match kind {
                Kind::Api => "api-gateway",
                Kind::Nginx => "nginx",
                Kind::Sshd => "linux-auth",
                Kind::CloudTrail => "generic-json",
            },
        ] {
            let veil = Veil::new(&packs, &Choice::new(pack)).unwrap();
            let mut seen = std::collections::BTreeMap::<String, (usize, String)>::new();
            for event in Generator::new(options(kind, hostile)).take(5000) {
                let record = record(&event.line);
                let mut batch = Batch::default();
                veil.batch(&keyring(), &[record], &mut batch);
                let h = event.hostile.map_or("-", |h| h.code());
                match batch.outcome(0, &record) {
                    Outcome::Clean(clean) => {
                        for leak in leaks(&event, clean.payload().unwrap()) {
                            let class = leak.split(' ').next().unwrap();
                            let e = seen.entry(format!("{h} leak {class}")).or_default();
                            e.0 += 1;
                            let text = format!(
                                "{leak}\n   {}\n   {}",
                                String::from_utf8_lossy(&event.line[..event.line.len().min(900)]),
                                String::from_utf8_lossy(
                                    &clean.payload().unwrap()[..clean.payload().unwrap().len().min(900)]
                                )
                            );
                            if e.1.is_empty() || e.1.len() > text.len() {
                                e.1 = text;
                            }
                        }
                    }
                    Outcome::Quarantine(reason) => {
                        let e = seen.entry(format!("{h} quarantine {reason}")).or_default();
                        e.0 += 1;
                        if e.1.is_empty() {
                            e.1 = String::from_utf8_lossy(&event.line[..event.line.len().min(300)]).into_owned();
                        }
                    }
                }
            }
            println!("=== {} {hostile} {pack}", kind.code());
            for (what, (count, example)) in seen {
                println!("{count} {what}: {example}");
            }
        }
    }
    let _ = Class::Ip;
}
