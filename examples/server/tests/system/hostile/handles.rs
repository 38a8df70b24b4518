//! Few file handles.

use kefu_testing::client::{customer, question, seller};
use tokio::net::TcpStream;

use super::target::Target;

#[tokio::test]
async fn a_soft_limit_is_raised() {
    let target = Target::start_behind("ulimit -Sn 64", &[]).await;
    let mut clients = Vec::new();
    for uid in 1..=100 {
        clients.push(target.log_in(customer(uid), "phone").await);
    }
    for client in &mut clients {
        assert_eq!(client.receive_all().await, []);
    }
}

/// The hard limit bounds the connections, and leaves handles for the store.
#[tokio::test]
async fn within_a_low_hard_limit_who_is_in_is_served() {
    let target = Target::start_behind("ulimit -n 100", &[]).await;
    let mut clients = Vec::new();
    for uid in 1..=20 {
        clients.push(target.log_in(customer(uid), "phone").await);
    }
    let mut silent = Vec::new();
    for turn in 0..300 {
        let addr = if turn % 2 == 0 { target.server.tcp } else { target.server.http };
        silent.push(TcpStream::connect(addr).await.unwrap());
    }
    for client in &mut clients {
        let body = question(customer(1), seller(1), "x");
        client.send(body).await;
        client.receive_all().await;
    }
    assert!(target.metric("kefu_messages_accepted_total").await >= 1);
    drop(silent);
    for uid in 21..=30 {
        target.log_in(customer(uid), "phone").await.receive_all().await;
    }
}
