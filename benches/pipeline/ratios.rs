//! The comparisons that the measurements are made for, from what criterion has just written down.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::rig::{KINDS, SIZES};

/// Where criterion keeps its results: where it would by itself, but known to this program too.
pub(crate) fn results_dir() -> PathBuf {
    std::env::var_os("CRITERION_HOME").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("criterion"),
        PathBuf::from,
    )
}

/// Prints every comparison whose two sides have been measured since `start`, and nothing when there is none.
pub(crate) fn print(results: &Path, start: SystemTime) -> io::Result<()> {
    let medians = medians(results, start);
    let mut lines = comparisons().into_iter().filter_map(|line| line.render(&medians)).peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{:<26}{:>11}  {:<22}{:>11}", "measured", "ns", "against", "ns")?;
    lines.try_for_each(|line| writeln!(out, "{line}"))
}

/// The medians in nanoseconds, by the name of the benchmark.
fn medians(results: &Path, start: SystemTime) -> HashMap<String, f64> {
    let Ok(entries) = fs::read_dir(results) else {
        return HashMap::new();
    };
    entries.flatten().filter_map(|entry| median(&entry.path().join("new"), start)).collect()
}

/// `None` for what is no benchmark's directory and for what an earlier run has left.
fn median(dir: &Path, start: SystemTime) -> Option<(String, f64)> {
    let estimates = dir.join("estimates.json");
    if fs::metadata(&estimates).ok()?.modified().ok()? < start {
        return None;
    }
    let name = read(&dir.join("benchmark.json"))?["full_id"].as_str()?.to_owned();
    Some((name, read(&estimates)?["median"]["point_estimate"].as_f64()?))
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_reader(File::open(path).ok()?).ok()
}

fn comparisons() -> Vec<Comparison> {
    let mut all = Vec::new();
    for (kind, _) in KINDS {
        for (size, _) in SIZES {
            let target = match size {
                "100B" => Some(2.0),
                "16KiB" => Some(1.3),
                _ => None,
            };
            let [pipeline, floor] =
                ["pipeline", "floor"].map(|side| format!("{side}/{kind}/{size}"));
            all.push(Comparison { measured: pipeline, against: floor, how: How::Ratio(target) });
        }
    }
    for (size, _) in SIZES.into_iter().skip(1) {
        let target = (size == "16KiB").then_some(1.2);
        let [large, small] = [size, "16B"].map(|size| format!("handle/{size}"));
        all.push(Comparison { measured: large, against: small, how: How::Ratio(target) });
    }
    for (size, _) in SIZES {
        let [refuse, parse] = ["refuse", "parse"].map(|name| format!("{name}/{size}"));
        all.push(Comparison { measured: refuse, against: parse, how: How::Difference });
    }
    all
}

struct Comparison {
    measured: String,
    against: String,
    how: How,
}

enum How {
    /// How many times as long, and at most how many times it should be.
    Ratio(Option<f64>),
    /// How much longer.
    Difference,
}

impl Comparison {
    fn render(&self, medians: &HashMap<String, f64>) -> Option<String> {
        let Self { measured, against, how } = self;
        let (long, short) = (medians.get(measured)?, medians.get(against)?);
        let result = match how {
            How::Ratio(None) => format!("{:>8.2} x", long / short),
            How::Ratio(Some(target)) => {
                let ratio = long / short;
                let verdict = if ratio <= *target { "met" } else { "MISSED" };
                format!("{ratio:>8.2} x   target {target:.1} x: {verdict}")
            }
            How::Difference => format!("{:>+8.2} ns", long - short),
        };
        Some(format!("{measured:<26}{long:>11.2}  {against:<22}{short:>11.2}{result}"))
    }
}
