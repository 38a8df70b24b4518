//! Rows of a queue, of all kinds.

use bytes::Bytes;
use kefu_proto::{Account, Command, CustomerMessage, CustomerMessageV2, DeviceId, Identity};
use kefu_proto::{MsgId, StoreId, StoredMessage, UnixTime};

use crate::chat::{CUSTOMER, SELLER};
use crate::input::Choices;
use crate::reference;

/// A row somewhere near the last; this user or another may have sent it, from any device.
pub(super) fn near(after: MsgId, identity: Identity, choices: &mut Choices<'_>) -> StoredMessage {
    let msgid = MsgId(after.0.saturating_add(choices.number()));
    let own = identity.account();
    let customer = if choices.of(2) == 0 { CUSTOMER } else { own };
    let seller = if choices.of(2) == 0 { SELLER } else { own };
    let (command, mut body, length) = match choices.of(10) {
        0 => (24, v1(customer, seller), 38),
        1 => (25, v1(customer, seller), 38),
        // Without a sender: too short, no chat message.
        2 => (25, v1(customer, seller), 35),
        3 => (34, v1(customer, seller), 38),
        4 => (64, v2(customer, seller), 38),
        5 => (64, v2(seller, customer), 38),
        6 => (64, v2(customer, seller), 35),
        7 => (24, v1(customer, seller), 0),
        8 => (37, v2(customer, seller), 32),
        _ => (99, vec![1], 1),
    };
    body.truncate(length);
    let other_device = choices.of(2) == 1;
    let device_id = DeviceId(identity.device_id().0 ^ i64::from(other_device));
    StoredMessage { msgid, device_id, command: Command(command), body: body.into() }
}

fn v1(customer: Account, seller: Account) -> Vec<u8> {
    reference::chat_bytes(&CustomerMessage {
        customer_appid: customer.appid,
        customer_id: customer.uid,
        store_id: StoreId(1),
        seller_id: seller.uid,
        timestamp: UnixTime::from(0),
        content: Bytes::from_static(b"{}"),
    })
}

fn v2(sender: Account, receiver: Account) -> Vec<u8> {
    reference::chat_v2_bytes(&CustomerMessageV2 {
        sender,
        receiver,
        timestamp: UnixTime::from(0),
        content: Bytes::from_static(b"{}"),
    })
}
