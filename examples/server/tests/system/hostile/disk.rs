//! The disk fails, fills, or lies; and what is stored is longer than may be sent.

use std::fs;

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{customer, question, seller};
use kefu_testing::http::until_health;
use rusqlite::Connection;
use rustix::process::{Resource, Rlimit, prlimit};

use super::target::Target;

/// Nobody saves anything meanwhile.
#[tokio::test]
async fn health_is_back_by_itself_after_a_fault_of_the_disk() {
    let target = Target::start_behind(r#"trap "" XFSZ"#, &[]).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    let limit = |current| Rlimit { current, maximum: None };
    let pid = Some(target.server.pid());
    prlimit(pid, Resource::Fsize, limit(Some(0))).unwrap();
    asker.send(question(customer(1), seller(1), "lost")).await;
    assert_eq!(asker.receive_all().await, []);
    until_health(target.server.http, 503, "the store does not write\n").await;
    prlimit(pid, Resource::Fsize, limit(None)).unwrap();
    until_health(target.server.http, 200, "ok\n").await;
}

/// Everything else goes on.
#[tokio::test]
async fn without_room_on_the_disk_nothing_new_is_accepted() {
    let target = Target::start(&["--min-free", "9000000000000000000"]).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    let mut desk = target.log_in(seller(1), "desk").await;
    for _ in 0..3 {
        asker.send(question(customer(1), seller(1), "x")).await;
        assert_eq!(asker.receive_all().await, [], "an ACK for what is not stored");
    }
    assert_eq!(desk.receive_all().await, []);
    assert_eq!(desk.sync(MsgId(-1)).await.contents(), [b""; 0]);
    desk.send(Body::SyncKey(MsgId(1))).await;
    assert_eq!(desk.receive_all().await, []);
}

/// What lies behind a row that cannot be sent is reached, and both are told apart.
#[tokio::test]
async fn rows_above_a_lowered_frame_limit_are_left_out() {
    let target = Target::start(&[]).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    for content in [vec![b'a'; 10], vec![b'b'; 5_000], vec![b'c'; 10], vec![b'd'; 20_000]] {
        asker.send(question(customer(1), seller(1), content)).await;
    }
    asker.send(question(customer(1), seller(1), "last")).await;
    assert_eq!(asker.receive_all().await.len(), 5);
    drop(asker);
    let target = restarted(target, &["--frame-limit", "1000"]).await;
    let mut desk = target.log_in(seller(1), "desk").await;
    let found = desk.sync_all(MsgId(-1)).await;
    assert_eq!(found.contents(), [&[b'a'; 10][..], &[b'c'; 10], b"last"]);
    assert_eq!(desk.receive_all().await, [], "the connection goes on");
    assert!(found.end > MsgId(0));
}

/// A time beyond all times, a content that is too long, another that is missing.
#[tokio::test]
async fn damaged_rows_are_left_out() {
    let target = Target::start(&[]).await;
    let mut asker = target.log_in(customer(1), "phone").await;
    for number in 0..5 {
        asker.send(question(customer(1), seller(1), format!("message {number}"))).await;
    }
    assert_eq!(asker.receive_all().await.len(), 5);
    drop(asker);
    let target = restarted_after(target, &[], |database| {
        for damage in [
            "UPDATE message SET timestamp = 9223372036854775807 WHERE n = 3",
            "UPDATE message SET content = zeroblob(40000) WHERE n = 4",
            "DELETE FROM message WHERE n = 2",
        ] {
            database.execute_batch(damage).unwrap();
        }
    })
    .await;
    for account in [seller(1), customer(1)] {
        let mut reader = target.log_in(account, "reader").await;
        let found = reader.sync_all(MsgId(-1)).await;
        let contents = found.contents();
        assert_eq!(contents.first(), Some(&&b"message 0"[..]));
        assert_eq!(contents.last(), Some(&&b"message 4"[..]));
        assert_eq!(reader.receive_all().await, [], "the connection goes on");
    }
    let left_out = target.metric("kefu_unreadable_rows_total").await;
    assert!(left_out >= 1, "{left_out}");
    assert!(!target.server.log().contains("message 1"), "no contents in the log");
}

/// A page of messages in the middle of the file is noise: who needs it is not served, and all
/// others are, though they are stored in the same groups.
#[tokio::test]
async fn a_corrupt_page_fails_what_needs_it_alone() {
    const CLIENTS: i64 = 100;
    let target = Target::start(&["--account-messages", "0"]).await;
    for uid in 1..=CLIENTS {
        let mut asker = target.log_in(customer(uid), "phone").await;
        let mut frames = Vec::new();
        for _ in 0..50 {
            let body = question(customer(uid), seller(uid), "before");
            frames.extend_from_slice(&asker.frame(Flags::NONE, body));
        }
        asker.write(&frames).await;
        assert_eq!(asker.receive_all().await.len(), 50);
    }
    let target = restarted_after(target, &[], corrupt_a_page_of_messages).await;
    let mut clients = Vec::new();
    for uid in 1..=CLIENTS {
        clients.push(target.log_in(customer(uid), "tablet").await);
    }
    for round in 0..3 {
        for (uid, client) in (1..).zip(&mut clients) {
            client.send(question(customer(uid), seller(uid), format!("after {round}"))).await;
        }
    }
    let mut served = 0;
    for client in &mut clients {
        let acks = client.receive_all().await;
        served += usize::from(acks.iter().any(|answer| matches!(answer.body, Body::Ack(_))));
    }
    // A page has some tens of messages, those of a few accounts.
    assert!(served >= 80, "{served} of {CLIENTS} accounts are served");
}

/// Messages are rows of a table with row ids: leaves of type 13.
fn corrupt_a_page_of_messages(database: &Connection) {
    const LEAF: u8 = 13;
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let size: i64 = database.query_one("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    let size = usize::try_from(size).unwrap();
    let path = database.path().unwrap().to_owned();
    let mut file = fs::read(&path).unwrap();
    let leaves: Vec<_> = file
        .chunks(size)
        .enumerate()
        .filter(|(_, page)| page[0] == LEAF)
        .map(|(number, _)| number)
        .collect();
    let middle = leaves[leaves.len() / 2] * size;
    // The header alone: SQLite reads it first.
    file[middle..middle + 8].fill(0xa5);
    fs::write(&path, file).unwrap();
}

async fn restarted(target: Target, options: &[&str]) -> Target {
    restarted_after(target, options, |_| {}).await
}

/// Kills the server, changes its data, and starts another in the same folder.
async fn restarted_after(
    target: Target,
    options: &[&str],
    change: impl FnOnce(&Connection),
) -> Target {
    let Target { server, folder, .. } = target;
    server.kill().await;
    change(&Connection::open(folder.path().join("data/kefu.db")).unwrap());
    Target::start_in(folder, options).await
}
