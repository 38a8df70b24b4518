//! The load tool against a small server in memory: what it reports, and that it finds each fault.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod server;
mod several;
mod store;
mod trouble;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kefu_proto::{Account, AppId, MsgId, SyncBounds, UserId};
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
fn a_rate_is_kept_however_fast_the_server_is() {
    let server = server(Fault::None);
    let options = ["--customers", "20", "--sellers", "2", "--rate", "200", "--seconds", "3"];
    let (status, result) = json(&server, &options);
    assert_eq!((status, &result["sent"]), (0, &result["acked"]), "{result}");
    let sent = result["sent"].as_u64().unwrap();
    assert!((100..=620).contains(&sent), "{sent} messages in 3 s at 200 a second");
    let (status, result) = json(&server, &[&SMALL[..], &["--rate", "500"]].concat());
    assert_eq!((status, &result["acked"]), (0, &1_000.into()), "{result}");
    assert!(result["seconds"].as_f64().unwrap() >= 1.9, "{result}");
}

#[test]
fn a_recording_has_the_memory_of_both_sides() {
    let server = server(Fault::None);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.csv");
    let own = std::process::id().to_string();
    let options = ["--customers", "2", "--sellers", "1", "--rate", "100", "--seconds", "12"];
    let recording = ["--record", file.to_str().unwrap(), "--watch", &own];
    assert_eq!(json(&server, &[&options[..], &recording].concat()).0, 0);
    let rows = std::fs::read_to_string(file).unwrap();
    let mut rows = rows.lines().map(|row| row.split(',').collect::<Vec<_>>());
    let head = rows.next().unwrap();
    assert_eq!(head, ["seconds", "messages_per_second", "reconnects", "own_kib", "watched_kib"]);
    let row: Vec<u64> = rows.next().unwrap().iter().map(|cell| cell.parse().unwrap()).collect();
    assert!((10..12).contains(&row[0]) && (1..=110).contains(&row[1]), "{row:?}");
    assert!(row[3] > 1_000 && row[4] > 1_000, "{row:?}");
}

#[test]
fn what_cannot_be_recorded_is_told() {
    let server = server(Fault::None);
    let output = run(&server, &["--record", "/nowhere/run.csv"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("give --record a file that can be written"));
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
            "routing",
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
fn clients_of_version_2_follow_live_copies() {
    let server = server(Fault::None);
    let args = [&SMALL[..], &["--dialect", "v2"]].concat();
    let (status, result) = json(&server, &args);
    assert_eq!(status, 0, "{result}");
    for (figure, expected) in [
        ("/dialect", Value::from("v2")),
        ("/acked", 1_000.into()),
        ("/notifies", 1_000.into()),
        ("/live/copies", 1_000.into()),
        ("/live/continued", 1_000.into()),
        ("/live/incomplete_pairs", 0.into()),
        ("/arrivals/expected", 1_000.into()),
        ("/arrivals/read", 1_000.into()),
        ("/arrivals/lost", 0.into()),
        ("/verification/expected", 2_000.into()),
        ("/verification/read", 2_000.into()),
    ] {
        assert_eq!(result.pointer(figure), Some(&expected), "{figure} of {result}");
    }
    // The first copy in an empty queue continues nothing that a client could have.
    assert!(result["live"]["dropped"].as_u64() >= Some(2), "{result}");
    assert!(result["live"]["syncs"].as_u64() >= Some(2), "{result}");

    let table = String::from_utf8(run(&server, &args).stdout).unwrap();
    let line =
        "live copies   1,000 to sellers, 100.0% continued the one before; 0 dropped, 0 syncs,";
    assert!(table.contains(line), "{table}");
    assert!(table.contains("arrivals      1,000 copies looked for: 0 lost,"), "{table}");
    assert!(table.contains("dialect v2, window 8"), "{table}");
}

#[test]
fn clients_of_both_versions_write_across() {
    let server = server(Fault::None);
    let args = ["--customers", "8", "--sellers", "2", "--window", "8", "--count", "200"];
    let args = [&args[..], &["--dialect", "mixed", "--transient", "50"]].concat();
    let (status, result) = json(&server, &args);
    assert_eq!(status, 0, "{result}");
    for (figure, expected) in [
        ("/acked", 1_600),
        // Half of what the customers of version 1 send.
        ("/transient_received", 400),
        ("/notifies", 1_200),
        // From customers of version 2 to sellers of version 2.
        ("/live/copies", 400),
        ("/arrivals/expected", 600),
        ("/arrivals/read", 600),
        ("/verification/expected", 2_400),
        ("/verification/read", 2_400),
    ] {
        assert_eq!(result.pointer(figure), Some(&expected.into()), "{figure} of {result}");
    }
}

#[test]
fn a_queue_that_is_synced_in_parts_is_read_to_its_end() {
    for (rows, bytes) in [(7, 1 << 20), (1_000, 1_000)] {
        let bounds = SyncBounds { rows, bytes };
        let server = Server::start(Behaviour { bounds, ..Behaviour::default() });
        for dialect in ["v1", "v2", "mixed"] {
            let (status, result) = json(&server, &[&SMALL[..], &["--dialect", dialect]].concat());
            assert_eq!((status, &result["verification"]["read"]), (0, &2_000.into()), "{result}");
        }
    }
}

#[test]
fn a_live_copy_that_hides_a_message_is_found() {
    let args = [&SMALL[..], &["--dialect", "v2"]].concat();
    let (status, result) = json(&server(Fault::SkipsLiveCopy), &args);
    assert_eq!((status, &result["arrivals"]["lost"]), (1, &1.into()), "{result}");
    assert_eq!(result["verification"]["lost"], 0, "{result}");
    let example = result["arrivals"]["examples"][0].as_str().unwrap();
    assert!(example.starts_with("lost at the client of 1453/"), "{example}");

    let table = String::from_utf8(run(&server(Fault::SkipsLiveCopy), &args).stdout).unwrap();
    assert!(table.ends_with("do not bring each message once and in order\n"), "{table}");
}

#[test]
fn what_was_not_notified_is_asked_for_in_the_end() {
    let args = ["--customers", "5", "--sellers", "2", "--window", "8", "--count", "100"];
    let args = [&args[..], &["--dialect", "v2"]].concat();
    // It happens to the last message.
    let (status, result) = json(&server(Fault::SkipsLiveCopy), &args);
    assert_eq!((status, &result["live"]["copies"]), (0, &499.into()), "{result}");
    assert_eq!(result["arrivals"]["read"], 500, "{result}");
}

#[test]
fn a_seller_whose_sync_breaks_off_asks_again() {
    // Long enough to come back before the end.
    let args = ["--customers", "5", "--sellers", "2", "--window", "8", "--seconds", "1"];
    let args = [&args[..], &["--dialect", "v2"]].concat();
    let (status, result) = json(&server(Fault::BreaksOffSync), &args);
    assert_eq!((status, &result["reconnects"]), (0, &1.into()), "{result}");
    assert_eq!(result["arrivals"]["read"], result["acked"], "{result}");
    let [copies, dropped] = ["copies", "dropped"].map(|figure| result["live"][figure].as_u64());
    assert!(dropped < copies.map(|copies| copies / 2), "it follows again: {result}");
}

#[test]
fn a_refusal_by_status_is_no_ack() {
    let args = [&SMALL[..], &["--dialect", "v2"]].concat();
    let (status, result) = json(&server(Fault::RefusesByStatus), &args);
    assert_eq!((status, &result["acked"]), (0, &999.into()), "{result}");
    assert_eq!(result["refusals"]["messages_by_status"], 1, "{result}");
    assert_eq!(result["refusals"]["messages_never_acked"], 0, "{result}");
    assert_eq!(result["verification"]["expected"], 1_998, "{result}");
}

#[test]
fn a_message_with_another_receiver_does_not_count() {
    for dialect in ["v1", "v2"] {
        let args = [&SMALL[..], &["--dialect", dialect]].concat();
        let (status, result) = json(&server(Fault::NamesOtherReceiver), &args);
        let found = &result["verification"];
        assert_eq!((status, &found["unexpected"], &found["lost"]), (1, &1.into(), &1.into()));
    }
}

#[test]
fn sellers_of_version_2_that_come_back_go_on_where_they_were() {
    let server = server(Fault::None);
    let addr = server.addr.to_string();
    let args = ["--customers", "20", "--sellers", "3", "--seconds", "3", "--json"];
    let mut command = kefu_load(&addr, &[&args[..], &["--dialect", "v2"]].concat());
    let load = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while server.data.store().stored < 1_000 {
        thread::sleep(Duration::from_millis(10));
    }
    let data = Arc::clone(&server.data);
    drop(server);
    let _restarted = Server::restart(&addr, data).unwrap();
    let (status, result) = result(&load.wait_with_output().unwrap());
    assert_eq!((status, &result["reconnects"]), (0, &23.into()), "{result}");
    assert_eq!(result["arrivals"]["expected"], result["acked"], "{result}");
}

#[test]
fn a_stored_transient_message_is_unexpected() {
    let (status, result) =
        json(&server(Fault::KeepsTransient), &[&SMALL[..], &["--transient", "10"]].concat());
    assert_eq!((status, &result["verification"]["unexpected"]), (1, &100.into()), "{result}");
}

#[test]
fn a_transient_message_may_be_left_out_unless_all_are_expected() {
    let options = ["--transient", "10", "--timeout", "6", "--check", "all"];
    let (server, options) = (server(Fault::LosesTransient), [&SMALL[..], &options].concat());
    let (status, result) = json(&server, &options);
    assert_eq!((status, &result["transient_received"]), (0, &0.into()), "{result}");
    let (status, result) = json(&server, &[&options[..], &["--expect-all"]].concat());
    let example = &result["routing"]["examples"][0];
    assert_eq!((status, &example["rule"]), (1, &"H6.1".into()), "{result}");
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
        (free, &["--dialect", "v2", "--transient", "5"], "version 2 has no transient messages"),
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
