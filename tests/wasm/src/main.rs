//! Prints the transcript of the files that are named on the command line.

use std::io::{self, Write};
use std::{env, fs};

fn main() -> io::Result<()> {
    let mut cases = String::new();
    for file in env::args_os().skip(1) {
        cases.push_str(&fs::read_to_string(file)?);
    }
    io::stdout().write_all(kefu_replay::transcript(&cases).as_bytes())
}
