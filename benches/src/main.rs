//! Evaluates measurements: checks instruction counts, and writes the figures of
//! `benches/README.md`.

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kefu_bench::{counts, report};

#[derive(Parser)]
#[command(about)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Count instructions and fail if a count has risen by more than 5 % (needs valgrind and
    /// gungraun-runner)
    Counts {
        /// Record these counts
        #[arg(long)]
        bless: bool,
    },
    /// Measure times and write them to benches/README.md and benches/plots
    Report {
        /// Use the measurements of the last run
        #[arg(long)]
        last: bool,
    },
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let passes = match Options::parse().command {
        Command::Counts { bless } => counts::check(bless)?,
        Command::Report { last } => report::write(last).map(|()| true)?,
    };
    Ok(if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
