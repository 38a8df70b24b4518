//! No ACK and no other effect before the message is stored. On the embedded store only.

use std::path::Path;

use kefu_proto::{Body, MsgId};
use kefu_testing::client::{Client, auth_token, customer, question, seller};
use kefu_testing::http::{self, until_health, until_unhealthy};
use rustix::process::{Resource, Rlimit, prlimit};
use tokio::process::Command;

use crate::support::process::{self, ServerProcess};

/// H8: the store fails and recovers.
#[tokio::test]
async fn h8_where_the_disk_fails_there_is_no_ack_but_a_line_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::spawn(with_failing_writes_survived(folder.path())).await;
    let mut asker = Client::log_in(server.tcp, customer(1), "phone").await;
    let mut desk = Client::log_in(server.tcp, seller(2), "desk").await;
    until_health(server.http, 200, "ok\n").await;

    let limit = |current| Rlimit { current, maximum: None };
    prlimit(Some(server.pid()), Resource::Fsize, limit(Some(0))).unwrap();
    let content = r#"{"text":"hello","uuid":"u-1"}"#;
    for _ in 0..3 {
        asker.send(question(customer(1), seller(2), content)).await;
        assert_eq!(asker.receive_all().await, [], "an ACK for what is not stored");
    }
    assert_eq!(desk.receive_all().await, [], "a notify for what is not stored");
    server.until_logged("the store cannot write; nothing is acknowledged").await;
    until_health(server.http, 503, "the store does not write\n").await;
    assert!(http::metric(server.http, "kefu_save_failures_total").await >= 1);
    assert_eq!(http::metric(server.http, "kefu_saves_total").await, 0);

    prlimit(Some(server.pid()), Resource::Fsize, limit(None)).unwrap();
    let seq = asker.send(question(customer(1), seller(2), content)).await;
    asker.receive_ack(seq).await;
    desk.receive_notify().await;
    assert_eq!(desk.sync(MsgId(-1)).await.contents(), [content.as_bytes()]);
    server.until_logged("the store writes again").await;
    until_health(server.http, 200, "ok\n").await;
    let log = server.log();
    assert_eq!(log.matches("the store cannot write").count(), 1, "one line, not one each: {log}");
}

/// A client throws a refused token away, so it is not refused.
#[tokio::test]
async fn while_the_disk_fails_new_devices_wait_and_health_returns_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let server = ServerProcess::spawn(with_failing_writes_survived(folder.path())).await;
    Client::log_in(server.tcp, customer(1), "phone").await;
    let limit = |current| Rlimit { current, maximum: None };
    prlimit(Some(server.pid()), Resource::Fsize, limit(Some(0))).unwrap();
    let mut tablet = Client::connect(server.tcp).await;
    tablet.send(auth_token("tok-7-1", "tablet")).await;
    assert_eq!(tablet.receive_rest().await, []);
    http::until_metric(server.http, "kefu_connections_closed_total{reason=\"store\"}", 1).await;
    assert_eq!(http::metric(server.http, "kefu_logins_refused_total").await, 0);
    Client::log_in(server.tcp, customer(1), "phone").await;
    until_health(server.http, 503, "the store does not write\n").await;

    prlimit(Some(server.pid()), Resource::Fsize, limit(None)).unwrap();
    until_health(server.http, 200, "ok\n").await;
    server.until_logged("the store writes again").await;
    Client::log_in(server.tcp, customer(1), "tablet").await;
}

#[tokio::test]
async fn below_min_free_no_message_is_accepted_and_everything_else_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = ServerProcess::start(folder.path(), &[]).await;
    let mut asker = Client::log_in(first.tcp, customer(1), "phone").await;
    let seq = asker.send(question(customer(1), seller(2), "before")).await;
    asker.receive_ack(seq).await;
    first.kill().await;

    let most = u64::MAX.to_string();
    let server = ServerProcess::start(folder.path(), &["--min-free", &most]).await;
    let said = format!("the disk has fewer free bytes than --min-free {most}: ");
    until_unhealthy(server.http, &said).await;
    let mut asker = Client::log_in(server.tcp, customer(1), "phone").await;
    let mut desk = Client::log_in(server.tcp, seller(2), "a new desk").await;
    for _ in 0..3 {
        asker.send(question(customer(1), seller(2), "meanwhile")).await;
    }
    asker.send(Body::SyncKey(MsgId(2))).await;
    assert_eq!(asker.receive_all().await, [], "an ACK for what is not stored");
    let failures = "kefu_save_failures_total{reason=\"no_space\"}";
    assert_eq!(http::metric(server.http, failures).await, 3);
    assert_eq!(desk.sync(MsgId(-1)).await.contents(), [b"before"]);
    assert_eq!(asker.sync(MsgId(0)).await.begin, MsgId(2), "keys are kept");
    let log = server.log();
    assert_eq!(log.matches("no new message is accepted").count(), 1, "one line: {log}");
}

/// Ignores SIGXFSZ, which would kill a process that writes beyond its limit.
fn with_failing_writes_survived(data: &Path) -> Command {
    let server = process::command(data);
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#]);
    shell.arg(server.as_std().get_program()).args(server.as_std().get_args());
    shell.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    shell
}
