//! What was the newest before: the `previous` of each copy.

use std::collections::BTreeMap;
use std::path::Path;

use crate::common::{
    SELLER, answers, append, colleagues, customer, marked, note, open, queue, reply, rows, saves,
    v2,
};
use fastrand::Rng;
use kefu_proto::{Account, Appended, Command, Encode, MsgId, Saves};
use kefu_server::store::Push;
use kefu_server::store::embedded::{Options, Store};
use rusqlite::Connection;
use tempfile::tempdir;

const WRITERS: u64 = 4;
const CUSTOMERS: i64 = 40;

/// What the store has told, by queue.
type Told = BTreeMap<(i64, i64), Vec<Appended>>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_is_the_row_before_however_many_write_at_once() {
    chained(Options::default().queues).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn it_is_the_row_before_however_little_is_kept_in_memory() {
    for queues in [0, 2, 12] {
        chained(queues).await;
    }
}

/// Four writers at once, twice: the second time after a restart.
async fn chained(queues: usize) {
    let dir = tempdir().unwrap();
    let mut told = Told::new();
    for round in 0..2 {
        let store = with(dir.path(), |options| options.queues = queues);
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(store.clone(), Rng::with_seed(2 * writer + round))))
            .collect();
        for writer in writers {
            for (account, appended) in writer.await.unwrap() {
                told.entry((account.appid.0, account.uid.0)).or_default().push(appended);
            }
        }
        assert_chains(&store, &mut told).await;
        store.close().await;
    }
    assert!(told.len() > 30, "{} queues", told.len());
}

async fn write(store: Store, mut random: Rng) -> Vec<(Account, Appended)> {
    let mut told = Vec::new();
    for _ in 0..40 {
        let batch = (0..random.usize(1..10)).map(|_| any(&mut random)).collect();
        for effects in store.save(batch).await.unwrap() {
            let accounts = [effects.receiver(), effects.sender()];
            told.extend(accounts.into_iter().zip(answers(&effects)));
        }
    }
    told
}

/// Most are to the one seller, as it is with customers.
fn any(random: &mut Rng) -> Saves {
    let uid = random.i64(1..=CUSTOMERS);
    match random.u8(..10) {
        0 => note("x"),
        1 | 2 => reply(uid, "x"),
        _ => saves(uid, "x"),
    }
}

/// Every row was told of, with the one before it in its queue.
async fn assert_chains(store: &Store, told: &mut Told) {
    for ((appid, uid), told) in told {
        told.sort_by_key(|appended| appended.msgid);
        let rows = queue(store, Account::new((*appid).into(), (*uid).into())).await;
        let before = [MsgId(0)].into_iter().chain(rows.iter().copied());
        let expected: Vec<_> = rows
            .iter()
            .zip(before)
            .map(|(&msgid, previous)| Appended { msgid, previous: Some(previous) })
            .collect();
        assert_eq!(*told, expected, "{appid}/{uid}");
    }
}

#[tokio::test]
async fn to_oneself_the_second_copy_comes_after_the_first() {
    let dir = tempdir().unwrap();
    let store = with(dir.path(), |options| options.queues = 0);
    let [.., before] = append(&store, reply(1, "x")).await;
    for _ in 0..2 {
        let [receiver, sender] = append(&store, note(marked("a"))).await;
        assert_eq!(receiver.previous, Some(before.msgid));
        assert_eq!(sender.previous, Some(receiver.msgid));
    }
    assert_eq!(queue(&store, SELLER).await.len(), 3);
    store.close().await;
}

#[tokio::test]
async fn s10_a_repeat_is_told_what_the_first_was() {
    let dir = tempdir().unwrap();
    let first = |uid| saves(uid, marked("a"));
    let store = open(dir.path());
    append(&store, saves(1, "x")).await;
    // A client sends again as soon as it has reconnected: the first may not be stored yet.
    let (once, again) =
        (store.submit(vec![first(1)]).await.unwrap(), store.submit(vec![first(1)]).await.unwrap());
    let told = answers(&once.await.unwrap()[0]);
    assert_eq!(told.map(|appended| appended.previous), [Some(MsgId(1)), Some(MsgId(2))]);
    assert_eq!(answers(&again.await.unwrap()[0]), told);
    let other = append(&store, first(2)).await;
    assert_eq!(other.map(|appended| appended.previous), [Some(MsgId(3)), Some(MsgId(0))]);
    store.close().await;
    for queues in [0, 100] {
        let store = with(dir.path(), |options| options.queues = queues);
        for _ in 0..2 {
            let newest = append(&store, saves(1, "later")).await;
            assert_eq!(append(&store, first(1)).await, told);
            assert_eq!(append(&store, first(2)).await, other);
            // Nor is the repeat what comes before the next.
            let next = append(&store, reply(1, "x")).await;
            let newest = newest.map(|appended| Some(appended.msgid));
            assert_eq!(next.map(|appended| appended.previous), [newest[1], newest[0]]);
        }
        store.close().await;
    }
}

#[tokio::test]
async fn s10_a_repeat_may_have_another_command() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let [as_customer, as_seller] = colleagues(marked("a"));
    assert_ne!(as_customer.message().command(), as_seller.message().command());
    let first = append(&store, as_customer).await;
    append(&store, reply(1, "x")).await;
    assert_eq!(append(&store, as_seller).await, first);
    store.close().await;
}

#[tokio::test]
async fn a_message_of_version_2_is_read_repeated_and_shown() {
    let dir = tempdir().unwrap();
    let store = open(dir.path());
    let first = append(&store, v2(customer(1), SELLER, marked("a"))).await;
    let message = v2(customer(1), SELLER, "x").message().clone();
    let mut body = Vec::new();
    message.encode_body(&mut body).unwrap();
    store.push(Push { to: SELLER, message }).await.unwrap();
    // A repeat may be of another version.
    assert_eq!(append(&store, saves(1, marked("a"))).await, first);
    store.close().await;

    let store = open(dir.path());
    assert_eq!(append(&store, v2(customer(1), SELLER, marked("a"))).await, first);
    append(&store, saves(1, "x")).await;
    append(&store, v2(SELLER, customer(1), "x")).await;
    let row = &rows(&store, customer(1), MsgId(4), 1).await[0];
    assert_eq!((row.command, row.msgid), (Command::CUSTOMER_V2, MsgId(5)));
    let push = &store.pushes(1).await.unwrap()[0];
    assert_eq!((push.command, &push.body[..]), (Command::CUSTOMER_V2, &body[..]));
    store.close().await;
    let db = Connection::open(dir.path().join("kefu.db")).unwrap();
    let shown = "SELECT concat_ws(' ', msgid, command, customer_appid, customer_id, store_id,
        seller_id, sender_appid, sender, receiver_appid, receiver)
        FROM queued WHERE appid = 7 ORDER BY msgid";
    let shown: Vec<String> = db
        .prepare(shown)
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let expected = ["2 CUSTOMER_V2 7 1 1453 2", "4 CUSTOMER 7 1 3 2", "5 CUSTOMER_V2 1453 2 7 1"];
    assert_eq!(shown, expected);
}

fn with(dir: &Path, set: impl FnOnce(&mut Options)) -> Store {
    let mut options = Options::default();
    set(&mut options);
    Store::open(dir, options).unwrap()
}
