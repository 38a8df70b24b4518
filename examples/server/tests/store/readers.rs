//! What readers see while the index is being written.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use kefu_proto::{MsgId, StoredMessage};
use kefu_server::store::embedded::Store;

use crate::common::{SELLER, customer, msgids, queue, rows, saves};
use crate::kills::{busy, in_memory};

const MESSAGES: i64 = 1_200;
const LAST: i64 = 2 * MESSAGES - 1;

/// How far writer and readers are.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicI64,
    looks: AtomicUsize,
}

/// Every message is in the seller's queue, so a reader finds gaps by their msgids.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_queue_has_no_gaps_and_all_that_was_acknowledged() {
    let dir = in_memory();
    let store = Store::open(dir.path(), busy()).unwrap();
    let progress = Arc::new(Progress::default());
    let readers: Vec<_> =
        (0..4).map(|_| tokio::spawn(read(store.clone(), Arc::clone(&progress)))).collect();
    for first in (1..=MESSAGES).step_by(6) {
        let looks = progress.looks.load(Ordering::SeqCst);
        let batch = (first..first + 6).map(|n| saves(1 + n % 3, "x")).collect();
        let effects = store.save(batch).await.unwrap();
        let acknowledged = msgids(effects.last().unwrap())[0].0;
        progress.acknowledged.store(acknowledged, Ordering::SeqCst);
        // Somebody has looked meanwhile.
        while progress.looks.load(Ordering::SeqCst) == looks {
            tokio::task::yield_now().await;
        }
    }
    for reader in readers {
        reader.await.unwrap();
    }
    for uid in 1..=3 {
        assert_eq!(queue(&store, customer(uid)).await.len(), 400);
    }
    store.close().await;
}

/// Looks until there are all messages.
async fn read(store: Store, progress: Arc<Progress>) {
    let mut newest = 0;
    while newest < LAST {
        let at_least = progress.acknowledged.load(Ordering::SeqCst);
        assert!(store.newest(SELLER).await.unwrap().0 >= at_least);
        // Mostly what has just been stored, and now and then all.
        let looks = progress.looks.fetch_add(1, Ordering::SeqCst);
        let after = if looks.is_multiple_of(16) { 0 } else { (at_least - 41).max(0) };
        let found = rows(&store, SELLER, MsgId(after), 10_000).await;
        let first = after / 2 + 1;
        let is_next = |(row, n): (&StoredMessage, i64)| row.msgid.0 == 2 * n - 1;
        assert!(found.iter().zip(first..).all(is_next), "a gap behind {after}");
        newest = found.last().map_or(0, |row| row.msgid.0);
        assert!(newest >= at_least, "{newest}, {at_least}");
    }
}
