//! The fuzzer's corpus, replayed: what its targets have found worth keeping, and what once was a crash.

#![allow(clippy::unwrap_used, reason = "what cannot be read fails the test")]

mod targets;

use std::fs;
use std::path::Path;

#[test]
fn frames() {
    replay("frames", targets::frames);
}

#[test]
fn messages() {
    replay("messages", targets::messages);
}

#[test]
fn roundtrip() {
    replay("roundtrip", targets::roundtrip);
}

#[test]
fn connection() {
    replay("connection", targets::connection);
}

/// A panic is named by the file that it comes from.
fn replay(name: &str, target: fn(&[u8])) {
    for kind in ["inputs", "regressions"] {
        let folder =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(kind).join(name);
        let mut replayed = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            eprintln!("{}", path.display());
            target(&fs::read(path).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0);
    }
}
