//! Regular expressions: addresses in text, the message of the JSON job, and the phrases of sshd, sudo, su and PAM.

use crate::corpus::Chunk;
use crate::hashing::Hashing;
use crate::{Agreement, Method};
use logveil::rules::Class;
use regex::bytes::{Captures, Regex, RegexSet};
use regex_automata::meta;
use std::ops::Range;
use std::str;

/// An IPv4 address, also one that is mapped into IPv6. ASCII only, which is several times as fast.
pub const IPV4: &str = r"(?-u:(?:::ffff:)?\b(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\b)";

/// What may be an IPv6 address: some times of day are matched, too, but are no address when they are parsed.
const IPV6_CANDIDATE: &str =
    r"(?-u:(?:[0-9a-fA-F]{1,4}:){2,7}:?[0-9a-fA-F]{1,4}|::[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){1,6})";

/// An IPv6 address of eight groups, or of fewer and `::`; for who cannot parse what was matched.
pub const IPV6: &str = r"(?-u:\b(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}\b|\b(?:[0-9a-fA-F]{1,4}:){1,6}(?::[0-9a-fA-F]{1,4}){1,6}\b|::[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){1,6}\b)";

/// An e-mail address.
pub const EMAIL: &str = r"(?-u:[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,})";

/// Messages as `rules/linux-auth` knows them, the more frequent first. A group's name begins with the class of what it
/// takes. A name that a stranger chooses goes up to the last place where the rest fits.
const PHRASES: [&str; 14] = [
    r"\]: (?:error: maximum authentication attempts exceeded for|Failed password for|Accepted (?:password|publickey) for)(?: invalid user)? (?<user>.+) from (?<ip>\S+) port \d+ ssh2(?:: \S+ (?<token>\S+)| \[preauth\])?$",
    r"\): session opened for user (?<user>\S+)\(uid=\d+\) by (?<user_2>\S*)\(uid=\d+\)$",
    r"\): session closed for user (?<user>\S+)$",
    r"\): authentication failure; logname=\S* uid=\d+ euid=\d+ tty=\S+ ruser=\S* rhost=(?<ip>\S+)(?:  user=(?<user>\S+))?$",
    r"\]: Invalid user (?<user>.+) from (?<ip>\S+) port \d+$",
    r"\]: Connection from (?<ip>\S+) port \d+ on (?<ip_2>\S+) port \d+",
    r"sudo: +(?<user>\S+) : TTY=\S+ ; PWD=(?:/home/(?<user_2>[^/ ]+)|\S+) ; USER=(?<user_3>\S+) ; COMMAND=(?:.*/home/(?<user_4>[^/ ]+)/.*|.*)$",
    r"\]: Connection closed by invalid user (?<user>.+) (?<ip>\S+) port \d+ \[preauth\]$",
    r"ession \d+ of user (?<user>\S+)\.$",
    r"\]: Disconnected from user (?<user>\S+) (?<ip>\S+) port \d+$",
    r"\]: (?:Connection closed by|Received disconnect from|Unable to negotiate with) (?<ip>\S+) port \d+",
    r"\]: (?:Did not receive identification string|Bad protocol version identification '.*') from (?<ip>\S+) port \d+$",
    r"su\[\d+\]: \(to (?<user>\S+)\) (?<user_2>\S+) on ",
    r"CRON\[\d+\]: \((?<user>\S+)\) CMD \(/home/(?<user_2>[^/ ]+)/bin/\S+ --mail (?<email>[^ )]+)\)$",
];

/// Addresses and e-mails in the message of the JSON job.
pub struct MessageSearch(Regex);

impl MessageSearch {
    /// Compiles the expression.
    pub fn new() -> Self {
        Self(compiled(&format!("{IPV4}|{IPV6_CANDIDATE}|{EMAIL}")))
    }

    /// The message with both replaced.
    pub fn clean(&self, hashing: &Hashing, message: &str) -> String {
        let replaced = self.0.replace_all(message.as_bytes(), |found: &Captures<'_>| {
            let text = text(&found[0]);
            let pseudonym =
                if text.contains('@') { hashing.pseudonym(Class::Email, text) } else { hashing.prefixed(text) };
            pseudonym.unwrap_or_else(|| text.to_owned())
        });
        String::from_utf8_lossy(&replaced).into_owned()
    }
}

impl Default for MessageSearch {
    fn default() -> Self {
        Self::new()
    }
}

/// `regex`, with `replace_all` on each line.
pub fn replace_all(hashing: &Hashing) -> Method<'_> {
    let expression = compiled(&format!("{IPV4}|{IPV6_CANDIDATE}"));
    let run = move |chunk: &Chunk, out: &mut Vec<u8>| {
        for line in chunk.line_bytes() {
            let clean = expression.replace_all(line, |found: &Captures<'_>| {
                let span = found.get(0).map_or(0..0, |whole| whole.range());
                address(hashing, line, span).map_or_else(|| found[0].to_vec(), String::into_bytes)
            });
            out.extend_from_slice(&clean);
            out.push(b'\n');
        }
    };
    Method { name: "regex", agreement: Agreement::Bytes, run: Box::new(run) }
}

/// `regex-automata`, with both patterns in one search and a single output buffer.
pub fn automata(hashing: &Hashing) -> Method<'_> {
    let expression = meta::Regex::new_many(&[IPV4, IPV6_CANDIDATE]).expect("the expressions are sound");
    let run = move |chunk: &Chunk, out: &mut Vec<u8>| {
        for line in chunk.line_bytes() {
            let mut rest = 0;
            for found in expression.find_iter(line) {
                if let Some(pseudonym) = address(hashing, line, found.range()) {
                    out.extend_from_slice(&line[rest..found.start()]);
                    out.extend_from_slice(pseudonym.as_bytes());
                    rest = found.end();
                }
            }
            out.extend_from_slice(&line[rest..]);
            out.push(b'\n');
        }
    };
    Method { name: "regex-automata", agreement: Agreement::Bytes, run: Box::new(run) }
}

/// A set of phrases: `RegexSet` says which fits, its captures are hashed.
pub fn phrases(hashing: &Hashing) -> Method<'_> {
    let ascii = PHRASES.map(|phrase| format!("(?-u){phrase}"));
    let set = RegexSet::new(&ascii).expect("the expressions are sound");
    let phrases: Vec<Phrase> = ascii.iter().map(|phrase| Phrase::new(phrase)).collect();
    let run = move |chunk: &Chunk, out: &mut Vec<u8>| {
        for line in chunk.line_bytes() {
            match set.matches(line).iter().next() {
                Some(index) => phrases[index].clean(hashing, line, out),
                None => out.extend_from_slice(line),
            }
            out.push(b'\n');
        }
    };
    Method { name: "regex-set", agreement: Agreement::Bytes, run: Box::new(run) }
}

/// One phrase and the classes of its groups.
struct Phrase {
    expression: Regex,
    /// None for the whole match, in front.
    classes: Vec<Option<Class>>,
}

impl Phrase {
    fn new(phrase: &str) -> Self {
        let expression = compiled(phrase);
        let class = |name: Option<&str>| Class::from_code(name?.split('_').next()?);
        let classes = expression.capture_names().map(class).collect();
        Self { expression, classes }
    }

    fn clean(&self, hashing: &Hashing, line: &[u8], out: &mut Vec<u8>) {
        let mut rest = 0;
        if let Some(found) = self.expression.captures(line) {
            for (group, class) in found.iter().zip(&self.classes) {
                let (Some(group), Some(class)) = (group, class) else { continue };
                let Some(pseudonym) = hashing.pseudonym(*class, text(group.as_bytes())) else { continue };
                if !group.is_empty() {
                    out.extend_from_slice(&line[rest..group.start()]);
                    out.extend_from_slice(pseudonym.as_bytes());
                    rest = group.end();
                }
            }
        }
        out.extend_from_slice(&line[rest..]);
    }
}

/// What replaces a match in a line; `None` where it stays: a time of day, the address of no machine, and the version in
/// `Chrome/126.0.0.0`.
fn address(hashing: &Hashing, line: &[u8], span: Range<usize>) -> Option<String> {
    let is_version = matches!(line.get(..span.start)?, [.., letter, b'/'] if letter.is_ascii_alphabetic());
    let text = text(line.get(span)?);
    if is_version || text == "0.0.0.0" { None } else { hashing.prefixed(text) }
}

/// Matches of ASCII expressions are ASCII; those of a name may be anything.
fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

fn compiled(expression: &str) -> Regex {
    Regex::new(expression).expect("the expressions are sound")
}
