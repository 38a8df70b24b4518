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
    let times = times(results, start);
    let ratios = comparisons().into_iter().filter_map(|line| line.render(&times));
    let limits = LIMITS.into_iter().filter_map(|line| limit(line, &times));
    let mut lines = ratios.chain(limits).peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{:<26}{:>11}  {:<22}{:>11}", "measured", "ns", "against", "ns")?;
    lines.try_for_each(|line| writeln!(out, "{line}"))
}

/// The fastest tenth's time per message in nanoseconds, by the name of the benchmark.
fn times(results: &Path, start: SystemTime) -> HashMap<String, f64> {
    let Ok(entries) = fs::read_dir(results) else {
        return HashMap::new();
    };
    entries.flatten().filter_map(|entry| time(&entry.path().join("new"), start)).collect()
}

/// `None` for what is no benchmark's directory and for what an earlier run has left.
///
/// Of the samples, not the median that stands beside them: half of a measurement can fall into a neighbour's busy time.
fn time(dir: &Path, start: SystemTime) -> Option<(String, f64)> {
    let sample = dir.join("sample.json");
    if fs::metadata(&sample).ok()?.modified().ok()? < start {
        return None;
    }
    let name = read(&dir.join("benchmark.json"))?["full_id"].as_str()?.to_owned();
    let sample = read(&sample)?;
    let numbers = |key| sample[key].as_array().into_iter().flatten().filter_map(Value::as_f64);
    let mut times: Vec<_> = numbers("times").zip(numbers("iters")).map(|(t, n)| t / n).collect();
    times.sort_by(f64::total_cmp);
    Some((name, *times.get(times.len() / 10)?))
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_reader(File::open(path).ok()?).ok()
}

fn comparisons() -> Vec<Comparison> {
    let mut all = Vec::new();
    for (kind, _) in KINDS {
        for (size, _) in SIZES {
            // A transient message has no target: its share of the read buffer alone takes longer than its floor.
            let target = match (kind, size) {
                ("persistent", "100B") => Some(2.0),
                ("persistent", "16KiB") => Some(1.3),
                _ => None,
            };
            let of = |side| format!("{side}/{kind}/{size}");
            all.push(Comparison::ratio(of("pipeline"), of("floor"), target));
            all.push(Comparison::ratio(of("pipeline"), of("shared"), None));
        }
    }
    for (size, _) in SIZES.into_iter().skip(1) {
        let target = (size == "16KiB").then_some(1.2);
        let of = |size| format!("handle/{size}");
        all.push(Comparison::ratio(of(size), of("16B"), target));
    }
    for (size, _) in SIZES {
        let of = |name| format!("{name}/{size}");
        all.push(Comparison { measured: of("refuse"), against: of("parse"), how: How::Difference });
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
    fn ratio(measured: String, against: String, target: Option<f64>) -> Self {
        Self { measured, against, how: How::Ratio(target) }
    }

    /// `None` unless both sides have been measured.
    fn render(&self, times: &HashMap<String, f64>) -> Option<String> {
        let Self { measured, against, how } = self;
        let (long, short) = (times.get(measured)?, times.get(against)?);
        let ratio = long / short;
        let result = match how {
            How::Ratio(None) => format!("{ratio:>8.2} x"),
            How::Ratio(Some(target)) => {
                let verdict = if ratio <= *target { "met" } else { "MISSED" };
                format!("{ratio:>8.2} x   target {target:.1} x: {verdict}")
            }
            How::Difference => format!("{:>+8.2} ns", long - short),
        };
        Some(format!("{measured:<26}{long:>11.2}  {against:<22}{short:>11.2}{result}"))
    }
}

/// Times that users of the crate wait for. In nanoseconds, so unlike the ratios they depend on the machine.
const LIMITS: [(&str, f64); 2] = [("effects/100B", 45.0), ("pipeline/persistent/100B", 75.0)];

fn limit((name, target): (&str, f64), times: &HashMap<String, f64>) -> Option<String> {
    let time = *times.get(name)?;
    let verdict = if time <= target { "met" } else { "MISSED" };
    Some(format!("{name:<26}{time:>11.2}{:>48}{target:.0} ns: {verdict}", "target "))
}
