//! Finds entities by shape in free text, and `name=value` pairs.
//!
//! Knows: byte shapes and their validators. Must not know rules' selectors, formats or keys. Start at [`shapes`].
//!
//! Linear: every byte is looked at a bounded number of times, whatever the text. Each detector wakes at one byte that
//! stands in all it finds and seldom elsewhere, looks back no further than where it stopped last, and judges a run once.

mod account;
mod address;
pub mod checksum;
mod elements;
mod email;
mod mac;
mod nesting;
mod number;
mod pairs;
mod scan;
mod secret;
mod uuid;

pub use email::is_plain_email;
pub use nesting::{Container, Nesting};

use crate::kernels::Level;
use crate::kernels::runs::Class;
use crate::kernels::trios::{self, Trio, Trios};
use crate::rules::{Shape, ShapeSet};
use std::ops::Range;
use std::sync::OnceLock;

/// An entity found by its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Bytes of the text that are the entity itself: no port, no brackets, no quotes.
    pub span: Range<usize>,
    /// What it is.
    pub shape: Shape,
}

/// A `name=value` pair in free text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Bytes of the name.
    pub name: Range<usize>,
    /// Bytes of the value, without quotes.
    pub value: Range<usize>,
    /// What stands between them.
    pub link: Link,
}

/// How the name and the value of a pair are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// By a sign that sentences do not have, or the value is in quotes or brackets.
    Sign,
    /// By a colon alone, as in times, paths and lists, too: `MAC:hmac-sha2-256`.
    Colon,
    /// By a colon and a blank, as sentences have it, too: `login: invalid user alice`.
    Prose,
}

/// What separates the items of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Between {
    /// Commas and semicolons.
    Commas,
    /// Blanks, too, as Go prints lists: `[alice bob]`.
    Blanks,
}

/// Appends the XML elements in `text` that hold text to `found`, in order: `<User>alice</User>`,
/// `<Data Name="User">alice</Data>`.
pub fn elements(text: &[u8], found: &mut Vec<Pair>) {
    elements::find(text, found);
}

/// Where a name of several words may begin, of which the last begins at `last`: one word before it, then two. Of these
/// words each starts with a letter and a single blank stands behind it, as in `Account Name: alice`.
pub fn phrase_starts(text: &[u8], last: usize) -> impl Iterator<Item = usize> {
    pairs::phrase_starts(text, last)
}

/// The items of a list of which the first starts at `start`, behind a bracket and perhaps a quote: `users=['alice', 'bob']`.
/// None where `start` is in no list, where nothing closes it, or where it holds other lists.
pub fn items(text: &[u8], start: usize, between: Between) -> Vec<Range<usize>> {
    pairs::items(text, start, between)
}

/// The name of the pair whose value starts at `start`, with its quote or bracket: `user` before the brace of `user={…}`.
pub fn name_before_value(text: &[u8], start: usize) -> Option<Range<usize>> {
    pairs::name_before_value(text, start)
}

/// Appends the entities of all shapes in `text` to `found`, as [`Search::shapes`] does.
pub fn shapes(text: &[u8], found: &mut Vec<Found>) {
    static ALL: OnceLock<Search> = OnceLock::new();
    ALL.get_or_init(|| Search::new(ShapeSet::ALL)).shapes(text, found);
}

/// Looks for some of the shapes.
#[derive(Debug, Clone)]
pub struct Search {
    sought: ShapeSet,
    /// Where a detector of these shapes may find something.
    places: Trios,
}

impl Search {
    /// Looks for these shapes: detectors of others are never called.
    pub fn new(sought: ShapeSet) -> Self {
        let patterns = WAKING.iter().filter(|(shapes, _)| sought.meets(*shapes));
        Self { sought, places: Trios::new(patterns.map(|(_, pattern)| pattern)) }
    }

    /// Appends the entities in `text` to `found`, in order of their start, without overlaps.
    ///
    /// Where two detectors' spans overlap, their union is one entity of the longer one's shape: nothing that any detector
    /// found stays outside.
    pub fn shapes(&self, text: &[u8], found: &mut Vec<Found>) {
        let first = found.len();
        let mut done = Done::default();
        self.places.each(Level::best(), text, |at| {
            wake(
                Anchor::new(text, at, self.sought),
                &mut done,
                |shapes, may_find| may_find && self.sought.meets(shapes),
                |shape, span| self.keep(shape, span, found),
            );
        });
        if self.sought.meets(NUMBERS) {
            number::each_long_word(text, |word| self.keep_number(text, &word, found));
        }
        unite(found, first);
    }

    /// Keeps what a detector found, if it is looked for.
    fn keep(&self, shape: Shape, span: Option<Range<usize>>, found: &mut Vec<Found>) {
        found.extend(span.filter(|_| self.sought.has(shape)).map(|span| Found { span, shape }));
    }

    fn keep_number(&self, text: &[u8], word: &Range<usize>, found: &mut Vec<Found>) {
        if let Some((is_card, span)) = number::in_word(text, word) {
            self.keep(card_or_iban(is_card), Some(span), found);
        }
    }
}

const ADDRESSES: ShapeSet = ShapeSet::of(&[Shape::Ip, Shape::Net]);
const MACS: ShapeSet = ShapeSet::of(&[Shape::Mac]);
const UUIDS: ShapeSet = ShapeSet::of(&[Shape::Uuid]);
const NUMBERS: ShapeSet = ShapeSet::of(&[Shape::Card, Shape::Iban]);
const SECRETS: ShapeSet = ShapeSet::of(&[Shape::Secret]);
const SIDS: ShapeSet = ShapeSet::of(&[Shape::Sid]);
const PHONES: ShapeSet = ShapeSet::of(&[Shape::Phone]);
const TOKENS: ShapeSet = ShapeSet::of(&[Shape::Jwt]);
const MAILBOXES: ShapeSet = ShapeSet::of(&[Shape::Email, Shape::Login]);
/// A password in a URL ends in an at-sign that is no e-mail's.
const USERINFO: ShapeSet = ShapeSet::of(&[Shape::Login, Shape::Password, Shape::Email]);
const RESOURCES: ShapeSet = ShapeSet::of(&[Shape::Account, Shape::Login]);

const DIGITS: &[u8] = b"0123456789";
const HEX_DIGITS: &[u8] = b"0123456789abcdefABCDEF";

/// Which shapes may be found around a byte between two others; what [`wake`] asks says more.
// As many as are told apart.
static WAKING: [(ShapeSet, Trio); trios::PATTERNS] = {
    const fn trio(before: Option<&'static [u8]>, at: &'static [u8], after: Option<&'static [u8]>) -> Trio {
        Trio { before, at, after }
    }
    let digits = Some(DIGITS);
    let hex_digits = Some(HEX_DIGITS);
    [
        (ADDRESSES, trio(digits, b".-", digits)),
        (ADDRESSES, trio(None, b".", Some(b"iI"))),
        (ADDRESSES, trio(None, b":", Some(b"0123456789abcdefABCDEF:"))),
        (MACS.or(UUIDS), trio(hex_digits, b".:-", hex_digits)),
        (SECRETS, trio(Some(b"nN\"'\\"), b":=", None)),
        (RESOURCES, trio(Some(b"n"), b":", None)),
        (USERINFO, trio(None, b":", Some(b"/"))),
        (NUMBERS, trio(digits, b"- ", Some(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))),
        (SIDS, trio(Some(b"sS"), b"-", Some(b"1"))),
        (SECRETS, trio(None, b"-", Some(b"-"))),
        (MAILBOXES, trio(None, b"@", None)),
        // The signs are `%40` and `%2540`, and `%3A` in an address.
        (MAILBOXES.or(ADDRESSES), trio(None, b"%", Some(b"234"))),
        (SECRETS, trio(Some(secret::SCHEME_LAST), b" +%", None)),
        (PHONES, trio(None, b"+", digits)),
        (TOKENS, trio(Some(b"y"), b"J", None)),
        (SECRETS, trio(Some(secret::ISSUED_BEFORE), b"_-.I", None)),
    ]
};

/// Where each detector stopped last: bytes before it are judged.
#[derive(Default)]
struct Done {
    ipv4: usize,
    ipv6: usize,
    encoded_ipv6: usize,
    hyphenated_ipv4: address::Hyphenated,
    octets: usize,
    hyphens: usize,
    quads: usize,
    uuid: usize,
    sid: usize,
    arn: usize,
    phone: usize,
    groups: usize,
    email: usize,
    jwt: usize,
    issued: usize,
    scheme: usize,
    header: usize,
    url: usize,
}

/// Bytes at which a detector wakes, of which at least one stands in or beside every entity that [`shapes`] finds but cards
/// and account numbers without separators: these have digits, and are [`NUMBER_BYTES_MIN`] long.
// Must be those that `wake` matches.
pub const SIGNS: &[u8] = b".:=-@%J_I +";

/// Bytes of the shortest number without separators that [`shapes`] finds.
pub const NUMBER_BYTES_MIN: usize = number::WORD_BYTES_MIN;

/// A byte at which detectors wake, and those beside it.
#[derive(Clone, Copy)]
struct Anchor<'t> {
    text: &'t [u8],
    at: usize,
    sign: u8,
    before: u8,
    after: u8,
    sought: ShapeSet,
}

impl<'t> Anchor<'t> {
    #[inline]
    fn new(text: &'t [u8], at: usize, sought: ShapeSet) -> Self {
        let neighbour = |byte: Option<u8>| byte.unwrap_or(trios::OUTSIDE);
        let (before, after) = (neighbour(scan::byte_before(text, at)), neighbour(scan::byte(text, at + 1)));
        Self { text, at, sign: text[at], before, after, sought }
    }

    /// Whether the same sign stands again so many bytes behind this one.
    fn again(&self, distance: usize) -> bool {
        scan::byte(self.text, self.at + distance) == Some(self.sign)
    }
}

fn are_digits(before: u8, after: u8) -> bool {
    before.is_ascii_digit() && after.is_ascii_digit()
}

fn are_hex(before: u8, after: u8) -> bool {
    before.is_ascii_hexdigit() && after.is_ascii_hexdigit()
}

/// Calls the detectors that wake at the byte at `anchor`, where `asks` wants them: it is told the shapes that a detector
/// finds, and whether it can find anything there by the bytes around its anchor.
///
/// A detector that can find nothing also learns nothing: what it notes in `done` is before every later anchor at which it
/// could find something.
#[inline(always)]
fn wake(
    anchor: Anchor<'_>,
    done: &mut Done,
    asks: impl Fn(ShapeSet, bool) -> bool,
    mut keep: impl FnMut(Shape, Option<Range<usize>>),
) {
    let Anchor { text, at, sign, before, after, .. } = anchor;
    match sign {
        b'.' => wake_at_dot(anchor, done, asks, keep),
        b':' => wake_at_colon(anchor, done, asks, keep),
        b'=' if asks(SECRETS, secret::may_end_header(before)) => {
            keep(Shape::Secret, secret::header_value(text, at, &mut done.header));
        }
        b'-' => wake_at_hyphen(anchor, done, asks, keep),
        b'@' if asks(MAILBOXES, true) => {
            if let Some((shape, span)) = email::at_sign(text, at, &mut done.email) {
                keep(shape, Some(span));
            }
        }
        b'%' => {
            // The signs are `%40` and `%2540`.
            if asks(MAILBOXES, matches!(after, b'2' | b'4'))
                && let Some((shape, span)) = email::at_sign(text, at, &mut done.email)
            {
                keep(shape, Some(span));
            }
            if asks(ADDRESSES, after == b'3') {
                keep(Shape::Ip, address::at_encoded_colon(text, at, &mut done.encoded_ipv6));
            }
            if asks(SECRETS, secret::may_end_scheme(text, at)) {
                keep(Shape::Secret, secret::behind_scheme(text, at, &mut done.scheme));
            }
        }
        b'J' if asks(TOKENS, before == b'y') => keep(Shape::Jwt, secret::jwt_at(text, at, &mut done.jwt)),
        b'_' | b'I' if asks(SECRETS, secret::may_be_issued(before, sign)) => {
            keep(Shape::Secret, secret::issued_at(text, at, &mut done.issued));
        }
        b' ' => {
            if asks(SECRETS, secret::may_end_scheme(text, at)) {
                keep(Shape::Secret, secret::behind_scheme(text, at, &mut done.scheme));
            }
            if asks(NUMBERS, number::may_be_grouped(text, at))
                && let Some((is_card, span)) = number::at_separator(text, at, &mut done.groups)
            {
                keep(card_or_iban(is_card), Some(span));
            }
        }
        b'+' => {
            if asks(SECRETS, secret::may_end_scheme(text, at)) {
                keep(Shape::Secret, secret::behind_scheme(text, at, &mut done.scheme));
            }
            if asks(PHONES, after.is_ascii_digit()) {
                keep(Shape::Phone, number::at_plus(text, at, &mut done.phone));
            }
        }
        _ => {}
    }
}

/// Calls the detectors that wake at a dot.
#[inline(always)]
fn wake_at_dot(
    anchor: Anchor<'_>,
    done: &mut Done,
    asks: impl Fn(ShapeSet, bool) -> bool,
    mut keep: impl FnMut(Shape, Option<Range<usize>>),
) {
    let Anchor { text, at, sign, before, after, sought } = anchor;
    if asks(ADDRESSES, are_digits(before, after) && address::may_go_on(text, at))
        && let Some(address) = address::at_dot(text, at, &mut done.ipv4)
    {
        let (shape, span) = address::with_prefix(text, address, sought);
        keep(shape, Some(span));
    }
    if asks(ADDRESSES, matches!(after, b'i' | b'I'))
        && let Some((shape, span)) = address::reversed_at(text, at)
    {
        keep(shape, Some(span));
    }
    // There are three groups at least.
    if asks(MACS, are_hex(before, after) && anchor.again(5)) {
        keep(Shape::Mac, mac::at_dot(text, at, &mut done.quads));
    }
    if asks(SECRETS, secret::may_be_issued(before, sign)) {
        keep(Shape::Secret, secret::issued_at(text, at, &mut done.issued));
    }
}

/// Calls the detectors that wake at a colon.
#[inline(always)]
fn wake_at_colon(
    anchor: Anchor<'_>,
    done: &mut Done,
    asks: impl Fn(ShapeSet, bool) -> bool,
    mut keep: impl FnMut(Shape, Option<Range<usize>>),
) {
    let Anchor { text, at, before, after, sought, .. } = anchor;
    // An address has a second colon, and this is its first one.
    if asks(ADDRESSES, after.is_ascii_hexdigit() || after == b':')
        && let Some(address) = address::at_colon(text, at, &mut done.ipv6)
    {
        let (shape, span) = address::with_prefix(text, address, sought);
        keep(shape, Some(span));
    }
    // There are six groups at least.
    if asks(MACS, are_hex(before, after) && anchor.again(3) && anchor.again(6)) {
        for address in mac::at_colon(text, at, &mut done.octets) {
            keep(Shape::Mac, address);
        }
    }
    if asks(SECRETS, secret::may_end_header(before)) {
        keep(Shape::Secret, secret::header_value(text, at, &mut done.header));
    }
    if asks(USERINFO, after == b'/')
        && let Some(userinfo) = secret::url_userinfo(text, at, &mut done.url)
    {
        // The at-sign behind a password is no e-mail's.
        done.email = userinfo.password.end + 1;
        keep(Shape::Login, Some(userinfo.user).filter(|user| !user.is_empty()));
        keep(Shape::Password, Some(userinfo.password).filter(|password| !password.is_empty()));
    }
    if asks(RESOURCES, before == b'n')
        && let Some(name) = account::arn_at(text, at, &mut done.arn)
    {
        keep(Shape::Account, name.account);
        keep(Shape::Login, name.user);
    }
}

/// Calls the detectors that wake at a hyphen.
#[inline(always)]
fn wake_at_hyphen(
    anchor: Anchor<'_>,
    done: &mut Done,
    asks: impl Fn(ShapeSet, bool) -> bool,
    mut keep: impl FnMut(Shape, Option<Range<usize>>),
) {
    let Anchor { text, at, sign, before, after, .. } = anchor;
    if asks(ADDRESSES, are_digits(before, after)) {
        keep(Shape::Ip, address::at_hyphen(text, at, &mut done.hyphenated_ipv4));
    }
    if asks(UUIDS, are_hex(before, after)) {
        keep(Shape::Uuid, uuid::at_hyphen(text, at, &mut done.uuid));
    }
    if asks(SIDS, matches!(before, b's' | b'S') && after == b'1') {
        keep(Shape::Sid, account::sid_at(text, at, &mut done.sid));
    }
    if asks(NUMBERS, number::may_be_grouped(text, at))
        && let Some((is_card, span)) = number::at_separator(text, at, &mut done.groups)
    {
        keep(card_or_iban(is_card), Some(span));
    }
    if asks(SECRETS, after == b'-') {
        keep(Shape::Secret, secret::private_key_at(text, at));
    }
    // There are six groups of two digits at least, or three of four.
    if asks(MACS, are_hex(before, after) && (anchor.again(3) && anchor.again(6) || anchor.again(5))) {
        keep(Shape::Mac, mac::at_hyphen(text, at, &mut done.hyphens));
    }
    if asks(SECRETS, secret::may_be_issued(before, sign)) {
        keep(Shape::Secret, secret::issued_at(text, at, &mut done.issued));
    }
}

fn card_or_iban(is_card: bool) -> Shape {
    if is_card { Shape::Card } else { Shape::Iban }
}

/// Sorts the entities from `first` on by start and unites those that overlap.
fn unite(found: &mut Vec<Found>, first: usize) {
    let Some(new) = found.get_mut(first..).filter(|new| !new.is_empty()) else { return };
    new.sort_by_key(|entity| (entity.span.start, entity.shape));
    let mut last = 0;
    for next in 1..new.len() {
        if new[next].span.start >= new[last].span.end {
            last += 1;
            new.swap(last, next);
            continue;
        }
        if new[next].span.len() > new[last].span.len() {
            new[last].shape = new[next].shape;
        }
        new[last].span.end = new[last].span.end.max(new[next].span.end);
    }
    found.truncate(first + last + 1);
}

/// Whether digits are the number of a payment card, with a known issuer and its check digit.
pub fn is_card(digits: &[u8]) -> bool {
    number::is_card(digits)
}

/// Blanks of a form behind base64 that are told from its own `+`.
const FORM_BLANKS_MAX: usize = 4;

/// Calls `each` with the runs of `text` that may be base64 (RFC 4648) of some length, in order, and, where it takes none,
/// with parts of them: in a path base64 begins behind a slash, in a form a `+` before or behind it is a blank.
///
/// Whole runs are tried once, so that the cost stays linear.
pub fn base64_words(text: &[u8], mut each: impl FnMut(Range<usize>) -> bool) {
    base64_with_words(text, &mut each);
    // Text of other scripts than Latin gives so many signs that no long word is left.
    number::each_long_run::<SIGNED_BASE64_BYTES_MIN>(text, Class::Base64, |run| {
        let mut words = scan::part(text, run.clone()).split(|byte| BASE64_SIGNS.contains(byte));
        if words.all(|word| word.len() < number::WORD_BYTES_MIN) {
            each(run.start..with_padding(text, run.end));
        }
    });
}

fn is_base64(byte: u8) -> bool {
    Class::Base64.has(byte)
}

/// The end of the padding behind base64 that ends at `end`.
fn with_padding(text: &[u8], end: usize) -> usize {
    scan::run_end(scan::part(text, 0..text.len().min(end + 2)), end, |byte| byte == b'=')
}

/// Calls `each` with the runs of [`base64_words`] that hold a long word.
fn base64_with_words(text: &[u8], each: &mut impl FnMut(Range<usize>) -> bool) {
    let (mut done, mut run_end) = (0, 0);
    number::each_long_word(text, |word| {
        if word.start < done {
            return;
        }
        let start = scan::run_start(text, done, word.start, is_base64);
        let mut longer = [None; 1 + FORM_BLANKS_MAX];
        if word.end > run_end {
            run_end = scan::run_end(text, word.end, is_base64);
            let blanks = memchr::memrchr_iter(b'+', scan::part(text, word.end..run_end)).map(|at| word.end + at);
            let ends = std::iter::once(with_padding(text, run_end)).chain(blanks);
            longer.iter_mut().zip(ends).for_each(|(longer, end)| *longer = Some(end));
        }
        let word_end = with_padding(text, word.end);
        let ends = longer.into_iter().flatten().chain([word_end]);
        let mut parts = ends.flat_map(|end| [start..end, word.start..end]);
        done = parts.find(|part| each(part.clone())).map_or(word_end, |part| part.end);
    });
}

/// What base64 is written with besides letters and digits (RFC 4648, sections 4 and 5).
const BASE64_SIGNS: &[u8] = b"+/-_";

/// Shortest run of base64 without a long word that is tried: shorter ones are paths and dates.
const SIGNED_BASE64_BYTES_MIN: usize = 24;

/// Appends the pairs in `text` to `found`, in order of their names: `name=value`, `name="value"`, `name: value`.
///
/// A value may hold pairs of its own (`msg="user=alice"`), which are listed too: only the caller knows which names count.
pub fn pairs(text: &[u8], found: &mut Vec<Pair>) {
    pairs::find(text, found, |_| true);
}

/// The same, but only those that a [`Link::Sign`] joins.
pub fn pairs_by_sign(text: &[u8], found: &mut Vec<Pair>) {
    pairs::find(text, found, |link| link == Link::Sign);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Asserts what `shapes` finds, written `shape:text`.
    #[track_caller]
    pub(super) fn check(text: &str, expected: &[&str]) {
        let mut found = Vec::new();
        shapes(text.as_bytes(), &mut found);
        let found: Vec<String> =
            found.iter().map(|entity| format!("{}:{}", entity.shape.code(), &text[entity.span.clone()])).collect();
        assert_eq!(found, expected, "in {text}");
    }

    /// Asserts which names and values `find` finds.
    #[track_caller]
    pub(super) fn check_pairs(find: fn(&[u8], &mut Vec<Pair>), text: &str, expected: &[(&str, &str)]) {
        let mut found = Vec::new();
        find(text.as_bytes(), &mut found);
        let found: Vec<_> = found.iter().map(|pair| (&text[pair.name.clone()], &text[pair.value.clone()])).collect();
        assert_eq!(found, expected, "in {text}");
    }

    /// Steps per byte that no text may exceed: each byte is looked at this often by all detectors together.
    const STEPS_MAX: usize = 20;

    #[track_caller]
    fn assert_linear(text: &[u8]) {
        scan::work::take();
        shapes(text, &mut Vec::new());
        pairs(text, &mut Vec::new());
        elements(text, &mut Vec::new());
        Nesting::new(text).around(text.len());
        let steps = scan::work::take() / text.len();
        let unit = String::from_utf8_lossy(&text[..text.len().min(24)]);
        assert!(steps <= STEPS_MAX, "{steps} steps per byte on {unit}");
    }

    #[test]
    fn hostile_texts_take_linear_work() {
        for unit in [
            ":",
            "(",
            "@",
            "1.",
            "a",
            "f",
            ".",
            "-",
            "=",
            "%",
            "%40",
            "%2540",
            "%3A",
            "1%3A",
            "a=",
            "a:",
            "a: ",
            "a = ",
            "a=\"",
            "a='",
            "a=\\\"",
            "\"",
            "a=<",
            "a=<a",
            "aa:",
            "aa-",
            "aaaa.",
            "aaaa-",
            "1111:",
            "::1",
            "::ffff:1.2.3.4",
            "a@",
            "@a",
            "a@a.",
            "\"@",
            "a%40",
            "%41",
            "é",
            "é@",
            "a=é",
            "eyJ",
            "eyJ.",
            "eyJa.a.",
            "J",
            "I",
            "_",
            "AKIA",
            "npm_",
            "ghp_a",
            "r ",
            "bearer ",
            "Bearer a ",
            "Bearer%20",
            "Authorization:",
            "authorization: a ",
            "authorization=a=\"\",",
            "://",
            "://a:",
            "http://a:b@",
            "fe80::1%",
            "fe80::1%a",
            "+=@",
            "a+=",
            "12345678-",
            "a/a@A",
            "'",
            "a'a",
            "\\",
            "\\n",
            "\u{1b}[",
            "\u{1b}[0m",
            "#012",
            "0.0.0",
            "1.1.1.1.",
            "a=b:",
            " ",
            "x=\\\"\"",
            "[a",
            "@[1",
            "1:2:3:4:5:6:7:8:9:",
            "550e8400-e29b-41d4-a716-446655440000-",
            "J:",
            ".@",
            "..@",
            "Q=1,Q=",
            "<",
            "<a",
            "<a ",
            "<a>",
            "<a b",
            "<a b='",
            "<a b='' ",
            "<a b='c'>d</a>",
            "<a name='",
            "<![CDATA[",
            "<a><![CDATA[",
            "<a><![CDATA[]]></a>",
            "<a:",
            "<a ====",
            "a:b@",
            "+1",
            "+1 ",
            "1234 ",
            "1234-",
            "DE89 ",
            "4111 1111 1111 111",
            "S-1-",
            "-1",
            "arn:aws:",
            "arn:aws:iam::1",
            "1234567890123",
            "DE89370400440532013000",
            "abcdefghijklm",
            "abcdefghijklm.",
            "192.0.2.0/2",
            "::/1",
            "-----BEGIN PRIVATE KEY-----",
            "sk-",
            "SG.",
            "a.",
            "xoxe.xoxp-",
            "{",
            "a={",
            "a {",
            "aaaaaaaaaa(",
            "a=>[",
            "a = [",
            "<A ",
            "{}",
            "([{<A b>}])",
            "a=u'",
            "1-",
            "192-0-2-1.",
            "192-0-2-1.a.bc.",
            "192-0-2-1 ",
            "ip-192-0-2-1-",
            ".in-addr.arpa",
            "1.ip6.arpa.",
        ] {
            assert_linear(unit.repeat(100_000 / unit.len()).as_bytes());
        }
    }

    /// Pieces of which entities and their neighbours are made.
    fn pieces() -> impl Strategy<Value = Vec<u8>> {
        let shaped = prop::sample::select(
            &[
                "192.0.2.1",
                "2001:db8::1",
                "::",
                "fe80::1%eth0",
                "%3A",
                "00:1b:44:11:3a:b7",
                "001b.4411.3ab7",
                "alice",
                "@",
                "%40",
                "example.com",
                ".",
                ":",
                "-",
                "=",
                "\"",
                "\\\"",
                "'",
                " ",
                "eyJhbGciOiJIUzI1NiJ9",
                "Bearer ",
                "authorization",
                "AKIA",
                "0123456789abcdef",
                "é",
                "例",
                "://",
                "<",
                ">",
                "[",
                "]",
                "%",
                "\\n",
                "\u{1b}[31m",
                "#",
                "/",
                "550e8400-e29b-41d4-a716-446655440000",
                "“",
                "v",
                "Chrome/",
                "SRS0",
                "+",
                "+12025550123",
                "4111111111111111",
                "DE89370400440532013000",
                "S-1-5-21-1-2-3-4",
                "arn:aws:iam::123456789012:user/",
                "/24",
            ][..],
        );
        let piece = prop_oneof![
            shaped.prop_map(|piece| piece.as_bytes().to_vec()),
            any::<char>().prop_map(|c| c.to_string().into_bytes())
        ];
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    /// Hostile runs, taken never, always, or only where they are cut: what is handed out grows with the text alone.
    #[test]
    fn base64_is_tried_in_linear_time() {
        for unit in ["ordinarysegmentname/", "YWxpY2U6aHVudGVyMgAA+", "a+/-_", "YWxpY2U6aHVudGVyMg"] {
            let text = unit.repeat(5_000);
            for longest in [0, 30, usize::MAX] {
                let mut bytes = 0;
                base64_words(text.as_bytes(), |part| {
                    bytes += part.len();
                    part.len() <= longest
                });
                assert!(bytes <= 2 * (3 + FORM_BLANKS_MAX) * text.len(), "{bytes} of {}", text.len());
            }
        }
    }

    #[test]
    fn nothing_is_found_without_signs_and_digits() {
        let word = "abcdefghijklmnopqrstuvwxyzABCDEFGHKLMNOPQRSTUVWXYZ\"'\\\\/,;&?!#()[]{}<>|~^$`*\n\té";
        check(&word.repeat(3), &[]);
        check(&"123456789012".replace('9', "9,"), &[]);
        check("4222222222222", &["card:4222222222222"]);
        assert_eq!("4222222222222".len(), NUMBER_BYTES_MIN);
    }

    /// The oracle: asks every detector at every sign, whatever stands beside it.
    fn shapes_by_asking_all(text: &[u8], sought: ShapeSet) -> Vec<Found> {
        let search = Search::new(sought);
        let (mut found, mut done) = (Vec::new(), Done::default());
        for at in (0..text.len()).filter(|at| SIGNS.contains(&text[*at])) {
            let keep = |shape, span| search.keep(shape, span, &mut found);
            wake(Anchor::new(text, at, sought), &mut done, |_, _| true, keep);
        }
        number::each_long_word(text, |word| search.keep_number(text, &word, &mut found));
        unite(&mut found, 0);
        found
    }

    /// Asserts that detectors that are not called would find nothing.
    #[track_caller]
    fn assert_all_asked(text: &[u8], sought: ShapeSet) {
        let mut found = Vec::new();
        Search::new(sought).shapes(text, &mut found);
        assert_eq!(found, shapes_by_asking_all(text, sought), "in {}", String::from_utf8_lossy(text));
    }

    /// Some of the shapes, and often all.
    fn shape_sets() -> impl Strategy<Value = ShapeSet> {
        let some = prop::sample::subsequence(Shape::ALL.to_vec(), 0..=Shape::ALL.len());
        prop_oneof![Just(ShapeSet::ALL), some.prop_map(|shapes| ShapeSet::of(&shapes))]
    }

    #[test]
    fn a_network_is_an_address_where_networks_are_not_looked_for() {
        let mut found = Vec::new();
        Search::new(ShapeSet::of(&[Shape::Ip])).shapes(b"192.0.2.0/24 alice@example.com", &mut found);
        assert_eq!(found, [Found { span: 0..9, shape: Shape::Ip }]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn detectors_that_sleep_would_find_nothing(
            text in pieces(),
            signs in "[0-9a-fnrsyABEIJKS:./=%@+ _\"'\\\\-]{0,60}",
            digits in "[12a]{1,4}([.:-][12a]{1,4}){0,12}",
            sought in shape_sets(),
        ) {
            assert_all_asked(&text, sought);
            assert_all_asked(signs.as_bytes(), sought);
            assert_all_asked(digits.as_bytes(), sought);
            assert_all_asked(&[&text, signs.as_bytes(), digits.as_bytes(), &text].concat(), sought);
        }

        #[test]
        fn without_signs_only_long_numbers_are_found(text in pieces(), letters in "[0-9a-zA-HK-Z/,\"]{0,40}") {
            for text in [text.as_slice(), letters.as_bytes()] {
                let text: Vec<u8> = text.iter().copied().filter(|byte| !SIGNS.contains(byte)).collect();
                let mut found = Vec::new();
                shapes(&text, &mut found);
                let is_number = |entity: &Found| {
                    entity.span.len() >= NUMBER_BYTES_MIN && text[entity.span.clone()].iter().any(u8::is_ascii_digit)
                };
                prop_assert!(found.iter().all(is_number), "in {}", String::from_utf8_lossy(&text));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn spans_are_ordered_and_whole(text in pieces()) {
            let text = String::from_utf8(text).expect("pieces are UTF-8");
            let mut found = Vec::new();
            shapes(text.as_bytes(), &mut found);
            let mut last = 0;
            for entity in &found {
                prop_assert!(last <= entity.span.start && entity.span.start < entity.span.end);
                prop_assert!(text.get(entity.span.clone()).is_some(), "not on a boundary: {entity:?} in {text:?}");
                last = entity.span.end;
            }
            let mut found = Vec::new();
            pairs(text.as_bytes(), &mut found);
            prop_assert!(found.is_sorted_by_key(|pair| pair.name.start));
            for pair in &found {
                prop_assert!(pair.name.end < pair.value.start);
                prop_assert!(text.get(pair.name.clone()).is_some_and(|name| !name.is_empty()));
                prop_assert!(text.get(pair.value.clone()).is_some_and(|value| !value.is_empty()));
            }
        }

        #[test]
        fn pairs_by_sign_are_those_of_all_pairs(text in pieces(), signs in "[a0 \t:=\"'\\\\<>(\\[{,]{0,80}") {
            for text in [text.as_slice(), signs.as_bytes(), &[&text, signs.as_bytes()].concat()] {
                let (mut found, mut all) = (Vec::new(), Vec::new());
                pairs_by_sign(text, &mut found);
                pairs(text, &mut all);
                all.retain(|pair| pair.link == Link::Sign);
                prop_assert_eq!(found, all);
            }
        }

        #[test]
        fn any_bytes_give_spans_inside(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut found = Vec::new();
            shapes(&text, &mut found);
            prop_assert!(found.iter().all(|entity| text.get(entity.span.clone()).is_some_and(|part| !part.is_empty())));
            let mut found = Vec::new();
            pairs(&text, &mut found);
            prop_assert!(found.iter().all(|pair| text.get(pair.value.clone()).is_some_and(|part| !part.is_empty())));
        }

        #[test]
        fn work_is_linear(unit in pieces(), times in 1_usize..50) {
            let text = unit.repeat(times);
            if text.len() > 500 {
                assert_linear(&text);
            }
        }

        #[test]
        fn entities_are_found_between_delimiters(entity in entities(), before in delimiter(), after in delimiter()) {
            let (shape, text) = entity;
            let line = format!("x{before}{text}{after}x");
            let mut found = Vec::new();
            shapes(line.as_bytes(), &mut found);
            let start = 1 + before.len();
            prop_assert_eq!(found, vec![Found { span: start..start + text.len(), shape }], "in {}", line);
        }
    }

    fn delimiter() -> impl Strategy<Value = &'static str> {
        prop::sample::select(
            &[
                " ",
                "\"",
                "(",
                ")",
                "[",
                "]",
                ", ",
                "; ",
                "=",
                "<",
                ">",
                "|",
                "\t",
                "\n",
                "&",
                "%20",
                "%22",
                "\\n",
                "“",
                "\u{1b}[0m",
            ][..],
        )
    }

    /// Entities in their canonical spellings and in others.
    fn entities() -> impl Strategy<Value = (Shape, String)> {
        let spelled = |shape: Shape| move |text: String| (shape, text);
        let any_case = |text: String, upper: bool| if upper { text.to_uppercase() } else { text };
        let mac = (any::<[u8; 6]>(), prop::sample::select(&[':', '-'][..]), any::<bool>()).prop_map(
            move |(octets, sign, upper)| {
                any_case(octets.map(|octet| format!("{octet:02x}")).join(&sign.to_string()), upper)
            },
        );
        let uuid = (any::<u128>(), any::<bool>()).prop_map(move |(bits, upper)| {
            let hex = format!("{bits:032x}");
            any_case([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"), upper)
        });
        // Global unicast (2000::/3): link-local addresses may have a zone behind `%`.
        let global = |bits: u128| std::net::Ipv6Addr::from_bits(bits >> 3 | 1 << 125);
        let ipv6 = (any::<u128>(), any::<u128>(), any::<bool>())
            .prop_map(move |(bits, mask, upper)| any_case(global(bits & mask).to_string(), upper));
        let full_ipv6 =
            any::<u128>().prop_map(move |bits| global(bits).segments().map(|group| format!("{group:04x}")).join(":"));
        prop_oneof![
            any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()).prop_map(spelled(Shape::Ip)),
            any::<std::net::Ipv4Addr>().prop_map(|address| format!("::ffff:{address}")).prop_map(spelled(Shape::Ip)),
            ipv6.prop_map(spelled(Shape::Ip)),
            full_ipv6.prop_map(spelled(Shape::Ip)),
            mac.prop_map(spelled(Shape::Mac)),
            uuid.prop_map(spelled(Shape::Uuid)),
            "[a-z0-9_]([a-z0-9._+-]{0,20}[a-z0-9])?@([a-z0-9]{1,12}\\.){1,3}[a-z]{2,6}".prop_map(spelled(Shape::Email)),
        ]
    }
}
