//! A database with a page that cannot be read back.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kefu_proto::{MsgId, Saves};
use kefu_server::store::embedded::{OpenError, Options, Store, StoreError};
use kefu_server::store::{PageBounds, Problem, Push, SaveFailure};
use kefu_testing::program::skip;
use rusqlite::{Connection, ffi};
use tempfile::tempdir;

use crate::common::{SELLER, customer, marked, msgids, open, queue, rows, save, saves};
use crate::disk::{Disk, Seen, on};
use crate::kills::copy_folder;

const UNLUCKY: i64 = 0x5a5a_5a5a_5a5a;
const PAGE: usize = 4096;

#[tokio::test]
async fn a_page_that_sqlite_cannot_read_fails_only_those_who_need_it() {
    damaged(|page| page[..64].fill(0xff)).await;
}

#[tokio::test]
async fn a_page_that_has_changed_fails_only_those_who_need_it() {
    damaged(|page| page[2000] ^= 1).await;
}

/// Damages a page of the index that nobody needs but the unlucky one.
#[allow(clippy::await_holding_lock, reason = "the lock is what the store waits for")]
async fn damaged(damage: impl FnOnce(&mut [u8])) {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    // Each of two queues is longer than a page: the end of the first lies on no page of others.
    for uid in [&[1, 2][..], &[UNLUCKY; 10], &[UNLUCKY + 1; 10]].concat() {
        save_many(&store, uid).await;
    }
    let before = queue(&store, SELLER).await.len();
    store.close().await;
    damage_index(dir.path(), damage);

    let disk = Arc::new(Disk::default());
    let mut options = on(&disk);
    let seen = Seen::by(&mut options);
    let store = Store::open(dir.path(), options).unwrap();
    // All that is submitted while the store is busy becomes one group.
    let busy = disk.busy.lock().unwrap();
    let mut waiting = vec![store.submit(vec![saves(3, "x")]).await.unwrap()];
    let mut unlucky = Vec::new();
    for round in 0..20 {
        waiting.push(store.submit(vec![saves(1, marked(round)), saves(2, "x")]).await.unwrap());
        if round % 7 == 3 {
            let batch: Vec<Saves> = (0..3).map(|_| saves(UNLUCKY, marked(round))).collect();
            unlucky.push(store.submit(batch).await.unwrap());
        }
    }
    drop(busy);
    let mut ids = Vec::new();
    for saving in waiting {
        ids.extend(saving.await.unwrap().iter().map(|effects| msgids(effects)[0]));
    }
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    for saving in unlucky {
        let error = saving.await.unwrap_err();
        assert!(matches!(error, StoreError::Failed(_)), "{error}");
    }
    assert_eq!(queue(&store, SELLER).await.len(), before + 41);
    let failed: Vec<_> = seen.groups.lock().unwrap().iter().copied().collect();
    let failed: Vec<_> = failed.iter().filter_map(|g| Some((g.messages, g.failure?))).collect();
    assert_eq!(failed, [(3, SaveFailure::Corrupt); 3], "messages, not groups");

    // Reading likewise: others are read, and the problem is named.
    let bounds = PageBounds { rows: 10_000, bytes: usize::MAX };
    store.page(customer(UNLUCKY), MsgId(0), bounds).await.unwrap_err();
    assert_eq!(queue(&store, customer(3)).await.len(), 1);
    assert_eq!(store.problems(), [Problem::Corrupt { file: "kefu.db" }]);
    // The store writes, so there is nothing to wait for.
    save(&store, saves(1, "x")).await;
    store.check().await;
    assert_eq!(store.problems().len(), 1);
    store.close().await;
}

#[tokio::test]
#[allow(clippy::await_holding_lock, reason = "the lock is what the store waits for")]
async fn a_group_that_cannot_be_committed_whole_is_committed_in_parts() {
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let store = Store::open(dir.path(), on(&disk)).unwrap();
    for code in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_IOERR_READ] {
        let busy = disk.busy.lock().unwrap();
        let commits = disk.commits.load(Ordering::SeqCst);
        let mut waiting = vec![store.submit(vec![saves(1, "x")]).await.unwrap()];
        while disk.commits.load(Ordering::SeqCst) == commits {
            std::thread::yield_now();
        }
        disk.next_commit.store(code, Ordering::SeqCst);
        for uid in 1..=5 {
            waiting.push(store.submit(vec![saves(uid, "x")]).await.unwrap());
        }
        drop(busy);
        for saving in waiting {
            saving.await.unwrap();
        }
        assert_eq!(disk.next_commit.load(Ordering::SeqCst), 0, "it has failed once");
    }
    store.close().await;
}

/// What lies behind a damaged row is reached.
#[tokio::test]
async fn a_value_that_no_message_has_fails_its_row_alone() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..6 {
        save(&store, saves(1, marked(n))).await;
        let message = saves(1, marked(n)).requests()[0].message().clone();
        store.push(Push { to: SELLER, message }).await.unwrap();
    }
    store.close().await;
    let database = Connection::open(dir.path().join("kefu.db")).unwrap();
    for (n, damage) in [
        (2, "command = 999"),
        (3, "timestamp = 9223372036854775807"),
        (4, "content = 12"),
        (5, "timestamp = -9223372036854775808"),
    ] {
        database.execute_batch(&format!("UPDATE message SET {damage} WHERE n = {n}")).unwrap();
        database.execute_batch(&format!("UPDATE push SET {damage} WHERE id = {n}")).unwrap();
    }
    drop(database);
    let store = open(dir.path());
    let page = rows(&store, SELLER, MsgId(0), 10).await;
    let lengths: Vec<bool> = page.iter().map(|row| row.body.is_empty()).collect();
    assert_eq!(lengths, [false, true, true, true, true, false]);
    let pushes = store.pushes(10).await.unwrap();
    let empty: Vec<bool> = pushes.iter().map(|push| push.body.is_empty()).collect();
    assert_eq!(empty, lengths);
    // A repeat of a damaged message is stored again.
    let again = save(&store, saves(1, marked(3))).await;
    assert!(again[0] > page[5].msgid);
    assert_eq!(store.problems(), []);
    store.close().await;
}

/// Messages that are not in the index are read again at a start.
#[tokio::test]
async fn a_page_of_messages_that_cannot_be_read_keeps_only_these_out_of_the_index() {
    let (live, dir) = (tempdir().unwrap(), tempdir().unwrap());
    let store = open(live.path());
    save_many(&store, 1).await;
    save_many(&store, UNLUCKY).await;
    // A kill, and at the next start the messages come into the database.
    copy_folder(live.path(), dir.path());
    store.close().await;
    let store = open(dir.path());
    assert_eq!(queue(&store, SELLER).await.len(), 1_200);
    copy_folder(dir.path(), live.path());
    store.close().await;
    damage_messages(&live.path().join("kefu.db"));

    let store = open(live.path());
    assert_eq!(store.problems(), [Problem::Corrupt { file: "kefu.db" }]);
    assert_eq!(queue(&store, customer(1)).await.len(), 600);
    let left = queue(&store, customer(UNLUCKY)).await;
    assert!((400..600).contains(&left.len()), "{} are left", left.len());
    assert_eq!(left.last(), Some(&MsgId(2_400)));
    assert_eq!(save(&store, saves(UNLUCKY, "x")).await, [2_401, 2_402].map(MsgId));
    store.close().await;
}

/// A start needs the newest message and the list of runs, and nothing else of what there is much of.
#[tokio::test]
async fn it_opens_with_any_page_of_messages_filters_or_blocks_damaged() {
    let live = tempdir().unwrap();
    let store = open(live.path());
    for uid in 1..=20 {
        save_many(&store, uid).await;
    }
    store.close().await;
    for (table, page) in leaves(live.path(), &["message", "filter", "block"]) {
        let dir = tempdir().unwrap();
        copy_with_damage(live.path(), dir.path(), page);
        let opened = Store::open(dir.path(), Options::default());
        let store = opened.unwrap_or_else(|error| panic!("page {page} of {table}: {error}"));
        if table != "block" {
            assert_eq!(queue(&store, customer(20)).await.len(), 600, "page {page} of {table}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_database_that_does_not_open_is_repaired() {
    if Command::new("sqlite3").arg("-version").output().is_err() {
        return skip("sqlite3");
    }
    let live = tempdir().unwrap();
    let store = open(live.path());
    for uid in 1..=20 {
        save_many(&store, uid).await;
    }
    store.keep_key(SELLER, MsgId(7)).await.unwrap();
    store.close().await;
    for (table, page) in leaves(live.path(), &["run", "removed"]) {
        let root = tempdir().unwrap();
        let dir = root.path().join("kefu");
        fs::create_dir(&dir).unwrap();
        copy_with_damage(live.path(), &dir, page);
        let error = Store::open(&dir, Options::default()).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "{table}: {error}");
        repair(root.path());
        let store = open(&dir);
        assert_eq!(store.kept_key(SELLER).await.unwrap(), MsgId(7));
        assert_eq!(queue(&store, SELLER).await.len(), 12_000, "{table}");
        assert_eq!(queue(&store, customer(20)).await.len(), 600, "{table}");
        store.close().await;
    }
}

/// Does what the README says of `/var/lib`.
fn repair(root: &Path) {
    let readme = include_str!("../../README.md");
    let (_, section) = readme.split_once("### A corrupt database\n").unwrap();
    let (section, _) = section.split_once("\n### ").unwrap();
    let blocks = section.split("```console\n").skip(1);
    let commands: Vec<&str> = blocks.map(|block| block.split("```").next().unwrap()).collect();
    let commands = commands.concat().replace("$ ", "").replace("/var/lib", root.to_str().unwrap());
    let status = Command::new("bash").args(["-euc", &commands]).status().unwrap();
    assert!(status.success());
}

fn copy_with_damage(from: &Path, to: &Path, page: usize) {
    let mut bytes = fs::read(from.join("kefu.db")).unwrap();
    bytes[page * PAGE..][..8].fill(0xa5);
    fs::write(to.join("kefu.db"), bytes).unwrap();
}

/// The first page of each of these tables, and one in its middle.
fn leaves(dir: &Path, tables: &[&'static str]) -> Vec<(&'static str, usize)> {
    let db = Connection::open(dir.join("kefu.db")).unwrap();
    let of = "SELECT pageno - 1 FROM dbstat WHERE name = ?1 AND pagetype = 'leaf' ORDER BY path";
    let mut select = db.prepare(of).unwrap();
    let mut leaves = Vec::new();
    for &table in tables {
        let pages: Vec<i64> =
            select.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(!pages.is_empty(), "{table}");
        leaves.extend([0, pages.len() / 2].map(|at| (table, usize::try_from(pages[at]).unwrap())));
    }
    leaves
}

/// Overwrites a page of messages that are all of the unlucky one.
fn damage_messages(file: &Path) {
    let mut bytes = fs::read(file).unwrap();
    let uid = &UNLUCKY.to_be_bytes()[2..];
    let is_leaf = |page: &&mut [u8]| page[0] == 0x0d && page.windows(6).any(|bytes| bytes == uid);
    let mut leaves: Vec<&mut [u8]> = bytes.chunks_mut(PAGE).filter(is_leaf).collect();
    let middle = leaves.len() / 2;
    leaves[middle][..64].fill(0xff);
    fs::write(file, bytes).unwrap();
}

async fn save_many(store: &Store, uid: i64) {
    let batch = (0..600).map(|_| saves(uid, "x")).collect();
    store.save(batch).await.unwrap();
}

/// Damages the page that has the end of the unlucky one's queue.
fn damage_index(dir: &Path, damage: impl FnOnce(&mut [u8])) {
    let file = dir.join("kefu.db");
    let db = Connection::open(&file).unwrap();
    let place = "SELECT postings FROM fence JOIN block ON id = block
        WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
    // As terms are sorted: a queue, its appid and its uid, without signs.
    let [appid, uid] = [7, UNLUCKY].map(|id| (id.cast_unsigned() ^ 1 << 63).to_be_bytes());
    let end = [&[0][..], &appid, &uid, &[0xff; 8]].concat();
    let block: Vec<u8> = db.query_one(place, [end], |row| row.get(0)).unwrap();
    drop(db);
    let mut bytes = fs::read(&file).unwrap();
    let has_block = |page: &[u8]| page.windows(block.len()).any(|bytes| bytes == block);
    let pages: Vec<usize> = bytes
        .chunks(PAGE)
        .enumerate()
        .filter(|(_, page)| has_block(page))
        .map(|(n, _)| n)
        .collect();
    let &[page] = &pages[..] else { panic!("{pages:?}") };
    damage(&mut bytes[page * PAGE..][..PAGE]);
    fs::write(&file, bytes).unwrap();
}
