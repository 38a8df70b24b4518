//! Data folders of earlier versions.

use std::collections::BTreeMap;
use std::path::Path;

use crate::common::{
    KEFU, SELLER, accepted_in, append, customer, marked, open, queue, reply, rows, saves,
};
use crate::kills::{Kills, busy, copy_folder, in_memory};
use kefu_proto::{
    Account, AppId, Appended, Body, Command, CustomerMessage, CustomerMessageV2, DeviceId, Dialect,
    MsgId, Platform, Saves, StoreId, UnixTime, UserId,
};
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

/// What a server of version 2 has stored: messages of all commands, to sellers of two apps.
const VERSION_2: &str = include_str!("version-2.sql");

/// A message of that folder.
struct Row {
    command: Command,
    ids: [i64; 4],
    content: Vec<u8>,
    /// The accounts of both copies, and what the store had answered.
    queues: [Account; 2],
    answers: [Appended; 2],
}

#[tokio::test]
async fn a_folder_of_version_2_keeps_its_history() {
    let dir = tempdir().unwrap();
    let rows = version_2(dir.path());
    for _ in 0..2 {
        let store = open(dir.path());
        assert_all(&store, &rows).await;
        store.close().await;
    }
    let store = open(dir.path());
    let last = rows.last().unwrap();
    assert_eq!(append(&store, reply(3, "goes on")).await, [(217, 215), (218, 216)].map(told_one));
    assert_eq!(last.answers.map(|answer| answer.msgid.0), [215, 216]);
    assert_eq!(store.kept_key(customer(1)).await.unwrap(), MsgId(7));
    let device = store.device_id(b"\xff".to_vec(), Platform::ANDROID).await.unwrap();
    assert_eq!(device, DeviceId(2));
    let shown = store.shown(customer(1), Platform::WEB).await.unwrap().unwrap();
    assert_eq!(shown.dialect, Dialect::V2);
    let pushes = store.pushes(10).await.unwrap();
    let pushes: Vec<_> = pushes.iter().map(|push| (push.to, push.command)).collect();
    assert_eq!(pushes, [(SELLER, Command::CUSTOMER), (SELLER, Command::CUSTOMER_V2)]);
    store.close().await;
}

#[tokio::test]
async fn a_conversion_may_be_killed_at_any_step() {
    let (dir, place) = (in_memory(), tempdir().unwrap());
    let rows = version_2(dir.path());
    let kills = Kills::new(dir.path(), place.path());
    let mut options = busy();
    options.fault = Some(kills.clone());
    Store::open(dir.path(), options).unwrap().close().await;
    let made = kills.made();
    assert!(made.len() > 100, "{} steps", made.len());
    for kill in made {
        let dir = in_memory();
        copy_folder(&kill.folder, dir.path());
        let store = open(dir.path());
        assert_all(&store, &rows).await;
        store.close().await;
    }
}

/// As after a disk that has lost it, or a person who has deleted it.
#[tokio::test]
async fn an_index_that_is_gone_is_built_again() {
    let dir = tempdir().unwrap();
    let rows = version_2(dir.path());
    open(dir.path()).close().await;
    let db = Connection::open(dir.path().join("kefu.db")).unwrap();
    db.execute_batch("DELETE FROM run; DELETE FROM fence; DELETE FROM block; DELETE FROM filter;")
        .unwrap();
    drop(db);
    let store = Store::open(dir.path(), busy()).unwrap();
    assert_all(&store, &rows).await;
    store.close().await;
}

/// Makes such a folder. Returns what is in it, as its own tables say.
fn version_2(dir: &Path) -> Vec<Row> {
    let db = Connection::open(dir.join("kefu.db")).unwrap();
    let _: String = db.query_one("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    db.execute_batch(VERSION_2).unwrap();
    let mut queues = BTreeMap::new();
    let mut copies = BTreeMap::new();
    let mut select = db.prepare("SELECT appid, uid, msgid FROM queue ORDER BY msgid").unwrap();
    let mut found = select.query([]).unwrap();
    while let Some(row) = found.next().unwrap() {
        let msgid: i64 = row.get(2).unwrap();
        let account = (row.get::<_, i64>(0).unwrap(), row.get::<_, i64>(1).unwrap());
        let previous = queues.insert(account, msgid).unwrap_or(0);
        let account = Account::new(account.0.into(), account.1.into());
        copies.insert(msgid, (account, told_one((msgid, previous))));
    }
    let mut select = db.prepare("SELECT * FROM message ORDER BY n").unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        let n: i64 = row.get(0)?;
        let both = [copies[&(2 * n - 1)], copies[&(2 * n)]];
        Ok(Row {
            command: Command(row.get(2)?),
            ids: [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?],
            content: row.get_ref(8)?.as_bytes()?.to_vec(),
            queues: both.map(|(queue, _)| queue),
            answers: both.map(|(_, answer)| answer),
        })
    };
    select.query_map([], row).unwrap().map(Result::unwrap).collect()
}

impl Row {
    fn saves(&self) -> Saves {
        let [first, second, third, fourth] = self.ids;
        let (timestamp, content) = (UnixTime::from(0), self.content.clone().into());
        let [receiver, sender] = self.queues;
        if self.command == Command::CUSTOMER_V2 {
            let message = CustomerMessageV2 { sender, receiver, timestamp, content };
            return accepted_in(KEFU, sender, Body::CustomerV2(message), 0);
        }
        let message = CustomerMessage {
            customer_appid: AppId(first),
            customer_id: UserId(second),
            store_id: StoreId(third),
            seller_id: UserId(fourth),
            timestamp,
            content,
        };
        if self.command == Command::CUSTOMER {
            accepted_in(receiver.appid, sender, Body::Customer(message), 0)
        } else {
            accepted_in(sender.appid, sender, Body::CustomerSupport(message), 0)
        }
    }
}

/// All queues are as they were, and all repeats are recognised.
async fn assert_all(store: &Store, history: &[Row]) {
    let mut queues = BTreeMap::<_, Vec<(MsgId, &[u8])>>::new();
    for row in history {
        for (queue, answer) in row.queues.into_iter().zip(row.answers) {
            let queue = queues.entry((queue.appid.0, queue.uid.0)).or_default();
            queue.push((answer.msgid, &row.content));
        }
    }
    assert!(queues.len() > 10, "{} queues", queues.len());
    for ((appid, uid), expected) in queues {
        let account = Account::new(appid.into(), uid.into());
        let page = rows(store, account, MsgId(0), 1_000).await;
        let found: Vec<_> = page.iter().map(|row| (row.msgid, &row.body[36..])).collect();
        assert_eq!(found, expected, "{account}");
    }
    for row in history.iter().filter(|row| row.content.starts_with(b"{")) {
        assert_eq!(append(store, row.saves()).await, row.answers);
    }
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
    copies.map(told_one)
}

fn told_one((msgid, previous): (i64, i64)) -> Appended {
    Appended { msgid: MsgId(msgid), previous: Some(MsgId(previous)) }
}
