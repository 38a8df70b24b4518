//! The store on a disk that works.

use crate::common::{SELLER, customer, marked, msgids, open, queue, reply, rows, save, saves};
use kefu_proto::{Command, DeviceId, Encode, MsgId, Platform};
use kefu_server::store::embedded::{OpenError, Options, Store, StoreError};
use kefu_server::store::{PageBounds, Push};
use tempfile::tempdir;

#[tokio::test]
async fn both_copies_are_stored_as_they_came() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    for content in [&b"\xff\x00\xfe"[..], "你好".as_bytes(), b"", b"a\0b"] {
        let saves = saves(1, content);
        let mut body = Vec::new();
        saves.requests()[0].message().encode_body(&mut body).unwrap();
        let [receiver, sender] = save(&store, saves).await;
        for (account, msgid) in [(SELLER, receiver), (customer(1), sender)] {
            let page = rows(&store, account, MsgId(msgid.0 - 1), 10).await;
            let [row] = &page[..] else { panic!("one row, not {}", page.len()) };
            assert_eq!(row.msgid, msgid);
            assert_eq!(row.device_id, DeviceId(11));
            assert_eq!(row.command, Command::CUSTOMER);
            assert_eq!(row.body, body);
        }
    }
    let [receiver, sender] = save(&store, reply(1, "hello")).await;
    let page = rows(&store, customer(1), MsgId(receiver.0 - 1), 10).await;
    assert_eq!(page[0].command, Command::CUSTOMER_SUPPORT);
    assert!(queue(&store, SELLER).await.contains(&sender));
    store.close().await;
}

#[tokio::test]
async fn msgids_follow_the_order_of_submission() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let mut savings = Vec::new();
    for _ in 0..50 {
        let batch = (0..7).map(|_| saves(1, "x")).collect();
        savings.push(store.submit(batch).await.unwrap());
    }
    let mut ids = Vec::new();
    for saving in savings {
        ids.extend(saving.await.unwrap().iter().map(|effects| msgids(effects)[0]));
    }
    assert_eq!(ids.len(), 350);
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    assert_eq!(queue(&store, SELLER).await, ids);
    store.close().await;
}

#[tokio::test]
async fn msgids_are_greater_than_those_that_were_given_before() {
    let dir = tempdir().unwrap();
    let mut newest = MsgId(0);
    // A database that is new, restored twice, and then opened with an older option.
    for after in [7, 8, 1_000_001, 5].map(MsgId) {
        let mut options = Options::default();
        options.after = after;
        let store = Store::open(dir.path(), options).unwrap();
        let [receiver, sender] = save(&store, saves(1, "x")).await;
        assert!(receiver > after.max(newest) && sender > receiver, "{receiver}, {sender} {after}");
        assert!(receiver.0 <= after.max(newest).0 + 2, "{receiver} {after}: no more left out");
        newest = sender;
        store.close().await;
    }
    assert_eq!(queue(&open(dir.path()), SELLER).await.len(), 4);
}

#[tokio::test]
async fn a_queue_is_read_in_pages() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let mut expected = Vec::new();
    for uid in [1, 2].into_iter().cycle().take(12) {
        let batch = (0..256).map(|_| saves(uid, "x")).collect();
        let effects = store.save(batch).await.unwrap();
        if uid == 1 {
            expected.extend(effects.iter().map(|effects| msgids(effects)[1]));
        }
    }
    assert_eq!(expected.len(), 1536);
    assert_eq!(queue(&store, customer(1)).await, expected);
    let page = rows(&store, customer(1), expected[99], 100).await;
    let page: Vec<MsgId> = page.iter().map(|row| row.msgid).collect();
    assert_eq!(page, expected[100..200]);
    assert!(rows(&store, customer(1), expected[1535], 100).await.is_empty());
    assert!(rows(&store, customer(3), MsgId(0), 100).await.is_empty());
    store.close().await;
}

#[tokio::test]
async fn a_repeat_gets_the_ids_of_the_first_copies() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let batch = vec![saves(1, marked("a")), saves(1, marked("b")), saves(1, marked("a"))];
    let effects = store.save(batch).await.unwrap();
    let [a, b, again] = [0, 1, 2].map(|i| msgids(&effects[i]));
    assert_eq!(a, again);
    assert!(b > a);
    // Two batches that very likely share a group.
    let first = store.submit(vec![saves(1, marked("c"))]).await.unwrap();
    let second = store.submit(vec![saves(1, marked("c"))]).await.unwrap();
    let c = msgids(&first.await.unwrap()[0]);
    assert_eq!(msgids(&second.await.unwrap()[0]), c);
    // Later, and after a restart.
    assert_eq!(save(&store, saves(1, marked("b"))).await, b);
    store.close().await;
    let store = open(dir.path());
    assert_eq!(save(&store, saves(1, marked("a"))).await, a);
    // Another sender's uuid is another uuid, and so is the seller's.
    let other = save(&store, saves(2, marked("a"))).await;
    let seller = save(&store, reply(1, marked("a"))).await;
    assert!(c < other && other < seller);
    // The same uuid to another customer is another message.
    let second = save(&store, reply(2, marked("a"))).await;
    assert!(seller < second);
    assert_eq!(save(&store, reply(1, marked("a"))).await, seller);
    assert_eq!(save(&store, reply(2, marked("a"))).await, second);
    // Messages without a uuid are never repeats.
    assert_ne!(save(&store, saves(1, "x")).await, save(&store, saves(1, "x")).await);
    assert_eq!(queue(&store, SELLER).await.len(), 8);
    store.close().await;
}

#[tokio::test]
async fn a_kept_key_only_rises() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let one = customer(1);
    assert_eq!(store.kept_key(one).await.unwrap(), MsgId(0));
    for (key, kept) in [(5, 5), (3, 5), (5, 5), (9, 9)] {
        store.keep_key(one, MsgId(key)).await.unwrap();
        assert_eq!(store.kept_key(one).await.unwrap(), MsgId(kept));
    }
    store.close().await;
    let store = open(dir.path());
    assert_eq!(store.kept_key(one).await.unwrap(), MsgId(9));
    assert_eq!(store.kept_key(customer(2)).await.unwrap(), MsgId(0));
    store.close().await;
}

#[tokio::test]
async fn a_device_keeps_its_number() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let id = async |store: &Store, name: &[u8], platform| {
        store.device_id(name.to_vec(), platform).await.unwrap()
    };
    assert_eq!(id(&store, b"phone", Platform::IOS).await, DeviceId(1));
    assert_eq!(id(&store, b"phone", Platform::ANDROID).await, DeviceId(2));
    assert_eq!(id(&store, b"\xff", Platform::IOS).await, DeviceId(3));
    assert_eq!(id(&store, b"phone", Platform::IOS).await, DeviceId(1));
    store.close().await;
    let store = open(dir.path());
    assert_eq!(id(&store, b"\xff", Platform::IOS).await, DeviceId(3));
    assert_eq!(id(&store, b"tablet", Platform::IOS).await, DeviceId(4));
    store.close().await;
}

#[tokio::test]
async fn the_push_outbox_holds_entries_until_they_are_acknowledged() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    for text in ["a", "b", "c"] {
        let message = saves(1, text).requests()[0].message().clone();
        store.push(Push { to: SELLER, message }).await.unwrap();
    }
    store.push_arrived().await;
    save(&store, saves(1, "after")).await; // so that all three are committed
    let entries = store.pushes(2).await.unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!((entries[0].to, entries[0].command), (SELLER, Command::CUSTOMER));
    assert_eq!(&entries[1].body[36..], b"b");
    store.pushed(entries.iter().map(|entry| entry.id).collect()).await.unwrap();
    store.close().await;
    let store = open(dir.path());
    let entries = store.pushes(10).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(&entries[0].body[36..], b"c");
    store.pushed(vec![entries[0].id]).await.unwrap();
    assert!(store.pushes(10).await.unwrap().is_empty());
    store.close().await;
}

#[tokio::test]
async fn one_folder_one_store() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let error = Store::open(dir.path(), Options::default()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    store.close().await;
    open(dir.path()).close().await;
}

#[tokio::test]
async fn what_is_asked_of_a_closed_store_fails() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let clone = store.clone();
    let pending = store.submit(vec![saves(1, "x")]).await.unwrap();
    assert!(clone.is_open());
    store.close().await;
    assert!(!clone.is_open());
    assert_eq!(pending.await.unwrap().len(), 1);
    let error = clone.save(vec![saves(1, "x")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error}");
    let error = clone.page(SELLER, MsgId(0), PageBounds { rows: 1, bytes: 1 }).await.unwrap_err();
    assert!(matches!(error, StoreError::Closed), "{error}");
    clone.close().await;
}
