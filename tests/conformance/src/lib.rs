//! Recorded cases of the original server, replayed through kefu-proto: of 2018 for version 1 of the
//! protocol, of 2025 for version 2.
//!
//! The example `conformance` is the command; [`run()`] is what it does. `reference` says what the
//! rules make of a case where the crate differs from the original on purpose, without asking
//! kefu-proto. The package has no feature of kefu-proto switched on, so that the WebAssembly
//! harness can use it, too.

#![allow(clippy::missing_errors_doc, clippy::must_use_candidate, reason = "it serves tests alone")]

mod asked;
pub mod case;
mod client;
pub mod command_line;
mod difference;
mod fields;
mod handler;
mod ignored;
mod marks;
mod reading;
mod reference;
mod report;
mod run;
mod wire;
mod writer;

pub use difference::Differences;
pub use report::Exit;
pub use run::{replay, run};
