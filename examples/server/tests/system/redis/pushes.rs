//! H7.3: pushes to users without a connection go to a list that the push service reads.

use std::time::Duration;

use kefu_proto::{Body, CustomerMessage, StoreId};
use kefu_testing::client::{Client, answer, customer, message_v2, question, seller};
use kefu_testing::http::until_health;
use kefu_testing::until;
use tokio::time::sleep;

use super::server_with;
use crate::support::redis::Redis;
use crate::support::server::Server;
use crate::support::store::Store;

const LIST: &str = "customer_push_queue";
const LIST_V2: &str = "customer_push_queue_v2";

#[tokio::test]
async fn a_push_is_json_with_all_that_the_push_service_reads() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.add_token(seller(2));
    redis.ask::<()>(&["RPUSH", LIST, "of someone else"]);
    let server = server_with(&redis).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    asker.send(question(customer(1), seller(2), r#"{"text":"你好"}"#)).await;
    asker.send(question(customer(1), seller(i64::MAX), Vec::from(b"a\xff\xf0\x9f\0b"))).await;
    asker.send(question(customer(1), seller(3), "")).await;
    asker.receive_all().await;
    drop(asker);
    server.until_closed("left", 1).await;
    let mut answerer = server.log_in(seller(2), "desk").await;
    let Body::CustomerSupport(message) = answer(seller(2), customer(1), "hello!") else {
        unreachable!("an answer")
    };
    let message = CustomerMessage { store_id: StoreId(i64::MIN), ..message };
    answerer.send(Body::CustomerSupport(message)).await;
    answerer.receive_all().await;
    assert_eq!(
        pushed(&redis, 5).await,
        [
            "of someone else",
            r#"{"appid":1453,"receiver":2,"command":24,"customer_appid":7,"customer":1,"seller":2,"store":1,"content":"{\"text\":\"你好\"}"}"#,
            "{\"appid\":1453,\"receiver\":9223372036854775807,\"command\":24,\"customer_appid\":7,\"customer\":1,\
             \"seller\":9223372036854775807,\"store\":1,\"content\":\"a\u{fffd}\u{fffd}\\u0000b\"}",
            r#"{"appid":1453,"receiver":3,"command":24,"customer_appid":7,"customer":1,"seller":3,"store":1,"content":""}"#,
            r#"{"appid":7,"receiver":1,"command":25,"customer_appid":7,"customer":1,"seller":2,"store":-9223372036854775808,"content":"hello!"}"#,
        ]
    );
    assert_eq!(server.metric("kefu_push_failures_total").await, 0);
}

#[tokio::test]
async fn a_push_of_version_2_has_a_list_of_its_own() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.add_token(seller(2));
    let server = server_with(&redis).await;
    let mut asker = Client::log_in_v2(server.tcp, customer(1), "phone").await;
    asker.send(message_v2(customer(1), seller(3), r#"{"text":"你好"}"#)).await;
    asker.send(question(customer(1), seller(4), "v1")).await;
    asker.send(message_v2(customer(1), seller(i64::MIN), Vec::from(b"a\xff\0"))).await;
    asker.receive_all().await;
    drop(asker);
    server.until_closed("left", 1).await;
    let mut answerer = Client::log_in_v2(server.tcp, seller(2), "desk").await;
    answerer.send(message_v2(seller(2), customer(1), "hello!")).await;
    answerer.receive_all().await;
    until("the pushes are there", async || list_of(&redis, LIST_V2).len() >= 3).await;
    assert_eq!(
        list_of(&redis, LIST_V2),
        [
            r#"{"appid":1453,"sender_appid":7,"sender":1,"receiver_appid":1453,"receiver":3,"content":"{\"text\":\"你好\"}"}"#,
            "{\"appid\":1453,\"sender_appid\":7,\"sender\":1,\"receiver_appid\":1453,\
             \"receiver\":-9223372036854775808,\"content\":\"a\u{fffd}\\u0000\"}",
            r#"{"appid":7,"sender_appid":1453,"sender":2,"receiver_appid":7,"receiver":1,"content":"hello!"}"#,
        ]
    );
    assert_eq!(receivers(&list(&redis)), [4], "version 1 stays where it is");
}

#[tokio::test]
async fn who_is_connected_is_not_pushed_to() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.add_token(seller(2));
    let server = server_with(&redis).await;
    let mut answerer = server.log_in(seller(2), "desk").await;
    let mut asker = server.log_in(customer(1), "phone").await;
    asker.send(question(customer(1), seller(2), "here")).await;
    answerer.receive_notify().await;
    asker.send(question(customer(1), seller(3), "not here")).await;
    asker.receive_all().await;
    assert_eq!(receivers(&pushed(&redis, 1).await), [3]);
}

#[tokio::test]
async fn pushes_wait_while_redis_is_away_and_arrive_in_order_on_either_store() {
    let Some(nats) = Store::nats().await else { return };
    for store in [Store::Embedded, nats] {
        let name = store.address();
        let Some(mut redis) = Redis::start().await else { return };
        let server = Server::start_on(store, &["--push", &redis.url()]).await;
        let mut asker = server.log_in(customer(1), "phone").await;
        redis.kill().await;
        // The first fails alone; more than one batch follows.
        asker.send(question(customer(1), seller(1_000), "x")).await;
        server.until_metric("kefu_push_failures_total", 1).await;
        for number in 1_001..1_600 {
            asker.send(question(customer(1), seller(number), "x")).await;
        }
        asker.receive_all().await;
        server.until_metric("kefu_pushes_total", 600).await;
        redis.restart().await;
        let found = receivers(&pushed(&redis, 600).await);
        assert_eq!(found, (1_000..1_600).collect::<Vec<_>>(), "{name}");
        // Nothing is pushed twice if Redis was not reachable at all.
        sleep(Duration::from_secs(1)).await;
        assert_eq!(redis.ask::<i64>(&["LLEN", LIST]), 600, "{name}");
    }
}

#[tokio::test]
async fn so_many_pushes_wait_for_one_and_in_all_on_either_store() {
    let Some(nats) = Store::nats().await else { return };
    for store in [Store::Embedded, nats] {
        let name = store.address();
        let Some(mut redis) = Redis::start().await else { return };
        let bounds = ["--account-pushes", "3", "--max-pushes", "5"];
        let push = redis.url();
        let server = Server::start_on(store, &[&["--push", &push], &bounds[..]].concat()).await;
        let mut asker = server.log_in(customer(1), "phone").await;
        redis.kill().await;
        for to in [1, 1, 1, 1, 2, 2, 3] {
            // In turn: on NATS pushes are queued in the background.
            let waits = server.metric("kefu_pushes_total").await
                + server.metric("kefu_pushes_left_out_total").await;
            let seq = asker.send(question(customer(1), seller(to), "x")).await;
            asker.receive_ack(seq).await;
            until("the push is dealt with", async || {
                let queued = server.metric("kefu_pushes_total").await;
                queued + server.metric("kefu_pushes_left_out_total").await == waits + 1
            })
            .await;
        }
        let left_out = |bound| format!("kefu_pushes_left_out_total{{reason=\"{bound}\"}}");
        for (metric, count) in
            [("kefu_pushes_total", 5), (&left_out("account"), 1), (&left_out("all"), 1)]
        {
            assert_eq!(server.metric(metric).await, count, "{name}: {metric}");
        }
        server.until_metric("kefu_pushes_waiting", 5).await;
        until("the oldest has an age", async || {
            server.metric("kefu_pushes_oldest_seconds").await > 0
        })
        .await;
        let full = "the push outbox is full: further pushes are left out\n";
        until_health(server.http, 503, full).await;
        redis.restart().await;
        assert_eq!(receivers(&pushed(&redis, 5).await), [1, 1, 1, 2, 2], "{name}");
        until_health(server.http, 200, "ok\n").await;
        server.until_metric("kefu_pushes_waiting", 0).await;
        server.until_metric("kefu_pushes_oldest_seconds", 0).await;
    }
}

#[tokio::test]
async fn pushes_outlive_a_redis_that_does_not_answer() {
    let Some(redis) = Redis::start().await else { return };
    let server = Server::start(&["--push", &redis.url()]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    redis.pause().await;
    asker.send(question(customer(1), seller(2), "x")).await;
    asker.receive_all().await;
    server.until_metric("kefu_push_failures_total", 1).await;
    redis.resume();
    until("the push is there", async || !list(&redis).is_empty()).await;
    // The first attempt may have succeeded, too: at least once.
    assert!(receivers(&list(&redis)).iter().all(|&receiver| receiver == 2));
}

/// The list, once it has this length.
async fn pushed(redis: &Redis, length: usize) -> Vec<String> {
    until(&format!("{length} pushes are there"), async || list(redis).len() >= length).await;
    list(redis)
}

fn list(redis: &Redis) -> Vec<String> {
    list_of(redis, LIST)
}

fn list_of(redis: &Redis, name: &str) -> Vec<String> {
    redis.ask(&["LRANGE", name, "0", "-1"])
}

fn receivers(pushes: &[String]) -> Vec<i64> {
    let receiver = |push: &String| {
        let push: serde_json::Value = serde_json::from_str(push).unwrap();
        push["receiver"].as_i64().unwrap()
    };
    pushes.iter().map(receiver).collect()
}
