//! The program `faulty-host`, as its users start it.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::process::{Command, Output};

use kefu_faulty::FAULTS;

fn faulty_host(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_faulty-host")).args(args).output().unwrap()
}

#[test]
fn the_help_lists_every_fault() {
    let help = faulty_host(&["--help"]);
    assert!(help.status.success());
    let help = String::from_utf8(help.stdout).unwrap();
    for fault in FAULTS {
        let line = help.lines().find(|line| line.contains(fault.name)).unwrap();
        assert!(line.contains(fault.rule) && line.contains(fault.what), "{line}");
    }
}

#[test]
fn what_is_wrong_is_said_in_a_line() {
    for (args, error) in [
        (&["--fault", "laziness"][..], "no fault is named laziness: see --help"),
        (&["--fault"], "--fault needs a value: see --help"),
        (&["--speed", "9"], "unexpected --speed: see --help"),
    ] {
        let output = faulty_host(args);
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, format!("faulty-host: {error}\n"));
    }
}
