//! What a client's frames ask for: the rules once more (H2–H6, H13, S1–S5, D1).

use kefu_proto::{Account, AuthToken, Body, ChatMessage, Closed, CustomerMessage};
use kefu_proto::{CustomerMessageV2, Dialect, Encode, Flags, Frame, Identity};
use kefu_proto::{Message, MsgId, Parsed, Request, Seq, UnixTime, Version};

use super::line::Line;
use crate::chat::KEFU_APP;

#[derive(Debug)]
pub(super) enum Expected {
    Deliver(Delivered),
    Refused(&'static str),
    Pong,
    Sync(MsgId),
    Keep(MsgId),
    KeepDialect(Dialect),
    Unlisted(Frame),
}

/// An accepted message, under the server's time.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) receiver: Account,
    pub(super) chat: ChatMessage,
    /// What the client's frame said, for ACK and live copies.
    pub(super) seq: Seq,
    pub(super) flags: Flags,
}

impl Expected {
    pub(super) fn check(&self, request: &Request) {
        match (self, request) {
            (Self::Deliver(expected), Request::Deliver(delivery)) => {
                assert_eq!(delivery.message(), &expected.chat);
                assert_eq!(delivery.receiver(), expected.receiver);
                assert_eq!(delivery.is_persistent(), !expected.is_transient());
            }
            (Self::Refused(reason), Request::Refused(refusal)) => {
                assert_eq!(refusal.reason(), *reason);
            }
            (Self::Pong, Request::Reply(message)) => assert_eq!(message.body, Body::Pong),
            (Self::Sync(key), Request::Sync(request)) => {
                assert_eq!(request.wants_kept_key(), key.0 == 0);
            }
            (Self::Keep(key), Request::KeepSyncKey(kept)) => assert_eq!(kept, key),
            (Self::KeepDialect(dialect), Request::KeepDialect(kept)) => assert_eq!(kept, dialect),
            (Self::Unlisted(frame), Request::Unlisted(came)) => assert_eq!(came, frame),
            (expected, came) => panic!("{came:?} instead of {expected:?}"),
        }
    }
}

impl Delivered {
    pub(super) fn is_v2(&self) -> bool {
        self.chat.command().0 == 64
    }

    fn is_transient(&self) -> bool {
        !self.is_v2() && self.flags.0 & 2 != 0
    }

    /// D1.6
    pub(super) fn shows(&self) -> Dialect {
        if self.is_v2() { Dialect::V2 } else { Dialect::V1 }
    }
}

/// The next that the client asks for, or its end.
pub(super) fn next_request(
    line: &mut Line<'_>,
    identity: Identity,
    now: UnixTime,
) -> Option<Result<Expected, Closed>> {
    while let Some(said) = line.next() {
        let expected = match said {
            Ok(Parsed::Message(message)) => of_message(message, identity.account(), now),
            Ok(Parsed::Unlisted(frame)) => Some(Expected::Unlisted(frame)),
            Err(error) => return Some(Err(Closed::Undecodable(error))),
        };
        if let Some(expected) = expected {
            return Some(Ok(expected));
        }
    }
    None
}

fn of_message(mut message: Message, own: Account, now: UnixTime) -> Option<Expected> {
    let (seq, flags) = (message.seq, message.flags);
    let receiver = match &mut message.body {
        Body::Customer(body) => {
            body.timestamp = now;
            from_customer(body, own)
        }
        Body::CustomerSupport(body) => {
            body.timestamp = now;
            from_seller(body, own)
        }
        Body::CustomerV2(body) => {
            body.timestamp = now;
            // H14.11
            (message.seq, message.version, message.flags) = (Seq(0), Version(2), Flags(0));
            from_either(body, own)
        }
        Body::Ping => return Some(Expected::Pong),
        Body::Sync(key) => return Some(Expected::Sync(*key)),
        Body::SyncKey(key) if key.0 > 0 => return Some(Expected::Keep(*key)),
        _ => return None,
    };
    let chat = ChatMessage::try_from(message).unwrap();
    Some(match receiver {
        Ok(receiver) => Expected::Deliver(Delivered { receiver, chat, seq, flags }),
        Err(reason) => Expected::Refused(reason),
    })
}

/// H2, H5.1
fn from_customer(body: &CustomerMessage, own: Account) -> Result<Account, &'static str> {
    match () {
        () if body.customer_appid != own.appid => Err("customer_appid_mismatch"),
        () if body.customer_id != own.uid => Err("customer_id_mismatch"),
        () if body.seller_id.0 == 0 => Err("seller_id_zero"),
        () => Ok(Account::new(KEFU_APP, body.seller_id)),
    }
}

/// H3, H5.2
fn from_seller(body: &CustomerMessage, own: Account) -> Result<Account, &'static str> {
    match () {
        () if own.appid != KEFU_APP => Err("not_kefu_app"),
        () if own.uid != body.seller_id => Err("seller_id_mismatch"),
        () => Ok(Account::new(body.customer_appid, body.customer_id)),
    }
}

/// H13
fn from_either(body: &CustomerMessageV2, own: Account) -> Result<Account, &'static str> {
    match () {
        () if body.sender != own => Err("sender_mismatch"),
        () if ![own.appid, body.receiver.appid].contains(&KEFU_APP) => Err("no_kefu_side"),
        () => Ok(body.receiver),
    }
}

/// D1.1–D1.3: what an AUTH_TOKEN tells, with byte 11 of its header.
pub(super) fn dialect_of_login(version: Version, login: &AuthToken, spare: u8) -> Option<Dialect> {
    match (version.0, login.platform.0, spare) {
        (2.., _, _) => Some(Dialect::V2),
        (_, 1 | 2, _) | (_, _, 2) => Some(Dialect::V1),
        _ => None,
    }
}
