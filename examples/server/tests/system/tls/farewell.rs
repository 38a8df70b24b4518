//! How connections over TLS end: with all that was queued, then a `close_notify`.

use std::time::{Duration, Instant};

use kefu_proto::{Body, Flags, MsgId, Seq};
use kefu_testing::client::{Client, Frames, auth_token, customer, parse, question, seller, token};
use kefu_testing::http::ask;
use kefu_testing::within;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use super::pki::{Pki, Secure};
use crate::support::process::ServerProcess;

/// A PING with a body.
const UNDECODABLE: &[u8] = b"\0\0\0\x01\0\0\0\x08\x0d\x01\0\0!";
/// Messages that fill the answer to one SYNC (S12).
const MANY: usize = 9;
/// Their answers are more than the socket buffers can hold.
const SYNCS: usize = 45;
/// Fast enough even on a slow machine.
const SOON: Duration = Duration::from_secs(5);

// The client of these tests fails if the stream ends without a close_notify.

#[tokio::test]
async fn s7_long_syncs_are_written_to_their_end_before_the_connection_closes() {
    let server = Secure::start(&[]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    for number in 0..MANY {
        asker.send(numbered(number)).await;
    }
    assert_eq!(asker.receive_all().await.len(), MANY);
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut sent = Vec::new();
    for _ in 0..SYNCS {
        sent.extend_from_slice(&desk.frame(Flags::NONE, Body::Sync(MsgId(-1))));
    }
    desk.write(&[&sent, UNDECODABLE].concat()).await;
    // By now the server waits for the reader.
    sleep(Duration::from_millis(300)).await;
    let mut rest = desk.receive_rest().await.into_iter().map(|message| message.body);
    for _ in 0..SYNCS {
        assert!(matches!(rest.next(), Some(Body::SyncBegin(_))));
        for number in 0..MANY {
            let Some(Body::Customer(chat)) = rest.next() else {
                panic!("message {number} is lost")
            };
            assert!(chat.content.starts_with(format!("message {number} ").as_bytes()), "{number}");
        }
        assert!(matches!(rest.next(), Some(Body::SyncEnd(_))));
    }
    assert_eq!((rest.next(), desk.fragment()), (None, &b""[..]));
}

#[tokio::test]
async fn s7_who_says_that_nothing_follows_still_gets_the_answers() {
    let server = Secure::start(&[]).await;
    let mut stream = server.pki.connect(server.tcp).await;
    let mut frames = Frames::default();
    let login = frames.next(Flags::NONE, auth_token(&token(customer(1)), "phone"));
    let asked = frames.next(Flags::NONE, numbered(0));
    stream.write_all(&[login, asked].concat()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut asker = Client::over(stream);
    asker.receive("an AUTH_STATUS").await;
    asker.receive_ack(Seq(2)).await;
    assert_eq!(asker.receive_rest().await, []);
    server.until_closed("left", 1).await;
}

#[tokio::test]
async fn a_client_that_leaves_without_close_notify_has_left() {
    let server = Secure::start(&[]).await;
    drop(server.log_in(customer(1), "phone").await);
    server.until_closed("left", 1).await;
}

#[tokio::test]
async fn s7_a_websocket_ends_with_its_close_frame_and_then_a_close_notify() {
    let server = Secure::start(&[]).await;
    let mut web = server.log_in_web(customer(1)).await;
    for number in 0..3 {
        web.send(numbered(number)).await;
    }
    web.send_message(Message::Binary(UNDECODABLE.into())).await;
    let rest = web.receive_rest().await.into_iter().map(|frame| parse(frame).body);
    assert_eq!(rest.collect::<Vec<_>>(), [2, 3, 4].map(|seq| Body::Ack(Seq(seq).into())));
    web.assert_closed().await;
}

#[tokio::test]
async fn asked_to_stop_it_ends_its_connections_and_exits_at_once() {
    let (pki, folder) = (Pki::new(), TempDir::new().unwrap());
    let mut server = ServerProcess::start(folder.path(), &pki.options()).await;
    let mut idle = pki.log_in(server.tcp, customer(1), "phone").await;
    let nobody = pki.connect(server.tcp).await;
    let (half, unused) = (
        TcpStream::connect(server.tcp).await.unwrap(),
        TcpStream::connect(server.http).await.unwrap(),
    );
    let mut web = pki.open_web(server.http).await;
    let trace = pki.connect(server.http).await;
    let trace = tokio::spawn(async move { ask(trace, "/trace?token=tok-7-1").await });
    let mut half_asked = pki.connect(server.http).await;
    half_asked.write_all(b"GET /healthz HTTP/1.1\r\nhost: here\r\n").await.unwrap();
    half_asked.flush().await.unwrap();
    assert_eq!(idle.receive_all().await, []);

    let since = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(idle.receive_rest().await, []);
    assert_eq!(Client::over(nobody).receive_rest().await, []);
    assert_eq!(web.receive_rest().await.len(), 0);
    assert_eq!(within("the end of the trace", trace).await.unwrap().status, 200);
    assert_eq!(server.exit().await.code(), Some(0), "{}", server.log());
    assert!(since.elapsed() < SOON, "{:?}: {}", since.elapsed(), server.log());
    drop((half, unused, half_asked));
}

fn numbered(number: usize) -> Body {
    let mut content = format!("message {number} ").into_bytes();
    content.resize(30_000, b'x');
    question(customer(1), seller(2), content)
}
