//! Which places of a case are recorded, and which of its inputs make a difference.

use serde_json::Value;

use crate::marks;

/// What is recorded of each kind; the rest of a case is its input.
const RECORDED: [&str; 11] = [
    "decode",
    "branch",
    "effects",
    "result",
    "consumed",
    "decoded",
    "reencoded_hex",
    "router",
    "frames",
    "frames_more",
    "asked_key",
];

/// The places of everything that is recorded and compared.
pub(crate) fn recorded(case: &Value) -> Vec<String> {
    let fields = case.as_object().unwrap().keys();
    let is_compared = |field: &&String| {
        RECORDED.contains(&field.as_str()) && (has_outcome(case) || *field == "decode")
    };
    fields.filter(is_compared).flat_map(|field| below(case, &format!("/{field}"))).collect()
}

/// A place and all places in it.
fn below(case: &Value, place: &str) -> Vec<String> {
    let inner = match case.pointer(place).unwrap() {
        Value::Object(fields) => fields.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
        _ => Vec::new(),
    };
    let inner = inner.iter().flat_map(|name| below(case, &format!("{place}/{name}")));
    [place.to_owned()].into_iter().chain(inner).collect()
}

/// The places of inputs that make a difference in this case.
pub(crate) fn inputs(case: &Value) -> Vec<String> {
    match case["kind"].as_str() {
        None if is_accepted(case) => of_handler(case),
        Some("queue") => of_queue(case),
        Some("deliver") if case["router"].as_array().unwrap().len() > 2 => of_deliver(case),
        Some("sync") if case["storage"].is_object() && !case["asked_key"].is_null() => {
            of_sync(case)
        }
        _ => Vec::new(),
    }
}

fn of_handler(case: &Value) -> Vec<String> {
    let mut inputs: Vec<_> =
        ["/session", "/now"].iter().flat_map(|place| below(case, place)).collect();
    // Without an ACK, number and flags show nowhere.
    if is_acknowledged(case) {
        inputs.extend(below(case, "/input"));
    }
    if !has_other_kefu_app(case) {
        inputs.push("/kefu_appid".to_owned());
    }
    inputs.extend(answers(case, "/save_results"));
    inputs
}

fn of_queue(case: &Value) -> Vec<String> {
    let mut inputs = below(case, "/steps");
    inputs.retain(|place| is_written(case, place));
    inputs.push("/version".to_owned());
    inputs
}

/// Those of the last message.
fn of_deliver(case: &Value) -> Vec<String> {
    let arrivals = case["inputs"].as_array().unwrap();
    let (last, sender) = (arrivals.len() - 1, &arrivals[arrivals.len() - 1]["connection"]);
    let fields = ["appid", "uid", "device_id", "version"];
    let mut inputs: Vec<_> = fields.map(|it| format!("/connections/{sender}/{it}")).to_vec();
    inputs.extend(["/kefu_appid", "/now"].map(str::to_owned));
    inputs.push(format!("/inputs/{last}/frame_hex"));
    inputs.extend(answers(case, &format!("/inputs/{last}/save_results")));
    inputs
}

fn of_sync(case: &Value) -> Vec<String> {
    let key = if case["request_key"] == 0 { "/stored_key" } else { "/request_key" };
    let mut inputs = [key, "/session/version", "/storage/has_more"].map(str::to_owned).to_vec();
    let newest = "/storage/messages/0/msgid";
    inputs.extend(case.pointer(newest).map(|_| newest.to_owned()));
    inputs
}

/// The writer numbers a message and gives it its version; an ACK has no flags, and in version 1 no
/// status.
fn is_written(case: &Value, place: &str) -> bool {
    let (parent, name) = place.rsplit_once('/').unwrap();
    match name {
        "seq" | "version" | "via" => false,
        "status" => {
            case["version"].as_i64() > Some(1) || case.pointer(parent).unwrap()["type"] != "ack"
        }
        "flag" => case.pointer(parent).unwrap()["cmd"] != 5,
        _ => true,
    }
}

pub(crate) fn is_acknowledged(case: &Value) -> bool {
    let last = case["effects"].as_array().and_then(|effects| effects.last());
    last.is_some_and(|effect| effect["op"] == "EnqueueMessage")
}

/// Whether the other side would do as the kefu app, too.
fn has_other_kefu_app(case: &Value) -> bool {
    let other = case["kefu_appid"].as_i64().unwrap() ^ 1;
    case["effects"].as_array().unwrap().iter().any(|effect| effect["appid"] == other)
}

/// The answers of the store, as far as they show: the first of two shows nowhere, if the second
/// save fails.
fn answers(case: &Value, place: &str) -> Vec<String> {
    let all = case.pointer(place).unwrap().as_array().unwrap();
    let failed = all.iter().position(Value::is_null);
    match failed {
        Some(index) => vec![format!("{place}/{index}")],
        None => (0..all.len()).flat_map(|index| below(case, &format!("{place}/{index}"))).collect(),
    }
}

/// Without a session or a clock nothing but the reading is compared.
pub(crate) fn has_outcome(case: &Value) -> bool {
    !marks(case).iter().any(|mark| ["zero-identity", "clock-range"].contains(mark))
}

pub(crate) fn is_accepted(case: &Value) -> bool {
    case["effects"].as_array().is_some_and(|effects| !effects.is_empty())
}
