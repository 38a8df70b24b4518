//! Small changes to a case, each of which it could have had.

use std::slice;

use kefu_conformance::case::Hex;
use serde_json::{Map, Value, json};

/// Other values for one place, each of which the case could have.
pub(crate) fn mutants(case: &Value, place: &str) -> Vec<Value> {
    let (parent, name) = place.rsplit_once('/').unwrap();
    let change = |change: &dyn Fn(&mut Value)| vec![with_at(case, place, change)];
    match case.pointer(place).unwrap() {
        Value::Number(_) => change(&nudge),
        Value::Bool(_) => change(&|flag| *flag = (!flag.as_bool().unwrap()).into()),
        // Another type has other fields.
        Value::String(_) if name == "type" => Vec::new(),
        Value::String(hex) if name.ends_with("hex") || parent.contains("frames") => {
            of_hex(case, place, hex.len() / 2)
        }
        Value::String(text) => of_text(case, place, text),
        Value::Null => {
            let other = match name {
                "meta" => json!({"sync_key": 1, "prev_sync_key": 0}),
                "body" => json!({"type": "sync_key", "sync_key": 1}),
                _ => json!({"msgid": 2, "prev_msgid": 1}),
            };
            change(&|null| *null = other.clone())
        }
        Value::Array(items) => of_list(case, place, items),
        Value::Object(_) if name == "meta" || parent.ends_with("save_results") => {
            change(&|object| *object = Value::Null)
        }
        Value::Object(_) if parent.ends_with("effects") => {
            change(&|effect| other_device(effect.as_object_mut().unwrap()))
        }
        Value::Object(_) => Vec::new(),
    }
}

/// Each field of a header, something between, the last byte, and one more.
fn of_hex(case: &Value, place: &str, length: usize) -> Vec<Value> {
    let is_input = place.ends_with("frame_hex");
    let bytes = (0..length).filter(|&at| {
        let is_field = [0, 3, 7, 8, 9, 10, 11, length / 2, length - 1].contains(&at);
        is_field && !(is_input && is_overwritten(at))
    });
    let mut mutants: Vec<_> = bytes.map(|at| with_at(case, place, |hex| flip(hex, at))).collect();
    mutants.push(with_at(case, place, |hex| edit(hex, |bytes| bytes.push(0))));
    mutants
}

fn of_text(case: &Value, place: &str, text: &str) -> Vec<Value> {
    let others: &[&str] = if ["/decode", "/result"].contains(&place) {
        &["ok", "incomplete", "error:length", "error:parse", "error:cmd"]
    } else {
        &["another"]
    };
    let others = others.iter().filter(|&&other| other != text);
    others.map(|&other| with_at(case, place, |text| *text = other.into())).collect()
}

/// One left out, one there twice, two swapped.
fn of_list(case: &Value, place: &str, items: &[Value]) -> Vec<Value> {
    let change = |change: &dyn Fn(&mut Vec<Value>)| {
        with_at(case, place, |list| change(list.as_array_mut().unwrap()))
    };
    let mut mutants = Vec::new();
    for (index, item) in items.iter().enumerate() {
        mutants.push(change(&|list| drop(list.remove(index))));
        mutants.push(change(&|list| list.insert(index, item.clone())));
        if items.get(index + 1).is_some_and(|next| next != item) {
            mutants.push(change(&|list| list.swap(index, index + 1)));
        }
    }
    mutants
}

/// A device where there is none, none where there is one.
fn other_device(effect: &mut Map<String, Value>) {
    if effect.remove("device_id").is_none() {
        effect.insert("device_id".to_owned(), 0.into());
    }
}

/// The version and the reserved byte of a 64, and its time.
fn is_overwritten(byte: usize) -> bool {
    [9, 11].contains(&byte) || (44..48).contains(&byte)
}

/// A copy of a case with a change at one place, which must be one.
pub(crate) fn with_at(case: &Value, place: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut mutant = case.clone();
    change(mutant.pointer_mut(place).unwrap());
    assert_ne!(slice::from_ref(&mutant), slice::from_ref(case));
    mutant
}

/// Changes the lowest bit: never out of the range of the field.
pub(crate) fn nudge(number: &mut Value) {
    *number = (number.as_i64().unwrap() ^ 1).into();
}

pub(crate) fn flip(hex: &mut Value, byte: usize) {
    edit(hex, |bytes| bytes[byte] ^= 1);
}

pub(crate) fn edit(hex: &mut Value, change: impl FnOnce(&mut Vec<u8>)) {
    let Hex(mut bytes) = Hex::try_from(hex.as_str().unwrap().to_owned()).unwrap();
    change(&mut bytes);
    *hex = String::from(Hex(bytes)).into();
}
