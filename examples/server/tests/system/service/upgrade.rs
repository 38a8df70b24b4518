//! Streams that the version before has made.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::{Config, RetentionPolicy};
use kefu_proto::{Encode, Message, MsgId};
use kefu_testing::client::{Client, customer, question, seller};

use super::cluster::context;
use super::servers::Place;
use crate::support::nats::Nats;

const CONTENT: &str = r#"{"uuid":"a","text":"from before"}"#;

#[tokio::test]
async fn streams_of_the_version_before_keep_their_history() {
    let Some(nats) = Nats::start().await else { return };
    write_as_before(&context(&nats.url()).await.unwrap()).await;
    let server = Place::new(nats.url()).server(&[]).await;
    let mut desk = Client::log_in(server.tcp, seller(2), "desk").await;
    let mut phone = Client::log_in(server.tcp, customer(1), "phone").await;
    for client in [&mut desk, &mut phone] {
        let found = client.sync(MsgId(-1)).await;
        assert_eq!((found.contents(), found.end), (vec![CONTENT.as_bytes()], MsgId(1)));
    }
    // The key that was kept, the repeat that is recognised, and the id after it.
    assert_eq!(phone.sync(MsgId(0)).await.begin, MsgId(1));
    for (content, msgid) in [(CONTENT, MsgId(1)), ("from today", MsgId(2))] {
        let seq = phone.send(question(customer(1), seller(2), content)).await;
        phone.receive_ack(seq).await;
        assert_eq!(desk.receive_notify().await, msgid);
    }
    let whole = [CONTENT.as_bytes(), b"from today"];
    assert_eq!(desk.sync(MsgId(-1)).await.contents(), whole);
}

/// One message of customer 1 to seller 2, and what belongs to it. Nothing here comes from the code
/// of today.
async fn write_as_before(context: &Context) {
    for shard in 0..8 {
        let description = Some(format!("queues of kefu-server, shard {shard} of 8"));
        let subject = format!("kefu.queue.{shard}.>");
        let made = stream(&format!("kefu_queues_{shard}"), subject);
        context.create_stream(Config { description, ..made }).await.unwrap();
    }
    let retention = RetentionPolicy::WorkQueue;
    let pushes = Config { retention, ..stream("kefu_pushes", "kefu.push.>".into()) };
    context.create_stream(pushes).await.unwrap();
    for bucket in ["kefu_kept", "kefu_devices"] {
        let made = Config {
            max_messages_per_subject: 1,
            allow_rollup: true,
            deny_delete: true,
            ..stream(&format!("KV_{bucket}"), format!("$KV.{bucket}.>"))
        };
        context.create_stream(made).await.unwrap();
    }
    let mut body = Vec::new();
    Message::from(question(customer(1), seller(2), CONTENT)).encode_body(&mut body).unwrap();
    for (role, queue) in [("r", "kefu.queue.2.1453.2"), ("s", "kefu.queue.1.7.1")] {
        let digest = "ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs";
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", format!("{role}>7/1>1453/2>{digest}"));
        headers.insert("Kefu-Command", "24");
        headers.insert("Kefu-Device", "99");
        let stored = context.publish_with_headers(queue, headers, body.clone().into());
        stored.await.unwrap().await.unwrap();
    }
    context.publish("$KV.kefu_kept.7.1", "1".into()).await.unwrap().await.unwrap();
}

fn stream(name: &str, subject: String) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![subject],
        duplicate_window: Duration::from_secs(120),
        ..Config::default()
    }
}
