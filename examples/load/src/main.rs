//! Loads a customer-service IM server over its wire protocol, then reads the queues back and checks them.

mod args;
mod content;
mod customer;
mod failure;
mod ledger;
mod link;
mod load;
mod plan;
mod progress;
mod pulse;
mod report;
mod seller;
mod service;
mod verify;
mod window;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{self, Runtime};

use args::Args;
use failure::Failure;
use plan::Plan;

/// Something was lost, doubled or reordered.
const FAULTY: u8 = 1;
/// Nothing can be said about the server: it could not be reached, or the command line makes no sense.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(failure) => {
            // Where even stderr is gone, the exit status still tells.
            let _ = writeln!(io::stderr(), "kefu-load: {failure}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    let plan = Plan::new(args)?;
    if let Some(path) = &args.write_tokens {
        let written = fs::write(path, plan.tokens());
        written.map_err(|source| Failure::Tokens { path: path.clone(), source })?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = runtime(args.threads).map_err(Failure::Runtime)?;
    let report = runtime.block_on(load::run(plan))?;
    let text = if args.json { report.json() } else { report.to_string() };
    writeln!(io::stdout(), "{text}").map_err(Failure::Output)?;
    if !report.is_clean() {
        return Ok(ExitCode::from(FAULTY));
    }
    report.gave_up().map_or(Ok(ExitCode::SUCCESS), |reason| Err(Failure::GaveUp(reason)))
}

/// One thread needs no locks between its tasks and leaves the other cores to the server.
fn runtime(threads: u8) -> io::Result<Runtime> {
    let mut builder = if threads == 1 {
        runtime::Builder::new_current_thread()
    } else {
        runtime::Builder::new_multi_thread()
    };
    builder.worker_threads(usize::from(threads)).enable_all().build()
}
