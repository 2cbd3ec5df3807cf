//! The third phase: splices the replacements in and looks for residues.
//!
//! A record in which a replaced value still stands is spread, and looked through again.

use super::compute::Writer;
use super::matcher::Matcher;
use super::packs::{Packs, starts_json};
use super::residue::{Needles, OwnWords};
use super::{Batch, Done, Part, PlannedPart, Reason, Veil, bytes_of};
use crate::detect;
use crate::keys::{EpochKeys, Keyring};
use crate::record::Record;
use crate::rules::Format;
use crate::transform::{self, Finding, Replacement};
use std::ops::Range;

/// Names of headers, which are passed on as they are. All records of a topic have the same few.
#[derive(Default)]
pub(super) struct HeaderNames {
    /// Names whose shape gives no entity away, forgotten with the batch: names can be data.
    plain: Vec<Vec<u8>>,
}

/// Names of headers that are kept; looking for one among more costs more than it saves.
const HEADER_NAMES_MAX: usize = 32;

impl HeaderNames {
    /// Forgets every name.
    pub(super) fn clear(&mut self) {
        self.plain.clear();
    }

    /// Whether the shape of a name gives an entity away.
    fn is_telling(&mut self, name: &str) -> bool {
        if self.plain.iter().any(|plain| plain == name.as_bytes()) {
            return false;
        }
        let mut found = Vec::new();
        detect::shapes(name.as_bytes(), &mut found);
        if found.is_empty() && self.plain.len() < HEADER_NAMES_MAX {
            self.plain.push(name.as_bytes().to_vec());
        }
        !found.is_empty()
    }
}

impl Batch {
    /// Third phase: splices the replacements in and looks for residues.
    #[inline(never)] // A profile tells the phases apart by these functions.
    pub(super) fn emit(
        &mut self,
        veil: &Veil,
        keys: &Keyring,
        index: usize,
        record: &Record<'_>,
    ) -> Result<Done, Reason> {
        let planned = self.planned[index].as_ref().map_err(|reason| *reason)?;
        let matcher = veil.packs.at(planned.met.metadata);
        let mut needles = std::mem::take(&mut self.needles);
        needles.collect(matcher, &self.plan.with_inner(planned.findings.clone()), &self.plan.values);
        let done = self.emit_without(&needles, veil, matcher, keys, index, record);
        self.needles = needles;
        done
    }

    /// Splices the replacements in, so that none of `needles` is left.
    fn emit_without(
        &mut self,
        needles: &Needles,
        veil: &Veil,
        matcher: &Matcher,
        keys: &Keyring,
        index: usize,
        record: &Record<'_>,
    ) -> Result<Done, Reason> {
        let planned = self.planned[index].as_ref().map_err(|reason| *reason)?;
        let (epoch, parts, findings) = (planned.epoch, planned.parts.clone(), planned.findings.clone());
        for header in record.headers {
            if self.header_names.is_telling(header.name) || needles.first_in(header.name.as_bytes()).is_some() {
                return Err(Reason::Residue);
            }
        }
        let (out_start, outputs_start) = (self.out.len(), self.outputs.len());
        let keys = keys.at(epoch).map_err(|_| Reason::KeyEpochUnknown)?;
        let mut residue = false;
        for part in parts.clone() {
            residue |= self.emit_part(part, record, needles);
            let findings = self.parts[part].findings.clone();
            residue |=
                findings.into_iter().any(|index| self.recoded_stands(self.plan.findings[index].replacement, needles));
        }
        if residue {
            self.out.truncate(out_start);
            self.outputs.truncate(outputs_start);
            for part in parts {
                self.spread_part((&veil.packs, matcher), findings.clone(), part, record, needles, keys)?;
            }
        }
        Ok(Done {
            epoch,
            outputs: outputs_start..self.outputs.len(),
            has_key: record.key.is_some(),
            has_payload: record.payload.is_some(),
        })
    }

    /// Appends a part's output; tells whether a replaced value still stands in it.
    fn emit_part(&mut self, part: usize, record: &Record<'_>, needles: &Needles) -> bool {
        let PlannedPart { part, findings } = &self.parts[part];
        let start = self.out.len();
        let event = transform::splice(
            bytes_of(*part, record),
            &self.plan.findings[findings.clone()],
            &self.replacements[findings.clone()],
            &self.texts,
            &mut self.out,
            &mut self.replaced,
        );
        let residue = needles.stand_in(event, None, &mut self.buffers);
        self.outputs.push(start..self.out.len());
        residue
    }

    /// Appends a part's output with the record's values replaced wherever they stand, but for the part's own words.
    fn spread_part(
        &mut self,
        (packs, matcher): (&Packs, &Matcher),
        planned: Range<usize>,
        part: usize,
        record: &Record<'_>,
        needles: &Needles,
        keys: &EpochKeys,
    ) -> Result<(), Reason> {
        let PlannedPart { part, findings } = &self.parts[part];
        let (text, part_findings) = (bytes_of(*part, record), findings.clone());
        let found = self.plan.findings.len();
        self.plan.start_record();
        self.plan.findings.extend_from_within(part_findings.clone());
        let format = if *part == Part::Payload { payload_format(text) } else { Format::Line };
        let own = self.plan.spread(packs, matcher, needles, text, format, part_findings.clone())?;
        self.plan.resolve(found, text);
        let mut findings = self.plan.findings.split_off(found);
        for finding in &mut findings {
            // What still stands inside an encoded text goes with the whole of it.
            if self.recoded_stands(finding.replacement, needles) {
                finding.replacement = Replacement::Pseudonym { network: false };
            }
        }
        let replacements = self.replacements_of(&findings, &planned, part_findings, needles, keys);
        let start = self.out.len();
        let event = transform::splice(text, &findings, &replacements, &self.texts, &mut self.out, &mut self.replaced);
        if needles.stand_in(event, Some(OwnWords { own: &own, findings: &findings }), &mut self.buffers) {
            return Err(Reason::Residue);
        }
        self.outputs.push(start..self.out.len());
        Ok(())
    }

    /// What replaces the findings of a part, as ranges of the texts: what replaced the same finding or an equal value of
    /// the record before, if there is one. `planned` are the findings of the record, `part` those of the part.
    fn replacements_of(
        &mut self,
        findings: &[Finding],
        planned: &Range<usize>,
        part: Range<usize>,
        needles: &Needles,
        keys: &EpochKeys,
    ) -> Vec<Range<u32>> {
        let mut known = part;
        let replacement = |finding: &Finding| {
            while known.start < known.end && self.plan.findings[known.start].span.start < finding.span.start {
                known.start += 1;
            }
            let same = Some(known.start).filter(|index| known.contains(index));
            let equal = || needles.place_of(self.value_of(finding)).map(|place| planned.start + place);
            let alike = |index: &usize| planned.contains(index) && self.are_replaced_alike(*index, finding);
            if let Some(index) = same.filter(alike).or_else(|| equal().filter(alike)) {
                return self.replacements[index].clone();
            }
            let mut writer = Writer { plan: &self.plan, keys, scratch: &mut self.scratch, texts: &mut self.texts };
            writer.write(finding, &mut |_, _| {})
        };
        findings.iter().map(replacement).collect()
    }

    fn value_of(&self, finding: &Finding) -> &[u8] {
        &self.plan.values[finding.value.start as usize..finding.value.end as usize]
    }

    /// Whether the same replaces a planned finding and another one.
    fn are_replaced_alike(&self, planned: usize, other: &Finding) -> bool {
        let planned = &self.plan.findings[planned];
        planned.class == other.class
            && planned.replacement == other.replacement
            && self.value_of(planned) == self.value_of(other)
    }

    /// Whether a replaced value still stands inside an encoded text, which the search of the output does not look into.
    fn recoded_stands(&mut self, replacement: Replacement, needles: &Needles) -> bool {
        let Replacement::Recoded(recoding) = replacement else { return false };
        let layers = recoding.first as usize..recoding.first as usize + usize::from(recoding.count);
        layers.into_iter().any(|layer| self.layer_stands(layer, needles))
    }

    fn layer_stands(&mut self, layer: usize, needles: &Needles) -> bool {
        let layer = &self.plan.encoded[layer];
        let findings = layer.findings.start as usize..layer.findings.end as usize;
        let inner = &self.plan.inner[findings.clone()];
        let text = &self.plan.values[layer.text.start as usize..layer.text.end as usize];
        // What stays counts, not what replaces the rest.
        let replacements = vec![0..0; inner.len()];
        let mut out = Vec::with_capacity(text.len());
        let event = transform::splice(text, inner, &replacements, &[], &mut out, &mut self.replaced);
        needles.stand_in(event, None, &mut self.buffers)
            || findings.into_iter().any(|index| self.recoded_stands(self.plan.inner[index].replacement, needles))
    }
}

/// How spreading reads a payload: as JSON where that is possible, whatever pack it went by.
fn payload_format(text: &[u8]) -> Format {
    if starts_json(text) { Format::Json } else { Format::Line }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{EpochSecret, KeyEpoch, SealSecret};
    use crate::record::Position;
    use crate::rules::{Class, load};
    use crate::veil::Choice;

    #[test]
    fn names_of_headers_are_told_however_often_they_come() {
        let mut names = HeaderNames::default();
        for _ in 0..2 {
            for number in 0..2 * HEADER_NAMES_MAX {
                assert!(!names.is_telling(&format!("x-header-{}", "x".repeat(number))));
                assert!(names.is_telling("192.0.2.1"));
            }
        }
        assert_eq!(names.plain.len(), HEADER_NAMES_MAX);
        names.clear();
        assert!(names.plain.is_empty());
    }

    /// The oracle writes each replacement anew.
    #[test]
    fn replacements_are_those_of_equal_values() {
        let rule =
            |id: &str, class: &str| format!("[[rule]]\nid = \"{id}\"\nselect = [\"{id}\"]\nclass = \"{class}\"\n");
        let head = "name = \"p\"\nversion = 1\nformat = \"json\"\n".to_owned();
        let pack = [head, rule("user", "user"), rule("net", "net"), rule("token", "token")].concat();
        let veil = Veil::new(&[load::parse("p.toml", &pack).unwrap()], &Choice::new("p")).unwrap();
        let secrets = vec![(KeyEpoch(0), EpochSecret::new(&[7; 32]))];
        let keyring = Keyring::new("test", 30, secrets, SealSecret::new(&[9; 32])).unwrap();
        let payload =
            br#"{"user":"Alice","net":"192.0.2.0/24","token":"alice","ip":"192.0.2.7 eyJhIjoiMTkyLjAuMi43In0="}"#;
        let position = Position { topic: "t", partition: 0, offset: 0 };
        let record = Record { position, timestamp_ms: Some(0), key: None, payload: Some(payload), headers: &[] };
        let mut batch = Batch::default();
        veil.batch(&keyring, &[record, record], &mut batch);

        let keys = keyring.at(KeyEpoch(0)).unwrap();
        let planned = batch.planned[1].as_ref().unwrap();
        let (met, planned) = (planned.met, planned.findings.clone());
        let mut needles = Needles::default();
        let all = batch.plan.with_inner(planned.clone());
        needles.collect(veil.packs.at(met.metadata), &all, &batch.plan.values);
        let before = batch.plan.findings[planned.clone()].to_vec();
        assert!(before.len() >= 4 && before.iter().any(Finding::is_recoded));
        for class in [None, Some(Class::Text), Some(Class::User)] {
            for other in &before {
                let mut findings = before.clone();
                for finding in &mut findings {
                    finding.class = class.unwrap_or(finding.class);
                    finding.replacement = if class.is_some() { Replacement::Marker } else { finding.replacement };
                    finding.value =
                        if class == Some(Class::User) { other.value.clone() } else { finding.value.clone() };
                }
                let ranges = batch.replacements_of(&findings, &planned, planned.clone(), &needles, keys);
                for (finding, range) in findings.iter().zip(ranges) {
                    let Batch { plan, scratch, texts, .. } = &mut batch;
                    let expected = Writer { plan, keys, scratch, texts }.write(finding, &mut |_, _| {});
                    let text = |range: Range<u32>| &texts[range.start as usize..range.end as usize];
                    assert_eq!(text(range), text(expected), "{:?}", finding.class);
                }
            }
        }
    }
}
