//! Hosts with one wrong decision each: the load tool fails, and names the rule.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::process::{Command, Output, Stdio};

use kefu_faulty::Chosen;
use serde_json::Value;

/// Two sellers. The host stores repeats again.
const DEFAULTS: [&[&str]; 6] = [
    &["--customers", "8"],
    &["--sellers", "2"],
    &["--window", "8"],
    &["--timeout", "6"],
    &["--check", "all"],
    &["--allow-repeats"],
];
const V1: &[&str] = &["--dialect", "v1", "--count", "50"];
const V2: &[&str] = &["--dialect", "v2", "--count", "50"];
const MIXED: &[&str] = &["--dialect", "mixed", "--count", "50"];
/// Long enough to find out who gets something though it has left.
const CHURN: &[&str] = &["--dialect", "mixed", "--churn", "50", "--seconds", "6"];

/// Each fault, the load that shows it, and the rules of which one is broken first.
macro_rules! faults {
    ($($fault:ident: $load:expr, $rules:expr;)*) => {
        $(#[test] fn $fault() { finds(stringify!($fault), $load, &$rules); })*
    };
}

faults! {
    no_notify_to_the_receiver: V1, ["H7.4"];
    own_connection_notified: V1, ["H7.5"];
    everybody_notified: V1, ["H7.4", "H7.5"];
    departed_connection_given_messages: CHURN, ["H7.4"];
    second_copy_not_stored: V1, ["S2.3"];
    sync_reads_another_queue: V1, ["S2.3"];
    sync_skips_a_row: V1, ["S2.3"];
    metadata_separated: V2, ["W10.3"];
    live_copy_to_version_1: MIXED, ["D3.1"];
    time_of_the_client_kept: V1, ["H4.1"];
    two_messages_swapped: V1, ["S11.1"];
}

#[test]
fn a_live_copy_does_not_stand_in_for_a_notify() {
    finds("no_notify_to_the_receiver", V2, &["H14.5"]);
    finds("own_connection_notified", V2, &["H14.7", "H7.5"]);
}

#[test]
fn a_sound_host_breaks_no_rule() {
    let trouble = ["--churn", "30", "--repeat", "30", "--slow", "20", "--hostile", "30"];
    for load in [V1, V2, MIXED, CHURN, &[&trouble[..], MIXED].concat()] {
        let (status, result) = load_json(Chosen::NONE, load);
        let routing = &result["routing"];
        assert_eq!((status, &routing["broken"]), (0, &0.into()), "{result}");
        assert_eq!((&routing["judged"], &routing["groups"]), (&2.into(), &2.into()), "{result}");
        assert!(routing["events"].as_u64() > Some(100), "{result}");
    }
}

#[test]
fn the_table_tells_the_rule_and_the_verdict_does_not_say_that_all_is_well() {
    let output = load(fault("no_notify_to_the_receiver"), V1);
    let table = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{table}");
    assert!(table.contains(" events: rules broken with 2 sellers\n"), "{table}");
    let example = table.lines().find(|line| line.trim_start().starts_with("H7.4: with seller "));
    let example = example.unwrap_or_else(|| panic!("{table}"));
    assert!(example.contains("has not got a SYNC_NOTIFY"), "{table}");
    assert!(example.contains(" is 1453/"), "whose connection it is: {table}");
    assert!(table.contains("verification  800 copies looked for: 0 lost, "), "{table}");
    let verdict = table.lines().last().unwrap();
    assert_eq!(verdict, "verdict       the server breaks rule H7.4 of the protocol");
}

#[test]
fn a_broken_rule_is_told_at_once() {
    let output = load(fault("own_connection_notified"), &["--seconds", "2"]);
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(progress.lines().next().unwrap().ends_with(", broke H7.5"), "{progress}");
}

#[test]
fn a_sample_is_one_seller_at_least_and_one_of_each_version() {
    for (dialect, judged) in [("v1", 1), ("mixed", 2)] {
        let options = ["--check", "sample", "--sellers", "3", "--count", "9", "--dialect", dialect];
        let (status, result) = load_json(fault("everybody_notified"), &options);
        assert_eq!((status, &result["routing"]["judged"]), (1, &judged.into()), "{result}");
        assert_eq!(result["routing"]["groups"], 3, "{result}");
    }
}

#[test]
fn without_the_judge_there_is_the_verdict_on_the_queues_alone() {
    let options = [V1, &["--check", "none"]].concat();
    let output = load(fault("no_notify_to_the_receiver"), &options);
    let table = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{table}");
    assert!(!table.contains("\nrouting "), "{table}");
    assert!(table.contains("\nverdict       every ACKed message is in both queues"), "{table}");
}

fn finds(name: &str, options: &[&str], rules: &[&str]) {
    let (status, result) = load_json(fault(name), options);
    let broken = &result["routing"]["examples"][0];
    let rule = broken["rule"].as_str().unwrap_or_else(|| panic!("{name} is not found: {result}"));
    assert_eq!(status, 1, "{result}");
    assert!(rules.contains(&rule), "{name}: {broken}");
    assert!(!broken["what"].as_str().unwrap().is_empty(), "{broken}");
}

fn fault(name: &str) -> Chosen {
    Chosen::named(&name.replace('_', "-")).unwrap()
}

fn load_json(fault: Chosen, options: &[&str]) -> (i32, Value) {
    let output = load(fault, &[options, &["--json"]].concat());
    let result = serde_json::from_slice(&output.stdout);
    let result = result.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), result)
}

/// Loads a host of its own.
fn load(fault: Chosen, options: &[&str]) -> Output {
    let addr = kefu_faulty::start(fault, None).unwrap().to_string();
    let given = |option: &str| options.contains(&option);
    let defaults = DEFAULTS.into_iter().filter(|option| !given(option[0])).flatten();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kefu-load"));
    command.args(["--addr", &addr]).args(defaults).args(options).stdin(Stdio::null());
    command.output().unwrap()
}
