//! What bounds the store: room on the disk, pushes that wait, and who may read its files.

use std::fs::{self, Permissions};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kefu_proto::{Account, DeviceId, MsgId, Platform};
use kefu_server::store::embedded::{Options, Store, StoreError};
use kefu_server::store::{Problem, Push, PushBounds, Pushes, SaveFailure};
use tempfile::tempdir;

use crate::common::{SELLER, customer, marked, open, queue, save, saves};
use crate::disk::{Disk, Seen, on};

#[tokio::test]
async fn a_disk_with_too_little_room_takes_no_message_and_everything_else() {
    const BOUND: u64 = 1 << 20;
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    disk.free.store(BOUND, Ordering::Relaxed);
    let mut options = on(&disk);
    options.min_free = BOUND;
    let seen = Seen::by(&mut options);
    let store = Store::open(dir.path(), options).unwrap();
    let first = save(&store, saves(1, "x")).await;
    push(&store, SELLER).await;

    disk.free.store(BOUND - 1, Ordering::Relaxed);
    store.check().await;
    assert_eq!(store.problems(), [Problem::NoSpace { min_free: BOUND }]);
    let error = store.save(vec![saves(1, "x"), saves(1, "y")]).await.unwrap_err();
    assert!(matches!(error, StoreError::NoSpace), "{error}");
    let failed = *seen.groups.lock().unwrap().last().unwrap();
    assert_eq!((failed.messages, failed.failure), (2, Some(SaveFailure::NoSpace)));
    store.keep_key(SELLER, first[0]).await.unwrap();
    assert_eq!(store.device_id(b"phone".to_vec(), Platform::IOS).await.unwrap(), DeviceId(1));
    let pushes = store.pushes(10).await.unwrap();
    store.pushed(pushes.iter().map(|push| push.id).collect()).await.unwrap();
    assert!(store.pushes(10).await.unwrap().is_empty());
    assert_eq!(queue(&store, SELLER).await, [first[0]]);

    // An eighth more than the bound.
    for (free, problems) in [(BOUND, 1), (BOUND / 8 * 9 - 1, 1), (BOUND / 8 * 9, 0)] {
        disk.free.store(free, Ordering::Relaxed);
        store.check().await;
        assert_eq!(store.problems().len(), problems, "{free}");
    }
    save(&store, saves(1, "x")).await;
    store.close().await;

    disk.free.store(1, Ordering::Relaxed);
    let mut options = on(&disk);
    options.min_free = BOUND;
    let store = Store::open(dir.path(), options).unwrap();
    store.save(vec![saves(1, "x")]).await.unwrap_err();
    store.close().await;
}

#[tokio::test]
async fn so_many_pushes_wait_and_no_more() {
    let dir = tempdir().unwrap();
    let bounded = |options: &mut Options| options.pushes = PushBounds { account: 3, all: 5 };
    let disk = Arc::new(Disk::default());
    let mut options = on(&disk);
    bounded(&mut options);
    let seen = Seen::by(&mut options);
    let store = Store::open(dir.path(), options).unwrap();
    for _ in 0..5 {
        push(&store, SELLER).await;
    }
    settle(&store).await;
    // What is rolled back does not count.
    disk.no_commit.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        push(&store, customer(1)).await;
    }
    let pushes = store.pushes(10).await.unwrap();
    assert_eq!(pushes.len(), 3);
    store.pushed(pushes.iter().map(|push| push.id).collect()).await.unwrap_err();
    disk.no_commit.store(false, Ordering::Relaxed);
    for to in [1, 2, 3].map(customer) {
        push(&store, to).await;
    }
    settle(&store).await;
    let fates = Pushes { queued: 5, beyond_account: 2, beyond_all: 1 };
    assert_eq!(*seen.pushes.lock().unwrap(), fates);
    assert_eq!(store.problems(), [Problem::PushesFull]);
    store.close().await;

    // After a restart they still count.
    let mut options = Options::default();
    bounded(&mut options);
    let seen = Seen::by(&mut options);
    let store = Store::open(dir.path(), options).unwrap();
    assert_eq!(store.problems(), [Problem::PushesFull]);
    let pushes = store.pushes(10).await.unwrap();
    let receivers: Vec<Account> = pushes.iter().map(|push| push.to).collect();
    assert_eq!(receivers, [SELLER, SELLER, SELLER, customer(1), customer(2)]);
    // One is removed twice.
    store.pushed(vec![pushes[0].id, pushes[0].id]).await.unwrap();
    for _ in 0..2 {
        push(&store, SELLER).await;
    }
    settle(&store).await;
    let fates = Pushes { queued: 1, beyond_account: 1, beyond_all: 0 };
    assert_eq!(*seen.pushes.lock().unwrap(), fates);
    store.close().await;
}

async fn push(store: &Store, to: Account) {
    let message = saves(1, "x").requests()[0].message().clone();
    store.push(Push { to, message }).await.unwrap();
}

/// Waits until everything before it is written.
async fn settle(store: &Store) {
    store.keep_key(SELLER, MsgId(0)).await.unwrap();
}

#[tokio::test]
async fn nobody_else_reads_the_files() {
    let dir = tempdir().unwrap();
    let folder = dir.path().join("data");
    let store = open(&folder);
    save(&store, saves(1, "x")).await;
    assert_closed(&folder);
    store.close().await;
    // As earlier versions made them.
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    for file in ["kefu.db", "lock"] {
        fs::set_permissions(folder.join(file), Permissions::from_mode(0o644)).unwrap();
    }
    fs::write(folder.join("kefu.db-wal"), "").unwrap();
    fs::set_permissions(folder.join("kefu.db-wal"), Permissions::from_mode(0o644)).unwrap();
    let store = open(&folder);
    save(&store, saves(1, "x")).await;
    assert_closed(&folder);
    store.close().await;
}

fn assert_closed(folder: &Path) {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(folder), 0o700);
    for file in ["kefu.db", "kefu.db-wal", "kefu.db-shm", "lock"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_folder_that_is_everybody_s_stays_so() {
    let dir = tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o1777)).unwrap();
    open(dir.path()).close().await;
    let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o1777);
}

#[tokio::test]
async fn a_device_is_known_once_it_has_a_number() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let known = async |platform| store.known_device(b"phone".to_vec(), platform).await.unwrap();
    assert_eq!(known(Platform::IOS).await, None);
    let id = store.device_id(b"phone".to_vec(), Platform::IOS).await.unwrap();
    assert_eq!(known(Platform::IOS).await, Some(id));
    assert_eq!(known(Platform::ANDROID).await, None);
    store.close().await;
}

/// However much of the index waits to be merged.
#[tokio::test]
async fn few_of_the_saves_of_one_message_wait_for_the_index() {
    const MESSAGES: usize = 800;
    let dir = tempdir().unwrap();
    let disk = Arc::new(Disk::default());
    let mut options = on(&disk);
    options.tail = NonZeroUsize::new(10).unwrap();
    options.step = NonZeroUsize::new(240).unwrap();
    let store = Store::open(dir.path(), options).unwrap();
    let mut waited = 0;
    for n in 0..MESSAGES {
        let before = disk.steps.load(Ordering::SeqCst);
        save(&store, saves(1, marked(n))).await;
        // What it is followed by.
        store.device_id(b"phone".to_vec(), Platform::IOS).await.unwrap();
        waited += usize::from(disk.steps.load(Ordering::SeqCst) > before);
    }
    // Each message pays for a tenth of a step, and four are done at once; some wait for a tick.
    assert!(waited > 0 && waited < MESSAGES / 10, "{waited}");
    store.close().await;
}
