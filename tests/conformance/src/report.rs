//! What a run says: failed cases and totals on one stream, what could not be read on the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use crate::case::{Case, Mark};
use crate::difference::{Differences, one_line};

/// How many failed cases are shown, and how many malformed lines; the others are only counted.
const SHOWN: usize = 10;

/// How a run ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    Passed,
    Failed,
    /// Whatever else passed or failed.
    Unreadable,
}

impl Exit {
    pub fn status(self) -> u8 {
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
    passed: Passed,
    failed: usize,
    malformed: usize,
    unreadable: usize,
}

impl<'w> Report<'w> {
    pub(crate) fn new(out: &'w mut dyn Write, err: &'w mut dyn Write) -> Self {
        Self { out, err, passed: Passed::default(), failed: 0, malformed: 0, unreadable: 0 }
    }

    /// A case was replayed; it passes if nothing differs.
    pub(crate) fn case(
        &mut self,
        file: &Path,
        line: usize,
        case: &Case,
        found: &Differences,
    ) -> io::Result<()> {
        if found.is_empty() {
            self.passed.count(found.purposes());
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

    /// Writes the totals and returns what they mean.
    pub(crate) fn finish(self) -> io::Result<Exit> {
        if let Some(more @ 1..) = self.malformed.checked_sub(SHOWN) {
            writeln!(self.err, "... and {more} more lines that cannot be read")?;
        }
        if let Some(more @ 1..) = self.failed.checked_sub(SHOWN) {
            writeln!(self.out, "... and {more} more")?;
        }
        self.passed.explain(self.out)?;
        writeln!(self.out, "{} passed, {} failed", self.passed.total(), self.failed)?;
        self.out.flush()?;
        Ok(match (self.malformed + self.unreadable, self.failed) {
            (0, 0) => Exit::Passed,
            (0, _) => Exit::Failed,
            _ => Exit::Unreadable,
        })
    }
}

/// How many cases passed, by what made them differ. A case with two reasons counts once, under both
/// together.
#[derive(Default)]
struct Passed(BTreeMap<BTreeSet<Mark>, usize>);

impl Passed {
    fn count(&mut self, purposes: &BTreeSet<Mark>) {
        *self.0.entry(purposes.clone()).or_default() += 1;
    }

    fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Some cases pass by differing from their recording: "passed" alone would say too much.
    fn explain(&self, out: &mut dyn Write) -> io::Result<()> {
        let as_recorded = self.0.get(&BTreeSet::new()).copied().unwrap_or(0);
        let on_purpose = self.total() - as_recorded;
        if on_purpose == 0 {
            return Ok(());
        }
        writeln!(out, "{as_recorded} as recorded")?;
        writeln!(out, "{on_purpose} differ on purpose:")?;
        for (marks, count) in self.0.iter().filter(|(marks, _)| !marks.is_empty()) {
            let marks: Vec<_> = marks.iter().map(Mark::to_string).collect();
            writeln!(out, "{count:>6} {}", marks.join(" and "))?;
        }
        Ok(())
    }
}
