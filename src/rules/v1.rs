//! Version 1: CUSTOMER and CUSTOMER_SUPPORT (H2, H3, H5, H6.3).

use super::refusal::Refusal;
use super::ruling::Ruling;
use crate::id::{Account, AppId, UserId};
use crate::identity::{Config, Identity};
use crate::message::{ChatMessage, Parties, Party};
use crate::wire::Flags;

/// What a message from that side is, or the first rule that it breaks.
#[inline]
pub(crate) fn check(
    config: Config,
    identity: Identity,
    from: Party,
    message: &ChatMessage,
) -> Result<Ruling, Refusal> {
    let sender = identity.account();
    // W4.1
    let [customer_appid, customer_id, _, seller_id] = message.body.ids;
    let customer = Account::new(AppId(customer_appid), UserId(customer_id));
    let receiver = match from {
        Party::Customer => from_customer(config, sender, customer, UserId(seller_id))?,
        Party::Seller => from_seller(config, sender, customer, UserId(seller_id))?,
    };
    // H6.3: the flag decides, whatever the other bits.
    let is_persistent = !message.flags.contains(Flags::UNPERSISTENT);
    Ok(Ruling { parties: Parties { receiver, sender }, from, is_persistent })
}

/// H2: a customer writes in their own name, to somebody. Nothing else is tested (H2.4).
#[inline]
fn from_customer(
    config: Config,
    sender: Account,
    customer: Account,
    seller_id: UserId,
) -> Result<Account, Refusal> {
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

/// H3: a seller is a user of the kefu app and writes in their own name, to anybody (H3.3).
#[inline]
fn from_seller(
    config: Config,
    sender: Account,
    customer: Account,
    seller_id: UserId,
) -> Result<Account, Refusal> {
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
