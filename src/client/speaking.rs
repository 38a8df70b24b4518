//! What a client sends.

use alloc::vec::Vec;
use core::fmt;

use bytes::{Bytes, BytesMut};

use super::kind::Kind;
use super::link::Link;
use super::trace::Trace;
use crate::id::{Account, MsgId, Seq, StoreId, UnixTime};
use crate::identity::Config;
use crate::message::{AuthToken, Body, CustomerMessage, CustomerMessageV2, Message, ShortBytes};
use crate::wire::{Encode, Flags, FrameLimit, Header};

/// A client of one account on one device, over any number of connections, one after the other.
///
/// It buffers nothing: what is to be sent is appended to `out`. `Debug` and `Display` hide what is
/// said.
#[derive(Clone, Debug)]
pub struct Client {
    config: Config,
    account: Account,
    pub(super) kind: Kind,
    device: ShortBytes,
    pub(super) key: MsgId,
    pub(super) waiting: Vec<Waiting>,
    pub(super) link: Link,
    pub(super) trace: Trace,
}

/// A chat message that has no ACK.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    /// Its number on the present connection, where it was sent.
    pub(super) seq: Option<Seq>,
    flags: Flags,
    body: Body,
}

impl Client {
    /// A client that is not connected and has seen nothing. A `device` of more than 255 bytes
    /// counts as none (W5.7); that of a web client does not matter (S1.2).
    #[must_use]
    pub fn new(config: Config, account: Account, kind: Kind, device: &str) -> Self {
        Self {
            config,
            account,
            kind,
            device: short_bytes(device),
            key: MsgId(0),
            waiting: Vec::new(),
            link: Link::new(),
            trace: Trace::default(),
        }
    }

    /// Sends AUTH_TOKEN. Real clients send [`sync`](Self::sync) right behind it. A `token` of more
    /// than 255 bytes is sent as an empty one (W5.7).
    pub fn log_in(&mut self, token: &str, out: &mut BytesMut) {
        let start = out.len();
        let token = AuthToken {
            platform: self.kind.platform(),
            token: short_bytes(token),
            device_id: self.device.clone(),
        };
        self.send(Flags::NONE, Body::AuthToken(token), out);
        out[start + Header::SPARE] = self.kind.spare();
    }

    /// Says something in the command that the client knows for it: CUSTOMER_V2 in version 2, in
    /// version 1 CUSTOMER_SUPPORT if it is a seller's, and otherwise CUSTOMER. It is in flight until
    /// its ACK is read. Returns the number of the frame.
    pub fn say(
        &mut self,
        to: Account,
        flags: Flags,
        content: impl Into<Bytes>,
        out: &mut BytesMut,
    ) -> Seq {
        let body = self.chat(to, content.into());
        let seq = self.send(flags, body.clone(), out);
        self.waiting.push(Waiting { seq: Some(seq), flags, body });
        seq
    }

    /// Sends everything that is in flight once more (S10). By itself it does so when a login is
    /// accepted.
    pub fn repeat(&mut self, out: &mut BytesMut) {
        for mut message in core::mem::take(&mut self.waiting) {
            message.seq = Some(self.send(message.flags, message.body.clone(), out));
            self.waiting.push(message);
        }
    }

    /// Asks for what is in the queue behind the client's own key (S2).
    pub fn sync(&mut self, out: &mut BytesMut) {
        self.sync_from(self.key, out);
    }

    /// Asks for what is in the queue behind a key, 0 for the one that the server has kept (S2.1).
    pub fn sync_from(&mut self, key: MsgId, out: &mut BytesMut) {
        self.link.asked.push_back(key);
        self.link.heard = MsgId(0);
        self.send(Flags::NONE, Body::Sync(key), out);
    }

    /// Sends PING. [`pongs`](Self::pongs) tells when it has been answered.
    pub fn ping(&mut self, out: &mut BytesMut) {
        self.send(Flags::NONE, Body::Ping, out);
    }

    /// Sends any other message under the client's next number, which is returned. Nothing is
    /// checked, so that tests can send what a host must refuse.
    pub fn send(&mut self, flags: Flags, body: Body, out: &mut BytesMut) -> Seq {
        let seq = Seq(self.link.last.0.wrapping_add(1));
        let message = Message { seq, version: self.kind.version(), flags, body };
        // Fails only for bodies of 2 GiB.
        let _ = message.encode_within(FrameLimit::MAX, out);
        self.trace.sent(message.body.command(), seq);
        self.link.last = seq;
        seq
    }

    /// The connection is gone. What is in flight stays so; a web client loses its sync key.
    pub fn disconnect(&mut self) {
        self.link = Link::new();
        self.trace.disconnected();
        self.waiting.iter_mut().for_each(|message| message.seq = None);
        if self.kind.is_web() {
            self.key = MsgId(0);
        }
    }

    /// Whose client it is.
    #[must_use]
    pub const fn account(&self) -> Account {
        self.account
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Up to where it has seen its queue.
    #[must_use]
    pub const fn sync_key(&self) -> MsgId {
        self.key
    }

    /// Whether its login has been accepted on the present connection.
    #[must_use]
    pub const fn is_logged_in(&self) -> bool {
        self.link.is_logged_in
    }

    /// How many messages have been said without an ACK yet.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.waiting.len()
    }

    /// The rule by which the oldest message in flight must have an ACK, once its saves have succeeded.
    #[cfg(feature = "proptest")]
    pub(crate) fn missing_ack(&self) -> Option<&'static str> {
        self.waiting.first().map(|Waiting { flags, body, .. }| match body {
            Body::CustomerV2(_) => "H14.8",
            _ if flags.contains(Flags::UNPERSISTENT) => "H6.2",
            _ => "H7.6",
        })
    }

    /// How many PONGs have been read on the present connection.
    #[must_use]
    pub const fn pongs(&self) -> u64 {
        self.link.pongs
    }

    /// The body with which this client says something.
    #[must_use]
    pub fn chat(&self, to: Account, content: Bytes) -> Body {
        // Not the server's time, which is to replace it (H4.1).
        let timestamp = UnixTime::from(1);
        if self.kind.is_v2() {
            let sender = self.account;
            return Body::CustomerV2(CustomerMessageV2 {
                sender,
                receiver: to,
                timestamp,
                content,
            });
        }
        let is_seller = self.account.appid == self.config.kefu_appid();
        let (customer, seller) = if is_seller { (to, self.account) } else { (self.account, to) };
        let message = CustomerMessage {
            customer_appid: customer.appid,
            customer_id: customer.uid,
            store_id: StoreId(1),
            seller_id: seller.uid,
            timestamp,
            content,
        };
        if is_seller { Body::CustomerSupport(message) } else { Body::Customer(message) }
    }
}

fn short_bytes(text: &str) -> ShortBytes {
    ShortBytes::new(Bytes::copy_from_slice(text.as_bytes())).unwrap_or_default()
}

/// Who it is, how far it is, and its last 12 frames, without PINGs and PONGs: `>` sent, `<` read,
/// `|` the end of a connection.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, kind, key, waiting, trace, .. } = self;
        write!(f, "{account} ({kind}): sync key {key}, {} in flight,{trace}", waiting.len())
    }
}
