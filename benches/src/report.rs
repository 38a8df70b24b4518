//! Writes the figures of `benches/README.md`, from the results of criterion.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;
use std::{env, fs};

use crate::counts::rustc;
use crate::plots;
use crate::ratios::SESSIONS;
use crate::results::{self, Times};
use crate::rig::SIZES;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measures, unless the results of the `last` run are to be used, then writes the tables and plots.
pub fn write(last: bool) -> Result<()> {
    let results = results::dir();
    let start = if last { SystemTime::UNIX_EPOCH } else { SystemTime::now() };
    if !last {
        measure(&results)?;
    }
    let times = results::times(&results, start);
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    plots::draw(&times, &package.join("plots"))?;
    let page = package.join("README.md");
    let text = with_figures(&fs::read_to_string(&page)?, &tables(&times)?)?;
    Ok(fs::write(page, text)?)
}

fn measure(results: &Path) -> Result<()> {
    let bench = ["bench", "-p", "kefu-bench", "--bench", "pipeline"];
    let status = Command::new("cargo").args(bench).env("CRITERION_HOME", results).status()?;
    if status.success() { Ok(()) } else { Err(format!("cargo bench: {status}").into()) }
}

const BEGIN: &str = "<!-- figures: cargo run -p kefu-bench -- report -->\n";
const END: &str = "<!-- end of figures -->\n";

/// The page with these figures in place of the present ones.
fn with_figures(page: &str, figures: &str) -> Result<String> {
    let (before, rest) = page.split_once(BEGIN).ok_or("the page has no place for figures")?;
    let (_, after) = rest.split_once(END).ok_or("the page has no end of figures")?;
    Ok(format!("{before}{BEGIN}{figures}{END}{after}"))
}

fn tables(times: &Times) -> Result<String> {
    Ok(format!("{}\n{}\n{}", machine()?, contents(times)?, sessions(times)?))
}

/// The machine and the compiler.
fn machine() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let (_, model) = model.ok_or("/proc/cpuinfo names no processor")?;
    let rustc = rustc()?;
    let rustc = rustc.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    Ok(format!("Nanoseconds per persistent message on {model}, {rustc}:\n"))
}

/// The rows, by benchmark. Each has one column per length of content.
const ROWS: [(&str, &str); 11] = [
    ("**decode → handle → list of effects**", "effects"),
    ("the same for a CUSTOMER_V2, with its live copies", "effects-v2"),
    ("the same, refused", "refuse"),
    ("decode alone", "decode"),
    ("**the whole pipeline, all bodies and frames written**", "pipeline/persistent"),
    ("the same for a CUSTOMER_V2, with its live copies", "pipeline-v2"),
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
        [("list of effects", "sessions"), ("fetching the session alone", "fetch")]
    {
        let cells = SESSIONS.map(|sessions| cell(times, &format!("{benchmark}/{sessions}")));
        if cells.iter().any(|cell| cell == NONE) {
            return Err(format!("{benchmark} has not been measured").into());
        }
        table += &row(name, &cells);
    }
    Ok(table)
}

/// Shown for what is not measured, on purpose.
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

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../README.md");

    #[test]
    fn only_the_figures_are_replaced() {
        let page = with_figures(PAGE, "new\n").unwrap();
        let (before, after) = page.split_once("new\n").unwrap();
        assert!(PAGE.starts_with(before) && before.ends_with(BEGIN));
        assert!(PAGE.ends_with(after) && after.starts_with(END));
    }

    #[test]
    fn a_page_without_a_place_for_figures_is_left_alone() {
        assert!(with_figures("", "new\n").is_err());
        assert!(with_figures(BEGIN, "new\n").is_err());
    }

    #[test]
    fn a_row_without_any_time_is_an_error() {
        let times = |benchmarks: &[String]| benchmarks.iter().map(|b| (b.clone(), 1.5)).collect();
        let first: Vec<_> = ROWS.map(|(_, benchmark)| format!("{benchmark}/16B")).into();
        let table = contents(&times(&first)).unwrap();
        assert_eq!(table.lines().count(), 2 + ROWS.len());
        assert!(table.ends_with("| 1.5 | – | – | – | – | – |\n"), "{table}");
        assert!(contents(&times(&first[1..])).is_err());
    }
}
