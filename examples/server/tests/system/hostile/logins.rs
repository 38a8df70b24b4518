//! Connections that have not logged in.

use std::net::{IpAddr, Ipv4Addr};

use bytes::BytesMut;
use kefu_proto::{Body, Flags, LoginStatus};
use kefu_testing::client::{Client, auth_token, customer, take_frame};
use kefu_testing::flood::{connect_from, flood, until_closed};
use kefu_testing::websocket::WebSocket;
use tokio::io::AsyncReadExt;

use super::target::{MIB, Target};

const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// One address opens far more connections than there are places, and goes on.
#[tokio::test]
async fn one_address_leaves_room_for_the_logins_of_others() {
    let target = Target::start(&["--max-connections", "200", "--login-timeout", "300"]).await;
    let mut silent = Vec::new();
    for number in 0..600_u16 {
        let to = if number % 2 == 0 { target.server.tcp } else { target.server.http };
        silent.push(connect_from(ATTACKER, to).await);
        if number % 10 == 0 {
            let honest = IpAddr::from([127, 0, 0, 2 + u8::try_from(number / 10).unwrap()]);
            let stream = connect_from(honest, target.server.tcp).await;
            let mut client = Client::on(stream);
            client.authenticate(customer(i64::from(1 + number)), "phone").await;
            let stream = connect_from(honest, target.server.http).await;
            let url = format!("ws://{}/ws", target.server.http);
            let mut web = WebSocket::over(stream, &url).await;
            web.authenticate(customer(i64::from(1 + number)), "").await;
        }
    }
}

/// Whoever has logged in is not among those that give way.
#[tokio::test]
async fn who_has_logged_in_stays() {
    let target = Target::start(&["--max-connections", "50", "--login-timeout", "300"]).await;
    let mut before = Vec::new();
    for uid in 1..=20 {
        before.push(target.log_in(customer(uid), "phone").await);
    }
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(connect_from(ATTACKER, target.server.tcp).await);
    }
    for client in &mut before {
        assert_eq!(client.receive_all().await, []);
    }
    let mut late = target.log_in(customer(99), "phone").await;
    assert_eq!(late.receive_all().await, []);
}

#[tokio::test]
async fn guesses_of_tokens_end_a_connection_and_the_log_says_whose() {
    let target = Target::start(&["--login-attempts", "3"]).await;
    let mut stream = connect_from(IpAddr::from([127, 0, 0, 77]), target.server.tcp).await;
    let port = stream.local_addr().unwrap().port();
    let mut other = Client::connect(target.server.tcp).await;
    let guesses = other.frame(Flags::NONE, auth_token("no", "x")).repeat(100);
    let (mut reader, mut writer) = stream.split();
    let flooding = flood(&mut writer, &guesses, MIB);
    let reading = until_closed(&mut reader);
    let (_, heard) = tokio::join!(flooding, reading);
    let mut heard = BytesMut::from(&heard[..]);
    let answers = std::iter::from_fn(|| take_frame(&mut heard)).count();
    assert!(answers <= 3, "{answers} answers");
    target.server.until_logged(&format!("127.0.0.77:{port}")).await;
    target.until_metric("kefu_logins_refused_total", 3).await;
}

/// Another's token behind too many wrong ones is not read any more.
#[tokio::test]
async fn a_right_token_comes_too_late_behind_too_many_wrong_ones() {
    let target = Target::start(&["--login-attempts", "2"]).await;
    let mut client = Client::connect(target.server.tcp).await;
    for _ in 0..2 {
        client.send(auth_token("nobody", "x")).await;
    }
    let right = client.frame(Flags::NONE, auth_token("tok-7-1", "x"));
    client.try_write(&right).await;
    for message in client.receive_rest().await {
        let Body::AuthStatus(answer) = message.body else { panic!("{message:?}") };
        assert_ne!(answer.status, LoginStatus::OK);
    }
}

#[tokio::test]
async fn one_mistake_costs_no_connection() {
    let target = Target::start(&[]).await;
    let mut client = Client::connect(target.server.tcp).await;
    client.send(auth_token("nobody", "x")).await;
    client.receive("an AUTH_STATUS").await;
    client.authenticate(customer(1), "phone").await;
    assert_eq!(client.receive_all().await, []);
}

/// PINGs are answered before a login (S4.1), but not without reading.
#[tokio::test]
async fn pings_before_a_login_are_bounded() {
    let target = Target::start(&["--login-timeout", "300"]).await;
    let before = target.memory();
    let mut stream = connect_from(ATTACKER, target.server.tcp).await;
    let ping = b"\0\0\0\0\0\0\0\x01\x0d\x01\0\0";
    flood(&mut stream, &ping.repeat(4_000), 64 * MIB).await;
    target.assert_growth(before, 8 * MIB, "PINGs before a login").await;
    let mut some = [0; 12];
    stream.read_exact(&mut some).await.unwrap();
}
