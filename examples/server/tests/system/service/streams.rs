//! Streams and consumers that are deleted under a running service.

use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use kefu_proto::{Account, MsgId};
use kefu_testing::client::{Client, customer, question, seller};
use kefu_testing::http::{self, until_health, until_unhealthy};
use kefu_testing::until;
use tokio::time::sleep;

use super::cluster::context;
use super::servers::Place;
use crate::support::nats::Nats;
use crate::support::process::{ServerProcess, refusal};

/// How long pushes may pause.
const SECONDS: Duration = Duration::from_secs(15);

#[tokio::test]
async fn pushes_go_on_whatever_is_deleted() {
    let Some(nats) = Nats::start().await else { return };
    let context = context(&nats.url()).await.unwrap();
    let server = Place::new(nats.url()).server(&[]).await;
    ask(&server, seller(2)).await;
    server.until_logged("push to=1453/2 ").await;
    let consumers = context.get_stream("kefu_pushes").await.unwrap();
    let since = Instant::now();
    consumers.delete_consumer("sinks").await.unwrap();
    ask(&server, seller(3)).await;
    server.until_logged("push to=1453/3 ").await;
    assert!(since.elapsed() < SECONDS, "{:?}: {}", since.elapsed(), server.log());

    let since = Instant::now();
    context.delete_stream("kefu_pushes").await.unwrap();
    ask(&server, seller(4)).await;
    server.until_logged("push to=1453/4 ").await;
    assert!(since.elapsed() < SECONDS, "{:?}: {}", since.elapsed(), server.log());
    let Config { max_messages, max_messages_per_subject, discard, .. } =
        config(&context, "kefu_pushes").await;
    assert_eq!((max_messages, max_messages_per_subject), (1_000_000, 1000));
    assert_eq!(discard, DiscardPolicy::New);

    // Sync keys that are lost make syncs longer, and nothing else.
    context.delete_stream("KV_kefu_kept").await.unwrap();
    until_unhealthy(server.http, "stream KV_kefu_kept is missing; it is made again\n").await;
    until_health(server.http, 200, "ok\n").await;
    let mut desk = Client::log_in(server.tcp, seller(2), "desk").await;
    assert_eq!(desk.sync(MsgId(0)).await.messages.len(), 1);
}

/// Its msgids must not be given again: clients would take new messages for old ones.
#[tokio::test]
async fn a_lost_queue_is_not_made_again_but_named() {
    const SAID: &str = "stream kefu_queues_2 is missing and is not made again";
    let Some(nats) = Nats::start().await else { return };
    let context = context(&nats.url()).await.unwrap();
    let place = Place::new(nats.url());
    let server = place.server(&[]).await;
    let mut lost = Client::log_in(server.tcp, customer(2), "phone").await;
    let mut phone = Client::log_in(server.tcp, customer(1), "phone").await;
    let seq = lost.send(question(customer(2), seller(2), "before")).await;
    lost.receive_ack(seq).await;
    let before = lost.sync(MsgId(-1)).await.end;
    let mut lost_config = config(&context, "kefu_queues_2").await;
    context.delete_stream("kefu_queues_2").await.unwrap();
    until_unhealthy(server.http, SAID).await;
    // Those who do not need it go on.
    let seq = phone.send(question(customer(1), seller(3), "x")).await;
    phone.receive_ack(seq).await;
    sleep(Duration::from_secs(3)).await;
    assert!(context.get_stream("kefu_queues_2").await.is_err(), "it is made");
    server.kill().await;
    let line = refused(&place).await;
    assert!(line.contains(SAID) && line.contains("nats stream restore"), "{line}");

    // As the page says, without a backup: beyond the last msgid that clients have seen.
    lost_config.description = Some("queues of kefu-server, shard 2 of 8".into());
    let stream = context.create_stream(lost_config).await.unwrap();
    stream.purge().sequence(1_000).await.unwrap();
    let server = place.server(&[]).await;
    until_health(server.http, 200, "ok\n").await;
    let mut lost = Client::log_in(server.tcp, customer(2), "phone").await;
    let seq = lost.send(question(customer(2), seller(2), "after")).await;
    lost.receive_ack(seq).await;
    let found = Client::log_in(server.tcp, customer(2), "tablet").await.sync(before).await;
    assert_eq!(found.contents(), [b"after"]);
    assert!(found.end >= MsgId(1_000), "{found:?}");
}

#[tokio::test]
async fn all_queues_may_be_begun_anew_with_greater_msgids() {
    let Some(nats) = Nats::start().await else { return };
    let context = context(&nats.url()).await.unwrap();
    let place = Place::new(nats.url());
    let server = place.server(&[]).await;
    let mut phone = Client::log_in(server.tcp, customer(1), "phone").await;
    let seq = phone.send(question(customer(1), seller(2), "before")).await;
    phone.receive_ack(seq).await;
    server.kill().await;
    for shard in 0..8 {
        context.delete_stream(format!("kefu_queues_{shard}")).await.unwrap();
    }
    let line = refused(&place).await;
    assert!(line.contains("--msgids-after"), "{line}");
    let server = place.server(&["--msgids-after", "100"]).await;
    let mut phone = Client::log_in(server.tcp, customer(1), "phone").await;
    let seq = phone.send(question(customer(1), seller(2), "after")).await;
    phone.receive_ack(seq).await;
    assert!(phone.sync(MsgId(-1)).await.end > MsgId(100));
}

/// Streams of the version before have no bounds.
#[tokio::test]
async fn an_outbox_with_other_bounds_is_used_as_it_is() {
    let Some(nats) = Nats::start().await else { return };
    let place = Place::new(nats.url());
    place.server(&["--account-pushes", "0", "--max-pushes", "7"]).await.kill().await;
    let server = place.server(&[]).await;
    server.until_logged("stream kefu_pushes has other bounds than --max-pushes").await;
    let context = context(&nats.url()).await.unwrap();
    assert_eq!(config(&context, "kefu_pushes").await.max_messages, 7);
    ask(&server, seller(2)).await;
    server.until_logged("push to=1453/2 ").await;
    until("the outbox is empty", async || {
        http::metric(server.http, "kefu_pushes_waiting").await == 0
    })
    .await;
}

async fn refused(place: &Place) -> String {
    let mut command = place.command(&["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
    command.env("RUST_LOG", "off");
    refusal(command).await
}

async fn config(context: &Context, stream: &str) -> Config {
    context.get_stream(stream).await.unwrap().cached_info().config.clone()
}

async fn ask(server: &ServerProcess, receiver: Account) {
    let mut phone = Client::log_in(server.tcp, customer(1), "phone").await;
    let seq = phone.send(question(customer(1), receiver, "anybody?")).await;
    phone.receive_ack(seq).await;
}
