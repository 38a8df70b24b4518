//! Pings of WebSocket whose pongs nobody reads.

use kefu_testing::client::customer;
use kefu_testing::flood::flood;
use kefu_testing::websocket::{Packing, WebSocket, raw};

use super::target::{MIB, Target};

const PING: u8 = 0x89;
const TEXT: u8 = 0x81;
const SENT: usize = 64 * MIB;
const ROOM: usize = 8 * MIB;

#[tokio::test]
async fn pongs_wait_for_nobody_without_a_login() {
    let target = Target::start(&["--login-timeout", "300"]).await;
    let before = target.memory();
    let mut stream = WebSocket::connect(target.server.http).await.into_stream();
    flood(&mut stream, &pings(), SENT).await;
    target.assert_growth(before, ROOM, "pings before a login").await;
}

#[tokio::test]
async fn pongs_wait_for_nobody_with_a_login() {
    let target = Target::start(&[]).await;
    let before = target.memory();
    let mut stream = target.log_in_web(customer(1)).await.into_stream();
    flood(&mut stream, &pings(), SENT).await;
    target.assert_growth(before, ROOM, "pings").await;
    // Others are served.
    target.log_in_web(customer(2)).await;
}

#[tokio::test]
async fn pongs_of_engine_io_wait_for_nobody() {
    let target = Target::start(&["--login-timeout", "300"]).await;
    let before = target.memory();
    let (http, packing) = (target.server.http, Packing::EngineIoText);
    let mut bare = WebSocket::connect_engine_io(http, packing).await.into_stream();
    flood(&mut bare, &pings(), SENT).await;
    target.assert_growth(before, ROOM, "pings of WebSocket below Engine.IO").await;
    let mut stream = WebSocket::connect_engine_io(http, packing).await.into_stream();
    let ping = raw(TEXT, 6, b"2probe");
    flood(&mut stream, &ping.repeat(4_000), SENT).await;
    target.assert_growth(before, ROOM, "pings of Engine.IO").await;
}

/// As long as a ping can be.
fn pings() -> Vec<u8> {
    raw(PING, 125, &[b'x'; 125]).repeat(500)
}
