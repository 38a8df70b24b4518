//! Replays recorded cases of the original server through kefu-proto and shows every difference.
//!
//! `cargo run --release --example conformance -- --help` says how to use it and what a case is.

use std::env;
use std::io::{self, Write};
use std::process::ExitCode;

use kefu_conformance::command_line::{Command, HELP};
use kefu_conformance::{Exit, run};

fn main() -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let exit = match Command::parse(env::args_os().skip(1)) {
        Ok(Command::Help) => out.write_all(HELP.as_bytes()).map(|()| Exit::Passed),
        Ok(Command::Replay(files)) => run(&files, &mut out, &mut err),
        Err(error) => Err(io::Error::other(error)),
    };
    let exit = exit.unwrap_or_else(|error| {
        // If stderr cannot be written either, the exit status alone has to do.
        let _ = writeln!(err, "conformance: {error}");
        Exit::Unreadable
    });
    exit.status().into()
}
