//! What the lines of each kind look like. The sketches are in the files beside this one; here they are made ready.

mod api;
mod cloudtrail;
mod nginx;
mod sshd;

use super::hostile::{Damage, Trap};
use super::template::{Part, Template};
use super::visit::Role;
use super::{Hostile, Kind};
use std::ops::{Range, RangeInclusive};

/// The lines of one kind, as they are sketched.
struct Sketches {
    /// Every line is a JSON object.
    is_json: bool,
    plays: &'static [Sketch],
    /// Templates for the parts that this kind has.
    parts: &'static [(Part, &'static [&'static str])],
    /// Hostile lines.
    traps: &'static [(Hostile, &'static str)],
    /// What spoils a usual line.
    damages: &'static [Damage],
}

/// One course that a visit can take.
struct Sketch {
    role: Role,
    /// How often, against the others.
    weight: usize,
    opening: &'static [&'static str],
    /// Lines that stand together; some are drawn for each turn.
    middle: &'static [&'static [&'static str]],
    turns: RangeInclusive<u64>,
    closing: &'static [&'static str],
}

/// The lines of one kind, ready to be written.
pub(super) struct Shapes {
    /// Each as often as it weighs.
    pub(super) plays: Vec<Play>,
    pub(super) traps: Vec<Trap>,
    templates: Vec<Template>,
    parts: [Vec<Template>; Part::ALL.len()],
}

/// A [`Sketch`] by the indices of its templates.
#[derive(Clone)]
pub(super) struct Play {
    pub(super) role: Role,
    pub(super) opening: Range<usize>,
    pub(super) middle: Vec<Range<usize>>,
    pub(super) turns: RangeInclusive<u64>,
    pub(super) closing: Range<usize>,
}

impl Shapes {
    pub(super) fn of(kind: Kind) -> Self {
        let sketches = match kind {
            Kind::Api => &api::SKETCHES,
            Kind::Nginx => &nginx::SKETCHES,
            Kind::Sshd => &sshd::SKETCHES,
            Kind::CloudTrail => &cloudtrail::SKETCHES,
        };
        let mut templates = Vec::new();
        let mut plays = Vec::new();
        for sketch in sketches.plays {
            let mut add = |lines: &[&'static str]| {
                let start = templates.len();
                templates.extend(lines.iter().map(|line| Template::parse(line, sketches.is_json)));
                start..templates.len()
            };
            let play = Play {
                role: sketch.role,
                opening: add(sketch.opening),
                middle: sketch.middle.iter().map(|lines| add(lines)).collect(),
                turns: sketch.turns.clone(),
                closing: add(sketch.closing),
            };
            plays.extend(std::iter::repeat_n(play, sketch.weight));
        }
        let traps =
            sketches.traps.iter().map(|(hostile, line)| Trap::Line(*hostile, Template::parse(line, sketches.is_json)));
        let traps = traps.chain(sketches.damages.iter().copied().map(Trap::Damage)).collect();
        Self { plays, traps, templates, parts: Part::ALL.map(|part| templates_of(sketches, part)) }
    }

    pub(super) fn template(&self, index: usize) -> &Template {
        &self.templates[index]
    }

    #[cfg(test)]
    pub(super) fn all_templates(&self) -> impl Iterator<Item = &Template> {
        let traps = self.traps.iter().filter_map(Trap::template);
        self.templates.iter().chain(self.parts.iter().flatten()).chain(traps)
    }

    /// The templates for a part: at least one, if a sketch of this kind has the part.
    pub(super) fn part(&self, part: Part) -> &[Template] {
        &self.parts[part as usize]
    }
}

fn templates_of(sketches: &Sketches, part: Part) -> Vec<Template> {
    let own = sketches.parts.iter().filter(|(owner, _)| *owner == part);
    own.flat_map(|(_, lines)| lines.iter().map(|line| Template::parse(line, part == Part::Body))).collect()
}
