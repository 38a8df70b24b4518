//! The write-ahead log grows ahead of what is written, so that commits are quick.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kefu_server::store::embedded::Store;
use tempfile::tempdir;

use crate::common::{SELLER, customer, open, queue, save, saves};
use crate::disk::{Disk, on};
use crate::kills::copy_folder;

#[tokio::test]
async fn few_commits_make_the_log_longer() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = Store::open(dir.path(), on(&disk)).unwrap();
    assert!(lengths(&store, dir.path()).await.len() <= 2);

    disk.no_commit.store(true, Ordering::Relaxed);
    store.save(vec![saves(1, "x")]).await.unwrap_err();
    disk.no_commit.store(false, Ordering::Relaxed);
    // After the failed write the log is emptied, and grows again.
    let lengths = lengths(&store, dir.path()).await;
    assert!(lengths.len() <= 2, "{lengths:?}");
}

#[tokio::test]
async fn what_is_behind_the_end_of_the_log_is_no_message() {
    let (dir, copy) = (tempdir().unwrap(), tempdir().unwrap());
    let store = open(dir.path());
    let mut stored = Vec::new();
    for at in 0..40 {
        stored.push(save(&store, saves(1, at.to_string())).await);
        if at % 10 == 0 {
            copy_folder(dir.path(), copy.path());
            let killed = open(copy.path());
            let receivers: Vec<_> = stored.iter().map(|copies| copies[0]).collect();
            assert_eq!(queue(&killed, SELLER).await, receivers);
            let next = save(&killed, saves(1, "y")).await;
            assert_eq!(queue(&killed, customer(1)).await.last(), Some(&next[1]));
            killed.close().await;
        }
    }
}

/// The lengths that the log has while 60 messages are stored, each for itself.
async fn lengths(store: &Store, dir: &Path) -> BTreeSet<u64> {
    let mut lengths = BTreeSet::new();
    for _ in 0..60 {
        save(store, saves(1, "x")).await;
        lengths.insert(fs::metadata(dir.join("kefu.db-wal")).unwrap().len());
    }
    lengths
}
