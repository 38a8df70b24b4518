//! What a run says: failed cases and sums on one stream, files and lines that cannot be read on the other.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use super::case::{Case, Mark};
use super::difference::{Differences, one_line};

/// How many failed cases are shown, and how many malformed lines: beyond that, a number says more.
const SHOWN: usize = 10;

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    Passed,
    Failed,
    /// Whatever passed or failed besides.
    Unreadable,
}

impl Exit {
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Unreadable => 2,
        }
    }
}

pub(crate) struct Report<'w> {
    out: &'w mut dyn Write,
    err: &'w mut dyn Write,
    passed: usize,
    failed: usize,
    malformed: usize,
    unreadable: usize,
    marked: [(Mark, &'static str, usize); 3],
}

impl<'w> Report<'w> {
    pub(crate) fn new(out: &'w mut dyn Write, err: &'w mut dyn Write) -> Self {
        let marked = [
            (Mark::ZeroIdentity, "zero-identity", 0),
            (Mark::ClockRange, "clock-range", 0),
            (Mark::UnlistedCommand, "unlisted-command", 0),
        ];
        Self { out, err, passed: 0, failed: 0, malformed: 0, unreadable: 0, marked }
    }

    /// A case was replayed; no difference means passed.
    pub(crate) fn case(
        &mut self,
        file: &Path,
        line: usize,
        case: &Case,
        found: &Differences,
    ) -> io::Result<()> {
        for (mark, _, count) in &mut self.marked {
            *count += usize::from(case.marks().contains(mark));
        }
        if found.is_empty() {
            self.passed += 1;
            return Ok(());
        }
        self.failed += 1;
        if self.failed > SHOWN {
            return Ok(());
        }
        let id = one_line(case.id());
        write!(self.out, "FAILED {id} ({}:{line})\n{found}", file.display())
    }

    pub(crate) fn malformed(&mut self, file: &Path, line: usize, what: &str) -> io::Result<()> {
        self.malformed += 1;
        if self.malformed > SHOWN {
            return Ok(());
        }
        writeln!(self.err, "{}:{line}: {}", file.display(), one_line(what))
    }

    pub(crate) fn unreadable(&mut self, file: &Path, what: impl Display) -> io::Result<()> {
        self.unreadable += 1;
        writeln!(self.err, "{}: {what}", file.display())
    }

    /// Says the sums, and what they mean.
    pub(crate) fn finish(self) -> io::Result<Exit> {
        if let Some(more @ 1..) = self.malformed.checked_sub(SHOWN) {
            writeln!(self.err, "... and {more} more lines that cannot be read")?;
        }
        if let Some(more @ 1..) = self.failed.checked_sub(SHOWN) {
            writeln!(self.out, "... and {more} more")?;
        }
        for (_, name, count) in self.marked.iter().filter(|(.., count)| *count > 0) {
            writeln!(self.out, "{count} marked {name}")?;
        }
        writeln!(self.out, "{} passed, {} failed", self.passed, self.failed)?;
        self.out.flush()?;
        Ok(match (self.malformed + self.unreadable, self.failed) {
            (0, 0) => Exit::Passed,
            (0, _) => Exit::Failed,
            _ => Exit::Unreadable,
        })
    }
}
