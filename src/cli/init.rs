//! `logveil init`: a configuration and a keyring to start with.
