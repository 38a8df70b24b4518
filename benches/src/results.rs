//! Reads the results of criterion: the raw samples of the last run.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

/// The time per message in nanoseconds, by the name of the benchmark.
pub type Times = HashMap<String, f64>;

/// Where criterion keeps its results. This is its default, made known to the programs of this
/// package.
///
/// # Panics
///
/// If this program is not in a target directory.
pub fn dir() -> PathBuf {
    std::env::var_os("CRITERION_HOME").map_or_else(beside_this_program, PathBuf::from)
}

/// Programs are in `target/debug` or `target/release`, benchmarks in `deps` below that.
fn beside_this_program() -> PathBuf {
    let program = std::env::current_exe().expect("a program knows where it is");
    let folder = program.parent().expect("a program lies in a folder");
    let profile = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    profile.expect("cargo builds into a profile's folder").with_file_name("criterion")
}

/// Everything measured since `start`: of each benchmark, the time that a tenth of its samples beat.
pub fn times(results: &Path, start: SystemTime) -> Times {
    let Ok(entries) = fs::read_dir(results) else {
        return Times::new();
    };
    entries.flatten().filter_map(|entry| time(&entry.path().join("new"), start)).collect()
}

/// `None` for a directory that is not a benchmark's, or is left from an earlier run.
///
/// Criterion's median is not used: other users of the machine can slow down half of a measurement.
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
