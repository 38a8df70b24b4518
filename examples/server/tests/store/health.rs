//! What the store says of itself, and that it gets well by itself.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kefu_server::store::embedded::{Options, Store, StoreError};
use kefu_server::store::{Problem, Push};
use tempfile::tempdir;
use tokio::time::sleep;

use crate::common::{SELLER, open, save, saves};
use crate::disk::{Disk, Seen, on};
use crate::kills::copy_folder;

#[tokio::test]
async fn a_store_that_writes_again_says_so_before_anybody_saves() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = Store::open(dir.path(), on(&disk)).unwrap();
    let first = save(&store, saves(1, "x")).await;
    assert_eq!(store.problems(), []);
    disk.no_commit.store(true, Ordering::Relaxed);
    store.save(vec![saves(1, "x")]).await.unwrap_err();
    store.check().await;
    assert_eq!(store.problems(), [Problem::NotWriting]);
    disk.no_commit.store(false, Ordering::Relaxed);
    disk.no_checkpoint.store(true, Ordering::Relaxed);
    store.check().await;
    assert_eq!(store.problems(), [Problem::NotWriting], "it has not recovered");
    disk.no_checkpoint.store(false, Ordering::Relaxed);
    store.check().await;
    assert_eq!(store.problems(), []);
    // The probe has taken no msgid.
    assert_eq!(save(&store, saves(1, "x")).await[0].0, first[0].0 + 2);
    store.clone().close().await;
    assert_eq!(store.problems(), [Problem::Stopped]);
}

#[tokio::test]
async fn in_a_folder_that_is_gone_no_message_is_accepted() {
    let parent = tempdir().unwrap();
    let [place, elsewhere] = ["data", "moved"].map(|name| parent.path().join(name));
    let store = open(&place);
    save(&store, saves(1, "x")).await;

    fs::rename(&place, &elsewhere).unwrap();
    store.check().await;
    assert_eq!(store.problems(), [Problem::Gone]);
    let error = store.save(vec![saves(1, "x")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Gone), "{error}");
    fs::rename(&elsewhere, &place).unwrap();
    store.check().await;
    assert_eq!(store.problems(), []);
    save(&store, saves(1, "x")).await;

    // Another folder in its place is not the one that is written to.
    fs::create_dir(&elsewhere).unwrap();
    copy_folder(&place, &elsewhere);
    fs::remove_dir_all(&place).unwrap();
    fs::rename(&elsewhere, &place).unwrap();
    store.check().await;
    assert_eq!(store.problems(), [Problem::Gone]);
    store.save(vec![saves(1, "x")]).await.unwrap_err();
    store.close().await;
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "the lock is what the store waits for")]
async fn a_disk_that_hangs_is_noticed() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = Store::open(dir.path(), on(&disk)).unwrap();
    let busy = disk.busy.lock().unwrap();
    let saving = store.submit(vec![saves(1, "x")]).await.unwrap();
    let since = Instant::now();
    while store.problems().is_empty() {
        assert!(since.elapsed() < Duration::from_secs(30));
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.problems(), [Problem::NotWriting]);
    drop(busy);
    saving.await.unwrap();
    store.check().await;
    assert_eq!(store.problems(), []);
    store.close().await;
}

#[tokio::test]
async fn what_waits_in_the_push_outbox_is_reported() {
    let dir = tempdir().unwrap();
    let mut options = Options::default();
    let seen = Seen::by(&mut options);
    let store = Store::open(dir.path(), options).unwrap();
    let message = saves(1, "x").requests()[0].message().clone();
    for _ in 0..3 {
        store.push(Push { to: SELLER, message: message.clone() }).await.unwrap();
    }
    save(&store, saves(1, "after")).await;
    store.check().await;
    let waiting = *seen.waiting.lock().unwrap();
    assert_eq!(waiting.count, 3);
    // The messages of these tests are of 2017.
    assert!(waiting.oldest > Duration::from_secs(9 * 365 * 24 * 60 * 60), "{waiting:?}");
    let pushes = store.pushes(10).await.unwrap();
    store.pushed(pushes.iter().map(|push| push.id).collect()).await.unwrap();
    store.check().await;
    let waiting = *seen.waiting.lock().unwrap();
    assert_eq!((waiting.count, waiting.oldest), (0, Duration::ZERO));
    store.close().await;
}
