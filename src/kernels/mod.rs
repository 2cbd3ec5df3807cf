//! Byte work that goes faster with the CPU's wide instructions: the only room with `unsafe` code.
//!
//! Knows: bytes. Must not know what they mean. Each kernel is a safe function that takes the [`Level`] to work at; what it
//! gives is the same at every level, and tests compare each level that the CPU has with [`Level::SCALAR`], which is
//! plain Rust and the oracle.

#![expect(unsafe_code, reason = "intrinsics; each block says why it is sound")]

pub mod aes;
pub mod beginnings;
mod halves;
#[cfg(target_arch = "aarch64")]
mod neon;
pub mod quotes;
pub mod runs;
pub mod sha256;
pub mod signs;
pub mod trios;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Which instructions kernels may use. Each is there only where the CPU has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(Width);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    /// Plain Rust: every CPU.
    Scalar,
    /// 32 bytes at a time: AVX2, and PCLMULQDQ, BMI1, BMI2, LZCNT and POPCNT, which come with it.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 64 bytes at a time: AVX-512 F, BW and VL on top of [`Self::Avx2`].
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 16 bytes at a time: NEON, which comes with the architecture.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Level {
    /// Plain Rust, which every CPU runs.
    pub const SCALAR: Self = Self(Width::Scalar);

    /// The levels that this CPU has, the plainest first.
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::SCALAR];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("pclmulqdq")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            if avx2 {
                levels.push(Self(Width::Avx2));
            }
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl");
            if avx2 && avx512 {
                levels.push(Self(Width::Avx512));
            }
        }
        // Kernels count on it that the first byte of a word is its lowest.
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        levels.push(Self(Width::Neon));
        levels
    }

    /// The best level of this CPU that the process may use, asked for once.
    pub fn best() -> Self {
        static BEST: OnceLock<Level> = OnceLock::new();
        *BEST.get_or_init(|| Self::available().pop().filter(|_| may_be_wide()).unwrap_or(Self::SCALAR))
    }
}

/// Whether the process keeps to plain Rust.
static KEEPS_TO_SCALAR: AtomicBool = AtomicBool::new(false);

/// Keeps the process to plain Rust: to compare, or to rule a CPU's instructions out as the cause of something. Comes before
/// whatever asks for the best level or instructions.
pub fn keep_to_scalar() {
    KEEPS_TO_SCALAR.store(true, Ordering::Relaxed);
}

/// Whether the process may use more than plain Rust.
fn may_be_wide() -> bool {
    !KEEPS_TO_SCALAR.load(Ordering::Relaxed)
}
