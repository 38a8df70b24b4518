//! A client over WebSocket (S9), with Engine.IO or without.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;
use futures_util::{SinkExt, StreamExt};
use kefu_proto::{Account, Body, Flags, MsgId, Seq};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::{
    Client, Frames, Stream, answer, assert_accepted, auth_token, customer, parse, question, seller,
    take_frame, token,
};
use crate::within;

/// What a client packs its frames into.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Packing {
    /// A binary message is a frame.
    Bare,
    /// Engine.IO's binary packets: a 4 and the frame.
    EngineIoBinary,
    /// Engine.IO's text packets: `b4` and the frame in base64.
    EngineIoText,
}

impl Packing {
    /// A frame, or whatever else is sent in place of one.
    pub fn pack(self, frame: &[u8]) -> Message {
        match self {
            Self::Bare => Message::Binary(Bytes::copy_from_slice(frame)),
            Self::EngineIoBinary => Message::Binary([&[4], frame].concat().into()),
            Self::EngineIoText => Message::text(format!("b4{}", BASE64.encode(frame))),
        }
    }

    /// What a server sends comes in bytes.
    fn unpack(self, mut message: BytesMut) -> BytesMut {
        if self == Self::Bare {
            return message;
        }
        assert_eq!(message.first(), Some(&4), "the type of a packet with a message");
        message.split_off(1)
    }
}

pub struct WebSocket {
    socket: WebSocketStream<Box<dyn Stream>>,
    packing: Packing,
    frames: Frames,
}

impl WebSocket {
    pub async fn connect(http: SocketAddr) -> Self {
        Self::over(open(http).await, &format!("ws://{http}/ws")).await
    }

    /// With Engine.IO, whose open packet is left unread.
    pub async fn connect_engine_io(http: SocketAddr, packing: Packing) -> Self {
        let url = format!("ws://{http}/engine.io/?EIO=3&transport=websocket");
        Self { packing, ..Self::over(open(http).await, &url).await }
    }

    pub async fn over(stream: impl Stream + 'static, url: &str) -> Self {
        let stream: Box<dyn Stream> = Box::new(stream);
        let upgrade = client_async(url, stream);
        let (socket, _) = within("a WebSocket", upgrade).await.unwrap();
        Self { socket, packing: Packing::Bare, frames: Frames::default() }
    }

    pub async fn log_in(http: SocketAddr, account: Account, device: &str) -> Self {
        let mut client = Self::connect(http).await;
        client.authenticate(account, device).await;
        client
    }

    pub async fn log_in_engine_io(http: SocketAddr, packing: Packing, account: Account) -> Self {
        let mut client = Self::connect_engine_io(http, packing).await;
        client.receive_text("an open packet").await;
        client.authenticate(account, "").await;
        client
    }

    pub async fn authenticate(&mut self, account: Account, device: &str) {
        self.send(auth_token(&token(account), device)).await;
        assert_accepted(&parse(self.receive_frame("an AUTH_STATUS").await));
    }

    pub async fn send(&mut self, body: Body) {
        let frame = self.frames.next(Flags::NONE, body);
        self.write(&frame).await;
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.send_message(self.packing.pack(bytes)).await;
    }

    /// The stream below, for what a WebSocket would not send.
    pub fn into_stream(self) -> Box<dyn Stream> {
        self.socket.into_inner()
    }

    /// Any kind of WebSocket message.
    pub async fn send_message(&mut self, message: Message) {
        within("the server to read on", self.socket.send(message)).await.unwrap();
    }

    /// The answer to a ping of the WebSocket protocol.
    pub async fn receive_pong(&mut self) {
        let answer = within("a pong of the WebSocket", self.socket.next()).await.unwrap().unwrap();
        assert!(answer.is_pong(), "{answer:?}");
    }

    /// The next message, which must be text.
    pub async fn receive_text(&mut self, what: &str) -> String {
        match within(what, self.socket.next()).await.unwrap().unwrap() {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("{other:?} instead of {what}"),
        }
    }

    /// The next frame, undecoded: one per message.
    pub async fn receive_frame(&mut self, what: &str) -> BytesMut {
        let frame = within(what, self.next()).await;
        frame.unwrap_or_else(|| panic!("the server closed the WebSocket instead of {what}"))
    }

    /// All that comes until the server closes the connection.
    pub async fn receive_rest(&mut self) -> Vec<BytesMut> {
        let mut received = Vec::new();
        while let Some(frame) = within("the end of the WebSocket", self.next()).await {
            received.push(frame);
        }
        received
    }

    /// Sends a close frame.
    pub async fn close(&mut self) {
        within("the server to read on", self.socket.close(None)).await.unwrap();
    }

    /// The code with which the server closes the WebSocket. `None` if it says none.
    pub async fn receive_close(&mut self) -> Option<u16> {
        loop {
            match within("a close of the WebSocket", self.socket.next()).await {
                Some(Ok(Message::Close(close))) => return close.map(|close| close.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The connection under the WebSocket ends, too, and cleanly.
    pub async fn assert_closed(&mut self) {
        let end = within("the end of the connection", self.socket.next()).await;
        assert!(end.is_none(), "{end:?}");
    }

    /// The next frame; `None` when the server has closed the connection.
    async fn next(&mut self) -> Option<BytesMut> {
        let bytes = match self.socket.next().await?.ok()? {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => panic!("{text} instead of a frame or the end"),
            _ => return None,
        };
        let mut bytes = self.packing.unpack(BytesMut::from(&bytes[..]));
        let frame = take_frame(&mut bytes);
        assert!(frame.is_some() && bytes.is_empty(), "a message is no single frame");
        frame
    }
}

/// A part of a WebSocket, masked with zeros, that need not be as long as its header says. The first
/// byte is the opcode, with the highest bit set in the last part of a message.
pub fn raw(first: u8, announced: u64, payload: &[u8]) -> Vec<u8> {
    const MASKED: u8 = 0x80;
    const TWO_BYTES: u8 = 0x7e;
    const EIGHT_BYTES: u8 = 0x7f;
    let mut bytes = vec![first];
    match (u8::try_from(announced), u16::try_from(announced)) {
        (Ok(length @ ..126), _) => bytes.push(MASKED | length),
        (_, Ok(length)) => {
            bytes.push(MASKED | TWO_BYTES);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(MASKED | EIGHT_BYTES);
            bytes.extend(announced.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

async fn open(http: SocketAddr) -> TcpStream {
    let stream = within("a connection", TcpStream::connect(http)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Customer 1 in a browser and seller 2 over TCP, both just logged in, talk to each other.
pub async fn talk(browser: &mut WebSocket, desk: &mut Client) {
    browser.send(question(customer(1), seller(2), "hello")).await;
    let ack = parse(browser.receive_frame("an ACK").await);
    assert_eq!(ack.body, Body::Ack(Seq(2).into()));
    desk.receive_notify().await;
    assert_eq!(desk.sync(MsgId(0)).await.contents(), [b"hello"]);

    let seq = desk.send(answer(seller(2), customer(1), "good day")).await;
    desk.receive_ack(seq).await;
    let notify = parse(browser.receive_frame("a SYNC_NOTIFY").await).body;
    browser.send(Body::Sync(MsgId(0))).await;
    let mut synced = Vec::new();
    for what in ["a SYNC_BEGIN", "the answer", "a SYNC_END"] {
        synced.push(parse(browser.receive_frame(what).await).body);
    }
    assert!(matches!(&synced[1], Body::CustomerSupport(chat) if &chat.content[..] == b"good day"));
    assert!(
        matches!((&synced[2], notify), (Body::SyncEnd(end), Body::SyncNotify(key)) if *end == key)
    );
}
