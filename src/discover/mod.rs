//! Looks at a sample of a log that nobody knows yet: which places hold entities that no rule speaks of, what singles people out,
//! which shapes lines have; and drafts a pack.
//!
//! Knows: names, looks, counts and hashes of values, in bounded memory. Must not know files, keys, or how anything is printed;
//! nothing that leaves it quotes a value. Start at [`Discovery`]; [`report`] is what it tells, [`draft`] what it writes.

mod column;
mod distinct;
pub mod draft;
mod judge;
mod look;
mod name;
pub mod place;
mod quasi;
mod relate;
pub mod report;
mod template;
mod vocabulary;

pub use distinct::Count;

use crate::rules::{Class, Format, RulePack};
use crate::veil::{Kind, Meaning, Reason, Rows, Sight, Veil};
use column::{Column, Cover, Entry};
use distinct::Distinct;
use judge::{Case, Verdict, is_somebody, judge};
use name::Hint;
use place::{Family, HIDDEN, Key, Place, Tree, WordPlace};
use report::{Combination, Evidence, Finding, Harmless, PackShare, Quasi, Report, Table, TemplatePart, TemplateReport};
use std::collections::{BTreeMap, BTreeSet};
use template::{LINES_MIN, Template, Text, Word, cover_of, has_words};
use vocabulary::Vocabulary;

/// How many must share a value so that nobody stands alone, unless told otherwise.
pub const K_DEFAULT: u64 = 5;
/// First records whose values are compared with each other.
pub const ROWS_MAX: u32 = 50_000;
/// Values of these records that are remembered, as hashes: 12 to 16 bytes each.
const CELLS_MAX: usize = 2_000_000;
/// Places that are followed in one sample.
const PLACES_MAX: usize = 2_000;
/// Templates that are followed in one sample.
const TEMPLATES_MAX: usize = 600;
/// Bytes of a value that are looked at.
const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Share of the values of a word, from 0 to 1, that are replaced where a pattern must say that the word is an entity.
const COVERED_WORD_MIN: f64 = 0.05;
/// Share of a template's words, from 0 to 1, from which on its pairs say all there is to say.
const PAIRS_MIN: f64 = 0.6;

/// A sample being read.
pub struct Discovery<'v> {
    veil: &'v Veil,
    vocabulary: Vocabulary,
    k: u64,
    /// By rule: whether it stands in a file that packs share, or is the pack's way with unknown text.
    is_shared: Vec<bool>,
    formats: BTreeMap<String, Format>,
    /// The rows that the last header announced, and whose shape the draft's cases have.
    rows_below: Option<Rows>,
    /// Packs that rows below a header went by.
    tables: BTreeMap<String, Table>,
    trees: BTreeMap<String, Tree>,
    records: u64,
    rows: u32,
    cells: usize,
    places: usize,
    templates: usize,
    values_dropped: u64,
    quarantined: BTreeMap<Reason, u64>,
}

impl<'v> Discovery<'v> {
    /// Starts a sample. `packs` are those of the veil.
    pub fn new(veil: &'v Veil, packs: &[RulePack], k: u64) -> Self {
        let own: BTreeSet<String> = packs.iter().flat_map(own_rules).collect();
        let is_shared = veil.rule_names().iter().map(|rule| !own.contains(rule)).collect();
        let formats = packs.iter().map(|pack| (pack.name.clone(), pack.format)).collect();
        Self {
            veil,
            vocabulary: Vocabulary::of(packs),
            k,
            is_shared,
            formats,
            rows_below: None,
            tables: BTreeMap::new(),
            trees: BTreeMap::new(),
            records: 0,
            rows: 0,
            cells: 0,
            places: 0,
            templates: 0,
            values_dropped: 0,
            quarantined: BTreeMap::new(),
        }
    }

    /// Begins a file: its lines are no rows below the header of the last one.
    pub fn file(&mut self) {
        self.rows_below = None;
    }

    /// Takes a line for a header if it is one, as [`Veil::rows_below`] says; the lines below are rows then.
    pub fn header(&mut self, line: &[u8]) -> bool {
        self.rows_below = self.veil.rows_below(line);
        self.rows_below.is_some()
    }

    /// Reads a record.
    pub fn record(&mut self, payload: &[u8]) {
        self.records += 1;
        let has_room = self.rows < ROWS_MAX && self.cells < CELLS_MAX;
        let row = has_room.then_some(self.rows);
        let veil = self.veil;
        let rows = self.rows_below.take();
        let mut pack = None;
        let surveyed = veil.survey(payload, rows.as_ref(), &mut |sight| {
            if pack.is_none() {
                pack = Some(sight.pack.to_owned());
            }
            self.value(row, sight);
        });
        match surveyed {
            Ok(()) => self.rows += u32::from(has_room),
            Err(reason) => *self.quarantined.entry(reason).or_default() += 1,
        }
        if let (Some(rows), Some(pack)) = (&rows, pack)
            && !self.tables.contains_key(&pack)
        {
            self.tables.insert(pack, Table::of(rows));
        }
        self.rows_below = rows;
    }

    /// Counts a record that could not be read as far as this.
    pub fn unread(&mut self, reason: Reason) {
        self.records += 1;
        *self.quarantined.entry(reason).or_default() += 1;
    }

    fn value(&mut self, row: Option<u32>, sight: Sight<'_>) {
        let bytes = sight.value.get(..VALUE_BYTES_MAX).unwrap_or(sight.value);
        let Some(text) = bytes.utf8_chunks().next().map(|chunk| chunk.valid()) else { return };
        if !self.trees.contains_key(sight.pack) {
            self.trees.insert(sight.pack.to_owned(), Tree::new());
        }
        let Some(tree) = self.trees.get_mut(sight.pack) else { return };
        let Some(node) = tree.node(sight.path, self.records, self.places < PLACES_MAX) else {
            self.values_dropped += 1;
            return;
        };
        self.places += usize::from(node.column.values == 0);
        let cover = match sight.kept {
            true => Cover::Kept,
            false => cover_of(&(0..text.len()), sight.found, &self.is_shared),
        };
        let is_text = sight.kind == Kind::Text && !matches!(cover, Cover::Whole { .. } | Cover::Kept);
        let is_text = is_text && has_words(text, sight.path.is_empty());
        let entry = Entry { record: self.records, row: row.filter(|_| !is_text), value: text, kind: sight.kind, cover };
        self.cells += node.add(entry);
        // What stands in a pair is told by the text around it.
        if !is_text || matches!(sight.path.last(), Some(crate::veil::Step::Pair(_))) {
            return;
        }
        let veil = self.veil;
        let before = node.templates.list.len();
        let vocabulary = &self.vocabulary;
        self.cells += node.templates.add(&Text {
            record: self.records,
            row,
            text,
            found: sight.found,
            is_shared: &self.is_shared,
            is_telling: &|name| matches!(veil.meaning(name), Some(Meaning::Entity(_))),
            is_known: &|word| vocabulary.knows(word),
            may_grow: self.templates < TEMPLATES_MAX,
        });
        self.templates += node.templates.list.len() - before;
    }

    /// Ends the sample and tells what it shows.
    pub fn finish(mut self) -> Report {
        let is_field = |name: &str| self.vocabulary.is_field(self.veil, name);
        for tree in self.trees.values_mut() {
            tree.fold_maps(&is_field);
        }
        // Names that are values of entities are data; without them, places are fewer and verdicts may be others.
        const ROUNDS_MAX: usize = 3;
        for _ in 0..ROUNDS_MAX {
            let hashes = self.entity_hashes();
            let mut folded = false;
            for tree in self.trees.values_mut() {
                folded |= tree.fold_names(&hashes);
            }
            if !folded {
                break;
            }
        }
        self.report()
    }

    /// The hashes of all values that are known or thought to be entities.
    fn entity_hashes(&self) -> BTreeSet<u64> {
        let mut hashes = BTreeSet::new();
        for (pack, tree) in &self.trees {
            let judged = Judged::of(self.veil, &self.vocabulary, pack, tree);
            for (site, verdict) in judged.sites.iter().zip(&judged.verdicts) {
                if verdict.class().is_some_and(is_somebody) {
                    hashes.extend(site.column.cells.iter().map(|(_, hash)| *hash));
                    if let Distinct::Exact(exact) = &site.column.distinct {
                        hashes.extend(exact);
                    }
                }
            }
        }
        hashes
    }

    fn report(self) -> Report {
        let mut report = Report {
            records: self.records,
            rows: self.rows.into(),
            packs: Vec::new(),
            quarantined: self.quarantined.clone(),
            findings: Vec::new(),
            ruled: Vec::new(),
            harmless: Vec::new(),
            quasi: Quasi { k: self.k, ..Quasi::default() },
            templates: Vec::new(),
            texts_other: 0,
            maps: Vec::new(),
            names_hidden: 0,
            values_dropped: self.values_dropped,
        };
        let is_field = |name: &str| self.vocabulary.is_field(self.veil, name);
        for (pack, tree) in &self.trees {
            let format = self.formats.get(pack).copied().unwrap_or(Format::Line);
            report.packs.push(PackShare { table: self.tables.get(pack).cloned(), ..share_of(pack, format, tree) });
            let judged = Judged::of(self.veil, &self.vocabulary, pack, tree);
            judged.tell(tree.root.records, &mut report);
            let mut quasi = judged.quasi(self.k);
            let doubtful = tree.doubtful(&is_field);
            report.hide(pack, doubtful, &mut quasi);
            if quasi.subjects > report.quasi.subjects {
                report.quasi = quasi;
            }
        }
        let attributes: BTreeSet<&Place> = report.quasi.combinations.iter().flat_map(|found| &found.places).collect();
        for (place, harmless) in &mut report.harmless {
            if attributes.contains(place) {
                *harmless = Harmless::Attribute;
            }
        }
        report.packs.sort_by_key(|pack| std::cmp::Reverse(pack.records));
        report.findings.sort_by(|a, b| {
            let rank =
                |finding: &Finding| (finding.standing, finding.confidence, std::cmp::Reverse(finding.evidence.values));
            rank(a).cmp(&rank(b)).then_with(|| a.place.cmp(&b.place))
        });
        report
    }
}

/// `pack/rule` of the rules that stand in a pack's own file, and of its way with unknown text if that is not to search it.
fn own_rules(pack: &RulePack) -> Vec<String> {
    let own = pack.rules.iter().filter(|rule| pack.is_own(rule)).map(|rule| format!("{}/{}", pack.name, rule.id));
    own.chain([format!("{}/unknown", pack.name)]).collect()
}

fn share_of(pack: &str, format: Format, tree: &Tree) -> PackShare {
    let records = tree.root.records;
    let always = tree.root.children.iter().filter(|(_, child)| child.records == records);
    let top = always.filter_map(|(key, _)| match key {
        Key::Member(name) => Some(name.clone()),
        Key::Label(_) | Key::Pair(_) | Key::Hole(_) | Key::Any(_) | Key::Inside => None,
    });
    PackShare { name: pack.to_owned(), format, records, top: top.collect(), table: None }
}

/// A place and what its values are.
struct Site<'t> {
    place: Place,
    column: &'t Column,
    /// Records of the pack.
    of: u64,
    /// What its names suggest.
    hint: Hint,
}

/// The places of a pack, with verdicts.
struct Judged<'t> {
    vocabulary: &'t Vocabulary,
    sites: Vec<Site<'t>>,
    verdicts: Vec<Verdict>,
    templates: Vec<(Place, usize, &'t Template)>,
    maps: Vec<Place>,
    texts_other: u64,
}

impl<'t> Judged<'t> {
    fn of(veil: &Veil, vocabulary: &'t Vocabulary, pack: &str, tree: &'t Tree) -> Self {
        let (sites, verdicts, templates, maps) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut judged = Self { vocabulary, sites, verdicts, templates, maps, texts_other: 0 };
        tree.each(&mut |path, node| {
            let place = Place { pack: pack.to_owned(), path: path.to_vec(), word: None };
            if node.column.values > 0 {
                let hint = hint_of(veil, &place);
                judged.sites.push(Site { place: place.clone(), column: &node.column, of: tree.root.records, hint });
            }
            if matches!(path.last(), Some(Key::Any(_))) {
                judged.maps.push(place.clone());
            }
            judged.texts_other += node.templates.others;
            for (number, template) in node.templates.list.iter().enumerate() {
                judged.template(veil, &place, number, template, tree.root.records);
            }
        });
        let cases: Vec<Case<'_>> =
            judged.sites.iter().map(|site| Case { column: site.column, hint: site.hint }).collect();
        judged.verdicts = judge(&cases, &|at| judged.sites[at].place.shown());
        judged
    }

    fn template(&mut self, veil: &Veil, place: &Place, number: usize, template: &'t Template, records: u64) {
        if template.lines < LINES_MIN {
            self.texts_other += template.lines;
            return;
        }
        self.templates.push((place.clone(), number, template));
        if template.share_in_pairs() >= PAIRS_MIN {
            return;
        }
        for (position, word) in template.words.iter().enumerate() {
            let Word::Open(column) = word else { continue };
            if template.pair_name(position).is_none() && column.values > 0 {
                let names = template.names_before(position);
                let hint = hint_of_word(veil, &names, template.folder_before(position));
                let shown = names.iter().map(|name| if self.vocabulary.knows(name) { name } else { HIDDEN });
                let before = shown.collect::<Vec<_>>().join(" ");
                let word = Some(WordPlace { template: number, position, before });
                self.sites.push(Site { place: Place { word, ..place.clone() }, column, of: records, hint });
            }
        }
    }

    fn tell(&self, records: u64, report: &mut Report) {
        for (site, verdict) in self.sites.iter().zip(&self.verdicts) {
            match verdict {
                Verdict::Ruled(class) => report.ruled.push((site.place.clone(), *class)),
                Verdict::Harmless(harmless) => report.harmless.push((site.place.clone(), *harmless)),
                Verdict::Entity { standing, class, confidence, why } => report.findings.push(Finding {
                    place: site.place.clone(),
                    standing: *standing,
                    class: *class,
                    confidence: *confidence,
                    why: why.clone(),
                    evidence: evidence_of(site),
                }),
                // `judge` leaves none open.
                Verdict::Open => {}
            }
        }
        let told = self.templates.iter().map(|(place, number, template)| self.told(place, *number, template));
        report.templates.extend(told.filter(|template| template.lines * 1000 >= records));
        report.templates.sort_by_key(|template| std::cmp::Reverse(template.lines));
        report.texts_other += self.texts_other;
        report.maps.extend(self.maps.iter().cloned());
    }

    fn told(&self, place: &Place, number: usize, template: &Template) -> TemplateReport {
        let class_at = |position: usize, pair: Option<&str>| {
            let is_pair = |site: &Site<'_>, name: &str| {
                let (last, above) = (site.place.path.last(), site.place.path.iter().rev().skip(1).rev());
                matches!(last, Some(Key::Pair(known)) if known == name) && above.eq(&place.path)
            };
            let is_word = |site: &Site<'_>| {
                let word = site.place.word.as_ref();
                site.place.path == place.path
                    && word.is_some_and(|word| (word.template, word.position) == (number, position))
            };
            let is_it = |site: &Site<'_>| pair.map_or_else(|| is_word(site), |name| is_pair(site, name));
            self.sites.iter().position(is_it).and_then(|at| self.verdicts[at].class())
        };
        let mut parts = Vec::new();
        for (position, (gap, word)) in template.gaps.iter().zip(&template.words).enumerate() {
            add_fixed(&mut parts, gap);
            match word {
                // The name of a pair that is a finding is told there, too.
                Word::Fixed(text)
                    if self.vocabulary.knows(text)
                        || template
                            .pair_name(position + 1)
                            .and_then(|name| class_at(position + 1, Some(name)))
                            .is_some() =>
                {
                    add_fixed(&mut parts, text);
                }
                Word::Fixed(text) => {
                    let shape = look::picture(text).unwrap_or_default();
                    parts.push(TemplatePart::Open { class: None, pair: None, shape });
                }
                Word::Open(column) => {
                    let name = template.pair_name(position);
                    let class = class_at(position, name);
                    let covered = column.class_covered().filter(|_| column.share_covered() >= COVERED_WORD_MIN);
                    let pair = name.filter(|_| class.is_some()).map(str::to_owned);
                    parts.push(TemplatePart::Open { class: class.or(covered), pair, shape: column.shape() });
                }
            }
        }
        template.gaps.last().into_iter().for_each(|gap| add_fixed(&mut parts, gap));
        TemplateReport { place: place.clone(), number, lines: template.lines, parts }
    }

    /// What singles out the subjects of this pack, or its records.
    fn quasi(&self, k: u64) -> Quasi {
        let subject =
            (0..self.sites.len()).filter_map(|at| Some((self.rank_as_subject(at)?, at))).max().map(|(_, at)| at);
        let anybody: Vec<(u32, u64)>;
        let subjects = match subject {
            Some(at) => self.sites[at].column.cells.as_slice(),
            None => {
                let rows: BTreeSet<u32> =
                    self.sites.iter().flat_map(|site| site.column.cells.iter().map(|(row, _)| *row)).collect();
                anybody = rows.into_iter().map(|row| (row, row.into())).collect();
                &anybody
            }
        };
        let describing: Vec<usize> = (0..self.sites.len())
            .filter(|at| matches!(self.verdicts[*at], Verdict::Harmless(_)) && self.sites[*at].place.word.is_none())
            .filter(|at| match subject {
                Some(_) => quasi::describes(self.sites[*at].column, subjects),
                None => quasi::is_kind(self.sites[*at].column),
            })
            .collect();
        let columns: Vec<&Column> = describing.iter().map(|at| self.sites[*at].column).collect();
        let (count, singling) = quasi::singling(&columns, subjects, k);
        let combinations = singling.into_iter().map(|single| Combination {
            places: single.columns.iter().map(|at| self.sites[describing[*at]].place.clone()).collect(),
            share: single.share,
            alone: single.alone,
            values: single.values,
        });
        let subject = subject.map(|at| self.sites[at].place.clone());
        Quasi { k, subject, subjects: count, combinations: combinations.collect() }
    }

    /// How well a place says who is who: by the records that have it, and by its class. `None` when it does not.
    fn rank_as_subject(&self, at: usize) -> Option<(u64, usize)> {
        const CLASSES: [Class; 7] =
            [Class::Device, Class::Person, Class::Phone, Class::Account, Class::UserId, Class::Email, Class::User];
        let class = self.verdicts[at].class()?;
        let rank = CLASSES.iter().position(|known| *known == class)?;
        let column = self.sites[at].column;
        // What comes but once says nothing of what comes with it.
        let comes_again = column.distinct.count().number() * 2 <= column.filled();
        comes_again.then_some((column.cells.len() as u64 * 10 / self.sites[at].of.max(1), rank))
    }
}

fn add_fixed(parts: &mut Vec<TemplatePart>, text: &str) {
    match parts.last_mut() {
        Some(TemplatePart::Fixed(fixed)) => fixed.push_str(text),
        _ if text.is_empty() => {}
        _ => parts.push(TemplatePart::Fixed(text.to_owned())),
    }
}

fn evidence_of(site: &Site<'_>) -> Evidence {
    let column = site.column;
    Evidence {
        values: column.filled(),
        share: column::ratio(column.records, site.of).min(1.0),
        covered: column.share_covered(),
        distinct: column.distinct.count(),
        shape: column.shape(),
    }
}

/// What the words before a word suggest, or the part of a path before it.
fn hint_of_word(veil: &Veil, names: &[&str], folder: Option<&str>) -> Hint {
    if let Some(folder) = folder {
        return name::hint_of_folder(veil, folder);
    }
    let last = names.last().copied().unwrap_or_default();
    let hints = [names.join(" ").as_str(), last].map(|words| name::hint(veil, words));
    hints.into_iter().find(|hint| *hint != Hint::Nothing).unwrap_or(Hint::Nothing)
}

/// What the names of a place suggest: its own, or that and the one above it.
fn hint_of(veil: &Veil, place: &Place) -> Hint {
    let named = place.path.iter().rev().find(|key| !matches!(key, Key::Inside | Key::Any(Family::Members)));
    named.and_then(Key::name).map_or(Hint::Nothing, |name| name::hint(veil, name))
}
