//! Connections without a login: a flood of them drives out itself.

use std::net::SocketAddr;
use std::time::Duration;

use kefu_testing::client::{Client, customer};
use kefu_testing::http::{get, get_status};
use kefu_testing::websocket::WebSocket;
use kefu_testing::within;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::support::server::Server;

const FEW: [&str; 4] = ["--max-connections", "100", "--login-timeout", "60"];

#[tokio::test]
async fn honest_clients_get_in_beside_a_flood_of_another_address() {
    let server = Server::start(&FEW).await;
    let mut flood = Vec::new();
    let mut online = Vec::new();
    for uid in 1..=9 {
        for _ in 0..100 {
            flood.push(connect_from([127, 0, 0, 2], server.tcp).await);
            flood.push(connect_from([127, 0, 0, 3], server.http).await);
        }
        online.push(server.log_in(customer(uid), "phone").await);
        WebSocket::log_in(server.http, customer(uid), "").await;
        assert_eq!(get(server.http, "/healthz").await.status, 200);
    }
    for client in &mut online {
        assert_eq!(client.receive_all().await, []);
    }
    let evicted = "kefu_connections_closed_total{reason=\"evicted\"}";
    assert!(server.metric(evicted).await > 1000);
    assert_eq!(server.metric("kefu_connections_closed_total{reason=\"too_many\"}").await, 0);
}

/// Behind one address there may be many people.
#[tokio::test]
async fn honest_clients_get_in_beside_a_flood_of_their_own_address() {
    let server = Server::start(&FEW).await;
    let mut flood = Vec::new();
    for uid in 1..=9 {
        for _ in 0..50 {
            flood.push(TcpStream::connect(server.tcp).await.unwrap());
        }
        let mut client = server.log_in(customer(uid), "phone").await;
        assert_eq!(client.receive_all().await, []);
    }
}

#[tokio::test]
async fn those_that_wait_never_take_the_places_of_logins() {
    let server = Server::start(&FEW).await;
    let mut flood = Vec::new();
    for from in 2..100 {
        flood.push(connect_from([127, 0, 0, from], server.tcp).await);
        flood.push(connect_from([127, 0, 0, from], server.http).await);
    }
    sleep(Duration::from_millis(500)).await;
    let mut open = 0;
    for stream in &mut flood {
        let read = tokio::time::timeout(Duration::from_millis(1), stream.read_u8()).await;
        open += usize::from(read.is_err());
    }
    assert!((40..=50).contains(&open), "half of all: {open}");
}

#[tokio::test]
async fn a_trace_is_one_of_a_few() {
    let server = Server::start(&["--account-traces", "2"]).await;
    let path = "/trace?token=tok-7-1";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut trace = kefu_testing::http::open(server.http, path).await;
        let mut status = [0; 12];
        within("a status", trace.read_exact(&mut status)).await.unwrap();
        assert_eq!(&status[9..], b"200");
        open.push(trace);
    }
    assert_eq!(get_status(server.http, path).await, 429);
    assert_eq!(get_status(server.http, "/trace?token=tok-7-2").await, 200);
    assert_eq!(server.metric("kefu_traces_refused_total").await, 1);
    open.pop();
    kefu_testing::until("a trace has ended", async || get_status(server.http, path).await == 200)
        .await;
}

/// A connection from an address of this machine.
async fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Clients come from an address of their own.
#[tokio::test]
async fn one_address_that_fills_the_pool_leaves_others_their_places() {
    let options =
        ["--max-waiting", "10", "--max-waiting-per-address", "10", "--login-timeout", "60"];
    let server = Server::start(&options).await;
    let mut slow = connect_from([127, 0, 0, 2], server.tcp).await;
    let mut flood = Vec::new();
    for _ in 0..200 {
        flood.push(connect_from([127, 0, 0, 3], server.tcp).await);
    }
    // It came first, but its address has the fewest.
    let read = tokio::time::timeout(Duration::from_millis(200), slow.read_u8()).await;
    assert!(read.is_err(), "{read:?}");
    let mut client = Client::on(slow);
    client.authenticate(customer(1), "phone").await;
}
