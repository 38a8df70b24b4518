//! S1.2: device numbers are shared with the API service.

use futures_util::future::join_all;
use kefu_proto::{AuthToken, Body, Platform, ShortBytes};
use kefu_testing::client::{Client, assert_accepted, customer, question, seller, token};
use rusqlite::Connection;

use super::server_with;
use crate::support::redis::Redis;
use crate::support::server::Server;

#[tokio::test]
async fn each_pair_of_device_and_platform_gets_the_next_number_once() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.add_token(customer(2));
    redis.ask::<()>(&["SET", "devices_id", "9007199254740992"]);
    let server = server_with(&redis).await;
    for (uid, platform, device, number) in [
        (1, Platform::ANDROID, &b"phone"[..], 9_007_199_254_740_993_i64),
        (1, Platform::ANDROID, b"phone", 9_007_199_254_740_993),
        (2, Platform::ANDROID, b"phone", 9_007_199_254_740_993),
        (1, Platform::IOS, b"phone", 9_007_199_254_740_994),
        (1, Platform(-7), b"\xff\0_2", 9_007_199_254_740_995),
        (1, Platform::ANDROID, b"Phone", 9_007_199_254_740_996),
    ] {
        log_in(&server, uid, platform, device).await;
        let key = [b"devices_", device, b"_", platform.to_string().as_bytes()].concat();
        let kept: Option<i64> = redis.ask(&[b"GET", &key[..]]);
        assert_eq!(kept, Some(number), "{platform} {device:?}");
    }
    assert_eq!(redis.ask::<i64>(&["GET", "devices_id"]), 9_007_199_254_740_996);
}

#[tokio::test]
async fn a_browser_and_an_unnamed_device_are_not_numbered() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    let server = server_with(&redis).await;
    log_in(&server, 1, Platform::WEB, b"browser").await;
    log_in(&server, 1, Platform::ANDROID, b"").await;
    assert_eq!(redis.ask::<Vec<String>>(&["KEYS", "devices_*"]), [""; 0]);
}

#[tokio::test]
async fn a_number_that_is_there_is_the_device_s() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.ask::<()>(&["SET", "devices_phone_2", "77"]);
    redis.ask::<()>(&["SET", "devices_old phone_2", "-9223372036854775808"]);
    redis.ask::<()>(&["SET", "devices_broken phone_2", "nonsense"]);
    redis.ask::<()>(&["SET", "devices_no phone_2", "0"]);
    redis.ask::<()>(&["SET", "devices_id", "100"]);
    let server = server_with(&redis).await;
    for device in ["phone", "old phone", "broken phone", "no phone"] {
        let mut client = log_in(&server, 1, Platform::ANDROID, device.as_bytes()).await;
        let seq = client.send(question(customer(1), seller(2), "x")).await;
        client.receive_ack(seq).await;
    }
    let database = Connection::open(server.folder.path().join("data/kefu.db")).unwrap();
    let mut rows = database.prepare("SELECT device_id FROM message ORDER BY n").unwrap();
    let numbers = rows.query_map([], |row| row.get(0)).unwrap();
    let numbers: Vec<i64> = numbers.map(Result::unwrap).collect();
    // Invalid numbers are replaced.
    assert_eq!(numbers, [77, i64::MIN, 101, 102]);
}

#[tokio::test]
async fn fifty_logins_of_one_device_on_two_servers_at_once_are_one_number() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    let servers = [server_with(&redis).await, server_with(&redis).await];
    for round in 1..=10 {
        let device = format!("phone {round}");
        let logins = servers.iter().cycle().take(50);
        let logins = logins.map(|server| log_in(server, 1, Platform::ANDROID, device.as_bytes()));
        join_all(logins).await;
        assert_eq!(redis.ask::<i64>(&["GET", "devices_id"]), round);
        assert_eq!(redis.ask::<i64>(&["GET", &format!("devices_{device}_2")]), round);
    }
}

async fn log_in(server: &Server, uid: i64, platform: Platform, device: &[u8]) -> Client {
    let mut client = Client::connect(server.tcp).await;
    client
        .send(Body::AuthToken(AuthToken {
            platform,
            token: ShortBytes::new(token(customer(uid))).unwrap(),
            device_id: ShortBytes::new(device.to_vec()).unwrap(),
        }))
        .await;
    assert_accepted(&client.receive("an AUTH_STATUS").await);
    client
}
