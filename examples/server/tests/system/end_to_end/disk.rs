//! No ACK and no other effect before the message is stored. On the embedded store only.

use std::path::Path;

use kefu_proto::MsgId;
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::http::{self, until_health};
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

/// Ignores SIGXFSZ, which would kill a process that writes beyond its limit.
fn with_failing_writes_survived(data: &Path) -> Command {
    let server = process::command(data);
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().args(["-c", r#"trap "" XFSZ; exec "$0" "$@""#]);
    shell.arg(server.as_std().get_program()).args(server.as_std().get_args());
    shell.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    shell
}
