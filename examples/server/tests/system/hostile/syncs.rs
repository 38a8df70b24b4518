//! Many SYNCs at once, over rows that are left out: they stop when their client or the server does.

use std::time::Duration;

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::until;
use rustix::process::Signal;
use tokio::time::sleep;

use super::target::Target;

const NO_PACE: [&str; 4] = ["--account-bytes", "0", "--account-messages", "0"];
const ROWS: usize = 20_000;
const SYNCS: usize = 800;
/// Long enough to have begun, and far from the end.
const BUSY: Duration = Duration::from_millis(50);

#[tokio::test]
async fn syncs_stop_when_their_client_is_gone() {
    let target = Target::start(&NO_PACE).await;
    for _ in 0..3 {
        drop(pipelined(&target).await);
    }
    target.until_online(0).await;
    let before = target.cpu();
    sleep(Duration::from_secs(1)).await;
    let used = target.cpu().saturating_sub(before);
    assert!(used < Duration::from_millis(500), "{used:?} of a second for nobody");
}

/// What was asked for is not answered at the cost of the others.
#[tokio::test]
async fn syncs_of_one_leave_the_others_their_time() {
    let target = Target::start(&NO_PACE).await;
    let mut greedy = Vec::new();
    for _ in 0..3 {
        greedy.push(pipelined(&target).await);
    }
    let before = target.cpu();
    drop(greedy);
    target.until_online(0).await;
    let used = target.cpu().saturating_sub(before);
    assert!(used < Duration::from_secs(3), "{used:?} after they have left");
}

#[tokio::test]
async fn a_server_stops_amid_syncs() {
    let options = [&NO_PACE[..], &["--stop-timeout", "300"]].concat();
    let mut target = Target::start(&options).await;
    let mut greedy = Vec::new();
    for _ in 0..3 {
        greedy.push(pipelined(&target).await);
    }
    let before = target.cpu();
    target.server.signal(Signal::TERM);
    // Long before all of them could be answered, on a slow machine, too.
    let status = target.server.exit().await;
    assert_eq!(status.code(), Some(0), "{}", target.server.log());
    drop((greedy, before));
}

/// A client that has sent all rows of its queue itself, and asks for it again and again.
async fn pipelined(target: &Target) -> Client {
    let mut client = target.log_in(customer(1), "phone").await;
    if target.metric("kefu_messages_accepted_total").await == 0 {
        let mut frames = Vec::new();
        for _ in 0..ROWS {
            let body = question(customer(1), seller(1), "mine");
            frames.extend_from_slice(&client.frame(Flags::NONE, body));
        }
        client.write(&frames).await;
        assert_eq!(client.receive_all().await.len(), ROWS);
    }
    let mut frames = Vec::new();
    for _ in 0..SYNCS {
        frames.extend_from_slice(&client.frame(Flags::NONE, Body::Sync(MsgId(-1))));
    }
    let before = target.cpu();
    client.write(&frames).await;
    until("it is busy with them", async || target.cpu() > before + BUSY).await;
    client
}
