//! What one account can have.

use std::time::{Duration, Instant};

use kefu_proto::{Body, Flags, LoginStatus};
use kefu_testing::client::{Client, answer, auth_token, customer, question, seller, token};
use kefu_testing::websocket::WebSocket;
use tokio::time::timeout;

use super::target::Target;

/// On a machine however slow, a rate is not exceeded.
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn the_oldest_connection_is_closed_for_one_too_many() {
    let target = Target::start(&["--account-connections", "3"]).await;
    let mut other = target.log_in(customer(2), "phone").await;
    let mut first = target.log_in(customer(1), "1").await;
    let mut second = target.log_in(customer(1), "2").await;
    let mut third = target.log_in(customer(1), "3").await;
    let mut web = WebSocket::log_in(target.server.http, customer(1), "4").await;
    first.receive_rest().await;
    let mut fifth = target.log_in(customer(1), "5").await;
    second.receive_rest().await;
    for client in [&mut third, &mut fifth, &mut other] {
        assert_eq!(client.receive_all().await, []);
    }
    web.send(Body::Ping).await;
    web.receive_frame("a PONG").await;
}

#[tokio::test]
async fn requests_beyond_the_rate_are_read_later() {
    let target = Target::start(&["--account-messages", "100"]).await;
    let mut fast = target.log_in(customer(1), "phone").await;
    let mut other = target.log_in(customer(2), "phone").await;
    let mut frames = Vec::new();
    for _ in 0..700 {
        frames.extend_from_slice(&fast.frame(Flags::NONE, question(customer(1), seller(1), "x")));
    }
    let since = Instant::now();
    fast.write(&frames).await;
    // The others do not wait for it.
    for _ in 0..20 {
        other.receive_all().await;
    }
    assert_eq!(fast.receive_all().await.len(), 700, "all are read at last");
    let took = since.elapsed();
    assert!(took >= 4 * SECOND, "700 messages in {took:?} at 100 a second");
    let seq = other.send(question(customer(2), seller(1), "x")).await;
    other.receive_ack(seq).await;
}

/// All connections of an account share its rate.
#[tokio::test]
async fn bytes_beyond_the_rate_are_read_later() {
    let target = Target::start(&["--account-bytes", "100000"]).await;
    let mut clients = Vec::new();
    for device in ["a", "b"] {
        clients.push(target.log_in(customer(1), device).await);
    }
    let since = Instant::now();
    let mut sending = Vec::new();
    for mut client in clients {
        sending.push(tokio::spawn(async move {
            for _ in 0..15 {
                client.send(question(customer(1), seller(1), vec![b'x'; 30_000])).await;
            }
            // Notifies of what the other device sends come, too.
            let received = client.receive_all().await;
            received.iter().filter(|message| matches!(message.body, Body::Ack(_))).count()
        }));
    }
    for sending in sending {
        assert_eq!(sending.await.unwrap(), 15);
    }
    let took = since.elapsed();
    assert!(took >= 5 * SECOND, "900 kB in {took:?} at 100 kB a second");
}

#[tokio::test]
async fn new_names_of_devices_are_few_and_known_ones_are_served() {
    let target = Target::start(&["--account-devices", "3"]).await;
    for device in ["a", "b", "c"] {
        target.log_in(customer(1), device).await.receive_all().await;
    }
    for device in ["d", "e"] {
        let mut client = Client::connect(target.server.tcp).await;
        client.send(auth_token(&token(customer(1)), device)).await;
        let received = client.receive_rest().await;
        for message in received {
            let Body::AuthStatus(answer) = message.body else { panic!("{message:?}") };
            assert_ne!(answer.status, LoginStatus::OK);
        }
    }
    for device in ["a", "c"] {
        target.log_in(customer(1), device).await.receive_all().await;
    }
    target.log_in(customer(2), "d").await.receive_all().await;
}

/// The defaults are no matter for one who works fast.
#[tokio::test]
async fn a_busy_seller_meets_no_bound() {
    let target = Target::start(&[]).await;
    let mut desk = target.log_in(seller(1), "desk").await;
    let since = Instant::now();
    for _ in 0..5 {
        let mut frames = Vec::new();
        for uid in 1..=200 {
            let body = answer(seller(1), customer(uid), vec![b'x'; 500]);
            frames.extend_from_slice(&desk.frame(Flags::NONE, body));
        }
        desk.write(&frames).await;
        let answers = timeout(20 * SECOND, desk.receive_all()).await.expect("ACKs");
        assert_eq!(answers.len(), 200);
    }
    println!("1,000 messages in {:?}", since.elapsed());
}
