//! Compares instruction counts with those on record.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::rig::BATCH;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// By how much a count may rise.
const TOLERANCE: f64 = 0.05;

/// How many times as many instructions as a CUSTOMER a CUSTOMER_V2 may take, with its six effects
/// instead of four, two of them live copies.
const V2_AT_MOST: (&str, &str, f64) = ("effects_v2/content_100", "effects/content_100", 1.2);

/// Counts, prints the comparison, and returns whether it passes: no count may have risen by more
/// than 5 %, the record must name exactly the operations that are counted, and a CUSTOMER_V2 stays
/// within its share. With `bless`, the new counts become the record.
pub fn check(bless: bool) -> Result<bool> {
    let counted = Counts { rustc: rustc()?, per_message: count()? };
    if bless {
        fs::write(path(), counted.to_json()?)?;
    }
    let recorded = Counts::from_json(&fs::read_to_string(path())?)?;
    let findings = recorded.compare(&counted);
    for finding in &findings {
        println!("{}", finding.line);
    }
    let passes = findings.iter().all(|finding| finding.passes);
    if recorded.rustc != counted.rustc {
        println!("counted with {}, recorded with {}: no verdict", counted.rustc, recorded.rustc);
        return Ok(true);
    }
    if !passes {
        println!("if intended: cargo run -p kefu-bench -- counts --bless, in the same commit");
    }
    Ok(passes)
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("instructions.json")
}

/// The compiler. Counts depend on it, so a rise from one compiler to another is no regression.
pub(crate) fn rustc() -> Result<String> {
    Ok(output(Command::new("rustc").arg("--version"))?.trim().to_owned())
}

/// Instructions per message, by operation.
fn count() -> Result<BTreeMap<String, f64>> {
    let bench = ["bench", "-p", "kefu-bench", "--bench", "instructions", "--"];
    let output = output(Command::new("cargo").args(bench).arg("--output-format=json"))?;
    output.lines().map(operation).collect()
}

/// Reads one line of gungraun's output.
fn operation(line: &str) -> Result<(String, f64)> {
    let line: Value = serde_json::from_str(line)?;
    let count = &line["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"];
    match (line["function_name"].as_str(), line["id"].as_str(), count.as_u64()) {
        (Some(function), Some(id), Some(count)) => {
            let per_message = f64::from(u32::try_from(count)?) / f64::from(u32::try_from(BATCH)?);
            Ok((format!("{function}/{id}"), (per_message * 100.0).round() / 100.0))
        }
        _ => Err(format!("no count in {line}").into()),
    }
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[derive(Clone, Debug, PartialEq)]
struct Counts {
    rustc: String,
    per_message: BTreeMap<String, f64>,
}

#[derive(Debug)]
struct Finding {
    passes: bool,
    line: String,
}

impl Counts {
    fn to_json(&self) -> Result<String> {
        let json = json!({ "rustc": self.rustc, "instructions per message": self.per_message });
        Ok(serde_json::to_string_pretty(&json)? + "\n")
    }

    fn from_json(json: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(json)?;
        let rustc = json["rustc"].as_str().ok_or("no rustc on record")?.to_owned();
        let per_message = serde_json::from_value(json["instructions per message"].clone())?;
        Ok(Self { rustc, per_message })
    }

    /// One finding per operation, recorded or counted.
    fn compare(&self, counted: &Self) -> Vec<Finding> {
        let mut all: Vec<_> = counted.per_message.keys().chain(self.per_message.keys()).collect();
        all.sort();
        all.dedup();
        let find = |name: &String| {
            let (recorded, counted) = (self.per_message.get(name), counted.per_message.get(name));
            let (passes, text) = judge(recorded.copied(), counted.copied());
            Finding { passes, line: format!("{name:<32}{text}") }
        };
        all.into_iter().map(find).chain(counted.share_of_v2()).collect()
    }

    /// `None` unless both have been counted.
    fn share_of_v2(&self) -> Option<Finding> {
        let (v2, v1, most) = V2_AT_MOST;
        let share = self.per_message.get(v2)? / self.per_message.get(v1)?;
        let passes = share <= most;
        let verdict = if passes { "met" } else { "MISSED" };
        Some(Finding {
            passes,
            line: format!("{v2}: {share:.2} x {v1}, at most {most}: {verdict}"),
        })
    }
}

fn judge(recorded: Option<f64>, counted: Option<f64>) -> (bool, String) {
    match (recorded, counted) {
        (Some(recorded), Some(counted)) => {
            let change = counted / recorded - 1.0;
            let (passes, verdict) = if change > TOLERANCE {
                (false, "ROSE")
            } else if change < -TOLERANCE {
                (true, "fell: the record can be lowered")
            } else {
                (true, "")
            };
            let text =
                format!("{counted:>9.2} {recorded:>9.2} {:>+7.1} % {verdict}", change * 100.0);
            (passes, text.trim_end().to_owned())
        }
        (None, Some(counted)) => (false, format!("{counted:>9.2} NOT ON RECORD")),
        (_, None) => (false, "NOT COUNTED".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(per_message: &[(&str, f64)]) -> Counts {
        let per_message = per_message.iter().map(|&(name, count)| (name.to_owned(), count));
        Counts { rustc: "rustc 1.95.0".to_owned(), per_message: per_message.collect() }
    }

    fn compare(recorded: &[(&str, f64)], counted: &[(&str, f64)]) -> Vec<bool> {
        let findings = counts(recorded).compare(&counts(counted));
        findings.iter().map(|finding| finding.passes).collect()
    }

    #[test]
    fn a_count_may_fall_or_rise_by_up_to_five_percent() {
        let recorded = [("a", 100.0), ("b", 100.0), ("c", 100.0), ("d", 100.0)];
        let counted = [("a", 104.9), ("b", 105.1), ("c", 100.0), ("d", 50.0)];
        assert_eq!(compare(&recorded, &counted), [true, false, true, true]);
    }

    #[test]
    fn the_record_must_name_the_counted_operations() {
        assert_eq!(compare(&[("a", 1.0)], &[("b", 1.0)]), [false, false]);
    }

    #[test]
    fn a_customer_v2_may_take_a_fifth_more_than_a_customer() {
        let (v2, v1, _) = V2_AT_MOST;
        for (count, passes) in [(120.0, true), (121.0, false)] {
            let counted = [(v1, 100.0), (v2, count)];
            assert_eq!(compare(&counted, &counted), [true, true, passes]);
        }
    }

    #[test]
    fn the_record_can_be_read_back() {
        let written = counts(&[("a", 140.66), ("b", 2.0)]);
        assert_eq!(Counts::from_json(&written.to_json().unwrap()).unwrap(), written);
    }

    #[test]
    fn a_count_of_a_whole_batch_is_divided_by_its_messages() {
        let line = json!({
            "function_name": "decode",
            "id": "content_100",
            "profiles": [{"data": {"total": {"metrics": {"Ir": {"values": {"new": 9002}}}}}}],
        });
        let (name, count) = operation(&line.to_string()).unwrap();
        assert_eq!((name.as_str(), count), ("decode/content_100", 140.66));
    }
}
