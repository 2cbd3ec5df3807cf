//! Rule-pack files into plain types.
