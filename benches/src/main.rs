//! What is done with measurements: instruction counts beside those on record, and the README's figures.

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use kefu_bench::{counts, report};

#[derive(Parser)]
#[command(about)]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Count instructions (valgrind, gungraun-runner) and fail when one count has risen by more than 5 %
    Counts {
        /// Put the counts on record
        #[arg(long)]
        bless: bool,
    },
    /// Measure times and put them into README.md and benches/plots
    Report {
        /// Use the measurements of the last run
        #[arg(long)]
        last: bool,
    },
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let stands = match Options::parse().what {
        What::Counts { bless } => counts::check(bless)?,
        What::Report { last } => report::write(last).map(|()| true)?,
    };
    Ok(if stands { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
