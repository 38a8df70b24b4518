//! What a logged-in client's frames ask for: the rules once more (H2–H6, S1–S5).

use std::net::Ipv4Addr;

use kefu_proto::UnixTime;
use kefu_proto::{Account, AuthStatus, Body, ChatMessage, Closed, Command, CustomerMessage};
use kefu_proto::{Encode, Flags, Frame, Identity, LoginStatus, Message, MsgId, Parsed, Request};

use super::KEFU_APP;
use super::line::Line;

#[derive(Debug)]
pub(super) enum Expected {
    Deliver(Delivered),
    Refused(&'static str),
    Pong,
    Sync(MsgId),
    Keep(MsgId),
    Unlisted(Frame),
}

/// An accepted message, under the server's time.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) receiver: Account,
    pub(super) chat: ChatMessage,
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
            (Self::Unlisted(frame), Request::Unlisted(came)) => assert_eq!(came, frame),
            (expected, came) => panic!("{came:?} instead of {expected:?}"),
        }
    }
}

impl Delivered {
    fn is_transient(&self) -> bool {
        self.chat.flags.0 & Flags::UNPERSISTENT.0 != 0
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
    let from_customer = message.command() == Command::CUSTOMER;
    match &mut message.body {
        Body::Customer(body) | Body::CustomerSupport(body) => {
            Some(match receiver(from_customer, body, own) {
                Ok(receiver) => {
                    body.timestamp = now;
                    let chat = ChatMessage::try_from(message).unwrap();
                    Expected::Deliver(Delivered { receiver, chat })
                }
                Err(reason) => Expected::Refused(reason),
            })
        }
        Body::Ping => Some(Expected::Pong),
        Body::Sync(key) => Some(Expected::Sync(*key)),
        Body::SyncKey(key) if key.0 > 0 => Some(Expected::Keep(*key)),
        _ => None,
    }
}

/// H2, H3, H5.
fn receiver(
    from_customer: bool,
    body: &CustomerMessage,
    own: Account,
) -> Result<Account, &'static str> {
    let seller = Account::new(KEFU_APP, body.seller_id);
    let customer = Account::new(body.customer_appid, body.customer_id);
    match () {
        () if from_customer && customer.appid != own.appid => Err("customer_appid_mismatch"),
        () if from_customer && customer.uid != own.uid => Err("customer_id_mismatch"),
        () if from_customer && seller.uid.0 == 0 => Err("seller_id_zero"),
        () if from_customer => Ok(seller),
        () if own.appid != KEFU_APP => Err("not_kefu_app"),
        () if own.uid != seller.uid => Err("seller_id_mismatch"),
        () => Ok(customer),
    }
}

/// S2: whether a user said this.
pub(super) fn is_by(own: Account, command: Command, chat: &CustomerMessage) -> bool {
    match command.0 {
        24 => (chat.customer_appid, chat.customer_id) == (own.appid, own.uid),
        25 => (KEFU_APP, chat.seller_id) == (own.appid, own.uid),
        _ => false,
    }
}

pub(super) fn auth_status(accepted: bool) -> Body {
    let status = if accepted { LoginStatus(0) } else { LoginStatus(1) };
    Body::AuthStatus(AuthStatus { status, server_ip: Ipv4Addr::UNSPECIFIED })
}
