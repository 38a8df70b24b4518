//! HTTP clients that hold connections and ask for little.

use std::time::Duration;

use kefu_testing::client::{customer, seller};
use kefu_testing::flood::{connect_narrowly, flood, until_closed};
use kefu_testing::{http, until, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::target::{MIB, Target};
use crate::tls::pki::Pki;

/// Short, so that a test need not wait long.
const SOON: [&str; 4] = ["--login-timeout", "2", "--unreachable-timeout", "2"];
const MANY: usize = 30;
/// The store opens some files when it needs them.
const SPARE: usize = 5;

#[tokio::test]
async fn who_says_nothing_is_closed() {
    held(|_| Vec::new()).await;
}

#[tokio::test]
async fn who_stops_within_a_header_is_closed() {
    held(|_| b"GET /healthz HTTP/1.1\r\nhost: here\r\nx-slow: ".to_vec()).await;
}

#[tokio::test]
async fn who_asks_and_then_says_nothing_is_closed() {
    held(|_| b"GET / HTTP/1.1\r\nhost: here\r\n\r\n".to_vec()).await;
}

#[tokio::test]
async fn who_announces_a_body_and_does_not_send_it_is_closed() {
    held(|_| b"GET / HTTP/1.1\r\nhost: here\r\ncontent-length: 1000000\r\n\r\nabc".to_vec()).await;
}

/// Each line comes, one after the other, in time.
#[tokio::test]
async fn who_sends_a_header_for_ever_is_closed() {
    let target = Target::start(&SOON).await;
    let mut stream = TcpStream::connect(target.server.http).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: here\r\n").await.unwrap();
    let drip = async {
        for number in 0..100_000 {
            if stream.write_all(format!("x-{number}: y\r\n").as_bytes()).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    within("the end of a header that never ends", drip).await;
}

/// Sends this on many connections, keeps them, and waits until the server has closed them.
async fn held(bytes: impl Fn(usize) -> Vec<u8>) {
    let target = Target::start(&SOON).await;
    let before = target.handles();
    let mut streams = Vec::new();
    for number in 0..MANY {
        let mut stream = TcpStream::connect(target.server.http).await.unwrap();
        stream.write_all(&bytes(number)).await.unwrap();
        streams.push(stream);
    }
    for stream in &mut streams {
        until_closed(stream).await;
    }
    target.until_handles(before + SPARE, "silent HTTP").await;
}

#[tokio::test]
async fn who_says_nothing_behind_a_tls_handshake_is_closed() {
    let pki = Pki::new();
    let target = Target::start(&[&SOON[..], &pki.options()].concat()).await;
    let before = target.handles();
    let mut streams = Vec::new();
    for _ in 0..MANY {
        streams.push(pki.connect(target.server.http).await);
    }
    target.until_handles(before + SPARE, "silent behind a TLS handshake").await;
    drop(streams);
}

#[tokio::test]
async fn answers_that_nobody_reads_are_few_and_end() {
    let target = Target::start(&SOON).await;
    let (before, memory) = (target.handles(), target.memory());
    let mut streams = Vec::new();
    for _ in 0..MANY {
        let mut stream = connect_narrowly(target.server.http).await;
        let ask = b"GET /chat.js HTTP/1.1\r\nhost: here\r\n\r\n".repeat(100);
        flood(&mut stream, &ask, 4 * MIB).await;
        streams.push(stream);
    }
    target.assert_growth(memory, 16 * MIB, "answers that nobody reads").await;
    target.until_handles(before + SPARE, "answers that nobody reads").await;
    drop(streams);
}

/// Whoever holds one port leaves room for the logins of both.
#[tokio::test]
async fn silent_clients_of_one_port_leave_room_on_both() {
    let target = Target::start(&["--max-connections", "100", "--login-timeout", "300"]).await;
    for addr in [target.server.http, target.server.tcp] {
        let mut silent = Vec::new();
        for _ in 0..150 {
            silent.push(TcpStream::connect(addr).await.unwrap());
        }
        for uid in 1..=20 {
            target.log_in(customer(uid), "phone").await.receive_all().await;
            target.log_in_web(seller(uid)).await;
        }
        drop(silent);
    }
}

#[tokio::test]
async fn an_account_has_few_traces() {
    let target = Target::start(&["--account-traces", "3"]).await;
    let mut open = Vec::new();
    for number in 0..6 {
        let mut stream = http::open(target.server.http, "/trace?token=tok-7-1").await;
        let mut head = [0; 12];
        within("an answer", stream.read_exact(&mut head)).await.unwrap();
        let is_served = head.ends_with(b"200");
        assert_eq!(is_served, number < 3, "trace {number}: {}", String::from_utf8_lossy(&head));
        open.push(stream);
    }
    assert_eq!(http::get_status(target.server.http, "/trace?token=tok-7-2").await, 200);
    // Once some have left there is room again.
    drop(open);
    until("there is room for a trace", async || {
        http::get_status(target.server.http, "/trace?token=tok-7-1").await == 200
    })
    .await;
}
