//! Limits: times, sizes, number of connections.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use kefu_proto::{Body, Flags, MsgId};
use kefu_testing::client::{Client, answer, customer, question, seller};
use kefu_testing::http;
use kefu_testing::process::free_port;
use kefu_testing::websocket::{Packing, WebSocket};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use crate::support::on_each_store;
use crate::support::server::Server;
use crate::support::store::Store;

const SECOND: Duration = Duration::from_secs(1);

on_each_store!(
    s1_who_does_not_log_in_in_time_is_closed,
    s4_who_is_silent_for_too_long_is_closed_and_who_pings_is_not,
    s4_a_ping_below_the_protocol_is_a_sign_of_life,
    w2_the_longest_body_is_served_and_a_longer_one_ends_the_connection,
    w2_the_frame_limit_can_be_chosen,
    one_connection_too_many_is_closed_at_once_until_another_leaves,
    two_thousand_connections_at_once_all_get_their_message,
);

async fn s1_who_does_not_log_in_in_time_is_closed(store: Store) {
    let server = Server::start_on(store, &["--login-timeout", "2"]).await;
    let mut in_time = server.log_in(customer(1), "phone").await;
    let started = Instant::now();
    let mut silent = Client::connect(server.tcp).await;
    let mut talking = Client::connect(server.tcp).await;
    let mut web = WebSocket::connect(server.http).await;
    // Sending something else is not a login.
    while started.elapsed() < SECOND / 2 {
        talking.receive_all().await;
        sleep(SECOND / 20).await;
    }
    assert_eq!(silent.receive_rest().await, []);
    assert!(started.elapsed() >= 2 * SECOND, "{:?}", started.elapsed());
    assert_eq!(talking.receive_rest().await, []);
    assert!(web.receive_rest().await.is_empty());
    server.until_closed("login_deadline", 3).await;
    assert_eq!(in_time.receive_all().await, []);
}

async fn s4_who_is_silent_for_too_long_is_closed_and_who_pings_is_not(store: Store) {
    let server = Server::start_on(store, &["--idle-timeout", "2"]).await;
    let mut pinging = server.log_in(customer(1), "phone").await;
    let mut silent = server.log_in(customer(2), "phone").await;
    let since = Instant::now();
    while since.elapsed() < 3 * SECOND {
        assert_eq!(pinging.receive_all().await, []);
        sleep(SECOND / 5).await;
    }
    assert_eq!(silent.receive_rest().await, []);
    server.until_closed("idle", 1).await;
    assert_eq!(pinging.receive_all().await, []);
}

async fn s4_a_ping_below_the_protocol_is_a_sign_of_life(store: Store) {
    let server = Server::start_on(store, &["--idle-timeout", "2"]).await;
    let mut web = WebSocket::log_in(server.http, customer(1), "").await;
    let packing = Packing::EngineIoBinary;
    let mut engine_io = WebSocket::log_in_engine_io(server.http, packing, customer(2)).await;
    let mut silent = WebSocket::log_in_engine_io(server.http, packing, customer(3)).await;
    let since = Instant::now();
    while since.elapsed() < 3 * SECOND {
        web.send_message(Message::Ping("".into())).await;
        web.receive_pong().await;
        engine_io.send_message(Message::text("2")).await;
        assert_eq!(engine_io.receive_text("a pong").await, "3");
        sleep(SECOND / 5).await;
    }
    assert!(silent.receive_rest().await.is_empty());
    server.until_closed("idle", 1).await;
    for client in [&mut web, &mut engine_io] {
        client.send(Body::Ping).await;
        client.receive_frame("a PONG").await;
    }
}

async fn w2_the_longest_body_is_served_and_a_longer_one_ends_the_connection(store: Store) {
    let server = Server::start_on(store, &[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let longest = vec![b'x'; 32 * 1024 - 1 - 36];
    let seq = asker.send(question(customer(1), seller(2), longest.clone())).await;
    asker.receive_ack(seq).await;
    assert_eq!(desk.sync(MsgId(-1)).await.contents(), [&longest[..]]);

    let frame =
        asker.frame(Flags::NONE, question(customer(1), seller(2), [&longest[..], b"x"].concat()));
    // The header alone is refused.
    asker.write(&frame[..12]).await;
    assert_eq!(asker.receive_rest().await, []);
    server.until_closed("undecodable", 1).await;

    let mut asker = server.log_in(customer(1), "phone").await;
    asker.write(b"\xff\xff\xff\xff\0\0\0\x01\x0d\x01\0\0").await;
    assert_eq!(asker.receive_rest().await, [], "a negative length");
}

async fn w2_the_frame_limit_can_be_chosen(store: Store) {
    let server = Server::start_on(store, &["--frame-limit", "100"]).await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let seq = asker.send(question(customer(1), seller(2), vec![b'x'; 63])).await;
    asker.receive_ack(seq).await;
    let too_long = asker.frame(Flags::NONE, question(customer(1), seller(2), vec![b'x'; 64]));
    asker.write(&too_long).await;
    assert_eq!(asker.receive_rest().await, []);
    let mut web = WebSocket::connect(server.http).await;
    web.write(&too_long).await;
    assert!(web.receive_rest().await.is_empty());
    server.until_closed("undecodable", 2).await;
}

async fn one_connection_too_many_is_closed_at_once_until_another_leaves(store: Store) {
    let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let options = ["--max-connections", "2", "--admin", &admin.to_string()];
    let server = Server::start_on(store, &options).await;
    let mut first = server.log_in(customer(1), "phone").await;
    let second = WebSocket::log_in(server.http, customer(2), "").await;
    for port in [server.tcp, server.http] {
        assert_eq!(Client::connect(port).await.receive_rest().await, []);
    }
    let too_many = "kefu_connections_closed_total{reason=\"too_many\"}";
    http::until_metric(admin, too_many, 2).await;
    drop(second);
    http::until_metric(admin, "kefu_connections", 1).await;
    let mut next = server.log_in(customer(2), "phone").await;
    for client in [&mut first, &mut next] {
        assert_eq!(client.receive_all().await, []);
    }
}

async fn two_thousand_connections_at_once_all_get_their_message(store: Store) {
    const MANY: i64 = 2_000;
    // Both ends of every connection are in this process, where both stores may be tested at once.
    allow_open_files(2 * 2 * 2_000 + 500);
    let accounts = (1..=MANY).map(customer).chain([seller(1)]);
    let server = Server::start_for(accounts, store, &[]).await;
    let mut desk = server.log_in(seller(1), "desk").await;
    let mut logins = JoinSet::new();
    for uid in 1..=MANY {
        let addr = server.tcp;
        logins.spawn(async move { (uid, Client::log_in(addr, customer(uid), "phone").await) });
    }
    let clients = logins.join_all().await;
    server.until_metric("kefu_connections", 2_001).await;

    for (uid, _) in &clients {
        desk.send(answer(seller(1), customer(*uid), format!("to {uid}"))).await;
    }
    assert_eq!(desk.receive_all().await.len(), clients.len(), "an ACK for each");
    let mut reading = JoinSet::new();
    for (uid, mut client) in clients {
        reading.spawn(async move {
            let key = client.receive_notify().await;
            let found = client.sync(MsgId(0)).await;
            assert_eq!((found.contents(), found.end), (vec![format!("to {uid}").as_bytes()], key));
            client.send(Body::SyncKey(key)).await;
            assert_eq!(client.receive_all().await, []);
        });
    }
    reading.join_all().await;
    assert_eq!(server.metric("kefu_pushes_total").await, 0);
    server.until_metric("kefu_connections", 1).await;
}

fn allow_open_files(needed: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return;
    }
    assert!(
        maximum.is_none_or(|most| most >= needed),
        "{needed} open files are needed: see `ulimit -Hn`"
    );
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum }).unwrap();
}
