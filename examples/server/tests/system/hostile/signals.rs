//! Signals, at moments when nothing else works.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use kefu_proto::{Body, LoginStatus};
use kefu_testing::client::{Client, auth_token, customer, question, seller, token};
use kefu_testing::websocket::WebSocket;
use kefu_testing::{until, within};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::sleep;

use super::target::{Target, command};
use crate::support::nats::Nats;
use crate::support::server::write_tokens;
use crate::tls::pki::Pki;

#[tokio::test]
async fn a_token_that_is_withdrawn_closes_its_connections() {
    let target = Target::start(&[]).await;
    let mut stays = target.log_in(customer(1), "phone").await;
    let mut goes = target.log_in(customer(2), "phone").await;
    let mut web = WebSocket::log_in(target.server.http, customer(2), "").await;
    write_tokens(&target.tokens(), [customer(1), customer(5_000), seller(1)].into_iter());
    target.server.signal(Signal::HUP);
    assert_eq!(goes.receive_rest().await, []);
    web.receive_rest().await;
    assert_eq!(stays.receive_all().await, []);
    target.log_in(customer(5_000), "phone").await.receive_all().await;
    let mut again = Client::connect(target.server.tcp).await;
    again.send(auth_token(&token(customer(2)), "phone")).await;
    let Body::AuthStatus(answer) = again.receive("an AUTH_STATUS").await.body else { panic!() };
    assert_ne!(answer.status, LoginStatus::OK);
}

/// A file with a mistake changes nothing, and is told.
#[tokio::test]
async fn a_broken_file_of_tokens_changes_nothing() {
    let target = Target::start(&[]).await;
    let mut stays = target.log_in(customer(1), "phone").await;
    fs::write(target.tokens(), "this is no TOML").unwrap();
    target.server.signal(Signal::HUP);
    target.server.until_logged("tokens.toml").await;
    assert_eq!(stays.receive_all().await, []);
    target.log_in(customer(2), "phone").await.receive_all().await;
}

#[tokio::test]
async fn a_new_certificate_is_used_and_old_connections_go_on() {
    let (old, new) = (Pki::new(), Pki::new());
    let target = Target::start(&old.options()).await;
    let mut before = old.log_in(target.server.tcp, customer(1), "phone").await;
    for (from, to) in [(&new.cert, &old.cert), (&new.key, &old.key)] {
        fs::copy(from, to).unwrap();
    }
    target.server.signal(Signal::HUP);
    until("the new certificate is used", async || {
        new.trusts(target.server.tcp).await && new.trusts(target.server.http).await
    })
    .await;
    assert_eq!(before.receive_all().await, []);
}

#[tokio::test]
async fn other_signals_do_nothing() {
    let target = Target::start(&[]).await;
    let mut client = target.log_in(customer(1), "phone").await;
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2, Signal::ALARM, Signal::PIPE] {
        target.server.signal(signal);
        let seq = client.send(question(customer(1), seller(1), "still there?")).await;
        client.receive_ack(seq).await;
    }
    // A handler may be set late.
    assert_eq!(client.receive_all().await, []);
}

#[tokio::test]
async fn it_stops_while_it_waits_for_nats() {
    let Some(nats) = Nats::start().await else { return };
    nats.pause().await;
    let folder = TempDir::new().unwrap();
    let mut command = command(&folder, &["--store", &nats.url()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    // It has set its handlers by then, and waits.
    sleep(Duration::from_secs(2)).await;
    assert!(child.try_wait().unwrap().is_none(), "it does not wait");
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let status = within("its exit", child.wait()).await.unwrap();
    assert_eq!(status.code(), Some(0), "{status:?}");
}
