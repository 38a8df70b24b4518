//! Holds memory, places and time of a server, as far as it lets itself be held.
//!
//! What comes of it is not judged here: the others must be served as before, and the server's memory
//! must stay what it is (--record).

use std::io;
use std::time::Duration;

use kefu_proto::{Body, MsgId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::connection::ConnectionError;
use crate::disturbers::refused::{HEADER_ALONE, PING_FRAME};
use crate::run::Run;
use crate::service::Caller;
use crate::transport::Stream;

/// How long each connection is held.
const HOLD: Duration = Duration::from_secs(3);
/// How much is sent to a server that may read it or not.
const MUCH: usize = 1024 * 1024;
const SYNCS: usize = 200;

/// A way to hold a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// A connection that says nothing.
    Silence,
    /// PINGs whose answers are not read.
    UnreadPings,
    /// A frame that is announced and does not come.
    Announced,
    /// SYNCs all at once, and then the end.
    Syncs,
    /// The same of WebSocket: pings, a message that is announced, and one whose parts never end.
    WebSocketPings,
    WebSocketAnnounced,
    WebSocketParts,
    /// HTTP: half a header, a connection that is kept alive, answers that are not read.
    HalfAHeader,
    KeptAlive,
    UnreadAnswers,
}

/// The first of them need no HTTP.
const OVER_TCP: usize = 4;
const WAYS: [Way; 10] = [
    Way::Silence,
    Way::UnreadPings,
    Way::Announced,
    Way::Syncs,
    Way::WebSocketPings,
    Way::WebSocketAnnounced,
    Way::WebSocketParts,
    Way::HalfAHeader,
    Way::KeptAlive,
    Way::UnreadAnswers,
];

/// Holds the server once, each time in another way.
pub(super) async fn hold(
    run: &Run,
    caller: Caller,
    server: usize,
    step: usize,
) -> Result<(), ConnectionError> {
    let web_socket = run.plan.carrier.web_socket.as_deref();
    let ways = if web_socket.is_some() { WAYS.len() } else { OVER_TCP };
    let way = WAYS[step % ways];
    run.trouble.count(|trouble| trouble.hostile.held += 1);
    match way {
        Way::UnreadPings => in_frames(run, caller, server, &PING_FRAME.repeat(10_000)).await,
        Way::Announced => in_frames(run, caller, server, HEADER_ALONE).await,
        Way::Syncs => syncs(run, caller, server).await,
        way => {
            let stream = run.service.open_stream(server).await?;
            let path = web_socket.unwrap_or("/");
            // The server may close it at any time.
            let _ = timeout(HOLD * 2, in_bytes(way, stream, path)).await;
            Ok(())
        }
    }
}

/// Logs in, sends this and reads nothing.
async fn in_frames(
    run: &Run,
    caller: Caller,
    server: usize,
    bytes: &[u8],
) -> Result<(), ConnectionError> {
    let mut connection = caller.log_in(&run.service, server).await?;
    connection.stop_judging();
    connection.send_bytes(bytes);
    let _ = timeout(HOLD, connection.push()).await;
    sleep(HOLD).await;
    Ok(())
}

async fn syncs(run: &Run, caller: Caller, server: usize) -> Result<(), ConnectionError> {
    let mut connection = caller.log_in(&run.service, server).await?;
    connection.stop_judging();
    for _ in 0..SYNCS {
        connection.send(Body::Sync(MsgId(-1)))?;
    }
    let _ = timeout(HOLD, connection.push()).await;
    Ok(())
}

async fn in_bytes(way: Way, mut stream: Stream, path: &str) -> io::Result<()> {
    const ASK: &[u8] = b"GET / HTTP/1.1\r\nhost: load\r\n\r\n";
    const LONG: u64 = 1 << 40;
    match way {
        Way::HalfAHeader => stream.write_all(b"GET / HTTP/1.1\r\nhost: lo").await?,
        Way::KeptAlive => stream.write_all(ASK).await?,
        Way::UnreadAnswers => stream.write_all(&ASK.repeat(1_000)).await?,
        Way::WebSocketPings => {
            upgrade(&mut stream, path).await?;
            let ping = part(0x89, 125, &[b'x'; 125]);
            stream.write_all(&ping.repeat(MUCH / ping.len())).await?;
        }
        Way::WebSocketAnnounced => {
            upgrade(&mut stream, path).await?;
            stream.write_all(&part(0x82, LONG, b"")).await?;
        }
        Way::WebSocketParts => {
            upgrade(&mut stream, path).await?;
            stream.write_all(&part(0x02, 1, b"x")).await?;
            let next = part(0x00, 1, b"x");
            stream.write_all(&next.repeat(MUCH / next.len())).await?;
        }
        _ => {}
    }
    sleep(HOLD).await;
    Ok(())
}

/// A WebSocket by hand, so that what is sent need not be right.
async fn upgrade(stream: &mut Stream, path: &str) -> io::Result<()> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: load\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

/// A part of a WebSocket message, masked with zeros, with the length that is announced.
fn part(first: u8, announced: u64, payload: &[u8]) -> Vec<u8> {
    const MASKED: u8 = 0x80;
    const EIGHT_BYTES: u8 = 0x7f;
    let mut bytes = vec![first];
    if let Ok(length @ ..126) = u8::try_from(announced) {
        bytes.push(MASKED | length);
    } else {
        bytes.push(MASKED | EIGHT_BYTES);
        bytes.extend(announced.to_be_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_says_the_length_that_it_is_told() {
        assert_eq!(part(0x89, 2, b"hi"), *b"\x89\x82\0\0\0\0hi");
        assert_eq!(part(0x82, 1 << 40, b""), *b"\x82\xff\0\0\x01\0\0\0\0\0\0\0\0\0");
    }
}
