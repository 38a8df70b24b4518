//! The command line of the load tool.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use kefu_load::{Args, Failure, Progress};
use tokio::runtime::{self, Runtime};

/// Something was lost, duplicated, reordered or unexpected.
const FAULTY: u8 = 1;
/// There is no verdict: no server could be reached, or the command line makes no sense.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(failure) => {
            // If stderr is closed, the exit status still tells.
            let _ = writeln!(io::stderr(), "kefu-load: {failure}");
            ExitCode::from(FAILED)
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    if let Some(path) = &args.write_tokens {
        let written = fs::write(path, kefu_load::tokens(args)?);
        written.map_err(|source| Failure::Tokens { path: path.clone(), source })?;
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = runtime(args.threads).map_err(Failure::Runtime)?;
    let report = runtime.block_on(kefu_load::run(args, Progress::on_stderr()))?;
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
