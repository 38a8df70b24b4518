//! Recorded cases of the original server, replayed through kefu-proto.
//!
//! The example `conformance` is the command; [`run()`] is what it does. The package has no feature
//! of kefu-proto switched on, so that the WebAssembly harness can use it, too.

#![allow(clippy::missing_errors_doc, clippy::must_use_candidate, reason = "it serves tests alone")]

pub mod case;
pub mod command_line;
mod difference;
mod handler;
mod reading;
mod report;
mod run;
mod wire;

pub use difference::Differences;
pub use report::Exit;
pub use run::{replay, run};
