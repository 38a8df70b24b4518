//! Why a WebSocket is closed, as its client learns it.

use kefu_proto::Body;
use kefu_testing::client::{auth_token, customer};
use kefu_testing::flood::until_closed;
use kefu_testing::websocket::{Packing, WebSocket, raw};
use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::target::Target;

#[tokio::test]
async fn a_server_that_stops_says_1001() {
    let target = Target::start(&[]).await;
    let mut web = target.log_in_web(customer(1)).await;
    let mut nobody = WebSocket::connect(target.server.http).await;
    target.server.signal(Signal::TERM);
    assert_eq!(web.receive_close().await, Some(1001));
    assert_eq!(nobody.receive_close().await, Some(1001));
}

#[tokio::test]
async fn what_is_too_long_gets_1009() {
    let target = Target::start(&[]).await;
    for packing in [Packing::Bare, Packing::EngineIoText] {
        let web = match packing {
            Packing::Bare => WebSocket::connect(target.server.http).await,
            packing => WebSocket::connect_engine_io(target.server.http, packing).await,
        };
        let mut stream = web.into_stream();
        stream.write_all(&raw(0x82, 1 << 40, b"")).await.unwrap();
        let heard = until_closed(&mut stream).await;
        // The last frame is a close with the code.
        assert!(heard.windows(2).any(|bytes| bytes == 1009_u16.to_be_bytes()), "{heard:?}");
    }
}

#[tokio::test]
async fn too_many_wrong_tokens_get_1008() {
    let target = Target::start(&["--login-attempts", "2"]).await;
    let mut web = WebSocket::connect(target.server.http).await;
    for _ in 0..2 {
        web.send(auth_token("nobody", "x")).await;
    }
    assert_eq!(web.receive_close().await, Some(1008));
}

#[tokio::test]
async fn one_too_many_gets_1013() {
    let target = Target::start(&["--max-connections", "4", "--max-waiting", "2"]).await;
    let mut first = target.log_in_web(customer(1)).await;
    let mut rest = Vec::new();
    for uid in 2..=4 {
        rest.push(target.log_in_web(customer(uid)).await);
    }
    // A refusal before the handshake says it, too.
    let mut late = TcpStream::connect(target.server.http).await.unwrap();
    let request = "GET /ws HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    let _ = late.write_all(request.as_bytes()).await;
    let heard = until_closed(&mut late).await;
    let is_told = heard.windows(2).any(|bytes| bytes == 1013_u16.to_be_bytes());
    assert!(heard.is_empty() || is_told || heard.starts_with(b"HTTP/1.1 503"), "{heard:?}");
    first.send(Body::Ping).await;
    first.receive_frame("a PONG").await;
}
