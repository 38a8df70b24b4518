//! Recorded cases with one thing changed. Each must fail: otherwise passing would mean nothing.

use kefu_conformance::case::Case;
use kefu_conformance::{Exit, replay};
use serde_json::{Value, json};

use crate::mutation::{edit, flip, nudge};
use crate::{cases, marks, replay_cases};

#[test]
fn handler_cases_fail_with_other_effects() {
    each_fails("effects", &accepted(), |case| {
        let effects = case["effects"].as_array().unwrap();
        let mut mutants = order_and_number(case, effects);
        for (index, effect) in effects.iter().enumerate() {
            for field in ["appid", "uid", "cmd", "seq", "version", "flag"] {
                mutants.push(with(case, |case| nudge(&mut case["effects"][index][field])));
            }
            mutants.push(with(case, |case| case["effects"][index]["op"] = "PopMessage".into()));
            mutants.push(with(case, |case| device_id(&mut case["effects"][index])));
            if effect["op"] == "SaveMessage" {
                mutants.push(with(case, |case| nudge(&mut case["effects"][index]["device_id"])));
            }
            for byte in places(&effect["body_hex"], &[0, 8, 16, 24, 32, 35, 36]) {
                mutants
                    .push(with(case, |case| flip(&mut case["effects"][index]["body_hex"], byte)));
            }
            mutants.push(with(case, |case| longer(&mut case["effects"][index]["body_hex"])));
        }
        mutants
    });
}

#[test]
fn handler_cases_fail_with_another_input() {
    each_fails("input", &accepted(), |case| {
        let mut mutants: Vec<_> = places(&case["input"]["frame_hex"], &(0..48).collect::<Vec<_>>())
            .into_iter()
            .filter(|&byte| !is_overwritten(byte))
            .map(|byte| with(case, |case| flip(&mut case["input"]["frame_hex"], byte)))
            .collect();
        mutants.push(with(case, |case| longer(&mut case["input"]["frame_hex"])));
        mutants.push(with(case, |case| shorter(&mut case["input"]["frame_hex"])));
        mutants.push(with(case, |case| nudge(&mut case["kefu_appid"])));
        mutants.push(with(case, |case| nudge(&mut case["session"]["appid"])));
        mutants.push(with(case, |case| nudge(&mut case["session"]["uid"])));
        mutants.push(with(case, |case| nudge(&mut case["now"])));
        if case["effects"][0]["op"] == "SaveMessage" {
            mutants.push(with(case, |case| nudge(&mut case["session"]["device_id"])));
            mutants.extend(answers(case));
        }
        mutants
    });
}

/// The other way round: what nobody may look at makes no difference.
#[test]
fn handler_cases_pass_whatever_is_overwritten() {
    let mutants: Vec<_> = accepted()
        .iter()
        .flat_map(|case| {
            let change = |byte| with(case, |case| flip(&mut case["input"]["frame_hex"], byte));
            (0..48).filter(|&byte| is_overwritten(byte)).map(change).collect::<Vec<_>>()
        })
        .collect();
    let (exit, out, _) = replay_cases("overwritten", &mutants);
    assert_eq!((exit, out), (Exit::Passed, format!("{} passed, 0 failed\n", 5 * ACCEPTED)));
}

#[test]
fn refused_and_undecodable_cases_fail_with_an_effect() {
    let refused: Vec<_> =
        unmarked("handler").into_iter().filter(|case| !has_effects(case)).collect();
    assert_eq!(refused.len(), 415 - ACCEPTED);
    let ack = accepted()[0]["effects"].as_array().unwrap().last().unwrap().clone();
    each_fails("refused", &refused, |case| {
        vec![with(case, |case| case["effects"].as_array_mut().unwrap().push(ack.clone()))]
    });
}

#[test]
fn handler_cases_fail_with_another_label_or_mark() {
    each_fails("labels", &unmarked("handler"), |case| {
        let mut mutants = other_verdicts(case, "decode");
        mutants.push(with(case, |case| case["branch"] = "customer/persistent".into()));
        mutants.extend(MARKS.map(|mark| with(case, |case| case["marks"] = json!([mark]))));
        mutants
    });
}

#[test]
fn wire_cases_fail_with_another_result() {
    each_fails("results", &unmarked("wire"), |case| {
        let mut mutants = other_verdicts(case, "result");
        mutants.extend(MARKS.map(|mark| with(case, |case| case["marks"] = json!([mark]))));
        if case["result"] != "ok" {
            mutants.push(with(case, |case| case["consumed"] = 12.into()));
            mutants.push(with(case, |case| case["reencoded_hex"] = "".into()));
        }
        mutants
    });
}

#[test]
fn wire_cases_fail_with_other_bytes_or_fields() {
    let ok: Vec<_> = cases("wire").into_iter().filter(|case| case["result"] == "ok").collect();
    assert_eq!(ok.len(), 287);
    each_fails("fields", &ok, |case| {
        let mut mutants = vec![
            with(case, |case| nudge(&mut case["consumed"])),
            with(case, |case| case["limit"] = (case["consumed"].as_u64().unwrap() - 12).into()),
            with(case, |case| longer(&mut case["reencoded_hex"])),
            with(case, |case| shorter(&mut case["reencoded_hex"])),
        ];
        for field in ["consumed", "decoded", "reencoded_hex"] {
            mutants.push(with(case, |case| drop(case.as_object_mut().unwrap().remove(field))));
        }
        for field in ["cmd", "seq", "version", "flag"] {
            mutants.push(with(case, |case| nudge(&mut case["decoded"][field])));
        }
        mutants.extend(other_bodies(case));
        for byte in places(&case["reencoded_hex"], &(0..48).collect::<Vec<_>>()) {
            mutants.push(with(case, |case| flip(&mut case["reencoded_hex"], byte)));
        }
        // The last byte of a header is ignored, and the bytes of an unlisted command are their own
        // expectation.
        for byte in (0..11).filter(|_| marks(case).is_empty()) {
            mutants.push(with(case, |case| flip(&mut case["hex"], byte)));
        }
        mutants
    });
}

#[test]
fn marked_cases_fail_without_their_mark() {
    let all: Vec<_> = ["handler", "wire"].into_iter().flat_map(cases).collect();
    let marked: Vec<_> = all.into_iter().filter(|case| !marks(case).is_empty()).collect();
    assert_eq!(marked.len(), 124 + 37);
    each_fails("unmarked", &marked, |case| {
        let without =
            |index| with(case, |case| drop(case["marks"].as_array_mut().unwrap().remove(index)));
        (0..marks(case).len()).map(without).collect()
    });
}

const MARKS: [&str; 3] = ["zero-identity", "clock-range", "unlisted-command"];

/// How many unmarked handler cases have effects.
const ACCEPTED: usize = 321;

fn accepted() -> Vec<Value> {
    let accepted: Vec<_> = unmarked("handler").into_iter().filter(has_effects).collect();
    assert_eq!(accepted.len(), ACCEPTED);
    accepted
}

fn unmarked(name: &str) -> Vec<Value> {
    cases(name).into_iter().filter(|case| marks(case).is_empty()).collect()
}

fn has_effects(case: &Value) -> bool {
    case["effects"].as_array().is_some_and(|effects| !effects.is_empty())
}

/// The reserved byte of the header (W1) and the timestamp of the body (H4).
fn is_overwritten(byte: usize) -> bool {
    byte == 11 || (44..48).contains(&byte)
}

/// Replays the mutants of each case in one run; a case must have some.
fn each_fails(test: &str, cases: &[Value], mutants: impl Fn(&Value) -> Vec<Value>) {
    for case in cases {
        let mut mutants = mutants(case);
        assert!(!mutants.is_empty(), "{}", case["id"]);
        if case.to_string().len() > LARGE {
            mutants = mutants.into_iter().step_by(LARGE_STEP).collect();
        }
        let (exit, out, err) = replay_cases(test, &mutants);
        let sums = format!("0 passed, {} failed", mutants.len());
        if out.lines().last() != Some(sums.as_str()) {
            let passed = mutants.iter().find(|mutant| {
                Case::parse(&mutant.to_string()).is_ok_and(|case| replay(&case).is_empty())
            });
            panic!("{sums} expected: {out}passed: {passed:?}");
        }
        assert_eq!((exit.status(), err.as_str()), (1, ""));
    }
}

/// Cases with long contents take long and show no more than others: a sample of their mutants is
/// enough.
const LARGE: usize = 4_000;
const LARGE_STEP: usize = 7;

/// A copy of a case with a change, which must be one.
fn with(case: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut mutant = case.clone();
    change(&mut mutant);
    assert_ne!(&mutant, case);
    mutant
}

/// Swapped, left out, done twice.
fn order_and_number(case: &Value, effects: &[Value]) -> Vec<Value> {
    let edit = |change: &dyn Fn(&mut Vec<Value>)| {
        with(case, |case| change(case["effects"].as_array_mut().unwrap()))
    };
    let mut mutants = Vec::new();
    for (index, effect) in effects.iter().enumerate() {
        mutants.push(edit(&|effects| drop(effects.remove(index))));
        mutants.push(edit(&|effects| effects.insert(index, effect.clone())));
        for (other, swapped) in effects.iter().enumerate().skip(index + 1) {
            // Both copies of a message to oneself go to the same queue.
            if effect != swapped {
                mutants.push(edit(&|effects| effects.swap(index, other)));
            }
        }
    }
    mutants
}

/// Other answers of the store to the saves that are asked for.
fn answers(case: &Value) -> Vec<Value> {
    let saves = case["effects"].as_array().unwrap();
    let asked = saves.iter().filter(|effect| effect["op"] == "SaveMessage").count();
    let mut mutants = Vec::new();
    for index in 0..asked {
        if case["save_results"][index].is_null() {
            mutants.push(with(case, |case| case["save_results"][index] = 1.into()));
            continue;
        }
        mutants.push(with(case, |case| {
            case["save_results"].as_array_mut().unwrap().truncate(index);
        }));
        mutants.push(with(case, |case| case["save_results"][index] = Value::Null));
        // The id of a first copy shows nowhere when the second save fails.
        if saves.len() > asked {
            mutants.push(with(case, |case| nudge(&mut case["save_results"][index])));
        }
    }
    mutants
}

fn other_verdicts(case: &Value, field: &str) -> Vec<Value> {
    ["ok", "incomplete", "error:length", "error:parse"]
        .into_iter()
        .filter(|verdict| case[field] != *verdict)
        .map(|verdict| with(case, |case| case[field] = verdict.into()))
        .collect()
}

/// Each field of a decoded body changed, and a body where there is none.
fn other_bodies(case: &Value) -> Vec<Value> {
    let Some(body) = case["decoded"]["body"].as_object() else {
        let body = json!({"type": "ack", "ack_seq": 0});
        return vec![with(case, |case| case["decoded"]["body"] = body)];
    };
    let mut mutants = vec![with(case, |case| case["decoded"]["body"] = Value::Null)];
    for (field, value) in body.iter().filter(|(field, _)| *field != "type") {
        let change = if value.is_string() { longer } else { nudge };
        mutants.push(with(case, |case| change(&mut case["decoded"]["body"][field])));
    }
    mutants
}

/// A device where there is none, none where there is one.
fn device_id(effect: &mut Value) {
    let effect = effect.as_object_mut().unwrap();
    if effect.remove("device_id").is_none() {
        effect.insert("device_id".to_owned(), 0.into());
    }
}

/// Which of these bytes exist, and the last one. Of long values only every eighth, since each costs
/// a whole case.
fn places(hex: &Value, bytes: &[usize]) -> Vec<usize> {
    let last = (hex.as_str().unwrap().len() / 2).checked_sub(1);
    let step = if last > Some(4_000) { 8 } else { 1 };
    let bytes = bytes.iter().copied().step_by(step);
    let mut places: Vec<_> = bytes.filter(|&byte| Some(byte) < last).collect();
    places.extend(last);
    places
}

fn longer(hex: &mut Value) {
    edit(hex, |bytes| bytes.push(0));
}

fn shorter(hex: &mut Value) {
    edit(hex, |bytes| bytes.truncate(bytes.len() - 1));
}
