//! Cases of version 2 with one thing changed. Each must fail, whatever its marks are.

use kefu_conformance::case::Case;
use kefu_conformance::replay;
use serde_json::Value;

use crate::mutation::{flip, mutants, with_at};
use crate::places::{has_outcome, inputs, is_accepted, is_acknowledged, recorded};
use crate::{cases, marks, one, replay_cases};

#[test]
fn cases_fail_with_any_recorded_field_changed() {
    for name in ["v2/handler", "v2/wire", "v2/writer"] {
        let cases = cases(name);
        let mutants: usize = cases.iter().map(|case| fails_for_each(case, &recorded(case))).sum();
        // Not few by an oversight.
        assert!(mutants > 8 * cases.len(), "{mutants} of {name}");
    }
}

#[test]
fn cases_fail_with_any_input_that_matters_changed() {
    for name in ["v2/handler", "v2/writer"] {
        for case in cases(name).iter().filter(|case| has_outcome(case)) {
            fails_for_each(case, &inputs(case));
        }
    }
}

/// The other way round: what nobody may look at makes no difference.
#[test]
fn cases_pass_whatever_is_overwritten() {
    let accepted = cases("v2/handler").into_iter().filter(is_accepted);
    // The version, the reserved byte and the client's time.
    let places = [9, 11, 44, 45, 46, 47];
    let change = |case: &Value, at| with_at(case, "/input/frame_hex", |hex| flip(hex, at));
    let mutants: Vec<_> =
        accepted.flat_map(|case| places.map(|place| change(&case, place))).collect();
    assert!(mutants.len() > 1_000);
    let passed = mutants.iter().filter(|mutant| passes(mutant)).count();
    assert_eq!(passed, mutants.len());
}

#[test]
fn cases_fail_with_a_mark_that_is_not_so() {
    for case in ["v2/handler", "v2/wire", "v2/writer"].into_iter().flat_map(cases) {
        let (declared, id) = (marks(&case), &case["id"]);
        for mark in MARKS.into_iter().filter(|mark| !declared.contains(mark)) {
            // The frames of these have them, though the recordings do not say so.
            let is_implied = match mark {
                "server-flag" => id == "v2q-spoofed-flags-000",
                "deprecated-command" => id == "v2q-refused-000" || id == "v2q-login-quiet-000",
                _ => false,
            };
            let add = |marks: &mut Value| marks.as_array_mut().unwrap().push(mark.into());
            assert_eq!(passes(&with_at(&case, "/marks", add)), is_implied, "{id} as {mark}");
        }
    }
}

#[test]
fn cases_that_differ_on_purpose_fail_without_their_mark() {
    let mut without = 0;
    for case in ["v2/handler", "v2/wire", "v2/writer"].into_iter().flat_map(cases) {
        for index in 0..marks(&case).len() {
            let remove = |marks: &mut Value| drop(marks.as_array_mut().unwrap().remove(index));
            let passed = passes(&with_at(&case, "/marks", remove));
            assert_eq!(passed, changes_nothing(&case, index), "{case} without {index}");
            without += usize::from(!passed);
        }
    }
    assert_eq!(without, 241);
}

/// Whether the case would end the same without this mark of it.
fn changes_nothing(case: &Value, index: usize) -> bool {
    match marks(case)[index] {
        "zero-receiver" | "min-receiver" | "msgid-range" | "seq-range" => true,
        // Nothing is looked at behind the first of these.
        _ if case["kind"].is_null() && index > 0 && marks(case)[0] == "zero-identity" => {
            !["unlisted-command", "deprecated-command"].contains(&marks(case)[index])
        }
        // PUSH is added anyway.
        "server-flag" => !is_acknowledged(case) || flags(case) & 0x28 == 0,
        "deprecated-command" => {
            ["incomplete", "error:length"].iter().any(|verdict| case["result"] == *verdict)
        }
        // Too short in either length, or not from a client.
        "auth-status-v0" => {
            ["v2w-auth-status-corner-000", "v2w-allow-003"].iter().any(|id| case["id"] == *id)
        }
        // Nothing gets anywhere.
        "same-device" => {
            ["v2q-save1-fails-000", "v2q-save2-fails-000"].iter().any(|id| case["id"] == *id)
        }
        _ => false,
    }
}

fn flags(case: &Value) -> u8 {
    let flags = &case["input"]["frame_hex"].as_str().unwrap()[20..22];
    u8::from_str_radix(flags, 16).unwrap()
}

#[test]
fn a_summary_tells_what_differs_on_purpose() {
    let ids = ["v2h-plain-000", "v2h-receiver-zero-000", "v2h-self-chat-012", "v2q-self-000"];
    let (_, out, _) = replay_cases("purposes", &ids.map(one));
    let expected = "\
2 as recorded
2 differ on purpose:
     1 server-flag (H13.4)
     1 same-device (H7.5) and to-self (H7.4)
4 passed, 0 failed
";
    assert_eq!(out, expected);
}

const MARKS: [&str; 15] = [
    "zero-identity",
    "clock-range",
    "unlisted-command",
    "ack-status",
    "later-command",
    "deprecated-command",
    "server-flag",
    "auth-status-v0",
    "same-device",
    "to-self",
    "unreadable-body",
    "translated",
    "zero-receiver",
    "min-receiver",
    "seq-range",
];

/// Replays every mutant at these places, and says how many there were.
fn fails_for_each(case: &Value, places: &[String]) -> usize {
    let length = case.to_string().len();
    let step = length / PER_STEP + 1;
    let mut count = 0;
    let mutants = places.iter().flat_map(|place| mutants(case, place));
    for mutant in mutants.skip(length % step).step_by(step) {
        assert!(!passes(&mutant), "{} passes as {mutant}", case["id"]);
        count += 1;
    }
    count
}

/// Of long cases a sample is enough, at other places in each.
const PER_STEP: usize = 600;

/// A mutant has to be a case that can be read: otherwise nothing was compared.
fn passes(mutant: &Value) -> bool {
    let case = Case::parse(&mutant.to_string());
    replay(&case.unwrap_or_else(|error| panic!("{error}: {mutant}"))).is_empty()
}
