//! What a server must refuse or ignore, and the rule that says so.

use bytes::Bytes;
use kefu_proto::{
    Account, AppId, Body, CustomerMessage, CustomerMessageV2, StoreId, UnixTime, UserId,
};

/// A frame that must end its connection, or be ignored.
#[derive(Clone, Copy, Debug)]
pub(super) struct BadFrame {
    pub(super) what: &'static str,
    pub(super) rule: &'static str,
    command: u8,
    /// What the header says, where that is not the truth.
    length: Option<i32>,
    body: &'static [u8],
}

const PING: u8 = 13;
const PONG: u8 = 14;
const AUTH_STATUS: u8 = 3;
const ACK: u8 = 5;
const AUTH_TOKEN: u8 = 15;
const CUSTOMER: u8 = 24;
const SYNC: u8 = 26;
const SYNC_BEGIN: u8 = 27;
const SYNC_END: u8 = 28;
const SYNC_NOTIFY: u8 = 29;
const SYNC_KEY: u8 = 34;
const METADATA: u8 = 37;
const CUSTOMER_V2: u8 = 64;
const HEADER: usize = 12;

const fn frame(
    what: &'static str,
    rule: &'static str,
    command: u8,
    body: &'static [u8],
) -> BadFrame {
    BadFrame { what, rule, command, length: None, body }
}

const fn lie(what: &'static str, length: i32) -> BadFrame {
    BadFrame { what, rule: "W2.1", command: SYNC, length: Some(length), body: &[0; 8] }
}

/// A whole PING.
pub(super) const PING_FRAME: &[u8] = &[0, 0, 0, 0, 0, 0, 0, 0, PING, 1, 0, 0];
/// The header of a CUSTOMER whose body is as long as it can be.
pub(super) const HEADER_ALONE: &[u8] = &[0, 0, 0x7f, 0xff, 0, 0, 0, 1, CUSTOMER, 1, 0, 0];

/// Behind one of these a server must not read on (S7.1).
pub(super) const ENDING: [BadFrame; 13] = [
    lie("a length of -1", -1),
    lie("the least length", i32::MIN),
    lie("a length that is the limit", 32_768),
    lie("the greatest length", i32::MAX),
    frame("PING with a body", "W5.4", PING, &[0]),
    frame("PONG with a body", "W5.4", PONG, &[0; 4]),
    frame("SYNC of 7 bytes", "W5.1", SYNC, &[0; 7]),
    frame("SYNC_KEY without a body", "W5.1", SYNC_KEY, &[]),
    frame("CUSTOMER of 35 bytes", "W5.1", CUSTOMER, &[0; 35]),
    frame("CUSTOMER_V2 of 35 bytes", "W5.1", CUSTOMER_V2, &[0; 35]),
    frame("METADATA of 31 bytes", "W10.2", METADATA, &[0; 31]),
    frame("AUTH_TOKEN of 3 bytes", "W5.5", AUTH_TOKEN, &[2, 0, 0]),
    frame("AUTH_TOKEN whose token goes past the end", "W5.6", AUTH_TOKEN, &[2, 200, b'a', 0]),
];

/// These are ignored from a client that has logged in.
pub(super) const IGNORED: [BadFrame; 9] = [
    frame("AUTH_STATUS", "S5.2", AUTH_STATUS, &[0; 4]),
    frame("PONG", "S5.2", PONG, &[]),
    frame("SYNC_BEGIN", "S5.2", SYNC_BEGIN, &[0; 8]),
    frame("SYNC_END", "S5.2", SYNC_END, &[0; 8]),
    frame("SYNC_NOTIFY", "S5.2", SYNC_NOTIFY, &[0x7f; 8]),
    frame("METADATA", "S5.2", METADATA, &[0x7f; 32]),
    frame("ACK", "S5.1", ACK, &[0, 0, 0, 1]),
    frame("SYNC_KEY of 0", "S3.2", SYNC_KEY, &[0; 8]),
    frame("a further AUTH_TOKEN", "S1.7", AUTH_TOKEN, b"\x02\x06nobody\x01x"),
];

/// Until somebody has logged in these are ignored (S1.1).
pub(super) const TOO_EARLY: [BadFrame; 4] = [
    frame("SYNC", "S1.1", SYNC, &[0; 8]),
    frame("SYNC_KEY", "S1.1", SYNC_KEY, &[0x7f; 8]),
    frame("METADATA", "S1.1", METADATA, &[0; 32]),
    frame("an unknown command", "S1.1", 200, &[0; 20]),
];

impl BadFrame {
    pub(super) fn bytes(&self, version: u8) -> Vec<u8> {
        let truth = i32::try_from(self.body.len()).unwrap_or(i32::MAX);
        let mut bytes = Vec::with_capacity(HEADER + self.body.len());
        bytes.extend_from_slice(&self.length.unwrap_or(truth).to_be_bytes());
        bytes.extend_from_slice(&0_i32.to_be_bytes());
        bytes.extend_from_slice(&[self.command, version, 0, 0]);
        bytes.extend_from_slice(self.body);
        bytes
    }
}

/// A message that must be met with silence.
#[derive(Debug)]
pub(super) struct BadMessage {
    pub(super) what: &'static str,
    pub(super) rule: &'static str,
    pub(super) body: Body,
}

/// Somebody whose messages are all refused.
#[derive(Clone, Debug)]
pub(super) struct Offender {
    /// Who has logged in.
    pub(super) account: Account,
    pub(super) is_seller: bool,
    /// A seller, and a customer.
    pub(super) seller: Account,
    pub(super) customer: Account,
    pub(super) content: Bytes,
}

impl Offender {
    pub(super) fn messages(&self) -> Vec<BadMessage> {
        let Self { account: me, seller, customer, .. } = *self;
        let message = |what, rule, body| BadMessage { what, rule, body };
        let mut messages = vec![
            message("CUSTOMER_V2 in another's name", "H13.1", self.v2(next(me), self.other())),
            message("CUSTOMER_V2 from another app", "H13.1", self.v2(elsewhere(me), seller)),
        ];
        if self.is_seller {
            let (other, stranger) = (next(me), Account::new(customer.appid, me.uid));
            messages.extend([
                message("CUSTOMER_SUPPORT in another's name", "H3.2", self.support(other)),
                message("CUSTOMER of another app", "H2.1", self.customer(stranger, seller)),
            ]);
        } else {
            let nobody = Account::new(seller.appid, UserId(0));
            messages.extend([
                message("CUSTOMER in another's name", "H2.2", self.customer(next(me), seller)),
                message("CUSTOMER of another app", "H2.1", self.customer(elsewhere(me), seller)),
                message("CUSTOMER to seller 0", "H2.3", self.customer(me, nobody)),
                message("CUSTOMER_SUPPORT from a customer", "H3.1", self.support(seller)),
                message("CUSTOMER_V2 to a customer", "H13.2", self.v2(me, next(me))),
            ]);
        }
        messages
    }

    /// A message that would be accepted, if a server read it.
    pub(super) fn proper(&self) -> Body {
        if self.is_seller {
            self.support(self.account)
        } else {
            self.customer(self.account, self.seller)
        }
    }

    /// Whom this one may write to.
    fn other(&self) -> Account {
        if self.is_seller { self.customer } else { self.seller }
    }

    fn customer(&self, from: Account, to: Account) -> Body {
        Body::Customer(self.v1(from, to.uid))
    }

    fn support(&self, from: Account) -> Body {
        Body::CustomerSupport(self.v1(self.customer, from.uid))
    }

    fn v1(&self, customer: Account, seller_id: UserId) -> CustomerMessage {
        CustomerMessage {
            customer_appid: customer.appid,
            customer_id: customer.uid,
            store_id: StoreId(1),
            seller_id,
            timestamp: UnixTime::from(0),
            content: self.content.clone(),
        }
    }

    fn v2(&self, sender: Account, receiver: Account) -> Body {
        let (timestamp, content) = (UnixTime::from(0), self.content.clone());
        Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp, content })
    }
}

/// Somebody else.
fn next(Account { appid, uid }: Account) -> Account {
    Account::new(appid, UserId(uid.0.wrapping_add(1).max(1)))
}

/// The same uid in an app that nobody here is of.
fn elsewhere(Account { appid, uid }: Account) -> Account {
    Account::new(AppId(appid.0.wrapping_add(1_000_003).max(1)), uid)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kefu_proto::{Config, DeviceId, Flags, Message, Seq, Version};
    use kefu_proto::{DecodeError, FrameDecoder, FrameLimit, Identity, Parsed, Session};

    use super::*;

    fn parse(bad: &BadFrame) -> Result<Parsed, DecodeError> {
        let mut bytes = BytesMut::from(&bad.bytes(1)[..]);
        let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes)?;
        frame.expect("a whole frame").parse()
    }

    #[test]
    fn what_must_end_a_connection_is_no_message_and_what_is_ignored_is_one() {
        for bad in &ENDING {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        for ignored in IGNORED.iter().chain(&TOO_EARLY) {
            assert!(parse(ignored).is_ok(), "{ignored:?}");
        }
    }

    #[test]
    fn every_message_breaks_the_rule_that_is_named_and_the_proper_one_none() {
        let [seller, customer] =
            [(1453, 1), (7, 1)].map(|(appid, uid)| Account::new(AppId(appid), UserId(uid)));
        for (account, is_seller) in [(seller, true), (customer, false)] {
            let content = Bytes::from_static(b"{}");
            let offender = Offender { account, is_seller, seller, customer, content };
            let identity = Identity::new(account, DeviceId(1)).unwrap();
            let session = Session::new(Config::new(seller.appid).unwrap(), identity);
            let handle = |body| {
                let (seq, version, flags) = (Seq(1), Version(1), Flags::TEXT);
                session.handle(Message { seq, version, flags, body }, UnixTime::from(0))
            };
            for bad in offender.messages() {
                let refusal = handle(bad.body).expect_err(bad.what).to_string();
                assert!(refusal.starts_with(bad.rule), "{}: {refusal}", bad.what);
            }
            assert!(handle(offender.proper()).is_ok());
        }
    }
}
