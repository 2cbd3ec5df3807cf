//! JSON Schema of the pack format.
