//! Redis fails and recovers: meanwhile logins end without an answer, and logged-in clients are not affected.

use std::time::{Duration, Instant};

use kefu_proto::{Body, LoginStatus, MsgId};
use kefu_testing::client::{
    Client, answer, assert_accepted, auth_token, customer, question, seller, token,
};
use kefu_testing::http::{get_status, until_health};

use super::logins::status;
use super::server_with;
use crate::support::redis::Redis;
use crate::support::server::Server;

#[tokio::test]
async fn without_redis_nobody_logs_in_and_everybody_else_goes_on() {
    let Some(mut redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.add_token(seller(2));
    let server = server_with(&redis).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut answerer = server.log_in(seller(2), "desk").await;
    asker.send(question(customer(1), seller(2), "one")).await;
    asker.receive_all().await;
    asker.send(Body::SyncKey(MsgId(2))).await;
    asker.receive_all().await;
    let mut tablet = server.log_in(customer(1), "tablet").await;
    assert_eq!(tablet.sync(MsgId(0)).await.begin, MsgId(2));
    drop(tablet);

    redis.kill().await;
    // The token may be good. A client that is told otherwise would throw it away.
    let mut waiting = Client::connect(server.tcp).await;
    waiting.send(auth_token(&token(customer(1)), "tablet")).await;
    assert_eq!(waiting.receive_rest().await, []);
    server.until_closed("store", 1).await;
    until_health(server.http, 503, "the auth Redis cannot be reached\n").await;
    for path in ["/whoami?token=tok-7-1", "/trace?token=tok-7-1"] {
        assert_eq!(get_status(server.http, path).await, 503, "{path}");
    }
    let failures = server.metric("kefu_auth_failures_total").await;
    assert_eq!((failures, server.metric("kefu_logins_refused_total").await), (3, 0));
    talk(&mut asker, &mut answerer).await;
    // An unknown key counts as 0: the whole queue.
    asker.send(Body::SyncKey(MsgId(4))).await;
    let synced = asker.sync(MsgId(0)).await;
    assert_eq!((synced.begin, synced.messages.len()), (MsgId(0), 1), "{synced:?}");

    redis.restart().await;
    redis.add_token(customer(1));
    until_health(server.http, 200, "ok\n").await;
    let mut waiting = server.log_in(customer(1), "tablet").await;
    asker.send(Body::SyncKey(MsgId(3))).await;
    asker.receive_all().await;
    assert_eq!(waiting.sync(MsgId(0)).await.begin, MsgId(3));
    talk(&mut asker, &mut answerer).await;
}

#[tokio::test]
async fn a_redis_that_does_not_answer_ends_a_login_in_time() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.add_token(seller(2));
    let server = Server::start(&["--auth", &redis.url(), "--login-timeout", "4"]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let mut answerer = server.log_in(seller(2), "desk").await;
    redis.pause().await;
    let began = Instant::now();
    ended(&server).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    until_health(server.http, 503, "the auth Redis cannot be reached\n").await;
    // Once known to be down, it is not waited for again.
    let began = Instant::now();
    for _ in 0..20 {
        ended(&server).await;
        asker.send(Body::SyncKey(MsgId(1))).await;
        assert_eq!(asker.sync(MsgId(0)).await.begin, MsgId(0));
    }
    talk(&mut asker, &mut answerer).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    redis.resume();
    until_health(server.http, 200, "ok\n").await;
    assert_eq!(status(server.tcp, b"tok-7-1").await, LoginStatus::OK);
}

#[tokio::test]
async fn many_logins_at_once_get_by_with_few_connections() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    let server = Server::start(&["--auth", &redis.url(), "--account-devices", "0"]).await;
    let mut clients = Vec::new();
    for number in 0..200 {
        let mut client = Client::connect(server.tcp).await;
        client.send(auth_token(&token(customer(1)), &format!("phone {number}"))).await;
        clients.push(client);
    }
    for client in &mut clients {
        assert_accepted(&client.receive("an AUTH_STATUS").await);
    }
    let connected: String = redis.ask(&["CLIENT", "LIST"]);
    // One connection is this test's.
    let connections = connected.lines().count() - 1;
    assert!((1..=16).contains(&connections), "{connections}:\n{connected}");
    assert_eq!(redis.ask::<i64>(&["GET", "devices_id"]), 200);
}

/// A login ends without an answer.
async fn ended(server: &Server) {
    let mut client = Client::connect(server.tcp).await;
    client.send(auth_token("tok-7-1", "")).await;
    assert_eq!(client.receive_rest().await, []);
}

async fn talk(asker: &mut Client, answerer: &mut Client) {
    let seq = asker.send(question(customer(1), seller(2), "still there?")).await;
    asker.receive_ack(seq).await;
    answerer.receive_all().await;
    let seq = answerer.send(answer(seller(2), customer(1), "of course")).await;
    answerer.receive_ack(seq).await;
    assert_eq!(asker.receive_all().await.len(), 1, "a notify");
}
