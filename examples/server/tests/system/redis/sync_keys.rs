//! S2.1, S3.1: sync keys are kept where the API service keeps them.

use futures_util::future::join_all;
use kefu_proto::{Body, MsgId};
use kefu_testing::client::{customer, question, seller};

use super::server_with;
use crate::support::redis::Redis;
use crate::support::server::Server;
use crate::support::store::Store;

const FIELD: [&str; 3] = ["HGET", "users_7_1", "sync_key"];

#[tokio::test]
async fn a_sync_key_only_rises() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    let server = server_with(&redis).await;
    let mut client = server.log_in(customer(1), "phone").await;
    for (key, kept) in [
        (9, 9),
        (10, 10),
        (9, 10),
        (0, 10),
        (-1, 10),
        // Lua rounds them to the same number.
        (9_007_199_254_740_992, 9_007_199_254_740_992),
        (9_007_199_254_740_993, 9_007_199_254_740_993),
        (9_007_199_254_740_992, 9_007_199_254_740_993),
        (9_007_199_254_740_994, 9_007_199_254_740_994),
        (i64::MAX, i64::MAX),
        (i64::MAX - 1, i64::MAX),
    ] {
        client.send(Body::SyncKey(MsgId(key))).await;
        client.receive_all().await;
        assert_eq!(redis.ask::<i64>(&FIELD), kept, "after {key}");
        let mut other = server.log_in(customer(1), "tablet").await;
        assert_eq!(other.sync(MsgId(0)).await.begin, MsgId(kept), "after {key}");
    }
}

#[tokio::test]
async fn what_the_api_service_has_kept_counts() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.ask::<()>(&["HSET", "users_7_1", "sync_key", "50", "name", "Ann"]);
    let server = server_with(&redis).await;
    let mut client = server.log_in(customer(1), "phone").await;
    for (there, key, kept) in
        [("50", 49, 50), ("50", 51, 51), ("0050", 49, 50), ("-3", 1, 1), ("none", 2, 2)]
    {
        redis.ask::<()>(&["HSET", "users_7_1", "sync_key", there]);
        client.send(Body::SyncKey(MsgId(key))).await;
        client.receive_all().await;
        let mut other = server.log_in(customer(1), "tablet").await;
        assert_eq!(other.sync(MsgId(0)).await.begin, MsgId(kept), "{there}");
    }
    assert_eq!(redis.ask::<String>(&["HGET", "users_7_1", "name"]), "Ann");
}

#[tokio::test]
async fn a_device_begins_where_another_has_read_to_on_either_store() {
    let Some(redis) = Redis::start().await else { return };
    let Some(nats) = Store::nats().await else { return };
    redis.add_token(customer(1));
    for store in [Store::Embedded, nats] {
        let name = store.address();
        redis.ask::<()>(&["DEL", "users_7_1"]);
        let server = Server::start_on(store, &["--auth", &redis.url()]).await;
        let mut phone = server.log_in(customer(1), "phone").await;
        let seq = phone.send(question(customer(1), seller(2), "one")).await;
        phone.receive_ack(seq).await;
        let mut tablet = server.log_in(customer(1), "tablet").await;
        let synced = tablet.sync(MsgId(0)).await;
        assert_eq!((synced.begin, synced.contents()), (MsgId(0), vec![&b"one"[..]]), "{name}");
        tablet.send(Body::SyncKey(synced.end)).await;
        tablet.receive_all().await;
        let seq = phone.send(question(customer(1), seller(2), "two")).await;
        phone.receive_ack(seq).await;
        let mut third = server.log_in(customer(1), "third").await;
        let again = third.sync(MsgId(0)).await;
        assert_eq!((again.begin, again.contents()), (synced.end, vec![&b"two"[..]]), "{name}");
    }
}

#[tokio::test]
async fn of_many_sync_keys_at_once_the_largest_is_kept() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    let servers = [server_with(&redis).await, server_with(&redis).await];
    let keepers = servers.iter().flat_map(|server| {
        (0..10).map(async |part: i64| {
            let mut client = server.log_in(customer(1), "phone").await;
            for key in 0..20 {
                client.send(Body::SyncKey(MsgId(1 + (key * 7 + part * 13) % 200))).await;
            }
            client.receive_all().await;
        })
    });
    join_all(keepers).await;
    let largest = (0..10).flat_map(|part| (0..20).map(move |key| 1 + (key * 7 + part * 13) % 200));
    assert_eq!(redis.ask::<i64>(&FIELD), largest.max().unwrap());
}
