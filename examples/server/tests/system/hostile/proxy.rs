//! The PROXY protocol, and those who lie with it.

use kefu_proto::Flags;
use kefu_testing::client::{Client, assert_accepted, auth_token, customer};
use kefu_testing::flood::{flood, until_closed};
use kefu_testing::websocket::WebSocket;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::yield_now;

use super::target::{MIB, Target};

const ON: [&str; 2] = ["--proxy-protocol", "--login-attempts=1"];
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2: a connection from an IPv4 address, to 192.0.2.1:443.
fn v2(from: [u8; 4], port: u16) -> Vec<u8> {
    let addresses = [&from[..], &[192, 0, 2, 1], &port.to_be_bytes(), &443_u16.to_be_bytes()];
    [SIGNATURE, b"\x21\x11\0\x0c", &addresses.concat()].concat()
}

#[tokio::test]
async fn the_client_s_address_is_the_one_that_counts() {
    let target = Target::start_talkative(&ON).await;
    let v6 = [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[7], &[0; 16], b"\x10\x01\x01\xbb"].concat();
    for (header, expected) in [
        (b"PROXY TCP4 198.51.100.7 192.0.2.1 4001 443\r\n".to_vec(), "198.51.100.7:4001"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 4002 443\r\n".to_vec(), "[2001:db8::7]:4002"),
        (v2([198, 51, 100, 8], 4003), "198.51.100.8:4003"),
        ([SIGNATURE, b"\x21\x21\0\x24", &v6].concat(), "[2001:db8::7]:4097"),
    ] {
        for addr in [target.server.tcp, target.server.http] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(&header).await.unwrap();
            if addr == target.server.tcp {
                let mut client = Client::on(stream);
                client.send(auth_token("nobody", "x")).await;
                client.receive_rest().await;
            } else {
                let mut web = WebSocket::over(stream, &format!("ws://{addr}/ws")).await;
                web.send(auth_token("nobody", "x")).await;
                web.receive_rest().await;
            }
            target.server.until_logged(expected).await;
        }
    }
}

/// In pieces, with more fields, from the proxy itself, and with the first frame in the same packet.
#[tokio::test]
async fn headers_come_in_every_form() {
    let target = Target::start(&ON).await;
    let mut more = v2([198, 51, 100, 9], 1);
    more[15] = 12 + 7;
    more.extend([0x04, 0, 4, 1, 2, 3, 4]);
    for header in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n".to_vec(),
        [SIGNATURE, b"\x20\0\0\0"].concat(),
        [SIGNATURE, b"\x21\0\0\0"].concat(),
        more,
    ] {
        for pieces in [1, 5, header.len()] {
            let mut stream = TcpStream::connect(target.server.tcp).await.unwrap();
            stream.set_nodelay(true).unwrap();
            for piece in header.chunks(header.len().div_ceil(pieces)) {
                stream.write_all(piece).await.unwrap();
                yield_now().await;
            }
            let mut client = Client::on(stream);
            client.authenticate(customer(1), "phone").await;
            client.receive_all().await;
        }
        let mut other = Client::connect(target.server.tcp).await;
        let login = other.frame(Flags::NONE, auth_token("tok-7-1", "phone"));
        let mut stream = TcpStream::connect(target.server.tcp).await.unwrap();
        stream.write_all(&[&header[..], &login].concat()).await.unwrap();
        let mut client = Client::on(stream);
        assert_accepted(&client.receive("an AUTH_STATUS").await);
    }
}

#[tokio::test]
async fn who_has_no_header_or_a_wrong_one_is_closed() {
    let target = Target::start(&[&ON[..], &["--login-timeout", "3"]].concat()).await;
    let before = target.memory();
    let mut too_long = [SIGNATURE, b"\x21\x11\xff\xff"].concat();
    too_long.resize(70_000, 0);
    for wrong in [
        b"GET / HTTP/1.1\r\nhost: here\r\n\r\n".to_vec(),
        b"PROXY TCP4 256.0.0.1 192.0.2.1 1 443\r\n".to_vec(),
        b"PROXY TCP4 198.51.100.7\r\n".to_vec(),
        [&b"PROXY TCP4 "[..], &[b'1'; 200]].concat(),
        [SIGNATURE, b"\x31\x11\0\x0c", &[1; 12]].concat(),
        [SIGNATURE, b"\x21\x11\0\x02", &[1; 12]].concat(),
        // Never finished.
        b"PROXY TC".to_vec(),
        [SIGNATURE, b"\x21\x11\0\x0c"].concat(),
        SIGNATURE[..5].to_vec(),
        Vec::new(),
    ] {
        for addr in [target.server.tcp, target.server.http] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(&wrong).await.unwrap();
            assert_eq!(until_closed(&mut stream).await, b"", "{wrong:?}");
        }
    }
    for addr in [target.server.tcp, target.server.http] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        flood(&mut stream, &too_long, MIB).await;
    }
    target.assert_growth(before, 8 * MIB, "wrong headers").await;
}

/// Without the option the header is no frame and no request, and names nobody.
#[tokio::test]
async fn without_the_option_nobody_chooses_an_address() {
    let target = Target::start(&[]).await;
    for header in
        [b"PROXY TCP4 198.51.100.7 192.0.2.1 4001 443\r\n".to_vec(), v2([198, 51, 100, 7], 1)]
    {
        for addr in [target.server.tcp, target.server.http] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(&header).await.unwrap();
            until_closed(&mut stream).await;
        }
    }
    assert!(!target.server.log().contains("198.51.100.7"), "{}", target.server.log());
}
