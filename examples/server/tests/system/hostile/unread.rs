//! What waits for one who does not read is bounded in bytes.

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{Client, customer, message_v2, question, seller};
use kefu_testing::flood::connect_narrowly;
use kefu_testing::websocket::WebSocket;

use super::target::{MIB, Target};

const LONG: usize = 30_000;
const NO_PACE: [&str; 4] = ["--account-bytes", "0", "--account-messages", "0"];

#[tokio::test]
async fn unpersistent_messages_for_a_silent_seller_are_few() {
    let target = Target::start(&NO_PACE).await;
    let mut silent = Client::on(connect_narrowly(target.server.tcp).await);
    silent.authenticate(seller(1), "desk").await;
    let mut web = WebSocket::over(
        connect_narrowly(target.server.http).await,
        &format!("ws://{}/ws", target.server.http),
    )
    .await;
    web.authenticate(seller(1), "").await;
    let before = target.memory();
    let mut asker = target.log_in(customer(1), "phone").await;
    for _ in 0..100 {
        for _ in 0..20 {
            let body = question(customer(1), seller(1), vec![b'x'; LONG]);
            asker.send_flagged(Flags::UNPERSISTENT, body).await;
        }
        asker.receive_all().await;
    }
    target.assert_growth(before, 8 * MIB, "60 MB of unpersistent messages").await;
    drop((silent, web));
}

#[tokio::test]
async fn live_copies_for_a_silent_seller_are_few() {
    let target = Target::start(&NO_PACE).await;
    let mut asker = Client::log_in_v2(target.server.tcp, customer(1), "phone").await;
    // The store's own cache is full from here on.
    send_v2(&mut asker, 2_500).await;
    let mut silent = Vec::new();
    for device in ["desk", "another"] {
        let mut client = Client::on_v2(connect_narrowly(target.server.tcp).await);
        client.authenticate(seller(1), device).await;
        // It shows that it knows version 2.
        client.send(message_v2(seller(1), customer(1), "here")).await;
        client.receive("an ACK").await;
        silent.push(client);
    }
    let before = target.memory();
    send_v2(&mut asker, 1_000).await;
    target.assert_growth(before, 12 * MIB, "30 MB of live copies").await;
}

async fn send_v2(asker: &mut Client, messages: usize) {
    for _ in 0..messages / 20 {
        for _ in 0..20 {
            asker.send(message_v2(customer(1), seller(1), vec![b'x'; LONG])).await;
        }
        asker.receive_all().await;
    }
}

#[tokio::test]
async fn pages_of_a_sync_that_nobody_reads_are_few() {
    let target = Target::start(&NO_PACE).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    for _ in 0..15 {
        for _ in 0..20 {
            asker.send(question(customer(1), seller(1), vec![b'x'; LONG])).await;
        }
        asker.receive_all().await;
    }
    // So that the store's cache has all of it.
    target.log_in(seller(1), "reader").await.sync_all(MsgId(-1)).await;
    let before = target.memory();
    let mut lazy = Vec::new();
    for uid in 0..40 {
        let mut client = Client::on(connect_narrowly(target.server.tcp).await);
        client.authenticate(seller(1), &format!("lazy {uid}")).await;
        for _ in 0..50 {
            client.send(Body::Sync(MsgId(-1))).await;
        }
        lazy.push(client);
    }
    target.assert_growth(before, 40 * MIB, "syncs of 40 clients that do not read").await;
}
