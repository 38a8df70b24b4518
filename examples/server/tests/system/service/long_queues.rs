//! Queues that are long enough to be read through a consumer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishAckFuture;
use async_nats::{HeaderMap, Subscriber};
use bytes::Bytes;
use fastrand::Rng;
use futures_util::StreamExt;
use kefu_proto::{Encode, Message, MsgId};
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::until;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::cluster::{self, Cluster, NODES, context};
use super::proxy::Proxy;
use super::servers::Place;
use crate::support::nats::Nats;
use crate::support::process::ServerProcess;

/// From the beginning of a queue; 0 would mean the kept key.
const BEGINNING: MsgId = MsgId(-1);
/// With one shard, the only one.
const STREAM: &str = "kefu_queues_0";
const ONE_SHARD: [&str; 2] = ["--shards", "1"];
/// Two answers to a SYNC and a half, of several pages each.
const LONG: usize = 2_500;
/// Before NATS deletes by itself what is not used.
const SOON: Duration = Duration::from_secs(15);
/// How long to wait for what must not come.
const A_WHILE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_long_queue_is_read_whole_whatever_is_in_it() {
    const STRANGE: usize = 300;
    let Some(nats) = Nats::start().await else { return };
    let server = Place::new(nats.url()).server(&ONE_SHARD).await;
    let context = context(&nats.url()).await.unwrap();
    let mut written = write(&context, 0..LONG).await;
    // No server has written these.
    for _ in 0..STRANGE {
        publish(&context, 1, HeaderMap::new(), "?".into()).await.await.unwrap();
    }
    written.extend(write(&context, LONG..2 * LONG).await);
    let stream = context.get_stream(STREAM).await.unwrap();
    // Gone: the oldest, some in between, many in a row, and the newest but one.
    let gone = [0..700, 1_000..1_001, 1_900..2_600, 3_000..3_003, 4_998..4_999];
    for (index, sequence) in written.iter().enumerate() {
        if gone.iter().any(|gone| gone.contains(&index)) && index >= 700 {
            stream.delete_message(*sequence).await.unwrap();
        }
    }
    stream.purge().sequence(written[700]).await.unwrap();
    let left = (0..2 * LONG).filter(|index| !gone.iter().any(|gone| gone.contains(index)));
    let expected: Vec<_> = left.map(content).collect();

    let mut phone = log_in(&server).await;
    let found = phone.sync_all(BEGINNING).await;
    assert_contents(&found.contents(), &expected);
    assert_eq!(server.log().matches("not a message of this server").count(), STRANGE);
    // From the middle, too.
    let after = MsgId(i64::try_from(written[2_700]).unwrap());
    let found = phone.sync_all(after).await;
    assert_contents(&found.contents(), &expected[expected.len() - (2 * LONG - 2_701 - 4)..]);
}

#[tokio::test]
async fn a_consumer_is_made_for_a_long_queue_only_and_does_not_stay() {
    let Some(nats) = Nats::start().await else { return };
    let server = Place::new(nats.url()).server(&ONE_SHARD).await;
    let context = context(&nats.url()).await.unwrap();
    let mut made = subscribe(&context, &created()).await;
    write(&context, 0..10).await;
    let mut phone = log_in(&server).await;
    assert_eq!(phone.sync_all(BEGINNING).await.messages.len(), 10);
    assert!(timeout(A_WHILE, made.next()).await.is_err(), "a consumer for ten messages");

    write(&context, 10..LONG).await;
    let (mut read, mut answers, mut after) = (0, 0, BEGINNING);
    while read < LONG {
        let found = phone.sync(after).await;
        (read, answers, after) = (read + found.messages.len(), answers + 1, found.end);
    }
    let mut names = BTreeSet::new();
    while let Ok(Some(message)) = timeout(A_WHILE, made.next()).await {
        names.insert(message.subject.to_string());
    }
    assert!((1..=answers).contains(&names.len()), "{answers} answers, {names:?}");
    let deleted = until("they are deleted", async || {
        context.get_stream(STREAM).await.unwrap().cached_info().state.consumer_count == 0
    });
    assert!(timeout(SOON, deleted).await.is_ok(), "NATS deletes them later than that");
}

#[tokio::test]
async fn what_a_consumer_that_is_deleted_does_not_bring_is_read_without_it() {
    read_while_disturbed(async |context, consumer| {
        // The server may have been faster.
        let _ = context.delete_consumer_from_stream(consumer, STREAM).await;
    })
    .await;
}

#[tokio::test]
async fn a_delivery_that_is_lost_is_read_without_the_consumer() {
    read_while_disturbed(async |context, consumer| {
        // The test gets it. The server may have been faster.
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{consumer}");
        let _ = timeout(A_WHILE, context.client().request(next, Bytes::new())).await;
    })
    .await;
}

/// Reads a long queue until a consumer has been disturbed in a way that the server has noticed.
async fn read_while_disturbed(disturb: impl AsyncFn(&Context, String)) {
    let Some(nats) = Nats::start().await else { return };
    let server = logging(&Place::new(nats.url())).await;
    let context = context(&nats.url()).await.unwrap();
    write(&context, 0..LONG).await;
    let mut created = subscribe(&context, &created()).await;
    let disturbing = async {
        while let Some(message) = created.next().await {
            let name = message.subject.rsplit('.').next().unwrap().to_owned();
            disturb(&context, name).await;
        }
    };
    let mut phone = log_in(&server).await;
    let reading = async {
        while !server.log().contains(SINGLY) {
            read_whole(&mut phone, LONG).await;
        }
    };
    tokio::select! {
        () = reading => {}
        () = disturbing => panic!("NATS is gone"),
    }
}

#[tokio::test]
async fn a_long_queue_is_read_whole_while_the_connection_to_nats_breaks() {
    let Some(nats) = Nats::start().await else { return };
    let proxy = Proxy::to(&nats.url()).await;
    let server = Place::new(proxy.url()).server(&ONE_SHARD).await;
    write(&context(&nats.url()).await.unwrap(), 0..LONG).await;
    let (mut phone, mut random) = (log_in(&server).await, Rng::new());
    for _ in 0..3 {
        let reading = read_whole(&mut phone, LONG);
        let breaking = async {
            for _ in 0..5 {
                sleep(Duration::from_millis(random.u64(..60))).await;
                proxy.interrupt();
            }
        };
        tokio::join!(reading, breaking);
    }
}

#[tokio::test]
async fn a_long_queue_is_read_whole_while_nats_hangs() {
    let Some(nats) = Nats::start().await else { return };
    let server = Place::new(nats.url()).server(&ONE_SHARD).await;
    write(&context(&nats.url()).await.unwrap(), 0..LONG).await;
    let (mut phone, mut random) = (log_in(&server).await, Rng::new());
    for _ in 0..3 {
        let reading = read_whole(&mut phone, LONG);
        let hanging = async {
            sleep(Duration::from_millis(random.u64(..100))).await;
            nats.pause().await;
            // Longer than an answer is waited for.
            sleep(Duration::from_millis(2_500)).await;
            nats.resume();
        };
        tokio::join!(reading, hanging);
    }
}

/// Before NATS 2.11 a node that has hung may lack messages for good, and a consumer on it says
/// nothing of that.
#[tokio::test]
async fn a_long_queue_is_read_whole_from_a_cluster_whose_leader_has_hung() {
    let Some(cluster) = Cluster::start().await else { return };
    let place = Place::new(cluster.url());
    let server = place.server(&[&ONE_SHARD[..], &["--replicas", "3"]].concat()).await;
    let half = LONG / 2;
    let leader = cluster.leader(STREAM).await;
    let other = context(&cluster.url_of((leader + 1) % NODES)).await.unwrap();
    write(&other, 0..half).await;
    let mut phone = log_in(&server).await;
    read_whole(&mut phone, half).await;

    cluster.pause(leader).await;
    read_whole(&mut phone, half).await;
    write(&other, half..LONG).await;
    read_whole(&mut phone, LONG).await;
    cluster.resume(leader);
    cluster.until_whole(STREAM).await;
    for _ in 0..10 {
        read_whole(&mut phone, LONG).await;
    }
}

#[tokio::test]
async fn no_consumer_is_read_from_but_on_the_leader() {
    let Some(cluster) = Cluster::start().await else { return };
    let place = Place::new(cluster.url());
    let server = place.server(&[&ONE_SHARD[..], &["--replicas", "3"]].concat()).await;
    let leader = cluster.leader(STREAM).await;
    let context = context(&cluster.url_of(leader)).await.unwrap();
    write(&context, 0..LONG).await;
    let mut created = subscribe(&context, "$JS.EVENT.ADVISORY.API").await;
    let mut pulls = subscribe(&context, &format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.*")).await;
    let mut phone = log_in(&server).await;
    for _ in 0..4 {
        read_whole(&mut phone, LONG).await;
    }
    assert_eq!(cluster.leader(STREAM).await, leader, "this is about one leader");

    let mut nodes = BTreeMap::new();
    while let Ok(Some(advisory)) = timeout(A_WHILE, created.next()).await {
        let advisory: Value = serde_json::from_slice(&advisory.payload).unwrap();
        let answer = advisory["response"].as_str().unwrap();
        let answer: Value = serde_json::from_str(answer).unwrap();
        if let (Some(name), Some(node)) =
            (answer["name"].as_str(), answer["cluster"]["leader"].as_str())
        {
            nodes.insert(name.to_owned(), node.to_owned());
        }
    }
    let mut pulled = BTreeSet::new();
    while let Ok(Some(pull)) = timeout(A_WHILE, pulls.next()).await {
        pulled.insert(pull.subject.rsplit('.').next().unwrap().to_owned());
    }
    assert!(pulled.len() >= 4, "{nodes:?}, {pulled:?}");
    for name in pulled {
        assert_eq!(nodes[&name], cluster::name(leader), "{name}: {nodes:?}");
    }
}

#[tokio::test]
async fn a_long_queue_is_read_whole_from_a_cluster_with_a_node_that_lags_behind() {
    let Some(cluster) = Cluster::start().await else { return };
    let place = Place::new(cluster.url());
    let server = place.server(&[&ONE_SHARD[..], &["--replicas", "3"]].concat()).await;
    let mut phone = log_in(&server).await;
    for round in 0..3 {
        let leader = cluster.leader(STREAM).await;
        let context = context(&cluster.url_of(leader)).await.unwrap();
        let follower = (leader + 1) % NODES;
        cluster.pause(follower).await;
        write(&context, round * LONG..(round + 1) * LONG).await;
        read_whole(&mut phone, (round + 1) * LONG).await;
        cluster.resume(follower);
        read_whole(&mut phone, (round + 1) * LONG).await;
        cluster.until_whole(STREAM).await;
    }
}

async fn log_in(server: &ServerProcess) -> Client {
    Client::log_in(server.tcp, customer(1), "phone").await
}

async fn read_whole(phone: &mut Client, length: usize) {
    let found = phone.sync_all(BEGINNING).await;
    let expected: Vec<_> = (0..length).map(content).collect();
    assert_contents(&found.contents(), &expected);
}

/// Says where the first difference is: all contents would be megabytes.
fn assert_contents(found: &[&[u8]], expected: &[Bytes]) {
    let differs = found.iter().zip(expected).position(|(found, expected)| *found != &expected[..]);
    assert_eq!((differs, found.len()), (None, expected.len()));
}

/// Writes messages to the queue of customer 1, and as many to another one. Returns their sequences.
async fn write(context: &Context, numbers: Range<usize>) -> Vec<u64> {
    let (mut acks, mut sequences) = (VecDeque::new(), Vec::new());
    for number in numbers {
        publish(context, 2, HeaderMap::new(), "x".into()).await;
        let mut headers = HeaderMap::new();
        headers.insert("Kefu-Command", "24");
        headers.insert("Kefu-Device", "999999");
        let mut body = Vec::new();
        let message = question(customer(1), seller(2), content(number));
        Message::from(message).encode_body(&mut body).unwrap();
        acks.push_back(publish(context, 1, headers, body.into()).await);
        if acks.len() > 100 {
            sequences.push(acks.pop_front().unwrap().await.unwrap().sequence);
        }
    }
    for ack in acks {
        sequences.push(ack.await.unwrap().sequence);
    }
    sequences
}

async fn publish(
    context: &Context,
    customer: i64,
    headers: HeaderMap,
    body: Bytes,
) -> PublishAckFuture {
    let subject = format!("kefu.queue.0.7.{customer}");
    context.publish_with_headers(subject, headers, body).await.unwrap()
}

/// Of all sizes, so that a page ends with its rows or with its bytes.
fn content(number: usize) -> Bytes {
    let length = if number.is_multiple_of(100) { 20_000 } else { number % 150 };
    format!("{number}{}", "x".repeat(length)).into()
}

async fn subscribe(context: &Context, subject: &str) -> Subscriber {
    let client = context.client();
    let subscriber = client.subscribe(subject.to_owned()).await.unwrap();
    client.flush().await.unwrap();
    subscriber
}

/// Tells of each consumer of the stream that is created.
fn created() -> String {
    format!("$JS.EVENT.ADVISORY.CONSUMER.CREATED.{STREAM}.*")
}

/// What a server logs when it goes on without a consumer.
const SINGLY: &str = "reading on message by message";

/// A server that logs more than others.
async fn logging(place: &Place) -> ServerProcess {
    let mut command = place.command(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.args(ONE_SHARD).env("RUST_LOG", "debug");
    ServerProcess::spawn(command).await
}
