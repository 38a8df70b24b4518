//! Live copies of several senders to one receiver.

use std::collections::BTreeMap;

use kefu_proto::{Body, Message, Metadata, MsgId};
use kefu_testing::client::{Client, customer, message_v2, seller};
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::support::server::Server;

const CUSTOMERS: i64 = 4;
/// Messages of each customer.
const MANY: usize = 1_000;
/// Of each customer that wait for their ACKs.
const WINDOW: usize = 8;

/// The client drops a copy that does not continue what it has, and syncs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h14_copies_of_four_customers_who_write_at_once_continue_each_other() {
    let server = Server::start(&[]).await;
    let desk = Client::log_in_v2(server.tcp, seller(2), "desk").await;
    let desk = tokio::spawn(read(desk));
    let mut customers = JoinSet::new();
    for uid in 1..=CUSTOMERS {
        let phone = Client::log_in_v2(server.tcp, customer(uid), "phone").await;
        customers.spawn(write(phone, uid));
    }
    customers.join_all().await;
    let Copies { received, continued, syncs } = desk.await.unwrap();
    println!("{continued} of {} copies continue the one before; {syncs} syncs", received.len());
    assert!(continued * 100 >= received.len() * 95, "{continued} of {}", received.len());

    let before = predecessors(&server);
    for Metadata { sync_key, prev_sync_key } in received {
        assert_eq!(before[&sync_key], prev_sync_key, "of {sync_key}");
    }
}

async fn write(mut phone: Client, uid: i64) {
    for batch in 0..MANY / WINDOW {
        let mut seqs = Vec::new();
        for number in 0..WINDOW {
            let content = format!("message {batch}.{number}");
            seqs.push(phone.send(message_v2(customer(uid), seller(2), content)).await);
        }
        for seq in seqs {
            phone.receive_live_ack(seq).await;
        }
    }
}

#[derive(Default)]
struct Copies {
    received: Vec<Metadata>,
    /// How many had the client's own key as the one before.
    continued: usize,
    syncs: usize,
}

/// Reads as a client does, until the last message has come.
async fn read(mut desk: Client) -> Copies {
    let (mut copies, mut key, mut is_syncing) = (Copies::default(), MsgId(0), false);
    let all = usize::try_from(CUSTOMERS).unwrap() * MANY;
    while copies.received.len() < all || is_syncing {
        match desk.receive("a copy").await {
            Message { body: Body::Metadata(metadata), .. } => {
                let message = desk.receive("what METADATA belongs to").await;
                assert!(matches!(message.body, Body::CustomerV2(_)), "{message:?}");
                copies.received.push(metadata);
                if metadata.prev_sync_key == key {
                    copies.continued += 1;
                    key = metadata.sync_key;
                }
            }
            Message { body: Body::SyncNotify(newest), .. } if newest > key && !is_syncing => {
                desk.send(Body::Sync(key)).await;
                is_syncing = true;
                copies.syncs += 1;
            }
            Message { body: Body::SyncEnd(end), .. } => {
                (key, is_syncing) = (key.max(end), false);
            }
            _ => {}
        }
    }
    copies
}

/// What is before each message of the seller's queue.
fn predecessors(server: &Server) -> BTreeMap<MsgId, MsgId> {
    let database = Connection::open(server.folder.path().join("data/kefu.db")).unwrap();
    let of_seller = "SELECT msgid FROM queued WHERE appid = 1453 AND uid = 2 ORDER BY msgid";
    let mut rows = database.prepare(of_seller).unwrap();
    let msgids = rows.query_map([], |row| row.get(0)).unwrap();
    let msgids: Vec<MsgId> = msgids.map(|msgid| MsgId(msgid.unwrap())).collect();
    let before = std::iter::once(MsgId(0)).chain(msgids.iter().copied());
    msgids.iter().copied().zip(before).collect()
}
