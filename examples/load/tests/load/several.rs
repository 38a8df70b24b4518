//! Several servers that form one service: which clients are where, and failover.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::server::Server;
use crate::store::{Fault, PAUSE};
use crate::{SMALL, kefu_load, result, server, stderr};

/// Nobody listens on these ports.
const NOBODY: [&str; 2] = ["127.0.0.1:1", "127.0.0.1:2"];

/// N servers on the same data.
fn servers<const N: usize>(fault: Fault) -> [Server; N] {
    let first = server(fault);
    let data = &first.data;
    let mut servers = vec![];
    servers.resize_with(N - 1, || Server::beside(data));
    servers.push(first);
    servers.try_into().ok().unwrap()
}

fn addr(servers: &[Server]) -> String {
    let addrs: Vec<_> = servers.iter().map(|server| server.addr.to_string()).collect();
    addrs.join(",")
}

/// Runs with `--json`; the exit status and the result.
fn json(addr: &str, args: &[&str]) -> (i32, Value) {
    result(&kefu_load(addr, &[args, &["--json"]].concat()).output().unwrap())
}

fn millis(figure: f64) -> Duration {
    Duration::from_secs_f64(figure / 1e3)
}

/// The part of a pause that the load tool must see: on a busy machine it reads earlier ACKs late.
fn seen() -> Duration {
    PAUSE * 9 / 10
}

#[test]
fn clients_are_spread_and_write_to_sellers_on_other_servers() {
    let servers = servers::<3>(Fault::None);
    let args = ["--customers", "6", "--sellers", "3", "--count", "100"];
    let (status, result) = json(&addr(&servers), &args);
    assert_eq!((status, &result["notifies"]), (0, &600.into()), "{result}");
    assert_eq!(result["server"], addr(&servers));
    let logins = servers.each_ref().map(Server::logins);
    let expected = [["7/1", "7/4", "1453/3"], ["7/2", "7/5", "1453/1"], ["7/3", "7/6", "1453/2"]];
    assert_eq!(logins, expected.map(|accounts| BTreeSet::from(accounts.map(String::from))));
}

#[test]
fn a_server_may_be_given_with_an_option_of_its_own() {
    let [one, other] = servers(Fault::None);
    let other_addr = other.addr.to_string();
    let args = [&SMALL[..], &["--addr", &other_addr]].concat();
    assert_eq!(json(&one.addr.to_string(), &args).0, 0);
    assert_eq!((one.logins().len(), other.logins().len()), (3 + 1, 2 + 1));
}

#[test]
fn clients_of_a_server_that_never_comes_back_lose_nothing() {
    let [dying, second, third] = servers(Fault::None);
    let addr = [&dying, &second, &third].map(|server| server.addr.to_string()).join(",");
    let args = ["--customers", "20", "--sellers", "3", "--seconds", "2", "--timeout", "5"];
    let mut command = kefu_load(&addr, &[&args[..], &["--json"]].concat());
    let mut load = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while second.data.store().stored < 1_000 {
        assert!(load.try_wait().unwrap().is_none(), "the load has ended early");
        thread::sleep(Duration::from_millis(10));
    }
    drop(dying);
    let (status, result) = result(&load.wait_with_output().unwrap());
    assert_eq!((status, &result["sent"]), (0, &result["acked"]), "{result}");
    // Seven customers and a seller.
    assert_eq!((&result["reconnects"], &result["gave_up"]), (&8.into(), &0.into()), "{result}");
    // All of them, and later their verifying clients, went to the next server.
    assert_eq!((second.logins().len(), third.logins().len()), (7 + 1 + 7 + 1, 6 + 1));
}

#[test]
fn a_client_that_cannot_connect_goes_on_to_the_next_server() {
    let server = server(Fault::None);
    let addr = format!("{},{}", NOBODY.join(","), server.addr);
    let (status, result) = json(&addr, &SMALL);
    assert_eq!((status, &result["acked"]), (0, &1_000.into()), "{result}");
    assert_eq!(result["reconnects"], 0, "{result}");
}

#[test]
fn a_silent_server_leaves_time_for_the_others() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = server(Fault::None);
    let addr = format!("{},{}", silent.local_addr().unwrap(), server.addr);
    let (status, result) = json(&addr, &[&SMALL[..], &["--timeout", "1"]].concat());
    assert_eq!((status, &result["acked"]), (0, &1_000.into()), "{result}");
}

#[test]
fn a_service_without_any_server_is_one_line() {
    let output = kefu_load(&NOBODY.join(","), &[]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("kefu-load: 127.0.0.1:1,127.0.0.1:2: "), "{said}");
    assert!(said.contains("start the server, or name another") && said.lines().count() == 1);
}

#[test]
fn a_server_that_does_not_know_the_tokens_is_named_though_others_do() {
    let (knowing, refusing) = (server(Fault::None), server(Fault::RefusesLogins));
    let addr = format!("{},{}", knowing.addr, refusing.addr);
    let output = kefu_load(&addr, &[]).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("{} refuses the token", refusing.addr)), "{said}");
}

#[test]
fn the_longest_pause_is_that_of_the_whole_service() {
    let args = ["--customers", "6", "--sellers", "2", "--window", "1", "--seconds", "2"];
    let (status, result) = json(&addr(&servers::<1>(Fault::Pauses)), &args);
    let pause = millis(result["longest_pause_ms"].as_f64().unwrap());
    assert_eq!(status, 0, "{result}");
    assert!((seen()..2 * PAUSE).contains(&pause), "{result}");

    let (status, result) = json(&addr(&servers::<2>(Fault::Pauses)), &args);
    let micros = result["ack_latency_us"]["max"].as_u64().unwrap();
    assert_eq!(status, 0, "{result}");
    assert!(Duration::from_micros(micros) >= PAUSE, "some clients waited: {result}");
    let pause = millis(result["longest_pause_ms"].as_f64().unwrap());
    assert!(pause < seen(), "the other server's did not: {result}");
}

#[test]
fn the_longest_pause_is_in_the_table() {
    let output = kefu_load(&addr(&servers::<1>(Fault::Pauses)), &SMALL).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    let line = "pause         no customer got an ACK for up to ";
    let told = table.lines().find_map(|told| told.strip_prefix(line)?.strip_suffix(" ms"));
    assert!(millis(told.unwrap().parse().unwrap()) >= seen(), "{table}");
}
