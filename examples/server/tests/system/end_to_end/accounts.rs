//! What one account can have.

use std::time::{Duration, Instant};

use kefu_proto::{Body, Flags};
use kefu_testing::client::{customer, question, seller};
use kefu_testing::websocket::WebSocket;

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

const SECOND: Duration = Duration::from_secs(1);

on_each_store!(
    the_oldest_connection_gives_way_to_one_too_many,
    who_sends_too_fast_is_read_more_slowly_and_nobody_else,
    who_sends_too_much_is_read_more_slowly,
    a_burst_on_a_new_connection_is_no_new_burst,
);

async fn the_oldest_connection_gives_way_to_one_too_many(store: Store) {
    let server = Server::start_on(store, &["--account-connections", "2"]).await;
    let mut oldest = WebSocket::log_in(server.http, customer(1), "browser").await;
    let mut second = server.log_in(customer(1), "phone").await;
    let mut other = server.log_in(customer(2), "phone").await;
    let mut third = server.log_in(customer(1), "tablet").await;
    assert_eq!(oldest.receive_close().await, Some(1008));
    server.until_closed("superseded", 1).await;
    for client in [&mut second, &mut third, &mut other] {
        assert_eq!(client.receive_all().await, []);
    }
    let _fourth = server.log_in(customer(1), "watch").await;
    assert_eq!(second.receive_rest().await, []);
    assert_eq!(third.receive_all().await, []);
}

async fn who_sends_too_fast_is_read_more_slowly_and_nobody_else(store: Store) {
    let server = Server::start_on(store, &["--account-messages", "100"]).await;
    let mut hasty = server.log_in(customer(1), "phone").await;
    let mut tablet = server.log_in(customer(1), "tablet").await;
    let mut polite = server.log_in(customer(2), "phone").await;
    let pings: Vec<u8> = (0..400).flat_map(|_| hasty.frame(Flags::NONE, Body::Ping)).collect();
    let since = Instant::now();
    hasty.write(&pings).await;
    for answered in 0..400 {
        assert_eq!(hasty.receive("a PONG").await.body, Body::Pong, "{answered}");
        if answered % 100 == 0 {
            assert_eq!(polite.receive_all().await, []);
        }
    }
    // Those of its first read were answered at once, and are a debt.
    assert_eq!(tablet.receive_all().await, []);
    assert_eq!(hasty.receive_all().await, []);
    let took = since.elapsed();
    assert!(took >= 5 * SECOND / 2 && took < 8 * SECOND, "{took:?}");
    assert!(server.metric("kefu_throttled_total").await > 0);
}

async fn who_sends_too_much_is_read_more_slowly(store: Store) {
    let server = Server::start_on(store, &["--account-bytes", "100000"]).await;
    let mut hasty = server.log_in(customer(1), "phone").await;
    let since = Instant::now();
    for _ in 0..10 {
        hasty.send(question(customer(1), seller(2), vec![b'x'; 30_000])).await;
    }
    assert_eq!(hasty.receive_all().await.len(), 10, "an ACK for each");
    let took = since.elapsed();
    assert!(took >= 3 * SECOND / 2 && took < 6 * SECOND, "{took:?}");
}

async fn a_burst_on_a_new_connection_is_no_new_burst(store: Store) {
    let server = Server::start_on(store, &["--account-bytes", "10000"]).await;
    let since = Instant::now();
    for _ in 0..4 {
        let mut hasty = server.log_in(customer(1), "phone").await;
        let seq = hasty.send(question(customer(1), seller(2), vec![b'x'; 10_000])).await;
        hasty.receive_ack(seq).await;
    }
    let took = since.elapsed();
    assert!(took >= 2 * SECOND, "{took:?}");
}
