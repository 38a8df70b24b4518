//! The load tool against a small server in memory: what it reports, and that it finds each fault.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod server;
mod several;
mod store;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kefu_proto::{Account, AppId, MsgId, UserId};
use serde_json::Value;
use server::Server;
use store::{Behaviour, Fault};

/// Five customers with 200 messages each.
const SMALL: [&str; 8] = ["--customers", "5", "--sellers", "2", "--window", "8", "--count", "200"];

fn kefu_load(addr: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kefu-load"));
    command.args(["--addr", addr]).args(args).stdin(Stdio::null());
    command
}

fn run(server: &Server, args: &[&str]) -> Output {
    kefu_load(&server.addr.to_string(), args).output().unwrap()
}

/// Runs with `--json`; the exit status and the result.
fn json(server: &Server, args: &[&str]) -> (i32, Value) {
    result(&run(server, &[args, &["--json"]].concat()))
}

fn result(output: &Output) -> (i32, Value) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let result = serde_json::from_str(&stdout)
        .unwrap_or_else(|error| panic!("{error}: {stdout:?} {}", stderr(output)));
    (output.status.code().unwrap(), result)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn server(fault: Fault) -> Server {
    Server::start(Behaviour { fault, ..Behaviour::default() })
}

#[test]
fn a_run_counts_what_it_sent_and_what_came_back() {
    let server = server(Fault::None);
    let (status, result) = json(&server, &[&SMALL[..], &["--transient", "25"]].concat());
    assert_eq!(status, 0, "{result}");
    for (figure, expected) in [
        ("/customers", 5),
        ("/sellers", 2),
        ("/window", 8),
        ("/size", 100),
        ("/transient_percent", 25),
        ("/sent", 1_000),
        ("/acked", 1_000),
        ("/repeated", 0),
        ("/notifies", 750),
        ("/transient_received", 250),
        ("/refusals/messages_never_acked", 0),
        ("/refusals/logins", 0),
        ("/reconnects", 0),
        ("/gave_up", 0),
        ("/verification/expected", 1_500),
        ("/verification/read", 1_500),
        ("/verification/lost", 0),
        ("/verification/duplicated", 0),
        ("/verification/reordered", 0),
        ("/verification/unexpected", 0),
    ] {
        assert_eq!(result.pointer(figure), Some(&expected.into()), "{figure} of {result}");
    }
    let micros = |figure: &str| result["ack_latency_us"][figure].as_u64().unwrap();
    let latencies = ["p50", "p90", "p99", "p99_9", "max"].map(micros);
    assert!(latencies[0] > 0 && latencies.is_sorted(), "{latencies:?}");
    assert!(result["messages_per_second"].as_u64() > Some(0));
    assert!(result["seconds"].as_f64() > Some(0.0));
}

#[test]
fn without_json_there_are_progress_lines_and_a_table() {
    let server = server(Fault::None);
    let output = run(&server, &["--customers", "2", "--sellers", "1", "--seconds", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).starts_with("sending: 1 s, "), "{}", stderr(&output));
    let table = String::from_utf8(output.stdout).unwrap();
    let heads: Vec<_> = table.lines().filter_map(|line| line.split("  ").next()).collect();
    assert_eq!(
        heads[1..],
        [
            "load",
            "messages",
            "rate",
            "ACK latency",
            "pause",
            "received",
            "refusals",
            "reconnects",
            "verification",
            "verdict"
        ]
    );
    assert!(table.ends_with("in both queues exactly once and in order\n"), "{table}");
}

#[test]
fn clients_stay_idle_first_if_asked_to() {
    let server = server(Fault::None);
    let output = run(&server, &[&SMALL[..], &["--idle", "2", "--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).starts_with("idle: 1 of 2 s\n"), "{}", stderr(&output));
    let seconds = result(&output).1["seconds"].as_f64().unwrap();
    assert!(seconds < 2.0, "{seconds} s: the idle time is not counted");
}

#[test]
fn each_fault_is_found() {
    for (fault, figure) in [
        (Fault::LosesReceiversCopy, "lost"),
        (Fault::LosesSendersCopy, "lost"),
        (Fault::Doubles, "duplicated"),
        (Fault::Reorders, "reordered"),
    ] {
        let (status, result) = json(&server(fault), &SMALL);
        assert_eq!((status, &result["verification"][figure]), (1, &1.into()), "{fault:?} {result}");
        let figures = ["lost", "duplicated", "reordered", "unexpected"];
        let faults = figures.map(|figure| result["verification"][figure].as_u64().unwrap());
        assert_eq!(faults.iter().sum::<u64>(), 1, "{fault:?} {result}");
        let example = result["verification"]["examples"][0].as_str().unwrap();
        assert!(example.starts_with(&format!("{figure} in the queue of ")), "{example}");
    }
}

#[test]
fn a_stored_transient_message_is_unexpected() {
    let (status, result) =
        json(&server(Fault::KeepsTransient), &[&SMALL[..], &["--transient", "10"]].concat());
    assert_eq!((status, &result["verification"]["unexpected"]), (1, &100.into()), "{result}");
}

#[test]
fn an_altered_content_does_not_count_as_the_message() {
    let (status, result) = json(&server(Fault::Alters), &SMALL);
    assert_eq!((status, &result["verification"]["lost"]), (1, &1.into()), "{result}");
}

#[test]
fn a_fault_is_in_the_table() {
    let output = run(&server(Fault::Doubles), &SMALL);
    let table = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(table.contains("0 lost, 1 duplicated, 0 reordered, 0 unexpected"), "{table}");
    assert!(table.contains("duplicated in the queue of 1453/"), "{table}");
    assert!(table.ends_with("verdict       the server does not keep what it ACKs\n"), "{table}");
}

#[test]
fn a_run_that_clients_gave_up_has_no_verdict() {
    let output = run(&server(Fault::NeverAcks), &[&SMALL[..], &["--timeout", "1"]].concat());
    let table = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        table.ends_with("verdict       none: some clients gave up before the end\n"),
        "{table}"
    );
}

#[test]
fn a_message_without_an_ack_is_a_refusal_and_no_loss() {
    let args = [&SMALL[..], &["--timeout", "1", "--json"]].concat();
    let output = run(&server(Fault::NeverAcks), &args);
    let (status, result) = result(&output);
    assert_eq!(status, 2);
    assert_eq!(result["refusals"]["messages_never_acked"], 1, "{result}");
    assert_eq!((&result["sent"], &result["acked"]), (&1_000.into(), &999.into()));
    assert_eq!((&result["gave_up"], &result["verification"]["lost"]), (&1.into(), &0.into()));
    assert!(stderr(&output).contains("1 clients gave up: no answer for 1 s"));
    // Nor did any other customer get one.
    assert!(result["longest_pause_ms"].as_f64() >= Some(1_000.0), "{result}");
}

#[test]
fn repeats_after_lost_acks_are_stored_once_by_an_idempotent_store() {
    let hangs_up_every = Some(150);
    let server = Server::start(Behaviour { hangs_up_every, ..Behaviour::default() });
    let (status, result) = json(&server, &SMALL);
    assert_eq!(status, 0, "{result}");
    assert_eq!(result["acked"], 1_000);
    assert!(result["reconnects"].as_u64() >= Some(5), "{result}");
    assert!(result["repeated"].as_u64() > Some(0), "{result}");
}

#[test]
fn repeats_after_lost_acks_are_duplicates_in_a_store_that_is_not_idempotent() {
    let behaviour =
        Behaviour { hangs_up_every: Some(150), is_idempotent: false, ..Behaviour::default() };
    let (status, result) = json(&Server::start(behaviour), &SMALL);
    assert_eq!((status, &result["verification"]["lost"]), (1, &0.into()), "{result}");
    assert!(result["verification"]["duplicated"].as_u64() > Some(0), "{result}");
}

#[test]
fn a_restart_of_the_server_costs_nothing() {
    let server = server(Fault::None);
    let addr = server.addr.to_string();
    let args = ["--customers", "20", "--sellers", "3", "--seconds", "3", "--json"];
    let mut command = kefu_load(&addr, &args);
    let load = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.data.store().stored < 1_000 {
        thread::sleep(Duration::from_millis(10));
    }
    let data = Arc::clone(&server.data);
    drop(server);
    thread::sleep(Duration::from_millis(300));
    let _restarted = Server::restart(&addr, data).unwrap();
    let (status, result) = result(&load.wait_with_output().unwrap());
    assert_eq!((status, &result["reconnects"]), (0, &23.into()), "{result}");
    assert_eq!(result["sent"], result["acked"]);
}

#[test]
fn a_queue_whose_reading_breaks_off_is_read_again() {
    let server = server(Fault::BreaksOffSync);
    let (status, result) = json(&server, &SMALL);
    assert_eq!((status, &result["acked"]), (0, &1_000.into()), "{result}");
    assert!(server.data.store().has_broken_off);
}

#[test]
fn earlier_runs_and_wrong_kept_keys_do_not_matter() {
    let server = server(Fault::None);
    assert_eq!(json(&server, &SMALL).0, 0);
    let customer = Account { appid: AppId(7), uid: UserId(1) };
    // The tool hangs up without waiting until the server has taken the key.
    let kept = (0..500).find_map(|_| {
        thread::sleep(Duration::from_millis(10));
        server.data.store().kept.get(&customer).copied()
    });
    assert!(kept > Some(MsgId(0)), "the next run need not read this one's messages again");

    let (status, result) = json(&server, &SMALL);
    assert_eq!((status, &result["verification"]["read"]), (0, &2_000.into()), "{result}");

    server.data.store().kept.insert(customer, MsgId(i64::MAX - 1));
    let (status, result) = json(&server, &SMALL);
    assert_eq!((status, &result["verification"]["lost"]), (0, &0.into()), "{result}");
}

#[test]
fn the_tokens_file_has_one_line_per_token() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("load-tokens.toml");
    let path = path.to_str().unwrap();
    let accounts = ["--customers", "2", "--sellers", "1", "--appid", "8"];
    let args = [&accounts[..], &["--write-tokens", path]].concat();
    let output = kefu_load("127.0.0.1:1", &args).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let tokens = std::fs::read_to_string(path).unwrap();
    let expected = "\"load-8-1\" = { appid = 8, uid = 1 }\n\
                    \"load-8-2\" = { appid = 8, uid = 2 }\n\
                    \"load-1453-1\" = { appid = 1453, uid = 1 }\n";
    assert_eq!(tokens, expected);
}

#[test]
fn errors_are_one_line() {
    // Nobody listens on port 1.
    let free = "127.0.0.1:1";
    let unwritable = env!("CARGO_TARGET_TMPDIR");
    let server = server(Fault::RefusesLogins);
    let refusing = server.addr.to_string();
    for (addr, args, expected) in [
        (free, &[][..], "start the server, or name another with --addr"),
        (&*refusing, &[], "start the server with the tokens that --write-tokens writes"),
        ("nowhere", &[], "--addr nowhere: "),
        (free, &["--size", "20"], "--size 20 is too small"),
        (free, &["--appid", "1453"], "both 1453"),
        (free, &["--write-tokens", unwritable], "give --write-tokens a file that can be written"),
    ] {
        let output = kefu_load(addr, args).output().unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("kefu-load: ") && said.lines().count() == 1, "{said}");
        assert!(said.contains(expected), "{said}");
        assert!(output.stdout.is_empty());
    }
    let both = kefu_load(free, &["--count", "1", "--seconds", "1"]).output().unwrap();
    assert_eq!(both.status.code(), Some(2), "{}", stderr(&both));
}

#[test]
fn a_server_of_another_protocol_ends_in_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(b"220 mail.example.com ESMTP ready\r\n");
            let _ = stream.read(&mut [0; 64]);
        }
    });
    let output = kefu_load(&addr, &["--customers", "2"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("a server of this protocol"), "{}", stderr(&output));
}
