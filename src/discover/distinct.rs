//! Counts distinct values in bounded memory.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Values up to which the count is exact.
const EXACT_MAX: usize = 1024;
/// Bits of a hash that choose a register.
const REGISTER_BITS: u32 = 12;
const REGISTERS: usize = 1 << REGISTER_BITS;

/// How many distinct values there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exact(u64),
    /// About so many: the standard error is 1.6 %, that of a HyperLogLog with 4096 registers.
    About(u64),
}

impl Count {
    /// The number.
    pub fn number(self) -> u64 {
        match self {
            Self::Exact(number) | Self::About(number) => number,
        }
    }
}

/// A set of values that is counted: exact up to [`EXACT_MAX`], then a HyperLogLog (Flajolet, Fusy, Gandouet, Meunier,
/// 2007) with linear counting where that is more exact.
#[derive(Clone)]
pub(super) enum Distinct {
    Exact(BTreeSet<u64>),
    Sketch(Box<[u8]>),
}

/// The hash of a value; the same in every run.
pub(super) fn hash_of(value: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Distinct {
    pub(super) fn new() -> Self {
        Self::Exact(BTreeSet::new())
    }

    pub(super) fn add(&mut self, hash: u64) {
        match self {
            Self::Exact(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    let mut registers = vec![0; REGISTERS].into_boxed_slice();
                    hashes.iter().for_each(|hash| raise(&mut registers, *hash));
                    *self = Self::Sketch(registers);
                }
            }
            Self::Sketch(registers) => raise(registers, hash),
        }
    }

    /// Adds all values of another set.
    pub(super) fn absorb(&mut self, other: Self) {
        match (&mut *self, other) {
            (_, Self::Exact(hashes)) => hashes.into_iter().for_each(|hash| self.add(hash)),
            (Self::Sketch(registers), Self::Sketch(others)) => {
                registers.iter_mut().zip(&others).for_each(|(register, other)| *register = (*register).max(*other));
            }
            (Self::Exact(hashes), Self::Sketch(mut registers)) => {
                hashes.iter().for_each(|hash| raise(&mut registers, *hash));
                *self = Self::Sketch(registers);
            }
        }
    }

    pub(super) fn count(&self) -> Count {
        match self {
            Self::Exact(hashes) => Count::Exact(hashes.len() as u64),
            Self::Sketch(registers) => Count::About(estimate(registers)),
        }
    }
}

fn register_of(hash: u64) -> usize {
    (hash >> (u64::BITS - REGISTER_BITS)) as usize
}

/// Leading zeros behind the bits that choose the register, and one.
fn rank(hash: u64) -> u8 {
    let rest = hash << REGISTER_BITS;
    (rest.leading_zeros().min(u64::BITS - REGISTER_BITS) + 1) as u8
}

fn raise(registers: &mut [u8], hash: u64) {
    let register = &mut registers[register_of(hash)];
    *register = (*register).max(rank(hash));
}

fn estimate(registers: &[u8]) -> u64 {
    let count = REGISTERS as f64;
    let zeros = registers.iter().filter(|rank| **rank == 0).count();
    let harmonic: f64 = registers.iter().map(|rank| 2_f64.powi(-i32::from(*rank))).sum();
    // The constant for 128 registers and more, from section 4 of the paper.
    let raw = 0.7213 / (1.0 + 1.079 / count) * count * count / harmonic;
    let number = if raw <= 2.5 * count && zeros > 0 { count * (count / zeros as f64).ln() } else { raw };
    number.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distinct(values: std::ops::Range<u64>) -> Distinct {
        let mut distinct = Distinct::new();
        values.for_each(|value| distinct.add(hash_of(&value.to_le_bytes())));
        distinct
    }

    #[test]
    fn few_values_are_counted_exactly() {
        let mut few = distinct(0..1000);
        few.absorb(distinct(500..1024));
        assert_eq!(few.count(), Count::Exact(1024));
    }

    #[test]
    fn many_values_are_counted_within_five_percent() {
        for number in [2_000, 10_000, 50_000, 300_000] {
            let Count::About(about) = distinct(0..number).count() else { panic!("{number} is many") };
            assert!(about.abs_diff(number) * 20 <= number, "{about} for {number}");
        }
    }

    #[test]
    fn sets_are_united_in_any_order() {
        for (a, b) in [(0..500, 400..5000), (0..5000, 4000..9000), (0..5000, 4900..5100)] {
            let (mut ab, mut ba) = (distinct(a.clone()), distinct(b.clone()));
            ab.absorb(distinct(b.clone()));
            ba.absorb(distinct(a.clone()));
            assert_eq!(ab.count(), ba.count());
            assert_eq!(ab.count(), distinct(a.start..b.end).count());
        }
    }
}
