//! Nobody is closed for what others send.

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::flood::connect_narrowly;
use tokio::sync::oneshot;

use super::target::Target;

const NO_PACE: [&str; 4] = ["--account-bytes", "0", "--account-messages", "0"];
/// Far more than fits into an outbox.
const MANY: usize = 30_000;

#[tokio::test]
async fn a_flood_of_unpersistent_messages_closes_nobody_who_reads() {
    let target = Target::start(&NO_PACE).await;
    let mut desk = target.log_in(seller(1), "desk").await;
    let mut asker = target.log_in(customer(1), "phone").await;
    let (over, mut is_over) = oneshot::channel();
    let flooding = async move {
        for _ in 0..MANY / 1_000 {
            let body = question(customer(1), seller(1), vec![b'x'; 100]);
            let mut frames = Vec::new();
            for _ in 0..1_000 {
                frames.extend_from_slice(&asker.frame(Flags::UNPERSISTENT, body.clone()));
            }
            asker.write(&frames).await;
            assert_eq!(asker.receive_all().await.len(), 1_000);
        }
        over.send(()).unwrap();
    };
    let reading = async {
        loop {
            tokio::select! {
                message = desk.next_message() => assert!(message.is_some(), "closed"),
                _ = &mut is_over => break,
            }
        }
        desk.receive_all().await;
    };
    tokio::join!(flooding, reading);
    target.until_closed("slow", 0).await;
}

/// Each notify gives way to a newer one.
#[tokio::test]
async fn thousands_of_notifies_during_a_sync_close_nobody() {
    let target = Target::start(&NO_PACE).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    for _ in 0..20 {
        asker.send(question(customer(1), seller(1), vec![b'x'; 30_000])).await;
    }
    asker.receive_all().await;
    let mut desk = Client::on(connect_narrowly(target.server.tcp).await);
    desk.authenticate(seller(1), "desk").await;
    desk.send(Body::Sync(MsgId(-1))).await;
    desk.receive("a SYNC_BEGIN").await;
    for _ in 0..7 {
        let mut frames = Vec::new();
        for _ in 0..1_000 {
            frames.extend_from_slice(
                &asker.frame(Flags::NONE, question(customer(1), seller(1), "x")),
            );
        }
        asker.write(&frames).await;
        assert_eq!(asker.receive_all().await.len(), 1_000);
    }
    let received = desk.receive_all().await;
    let notified = received.iter().filter_map(|message| match message.body {
        Body::SyncNotify(key) => Some(key),
        _ => None,
    });
    let newest = notified.max().expect("a SYNC_NOTIFY");
    assert!(received.iter().any(|message| matches!(message.body, Body::SyncEnd(_))));
    let mut found = desk.sync(MsgId(-1)).await;
    let mut total = found.messages.len();
    while found.end < newest {
        found = desk.sync(found.end).await;
        total += found.messages.len();
    }
    assert_eq!(total, 20 + 7_000);
}
