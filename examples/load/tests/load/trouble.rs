//! The trouble that clients make: a server that survives it is clean, and one that does not is found.

use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::server::Server;
use crate::store::{Behaviour, Fault};
use crate::{json, run, server, stderr};

/// A second of this takes long enough for all kinds of trouble.
const SECOND: [&str; 8] =
    ["--customers", "20", "--sellers", "3", "--window", "8", "--seconds", "1"];
const ALL: [&str; 8] = ["--churn", "30", "--repeat", "30", "--slow", "20", "--hostile", "30"];

fn load(server: &Server, options: &[&str]) -> (i32, Value) {
    json(server, &[&SECOND[..], options].concat())
}

/// A server that stores repeats again.
fn forgetful() -> Server {
    Server::start(Behaviour { is_idempotent: false, ..Behaviour::default() })
}

/// These figures of a result, which must be positive.
#[track_caller]
fn assert_positive(result: &Value, figures: &[&str]) {
    for figure in figures {
        let found = result.pointer(figure).and_then(Value::as_u64);
        assert!(found > Some(0), "{figure} of {result}");
    }
}

#[test]
fn clients_come_and_go_in_every_way() {
    let (status, result) = load(&server(Fault::None), &["--churn", "50"]);
    assert_eq!((status, &result["sent"]), (0, &result["acked"]), "{result}");
    let ways = ["goodbyes", "dropped", "reset", "broken_off", "visits"];
    let figures = ways.map(|way| format!("/trouble/churn/{way}"));
    assert_positive(&result, &figures.each_ref().map(String::as_str));
    assert_positive(&result, &["/repeated"]);
    assert_eq!(result["trouble"]["churn"]["not_closed"], 0, "{result}");
    assert_eq!(result["reconnects"], 0, "who leaves has not lost a connection: {result}");
}

#[test]
fn a_connection_that_is_not_closed_behind_a_goodbye_breaks_a_rule() {
    let options = ["--churn", "50", "--timeout", "2", "--check", "all"];
    let (status, result) = load(&server(Fault::KeepsDeparted), &options);
    assert_positive(&result, &["/trouble/churn/not_closed"]);
    let example = &result["routing"]["examples"][0];
    assert_eq!((status, &example["rule"]), (1, &"S7.2".into()), "{result}");
    assert!(example["what"].as_str().unwrap().contains(" is not closed, though "), "{example}");
}

#[test]
fn repeats_are_stored_once_with_a_uuid_and_each_time_without() {
    let server = server(Fault::None);
    let small = ["--customers", "4", "--sellers", "1", "--window", "8", "--count", "160"];
    let (status, result) = json(&server, &[&small[..], &["--repeat", "50"]].concat());
    assert_eq!(status, 0, "{result}");
    // Of two customers, every fourth message.
    for (figure, expected) in [
        ("/acked", 640),
        ("/trouble/repeat/marked", 40),
        ("/trouble/repeat/unmarked", 40),
        ("/trouble/repeat/acked", 80),
        ("/verification/expected", 2 * (640 + 40)),
        ("/verification/read", 2 * (640 + 40)),
    ] {
        assert_eq!(result.pointer(figure), Some(&expected.into()), "{figure} of {result}");
    }
}

#[test]
fn a_repeat_that_is_stored_again_is_a_duplicate_unless_it_is_allowed() {
    let options = ["--repeat", "20", "--churn", "20"];
    let (status, result) = load(&forgetful(), &options);
    assert_eq!((status, &result["verification"]["lost"]), (1, &0.into()), "{result}");
    assert_positive(&result, &["/verification/duplicated"]);

    for dialect in ["v1", "v2"] {
        let allowed = [&options[..], &["--allow-repeats", "--dialect", dialect]].concat();
        let (status, result) = load(&forgetful(), &allowed);
        assert_eq!((status, &result["allows_repeats"]), (0, &true.into()), "{result}");
    }
}

#[test]
fn what_is_allowed_to_be_stored_again_is_not_allowed_to_be_doubled_or_lost() {
    for (fault, figure) in [
        (Fault::Doubles, "duplicated"),
        (Fault::LosesSendersCopy, "lost"),
        (Fault::Reorders, "reordered"),
    ] {
        let behaviour = Behaviour { fault, is_idempotent: false, ..Behaviour::default() };
        // The faulty message is one that is not repeated.
        let (status, result) =
            json(&Server::start(behaviour), &[&crate::SMALL[..], &["--allow-repeats"]].concat());
        assert_eq!((status, &result["verification"][figure]), (1, &1.into()), "{result}");
    }
}

#[test]
fn messages_without_a_uuid_that_are_taken_for_repeats_are_lost() {
    let (status, result) = load(&server(Fault::MergesUnmarked), &["--repeat", "20"]);
    assert_eq!((status, &result["verification"]["duplicated"]), (1, &0.into()), "{result}");
    assert_positive(&result, &["/verification/lost"]);
}

#[test]
fn slow_readers_do_not_disturb_the_others() {
    let (status, result) = load(&server(Fault::None), &["--slow", "20"]);
    assert_eq!(status, 0, "{result}");
    assert_positive(&result, &["/trouble/slow/stopped", "/trouble/slow/stopped_for_good"]);
}

#[test]
fn hostile_clients_are_refused() {
    for dialect in ["v1", "v2"] {
        let options = ["--hostile", "50", "--dialect", dialect];
        let (status, result) = load(&server(Fault::None), &options);
        assert_eq!(status, 0, "{result}");
        let kinds = ["frames", "messages", "floods", "flood_frames", "logins", "held"];
        let figures = kinds.map(|kind| format!("/trouble/hostile/{kind}"));
        assert_positive(&result, &figures.each_ref().map(String::as_str));
    }
}

#[test]
fn what_should_have_been_refused_is_found() {
    for (fault, figure, rules) in [
        (Fault::AcksRefused, "answered", &["(H13.1)"][..]),
        (Fault::AnswersEarly, "answered", &["(S1.1)"]),
        (Fault::LogsInAnybody, "answered", &["(S1.5)"]),
        (Fault::AnswersBroken, "answered", &["(S7.1)"]),
        (Fault::NeverCloses, "not_closed", &["(W2.1)", "(W5.1)", "(W5.4)", "(W5.5)", "(W5.6)"]),
    ] {
        let options = ["--hostile", "50", "--timeout", "2"];
        let (status, result) = load(&server(fault), &options);
        assert_eq!((status, &result["verification"]["lost"]), (1, &0.into()), "{fault:?} {result}");
        let hostile = &result["trouble"]["hostile"];
        assert!(hostile[figure].as_u64() > Some(0), "{fault:?} {result}");
        let example = hostile["examples"][0].as_str().unwrap();
        assert!(rules.iter().any(|rule| example.ends_with(rule)), "{fault:?} {example}");
    }
}

#[test]
fn a_refused_message_that_is_stored_is_unexpected() {
    let (status, result) = load(&server(Fault::StoresRefused), &["--hostile", "50"]);
    assert_eq!((status, &result["verification"]["lost"]), (1, &0.into()), "{result}");
    assert_positive(&result, &["/verification/unexpected"]);
    assert_eq!(result["trouble"]["hostile"]["answered"], 0, "{result}");
}

#[test]
fn what_was_not_refused_is_in_the_table() {
    let options = [&SECOND[..], &["--hostile", "50"]].concat();
    let output = run(&server(Fault::AcksRefused), &options);
    let table = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(table.contains("\nhostile       "), "{table}");
    assert!(table.contains(" got an ACK (H13.1)\n"), "{table}");
    assert!(table.ends_with("verdict       the server does not refuse what it must\n"), "{table}");
}

#[test]
fn who_floods_is_counted_apart() {
    let options = [&SECOND[..], &["--flood", "2", "--json"]].concat();
    let server = server(Fault::None);
    let (status, result) = crate::result(&run(&server, &options));
    assert_eq!((status, &result["trouble"]["flood"]["accounts"]), (0, &2.into()), "{result}");
    assert_positive(&result, &["/trouble/flood/acked"]);
    let judged = result["verification"]["read"].as_u64().unwrap();
    assert_eq!(Some(judged), result["acked"].as_u64().map(|acked| 2 * acked), "{result}");
}

#[test]
fn all_trouble_together_is_survived_through_a_restart() {
    let server = server(Fault::None);
    let addr = server.addr.to_string();
    let options = ["--customers", "20", "--sellers", "3", "--seconds", "3", "--dialect", "mixed"];
    let load = thread::spawn({
        let addr = addr.clone();
        move || {
            let options = [&options[..], &ALL, &["--json"]].concat();
            crate::kefu_load(&addr, &options).output().unwrap()
        }
    });
    while server.data.store().stored < 1_000 {
        thread::sleep(Duration::from_millis(10));
    }
    let data = std::sync::Arc::clone(&server.data);
    drop(server);
    thread::sleep(Duration::from_millis(300));
    let _restarted = Server::restart(&addr, data).unwrap();
    let (status, result) = crate::result(&load.join().unwrap());
    assert_eq!((status, &result["sent"]), (0, &result["acked"]), "{result}");
    assert_positive(&result, &["/reconnects", "/trouble/churn/visits", "/trouble/repeat/acked"]);
}
