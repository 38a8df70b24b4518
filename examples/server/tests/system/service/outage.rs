//! NATS fails while clients are connected, and recovers.

use std::time::{Duration, Instant};

use async_nats::jetstream::stream::Config;
use kefu_proto::{Account, Body, MsgId, Seq};
use kefu_testing::client::{Client, auth_token, customer, question, seller, token};
use kefu_testing::http::{self, until_health, until_unhealthy};
use kefu_testing::until;
use rustix::process::Signal;
use tokio::time::{sleep, timeout};

use super::cluster::{Cluster, context};
use super::proxy::Proxy;
use super::servers::{Place, Service};
use crate::support::nats::Nats;
use crate::support::process::ServerProcess;

/// From the beginning of a queue; 0 would mean the kept key.
const BEGINNING: MsgId = MsgId(-1);
/// How long to wait for what must not come.
const A_WHILE: Duration = Duration::from_millis(700);
/// How much longer than its stop timeout a server may take on a busy machine.
const MARGIN: Duration = Duration::from_secs(3);

#[tokio::test]
async fn clients_stay_connected_and_go_on_when_nats_is_back() {
    let Some(mut service) = Service::<2>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut reader = service.log_in(1, seller(3), "desk").await;
    let mut idle = service.log_in(1, customer(4), "phone").await;
    let seq = phone.send(question(customer(1), seller(3), "before")).await;
    phone.receive_ack(seq).await;
    reader.receive_notify().await;

    service.nats.kill().await;
    for server in &service.servers {
        until_health(server.http, 503, "NATS cannot be reached\n").await;
    }
    let seq = phone.send(question(customer(1), seller(3), "meanwhile")).await;
    reader.send(Body::Sync(BEGINNING)).await;
    assert_eq!(reader.receive("a SYNC_BEGIN").await.body, Body::SyncBegin(BEGINNING));
    for client in [&mut phone, &mut reader] {
        assert!(timeout(A_WHILE, client.next()).await.is_err(), "NATS is away");
    }
    assert_eq!(idle.receive_all().await, [], "a PING needs no store");

    service.nats.restart().await;
    receive_ack(&mut phone, seq).await;
    until("the sync has ended", async || {
        matches!(reader.receive("a SYNC_END").await.body, Body::SyncEnd(_))
    })
    .await;
    assert_eq!(reader.sync(BEGINNING).await.contents(), [&b"before"[..], b"meanwhile"]);
    for server in &service.servers {
        until_health(server.http, 200, "ok\n").await;
    }
    let seq = phone.send(question(customer(1), seller(3), "after")).await;
    receive_ack(&mut phone, seq).await;
    until("the last is notified", async || {
        let key = reader.receive_notify().await;
        reader.sync(BEGINNING).await.end == key
    })
    .await;
    assert_eq!(reader.sync(BEGINNING).await.contents().len(), 3);
}

/// H8: after the duplicate window, NATS would not recognise a repeat of the message.
#[tokio::test]
async fn what_nats_did_not_take_in_time_is_given_up_and_the_server_is_healthy_when_nats_is_back() {
    let Some(mut service) = Service::<1>::start(&["--duplicate-window", "1"]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    service.nats.kill().await;
    phone.send(question(customer(1), seller(3), "lost")).await;
    let server = &service.servers[0];
    http::until_metric(server.http, "kefu_save_failures_total", 1).await;
    assert_eq!(phone.receive_all().await, [], "an ACK for what is not stored");

    service.nats.restart().await;
    // Healthy before anybody saves a message.
    until_health(service.servers[0].http, 200, "ok\n").await;
    assert_eq!(phone.sync(BEGINNING).await.messages, []);
    let seq = phone.send(question(customer(1), seller(3), "after")).await;
    receive_ack(&mut phone, seq).await;
}

/// The receiver's server reconnects later than the sender's.
#[tokio::test]
async fn notifies_that_were_lost_are_made_up_for() {
    let Some(mut service) = Service::<2>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut desk = service.log_in(1, seller(2), "desk").await;
    for round in 0..3 {
        service.servers[1].signal(Signal::STOP);
        service.nats.kill().await;
        service.nats.restart().await;
        let content = format!("while you were away {round}");
        let seq = phone.send(question(customer(1), seller(2), content.clone())).await;
        receive_ack(&mut phone, seq).await;
        service.servers[1].signal(Signal::CONT);
        // The message before it may be notified again.
        until("the message is notified", async || {
            let key = desk.receive_notify().await;
            let found = desk.sync(BEGINNING).await;
            found.contents().last() == Some(&content.as_bytes()) && found.end == key
        })
        .await;
    }
}

/// What a server publishes just before it is cut off may be lost, and the other servers' own
/// connections do not tell them.
#[tokio::test]
async fn after_a_server_was_cut_off_the_others_notify_their_clients() {
    let Some(nats) = Nats::start().await else { return };
    let proxy = Proxy::to(&nats.url()).await;
    let (direct, cut_off) = (Place::new(nats.url()), Place::new(proxy.url()));
    let (sending, receiving) = (cut_off.server(&[]).await, direct.server(&[]).await);
    let mut phone = Client::log_in(sending.tcp, customer(1), "phone").await;
    let mut desk = Client::log_in(receiving.tcp, seller(2), "desk").await;
    let seq = phone.send(question(customer(1), seller(2), "hello")).await;
    phone.receive_ack(seq).await;
    let key = desk.receive_notify().await;
    for _ in 0..3 {
        proxy.interrupt();
        assert_eq!(desk.receive_notify().await, key);
        assert!(matches!(phone.receive("a SYNC_NOTIFY").await.body, Body::SyncNotify(_)));
    }
}

/// Earlier failures do not keep a server unhealthy, even if no new request succeeds.
#[tokio::test]
async fn a_server_without_clients_is_healthy_again_by_itself() {
    let Some(mut service) = Service::<1>::start(&["--login-timeout", "1"]).await else { return };
    service.nats.kill().await;
    let mut phone = Client::connect(service.servers[0].tcp).await;
    phone.send(auth_token(&token(customer(1)), "phone")).await;
    assert_eq!(phone.receive_rest().await, [], "it is not known who that is");
    until_health(service.servers[0].http, 503, "NATS cannot be reached\n").await;
    service.nats.restart().await;
    until_health(service.servers[0].http, 200, "ok\n").await;
    service.log_in(0, customer(1), "phone").await;
}

#[tokio::test]
async fn asked_to_stop_while_nats_is_away_it_waits_no_longer_than_it_may() {
    let Some(mut service) = Service::<2>::start(&["--stop-timeout", "2"]).await else { return };
    let mut sending = service.log_in(0, customer(1), "phone").await;
    let mut syncing = service.log_in(0, customer(3), "phone").await;
    let mut idle = service.log_in(1, customer(4), "phone").await;
    service.nats.kill().await;
    for server in &service.servers {
        until_health(server.http, 503, "NATS cannot be reached\n").await;
    }
    let seq = sending.send(question(customer(1), seller(2), "too late")).await;
    syncing.send(Body::Sync(BEGINNING)).await;
    http::until_metric(service.servers[0].http, "kefu_messages_accepted_total", 1).await;
    sleep(Duration::from_millis(100)).await;
    for server in &mut service.servers {
        let since = Instant::now();
        server.signal(Signal::TERM);
        assert_eq!(server.exit().await.code(), Some(0), "{}", server.log());
        let took = since.elapsed();
        assert!(took < Duration::from_secs(2) + MARGIN, "{took:?}: {}", server.log());
    }
    let rest = sending.receive_rest().await;
    assert!(rest.iter().all(|message| message.body != Body::Ack(seq.into())), "{rest:?}");
    assert_eq!(idle.receive_rest().await, []);
}

#[tokio::test]
async fn asked_to_stop_it_does_not_wait_for_ever_for_a_push_that_cannot_be_kept() {
    let Some(mut service) = Service::<1>::start(&["--stop-timeout", "2"]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    // A stream of this name that takes no pushes: a missing one would be made again.
    let context = context(&service.nats.url()).await.unwrap();
    context.delete_stream("kefu_pushes").await.unwrap();
    let other = Config { name: "kefu_pushes".into(), ..Config::default() };
    context.create_stream(other).await.unwrap();
    let seq = phone.send(question(customer(1), seller(2), "anybody?")).await;
    phone.receive_ack(seq).await;
    let [server] = &mut service.servers;
    sleep(A_WHILE).await;
    let since = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.exit().await.code(), Some(0), "{}", server.log());
    let took = since.elapsed();
    assert!(took < Duration::from_secs(2) + MARGIN, "{took:?}: {}", server.log());
    assert!(server.log().contains("pushes=1"), "{}", server.log());
}

#[tokio::test]
async fn most_of_a_cluster_is_away_for_a_while_and_pushes_go_on() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let place = Place::new(cluster.url());
    let server = place.server(&["--replicas", "3"]).await;
    ask(&server, seller(2)).await;
    server.until_logged("push to=1453/2 ").await;

    for node in [1, 2] {
        cluster.kill(node).await;
    }
    // Noticed without any request.
    until_unhealthy(server.http, "").await;
    server.until_logged("the streams are out of reach").await;
    // Long enough to poll the outbox without a leader, and for the remaining node to refuse it.
    let away = Instant::now();
    while away.elapsed() < Duration::from_secs(12) {
        assert_eq!(http::get(server.http, "/healthz").await.status, 503, "{}", server.log());
        sleep(Duration::from_millis(200)).await;
    }
    for node in [1, 2] {
        cluster.restart(node);
    }
    until_health(server.http, 200, "ok\n").await;
    ask(&server, seller(3)).await;
    // Or 30 s later, if the entry was delivered to a request that has timed out.
    server.until_logged("push to=1453/3 ").await;
}

async fn ask(server: &ServerProcess, receiver: Account) {
    let mut phone = Client::log_in(server.tcp, customer(1), "phone").await;
    let seq = phone.send(question(customer(1), receiver, "anybody?")).await;
    phone.receive_ack(seq).await;
}

/// An ACK after any number of notifies: when NATS recovers, all clients are notified of the end of
/// their queue.
async fn receive_ack(client: &mut Client, seq: Seq) {
    loop {
        match client.receive("an ACK").await.body {
            Body::SyncNotify(_) => {}
            other => return assert_eq!(other, Body::Ack(seq.into())),
        }
    }
}
