//! Rebuilds when a rule pack appears or goes: the packs are embedded, and the compiler follows only files it knows.

fn main() {
    println!("cargo::rerun-if-changed=rules");
}
