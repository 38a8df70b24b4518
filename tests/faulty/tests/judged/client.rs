//! A client that tells the judge all that it sends and gets.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use bytes::{Bytes, BytesMut};
use kefu_proto::checker::{ConnectionId, Event, ServerId};
use kefu_proto::{
    Account, AuthToken, Body, ChatMessage, CustomerMessage, CustomerMessageV2, Encode, Flags,
    FrameDecoder, FrameLimit, Message, MsgId, Parsed, Platform, Seq, ShortBytes, StoreId, UnixTime,
    Version,
};

use crate::judge::{DEADLINE, Judge, token};

pub(crate) struct Client<'j> {
    judge: &'j Judge,
    stream: TcpStream,
    id: ConnectionId,
    read: BytesMut,
    version: Version,
    last: i32,
    /// The key of the last SYNC_END.
    synced: MsgId,
}

impl<'j> Client<'j> {
    pub(crate) fn connect(judge: &'j Judge, addr: SocketAddr, version: Version) -> Self {
        let stream = TcpStream::connect(addr).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let id = ConnectionId(stream.local_addr().unwrap().port().into());
        judge.outside(Event::Opened { connection: id, server: ServerId(0) });
        Self { judge, stream, id, read: BytesMut::new(), version, last: 0, synced: MsgId(0) }
    }

    /// Sends an AUTH_TOKEN, and waits for the answer.
    pub(crate) fn log_in(&mut self, token: &str, platform: Platform, device: &str) {
        self.send(Body::AuthToken(AuthToken {
            platform,
            token: ShortBytes::new(token.to_owned()).unwrap(),
            device_id: ShortBytes::new(device.to_owned()).unwrap(),
        }));
        self.read_until(|message| matches!(message.body, Body::AuthStatus(_)));
    }

    /// An app on Android, logged in.
    pub(crate) fn app(
        judge: &'j Judge,
        addr: SocketAddr,
        version: Version,
        account: Account,
        device: &str,
    ) -> Self {
        let mut client = Self::connect(judge, addr, version);
        client.log_in(&token(account), Platform::ANDROID, device);
        client
    }

    /// A web client, logged in. It says version 1, as those of both versions do.
    pub(crate) fn web(judge: &'j Judge, addr: SocketAddr, account: Account) -> Self {
        let mut client = Self::connect(judge, addr, Version(1));
        client.log_in(&token(account), Platform::WEB, "");
        client
    }

    pub(crate) fn send(&mut self, body: Body) {
        self.send_together([(Flags::NONE, body)]);
    }

    pub(crate) fn send_unpersistent(&mut self, body: Body) {
        self.send_together([(Flags::UNPERSISTENT, body)]);
    }

    /// In one write, so that the host as a rule reads them together.
    pub(crate) fn send_together(&mut self, bodies: impl IntoIterator<Item = (Flags, Body)>) {
        let mut bytes = BytesMut::new();
        for (flags, body) in bodies {
            self.last += 1;
            let message = Message { seq: Seq(self.last), version: self.version, flags, body };
            message.encode_within(FrameLimit::CLIENT, &mut bytes).unwrap();
        }
        self.write(&bytes);
    }

    /// Sends a command of a later version of the protocol.
    pub(crate) fn send_unlisted(&mut self) {
        self.last += 1;
        let [a, b, c, d] = self.last.to_be_bytes();
        self.write(&[0, 0, 0, 2, a, b, c, d, 200, 1, 0, 0, b'?', b'!']);
    }

    /// The judge hears of it before the host can.
    fn write(&mut self, bytes: &[u8]) {
        self.judge.outside(Event::Sent { connection: self.id, bytes });
        self.stream.write_all(bytes).unwrap();
    }

    /// Reads up to a message, and returns that.
    pub(crate) fn read_until(&mut self, mut is_it: impl FnMut(&Message) -> bool) -> Message {
        loop {
            let message = self.next();
            if is_it(&message) {
                return message;
            }
        }
    }

    fn next(&mut self) -> Message {
        loop {
            if let Some(frame) =
                FrameDecoder::new(FrameLimit::CLIENT).decode(&mut self.read).unwrap()
            {
                match frame.parse().unwrap() {
                    Parsed::Message(message) => return message,
                    Parsed::Unlisted(frame) => panic!("{frame:?} is no message"),
                }
            }
            let mut buffer = [0; 16 * 1024];
            let length = self.stream.read(&mut buffer).expect("something before the deadline");
            assert!(length > 0, "the host goes on with this connection");
            let bytes = &buffer[..length];
            self.judge.outside(Event::Received { connection: self.id, bytes });
            self.read.extend_from_slice(bytes);
        }
    }

    /// Waits until all that was sent is finished.
    pub(crate) fn ping(&mut self) {
        self.send(Body::Ping);
        self.read_until(|message| message.body == Body::Pong);
    }

    pub(crate) fn read_until_content(&mut self, content: &str) {
        self.read_until(|message| {
            let chat = ChatMessage::try_from(message.clone());
            chat.is_ok_and(|chat| chat.content() == content.as_bytes())
        });
    }

    /// Asks for what has come since the last time.
    pub(crate) fn sync(&mut self) {
        self.sync_after(self.synced);
    }

    pub(crate) fn sync_after(&mut self, key: MsgId) {
        self.send(Body::Sync(key));
        let end = self.read_until(|message| matches!(message.body, Body::SyncEnd(_)));
        let Body::SyncEnd(end) = end.body else { unreachable!() };
        self.synced = end;
    }

    /// Tells the host how far the account has read.
    pub(crate) fn keep_key(&mut self) {
        self.send(Body::SyncKey(self.synced));
    }

    /// Leaves, and returns once the host has noticed.
    pub(crate) fn leave(self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
        self.judge.wait_until_closed(self.id);
        if self.judge.is_outside() {
            self.judge.outside(Event::Closed { connection: self.id });
        }
    }
}

/// A customer writes to a seller.
pub(crate) fn question(from: Account, to: Account, content: impl Into<Bytes>) -> Body {
    Body::Customer(chat(from, to, content.into()))
}

/// A seller writes to a customer.
pub(crate) fn answer(from: Account, to: Account, content: impl Into<Bytes>) -> Body {
    Body::CustomerSupport(chat(to, from, content.into()))
}

/// Anybody writes to anybody, in version 2.
pub(crate) fn message_v2(sender: Account, receiver: Account, content: impl Into<Bytes>) -> Body {
    let content = content.into();
    Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp: LONG_AGO, content })
}

fn chat(customer: Account, seller: Account, content: Bytes) -> CustomerMessage {
    CustomerMessage {
        customer_appid: customer.appid,
        customer_id: customer.uid,
        store_id: StoreId(1),
        seller_id: seller.uid,
        timestamp: LONG_AGO,
        content,
    }
}

/// What the clients think that the time is.
const LONG_AGO: UnixTime = match UnixTime::from_secs(1) {
    Ok(time) => time,
    Err(_) => panic!("it fits"),
};
