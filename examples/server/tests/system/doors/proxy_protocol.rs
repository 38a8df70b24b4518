//! The PROXY protocol: whose a connection is behind a proxy.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kefu_testing::client::{Client, customer};
use kefu_testing::http::ask;
use kefu_testing::within;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::process::ServerProcess;
use crate::support::server::Server;

const VERSION_1: &[u8] = b"PROXY TCP4 192.0.2.7 198.51.100.1 51820 443\r\n";
const VERSION_2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\xca\x6c\x01\xbb";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

#[tokio::test]
async fn both_ports_serve_what_follows_the_header() {
    let server = Server::start(&["--proxy-protocol"]).await;
    for header in [VERSION_1, VERSION_2, LOCAL, b"PROXY UNKNOWN\r\n"] {
        let stream = begun(server.tcp, header).await;
        let mut client = Client::over(stream);
        client.authenticate(customer(1), "phone").await;
        assert_eq!(ask(begun(server.http, header).await, "/healthz").await.body, "ok\n");
        // In pieces, and together with what follows.
        let mut stream = TcpStream::connect(server.http).await.unwrap();
        for byte in header {
            stream.write_all(&[*byte]).await.unwrap();
        }
        assert_eq!(ask(stream, "/healthz").await.body, "ok\n");
    }
}

#[tokio::test]
async fn without_a_valid_header_a_connection_is_closed_and_counted() {
    let server = Server::start(&["--proxy-protocol", "--login-timeout", "1"]).await;
    let metrics = async || ask(begun(server.http, LOCAL).await, "/metrics").await;
    let wrong: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nhost: here\r\n\r\n",
        b"PROXY TCP4 nobody\r\n",
        // Longer than any line.
        &[b"PROXY UNKNOWN ", &b"x".repeat(200)[..]].concat(),
        // It announces more than is read.
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    ];
    for wrong in wrong {
        for port in [server.tcp, server.http] {
            assert_closed(begun(port, wrong).await).await;
        }
    }
    let since = Instant::now();
    for port in [server.tcp, server.http] {
        assert_closed(begun(port, &VERSION_1[..20]).await).await;
    }
    assert!(since.elapsed() < Duration::from_secs(8), "{:?}", since.elapsed());
    let closed = metrics().await.metric("kefu_connections_closed_total{reason=\"proxy\"}");
    assert_eq!(closed, 10);
}

#[tokio::test]
async fn addresses_are_those_of_the_clients() {
    let folder = TempDir::new().unwrap();
    let options = ["--proxy-protocol", "--max-waiting-per-address", "1", "--login-timeout", "60"];
    let server = ServerProcess::start(folder.path(), &options).await;
    let first = begun(server.tcp, VERSION_1).await;
    let other = begun(server.tcp, b"PROXY TCP4 192.0.2.8 198.51.100.1 51820 443\r\n").await;
    // The proxy itself has no such bound.
    let proxies = [begun(server.tcp, b"").await, begun(server.tcp, b"").await];
    let again = begun(server.tcp, VERSION_2).await;
    assert_closed(first).await;
    server.until_logged("192.0.2.7:51820").await;
    for mut stream in [other, again].into_iter().chain(proxies) {
        let mut byte = [0];
        let read = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut byte)).await;
        assert!(read.is_err(), "it is still waiting: {read:?}");
    }
}

/// A connection that begins with this.
async fn begun(addr: SocketAddr, header: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(header).await.unwrap();
    stream
}

async fn assert_closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // What was not read makes it a reset.
    let _ = within("the end of a connection", stream.read_to_end(&mut rest)).await;
    assert_eq!(rest, b"");
}
