//! Lengths that are announced, and no bytes behind them: nothing is reserved on their word.

use std::time::Duration;

use kefu_testing::client::{Client, Stream};
use kefu_testing::flood::{flood, until_closed};
use kefu_testing::websocket::{Packing, WebSocket, raw};
use kefu_testing::within;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::target::{MIB, Target};

const TEXT: u8 = 1;
const BINARY: u8 = 2;
const LAST: u8 = 0x80;
const CONNECTIONS: usize = 60;
const ROOM: usize = 16 * MIB;
/// An operator may allow long messages.
const LONG: [&str; 4] = ["--frame-limit", "16777216", "--login-timeout", "300"];

#[tokio::test]
async fn a_header_reserves_nothing_on_a_web_socket() {
    let target = Target::start(&LONG).await;
    for packing in [Packing::Bare, Packing::EngineIoText] {
        let mut all = Vec::new();
        for _ in 0..CONNECTIONS {
            all.push(open(&target, packing).await);
        }
        let before = target.reserved();
        for stream in &mut all {
            stream.write_all(&raw(LAST | opcode(packing), 16_000_000, b"")).await.unwrap();
        }
        target.assert_reserves_little(before).await;
        // A few bytes more are no reason either.
        for stream in &mut all {
            stream.write_all(&[0; 100]).await.unwrap();
        }
        target.assert_reserves_little(before).await;
    }
}

#[tokio::test]
async fn a_header_reserves_nothing_over_tcp() {
    let target = Target::start(&LONG).await;
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(TcpStream::connect(target.server.tcp).await.unwrap());
    }
    let before = target.reserved();
    for stream in &mut all {
        let header = [&16_000_000_i32.to_be_bytes()[..], b"\0\0\0\x01\x18\x01\0\0"].concat();
        stream.write_all(&header).await.unwrap();
    }
    target.assert_reserves_little(before).await;
}

#[tokio::test]
async fn what_is_too_long_ends_the_connection_at_its_header() {
    let target = Target::start(&[]).await;
    let before = target.memory();
    for packing in [Packing::Bare, Packing::EngineIoText] {
        for length in [1 << 62, u64::MAX >> 1, 1 << 32, 1 << 24] {
            let mut stream = open(&target, packing).await;
            stream.write_all(&raw(LAST | opcode(packing), length, b"")).await.unwrap();
            until_closed(&mut stream).await;
        }
    }
    let mut client = Client::connect(target.server.tcp).await;
    client.write(b"\x7f\xff\xff\xff\0\0\0\x01\x18\x01\0\0").await;
    assert_eq!(client.receive_rest().await, []);
    target.assert_growth(before, ROOM, "announced what is too long").await;
}

/// The parts of a message count together.
#[tokio::test]
async fn parts_without_end_end_the_connection() {
    let target = Target::start(&["--login-timeout", "300"]).await;
    let before = target.memory();
    for packing in [Packing::Bare, Packing::EngineIoText] {
        for part in [100, 1_000, 30_000] {
            let mut stream = open(&target, packing).await;
            let payload = vec![b'A'; part];
            let length = u64::try_from(part).unwrap();
            stream.write_all(&raw(opcode(packing), length, &payload)).await.unwrap();
            // It ends, however much more comes.
            within("its end", flood(&mut stream, &raw(0, length, &payload), usize::MAX)).await;
        }
    }
    target.assert_growth(before, ROOM, "parts without end").await;
}

impl Target {
    async fn assert_reserves_little(&self, before: usize) {
        for _ in 0..10 {
            let more = self.reserved().saturating_sub(before);
            assert!(more < ROOM, "announced 16 MB: {} MiB reserved", more / MIB);
            sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn open(target: &Target, packing: Packing) -> Box<dyn Stream> {
    let http = target.server.http;
    let socket = match packing {
        Packing::Bare => WebSocket::connect(http).await,
        packing => WebSocket::connect_engine_io(http, packing).await,
    };
    socket.into_stream()
}

fn opcode(packing: Packing) -> u8 {
    if packing == Packing::EngineIoText { TEXT } else { BINARY }
}
