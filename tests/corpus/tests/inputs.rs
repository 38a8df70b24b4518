//! Replays the fuzzer's inputs that are worth keeping, and those that once were crashes.

#![allow(clippy::unwrap_used, reason = "what cannot be read fails the test")]

use std::fs;
use std::path::Path;

#[test]
fn frames() {
    replay("frames", kefu_corpus::frames);
}

#[test]
fn messages() {
    replay("messages", kefu_corpus::messages);
}

#[test]
fn roundtrip() {
    replay("roundtrip", kefu_corpus::roundtrip);
}

#[test]
fn connection() {
    replay("connection", kefu_corpus::connection);
}

#[test]
fn dialects() {
    replay("dialects", kefu_corpus::dialects);
}

/// A panic is named by the file that it comes from.
fn replay(name: &str, target: fn(&[u8])) {
    for kind in ["inputs", "regressions"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(name);
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
