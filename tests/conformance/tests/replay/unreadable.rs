//! Files and lines that are no cases are named in one line and never taken for a case.

use std::fs;
use std::path::{Path, PathBuf};

use kefu_conformance::Exit;
use kefu_conformance::case::Hex;
use serde_json::Value;

use crate::{cases, one, replay, replay_text, scratch};

#[test]
fn a_malformed_line_is_named_with_its_number() {
    let good = one("w-ping-000");
    for (line, what) in malformed_lines() {
        let (exit, out, err) =
            replay_text("malformed", format!("{good}\n{good}\n{line}\n{good}\n").as_bytes());
        let start = format!("{}:3: ", scratch("malformed").display());
        assert!(err.starts_with(&start) && err.contains(what), "{what:?} expected: {err}");
        assert_eq!(err.lines().count(), 1, "{err}");
        assert_eq!((exit.status(), out.as_str()), (2, "3 passed, 0 failed\n"), "{line}");
    }
}

/// A field that is missing is as bad as an unknown one, on every level.
#[test]
fn no_field_may_be_missing_and_none_unknown() {
    for (id, levels) in LEVELS {
        let case = one(id);
        for level in levels {
            assert_strict(&case, level);
        }
    }
    let mut ping = one("w-ping-000");
    assert_malformed(&ping, "/decoded", |fields| drop(fields.remove("body")));
    ping["decoded"]["body"] = Value::Bool(false);
    assert_malformed(&ping, "", |_| {});
}

/// The objects of each kind of case.
const LEVELS: [(&str, &[&str]); 8] = [
    ("h-persistent-000", &["", "/session", "/input", "/effects/0"]),
    ("w-customer-000", &["", "/decoded", "/decoded/body"]),
    ("v2h-plain-000", &["", "/session", "/save_results/0", "/effects/0", "/effects/3/meta"]),
    ("v2w-metadata-corner-003", &["", "/decoded", "/decoded/body"]),
    ("v2q-steps-001", &["", "/steps/0", "/steps/0/messages/0", "/steps/0/messages/0/body"]),
    ("v2q-login-000", &["", "/tokens/0"]),
    ("v2q-one-to-one-000", &["", "/connections/0", "/inputs/0", "/router/0"]),
    ("v2q-sync-000", &["", "/session", "/storage", "/storage/messages/0"]),
];

fn assert_strict(case: &Value, level: &str) {
    let fields = case.pointer(level).and_then(Value::as_object).unwrap();
    assert!(!fields.is_empty());
    assert_malformed(case, level, |fields| {
        fields.insert("extra".to_owned(), Value::Null);
    });
    for field in fields.keys().filter(|field| !is_optional(level, field)) {
        assert_malformed(case, level, |fields| drop(fields.remove(field)));
    }
}

/// Fields that not every case has: whether one should is decided by comparing.
fn is_optional(level: &str, field: &str) -> bool {
    match field {
        "device_id" | "meta" => level.starts_with("/effects/") || level.starts_with("/router/"),
        "seq" | "version" | "flag" => level.starts_with("/router/"),
        _ => OPTIONAL.contains(&field),
    }
}

const OPTIONAL: [&str; 8] = [
    "consumed",
    "decoded",
    "reencoded_hex",
    "external",
    "storage",
    "asked_key",
    "start_seq",
    "frames_more",
];

#[test]
fn files_that_cannot_be_read_are_named() {
    let binary = scratch("binary");
    fs::write(&binary, b"{\"id\":\"\xff\"}\n").unwrap();
    let empty = scratch("empty");
    fs::write(&empty, b"").unwrap();
    let missing = scratch("missing-on-purpose");
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let files = [&missing, &directory, &binary, &empty];
    for file in files {
        let (exit, out, err) = replay(std::slice::from_ref(file));
        assert_eq!((exit.status(), out.as_str()), (2, "0 passed, 0 failed\n"));
        assert_named(&err, &[file]);
    }
    // One after the other, and the others are replayed all the same.
    let mut all = files.map(Clone::clone).to_vec();
    all.insert(1, crate::vectors("wire"));
    let (exit, out, err) = replay(&all);
    assert_eq!((exit, out.lines().last()), (Exit::Unreadable, Some("569 passed, 0 failed")));
    assert_named(&err, &files);
}

#[test]
fn hexadecimal_is_lower_case_and_whole_bytes() {
    let bytes: Vec<u8> = (0..=255).collect();
    let text = String::from(Hex(bytes.clone()));
    assert!(text.starts_with("000102") && text.ends_with("fdfeff"), "{text}");
    assert_eq!(Hex::try_from(text), Ok(Hex(bytes)));
    for text in ["0", "000", "0g", "0A", "+1", " 1", "é"] {
        assert!(Hex::try_from(text.to_owned()).is_err(), "{text:?}");
    }
}

#[test]
fn unreadable_wins_over_failed() {
    let mut failing = one("w-ping-000");
    failing["consumed"] = 1.into();
    let (exit, out, err) = replay_text("both", format!("{failing}\nnonsense\n").as_bytes());
    assert_eq!((exit, out.lines().last()), (Exit::Unreadable, Some("0 passed, 1 failed")));
    assert_eq!(err.lines().count(), 1, "{err}");
}

#[test]
fn a_file_of_something_else_does_not_flood_the_terminal() {
    let (exit, out, err) = replay_text("flood", "nonsense\n".repeat(1_000).as_bytes());
    assert_eq!((exit, out.as_str()), (Exit::Unreadable, "0 passed, 0 failed\n"));
    assert_eq!(err.lines().count(), 11, "{err}");
    assert!(err.ends_with("\n... and 990 more lines that cannot be read\n"), "{err}");
}

/// One line each, with a part of what must be said about it.
fn malformed_lines() -> Vec<(String, &'static str)> {
    let handler = one("h-persistent-000").to_string();
    let wire = cases("wire")[0].to_string();
    let edit = |case: &str, from: &str, to: &str| {
        assert_eq!(case.matches(from).count(), 1, "{from}");
        case.replace(from, to)
    };
    let mut both: Value = serde_json::from_str(&wire).unwrap();
    both["input"] = Value::Bool(true);
    let owned = |line: &str, what| (line.to_owned(), what);
    vec![
        owned("", "EOF"),
        owned("nonsense", "expected"),
        owned("[]", "a case"),
        owned("1", "a case"),
        owned("{}", "neither"),
        owned("{\"kind\":\"sink\"}", "unknown variant `sink`"),
        owned("{\"kind\":\"queue\"}", "missing field `id`"),
        owned("{\"id\":\"h-1\"", "EOF"),
        (both.to_string(), "both"),
        (format!("{handler} {wire}"), "trailing characters"),
        (edit(&handler, "\"now\":", "\"now\":1,\"now\":"), "duplicate field `now`"),
        (edit(&handler, "\"now\":1500000000", "\"now\":1.5"), "expected i64"),
        (edit(&handler, "\"now\":1500000000", "\"now\":9223372036854775808"), "expected i64"),
        (edit(&handler, "\"marks\":[]", "\"marks\":[\"lenient\"]"), "unknown variant `lenient`"),
        (edit(&handler, "\"marks\":[]", "\"marks\":[\"a\\nb\"]"), "a\\nb"),
        (
            edit(&handler, "\"decode\":\"ok\"", "\"decode\":\"unlisted\""),
            "unknown variant `unlisted`",
        ),
        (edit(&handler, "\"frame_hex\":\"00", "\"frame_hex\":\"0"), "hexadecimal"),
        (edit(&wire, "\"hex\":\"00", "\"hex\":\"0A"), "hexadecimal"),
        (edit(&wire, "\"result\":\"ok\"", "\"result\":\"OK\""), "unknown variant `OK`"),
        (edit(&wire, "\"limit\":32768", "\"limit\":-1"), "expected u32"),
        (edit(&wire, "\"seq\":-2147483648", "\"seq\":-2147483649"), "expected i32"),
        (edit(&wire, "\"type\":\"customer\"", "\"type\":\"chat\""), "unknown variant `chat`"),
        (edit(&handler, "\"save_results\":[", "\"save_results\":[{\"id\":1},"), "a msgid, or"),
        (edit(&wire, "\"consumed\":154", "\"consumed\":-154"), "expected usize"),
    ]
}

fn assert_malformed(
    case: &Value,
    level: &str,
    change: impl FnOnce(&mut serde_json::Map<String, Value>),
) {
    let mut mutant = case.clone();
    change(mutant.pointer_mut(level).and_then(Value::as_object_mut).unwrap());
    let (exit, out, err) = replay_text("fields-missing", format!("{mutant}\n").as_bytes());
    assert_eq!((exit.status(), out.as_str()), (2, "0 passed, 0 failed\n"), "{level} of {mutant}");
    let start = format!("{}:1: ", scratch("fields-missing").display());
    assert!(err.starts_with(&start) && err.lines().count() == 1, "{err}");
}

/// One line for each of these files, and nothing else.
fn assert_named(err: &str, files: &[&PathBuf]) {
    assert_eq!(err.lines().count(), files.len(), "{err}");
    for (line, file) in err.lines().zip(files) {
        let file: &Path = file;
        assert!(line.starts_with(&format!("{}: ", file.display())), "{err}");
    }
}
