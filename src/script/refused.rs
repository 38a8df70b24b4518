//! Messages that a host must refuse.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::id::{Account, AppId, StoreId, UnixTime, UserId};
use crate::message::{Body, CustomerMessage, CustomerMessageV2};

/// The rule by which a host must refuse a message. A client may send it whatever its version is:
/// what is refused tells nothing about its dialect (D1.6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Refused {
    /// H2.1: from another app.
    WrongApp,
    /// H2.2: from another customer.
    AnotherCustomer,
    /// H2.3
    SellerZero,
    /// H3.1: a customer speaks as a seller.
    NoSeller,
    /// H3.2
    AnotherSeller,
    /// H13.1
    AnotherSender,
    /// H13.2: from a customer to a customer.
    NoKefuApp,
}

/// Those that a customer can send.
pub(super) const OF_CUSTOMERS: &[Refused] = &[
    Refused::AnotherCustomer,
    Refused::WrongApp,
    Refused::SellerZero,
    Refused::NoSeller,
    Refused::AnotherSender,
    Refused::NoKefuApp,
];

/// Those that a seller can send.
pub(super) const OF_SELLERS: &[Refused] =
    &[Refused::AnotherSeller, Refused::SellerZero, Refused::AnotherSender];

impl Refused {
    pub(super) fn body(self, from: Account, to: Account, content: Vec<u8>) -> Body {
        let content = Bytes::from(content);
        match self {
            Self::WrongApp => Body::Customer(v1(next_app(from), to.uid, content)),
            Self::AnotherCustomer => Body::Customer(v1(next_user(from), to.uid, content)),
            Self::SellerZero => Body::Customer(v1(from, UserId(0), content)),
            Self::NoSeller => Body::CustomerSupport(v1(from, to.uid, content)),
            Self::AnotherSeller => Body::CustomerSupport(v1(to, next_user(from).uid, content)),
            Self::AnotherSender => Body::CustomerV2(v2(next_user(from), to, content)),
            Self::NoKefuApp => Body::CustomerV2(v2(from, next_user(from), content)),
        }
    }

    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::WrongApp => "H2.1",
            Self::AnotherCustomer => "H2.2",
            Self::SellerZero => "H2.3",
            Self::NoSeller => "H3.1",
            Self::AnotherSeller => "H3.2",
            Self::AnotherSender => "H13.1",
            Self::NoKefuApp => "H13.2",
        }
    }
}

const fn next_app(Account { appid, uid }: Account) -> Account {
    Account::new(AppId(appid.0.wrapping_add(1)), uid)
}

const fn next_user(Account { appid, uid }: Account) -> Account {
    Account::new(appid, UserId(uid.0.wrapping_add(1)))
}

fn v1(customer: Account, seller_id: UserId, content: Bytes) -> CustomerMessage {
    CustomerMessage {
        customer_appid: customer.appid,
        customer_id: customer.uid,
        store_id: StoreId(1),
        seller_id,
        timestamp: UnixTime::from(1),
        content,
    }
}

fn v2(sender: Account, receiver: Account, content: Bytes) -> CustomerMessageV2 {
    CustomerMessageV2 { sender, receiver, timestamp: UnixTime::from(1), content }
}
