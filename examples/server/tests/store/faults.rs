//! The store on a disk that fails.

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::common::{SELLER, append, customer, marked, msgids, open, queue, reply, save, saves};
use crate::disk::{Disk, Seen, on};
use kefu_proto::{MsgId, Platform};
use kefu_server::store::embedded::{OpenError, Options, Store, StoreError};
use kefu_server::store::{Problem, Push, SaveFailure};
use rusqlite::{Connection, ErrorCode};
use tempfile::tempdir;
use tokio::time::timeout;

#[tokio::test]
async fn a_failed_commit_fails_all_who_wait_and_leaves_nothing() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = Store::open(dir.path(), on(&disk)).unwrap();
    let before = save(&store, saves(1, marked("before"))).await;

    disk.no_commit.store(true, Ordering::Relaxed);
    let mut waiting = Vec::new();
    for uid in 1..=20 {
        waiting
            .push(store.submit(vec![saves(uid, marked("lost")), saves(uid, "x")]).await.unwrap());
    }
    for saving in waiting {
        let error = saving.await.unwrap_err();
        assert!(matches!(error, StoreError::Failed(_)), "{error}");
    }
    store.keep_key(SELLER, MsgId(9)).await.unwrap_err();
    store.device_id(b"phone".to_vec(), Platform::IOS).await.unwrap_err();
    assert_eq!(queue(&store, SELLER).await, [before[0]]);
    assert!(queue(&store, customer(2)).await.is_empty());
    assert_eq!(store.kept_key(SELLER).await.unwrap(), MsgId(0));

    // The disk works again: lost messages are new, stored ones are repeats.
    disk.no_commit.store(false, Ordering::Relaxed);
    let other = save(&store, saves(9, "x")).await;
    let after = save(&store, saves(1, marked("lost"))).await;
    assert!(before < other && other < after);
    assert_eq!(save(&store, saves(1, marked("lost"))).await, after);
    assert_eq!(save(&store, saves(1, marked("before"))).await, before);
    store.close().await;
    let store = open(dir.path());
    assert_eq!(queue(&store, SELLER).await, [before[0], other[0], after[0]]);
    store.close().await;
}

#[tokio::test]
async fn a_failed_commit_is_not_what_was_before() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = Store::open(dir.path(), on(&disk)).unwrap();
    let before = save(&store, saves(1, "x")).await;
    disk.no_commit.store(true, Ordering::Relaxed);
    for uid in [1, 2, 1] {
        store.save(vec![saves(uid, marked("lost")), reply(uid, "x")]).await.unwrap_err();
    }
    disk.no_commit.store(false, Ordering::Relaxed);
    // A queue that was known, one that was not, and one of each again.
    let mut newest = before;
    for (uid, sent) in [(1, before[1]), (2, MsgId(0))] {
        let [receiver, sender] = append(&store, saves(uid, marked("lost"))).await;
        assert_eq!([receiver.previous, sender.previous], [Some(newest[0]), Some(sent)]);
        newest = [receiver.msgid, sender.msgid];
        assert_eq!(append(&store, saves(uid, marked("lost"))).await, [receiver, sender]);
    }
    store.close().await;
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_stored_until_a_checkpoint_succeeds() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = Store::open(dir.path(), on(&disk)).unwrap();
    disk.no_commit.store(true, Ordering::Relaxed);
    store.save(vec![saves(1, "x")]).await.unwrap_err();
    // The next commit would succeed, but the state after the failed one is unknown.
    disk.no_commit.store(false, Ordering::Relaxed);
    disk.no_checkpoint.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        let error = store.save(vec![saves(1, "x")]).await.unwrap_err();
        assert!(matches!(error, StoreError::Poisoned(_)), "{error}");
    }
    assert!(queue(&store, SELLER).await.is_empty());
    disk.no_checkpoint.store(false, Ordering::Relaxed);
    let saved = save(&store, saves(1, "x")).await;
    assert_eq!(queue(&store, SELLER).await, [saved[0]]);
    store.close().await;
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "the lock is what the store waits for")]
async fn a_slow_disk_makes_callers_wait() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let mut options = on(&disk);
    options.waiting = NonZeroUsize::new(4).unwrap();
    let store = Store::open(dir.path(), options).unwrap();
    let busy = disk.busy.lock().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..2 {
        // A content of a full KiB counts as two.
        waiting.push(store.submit(vec![saves(1, vec![b'x'; 1024])]).await.unwrap());
    }
    let other = store.clone();
    let mut more = pin!(other.submit(vec![saves(1, "x")]));
    timeout(Duration::from_millis(50), &mut more).await.unwrap_err();
    drop(busy);
    waiting.push(more.await.unwrap());
    for saving in waiting {
        saving.await.unwrap();
    }
    // A batch larger than the whole limit waits until it is alone.
    let large = (0..50).map(|_| saves(1, "x")).collect();
    assert_eq!(store.save(large).await.unwrap().len(), 50);
    store.close().await;
}

#[tokio::test]
async fn an_observer_sees_every_group() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let mut options = on(&disk);
    let seen = Seen::by(&mut options);
    let store = Store::open(dir.path(), options).unwrap();
    let batch = ["a", "b", "a"].map(|uuid| saves(1, marked(uuid)));
    store.save(batch.into()).await.unwrap();
    disk.no_commit.store(true, Ordering::Relaxed);
    store.keep_key(SELLER, MsgId(1)).await.unwrap_err();
    store.close().await;
    let seen = seen.groups.lock().unwrap();
    let seen: Vec<_> = seen.iter().map(|g| (g.messages, g.repeats, g.others, g.failure)).collect();
    assert_eq!(seen, [(2, 1, 0, None), (0, 0, 1, Some(SaveFailure::Failed))]);
}

#[tokio::test]
async fn a_full_disk_is_an_error_until_there_is_room() {
    let dir = tempdir().unwrap();
    let mut options = Options::default();
    options.max_pages = Some(100);
    let store = Store::open(dir.path(), options).unwrap();
    // Rows to be removed later.
    for _ in 0..20 {
        let message = saves(1, vec![b'x'; 8_000]).requests()[0].message().clone();
        store.push(Push { to: SELLER, message }).await.unwrap();
    }
    let mut stored = Vec::new();
    let error = loop {
        match store.save(vec![saves(1, vec![b'y'; 2_000]), saves(1, "z")]).await {
            Ok(effects) => stored.extend(effects.iter().map(|effects| msgids(effects)[0])),
            Err(error) => break error,
        }
        assert!(stored.len() < 200, "there should be no room for so many");
    };
    let StoreError::Failed(cause) = &error else { panic!("{error}") };
    assert_eq!(cause.sqlite_error_code(), Some(ErrorCode::DiskFull));
    store.save(vec![saves(1, vec![b'y'; 8_000])]).await.unwrap_err();
    assert_eq!(queue(&store, SELLER).await, stored);

    let pushes = store.pushes(100).await.unwrap();
    assert_eq!(pushes.len(), 20);
    store.pushed(pushes.iter().map(|push| push.id).collect()).await.unwrap();
    // The failures had inserted rows, which were rolled back.
    let [receiver, _] = append(&store, saves(1, vec![b'y'; 8_000])).await;
    assert_eq!(receiver.previous, stored.last().copied());
    stored.push(receiver.msgid);
    store.close().await;
    let store = open(dir.path());
    assert_eq!(queue(&store, SELLER).await, stored);
    store.close().await;
}

/// Messages that cannot be written into the index wait in memory, and only so many may.
#[tokio::test]
async fn while_the_index_cannot_be_written_so_many_messages_are_stored_and_no_more() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let mut options = on(&disk);
    options.tail = NonZeroUsize::new(5).unwrap();
    let store = Store::open(dir.path(), options).unwrap();
    disk.no_index.store(true, Ordering::Relaxed);
    let mut stored = Vec::new();
    for n in 0..10 {
        stored.push(save(&store, saves(1, marked(n))).await[0]);
    }
    for _ in 0..2 {
        let error = store.save(vec![saves(1, "x")]).await.unwrap_err();
        assert!(matches!(error, StoreError::Failed(_)), "{error}");
        assert_eq!(store.problems(), [Problem::NotWriting]);
    }
    // Everything else is done, and all that is stored is found.
    store.keep_key(SELLER, MsgId(9)).await.unwrap();
    assert_eq!(queue(&store, SELLER).await, stored);
    disk.no_index.store(false, Ordering::Relaxed);
    assert_eq!(save(&store, saves(1, marked(3))).await[0], stored[3]);
    stored.push(save(&store, saves(1, "x")).await[0]);
    assert_eq!(store.problems(), []);
    store.close().await;
    assert_eq!(queue(&open(dir.path()), SELLER).await, stored);
}

#[tokio::test]
async fn repeats_are_known_however_little_is_kept_in_memory() {
    let dir = tempdir().unwrap();
    let mut options = Options::default();
    (options.tail, options.step) = (NonZeroUsize::MIN, NonZeroUsize::MIN);
    let store = Store::open(dir.path(), options).unwrap();
    let mut first = Vec::new();
    for uid in 1..=5 {
        for uuid in ["a", "b"] {
            first.push(save(&store, saves(uid, marked(uuid))).await);
        }
    }
    let mut again = Vec::new();
    for uid in 1..=5 {
        for uuid in ["a", "b"] {
            again.push(save(&store, saves(uid, marked(uuid))).await);
        }
    }
    assert_eq!(first, again);
    store.close().await;
}

/// Simulates messages with the same mark: the one that had it becomes another.
#[tokio::test]
async fn a_message_is_no_repeat_because_its_mark_is_known() {
    for change in [
        r#"content = '{"uuid":"b"}'"#,
        "content = 'no uuid'",
        "customer_id = 9",
        "customer_appid = 9",
        "seller_id = 9",
        "seller_appid = 9",
    ] {
        let dir = tempdir().unwrap();
        let store = open(dir.path());
        let first = save(&store, saves(1, marked("a"))).await;
        assert_eq!(save(&store, saves(1, marked("a"))).await, first);
        store.close().await;
        let db = Connection::open(dir.path().join("kefu.db")).unwrap();
        assert_eq!(db.execute(&format!("UPDATE message SET {change}"), []).unwrap(), 1);
        drop(db);
        let store = open(dir.path());
        assert!(save(&store, saves(1, marked("a"))).await > first, "{change}");
        store.close().await;
    }
}

#[tokio::test]
async fn a_person_can_read_the_data() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    save(&store, saves(1, "你好")).await;
    let db = Connection::open(dir.path().join("kefu.db")).unwrap();
    let line = db
        .query_one(
            "SELECT concat_ws(' ', appid, uid, msgid, at, command, seller_id, content) FROM queued
            WHERE appid = 7 AND uid = 1",
            [],
            |row| row.get::<_, String>(0),
        )
        .unwrap();
    assert_eq!(line, "7 1 2 2017-07-14 02:40:00 CUSTOMER 2 你好");
    drop(db);
    store.close().await;
}

#[tokio::test]
async fn other_data_than_ours_is_refused_in_one_line() {
    let dir = tempdir().unwrap();
    open(dir.path()).close().await;
    let file = dir.path().join("kefu.db");
    let alter = |sql| Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    let refusal = || Store::open(dir.path(), Options::default()).unwrap_err();

    alter("PRAGMA user_version = 4");
    let error = refusal();
    assert!(matches!(error, OpenError::Version { found: 4, needed: 3, .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("version 4") && !text.contains('\n'), "{text}");

    alter("PRAGMA application_id = 1");
    assert!(matches!(refusal(), OpenError::Foreign { .. }), "{}", refusal());
    std::fs::write(&file, [b'x'; 8192]).unwrap();
    assert!(matches!(refusal(), OpenError::Foreign { .. }), "{}", refusal());

    std::fs::write(dir.path().join("file"), "").unwrap();
    let error = Store::open(&dir.path().join("file"), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}
