//! XML elements as pairs: `<UserName>alice</UserName>`, `<Data Name="TargetUserName">alice</Data>`,
//! `<property key="user" value="alice"/>`.
//!
//! A scan for what logs hold, not a parser (XML 1.0, 5th edition, sections 2.7 and 3.1): fragments and broken texts give
//! what they can. Entities stay as they are written.

use super::scan::{byte, part, run_end};
use super::{Link, Pair};
use std::ops::Range;

/// Attributes that name what their element holds, in any case.
const LABELS: [&[u8]; 3] = [b"name", b"key", b"friendlyname"];
/// Elements whose name says nothing, so that the one around them counts: `<Attribute Name="uid"><AttributeValue>…`, as
/// SAML writes them.
const HOLDERS: [&[u8]; 3] = [b"attributevalue", b"value", b"string"];
const CDATA_START: &[u8] = b"<![CDATA[";
const CDATA_END: &[u8] = b"]]>";

/// Appends the elements of `text` that hold text and nothing else, in order.
pub(super) fn find(text: &[u8], found: &mut Vec<Pair>) {
    let mut elements = Elements { text, outer: None, cdata_ends: true };
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'<', part(text, at..text.len())).map(|distance| at + distance) {
        at = elements.tag(open, found).unwrap_or(open + 1);
    }
}

struct Elements<'t> {
    text: &'t [u8],
    /// The label of the element around the present one.
    outer: Option<Range<usize>>,
    /// Whether there may be an end of CDATA ahead.
    cdata_ends: bool,
}

/// A start tag.
struct Tag {
    /// Its name, without the prefix of its namespace.
    name: Range<usize>,
    label: Option<Range<usize>>,
    /// Its attribute `value`.
    value: Option<Range<usize>>,
    is_empty: bool,
    end: usize,
}

impl Elements<'_> {
    /// Reads the tag that opens at `open` and the text behind it; where to go on, or `None` where there is no start tag.
    fn tag(&mut self, open: usize, found: &mut Vec<Pair>) -> Option<usize> {
        let Tag { name, label, value, is_empty, end } = self.start_tag(open + 1)?;
        let mut push = |name: &Range<usize>, value: Range<usize>| {
            if !value.is_empty() {
                found.push(Pair { name: name.clone(), value, link: Link::Sign });
            }
        };
        if let (Some(label), Some(value)) = (&label, value) {
            push(label, value);
        }
        if is_empty {
            return Some(end);
        }
        let (content, next) = self.content(end)?;
        if part(self.text, next..next + 2) == b"</" {
            let is_holder = HOLDERS.iter().any(|holder| holder.eq_ignore_ascii_case(part(self.text, name.clone())));
            let outer = self.outer.as_ref().filter(|_| is_holder);
            push(label.as_ref().or(outer).unwrap_or(&name), content);
        } else if label.is_some() {
            self.outer = label;
        }
        Some(next)
    }

    /// Reads a start tag behind its `<`.
    fn start_tag(&self, start: usize) -> Option<Tag> {
        byte(self.text, start).filter(|first| first.is_ascii_alphabetic() || *first == b'_' || *first >= 0x80)?;
        let mut at = run_end(self.text, start, is_name);
        let mut tag = Tag { name: self.local_name(start..at), label: None, value: None, is_empty: false, end: 0 };
        loop {
            at = run_end(self.text, at, |byte| byte.is_ascii_whitespace());
            match byte(self.text, at)? {
                b'>' => return Some(Tag { end: at + 1, ..tag }),
                b'/' => {
                    tag.is_empty = true;
                    at += 1;
                }
                _ => {
                    let (name, value) = self.attribute(at)?;
                    at = value.end + 1;
                    let name = part(self.text, name);
                    if LABELS.iter().any(|label| label.eq_ignore_ascii_case(name)) {
                        tag.label = Some(value).filter(|value| !value.is_empty()).or(tag.label);
                    } else if name.eq_ignore_ascii_case(b"value") {
                        tag.value = Some(value);
                    }
                }
            }
        }
    }

    /// Reads an attribute: its name, and its value between quotes.
    fn attribute(&self, at: usize) -> Option<(Range<usize>, Range<usize>)> {
        let name_end = run_end(self.text, at, is_name);
        let sign = run_end(self.text, name_end, |byte| byte.is_ascii_whitespace());
        let open = run_end(self.text, sign + 1, |byte| byte.is_ascii_whitespace());
        let quote = byte(self.text, open).filter(|quote| matches!(quote, b'"' | b'\''))?;
        if name_end == at || byte(self.text, sign) != Some(b'=') {
            return None;
        }
        let end = run_end(self.text, open + 1, |byte| byte != quote && byte != b'<');
        let name = self.local_name(at..name_end);
        (byte(self.text, end) == Some(quote)).then_some((name, open + 1..end))
    }

    /// The text that starts at `start`, and where the tag behind it opens.
    fn content(&mut self, start: usize) -> Option<(Range<usize>, usize)> {
        let behind = part(self.text, start..self.text.len());
        if behind.starts_with(CDATA_START) && self.cdata_ends {
            let start = start + CDATA_START.len();
            let length = memchr::memmem::find(part(self.text, start..self.text.len()), CDATA_END);
            self.cdata_ends = length.is_some();
            let end = start + length?;
            return Some((start..end, end + CDATA_END.len()));
        }
        let end = start + memchr::memchr(b'<', behind)?;
        Some((start..end, end))
    }

    /// A name without the prefix of its namespace.
    fn local_name(&self, name: Range<usize>) -> Range<usize> {
        let prefix = memchr::memrchr(b':', part(self.text, name.clone())).map_or(0, |colon| colon + 1);
        name.start + prefix..name.end
    }
}

/// Name characters of XML (section 2.3), with all that is not ASCII.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte) || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::check_pairs;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &str)]) {
        check_pairs(find, text, expected);
    }

    #[test]
    fn elements_that_hold_text() {
        check("<UserName>alice</UserName>", &[("UserName", "alice")]);
        check("<a><t:User x='1' >alice b</t:User><b/>\n</a>", &[("User", "alice b")]);
        check("<Data Name='TargetUserName'>alice</Data>", &[("TargetUserName", "alice")]);
        check("<entry key = \"user\" >alice</entry>", &[("user", "alice")]);
        check("<d name=\"user\"><![CDATA[a<b]]></d>", &[("user", "a<b")]);
        check("<größe>5</größe>", &[("größe", "5")]);
        check("<![CDATA[<a>b</a", &[("a", "b")]);
    }

    #[test]
    fn values_in_attributes() {
        check("<property name=\"user\" value=\"alice\"/>", &[("user", "alice")]);
        check("<add value='alice' key='user'></add>", &[("user", "alice")]);
    }

    #[test]
    fn values_below_a_label() {
        check(
            "<s:Attribute Name=\"uid\"><s:AttributeValue xsi:type=\"x\">alice</s:AttributeValue><s:AttributeValue>bob</s:AttributeValue></s:Attribute>",
            &[("uid", "alice"), ("uid", "bob")],
        );
    }

    #[test]
    fn no_elements() {
        for text in [
            "",
            "<",
            "<a",
            "<a>",
            "<a>b",
            "a < b > c",
            "<a></a>",
            "<a><b/></a>",
            "<a b=c>d</a>",
            "<a b='c>d</a>",
            "<a>b<c/>",
            "<alice@example.com>",
            "<a><![CDATA[b</a>",
        ] {
            check(text, &[]);
        }
    }
}
