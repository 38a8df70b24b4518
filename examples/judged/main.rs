//! A host in memory, and the property test that judges it: it keeps every rule, whatever its
//! clients do. `kefu_proto::guide` builds it step by step.
//!
//! `cargo run --release --example judged --features checker,proptest`

#![allow(unreachable_pub, reason = "what belongs to a library of your own")]

mod adapter;
mod host;
mod rule;
mod store;

use std::io::{self, Write};

use host::{CONFIG, MyHost};
use kefu_proto::checker::{Checker, Terms};
use kefu_proto::script::{Knobs, script};
use proptest::prelude::*;

// In a project of your own the test has `#[test]` above it, and there is no `main`.
proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..Default::default() })]

    fn the_host_keeps_the_rules(script in script(&Knobs::default())) {
        script.play(&mut MyHost::default(), &mut Checker::new(Terms::new(CONFIG)))?;
    }
}

fn main() -> io::Result<()> {
    the_host_keeps_the_rules();
    writeln!(io::stdout(), "1,000 scripts: every rule is kept")
}
