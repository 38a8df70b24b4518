//! What carries the bytes: TLS, WebSocket, and both.

use std::fs;

use tempfile::TempDir;

use crate::server::{Server, assert_clean, load, write_certificate};

/// 1,000 messages.
const SMALL: [&str; 8] = ["--customers", "10", "--sellers", "3", "--window", "8", "--count", "100"];
const DIALECTS: [&str; 3] = ["v1", "v2", "mixed"];

/// Loads a server with [`SMALL`] in each dialect. `carrier` are the options for it.
async fn load_small(addr: &str, carrier: &[&str]) {
    for dialect in DIALECTS {
        let options = [&SMALL[..], carrier, &["--dialect", dialect]].concat();
        let report = load(addr, &options).await.unwrap();
        assert_clean(&report);
        assert_eq!((report.acked, report.reconnects), (1_000, 0), "{report}");
    }
}

#[tokio::test]
async fn over_tls() {
    let server = Server::start_with_tls().await;
    let addr = format!("localhost:{}", server.tcp.port());
    load_small(&addr, &["--tls", "--ca", &server.ca()]).await;
}

#[tokio::test]
async fn over_a_web_socket() {
    let server = Server::start().await;
    load_small(&server.http.to_string(), &["--ws"]).await;
    load_small(&server.http.to_string(), &["--ws", "/ws", "--size", "30000"]).await;
}

#[tokio::test]
async fn over_a_web_socket_with_tls() {
    let server = Server::start_with_tls().await;
    let addr = format!("localhost:{}", server.http.port());
    load_small(&addr, &["--ws", "--tls", "--ca", &server.ca()]).await;
}

/// What went wrong, in one line.
async fn failure(addr: &str, options: &[&str]) -> String {
    let options = [&["--customers", "1", "--sellers", "1"], options].concat();
    let said = load(addr, &options).await.unwrap_err().to_string();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_one_line_that_says_what_to_do() {
    let server = Server::start_with_tls().await;
    let folder = TempDir::new().unwrap();
    let [other, _] = write_certificate(&folder);
    let (named, unnamed) = (format!("localhost:{}", server.tcp.port()), server.tcp.to_string());
    let (ca, empty) = (server.ca(), folder.path().join("empty.pem"));
    fs::write(&empty, "").unwrap();
    let empty = empty.to_str().unwrap();
    for (addr, options, expected) in [
        (&named, &["--tls", "--ca", &other][..], "give --ca the certificate that has signed it"),
        (&named, &["--tls", "--ca", &ca, "--ws"], "no WebSocket: "),
        (&unnamed, &["--tls", "--ca", &ca], "give --addr a name that is in the certificate"),
        (&named, &["--tls", "--ca", "/nowhere.pem"], "give --ca another file"),
        (&named, &["--tls", "--ca", empty], "give --ca a PEM file with"),
        (&named, &[], "it may be full, or expect --tls or --ws"),
    ] {
        let said = failure(addr, options).await;
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn a_port_that_speaks_something_else_is_one_line_that_says_what_to_do() {
    let server = Server::start().await;
    let (tcp, http) = (server.tcp.to_string(), server.http.to_string());
    let folder = TempDir::new().unwrap();
    let [ca, _] = write_certificate(&folder);
    for (addr, options, expected) in [
        (&tcp, &["--tls", "--ca", &ca][..], "check that this port speaks TLS, or leave out --tls"),
        (&http, &["--ws", "/nowhere"], "check the port in --addr and the path of --ws"),
    ] {
        let said = failure(addr, options).await;
        assert!(said.contains(expected), "{said}");
    }
}
