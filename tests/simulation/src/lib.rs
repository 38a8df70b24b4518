//! A simulation: thousands of connections around the real library, over simulated time, in a
//! hostile world. The checker of the library, which knows the protocol from the document alone,
//! judges every step.
//!
//! The library decodes what clients send, in whatever pieces it arrives, logs them in, handles
//! their messages, pages their queues and writes its frames. Everything around it is simulated:
//! clients of both versions that react to what they see (`client/`), a network that is slow, cuts
//! and loses (`net.rs`), a host that dies between any two effects (`host/`), a store that fails, is
//! slow, or stores and reports a failure (`host/store.rs`), a clock that jumps to any time
//! (`clock.rs`). The host is several servers that pass messages on as bytes, on queues that all
//! clients share, each in its dialect. `kefu_proto::checker` is told of every frame, copy and push,
//! and finds each of the faults in `planted.rs`. What only the whole world can tell at its end,
//! that nothing is lost, stays here (`audit.rs`).
//!
//! A run is determined by its seed: its digest, over all bytes, copies and effects, does not depend
//! on the number of threads. A run is a sequence of worlds, each with a seed of its own, which are
//! dropped when they end; so the memory does not grow.
//!
//! | variable | means | otherwise |
//! |---|---|---|
//! | `KEFU_SIM_SEED` | another run | 1 |
//! | `KEFU_SIM_MESSAGES` | at least so many messages, repeats not counted | 4,000; 1,000,000 with `--release` |
//! | `KEFU_SIM_WORLD` | this world alone | all |
//! | `KEFU_SIM_THREADS` | so many worlds at the same time | the number of cores |
//!
//! ```console
//! $ KEFU_SIM_MESSAGES=1_000_000_000 KEFU_SIM_SEED=$RANDOM cargo test --release -p kefu-simulation -- \
//!     --exact every_invariant_holds --nocapture
//! ```
//!
//! A run that fails says what was broken, and the command that shows it again.

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod agenda;
mod audit;
mod cast;
mod client;
mod clock;
mod epochs;
mod host;
mod net;
mod planted;
mod promises;
mod settings;
mod sim;
mod wire;
mod world;

use std::time::Instant;

use cast::Size;
use settings::Settings;

#[test]
fn every_invariant_holds() {
    let settings = Settings::from_env();
    let start = Instant::now();
    let mut run = epochs::run(settings).unwrap_or_else(|failure| panic!("{failure}"));
    let millis = start.elapsed().as_millis().max(1);
    let rate = u128::from(run.tally.messages) * 1_000 / millis;
    eprintln!("seed {}: {}", settings.seed, run.summary());
    eprintln!("{rate} messages a second, {millis} ms");
    if settings.world.is_none() && settings.messages >= 100_000 {
        for (name, count) in run.tally.rows() {
            assert!(*count > 0, "no {name} in a whole run");
        }
    }
}

#[test]
fn a_seed_reproduces_a_run_and_another_makes_another() {
    let run = |seed, threads| {
        epochs::run(Settings { seed, messages: 1_000, world: None, threads, size: Size::Small })
            .unwrap()
    };
    let first = run(2, 1);
    assert_eq!(run(2, 2), first);
    assert_ne!(run(3, 1).digest, first.digest);
}
