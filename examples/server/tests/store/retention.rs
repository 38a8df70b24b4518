//! Messages that are removed after a while.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use kefu_proto::{AppId, Body, CustomerMessage, MsgId, Saves, StoreId, UnixTime, UserId};
use kefu_server::store::embedded::{Options, Store};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::common::{
    KEFU, SELLER, accepted_in, answers, append, customer, marked, open, queue, rows, saves,
};
use crate::kills::{Kills, busy, copy_folder, in_memory};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The other messages of these tests are of 2017.
fn of_today(uid: i64, content: impl Into<String>) -> Saves {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let message = CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(uid),
        store_id: StoreId(3),
        seller_id: SELLER.uid,
        timestamp: UnixTime::from(0),
        content: content.into().into(),
    };
    accepted_in(KEFU, customer(uid), Body::Customer(message), now.try_into().unwrap())
}

fn kept_for(days: u32) -> Options {
    let mut options = busy();
    options.retain = Some(DAY * days);
    options
}

#[tokio::test]
async fn what_is_too_old_goes_with_all_that_points_at_it() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    // More than one step removes.
    for uid in [1, 2] {
        store.save((0..800).map(|n| saves(uid, marked(n))).collect()).await.unwrap();
    }
    let newest = append(&store, of_today(1, marked("new"))).await;
    assert_eq!(newest.map(|copy| copy.msgid.0), [3201, 3202]);
    store.close().await;

    let store = Store::open(dir.path(), kept_for(1)).unwrap();
    until_removed(&store, dir.path(), 1_600).await;
    assert_eq!(queue(&store, SELLER).await, [MsgId(3201)]);
    assert_eq!(queue(&store, customer(1)).await, [MsgId(3202)]);
    assert_eq!(rows(&store, SELLER, MsgId(7), 1).await[0].msgid, MsgId(3201));
    assert!(queue(&store, customer(2)).await.is_empty());
    // What is left is known, what is gone is not.
    assert_eq!(append(&store, of_today(1, marked("new"))).await, newest);
    let again = append(&store, of_today(2, marked(5))).await;
    assert_eq!(again[0].msgid, MsgId(3203));
    assert_eq!(append(&store, of_today(2, marked(5))).await, again);
    store.close().await;
    let db = Connection::open(dir.path().join("kefu.db")).unwrap();
    let count = |table| {
        db.query_one(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(count("message").unwrap(), 2);
    assert!(count("block").unwrap() < 10, "{} blocks", count("block").unwrap());
}

/// What had been before is not known then, and a 0 would say that there had been nothing.
#[tokio::test]
async fn what_was_before_is_unknown_where_it_may_have_been_removed() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    store.save((0..600).map(|_| saves(1, "x")).collect()).await.unwrap();
    store.close().await;
    let store = Store::open(dir.path(), kept_for(1)).unwrap();
    until_removed(&store, dir.path(), 600).await;
    store.close().await;
    for queues in [0, 100] {
        let mut options = Options::default();
        options.queues = queues;
        let store = Store::open(dir.path(), options).unwrap();
        let uid = 10 + i64::try_from(queues).unwrap();
        let [_, first] = append(&store, of_today(uid, "x")).await;
        assert_eq!(first.previous, None);
        let [_, second] = append(&store, of_today(uid, "x")).await;
        assert_eq!(second.previous, Some(first.msgid));
        store.close().await;
    }
}

/// Numbers are not given again, although no message has them any more.
#[tokio::test]
async fn msgids_go_on_after_all_messages_have_gone() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    store.save((0..100).map(|n| saves(1, marked(n))).collect()).await.unwrap();
    store.close().await;
    for n in 0..2 {
        let store = Store::open(dir.path(), kept_for(1)).unwrap();
        until_removed(&store, dir.path(), 100 + n).await;
        assert!(queue(&store, SELLER).await.is_empty());
        let [receiver, _] = append(&store, saves(1, "x")).await;
        assert_eq!(receiver.msgid.0, 201 + 2 * n);
        store.close().await;
    }
}

#[tokio::test]
async fn young_messages_stay() {
    let dir = tempdir().unwrap();
    let store = Store::open(dir.path(), kept_for(1)).unwrap();
    store.save((0..100).map(|n| of_today(1, marked(n))).collect()).await.unwrap();
    store.check().await;
    assert_eq!(queue(&store, SELLER).await.len(), 100);
    store.close().await;
    // Nor is anything removed if nothing was asked for, or too long a time.
    let dir = tempdir().unwrap();
    for retain in [None, Some(DAY * 100_000)] {
        let mut options = busy();
        options.retain = retain;
        let store = Store::open(dir.path(), options).unwrap();
        append(&store, saves(1, "x")).await;
        store.check().await;
        store.close().await;
    }
    assert_eq!(queue(&open(dir.path()), SELLER).await.len(), 2);
}

/// Messages come and go, and the store is killed at each step.
#[tokio::test]
async fn it_may_be_killed_at_any_step() {
    let (dir, place) = (in_memory(), tempdir().unwrap());
    let store = open(dir.path());
    let mut told = Vec::new();
    let mut random = Rng::with_seed(3);
    for n in 0..1_200 {
        let uid = random.i64(1..5);
        told.push((uid, store.submit(vec![saves(uid, marked(n))]).await.unwrap()));
    }
    let mut history = Vec::new();
    for (uid, saving) in told {
        history.push((uid, answers(&saving.await.unwrap()[0])));
    }
    store.close().await;

    let kills = Kills::new(dir.path(), place.path());
    let mut options = kept_for(1);
    options.tail = 16.try_into().unwrap();
    options.step = 32.try_into().unwrap();
    options.fault = Some(kills.clone());
    let store = Store::open(dir.path(), options).unwrap();
    for n in 0..40 {
        let uid = random.i64(1..5);
        history.push((uid, append(&store, of_today(uid, marked(format!("new {n}")))).await));
        kills.acknowledged.store(history.len(), std::sync::atomic::Ordering::SeqCst);
    }
    until_removed(&store, dir.path(), 1_200).await;
    store.close().await;
    let made = kills.made();
    assert!(made.len() > 60, "{} steps", made.len());
    for kill in made {
        let dir = in_memory();
        copy_folder(&kill.folder, dir.path());
        let store = Store::open(dir.path(), kept_for(1)).unwrap();
        let stored = {
            let db = Connection::open(dir.path().join("kefu.db")).unwrap();
            let last = db.query_one("SELECT max(n) FROM message", [], |row| row.get(0));
            usize::try_from(last.unwrap_or(1_200_i64)).unwrap()
        };
        assert!(stored >= kill.acknowledged, "{stored}, {kill:?}");
        until_removed(&store, dir.path(), 1_200).await;
        for uid in 1..5 {
            let left = history[1_200.min(stored)..stored].iter().filter(|(of, _)| *of == uid);
            let left: Vec<MsgId> = left.map(|(_, [_, sent])| sent.msgid).collect();
            assert_eq!(queue(&store, customer(uid)).await, left, "{kill:?}");
        }
        for (n, (uid, answer)) in history[..stored].iter().enumerate().skip(1_200) {
            let again = append(&store, of_today(*uid, marked(format!("new {}", n - 1_200)))).await;
            for (again, first) in again.iter().zip(answer) {
                assert_eq!(again.msgid, first.msgid);
                // It may have been removed since.
                assert!(again.previous.is_none() || again.previous == first.previous);
            }
        }
        store.close().await;
    }
}

/// Waits until the first messages are removed, while nobody saves.
async fn until_removed(store: &Store, dir: &Path, messages: i64) {
    let db = Connection::open(dir.join("kefu.db")).unwrap();
    let mut left = 0;
    for _ in 0..1_000 {
        store.check().await;
        // The next answer comes after the tick.
        store.keep_key(SELLER, MsgId(0)).await.unwrap();
        left = db
            .query_one("SELECT count(*) FROM message WHERE n <= ?1", [messages], |row| row.get(0))
            .unwrap();
        if left == 0 {
            return;
        }
    }
    panic!("{left} messages are left");
}
