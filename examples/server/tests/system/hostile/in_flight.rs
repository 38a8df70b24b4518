//! Requests behind a save that takes its time. All that is in flight counts.

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::flood::flood;
use kefu_testing::websocket::raw;

use super::target::{MIB, Target};

const SENT: usize = 16 * MIB;
const ROOM: usize = 12 * MIB;
const LAST_BINARY: u8 = 0x82;

#[tokio::test]
async fn pings_behind_a_save_are_not_collected() {
    behind_a_save(|client| client.frame(Flags::NONE, Body::Ping).to_vec()).await;
}

#[tokio::test]
async fn kept_keys_and_syncs_behind_a_save_are_not_collected() {
    behind_a_save(|client| {
        let key = client.frame(Flags::NONE, Body::SyncKey(MsgId(1)));
        let sync = client.frame(Flags::NONE, Body::Sync(MsgId(1)));
        [key, sync].concat()
    })
    .await;
}

#[tokio::test]
async fn transient_messages_behind_a_save_are_not_collected() {
    behind_a_save(|client| {
        let body = question(customer(1), seller(1), vec![b'x'; 30_000]);
        client.frame(Flags::UNPERSISTENT, body).to_vec()
    })
    .await;
}

#[tokio::test]
async fn long_messages_in_flight_are_few() {
    behind_a_save(|client| {
        client.frame(Flags::NONE, question(customer(1), seller(1), vec![b'x'; 30_000])).to_vec()
    })
    .await;
}

async fn behind_a_save(bytes: impl Fn(&mut Client) -> Vec<u8>) {
    let target = Target::start(&["--account-bytes", "0", "--account-messages", "0"]).await;
    let mut clients = Vec::new();
    for device in ["phone", "tablet"] {
        clients.push(target.log_in(customer(1), device).await);
    }
    let before = target.memory();
    let held = target.hold_saves();
    let mut streams = Vec::new();
    for mut client in clients {
        client.send(question(customer(1), seller(1), "first")).await;
        let frames = bytes(&mut client);
        let mut stream = client.into_stream();
        flood(&mut stream, &frames.repeat((64 * 1024 / frames.len()).max(1)), SENT).await;
        streams.push(stream);
    }
    target.assert_growth(before, ROOM, "behind a save").await;
    drop(held);
    drop(streams);
    target.log_in(customer(2), "phone").await.receive_all().await;
}

/// As [`pings_behind_a_save_are_not_collected`], over WebSocket.
#[tokio::test]
async fn pings_behind_a_save_are_not_collected_over_a_web_socket() {
    let target = Target::start(&["--account-bytes", "0", "--account-messages", "0"]).await;
    let before = target.memory();
    let held = target.hold_saves();
    let mut web = target.log_in_web(customer(1)).await;
    web.send(question(customer(1), seller(1), "first")).await;
    let mut stream = web.into_stream();
    let ping = raw(LAST_BINARY, 12, b"\0\0\0\0\0\0\0\x01\x0d\x01\0\0");
    flood(&mut stream, &ping.repeat(4_000), SENT).await;
    target.assert_growth(before, ROOM, "pings behind a save").await;
    drop(held);
}
