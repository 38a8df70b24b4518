//! One user on several servers: devices, kept sync keys, repeats, failover.

use kefu_proto::{AuthToken, Body, MsgId, Platform, ShortBytes};
use kefu_testing::client::{Client, answer, assert_accepted, customer, question, seller, token};
use kefu_testing::{http, until};

use super::cluster::context;
use super::servers::{Place, Service};
use crate::support::nats::Nats;

/// From the beginning of a queue; 0 would mean the kept key.
const BEGINNING: MsgId = MsgId(-1);

#[tokio::test]
async fn h7_every_other_device_of_the_sender_is_told_once_on_whichever_server() {
    let Some(service) = Service::<3>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut others = [
        service.log_in(0, customer(1), "watch").await,
        service.log_in(1, customer(1), "tablet").await,
        service.log_in(1, customer(1), "laptop").await,
        service.log_in(2, customer(1), "desktop").await,
    ];
    for number in 0..20 {
        let seq = phone.send(question(customer(1), seller(2), format!("{number}"))).await;
        phone.receive_ack(seq).await;
        let mut keys = Vec::new();
        for other in &mut others {
            keys.push(other.receive_notify().await);
        }
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    }
    // The last notify comes after any that could have been sent twice.
    let mut desk = service.log_in(1, seller(2), "desk").await;
    let seq = desk.send(answer(seller(2), customer(1), "enough")).await;
    desk.receive_ack(seq).await;
    let last = phone.receive_notify().await;
    for other in &mut others {
        assert_eq!(other.receive_notify().await, last);
        assert_eq!(other.receive_all().await, []);
    }
    assert_eq!(phone.receive_all().await, [], "the sending device needs no notice of its own");
}

#[tokio::test]
async fn s1_a_device_has_the_same_number_on_every_server() {
    let Some(service) = Service::<3>::start(&[]).await else { return };
    let mut numbers = Vec::new();
    for server in [0, 1, 2, 0] {
        for (device, platform) in [
            ("phone", Platform::ANDROID),
            ("phone", Platform::IOS),
            ("tablet", Platform::ANDROID),
            ("\u{1f4f1} with.dots > and * ", Platform::ANDROID),
        ] {
            // A sync leaves out what the same device has sent: sent here, read there.
            let mut here = log_in(&service, server, device, platform).await;
            let content = format!("{server} {device} {}", platform.0);
            let seq = here.send(question(customer(1), seller(2), content.clone())).await;
            here.receive_ack(seq).await;
            let mut there = log_in(&service, (server + 1) % 3, device, platform).await;
            let own = there.sync(BEGINNING).await;
            let is_own = |found: &&[u8]| *found == content.as_bytes();
            assert!(!own.contents().iter().any(is_own), "{content}: {:?}", own.contents());
            numbers.push(own.messages.len());
        }
    }
    // Each device misses one message for each time that it was here.
    let left_out: Vec<_> =
        numbers.iter().enumerate().map(|(index, found)| index + 1 - found).collect();
    assert_eq!(left_out, [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4]);
}

async fn log_in(service: &Service<3>, server: usize, device: &str, platform: Platform) -> Client {
    let mut client = Client::connect(service.servers[server].tcp).await;
    let token = ShortBytes::new(token(customer(1))).unwrap();
    let device_id = ShortBytes::new(device.to_owned()).unwrap();
    client.send(Body::AuthToken(AuthToken { platform, token, device_id })).await;
    assert_accepted(&client.receive("an AUTH_STATUS").await);
    client
}

#[tokio::test]
async fn s3_a_kept_sync_key_only_rises_on_whichever_server_it_is_kept() {
    let Some(service) = Service::<3>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut keys = vec![MsgId(0)];
    let mut desks = Vec::new();
    for server in 0..3 {
        let seq = phone.send(question(customer(1), seller(2), format!("{server}"))).await;
        phone.receive_ack(seq).await;
        let mut desk = service.log_in(server, seller(2), "desk").await;
        keys.push(desk.sync(BEGINNING).await.end);
        desks.push(desk);
    }
    for (server, kept, expected) in
        [(0, 2, 2), (1, 1, 2), (2, 0, 2), (2, 3, 3), (0, 1, 3), (1, 2, 3)]
    {
        desks[server].send(Body::SyncKey(keys[kept])).await;
        // The PONG comes after the key is kept.
        desks[server].receive_all().await;
        for server in 0..3 {
            let mut home = service.log_in(server, seller(2), "home").await;
            let found = home.sync(MsgId(0)).await;
            assert_eq!((found.begin, found.end), (keys[expected], keys[3]));
        }
    }
    // Concurrently.
    for _ in 0..20 {
        let [one, two, three] = &mut desks[..] else { unreachable!("there are three") };
        tokio::join!(
            one.send(Body::SyncKey(MsgId(keys[3].0 + 1))),
            two.send(Body::SyncKey(keys[1])),
            three.send(Body::SyncKey(MsgId(keys[3].0 + 2))),
        );
        for desk in &mut desks {
            desk.receive_all().await;
        }
        keys[3].0 += 2;
        for server in 0..3 {
            let mut home = service.log_in(server, seller(2), "home").await;
            assert_eq!(home.sync(MsgId(0)).await.begin, keys[3]);
        }
    }
}

#[tokio::test]
async fn s10_a_repeat_by_way_of_another_server_is_acknowledged_and_stored_once() {
    let Some(service) = Service::<3>::start(&[]).await else { return };
    let mut desk = service.log_in(2, seller(2), "desk").await;
    let once = r#"{"text":"once","uuid":"a-1"}"#;
    let mut keys = Vec::new();
    for server in 0..3 {
        let mut phone = service.log_in(server, customer(1), "phone").await;
        let seq = phone.send(question(customer(1), seller(2), once)).await;
        phone.receive_ack(seq).await;
        keys.push(desk.receive_notify().await);
    }
    assert!(keys.iter().all(|key| *key == keys[0]), "the first copy's id: {keys:?}");
    assert_eq!(desk.sync(BEGINNING).await.contents(), [once.as_bytes()]);
    let mut tablet = service.log_in(0, customer(1), "tablet").await;
    assert_eq!(tablet.sync(BEGINNING).await.contents(), [once.as_bytes()]);
    until("both repeats are counted", async || service.metric("kefu_repeats_total").await == 2)
        .await;
    // The same uuid from or to somebody else is another message.
    for (from, to) in [(customer(3), seller(2)), (customer(1), seller(4))] {
        let mut phone = service.log_in(1, from, "phone").await;
        let seq = phone.send(question(from, to, once)).await;
        phone.receive_ack(seq).await;
    }
    assert_eq!(desk.sync(BEGINNING).await.contents().len(), 2);
    assert_eq!(tablet.sync(BEGINNING).await.contents().len(), 2);
}

#[tokio::test]
async fn who_leaves_and_comes_back_on_another_server_is_reached_there() {
    let Some(service) = Service::<3>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    for round in 0..12 {
        let mut desk = service.log_in(round % 3, seller(2), "desk").await;
        let seq = phone.send(question(customer(1), seller(2), format!("{round}"))).await;
        let key = desk.receive_notify().await;
        phone.receive_ack(seq).await;
        assert_eq!(desk.sync(BEGINNING).await.end, key);
        assert_eq!(desk.receive_all().await, []);
    }
}

#[tokio::test]
async fn a_server_that_stops_leaves_its_users_to_the_others() {
    let Some(mut service) = Service::<2>::start(&[]).await else { return };
    let mut phone = service.log_in(1, customer(1), "phone").await;
    let mut desk = service.log_in(0, seller(2), "desk").await;
    service.servers[0].signal(rustix::process::Signal::TERM);
    assert_eq!(desk.receive_rest().await, []);
    assert_eq!(service.servers[0].exit().await.code(), Some(0));
    let mut desk = service.log_in(1, seller(2), "desk").await;
    let seq = phone.send(question(customer(1), seller(2), "still there?")).await;
    phone.receive_ack(seq).await;
    let key = desk.receive_notify().await;
    assert_eq!(desk.sync(BEGINNING).await.end, key);
    assert_eq!(http::metric(service.servers[1].http, "kefu_pushes_total").await, 0);
}

#[tokio::test]
async fn what_no_server_has_written_into_a_queue_is_left_out() {
    let Some(service) = Service::<1>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut desk = service.log_in(0, seller(2), "desk").await;
    let stranger = context(&service.nats.url()).await.unwrap();
    // More than are fetched one by one.
    for number in 0..20 {
        let stored = stranger.publish("kefu.queue.2.1453.2", "whatever".into()).await.unwrap();
        stored.await.unwrap();
        let seq = phone.send(question(customer(1), seller(2), format!("{number}"))).await;
        phone.receive_ack(seq).await;
    }
    let found = desk.sync(BEGINNING).await;
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    assert!(found.contents().into_iter().eq(expected.iter().map(String::as_bytes)));
}

#[tokio::test]
async fn servers_that_start_together_on_an_empty_nats_make_its_streams_together() {
    for _ in 0..3 {
        let Some(nats) = Nats::start().await else { return };
        let place = Place::new(nats.url());
        let (one, two, three) =
            tokio::join!(place.server(&[]), place.server(&[]), place.server(&[]));
        let mut phone = Client::log_in(one.tcp, customer(1), "phone").await;
        let mut desk = Client::log_in(two.tcp, seller(2), "desk").await;
        let mut home = Client::log_in(three.tcp, seller(2), "home").await;
        let seq = phone.send(question(customer(1), seller(2), "hello")).await;
        phone.receive_ack(seq).await;
        assert_eq!(desk.receive_notify().await, home.receive_notify().await);
    }
}
