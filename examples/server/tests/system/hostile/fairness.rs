//! Nobody is closed for what others send.

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::flood::connect_narrowly;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::target::Target;

const NO_PACE: [&str; 4] = ["--account-bytes", "0", "--account-messages", "0"];
/// Far more than fits into an outbox, of which so many are sent before the first ACK is read.
const MANY: usize = 30_000;
const LATER: usize = 5_000;
const SYNCS: usize = 60;

#[tokio::test]
async fn a_flood_of_unpersistent_messages_closes_nobody_who_reads() {
    let target = Target::start(&NO_PACE).await;
    let mut desk = target.log_in(seller(1), "desk").await;
    let mut askers = Vec::new();
    for uid in 1..=3 {
        askers.push((uid, target.log_in(customer(uid), "phone").await));
    }
    let (over, mut is_over) = oneshot::channel();
    let flooding = async move {
        let mut flooding = JoinSet::new();
        for (uid, mut asker) in askers {
            flooding.spawn(async move {
                for _ in 0..MANY / LATER {
                    let body = question(customer(uid), seller(1), vec![b'x'; 100]);
                    let mut frames = Vec::new();
                    for _ in 0..LATER {
                        frames.extend_from_slice(&asker.frame(Flags::UNPERSISTENT, body.clone()));
                    }
                    asker.write(&frames).await;
                    assert_eq!(asker.receive_all().await.len(), LATER, "an ACK for each");
                }
            });
        }
        flooding.join_all().await;
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
    // More than the sockets between them hold.
    for _ in 0..SYNCS {
        desk.send(Body::Sync(MsgId(-1))).await;
    }
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
    let mut ended = 0;
    while ended < SYNCS {
        ended += usize::from(matches!(desk.receive("a SYNC_END").await.body, Body::SyncEnd(_)));
    }
    // Message n has the key 2n - 1 in the queue of its receiver.
    let newest = MsgId(2 * 7_020 - 1);
    let (mut key, mut total) = (MsgId(-1), 0);
    while key < newest {
        let found = desk.sync(key).await;
        (key, total) = (found.end, total + found.messages.len());
    }
    assert_eq!(total, 20 + 7_000);
    let seq = asker.send(question(customer(1), seller(1), "one more")).await;
    asker.receive_ack(seq).await;
    while desk.receive_notify().await <= newest {}
}
