//! Metrics and health: on a listener of their own, or where only this machine can reach them.

use kefu_testing::http::{get, get_status};
use kefu_testing::process::free_port;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::support::process::{ServerProcess, command};
use crate::support::server::Server;

#[tokio::test]
async fn with_a_listener_of_their_own_they_are_on_no_other() {
    let folder = TempDir::new().unwrap();
    let server = ServerProcess::start(folder.path(), &["--admin", "127.0.0.1:0"]).await;
    let line = server
        .greeting
        .iter()
        .find_map(|line| line.strip_prefix("metrics and health are at http://")?.strip_suffix('/'));
    let admin = line.unwrap().parse().unwrap();
    assert_eq!(get(admin, "/healthz").await.body, "ok\n");
    assert_eq!(get_status(admin, "/metrics").await, 200);
    for path in ["/", "/ws", "/demo"] {
        assert_eq!(get_status(admin, path).await, 404, "{path}");
    }
    for path in ["/metrics", "/healthz"] {
        assert_eq!(get_status(server.http, path).await, 404, "{path}");
    }
}

#[tokio::test]
async fn without_one_they_are_only_where_nobody_else_looks() {
    let folder = TempDir::new().unwrap();
    let tokens = folder.path().join("my.toml");
    std::fs::write(&tokens, "mine = { appid = 7, uid = 1 }").unwrap();
    let mut command = command(&folder.path().join("data"));
    command.args(["--listen", "127.0.0.1:0", "--http", "0.0.0.0:0", "--tokens"]).arg(&tokens);
    let mut server = ServerProcess::spawn(command).await;
    server.http.set_ip([127, 0, 0, 1].into());
    for path in ["/metrics", "/healthz"] {
        assert_eq!(get_status(server.http, path).await, 404, "{path}");
    }
    assert_eq!(get_status(server.http, "/").await, 200);
}

#[tokio::test]
async fn they_are_there_while_all_other_places_are_taken() {
    let admin = ([127, 0, 0, 1], free_port()).into();
    let options = ["--max-connections", "1", "--admin", &format!("{admin}")];
    let server = Server::start(&options).await;
    let _online = server.log_in(kefu_testing::client::customer(1), "phone").await;
    // Silent ones give way here, too.
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(admin).await.unwrap());
    }
    assert_eq!(get(admin, "/healthz").await.status, 200);
    assert_eq!(get(admin, "/metrics").await.metric("kefu_connections"), 1);
}
