//! What others see of a server: files, ports, pages.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::http::{get, get_status};
use kefu_testing::process::free_port;
use kefu_testing::within;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::target::{Target, command_at};
use crate::support::process::{self, refusal};

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    // Whatever the operator's umask is.
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("a/b/data");
    let mut command = Command::new("/bin/sh");
    let server = process::command(&data);
    command.env_clear().args(["-c", r#"umask 0; exec "$0" "$@""#]);
    command.arg(server.as_std().get_program()).args(server.as_std().get_args());
    command.args(["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    let server = process::ServerProcess::spawn(command).await;
    let mut client = Client::log_in(server.tcp, customer(1), "phone").await;
    client.send(question(customer(1), seller(2), "x")).await;
    client.receive_all().await;
    assert_eq!(mode(&data), 0o700, "{}", data.display());
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn demo_tokens_are_for_loopback_alone() {
    for ports in [["0.0.0.0:0", "127.0.0.1:0"], ["127.0.0.1:0", "0.0.0.0:0"], ["[::]:0", "[::1]:0"]]
    {
        let folder = TempDir::new().unwrap();
        let mut command = process::command(&folder.path().join("data"));
        command.args(["--listen", ports[0], "--http", ports[1]]);
        let line = refusal(command).await;
        assert!(line.contains("--tokens"), "{line}");
    }
}

#[tokio::test]
async fn what_operators_see_has_a_listener_of_its_own() {
    let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let target = Target::start(&["--admin", &admin.to_string()]).await;
    for path in ["/metrics", "/healthz"] {
        assert_eq!(get_status(admin, path).await, 200, "{path}");
        assert_eq!(get_status(target.server.http, path).await, 404, "{path}");
    }
    for path in ["/", "/ws", "/trace?token=tok-7-1", "/whoami?token=tok-7-1"] {
        assert_eq!(get_status(admin, path).await, 404, "{path}");
    }
    assert_eq!(get(target.server.http, "/").await.status, 200);
}

#[tokio::test]
async fn without_one_they_are_shown_on_loopback_alone() {
    let folder = TempDir::new().unwrap();
    let http = free_port();
    let ports = ["--listen", "127.0.0.1:0", "--http", &format!("0.0.0.0:{http}")];
    let command = command_at(&folder, &ports, &[]);
    let server = process::ServerProcess::spawn(command).await;
    let addr = SocketAddr::from(([127, 0, 0, 1], http));
    for path in ["/metrics", "/healthz"] {
        assert_eq!(get_status(addr, path).await, 404, "{path}");
    }
    assert_eq!(get_status(addr, "/").await, 200);
    drop(server);
}

#[tokio::test]
async fn pages_of_other_origins_get_no_web_socket() {
    let options = ["--origin", "https://example.com,https://shop.example.com:8443"];
    let target = Target::start(&options).await;
    for (path, own) in [("/ws", "101"), ("/engine.io/?EIO=3&transport=websocket", "101")] {
        for (origin, expected) in [
            (Some("https://example.com"), own),
            (Some("HTTPS://EXAMPLE.COM"), own),
            (Some("https://shop.example.com:8443"), own),
            (Some("https://shop.example.com"), "403"),
            (Some("http://example.com"), "403"),
            (Some("https://example.com.evil.net"), "403"),
            (Some("https://evil.net/https://example.com"), "403"),
            (Some("null"), "403"),
            // Not a browser.
            (None, own),
        ] {
            let status = upgrade(target.server.http, path, origin).await;
            assert_eq!(status, expected, "{path} from {origin:?}");
        }
    }
}

/// The status of an upgrade to WebSocket.
async fn upgrade(addr: SocketAddr, path: &str, origin: Option<&str>) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let origin = origin.map_or(String::new(), |origin| format!("origin: {origin}\r\n"));
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         {origin}sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    within("an answer", stream.read_exact(&mut head)).await.unwrap();
    String::from_utf8_lossy(&head[9..]).into_owned()
}
