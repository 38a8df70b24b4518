//! A process that is killed, and a disk that refuses to write. Needs Linux: `sh` and signals.
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::common::{SELLER, customer, marked, open, rows, saves};
use kefu_proto::{Account, MsgId};
use kefu_server::store::embedded::Store;
use tempfile::tempdir;

/// Environment of a child: its folder, and the prefix of its uuids.
const FOLDER: &str = "KEFU_STORE_TEST_FOLDER";
const PREFIX: &str = "KEFU_STORE_TEST_PREFIX";

const SENDERS: i64 = 4;
const BATCH: usize = 5;

/// Not a test: what a child process runs. Prints what is stored, until it is killed or has printed
/// enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let (Ok(folder), Ok(prefix)) = (std::env::var(FOLDER), std::env::var(PREFIX)) else { return };
    let store = open(Path::new(&folder));
    let senders: Vec<_> = (1..=SENDERS)
        .map(|uid| {
            let (store, prefix) = (store.clone(), prefix.clone());
            tokio::spawn(async move { fill(&store, uid, &prefix).await })
        })
        .collect();
    for sender in senders {
        sender.await.unwrap();
    }
}

async fn fill(store: &Store, uid: i64, prefix: &str) {
    for batch in 0..2_000 {
        let uuids: Vec<String> =
            (0..BATCH).map(|i| format!("{prefix}-{uid}-{batch}-{i}")).collect();
        let batch = uuids.iter().map(|uuid| saves(uid, marked(uuid))).collect();
        let outcome = if store.save(batch).await.is_ok() { "stored" } else { "failed" };
        for uuid in uuids {
            // One write per line, so that the lines of two threads do not mix.
            println!("{outcome} {uuid}");
        }
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let dir = tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..5 {
        let mut child = spawn("exec \"$0\" \"$@\"", dir.path(), &format!("round{round}"));
        let mut lines = lines(&mut child);
        let enough = acknowledged.len() + 300;
        acknowledged.extend(lines.by_ref().take(enough - acknowledged.len()).map(
            |(outcome, uuid)| {
                assert_eq!(outcome, "stored");
                uuid
            },
        ));
        assert_eq!(acknowledged.len(), enough);
        child.kill().unwrap();
        // It may have printed more before it was killed.
        acknowledged.extend(lines.map(|(_, uuid)| uuid));
        child.wait().unwrap();

        let store = open(dir.path());
        check(&store, &acknowledged).await;
        // A client without an answer sends again.
        for (uid, uuid) in acknowledged.iter().rev().take(50).map(|uuid| (sender(uuid), uuid)) {
            store.save(vec![saves(uid, marked(uuid))]).await.unwrap();
        }
        check(&store, &acknowledged).await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_refused_write_is_never_acknowledged_and_the_store_goes_on() {
    let dir = tempdir().unwrap();
    // No file may exceed 1 MiB: the log reaches that again and again, the database does not.
    let limited = "trap '' XFSZ; ulimit -f 2048; exec \"$0\" \"$@\"";
    let mut child = spawn(limited, dir.path(), "limited");
    let (mut stored, mut failed, mut recovered) = (Vec::new(), Vec::new(), 0);
    let mut last_failed = false;
    for (outcome, uuid) in lines(&mut child) {
        let fails = outcome == "failed";
        recovered += usize::from(last_failed && !fails);
        last_failed = fails;
        if fails { &mut failed } else { &mut stored }.push(uuid);
        if recovered >= 3 {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(recovered >= 3, "{} stored, {} failed", stored.len(), failed.len());
    let store = open(dir.path());
    check(&store, &stored).await;
    let there = contents(&store, SELLER).await;
    let surfaced = failed.iter().filter(|uuid| there.contains_key(&marked(uuid))).count();
    // Only the last group can have been committed without an answer.
    assert!(surfaced <= BATCH * usize::try_from(SENDERS).unwrap(), "{surfaced} failed are there");
    store.close().await;
}

/// This program again, in a shell, to run `child`.
fn spawn(script: &str, folder: &Path, prefix: &str) -> Child {
    Command::new("sh")
        .args(["-c", script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(PREFIX, prefix)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Outcomes and uuids that the child printed. An incomplete line is ignored.
fn lines(child: &mut Child) -> impl Iterator<Item = (String, String)> + use<> {
    let mut out = BufReader::new(child.stdout.take().unwrap());
    std::iter::from_fn(move || {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        line.ends_with('\n').then_some(line)
    })
    .filter_map(|line| {
        let (outcome, uuid) = line.trim().split_once(' ')?;
        let ours = ["stored", "failed"].contains(&outcome);
        ours.then(|| (outcome.to_owned(), uuid.to_owned()))
    })
}

/// Every one of them is in both queues exactly once, and in the order of its sender.
async fn check(store: &Store, uuids: &[String]) {
    let received = contents(store, SELLER).await;
    let mut sent = HashMap::new();
    for uid in 1..=SENDERS {
        let queue = contents(store, customer(uid)).await;
        sent.insert(uid, queue);
    }
    let mut last: HashMap<(i64, &str), MsgId> = HashMap::new();
    for uuid in uuids {
        let uid = sender(uuid);
        let [received, sent] = [&received, &sent[&uid]].map(|queue| {
            let found = queue.get(&marked(uuid)).map(Vec::as_slice);
            let Some([msgid]) = found else { panic!("{uuid}: {found:?}") };
            *msgid
        });
        assert_eq!(received.0 + 1, sent.0);
        let round = uuid.split_once('-').unwrap().0;
        assert!(last.insert((uid, round), sent).is_none_or(|last| last < sent), "{uuid}");
    }
}

fn sender(uuid: &str) -> i64 {
    uuid.split('-').nth(1).unwrap().parse().unwrap()
}

/// The msgids of each content in a queue.
async fn contents(store: &Store, account: Account) -> HashMap<String, Vec<MsgId>> {
    let (mut all, mut after) = (HashMap::<String, Vec<MsgId>>::new(), MsgId(0));
    loop {
        let page = rows(store, account, after, 1_000).await;
        let Some(last) = page.last() else { return all };
        after = last.msgid;
        for row in page {
            let content = String::from_utf8(row.body[36..].to_vec()).unwrap();
            all.entry(content).or_default().push(row.msgid);
        }
    }
}
