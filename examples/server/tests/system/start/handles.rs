//! File handles.

use kefu_testing::client::{Client, customer};
use kefu_testing::http;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::support::process::ServerProcess;

#[tokio::test]
async fn with_too_few_handles_it_does_not_start() {
    let folder = TempDir::new().unwrap();
    for limit in [12, 20, 63] {
        let output = command(&folder, &format!("ulimit -n {limit}")).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{limit}: {error}");
        let [line] = error.lines().collect::<Vec<_>>()[..] else { panic!("{limit}: {error}") };
        assert!(line.contains(&format!("is {limit}, and at least 64 are needed")), "{line}");
    }
}

#[tokio::test]
async fn with_a_low_hard_limit_there_are_fewer_connections_and_none_is_stuck() {
    let folder = TempDir::new().unwrap();
    let server = start(&folder, "ulimit -n 64").await;
    server.until_logged("--max-connections is 32 instead of 10000").await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(server.tcp).await.unwrap());
        silent.push(TcpStream::connect(server.http).await.unwrap());
    }
    let mut client = Client::log_in(server.tcp, customer(1), "phone").await;
    assert_eq!(http::get(server.http, "/healthz").await.status, 200);
    assert_eq!(client.receive_all().await, []);
    assert!(!server.log().contains("cannot accept"), "{}", server.log());
}

async fn start(folder: &TempDir, limit: &str) -> ServerProcess {
    ServerProcess::spawn(command(folder, limit)).await
}

fn command(folder: &TempDir, limit: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.env_clear().args(["-c", &format!("{limit}; exec \"$@\""), "sh"]);
    command.arg(env!("CARGO_BIN_EXE_kefu-server")).arg("--data").arg(folder.path());
    command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command
}
