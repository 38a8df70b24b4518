//! S9: over WebSocket a binary message is exactly one frame, in both directions.

use kefu_testing::client::{customer, seller};
use kefu_testing::websocket::{WebSocket, talk};
use tokio_tungstenite::tungstenite::Message;

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

on_each_store!(
    s9_a_customer_in_a_browser_and_a_seller_over_tcp_talk_to_each_other,
    s9_several_frames_or_a_part_of_one_end_the_connection,
    s9_text_ends_the_connection_and_a_ping_of_the_websocket_does_not,
    the_close_frame_says_why,
);

async fn s9_a_customer_in_a_browser_and_a_seller_over_tcp_talk_to_each_other(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut browser = WebSocket::log_in(server.http, customer(1), "").await;
    talk(&mut browser, &mut desk).await;
}

async fn s9_several_frames_or_a_part_of_one_end_the_connection(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let ping = b"\0\0\0\0\0\0\0\x01\x0d\x01\0\0";
    let bad = [&[&ping[..], ping].concat()[..], &ping[..11], b"", &[&ping[..], b"!"].concat()];
    for bytes in bad {
        let mut web = WebSocket::connect(server.http).await;
        web.write(ping).await;
        web.receive_frame("a PONG").await;
        web.write(bytes).await;
        assert!(web.receive_rest().await.is_empty(), "{bytes:?}");
    }
    server.until_metric("kefu_connections", 0).await;
}

async fn s9_text_ends_the_connection_and_a_ping_of_the_websocket_does_not(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut web = WebSocket::connect(server.http).await;
    web.send_message(Message::Ping("anybody?".into())).await;
    web.receive_pong().await;
    web.write(b"\0\0\0\0\0\0\0\x01\x0d\x01\0\0").await;
    web.receive_frame("a PONG").await;
    web.send_message(Message::Text("hello".into())).await;
    assert!(web.receive_rest().await.is_empty());
}

async fn the_close_frame_says_why(store: Store) {
    let server = Server::start_on(store, &["--login-timeout", "2"]).await;
    let mut silent = WebSocket::connect(server.http).await;
    let mut web = WebSocket::connect(server.http).await;
    let mut too_long = vec![0, 0, 0x80, 0, 0, 0, 0, 1, 13, 1, 0, 0];
    too_long.resize(12 + 50, 0);
    web.write(&too_long).await;
    assert_eq!(web.receive_close().await, Some(1009));
    let mut web = WebSocket::log_in(server.http, customer(1), "browser").await;
    web.send_message(Message::Binary(vec![0; 40_000].into())).await;
    assert_eq!(web.receive_close().await, Some(1009));
    let mut web = WebSocket::log_in(server.http, customer(1), "browser").await;
    web.send_message(Message::text("hello")).await;
    assert_eq!(web.receive_close().await, Some(1003));
    let mut web = WebSocket::log_in(server.http, customer(1), "browser").await;
    web.close().await;
    assert_eq!(web.receive_close().await, Some(1000));
    assert_eq!(silent.receive_close().await, Some(1008));
}
