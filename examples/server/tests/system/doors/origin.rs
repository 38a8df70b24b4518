//! Which web pages may connect over WebSocket.

use std::net::SocketAddr;

use kefu_testing::client::customer;
use kefu_testing::websocket::WebSocket;
use kefu_testing::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::server::Server;

#[tokio::test]
async fn only_pages_of_the_given_origins_connect_and_what_is_no_browser() {
    let server = Server::start(&["--origin", "https://example.com,http://127.0.0.1:8080"]).await;
    for path in ["/ws", "/engine.io/?EIO=3&transport=websocket"] {
        for (origin, status) in [
            ("origin: https://example.com\r\n", 101),
            ("Origin: HTTPS://EXAMPLE.com\r\n", 101),
            ("origin: http://127.0.0.1:8080\r\n", 101),
            ("", 101),
            ("origin: https://evil.example\r\n", 403),
            ("origin: null\r\n", 403),
            ("origin: https://example.com\r\norigin: https://evil.example\r\n", 403),
        ] {
            assert_eq!(upgrade(server.http, path, origin).await, status, "{path} {origin}");
        }
    }
    WebSocket::log_in(server.http, customer(1), "").await;

    let server = Server::start(&[]).await;
    assert_eq!(upgrade(server.http, "/ws", "origin: https://evil.example\r\n").await, 101);
}

/// The status that an upgrade gets.
async fn upgrade(addr: SocketAddr, path: &str, origin: &str) -> u16 {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{origin}\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = [0; 12];
    within("a status", stream.read_exact(&mut head)).await.unwrap();
    str::from_utf8(&head[9..]).unwrap().parse().unwrap()
}
