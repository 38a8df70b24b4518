//! HTTP within its limits.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kefu_testing::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::support::server::Server;

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n";

#[tokio::test]
async fn who_does_not_ask_is_closed_in_time() {
    let server = Server::start(&[]).await;
    let since = Instant::now();
    let silent = ended(server.http, b"");
    let half = ended(server.http, &REQUEST[..20]);
    let idle = ended(server.http, REQUEST);
    let pieces = dribble(server.http);
    let (silent, half, idle, pieces) = tokio::join!(silent, half, idle, pieces);
    assert!(idle.starts_with("HTTP/1.1 200 OK\r\n"), "{idle}");
    assert!(!silent.contains("200") && !half.contains("200"), "{silent} {half}");
    assert!(pieces < Duration::from_secs(20), "{pieces:?}");
    let waited = since.elapsed();
    assert!((9..25).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test]
async fn a_connection_may_ask_again() {
    let server = Server::start(&[]).await;
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    for _ in 0..3 {
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = [0; 15];
        within("an answer", stream.read_exact(&mut answer)).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        let mut rest = [0; 1024];
        let _ = stream.read(&mut rest).await.unwrap();
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn long_heads_are_refused() {
    let server = Server::start(&[]).await;
    let long = format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(20_000));
    let lines = "x: y\r\n".repeat(100);
    let many = format!("GET /healthz HTTP/1.1\r\n{lines}\r\n");
    for head in [long, many] {
        let answer = ended(server.http, head.as_bytes()).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
}

/// Answers that nobody reads do not stay for ever.
#[tokio::test]
async fn who_does_not_read_is_closed_in_time() {
    let server = Server::start(&["--unreachable-timeout", "4"]).await;
    let mut stream = TcpStream::connect(server.http).await.unwrap();
    let request = b"GET /style.css HTTP/1.1\r\nhost: here\r\n\r\n".repeat(100);
    let since = Instant::now();
    let failed = async { while stream.write_all(&request).await.is_ok() {} };
    within("the end of a connection", failed).await;
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}

/// Says something and returns all that comes until the end.
async fn ended(addr: SocketAddr, said: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(said).await.unwrap();
    let mut heard = Vec::new();
    // What was not read makes it a reset.
    let _ = within("the end of a connection", stream.read_to_end(&mut heard)).await;
    String::from_utf8_lossy(&heard).into_owned()
}

/// Sends a head byte by byte until the connection ends, and returns how long that took.
async fn dribble(addr: SocketAddr) -> Duration {
    let since = Instant::now();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
    let dribbled = async {
        while stream.write_all(b"x: y\r\n").await.is_ok() {
            sleep(Duration::from_millis(500)).await;
        }
    };
    within("the end of a connection", dribbled).await;
    since.elapsed()
}
