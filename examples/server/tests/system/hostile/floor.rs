//! A connection that is idle is back at its floor.

use kefu_proto::{Account, MsgId};
use kefu_testing::client::{Client, answer, customer, question, seller};
use kefu_testing::websocket::WebSocket;

use super::target::{MIB, Target};

const CLIENTS: i64 = 200;
const LONG: usize = 30_000;

#[tokio::test]
async fn memory_is_back_after_a_burst() {
    let target = Target::start(&["--account-bytes", "0"]).await;
    let mut desk = target.log_in(seller(1), "desk").await;
    // The store's caches are as large as they get here.
    for _ in 0..250 {
        burst(&mut desk, seller(1), 10).await;
    }
    desk.sync_all(MsgId(-1)).await;
    let mut clients = Vec::new();
    for uid in 1..=CLIENTS {
        clients.push(target.log_in(customer(uid), "phone").await);
    }
    for (uid, client) in (1..).zip(&mut clients) {
        burst(client, customer(uid), 1).await;
    }
    let before = target.memory();
    for _ in 0..2 {
        for (uid, client) in (1..).zip(&mut clients) {
            burst(client, customer(uid), 4).await;
            client.sync_all(MsgId(-1)).await;
        }
    }
    // Less than one long message for each.
    target.until_back(before, 4 * MIB, "200 clients after a burst").await;
}

#[tokio::test]
async fn memory_is_back_when_clients_have_left() {
    let target = Target::start(&[]).await;
    let mut before = 0;
    for round in 0..3 {
        let mut clients = Vec::new();
        let mut webs = Vec::new();
        for uid in 1..=CLIENTS {
            clients.push(target.log_in(customer(uid), "phone").await);
            webs.push(WebSocket::log_in(target.server.http, customer(uid), "").await);
        }
        drop((clients, webs));
        target.until_online(0).await;
        if round == 0 {
            before = target.memory();
        }
    }
    target.until_back(before, 4 * MIB, "400 clients that came and went").await;
}

/// Sends some long messages and reads the ACKs.
async fn burst(client: &mut Client, from: Account, messages: usize) {
    for _ in 0..messages {
        let content = vec![b'x'; LONG];
        let body = if from == seller(1) {
            answer(from, customer(1), content)
        } else {
            question(from, seller(2), content)
        };
        client.send(body).await;
    }
    assert_eq!(client.receive_all().await.len(), messages);
}
