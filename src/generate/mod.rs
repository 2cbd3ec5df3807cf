//! Invents logs: lines as API gateways, nginx, sshd and cloud audits write them, and the truth about what stands in them.
//!
//! Knows: a world of invented people, what logs look like, how they are attacked. Must not know how entities are found or
//! replaced: the truth must not come from what it is to judge. Start at [`Generator`].
//!
//! The same options give the same events on every machine. People, their addresses and what they ask for follow Zipf's
//! law; what one person does agrees with itself (same name, addresses, devices; a session has a beginning and an end).

mod calendar;
mod dice;
mod hostile;
mod line;
mod names;
mod render;
mod shapes;
mod template;
mod visit;
mod world;

pub use hostile::Hostile;

use crate::rules::Class;
use dice::Dice;
use hostile::Trap;
use render::Scene;
use shapes::Shapes;
use std::ops::Range;
use visit::Visit;
use world::World;

/// About how long somebody pauses between two lines of a visit.
const PAUSE_US: u64 = 20_000_000;

/// Fewest and most visits of one kind that go on at the same time.
const VISITS: std::ops::RangeInclusive<u64> = 4..=256;

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
    gap_us: u64,
}

impl Timeline {
    /// The first of so many events at `first_ms`, the last not after `last_ms`, and in between about evenly. Times are
    /// milliseconds since the Unix epoch. Events beyond them go on at the same pace; a `last_ms` before `first_ms` puts
    /// all events at one time.
    pub fn spread(first_ms: i64, last_ms: i64, events: u64) -> Self {
        let span_ms = u64::try_from(last_ms.saturating_sub(first_ms)).unwrap_or(0);
        Self { first_ms, gap_us: span_ms.saturating_mul(1000) / events.saturating_sub(1).max(1) }
    }

    /// So many events a second; 0 is taken for 1.
    pub fn paced(first_ms: i64, per_second: u32) -> Self {
        Self { first_ms, gap_us: 1_000_000 / u64::from(per_second.max(1)) }
    }

    /// The time of an event, which is earlier than its turn by a random part of the gap: so times ascend.
    fn at(self, event: u64, dice: &mut Dice) -> i64 {
        let early_us = dice.below(self.gap_us);
        let turn_us = u128::from(event) * u128::from(self.gap_us);
        let since_ms = turn_us.saturating_sub(u128::from(early_us)) / 1000;
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
        let at_once = PAUSE_US / options.timeline.gap_us.max(1);
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

        let scene = Scene::new((&self.world, shapes, visit), timestamp_ms, &mut self.dice);
        let line = match trap {
            Some(Trap::Line(_, template)) => scene.line(template),
            Some(Trap::Damage(_)) | None => scene.line(shapes.template(template)),
        };
        let line = match trap {
            Some(Trap::Damage(damage)) => damage.strike(line, &mut self.dice),
            Some(Trap::Line(..)) | None => line,
        };
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
