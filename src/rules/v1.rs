//! Version 1: CUSTOMER and CUSTOMER_SUPPORT (H2, H3, H5, H6.3).

use super::refusal::Refusal;
use crate::id::{Account, AppId, UserId};
use crate::identity::{Config, Identity};
use crate::message::ChatMessage;
use crate::wire::Flags;

/// H6.3: the flag decides, whatever the other bits.
#[inline]
pub(crate) const fn is_persistent(flags: Flags) -> bool {
    !flags.contains(Flags::UNPERSISTENT)
}

/// H2: a customer writes in their own name, to somebody. Nothing else is tested (H2.4). Returns the
/// receiver.
#[inline]
pub(crate) fn from_customer(
    config: Config,
    identity: Identity,
    message: &ChatMessage,
) -> Result<Account, Refusal> {
    let sender = identity.account();
    let (customer, seller_id) = parties(message);
    // H2.1
    if customer.appid != sender.appid {
        let (claimed, session) = (customer.appid, sender.appid);
        return Err(Refusal::CustomerAppIdMismatch { claimed, session });
    }
    // H2.2
    if customer.uid != sender.uid {
        let (claimed, session) = (customer.uid, sender.uid);
        return Err(Refusal::CustomerIdMismatch { claimed, session });
    }
    // H2.3
    if seller_id == UserId(0) {
        return Err(Refusal::SellerIdZero);
    }
    // H5.1
    Ok(Account::new(config.kefu_appid(), seller_id))
}

/// H3: a seller is a user of the kefu app and writes in their own name, to anybody (H3.3). Returns
/// the receiver.
#[inline]
pub(crate) fn from_seller(
    config: Config,
    identity: Identity,
    message: &ChatMessage,
) -> Result<Account, Refusal> {
    let sender = identity.account();
    let (customer, seller_id) = parties(message);
    let kefu_appid = config.kefu_appid();
    // H3.1
    if sender.appid != kefu_appid {
        return Err(Refusal::NotKefuApp { session: sender.appid, kefu_appid });
    }
    // H3.2
    if seller_id != sender.uid {
        return Err(Refusal::SellerIdMismatch { claimed: seller_id, session: sender.uid });
    }
    // H5.2
    Ok(customer)
}

/// W4.1
#[inline]
const fn parties(message: &ChatMessage) -> (Account, UserId) {
    let [customer_appid, customer_id, _, seller_id] = message.body.ids;
    (Account::new(AppId(customer_appid), UserId(customer_id)), UserId(seller_id))
}
