//! Clients without TLS on a TLS port.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kefu_proto::{Body, Flags};
use kefu_testing::client::{Client, auth_token, customer, seller, token};
use kefu_testing::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::rustls::ALL_VERSIONS;

use super::pki::Secure;

/// The header of a record of 512 bytes, and the start of a `ClientHello`.
const HALF_A_HANDSHAKE: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
/// The start of a fatal alert: type, version, length, level.
const ALERT: &[u8] = b"\x15\x03\x03\x00\x02\x02";

#[tokio::test]
async fn a_plain_client_is_closed_with_an_alert_and_disturbs_nobody() {
    let server = Secure::start(&[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut plain = Client::connect(server.tcp).await;
    let login = plain.frame(Flags::NONE, auth_token(&token(customer(1)), "phone"));
    assert_alert(&say(server.tcp, &login).await);
    server.until_closed("tls", 1).await;
    // A client that sends more than is read may get no alert, but is closed.
    say(server.tcp, &login.repeat(10_000)).await;
    server.until_closed("tls", 2).await;
    assert_eq!(desk.receive_all().await, []);
}

#[tokio::test]
async fn plain_http_and_a_plain_websocket_are_closed_with_an_alert() {
    let server = Secure::start(&[]).await;
    let mut desk = server.log_in_web(seller(2)).await;
    let upgrade = "GET /ws HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    for (index, request) in ["GET / HTTP/1.1\r\nhost: here\r\n\r\n", upgrade].iter().enumerate() {
        assert_alert(&say(server.http, request.as_bytes()).await);
        server.until_closed("tls", u64::try_from(index).unwrap() + 1).await;
    }
    desk.send(Body::Ping).await;
    desk.receive_frame("a PONG").await;
}

#[tokio::test]
async fn half_a_handshake_is_waited_for_no_longer_than_a_login() {
    let server = Secure::start(&["--login-timeout", "2"]).await;
    let started = Instant::now();
    let (half, silent) = tokio::join!(say(server.tcp, HALF_A_HANDSHAKE), say(server.tcp, b""));
    assert_eq!((half.len(), silent.len()), (0, 0));
    let waited = started.elapsed();
    assert!((2..8).contains(&waited.as_secs()), "{waited:?}");
    server.until_closed("tls", 2).await;
}

#[tokio::test]
async fn the_handshake_s_time_is_a_part_of_the_login_s() {
    let server = Secure::start(&["--login-timeout", "5"]).await;
    let started = Instant::now();
    let socket = TcpStream::connect(server.tcp).await.unwrap();
    sleep(Duration::from_secs(4)).await;
    let stream = server.pki.shake_hands(socket, ALL_VERSIONS).await;
    assert_eq!(Client::over(stream).receive_rest().await, []);
    let waited = started.elapsed();
    assert!((5..8).contains(&waited.as_secs()), "{waited:?}");
    server.until_closed("login_deadline", 1).await;
}

#[tokio::test]
async fn half_a_handshake_for_http_is_closed_in_time_and_nobody_waits_for_it() {
    let server = Secure::start(&[]).await;
    let started = Instant::now();
    let others = async {
        for _ in 0..3 {
            server.log_in_web(customer(1)).await;
        }
        started.elapsed()
    };
    let (half, silent, others) =
        tokio::join!(say(server.http, HALF_A_HANDSHAKE), say(server.http, b""), others);
    assert_eq!((half.len(), silent.len()), (0, 0));
    let waited = started.elapsed();
    assert!((10..25).contains(&waited.as_secs()), "{waited:?}");
    assert!(others < Duration::from_secs(9), "{others:?}");
    server.until_closed("tls", 2).await;
}

#[tokio::test]
async fn who_has_not_shaken_hands_yet_gives_way_to_others() {
    let server = Secure::start(&["--max-waiting", "1", "--login-timeout", "60"]).await;
    for port in [server.tcp, server.http] {
        let half = say(port, HALF_A_HANDSHAKE);
        let others = async {
            sleep(Duration::from_millis(200)).await;
            server.log_in(customer(1), "phone").await
        };
        let (heard, mut client) = tokio::join!(half, others);
        assert_eq!(heard, b"");
        assert_eq!(client.receive_all().await, []);
    }
}

/// Sends this without TLS and returns all that comes until the end.
async fn say(addr: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(addr).await.unwrap();
    let mut heard = Vec::new();
    let exchange = async {
        // The server may close before it is all sent.
        let _ = socket.write_all(bytes).await;
        match socket.read_to_end(&mut heard).await {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => {}
        }
    };
    within("the end of the connection", exchange).await;
    heard
}

fn assert_alert(heard: &[u8]) {
    assert!(heard.starts_with(ALERT) && heard.len() == ALERT.len() + 1, "{heard:?}");
}
