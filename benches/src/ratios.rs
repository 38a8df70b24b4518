//! Prints the comparisons between measurements, with their targets.

use std::fmt;
use std::io::{self, Write};

use crate::results::Times;
use crate::rig::{KINDS, SIZES};

/// Prints every comparison whose two sides have been measured, and nothing when there is none.
pub fn print(times: &Times) -> io::Result<()> {
    let ratios = comparisons().into_iter().filter_map(|line| line.render(times));
    let limits = LIMITS.into_iter().filter_map(|line| limit(line, times));
    let mut lines = ratios.chain(limits).peekable();
    if lines.peek().is_none() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{:<26}{:>11}  {:<22}{:>11}", "measured", "ns", "against", "ns")?;
    lines.try_for_each(|line| writeln!(out, "{line}"))
}

fn comparisons() -> Vec<Comparison> {
    [pipeline(), v2(), peers(), flat(), refusals()].concat()
}

fn pipeline() -> Vec<Comparison> {
    let mut all = Vec::new();
    for (kind, _) in KINDS {
        for (size, _) in SIZES {
            // Transient messages have no target: taking a share of the read buffer is alone slower
            // than their floor.
            let target = match (kind, size) {
                ("persistent", "100B") => Some(2.0),
                ("persistent", "16KiB") => Some(1.3),
                _ => None,
            };
            let of = |side| format!("{side}/{kind}/{size}");
            all.push(Comparison::ratio(of("pipeline"), of("floor"), target.map(Target::AtMost)));
            all.push(Comparison::ratio(of("pipeline"), of("shared"), None));
        }
    }
    all
}

/// A CUSTOMER_V2 has six effects, two of them live copies; a CUSTOMER has four.
fn v2() -> Vec<Comparison> {
    let against = |v2, v1| {
        let sizes = SIZES.map(|(size, _)| (format!("{v2}/{size}"), format!("{v1}/{size}")));
        sizes.map(|(measured, against)| Comparison::ratio(measured, against, None))
    };
    [against("effects-v2", "effects"), against("pipeline-v2", "pipeline/persistent")].concat()
}

/// Each alternative, against the part of the crate that does the same work.
fn peers() -> Vec<Comparison> {
    let peers = [("mqtt", Some(4.0)), ("protobuf", None), ("length-delimited", None)];
    let mut all = Vec::new();
    for (peer, target) in peers {
        for (size, _) in SIZES {
            let target = target.filter(|_| size == "100B").map(Target::AtLeast);
            let ours = if peer == "length-delimited" { "decode" } else { "effects" };
            all.push(Comparison::ratio(format!("{peer}/{size}"), format!("{ours}/{size}"), target));
        }
    }
    all
}

/// What should cost the same for any length of content and any number of sessions.
fn flat() -> Vec<Comparison> {
    let sizes = SIZES.into_iter().skip(1).flat_map(|(size, _)| {
        let target = (size == "16KiB").then_some(Target::AtMost(1.2));
        ["handle", "effects"]
            .map(|what| Comparison::ratio(format!("{what}/{size}"), format!("{what}/16B"), target))
    });
    let sessions = SESSIONS[1..].iter().map(|sessions| {
        Comparison::ratio(format!("sessions/{sessions}"), "sessions/1".to_owned(), None)
    });
    sizes.chain(sessions).collect()
}

/// Numbers of sessions that messages are spread over.
pub const SESSIONS: [usize; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

fn refusals() -> Vec<Comparison> {
    let against = |what, target| {
        SIZES.map(|(size, _)| Comparison {
            measured: format!("refuse/{size}"),
            against: format!("{what}/{size}"),
            how: How::Difference(target),
        })
    };
    [against("parse", None), against("decode", Some(10.0))].concat()
}

#[derive(Clone, Debug)]
struct Comparison {
    measured: String,
    against: String,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// How many times as long.
    Ratio(Option<Target>),
    /// How many nanoseconds longer, and how many are allowed.
    Difference(Option<f64>),
}

#[derive(Clone, Copy, Debug)]
enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Comparison {
    const fn ratio(measured: String, against: String, target: Option<Target>) -> Self {
        Self { measured, against, how: How::Ratio(target) }
    }

    /// `None` unless both sides have been measured.
    fn render(&self, times: &Times) -> Option<String> {
        let Self { measured, against, how } = self;
        let (long, short) = (*times.get(measured)?, *times.get(against)?);
        let result = match how {
            How::Ratio(target) => {
                let ratio = long / short;
                format!("{ratio:>8.2} x {}", judge(ratio, *target, "x"))
            }
            How::Difference(target) => {
                let more = long - short;
                format!("{more:>+8.2} ns{}", judge(more, target.map(Target::AtMost), "ns"))
            }
        };
        Some(format!("{measured:<26}{long:>11.2}  {against:<22}{short:>11.2}{}", result.trim_end()))
    }
}

/// Absolute targets, in nanoseconds. Unlike ratios, they depend on the machine.
const LIMITS: [(&str, f64); 2] = [("effects/100B", 45.0), ("pipeline/persistent/100B", 75.0)];

fn limit((name, target): (&str, f64), times: &Times) -> Option<String> {
    let time = *times.get(name)?;
    Some(format!(
        "{name:<26}{time:>11.2}{:>46}{}",
        "",
        judge(time, Some(Target::AtMost(target)), "ns")
    ))
}

fn judge(value: f64, target: Option<Target>, unit: &str) -> String {
    let Some(target) = target else { return String::new() };
    let met = match target {
        Target::AtMost(most) => value <= most,
        Target::AtLeast(least) => value >= least,
    };
    format!("  target {target} {unit}: {}", if met { "met" } else { "MISSED" })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "≤ {most}"),
            Self::AtLeast(least) => write!(f, "≥ {least}"),
        }
    }
}
