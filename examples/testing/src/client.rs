//! A client over TCP, or over TLS.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use kefu_proto::{
    Account, AppId, AuthToken, Body, CustomerMessage, CustomerMessageV2, Encode, Flags,
    FrameDecoder, FrameLimit, LoginStatus, Message, Metadata, MsgId, Parsed, Platform, Seq,
    ShortBytes, StoreId, UnixTime, UserId, Version,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::within;

/// The app of the customers in these tests.
pub const APP: AppId = AppId(7);
/// The app of the sellers: the default of `kefu-server`.
pub const KEFU_APP: AppId = AppId(1453);

pub const fn customer(uid: i64) -> Account {
    Account::new(APP, UserId(uid))
}

pub const fn seller(uid: i64) -> Account {
    Account::new(KEFU_APP, UserId(uid))
}

pub fn token(Account { appid, uid }: Account) -> String {
    format!("tok-{appid}-{uid}")
}

/// Numbers a client's frames. They have version 1 by default.
pub struct Frames {
    last: i32,
    version: Version,
}

impl Default for Frames {
    fn default() -> Self {
        Self::of(Version(1))
    }
}

impl Frames {
    pub const fn of(version: Version) -> Self {
        Self { last: 0, version }
    }

    pub fn next(&mut self, flags: Flags, body: Body) -> Bytes {
        self.last += 1;
        let message = Message { seq: Seq(self.last), version: self.version, flags, body };
        let mut bytes = BytesMut::new();
        message.encode_within(FrameLimit::MAX, &mut bytes).unwrap();
        bytes.freeze()
    }
}

/// What a client reads from and writes to.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub struct Client {
    stream: Box<dyn Stream>,
    read: BytesMut,
    frames: Frames,
}

impl Client {
    pub async fn connect(addr: SocketAddr) -> Self {
        let stream = within("a connection", TcpStream::connect(addr)).await.unwrap();
        Self::on(stream)
    }

    pub fn on(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    /// A client of version 2, which has yet to log in.
    pub fn on_v2(stream: TcpStream) -> Self {
        Self { frames: Frames::of(Version::V2), ..Self::on(stream) }
    }

    pub fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), read: BytesMut::new(), frames: Frames::default() }
    }

    pub async fn log_in(addr: SocketAddr, account: Account, device: &str) -> Self {
        let mut client = Self::connect(addr).await;
        client.authenticate(account, device).await;
        client
    }

    /// A client of version 2.
    pub async fn log_in_v2(addr: SocketAddr, account: Account, device: &str) -> Self {
        let stream = within("a connection", TcpStream::connect(addr)).await.unwrap();
        let mut client = Self::on_v2(stream);
        client.authenticate(account, device).await;
        client
    }

    pub async fn authenticate(&mut self, account: Account, device: &str) {
        self.send(auth_token(&token(account), device)).await;
        assert_accepted(&self.receive("an AUTH_STATUS").await);
    }

    /// Sends a body in a frame with the client's next number, which is returned.
    pub async fn send(&mut self, body: Body) -> Seq {
        self.send_flagged(Flags::NONE, body).await
    }

    pub async fn send_flagged(&mut self, flags: Flags, body: Body) -> Seq {
        let frame = self.frame(flags, body);
        self.write(&frame).await;
        self.last()
    }

    /// The client's next frame, which the test is to write.
    pub fn frame(&mut self, flags: Flags, body: Body) -> Bytes {
        self.frames.next(flags, body)
    }

    /// The number of the last frame.
    pub const fn last(&self) -> Seq {
        Seq(self.frames.last)
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        within("the server to read on", self.write_out(bytes)).await.unwrap();
    }

    /// Returns false if the server is gone.
    pub async fn try_write(&mut self, bytes: &[u8]) -> bool {
        within("the server to read on", self.write_out(bytes)).await.is_ok()
    }

    async fn write_out(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        // TLS has its own buffer.
        self.stream.flush().await
    }

    /// The next message.
    pub async fn receive(&mut self, what: &str) -> Message {
        parse(self.receive_frame(what).await)
    }

    /// The next frame, undecoded.
    pub async fn receive_frame(&mut self, what: &str) -> BytesMut {
        let frame = within(what, self.next()).await;
        frame.unwrap_or_else(|| panic!("the server closed the connection instead of {what}"))
    }

    pub async fn receive_ack(&mut self, seq: Seq) {
        assert_eq!(self.receive("an ACK").await.body, Body::Ack(seq.into()));
    }

    pub async fn receive_notify(&mut self) -> MsgId {
        match self.receive("a SYNC_NOTIFY").await.body {
            Body::SyncNotify(key) => key,
            other => panic!("{other:?} instead of a SYNC_NOTIFY"),
        }
    }

    /// A live copy: METADATA, and the message right behind it (W10.3).
    pub async fn receive_copy(&mut self) -> (Metadata, CustomerMessageV2) {
        match self.receive_pair().await {
            (metadata, Message { body: Body::CustomerV2(chat), flags, .. }) => {
                assert!(flags.contains(Flags::PUSH), "{flags:?}");
                (metadata, chat)
            }
            (_, other) => panic!("{other:?} instead of a live copy"),
        }
    }

    /// An ACK with METADATA before it.
    pub async fn receive_live_ack(&mut self, seq: Seq) -> Metadata {
        let (metadata, message) = self.receive_pair().await;
        assert_eq!(message.body, Body::Ack(seq.into()));
        metadata
    }

    async fn receive_pair(&mut self) -> (Metadata, Message) {
        let Message { seq, body: Body::Metadata(metadata), .. } = self.receive("METADATA").await
        else {
            panic!("no METADATA")
        };
        let message = self.receive("what METADATA belongs to").await;
        assert_eq!(message.seq, Seq(seq.0 + 1));
        (metadata, message)
    }

    /// The next message; `None` when the server has closed the connection.
    pub async fn next_message(&mut self) -> Option<Message> {
        within("a message or the end", self.next()).await.map(parse)
    }

    /// All that the server has queued for this client: it answers a PING after that.
    pub async fn receive_all(&mut self) -> Vec<Message> {
        self.send(Body::Ping).await;
        let mut received = Vec::new();
        loop {
            match self.receive("a PONG").await {
                Message { body: Body::Pong, .. } => return received,
                message => received.push(message),
            }
        }
    }

    /// All that comes until the server closes the connection.
    pub async fn receive_rest(&mut self) -> Vec<Message> {
        let mut received = Vec::new();
        while let Some(frame) = within("the end of the connection", self.next()).await {
            received.push(parse(frame));
        }
        received
    }

    /// The stream below, for what a client would not send.
    pub fn into_stream(self) -> Box<dyn Stream> {
        self.stream
    }

    /// The bytes of an incomplete frame.
    pub fn fragment(&self) -> &[u8] {
        &self.read
    }

    /// Reads the whole queue after a sync key, in as many parts as the server makes of it (S12).
    pub async fn sync_all(&mut self, after: MsgId) -> Synced {
        let mut all = self.sync(after).await;
        while self.is_notified_beyond(all.end).await {
            let Synced { messages, end, .. } = self.sync(all.end).await;
            all.messages.extend(messages);
            all.end = end;
        }
        all
    }

    async fn is_notified_beyond(&mut self, end: MsgId) -> bool {
        let received = self.receive_all().await;
        received.iter().any(|message| matches!(message.body, Body::SyncNotify(key) if key > end))
    }

    /// Sends a SYNC in version 2: the key of SYNC_END, and the messages with their flags.
    pub async fn sync_v2(&mut self, after: MsgId) -> (MsgId, Vec<(Flags, CustomerMessageV2)>) {
        self.send(Body::Sync(after)).await;
        let mut messages = Vec::new();
        loop {
            let message = self.receive("a SYNC_END").await;
            match message.body {
                Body::CustomerV2(chat) => messages.push((message.flags, chat)),
                Body::SyncEnd(end) => return (end, messages),
                Body::SyncBegin(_) | Body::SyncNotify(_) => {}
                other => panic!("{other:?} within a sync"),
            }
        }
    }

    /// Reads one answer to a SYNC after a key. Notifies in between are ignored.
    pub async fn sync(&mut self, after: MsgId) -> Synced {
        self.send(Body::Sync(after)).await;
        let (mut begin, mut messages) = (None, Vec::new());
        loop {
            let message = self.receive("a SYNC_END").await;
            match (message.body, begin) {
                (Body::SyncBegin(key), None) => begin = Some(key),
                (Body::Customer(chat) | Body::CustomerSupport(chat), Some(_)) => {
                    messages.push(chat);
                }
                (Body::SyncEnd(end), Some(begin)) => return Synced { begin, messages, end },
                (Body::SyncNotify(_), _) => {}
                (other, _) => panic!("{other:?} within a sync"),
            }
        }
    }

    /// The next frame; `None` when the server has closed the connection.
    pub async fn next(&mut self) -> Option<BytesMut> {
        loop {
            if let Some(frame) = take_frame(&mut self.read) {
                return Some(frame);
            }
            match self.stream.read_buf(&mut self.read).await {
                Ok(0) => return None,
                Ok(_) => {}
                // A server that closes a connection with unread bytes resets it.
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

pub fn assert_accepted(answer: &Message) {
    match &answer.body {
        Body::AuthStatus(answer) => assert_eq!(answer.status, LoginStatus::OK),
        other => panic!("{other:?} instead of an AUTH_STATUS"),
    }
}

/// The answer to a SYNC.
#[derive(Debug, Eq, PartialEq)]
pub struct Synced {
    pub begin: MsgId,
    pub messages: Vec<CustomerMessage>,
    pub end: MsgId,
}

impl Synced {
    pub fn contents(&self) -> Vec<&[u8]> {
        self.messages.iter().map(|message| &message.content[..]).collect()
    }
}

pub fn auth_token(token: &str, device: &str) -> Body {
    Body::AuthToken(AuthToken {
        platform: Platform::ANDROID,
        token: ShortBytes::new(token.to_owned()).unwrap(),
        device_id: ShortBytes::new(device.to_owned()).unwrap(),
    })
}

/// A customer writes to a seller.
pub fn question(from: Account, to: Account, content: impl Into<Bytes>) -> Body {
    Body::Customer(chat(from, to, content.into()))
}

/// A seller writes to a customer.
pub fn answer(from: Account, to: Account, content: impl Into<Bytes>) -> Body {
    Body::CustomerSupport(chat(to, from, content.into()))
}

/// Anybody writes to anybody, in version 2.
pub fn message_v2(from: Account, to: Account, content: impl Into<Bytes>) -> Body {
    Body::CustomerV2(CustomerMessageV2 {
        sender: from,
        receiver: to,
        timestamp: UnixTime::from(1),
        content: content.into(),
    })
}

fn chat(customer: Account, seller: Account, content: Bytes) -> CustomerMessage {
    CustomerMessage {
        customer_appid: customer.appid,
        customer_id: customer.uid,
        store_id: StoreId(1),
        seller_id: seller.uid,
        timestamp: UnixTime::from(1),
        content,
    }
}

/// Splits the first frame off. `None` if it is not complete.
pub fn take_frame(read: &mut BytesMut) -> Option<BytesMut> {
    let length = i32::from_be_bytes(*read.first_chunk()?);
    let end = 12 + usize::try_from(length).unwrap();
    (read.len() >= end).then(|| read.split_to(end))
}

pub fn parse(mut frame: BytesMut) -> Message {
    let frame = FrameDecoder::new(FrameLimit::MAX).decode(&mut frame).unwrap().unwrap();
    match frame.parse().unwrap() {
        Parsed::Message(message) => message,
        Parsed::Unlisted(frame) => panic!("{frame:?} is no message"),
    }
}
