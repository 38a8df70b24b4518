//! S9 with Engine.IO: a packet is exactly one frame, in both directions.

use kefu_proto::{Body, MsgId};
use kefu_testing::client::{customer, parse, question, seller};
use kefu_testing::http::get;
use kefu_testing::websocket::{Packing, WebSocket, talk};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

on_each_store!(
    s9_an_open_packet_comes_first,
    s9_a_customer_who_sends_base64_and_a_seller_over_tcp_talk_to_each_other,
    s9_a_customer_who_sends_bytes_and_a_seller_over_tcp_talk_to_each_other,
    s9_pings_of_engine_io_and_of_the_websocket_are_answered,
    s9_packets_without_a_meaning_are_ignored,
    s9_several_frames_or_a_part_of_one_end_the_connection,
    s9_what_is_no_packet_of_a_client_ends_the_connection,
    s7_what_a_client_sends_before_its_close_packet_is_sent,
    w2_the_longest_body_is_served_in_base64_and_a_longer_one_ends_the_connection,
    what_is_not_engine_io_3_over_websocket_is_refused,
);

/// Clients use one or the other.
const BOTH: [Packing; 2] = [Packing::EngineIoText, Packing::EngineIoBinary];
const PING: &[u8] = b"\0\0\0\0\0\0\0\x01\x0d\x01\0\0";

async fn connect(server: &Server, packing: Packing) -> WebSocket {
    let mut web = WebSocket::connect_engine_io(server.http, packing).await;
    web.receive_text("an open packet").await;
    web
}

async fn s9_an_open_packet_comes_first(store: Store) {
    let server = Server::start_on(store, &["--idle-timeout", "40"]).await;
    let mut sids = Vec::new();
    for packing in BOTH {
        let mut web = WebSocket::connect_engine_io(server.http, packing).await;
        web.write(PING).await;
        let open = web.receive_text("an open packet").await;
        let mut open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        sids.push(open["sid"].take());
        let expected =
            json!({ "sid": null, "upgrades": [], "pingInterval": 20_000, "pingTimeout": 60_000 });
        assert_eq!(open, expected);
        web.receive_frame("a PONG").await;
    }
    assert!(sids.iter().all(|sid| sid.as_str().is_some_and(|sid| !sid.is_empty())), "{sids:?}");
    assert_ne!(sids[0], sids[1]);
}

async fn s9_a_customer_who_sends_base64_and_a_seller_over_tcp_talk_to_each_other(store: Store) {
    talk_over_engine_io(store, Packing::EngineIoText).await;
}

async fn s9_a_customer_who_sends_bytes_and_a_seller_over_tcp_talk_to_each_other(store: Store) {
    talk_over_engine_io(store, Packing::EngineIoBinary).await;
}

async fn talk_over_engine_io(store: Store, packing: Packing) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut browser = WebSocket::log_in_engine_io(server.http, packing, customer(1)).await;
    talk(&mut browser, &mut desk).await;
}

async fn s9_pings_of_engine_io_and_of_the_websocket_are_answered(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut web = connect(&server, Packing::EngineIoText).await;
    for (ping, pong) in [("2probe", "3probe"), ("2", "3")] {
        web.send_message(Message::text(ping)).await;
        assert_eq!(web.receive_text("a pong").await, pong);
    }
    web.send_message(Message::Ping("anybody?".into())).await;
    web.receive_pong().await;
}

async fn s9_packets_without_a_meaning_are_ignored(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut web = connect(&server, Packing::EngineIoText).await;
    for packet in ["5", "6", "3", "0{}"] {
        web.send_message(Message::text(packet)).await;
    }
    web.write(PING).await;
    web.receive_frame("a PONG").await;
}

async fn s9_several_frames_or_a_part_of_one_end_the_connection(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let bad = [&[PING, PING].concat()[..], &PING[..11], b"", &[PING, b"!"].concat()];
    for packing in BOTH {
        for bytes in bad {
            let message = packing.pack(bytes);
            assert_ends(&server, message).await;
        }
    }
}

async fn s9_what_is_no_packet_of_a_client_ends_the_connection(store: Store) {
    let server = Server::start_on(store, &[]).await;
    // No base64; a PING in text; unknown types; a close packet.
    for text in ["b4AAAA!", "b4AAA", "4\0\0\0\0\0\0\0\u{1}\u{d}\u{1}\0\0", "7", "", "b2AAAA", "1"] {
        assert_ends(&server, Message::text(text)).await;
    }
    // A bare frame, and a ping in bytes.
    for bytes in [PING, b"\x02"] {
        assert_ends(&server, Message::Binary(bytes.into())).await;
    }
    server.until_metric("kefu_connections", 0).await;
}

/// The message ends a connection that was served before.
async fn assert_ends(server: &Server, message: Message) {
    let mut web = connect(server, Packing::EngineIoBinary).await;
    web.write(PING).await;
    web.receive_frame("a PONG").await;
    let described = format!("{message:?}");
    web.send_message(message).await;
    assert!(web.receive_rest().await.is_empty(), "{described}");
}

async fn s7_what_a_client_sends_before_its_close_packet_is_sent(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let packing = Packing::EngineIoText;
    let mut browser = WebSocket::log_in_engine_io(server.http, packing, customer(1)).await;
    browser.send(question(customer(1), seller(2), "hello")).await;
    browser.send_message(Message::text("1")).await;
    let answers = browser.receive_rest().await;
    assert!(matches!(&answers[..], [ack] if matches!(parse(ack.clone()).body, Body::Ack(_))));
    desk.receive_notify().await;
    assert_eq!(desk.sync(MsgId(0)).await.contents(), [b"hello"]);
}

async fn w2_the_longest_body_is_served_in_base64_and_a_longer_one_ends_the_connection(
    store: Store,
) {
    let server = Server::start_on(store, &["--frame-limit", "1000"]).await;
    let longest = vec![b'x'; 1000 - 1 - 36];
    let longer = [&longest[..], b"x"].concat();
    for packing in BOTH {
        let mut web = WebSocket::log_in_engine_io(server.http, packing, customer(1)).await;
        web.send(question(customer(1), seller(2), longest.clone())).await;
        web.receive_frame("an ACK").await;
        web.send(question(customer(1), seller(2), longer.clone())).await;
        assert!(web.receive_rest().await.is_empty());
    }
    server.until_closed("undecodable", 2).await;
    // These are not even read.
    for message in [Message::text("2".repeat(2_000)), Message::text("b4".repeat(100_000))] {
        assert_ends(&server, message).await;
    }
}

async fn what_is_not_engine_io_3_over_websocket_is_refused(store: Store) {
    let server = Server::start_on(store, &[]).await;
    for (query, code, message) in [
        ("?EIO=3&transport=polling", 0, "Transport unknown"),
        ("?EIO=3&transport=polling&t=N8hyd6w&b64=1", 0, "Transport unknown"),
        ("?EIO=3", 0, "Transport unknown"),
        ("", 0, "Transport unknown"),
        ("?EIO=3&transport=websocket&sid=0123", 1, "Session ID unknown"),
        ("?EIO=4&transport=websocket", 5, "Unsupported protocol version"),
        ("?EIO=2&transport=websocket", 5, "Unsupported protocol version"),
        // No handshake of a WebSocket.
        ("?EIO=3&transport=websocket", 3, "Bad request"),
        ("?EIO=3&EIO=4&transport=websocket", 3, "Bad request"),
    ] {
        let refused = get(server.http, &format!("/engine.io/{query}")).await;
        assert_eq!(refused.status, 400, "{query}");
        assert_eq!(refused.header("content-type"), Some("application/json"));
        let body: Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!(body, json!({ "code": code, "message": message }), "{query}");
    }
}
