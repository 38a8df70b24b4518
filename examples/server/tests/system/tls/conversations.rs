//! All that works without TLS works over it.

use kefu_proto::MsgId;
use kefu_testing::client::{Client, answer, customer, question, seller};
use kefu_testing::websocket::talk;
use tokio::net::TcpStream;
use tokio_rustls::rustls::ProtocolVersion;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use super::pki::Secure;

#[tokio::test]
async fn a_customer_and_a_seller_talk_to_each_other() {
    let server = Secure::start(&[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut asker = server.log_in(customer(1), "phone").await;
    let seq = asker.send(question(customer(1), seller(2), "hello")).await;
    asker.receive_ack(seq).await;
    let key = desk.receive_notify().await;
    let found = desk.sync(MsgId(0)).await;
    assert_eq!((found.contents(), found.end), (vec![&b"hello"[..]], key));

    let seq = desk.send(answer(seller(2), customer(1), "good day")).await;
    desk.receive_ack(seq).await;
    let key = asker.receive_notify().await;
    let found = asker.sync(MsgId(0)).await;
    assert_eq!((found.contents(), found.end), (vec![&b"good day"[..]], key));
}

#[tokio::test]
async fn s9_a_customer_in_a_browser_talks_over_wss() {
    let server = Secure::start(&[]).await;
    let mut desk = server.log_in(seller(2), "desk").await;
    let mut browser = server.log_in_web(customer(1)).await;
    talk(&mut browser, &mut desk).await;
}

#[tokio::test]
async fn the_page_and_what_operators_ask_for_come_over_https() {
    let server = Secure::start(&[]).await;
    let page = server.pki.get(server.http, "/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.body.contains("</html>"), "{}", page.body);
    let health = server.pki.get(server.http, "/healthz").await;
    assert_eq!((health.status, &*health.body), (200, "ok\n"));
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken() {
    let server = Secure::start(&[]).await;
    for (version, expected) in
        [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)]
    {
        let socket = TcpStream::connect(server.tcp).await.unwrap();
        let stream = server.pki.shake_hands(socket, &[version]).await;
        assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
        let mut client = Client::over(stream);
        client.authenticate(customer(1), "phone").await;
        assert_eq!(client.receive_all().await, []);
    }
}
