//! Replays recorded cases of the original server through the crate's public API and shows every difference.
//!
//! `cargo run --release --example conformance -- --help` tells how to use it and what a case looks like.

mod case;
mod cli;
mod difference;
mod handler;
mod reading;
mod report;
mod run;
mod wire;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let files = cli::Cli::parse().files();
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    match run::run(&files, &mut out, &mut err) {
        Ok(exit) => exit.status().into(),
        Err(error) => {
            // Where this cannot be written either, the exit status alone tells.
            let _ = writeln!(err, "the report cannot be written: {error}");
            report::Exit::Unreadable.status().into()
        }
    }
}
