//! SIGHUP: tokens and certificates are read again.

use std::fs;

use kefu_testing::client::{Client, assert_accepted, auth_token, customer, seller};
use kefu_testing::http::{self, get_status};
use kefu_testing::within;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use crate::support::process::{ServerProcess, command};
use crate::support::server::write_tokens;

#[tokio::test]
async fn new_tokens_count_and_old_ones_do_not() {
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("my-tokens.toml");
    write_tokens(&tokens, [customer(1), seller(2)].into_iter());
    let options = ["--tokens", tokens.to_str().unwrap()];
    let server = ServerProcess::start(&folder.path().join("data"), &options).await;
    let mut desk = Client::log_in(server.tcp, seller(2), "desk").await;
    let whoami =
        async |token: &str| get_status(server.http, &format!("/whoami?token={token}")).await;
    assert_eq!((whoami("tok-7-1").await, whoami("tok-7-3").await), (200, 401));

    // What cannot be used changes nothing.
    for (times, wrong) in ["nonsense", "a = { appid = 0, uid = 1 }"].into_iter().enumerate() {
        fs::write(&tokens, wrong).unwrap();
        server.signal(Signal::HUP);
        kefu_testing::until("it is logged", async || {
            server.log().matches("the tokens stay as they were: ").count() == times + 1
        })
        .await;
        assert_eq!(whoami("tok-7-1").await, 200);
    }

    write_tokens(&tokens, [customer(3), seller(2)].into_iter());
    server.signal(Signal::HUP);
    server.until_logged("read the tokens again").await;
    assert_eq!((whoami("tok-7-1").await, whoami("tok-7-3").await), (401, 200));
    Client::log_in(server.tcp, customer(3), "phone").await;
    assert_eq!(desk.receive_all().await, []);
}

#[tokio::test]
async fn the_connections_of_a_token_that_is_gone_or_moved_are_closed_and_no_others() {
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("my-tokens.toml");
    let line = |token: &str, uid| format!("{token} = {{ appid = 7, uid = {uid} }}\n");
    let all = [line("gone", 1), line("stays", 1), line("moves", 2)].concat();
    fs::write(&tokens, all).unwrap();
    let options = ["--tokens", tokens.to_str().unwrap()];
    let server = ServerProcess::start(&folder.path().join("data"), &options).await;
    let log_in = async |token: &str| {
        let mut client = Client::connect(server.tcp).await;
        client.send(auth_token(token, "")).await;
        assert_accepted(&client.receive("AUTH_STATUS").await);
        client
    };
    let [mut gone, mut stays] = [log_in("gone").await, log_in("stays").await];
    let mut moves = log_in("moves").await;
    let mut trace = http::open(server.http, "/trace?token=gone").await;
    let mut status = [0; 12];
    within("a status", trace.read_exact(&mut status)).await.unwrap();
    assert_eq!(&status[9..], b"200");

    fs::write(&tokens, [line("stays", 1), line("moves", 3)].concat()).unwrap();
    server.signal(Signal::HUP);
    assert_eq!(gone.receive_rest().await, []);
    assert_eq!(moves.receive_rest().await, []);
    within("the end of a trace", trace.read_to_end(&mut Vec::new())).await.unwrap();
    assert_eq!(stays.receive_all().await, []);
    let withdrawn = "kefu_connections_closed_total{reason=\"withdrawn\"}";
    http::until_metric(server.http, withdrawn, 2).await;
    log_in("moves").await;
}

/// `--http` in front of others must not come to demo tokens by a reload either.
#[tokio::test]
async fn a_reload_does_not_bring_demo_tokens_to_others() {
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("tokens.toml");
    fs::write(&tokens, "mine = { appid = 7, uid = 1 }").unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--http", "0.0.0.0:0"]);
    let mut server = ServerProcess::spawn(command).await;
    server.http.set_ip([127, 0, 0, 1].into());
    write_tokens(&tokens, [customer(1)].into_iter());
    server.signal(Signal::HUP);
    server.until_logged("everybody knows the demo token").await;
    assert_eq!(get_status(server.http, "/whoami?token=mine").await, 200);
    assert_eq!(get_status(server.http, "/whoami?token=tok-7-1").await, 401);
}

/// The page offers the demo's tokens only while they work.
#[tokio::test]
async fn the_demo_ends_when_its_tokens_do() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path(), &[]).await;
    assert!(http::get(server.http, "/demo").await.body.contains("tok-7-1"));
    fs::write(folder.path().join("tokens.toml"), "mine = { appid = 7, uid = 1 }").unwrap();
    server.signal(Signal::HUP);
    server.until_logged("read the tokens again").await;
    assert_eq!(http::get(server.http, "/demo").await.body, "[]");
}
