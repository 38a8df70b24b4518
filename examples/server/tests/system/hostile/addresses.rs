//! Every line about a connection that is refused or closed says whose it was.

use std::net::{IpAddr, Ipv4Addr};

use kefu_testing::client::{Client, customer};
use kefu_testing::flood::{connect_from, until_closed};
use tokio::io::AsyncWriteExt;

use super::target::Target;

const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));

#[tokio::test]
async fn of_those_that_do_not_log_in() {
    let target = Target::start_talkative(&["--login-timeout", "1"]).await;
    for (addr, bytes) in [
        (target.server.tcp, &b""[..]),
        (target.server.tcp, b"\xff\xff\xff\xff\0\0\0\x01\x0d\x01\0\0"),
        (
            target.server.http,
            b"GET /ws HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\n\
            upgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        ),
    ] {
        let mut stream = connect_from(OTHER, addr).await;
        let port = stream.local_addr().unwrap().port();
        stream.write_all(bytes).await.unwrap();
        until_closed(&mut stream).await;
        target.server.until_logged(&format!("127.0.0.9:{port}")).await;
    }
}

#[tokio::test]
async fn of_those_that_are_one_too_many() {
    let target = Target::start(&["--max-connections", "2", "--max-waiting", "1"]).await;
    let _first = target.log_in(customer(1), "phone").await;
    let _second = target.log_in(customer(2), "phone").await;
    let mut stream = connect_from(OTHER, target.server.tcp).await;
    until_closed(&mut stream).await;
    target.server.until_logged("127.0.0.9").await;
}

#[tokio::test]
async fn of_those_that_have_logged_in() {
    let target = Target::start(&["--idle-timeout", "2"]).await;
    for what in ["idle", "undecodable"] {
        let stream = connect_from(OTHER, target.server.tcp).await;
        let port = stream.local_addr().unwrap().port();
        let mut client = Client::on(stream);
        client.authenticate(customer(1), "phone").await;
        if what == "undecodable" {
            client.write(b"\0\0\0\x01\0\0\0\x08\x0d\x01\0\0!").await;
        }
        assert_eq!(client.receive_rest().await, []);
        target.server.until_logged(&format!("127.0.0.9:{port}")).await;
        let log = target.server.log();
        let line = log.lines().find(|line| line.contains(&format!("127.0.0.9:{port}"))).unwrap();
        assert!(line.contains(what), "{line}");
    }
}
