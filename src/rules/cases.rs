//! Cases of a pack.
