//! A data folder of the version before.

use crate::common::{SELLER, append, customer, marked, open, queue, reply, rows, saves};
use kefu_proto::{Appended, DeviceId, MsgId, Platform};
use kefu_server::store::embedded::Store;
use rusqlite::Connection;
use tempfile::tempdir;

/// What a server of version 1 has stored: a dump of its database.
const VERSION_1: &str = include_str!("version-1.sql");

#[tokio::test]
async fn a_folder_of_version_1_keeps_its_history() {
    let dir = tempdir().unwrap();
    let database = || Connection::open(dir.path().join("kefu.db")).unwrap();
    database().execute_batch(VERSION_1).unwrap();
    // The second time it is converted already.
    for _ in 0..2 {
        let store = open(dir.path());
        assert_history(&store).await;
        store.close().await;
    }
    let store = open(dir.path());
    assert_eq!(append(&store, saves(3, "goes on")).await, told([(13, 11), (14, 12)]));
    store.close().await;

    let number = |sql| database().query_one(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("PRAGMA user_version"), 3);
}

async fn assert_history(store: &Store) {
    for (account, expected) in [
        (SELLER, &[1, 3, 5, 8, 9, 11][..]),
        (customer(1), &[2, 4, 7, 10]),
        (customer(2), &[6]),
        (customer(3), &[12]),
    ] {
        let msgids: Vec<i64> = queue(store, account).await.into_iter().map(i64::from).collect();
        assert_eq!(msgids, expected, "{account}");
    }
    let page = rows(store, SELLER, MsgId(0), 3).await;
    assert_eq!(&page[0].body[36..], "你好".as_bytes());
    assert_eq!(&page[2].body[36..], b"\xff\x00");
    // Repeats are still known, and what was before them.
    assert_eq!(append(store, saves(1, marked("a"))).await, told([(3, 1), (4, 2)]));
    assert_eq!(append(store, reply(1, marked("b"))).await, told([(7, 4), (8, 5)]));

    assert_eq!(store.kept_key(customer(1)).await.unwrap(), MsgId(7));
    let device = store.device_id(b"\xff".to_vec(), Platform::ANDROID).await.unwrap();
    assert_eq!(device, DeviceId(2));
    let pushes = store.pushes(10).await.unwrap();
    assert_eq!(pushes.len(), 1);
    assert_eq!((pushes[0].to, &pushes[0].body[36..]), (SELLER, &b"to be pushed"[..]));
}

/// Msgids, each with the one before.
fn told(copies: [(i64, i64); 2]) -> [Appended; 2] {
    copies
        .map(|(msgid, previous)| Appended { msgid: MsgId(msgid), previous: Some(MsgId(previous)) })
}
