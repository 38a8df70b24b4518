//! The figures that the README shows, from what criterion has written down.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

use crate::counts::rustc;
use crate::plots;
use crate::ratios::SESSIONS;
use crate::results::{self, Times};
use crate::rig::SIZES;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measures, unless the `last` run is good enough, then writes the table of the README and the plots.
pub fn write(last: bool) -> Result<()> {
    let results = results::dir();
    let start = if last { SystemTime::UNIX_EPOCH } else { SystemTime::now() };
    if !last {
        measure(&results)?;
    }
    let times = results::times(&results, start);
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    plots::draw(&times, &package.join("plots"))?;
    put_into_readme(&package.with_file_name("README.md"), &tables(&times)?)
}

fn measure(results: &Path) -> Result<()> {
    let bench = ["bench", "-p", "kefu-bench", "--bench", "pipeline"];
    let status = Command::new("cargo").args(bench).env("CRITERION_HOME", results).status()?;
    if status.success() { Ok(()) } else { Err(format!("cargo bench: {status}").into()) }
}

const BEGIN: &str = "<!-- figures: cargo run -p kefu-bench -- report -->\n";
const END: &str = "<!-- end of figures -->\n";

fn put_into_readme(readme: &PathBuf, figures: &str) -> Result<()> {
    let text = fs::read_to_string(readme)?;
    let (before, rest) = text.split_once(BEGIN).ok_or("README.md has no place for figures")?;
    let (_, after) = rest.split_once(END).ok_or("README.md has no end of figures")?;
    Ok(fs::write(readme, format!("{before}{BEGIN}{figures}{END}{after}"))?)
}

fn tables(times: &Times) -> Result<String> {
    Ok(format!("{}\n{}\n{}", machine()?, contents(times)?, sessions(times)?))
}

/// Where the times were measured.
fn machine() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let (_, model) = model.ok_or("/proc/cpuinfo names no processor")?;
    let rustc = rustc()?;
    let rustc = rustc.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    Ok(format!("Nanoseconds per persistent message on {model}, {rustc}:\n"))
}

/// One row a benchmark, one column a length of content.
const ROWS: [(&str, &str); 9] = [
    ("**decode → handle → all effects in hand**", "effects"),
    ("the same, refused", "refuse"),
    ("decode alone", "decode"),
    ("**the whole pipeline, all bodies and frames written**", "pipeline/persistent"),
    ("… floor: the same bytes read and copied by hand", "floor/persistent"),
    ("… floor on shared slices of the read buffer", "shared/persistent"),
    ("mqtt-protocol-core: PUBLISH received, PUBACK encoded", "mqtt"),
    ("prost: an equivalent message decoded and encoded", "protobuf"),
    ("tokio-util: `LengthDelimitedCodec` alone", "length-delimited"),
];

fn contents(times: &Times) -> Result<String> {
    let head = SIZES.map(|(size, _)| size.replace("KiB", "\u{a0}KiB"));
    let mut table = row("content", &head) + &row("---", &SIZES.map(|_| "---:".to_owned()));
    for (name, benchmark) in ROWS {
        let cells = SIZES.map(|(size, _)| cell(times, &format!("{benchmark}/{size}")));
        if cells.iter().all(|cell| cell == NONE) {
            return Err(format!("{benchmark} has not been measured").into());
        }
        table += &row(name, &cells);
    }
    Ok(table)
}

fn sessions(times: &Times) -> Result<String> {
    let head = SESSIONS.map(|sessions| sessions.to_string());
    let mut table =
        row("sessions in turn", &head) + &row("---", &SESSIONS.map(|_| "---:".to_owned()));
    for (name, benchmark) in
        [("all effects in hand", "sessions"), ("fetching the session alone", "fetch")]
    {
        let cells = SESSIONS.map(|sessions| cell(times, &format!("{benchmark}/{sessions}")));
        if cells.iter().any(|cell| cell == NONE) {
            return Err(format!("{benchmark} has not been measured").into());
        }
        table += &row(name, &cells);
    }
    Ok(table)
}

/// Not measured, on purpose.
const NONE: &str = "–";

fn cell(times: &Times, benchmark: &str) -> String {
    match times.get(benchmark) {
        Some(time) if *time < 100.0 => format!("{time:.1}"),
        Some(time) => format!("{time:.0}"),
        None => NONE.to_owned(),
    }
}

fn row(name: &str, cells: &[String]) -> String {
    format!("| {name} | {} |\n", cells.join(" | "))
}
