//! Keys and what is made with them: pseudonyms, prefix-preserving addresses, sealed boxes. The only room that sees key bytes.

/// Number of a pseudonym key's period: 0 starts at the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyEpoch(pub u32);

/// The keys of one tenant.
pub struct Keyring(());
