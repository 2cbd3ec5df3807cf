//! Invents logs: lines as API gateways, nginx, sshd and cloud audits write them, and the truth about each.
//!
//! Knows: a world of invented people, what logs look like, how they are attacked. Must not know how entities are found
//! or replaced: the truth must not come from what it is to judge. Start at [`Generator`].
//!
//! The same options give the same events on every machine. People, their addresses and what they ask for follow Zipf's
//! law; what one person does agrees with itself (same name, addresses, devices; a session has a beginning and an end).

mod devices;
mod dice;
mod hostile;
mod line;
mod names;
mod render;
mod shapes;
mod template;
mod time_format;
mod visit;
mod world;

pub use hostile::Hostile;

use crate::rules::Class;
use dice::Dice;
use hostile::Trap;
use render::Scene;
use shapes::Shapes;
use std::ops::{Range, RangeInclusive};
use visit::Visit;
use world::World;

/// About how long somebody pauses between two lines of a visit.
const PAUSE_NS: u64 = 20_000_000_000;

/// Fewest and most visits of one kind that go on at the same time.
const VISITS: RangeInclusive<u64> = 4..=256;

/// What is to be invented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// What is logged. A kind that stands twice comes twice as often; none means all of [`Kind::ALL`].
    pub kinds: Vec<Kind>,
    /// When it happens.
    pub timeline: Timeline,
    /// How many of 1,000 lines are hostile. From 1,000 on, all are.
    pub hostile_per_mille: u16,
}

/// The times of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeline {
    first_ms: i64,
    /// From one event to the next, on average.
    gap_ns: u64,
}

impl Timeline {
    /// The first of so many events at `first_ms`, the last not after `last_ms`, and in between about evenly. Times are
    /// milliseconds since the Unix epoch. Events beyond them go on at the same pace; a `last_ms` before `first_ms` puts
    /// all events at one time.
    pub fn spread(first_ms: i64, last_ms: i64, events: u64) -> Self {
        let span_ms = u64::try_from(last_ms.saturating_sub(first_ms)).unwrap_or(0);
        Self { first_ms, gap_ns: span_ms.saturating_mul(1_000_000) / events.saturating_sub(1).max(1) }
    }

    /// So many events a second; 0 is taken for 1.
    pub fn paced(first_ms: i64, per_second: u32) -> Self {
        Self { first_ms, gap_ns: 1_000_000_000 / u64::from(per_second.max(1)) }
    }

    /// The time of an event, which is earlier than its turn by a random part of the gap: so times ascend.
    fn at(self, event: u64, dice: &mut Dice) -> i64 {
        let early_ns = dice.below(self.gap_ns);
        let turn_ns = u128::from(event) * u128::from(self.gap_ns);
        let since_ms = turn_ns.saturating_sub(u128::from(early_ns)) / 1_000_000;
        self.first_ms.saturating_add(i64::try_from(since_ms).unwrap_or(i64::MAX))
    }
}

/// What writes the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// JSON events of an API gateway.
    Api,
    /// Access and error logs of nginx.
    Nginx,
    /// sshd, sudo, su and PAM in `auth.log`.
    Sshd,
    /// JSON events in the manner of AWS CloudTrail.
    CloudTrail,
}

impl Kind {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 4] = [Self::Api, Self::Nginx, Self::Sshd, Self::CloudTrail];

    /// Name on the command line, in truth files and docs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Nginx => "nginx",
            Self::Sshd => "sshd",
            Self::CloudTrail => "cloudtrail",
        }
    }
}

/// One invented log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What wrote it.
    pub kind: Kind,
    /// Milliseconds since the Unix epoch; never before that of the event before.
    pub timestamp_ms: i64,
    /// What the record is keyed by: the account or else the address for [`Kind::Api`], nothing otherwise.
    pub key: Option<String>,
    /// The line without its end. Holds no line feed, but a hostile one may hold any other byte.
    pub line: Vec<u8>,
    /// The entities in the line, in order and without overlaps; one that stands twice is listed twice.
    pub truth: Vec<Entity>,
    /// What is wrong with the line, if it is hostile.
    pub hostile: Option<Hostile>,
}

/// A value that points to somebody or something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    /// What it is.
    pub class: Class,
    /// The plain value, without escapes and in its usual spelling: `192.0.2.1` where `::ffff:192.0.2.1` stands.
    pub value: String,
    /// The bytes of the line that spell it.
    pub span: Range<usize>,
}

/// An endless log.
pub struct Generator {
    options: Options,
    world: World,
    /// In the order of [`Kind::ALL`].
    shapes: [Shapes; Kind::ALL.len()],
    /// The visits that go on, in the order of [`Kind::ALL`].
    visits: [Vec<Visit>; Kind::ALL.len()],
    visits_max: usize,
    events: u64,
    dice: Dice,
}

impl Generator {
    /// Makes up the world; takes some milliseconds.
    pub fn new(options: Options) -> Self {
        let mut dice = Dice::new(options.seed);
        let at_once = PAUSE_NS / options.timeline.gap_ns.max(1);
        Self {
            world: World::new(&mut dice),
            shapes: Kind::ALL.map(Shapes::of),
            visits: Kind::ALL.map(|_| Vec::new()),
            visits_max: at_once.clamp(*VISITS.start(), *VISITS.end()) as usize,
            events: 0,
            options: if options.kinds.is_empty() { Options { kinds: Kind::ALL.into(), ..options } } else { options },
            dice,
        }
    }

    /// Goes on with a visit of this kind, or begins one: which template comes next, in which visit.
    fn next_line(&mut self, kind: Kind, timestamp_ms: i64) -> (usize, usize) {
        let (visits, shapes) = (&mut self.visits[kind as usize], &self.shapes[kind as usize]);
        let index = self.dice.index(self.visits_max);
        loop {
            let index = index.min(visits.len());
            if let Some(template) = visits.get_mut(index).and_then(Visit::advance) {
                return (index, template);
            }
            let visit = Visit::begin(&self.world, shapes, timestamp_ms, &mut self.dice);
            match visits.get_mut(index) {
                Some(over) => *over = visit,
                None => visits.push(visit),
            }
        }
    }

    fn event(&mut self) -> Event {
        let timestamp_ms = self.options.timeline.at(self.events, &mut self.dice);
        self.events += 1;
        let kind = *self.dice.pick(&self.options.kinds);
        let is_hostile = self.dice.below(1000) < u64::from(self.options.hostile_per_mille);
        let (visit, template) = self.next_line(kind, timestamp_ms);
        let (visit, shapes) = (&self.visits[kind as usize][visit], &self.shapes[kind as usize]);
        let trap = is_hostile.then(|| self.dice.pick(&shapes.traps));

        let template = trap.and_then(Trap::template).unwrap_or(shapes.template(template));
        let mut line = Scene::new(&self.world, shapes, visit, timestamp_ms, &mut self.dice).line(template);
        if let Some(Trap::Damage(damage)) = trap {
            damage.strike(&mut line, &mut self.dice);
        }
        Event {
            kind,
            timestamp_ms,
            key: (kind == Kind::Api).then(|| visit.key(&self.world).to_owned()),
            line: line.bytes,
            truth: line.truth,
            hostile: trap.map(Trap::hostile),
        }
    }
}

impl Iterator for Generator {
    type Item = Event;

    /// The next event: there always is one.
    fn next(&mut self) -> Option<Event> {
        Some(self.event())
    }
}

#[cfg(test)]
mod tests {
    use super::template::Piece;
    use super::*;
    use aho_corasick::{AhoCorasick, MatchKind};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    const NEW_YEAR_MS: i64 = 1_767_225_600_000;

    fn options(kinds: &[Kind], hostile_per_mille: u16) -> Options {
        Options { seed: 7, kinds: kinds.into(), timeline: Timeline::paced(NEW_YEAR_MS, 10), hostile_per_mille }
    }

    fn events(kinds: &[Kind], hostile_per_mille: u16, count: usize) -> Vec<Event> {
        Generator::new(options(kinds, hostile_per_mille)).take(count).collect()
    }

    #[test]
    fn the_seed_decides_everything() {
        let take = |seed| {
            let options = Options { seed, ..options(&[], 100) };
            Generator::new(options).take(300).collect::<Vec<_>>()
        };
        assert_eq!(take(1), take(1));
        let (one, two) = (take(1), take(2));
        let lines: BTreeSet<&Vec<u8>> = one.iter().map(|event| &event.line).collect();
        assert!(two.iter().filter(|event| event.truth.len() > 1).all(|event| !lines.contains(&event.line)));
    }

    #[test]
    fn kinds_come_as_often_as_they_are_named() {
        let events = events(&[Kind::Api, Kind::Api, Kind::Api, Kind::Sshd], 0, 4000);
        let api = events.iter().filter(|event| event.kind == Kind::Api).count();
        assert!((2850..3150).contains(&api), "{api} of 4000");
        let all: BTreeSet<Kind> = self::events(&[], 0, 100).iter().map(|event| event.kind).collect();
        assert_eq!(all.into_iter().collect::<Vec<_>>(), Kind::ALL);
    }

    /// No sketch has a hole that nothing fills, and each part that a sketch names has templates.
    #[test]
    fn every_hole_is_known() {
        for kind in Kind::ALL {
            let shapes = Shapes::of(kind);
            for piece in shapes.all_templates().flat_map(|template| &template.pieces) {
                match *piece {
                    Piece::Text(text) => assert_ne!(text, "<", "{}", kind.code()),
                    Piece::Part(part) => assert!(!shapes.part(part).is_empty(), "{} {part:?}", kind.code()),
                    Piece::Entity(..) | Piece::Fact(_) => {}
                }
            }
        }
    }

    #[test]
    fn every_kind_of_attack_comes_and_can_be_told() {
        let seen: BTreeSet<Hostile> = events(&[], 1000, 2000).iter().filter_map(|event| event.hostile).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), Hostile::ALL);
        let hostile = events(&[], 3, 20_000).iter().filter(|event| event.hostile.is_some()).count();
        assert!((30..90).contains(&hostile), "{hostile} of 20000");
        assert!(events(&[], 0, 2000).iter().all(|event| event.hostile.is_none()));
    }

    #[test]
    fn lines_are_single_and_plain_json_is_json() {
        for event in events(&[], 100, 4000) {
            assert!(!event.line.contains(&b'\n'));
            if event.hostile.is_none() {
                assert!(std::str::from_utf8(&event.line).is_ok_and(|line| !line.is_empty()));
            }
            if event.hostile.is_none() && matches!(event.kind, Kind::Api | Kind::CloudTrail) {
                let json: serde_json::Value = serde_json::from_slice(&event.line).unwrap();
                assert!(json.is_object());
            }
        }
    }

    #[test]
    fn spans_are_in_order_and_spell_their_value() {
        for event in events(&[], 200, 4000) {
            let mut end = 0;
            for Entity { class, value, span } in &event.truth {
                assert!(end <= span.start && span.start < span.end, "{value}");
                end = span.end;
                let spelled = unescaped(&event.line[span.clone()]);
                let same = match (class, spelled.parse::<std::net::IpAddr>(), value.parse::<std::net::IpAddr>()) {
                    (Class::Ip, Ok(spelled), Ok(value)) => spelled.to_canonical() == value,
                    _ => spelled.eq_ignore_ascii_case(value),
                };
                assert!(same, "{spelled} for {value}");
            }
        }
    }

    /// The text with JSON and percent escapes undone as often as there are any.
    fn unescaped(text: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(text).into_owned();
        while let Some(shorter) = unescape_once(&text) {
            text = shorter;
        }
        text
    }

    fn unescape_once(text: &str) -> Option<String> {
        if text.contains('\\') {
            return serde_json::from_str(&format!("\"{text}\"")).ok();
        }
        let (before, encoded) = text.split_once('%')?;
        let byte = u8::from_str_radix(encoded.get(..2)?, 16).ok()?;
        Some(format!("{before}{}{}", char::from(byte), &encoded[2..]))
    }

    /// Whatever the world has stands in no line without being told.
    #[test]
    fn the_truth_is_whole() {
        let mut generator = Generator::new(options(&[], 100));
        let known = known(&generator.world);
        let finder = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(&known)
            .unwrap();
        // What is left of a cut value may be another's, and bytes that are no UTF-8 move what is behind them.
        let whole = |event: &Event| !matches!(event.hostile, Some(Hostile::Truncated | Hostile::InvalidUtf8));
        for event in generator.by_ref().take(6000).filter(whole) {
            let line = str::from_utf8(&event.line).unwrap();
            for found in finder.find_iter(line).filter(|found| is_word(line, found.range())) {
                let told = event.truth.iter().any(|it| it.span.start <= found.start() && found.end() <= it.span.end);
                assert!(told, "{} in {line}", &line[found.range()]);
            }
            let flat = unescaped_line(line);
            let spellings =
                |it: &Entity| [it.value.to_lowercase(), unescaped(&event.line[it.span.clone()]).to_lowercase()];
            let told: Vec<String> = event.truth.iter().flat_map(spellings).collect();
            for found in finder.find_iter(&flat).filter(|found| is_word(&flat, found.range())) {
                let value = flat[found.range()].to_lowercase();
                assert!(told.iter().any(|told| told.contains(&value)), "{value} in {flat}");
            }
        }
    }

    /// What people and their things are called, in all spellings.
    fn known(world: &World) -> Vec<&str> {
        let mut known = Vec::new();
        for person in &world.people {
            known.extend([&person.login, &person.name, &person.email, &person.user_id, &person.fingerprint]);
            known.extend([&person.principal, &person.access_key, &person.account]);
            for address in person.elsewhere.iter().chain([&person.home]) {
                known.extend([&address.plain, &address.mapped, &address.expanded]);
            }
            for device in [&person.devices.desk, &person.devices.phone, &person.devices.shell] {
                known.extend([&device.id, &device.mac, &device.agent]);
            }
        }
        for stranger in &world.strangers {
            known.extend([&stranger.address.plain, &stranger.address.mapped, &stranger.agent]);
        }
        known.into_iter().map(String::as_str).collect()
    }

    /// Whether no letter or digit touches the range.
    fn is_word(text: &str, range: Range<usize>) -> bool {
        let touches = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !touches(text[..range.start].chars().next_back()) && !touches(text[range.end..].chars().next())
    }

    /// A whole line with its escapes undone.
    fn unescaped_line(line: &str) -> String {
        let mut text = line.as_bytes().to_vec();
        loop {
            let mut flat = Vec::new();
            if !crate::decode::escape::Undo::Any.flatten(&text, &mut flat) {
                return String::from_utf8_lossy(&text).into_owned();
            }
            text = flat;
        }
    }

    #[test]
    fn a_session_is_of_one_person_at_one_place() {
        let mut of_session: BTreeMap<String, BTreeSet<(Class, String)>> = BTreeMap::new();
        for event in events(&[Kind::Api], 0, 5000) {
            let Some(session) = event.truth.iter().find(|entity| entity.class == Class::Session) else { continue };
            let about = of_session.entry(session.value.clone()).or_default();
            let wanted = |entity: &&Entity| matches!(entity.class, Class::UserId | Class::Device | Class::UserAgent);
            about.extend(event.truth.iter().filter(wanted).map(|entity| (entity.class, entity.value.clone())));
        }
        assert!(of_session.len() > 200, "{} sessions", of_session.len());
        assert!(of_session.values().all(|about| about.len() <= 3), "a session has two people, devices or agents");
    }

    #[test]
    fn logins_have_a_beginning_and_an_end() {
        let mut open = BTreeSet::new();
        let mut ended = 0;
        for event in events(&[Kind::Sshd], 0, 5000) {
            let line = String::from_utf8(event.line).unwrap();
            let process = line.split_once("sshd[").and_then(|(_, rest)| Some(rest.split_once(']')?.0.to_owned()));
            let Some(process) = process else { continue };
            if line.contains("sshd:session): session opened") {
                open.insert(process);
            } else if line.contains("sshd:session): session closed") {
                assert!(open.remove(&process), "{line}");
                ended += 1;
            }
        }
        assert!(ended > 100 && open.len() <= *VISITS.end() as usize, "{ended} ended, {} open", open.len());
    }

    #[test]
    fn few_people_do_much() {
        let mut by_key: BTreeMap<String, u32> = BTreeMap::new();
        for event in events(&[Kind::Api], 0, 20_000) {
            *by_key.entry(event.key.unwrap()).or_default() += 1;
        }
        let mut counts: Vec<u32> = by_key.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        assert!(counts[0] > 1000 && counts[0] > 5 * counts[9] && counts.len() > 500, "{:?}", &counts[..10]);
    }

    #[test]
    fn a_timeline_has_its_first_and_last_event() {
        let (first_ms, last_ms) = (NEW_YEAR_MS, NEW_YEAR_MS + 30 * 86_400_000);
        let timeline = Timeline::spread(first_ms, last_ms, 1000);
        let times: Vec<i64> = Generator::new(Options { timeline, ..options(&[], 0) })
            .take(1000)
            .map(|event| event.timestamp_ms)
            .collect();
        assert_eq!(times[0], first_ms);
        let gap_ms = 30 * 86_400_000 / 999;
        assert!((last_ms - gap_ms - 1..=last_ms).contains(&times[999]), "{}", times[999]);
        assert!(times.is_sorted());
    }

    proptest! {
        #[test]
        fn times_ascend_within_their_bounds(first_ms: i64, span_ms in 0..i64::MAX, events in 0_u64..50, seed: u64) {
            let last_ms = first_ms.saturating_add(span_ms);
            let timeline = Timeline::spread(first_ms, last_ms, events);
            let mut dice = Dice::new(seed);
            let times: Vec<i64> = (0..events).map(|event| timeline.at(event, &mut dice)).collect();
            prop_assert!(times.is_sorted());
            prop_assert!(times.iter().all(|time| (first_ms..=last_ms).contains(time)));
        }
    }
}
