//! The bodies of chat messages, field by field (W4, W9).

use core::fmt;

use bytes::Bytes;

use super::chat::ChatBody;
use crate::id::{Account, AppId, StoreId, UnixTime, UserId};
use crate::wire::View;

/// The body of CUSTOMER and CUSTOMER_SUPPORT (W4): the two parties and the content.
///
/// `Debug` shows the length of the content, never the content.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Eq, PartialEq)]
pub struct CustomerMessage {
    /// The tenant's app that the customer uses.
    pub customer_appid: AppId,
    /// The customer within that app.
    pub customer_id: UserId,
    /// The shop that the conversation is about.
    pub store_id: StoreId,
    /// The seller within the kefu app.
    pub seller_id: UserId,
    /// When the message was sent. What a client says is replaced by the server's time (H4.1).
    pub timestamp: UnixTime,
    /// What the clients say to each other (W4.2): opaque here, and not necessarily UTF-8. It shares
    /// the memory of the read buffer, so a host that keeps it for long copies it.
    pub content: Bytes,
}

/// The body of CUSTOMER_V2 (W9): a message from anybody to anybody, one of them a user of the kefu
/// app.
///
/// `Debug` shows the length of the content, never the content.
#[cfg_attr(feature = "serde", derive(serde::Deserialize, serde::Serialize))]
#[derive(Clone, Eq, PartialEq)]
pub struct CustomerMessageV2 {
    /// Who writes: `sender_appid` and `sender`.
    pub sender: Account,
    /// Who is written to: `receiver_appid` and `receiver`.
    pub receiver: Account,
    /// When the message was sent. What a client says is replaced by the server's time (H4.1).
    pub timestamp: UnixTime,
    /// What the clients say to each other (W9.2): opaque here, and not necessarily UTF-8. It shares
    /// the memory of the read buffer, so a host that keeps it for long copies it.
    pub content: Bytes,
}

impl From<ChatBody> for CustomerMessage {
    #[inline]
    fn from(ChatBody { ids, timestamp, content }: ChatBody) -> Self {
        let [customer_appid, customer_id, store_id, seller_id] = ids;
        Self {
            customer_appid: AppId(customer_appid),
            customer_id: UserId(customer_id),
            store_id: StoreId(store_id),
            seller_id: UserId(seller_id),
            timestamp,
            content,
        }
    }
}

impl CustomerMessage {
    /// The four ids in the order of W4.
    #[inline]
    pub(super) const fn ids(&self) -> [i64; 4] {
        let Self { customer_appid, customer_id, store_id, seller_id, .. } = self;
        [customer_appid.0, customer_id.0, store_id.0, seller_id.0]
    }

    pub(super) fn view(&self) -> View<'_> {
        View::Chat { ids: self.ids(), timestamp: self.timestamp, content: &self.content }
    }
}

impl From<CustomerMessage> for ChatBody {
    #[inline]
    fn from(message: CustomerMessage) -> Self {
        let ids = message.ids();
        Self { ids, timestamp: message.timestamp, content: message.content }
    }
}

impl From<ChatBody> for CustomerMessageV2 {
    #[inline]
    fn from(ChatBody { ids, timestamp, content }: ChatBody) -> Self {
        let [sender_appid, sender, receiver_appid, receiver] = ids;
        Self {
            sender: Account::new(AppId(sender_appid), UserId(sender)),
            receiver: Account::new(AppId(receiver_appid), UserId(receiver)),
            timestamp,
            content,
        }
    }
}

impl CustomerMessageV2 {
    /// The four ids in the order of W9.
    #[inline]
    pub(super) const fn ids(&self) -> [i64; 4] {
        let Self { sender, receiver, .. } = self;
        [sender.appid.0, sender.uid.0, receiver.appid.0, receiver.uid.0]
    }

    pub(super) fn view(&self) -> View<'_> {
        View::Chat { ids: self.ids(), timestamp: self.timestamp, content: &self.content }
    }
}

impl From<CustomerMessageV2> for ChatBody {
    #[inline]
    fn from(message: CustomerMessageV2) -> Self {
        let ids = message.ids();
        Self { ids, timestamp: message.timestamp, content: message.content }
    }
}

impl fmt::Debug for CustomerMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerMessage")
            .field("customer_appid", &self.customer_appid)
            .field("customer_id", &self.customer_id)
            .field("store_id", &self.store_id)
            .field("seller_id", &self.seller_id)
            .field("timestamp", &self.timestamp)
            .field("content_len", &self.content.len())
            .finish()
    }
}

impl fmt::Debug for CustomerMessageV2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CustomerMessageV2")
            .field("sender", &self.sender)
            .field("receiver", &self.receiver)
            .field("timestamp", &self.timestamp)
            .field("content_len", &self.content.len())
            .finish()
    }
}
