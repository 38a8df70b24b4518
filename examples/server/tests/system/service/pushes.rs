//! A user without a connection to any server is pushed, once.

use std::time::Duration;

use kefu_testing::client::{customer, question, seller};
use kefu_testing::{http, until};
use rustix::process::Signal;
use tokio::time::sleep;

use super::servers::Service;

const PUSHES: &str = "kefu_pushes_total";

#[tokio::test]
async fn h7_who_is_on_another_server_is_not_pushed() {
    let Some(service) = Service::<3>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let mut before = None;
    for server in [1, 2, 0] {
        let mut desk = service.log_in(server, seller(2), "desk").await;
        // Presence may be checked after the ACK: the seller must be somewhere all the time.
        drop(before.take());
        for _ in 0..10 {
            let seq = phone.send(question(customer(1), seller(2), "hello")).await;
            phone.receive_ack(seq).await;
            desk.receive_notify().await;
        }
        before = Some(desk);
    }
    // Presence is checked in the background, in order: the push that is due comes last.
    let seq = phone.send(question(customer(1), seller(3), "anybody?")).await;
    phone.receive_ack(seq).await;
    until("one push", async || service.metric(PUSHES).await == 1).await;
    until_logged(&service, 1).await;
    let logs = service.log();
    assert!(logs.contains("push to=1453/3 "), "{logs}");
}

#[tokio::test]
async fn h7_who_is_nowhere_is_pushed_once_however_many_servers_drain_the_outbox() {
    const MANY: u64 = 20;
    let Some(service) = Service::<3>::start(&[]).await else { return };
    for server in 0..3 {
        let mut phone = service.log_in(server, customer(1), "phone").await;
        for _ in 0..MANY {
            let seq = phone.send(question(customer(1), seller(2), "secret words")).await;
            phone.receive_ack(seq).await;
        }
    }
    until_logged(&service, 3 * MANY).await;
    until("the outbox is empty", async || service.nats.messages_in("kefu_pushes").await == 0).await;
    assert_eq!(service.metric(PUSHES).await, 3 * MANY);
    // A second delivery would come at once, or after the acknowledgement timeout.
    sleep(Duration::from_millis(500)).await;
    until_logged(&service, 3 * MANY).await;
    let logs = service.log();
    assert!(!logs.contains("words"), "contents are nobody's business: {logs}");
}

#[tokio::test]
async fn who_was_on_a_server_that_was_killed_is_nowhere() {
    let Some(service) = Service::<2>::start(&[]).await else { return };
    let mut phone = service.log_in(0, customer(1), "phone").await;
    let _desk = service.log_in(1, seller(2), "desk").await;
    service.servers[1].signal(Signal::KILL);
    until("NATS knows that it is gone", async || {
        let seq = phone.send(question(customer(1), seller(2), "hello?")).await;
        phone.receive_ack(seq).await;
        http::metric(service.servers[0].http, PUSHES).await > 0
    })
    .await;
}

async fn until_logged<const N: usize>(service: &Service<N>, pushes: u64) {
    let logged = || {
        let logs = service.log();
        u64::try_from(logs.matches(" push to=").count()).unwrap()
    };
    until("the pushes are logged", async || logged() >= pushes).await;
    assert_eq!(logged(), pushes);
}
