//! Names of devices are kept for ever, so an account brings only so many in a day.

use kefu_proto::Account;
use kefu_testing::client::{Client, auth_token, customer, token};

use crate::support::on_each_store;
use crate::support::redis::Redis;
use crate::support::server::Server;
use crate::support::store::Store;

on_each_store!(an_account_brings_so_many_new_devices_and_no_more);

async fn an_account_brings_so_many_new_devices_and_no_more(store: Store) {
    let server = Server::start_on(store, &["--account-devices", "2"]).await;
    assert_bounded(&server).await;
}

#[tokio::test]
async fn an_account_in_redis_likewise() {
    let Some(redis) = Redis::start().await else { return };
    redis.add_token(customer(1));
    redis.add_token(customer(2));
    let options = ["--auth", &redis.url(), "--account-devices", "2"];
    assert_bounded(&Server::start(&options).await).await;
    assert_eq!(redis.ask::<i64>(&["GET", "devices_id"]), 3);
}

async fn assert_bounded(server: &Server) {
    for device in ["phone", "tablet", "phone"] {
        server.log_in(customer(1), device).await;
    }
    for ended in 1..=3 {
        assert_ended(server, customer(1), "watch").await;
        server.until_closed("too_many_devices", ended).await;
    }
    // Known devices, and other accounts.
    server.log_in(customer(1), "tablet").await;
    server.log_in(customer(2), "watch").await;
    // It has a number now.
    server.log_in(customer(1), "watch").await;
    assert_eq!(server.metric("kefu_logins_refused_total").await, 0, "the token is good");
}

async fn assert_ended(server: &Server, account: Account, device: &str) {
    let mut client = Client::connect(server.tcp).await;
    client.send(auth_token(&token(account), device)).await;
    assert_eq!(client.receive_rest().await, []);
}
