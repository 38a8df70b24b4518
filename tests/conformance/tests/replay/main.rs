//! The recorded cases of the original server pass, and the code that compares them can fail.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod mutants;
mod mutants_v2;
mod mutation;
mod places;
mod summaries;
mod unreadable;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use kefu_conformance::command_line::{Command, HELP};
use kefu_conformance::{Exit, run};
use serde_json::Value;
use summaries::SUMMARIES;

#[test]
fn every_recorded_case_passes() {
    let (exit, out, err) = replay(&recorded());
    assert_eq!((exit, out.lines().last()), (Exit::Passed, Some("2128 passed, 0 failed")), "{out}");
    assert_eq!((out.lines().next(), err.as_str()), (Some("1726 as recorded"), ""));
}

#[test]
fn each_file_holds_what_it_is_said_to_hold() {
    for (file, expected) in recorded().into_iter().zip(SUMMARIES) {
        assert_eq!(replay(&[file]), (Exit::Passed, expected.to_owned(), String::new()));
    }
}

#[test]
fn marked_cases_that_fail_are_not_counted_as_differing_on_purpose() {
    let marked: Vec<_> = cases("wire").into_iter().filter(|case| !marks(case).is_empty()).collect();
    let mut failing = marked[0].clone();
    failing["result"] = "incomplete".into();
    let (_, out, _) = replay_cases("marked", &[marked[1].clone(), failing, one("w-ping-000")]);
    let totals = "\
1 as recorded
1 differ on purpose:
     1 ack-status (W3.5)
2 passed, 1 failed
";
    assert!(out.ends_with(totals), "{out}");
}

#[test]
fn without_a_file_the_repositorys_own_cases_are_replayed() {
    let files = |files: &[PathBuf]| Ok(Command::Replay(files.to_vec()));
    assert_eq!(parse(&[]), files(&recorded()));
    let two = ["a.jsonl", "b.jsonl"].map(PathBuf::from);
    assert_eq!(parse(&["a.jsonl", "b.jsonl"]), files(&two));
    assert_eq!(parse(&["--", "--help"]), files(&["--help".into()]));
}

#[test]
fn an_unknown_option_is_refused_in_one_line() {
    let error = parse(&["a.jsonl", "--verbose\n"]).unwrap_err();
    assert_eq!(error, r#"unknown option "--verbose\n"; see --help"#);
}

#[test]
fn help_tells_about_marks_and_exit_statuses() {
    assert_eq!(parse(&["--help"]), Ok(Command::Help));
    assert_eq!(parse(&["a.jsonl", "-h"]), Ok(Command::Help));
    for words in ["FILE.jsonl", "queue", "login", "deliver", "sync", "Exit status"] {
        assert!(HELP.contains(words), "{words} is missing in:\n{HELP}");
    }
    // With its rules, as the summaries have it.
    let reasons = SUMMARIES.iter().flat_map(|summary| summary.lines());
    for line in reasons.filter(|line| line.ends_with(')')) {
        let reasons = line.trim_start_matches(|c: char| c == ' ' || c.is_ascii_digit());
        for reason in reasons.split(" and ") {
            assert!(HELP.contains(&format!("\n  {reason}")), "{reason} is missing in:\n{HELP}");
        }
    }
    assert!(HELP.lines().all(|line| line.chars().count() <= 100), "{HELP}");
}

#[test]
fn a_difference_is_shown_where_it_is() {
    let mut case = one("h-persistent-000");
    case["effects"][3]["body_hex"] = "0000000000000401".into();
    case["effects"][0]["uid"] = 9.into();
    let (exit, out, err) = replay_cases("shown", &[case]);
    let file = scratch("shown");
    let expected = format!(
        "\
FAILED h-persistent-000 ({}:1)
    effects[0].uid
        expected 9
        came     4289442
    effects[3].body_hex
        expected 0000000000000401
        came     0000000000000400
0 passed, 1 failed
",
        file.display()
    );
    assert_eq!((exit, out, err), (Exit::Failed, expected, String::new()));
    assert_eq!(Exit::Failed.status(), 1);
}

#[test]
fn of_a_long_value_the_differing_part_is_shown() {
    let mut case = one("h-large-000");
    let body = case["effects"][0]["body_hex"].as_str().unwrap().to_owned();
    let mut changed = body.clone();
    changed.replace_range(30_000..30_002, if &body[30_000..30_002] == "00" { "01" } else { "00" });
    case["effects"][0]["body_hex"] = changed.into();
    let (_, out, _) = replay_cases("long", &[case]);
    let (length, from) = (body.len(), &body[29_990..30_030]);
    assert!(
        out.contains(from) && out.contains(&format!("({length} characters, from 299")),
        "{out}"
    );
    assert!(out.lines().all(|line| line.chars().count() < 140), "{out}");
}

#[test]
fn missing_and_swapped_effects_are_shown_by_name() {
    let mut dropped = one("h-unpersistent-000");
    dropped["effects"].as_array_mut().unwrap().remove(1);
    let mut swapped = one("h-unpersistent-000");
    swapped["effects"].as_array_mut().unwrap().swap(0, 1);
    let mut none = one("h-unpersistent-000");
    none["effects"] = Value::Array(Vec::new());
    let (_, out, _) = replay_cases("names", &[dropped, swapped, none]);
    let effects = out.lines().filter_map(|line| line.strip_prefix("        expected "));
    let names = ["SendAppMessage", "EnqueueMessage, SendAppMessage", "none"];
    assert!(effects.eq(names), "{out}");
    assert_eq!(out.matches("came     SendAppMessage, EnqueueMessage\n").count(), 3, "{out}");
}

#[test]
fn ten_failed_cases_are_shown_and_the_others_counted() {
    let mut cases: Vec<_> = cases("wire").into_iter().take(15).collect();
    for case in &mut cases[3..] {
        case["consumed"] = 1.into();
    }
    let (exit, out, _) = replay_cases("ten", &cases);
    assert_eq!(exit, Exit::Failed);
    assert_eq!(out.lines().filter(|line| line.starts_with("FAILED ")).count(), 10, "{out}");
    assert!(out.ends_with("\n... and 2 more\n3 passed, 12 failed\n"), "{out}");
}

#[test]
fn what_a_case_says_cannot_break_a_line() {
    let mut case = one("h-persistent-000");
    case["id"] = "one\ntwo\u{1b}[2J".into();
    case["branch"] = "0 passed\n539 passed, 0 failed".into();
    let (_, out, _) = replay_cases("lines", &[case]);
    assert_eq!(out.lines().count(), 5, "{out}");
    assert!(out.starts_with("FAILED one\\ntwo\\u{1b}[2J ("), "{out}");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error() {
    let (mut full, mut err) = ([0; 20], Vec::new());
    assert!(run(&recorded()[1..2], &mut full.as_mut_slice(), &mut err).is_err());
}

fn parse(arguments: &[&str]) -> Result<Command, String> {
    Command::parse(arguments.iter().map(OsString::from))
}

/// The repository's own files.
fn recorded() -> [PathBuf; 5] {
    ["handler", "wire", "v2/handler", "v2/wire", "v2/writer"].map(vectors)
}

/// Those of version 2 are named `v2/…`.
fn vectors(name: &str) -> PathBuf {
    let (folder, name) = match name.strip_prefix("v2/") {
        Some(name) => ("vectors-v2", name),
        None => ("vectors", name),
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(folder);
    folder.join(format!("{name}.jsonl"))
}

/// The recorded cases of one file, to be changed.
fn cases(name: &str) -> Vec<Value> {
    let text = fs::read_to_string(vectors(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn one(id: &str) -> Value {
    let name = match id.split_once('-') {
        Some(("h", _)) => "handler",
        Some(("v2h", _)) => "v2/handler",
        Some(("v2w", _)) => "v2/wire",
        Some(("v2q", _)) => "v2/writer",
        _ => "wire",
    };
    cases(name).into_iter().find(|case| case["id"] == id).unwrap()
}

fn marks(case: &Value) -> Vec<&str> {
    case["marks"].as_array().unwrap().iter().map(|mark| mark.as_str().unwrap()).collect()
}

/// A file that belongs to one test alone.
fn scratch(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("conformance-{test}.jsonl"))
}

fn replay_cases(test: &str, cases: &[Value]) -> (Exit, String, String) {
    let lines: Vec<_> = cases.iter().map(Value::to_string).collect();
    replay_text(test, lines.join("\n").as_bytes())
}

fn replay_text(test: &str, text: &[u8]) -> (Exit, String, String) {
    let file = scratch(test);
    fs::write(&file, text).unwrap();
    replay(&[file])
}

fn replay(files: &[PathBuf]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = run(files, &mut out, &mut err).unwrap();
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}
