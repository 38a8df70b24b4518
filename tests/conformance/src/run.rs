//! The whole run, from files to how it ended.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::case::Case;
use crate::difference::Differences;
use crate::report::{Exit, Report};
use crate::writer::{deliver, login, queue, sync};
use crate::{handler, marks, wire};

/// Replays every case of every file. An error means that `out` or `err` could not be written; files
/// that cannot be read are part of the report.
pub fn run(files: &[PathBuf], out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
    let mut report = Report::new(out, err);
    for file in files {
        match fs::read_to_string(file) {
            // To pass with nothing to look at would say too much.
            Ok(text) if text.is_empty() => report.unreadable(file, "no cases")?,
            Ok(text) => {
                for (line, text) in (1..).zip(text.lines()) {
                    match Case::parse(text) {
                        Ok(case) => report.case(file, line, &case, &replay(&case))?,
                        Err(what) => report.malformed(file, line, &what)?,
                    }
                }
            }
            Err(error) => report.unreadable(file, error)?,
        }
    }
    report.finish()
}

/// Empty for a case that passes.
pub fn replay(case: &Case) -> Differences {
    let mut found = Differences::default();
    match case {
        Case::Handler(case) => handler::replay(case, &mut found),
        Case::Wire(case) => wire::replay(case, &mut found),
        Case::Queue(case) => queue::replay(case, &mut found),
        Case::Login(case) => login::replay(case, &mut found),
        Case::Deliver(case) => deliver::replay(case, &mut found),
        Case::Sync(case) => sync::replay(case, &mut found),
    }
    marks::check(case, &mut found);
    found
}
