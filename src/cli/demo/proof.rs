//! Exactly once, shown: every event that was sent is found once, clean or sealed, in its order.

use super::super::exit::Failure;
use super::load::{HEADER, Sent, number};
use super::stage::{QUARANTINE, Stage, clean_topic, raw_topic};
use crate::generate::Kind;
use crate::kafka::{self, Halted};
use std::collections::BTreeMap;

/// What became of the events.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) sent: u64,
    pub(super) clean: u64,
    pub(super) quarantined: u64,
    /// Events that are nowhere.
    pub(super) missing: u64,
    /// Events that are somewhere a second time.
    pub(super) doubled: u64,
    /// Clean records behind one that came after them.
    pub(super) out_of_order: u64,
    /// Records that are no event that was sent.
    pub(super) strange: u64,
}

impl Proof {
    /// Reads everything back that committed readers see; fills in the samples on the way.
    pub(super) fn read(stage: &Stage, sent: &mut Sent) -> Result<Self, Failure> {
        let halted = |error: Halted| Failure::Halted(error.into());
        let mut proof =
            Self { sent: sent.numbers.values().map(|numbers| numbers.len() as u64).sum(), ..Self::default() };
        let mut seen = Seen::new(proof.sent);
        for kind in Kind::ALL {
            let mut last: BTreeMap<i32, u64> = BTreeMap::new();
            kafka::read_back(&stage.options, clean_topic(kind), HEADER, &mut |record| {
                proof.clean += 1;
                let Some(number) = record.header.and_then(number) else {
                    proof.strange += 1;
                    return;
                };
                seen.note(number, &mut proof);
                if last.insert(record.partition, number).is_some_and(|last| last > number) {
                    proof.out_of_order += 1;
                }
                if let Some(sample) = sent.samples.iter_mut().find(|sample| sample.number == number) {
                    sample.clean = record.payload.map(<[u8]>::to_vec);
                }
            })
            .map_err(halted)?;
        }
        kafka::list(&stage.options, QUARANTINE, &mut |entry, _| {
            proof.quarantined += 1;
            let place = &entry.source;
            let topic = Kind::ALL.map(raw_topic).into_iter().find(|topic| *topic == place.topic);
            let numbers = topic.and_then(|topic| sent.numbers.get(&(topic, place.partition)));
            // A raw partition holds nothing but the events, so that an offset is a place in their order.
            let number = numbers.and_then(|numbers| numbers.get(usize::try_from(place.offset).ok()?));
            match number {
                Some(number) => seen.note(*number, &mut proof),
                None => proof.strange += 1,
            }
        })
        .map_err(halted)?;
        proof.missing = seen.missing();
        Ok(proof)
    }

    pub(super) fn holds(&self) -> bool {
        self.sent == self.clean + self.quarantined
            && [self.missing, self.doubled, self.out_of_order, self.strange] == [0; 4]
    }
}

/// Which events were found.
struct Seen(Vec<bool>);

impl Seen {
    fn new(events: u64) -> Self {
        Self(vec![false; events as usize])
    }

    fn note(&mut self, number: u64, proof: &mut Proof) {
        match usize::try_from(number).ok().and_then(|number| self.0.get_mut(number)) {
            Some(seen) if *seen => proof.doubled += 1,
            Some(seen) => *seen = true,
            None => proof.strange += 1,
        }
    }

    fn missing(&self) -> u64 {
        self.0.iter().filter(|seen| !**seen).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_twice_or_not_at_all_is_counted() {
        let (mut seen, mut proof) = (Seen::new(3), Proof { sent: 3, ..Proof::default() });
        for number in [0, 2, 2, 9] {
            seen.note(number, &mut proof);
        }
        assert_eq!((seen.missing(), proof.doubled, proof.strange), (1, 1, 1));
        proof.clean = 3;
        assert!(!proof.holds());
        assert!(Proof { sent: 3, clean: 2, quarantined: 1, ..Proof::default() }.holds());
    }
}
