//! S1: tokens are looked up in Redis.

use std::net::SocketAddr;

use kefu_proto::{AuthToken, Body, LoginStatus, Platform, ShortBytes};
use kefu_testing::client::{Client, answer, auth_token, customer, question, seller};
use kefu_testing::http::{get, get_status};
use serde_json::Value;

use super::server_with;
use crate::support::redis::Redis;
use crate::support::server::Server;

#[tokio::test]
async fn a_token_of_the_api_service_is_the_account_in_its_hash() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.add_token(seller(2));
    let server = server_with(&redis).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut answerer = server.log_in(seller(2), "desk").await;
    let seq = asker.send(question(customer(1), seller(2), "hello?")).await;
    asker.receive_ack(seq).await;
    answerer.receive_notify().await;
    let seq = answerer.send(answer(seller(2), customer(1), "hello!")).await;
    answerer.receive_ack(seq).await;
    asker.receive_notify().await;
    // It is in this server's tokens file, which is not used.
    assert_eq!(status(server.tcp, b"tok-7-3").await, LoginStatus(1));
    assert_eq!(server.metric("kefu_logins_refused_total").await, 1);
    assert_eq!(server.metric("kefu_auth_failures_total").await, 0, "no is an answer");
}

#[tokio::test]
async fn a_hash_that_names_nobody_lets_nobody_in() {
    let Some(redis) = Redis::start().await else { return };
    let server = server_with(&redis).await;
    let hashes: [&[&str]; 9] = [
        &["user_id", "1"],
        &["app_id", "7"],
        &["user_id", "0", "app_id", "7"],
        &["user_id", "1", "app_id", "0"],
        &["user_id", "one", "app_id", "7"],
        &["user_id", "1", "app_id", "7.0"],
        &["user_id", "", "app_id", "7"],
        &["user_id", "9223372036854775808", "app_id", "7"],
        &["user_id", " 1", "app_id", "7"],
    ];
    for fields in hashes {
        redis.ask::<()>(&["DEL", "access_token_t"]);
        redis.ask::<()>(&[&["HSET", "access_token_t"], fields].concat());
        assert_eq!(status(server.tcp, b"t").await, LoginStatus(1), "{fields:?}");
    }
    redis.ask::<()>(&["DEL", "access_token_t"]);
    redis.ask::<()>(&["SET", "access_token_t", "no hash"]);
    let mut client = Client::connect(server.tcp).await;
    client.send(auth_token("t", "")).await;
    assert_eq!(client.receive_rest().await, [], "an error is no answer");
    redis.ask::<()>(&["DEL", "access_token_t"]);
    for largest in ["9223372036854775807", "-9223372036854775808"] {
        redis.ask::<()>(&["HSET", "access_token_t", "user_id", largest, "app_id", largest]);
        assert_eq!(status(server.tcp, b"t").await, LoginStatus::OK, "{largest}");
    }
    assert_eq!(get_status(server.http, "/healthz").await, 200, "one wrong key is no outage");
}

#[tokio::test]
async fn any_bytes_can_be_a_token() {
    let Some(redis) = Redis::start().await else { return };
    let server = server_with(&redis).await;
    for token in [&b"\xff\xfe\0\r\n"[..], "\u{4ee4}\u{724c}".as_bytes(), b"a b*?[x]", &[b'x'; 100]]
    {
        assert_eq!(status(server.tcp, token).await, LoginStatus(1), "{token:?}");
        let key = [b"access_token_", token].concat();
        redis.ask::<()>(&[b"HSET", &key[..], b"user_id", b"1", b"app_id", b"7"]);
        assert_eq!(status(server.tcp, token).await, LoginStatus::OK, "{token:?}");
    }
}

#[tokio::test]
async fn the_page_takes_these_tokens_too() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(seller(2));
    let server = server_with(&redis).await;
    let who: Value =
        serde_json::from_str(&get(server.http, "/whoami?token=tok-1453-2").await.body).unwrap();
    assert_eq!((&who["appid"], &who["uid"]), (&"1453".into(), &"2".into()));
    assert_eq!(get_status(server.http, "/trace?token=tok-1453-2").await, 200);
    for path in ["/whoami?token=tok-7-1", "/trace?token=tok-7-1"] {
        assert_eq!(get_status(server.http, path).await, 401, "{path}");
    }
    assert_eq!(get(server.http, "/demo").await.body, "[]");
}

#[tokio::test]
async fn either_neighbour_can_be_there_without_the_other() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    let looked_up = Server::start(&["--auth", &redis.url()]).await;
    looked_up.log_in(customer(1), "phone").await;
    assert_eq!(status(looked_up.tcp, b"tok-7-2").await, LoginStatus(1));
    let pushing = Server::start(&["--push", &redis.url()]).await;
    pushing.log_in(customer(2), "phone").await;
    assert_eq!(redis.ask::<i64>(&["EXISTS", "devices_phone_2"]), 1);
    assert_eq!(redis.ask::<i64>(&["GET", "devices_id"]), 1, "only the first server's devices");
}

/// The answer to a login with this token and no device.
pub async fn status(addr: SocketAddr, token: &[u8]) -> LoginStatus {
    let mut client = Client::connect(addr).await;
    client
        .send(Body::AuthToken(AuthToken {
            platform: Platform::WEB,
            token: ShortBytes::new(token.to_vec()).unwrap(),
            device_id: ShortBytes::new("").unwrap(),
        }))
        .await;
    match client.receive("an AUTH_STATUS").await.body {
        Body::AuthStatus(answer) => answer.status,
        other => panic!("{other:?} instead of an AUTH_STATUS"),
    }
}
