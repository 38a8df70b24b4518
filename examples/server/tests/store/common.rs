//! What the tests of the store share.

use std::path::Path;

use bytes::Bytes;
use kefu_proto::{
    Accepted, Account, AppId, Appended, Body, Config, CustomerMessage, CustomerMessageV2, DeviceId,
    Effect, Effects, Flags, Identity, Message, MsgId, Outbound, Saves, Seq, Session, StoreId,
    StoredMessage, UnixTime, UserId, Version,
};
use kefu_server::store::PageBounds;
use kefu_server::store::embedded::{Options, Store};

pub(crate) const KEFU: AppId = AppId(1453);
pub(crate) const SELLER: Account = Account::new(KEFU, UserId(2));

pub(crate) fn customer(uid: i64) -> Account {
    Account::new(AppId(7), UserId(uid))
}

/// A message of customer `uid` to the seller, ready to be stored.
pub(crate) fn saves(uid: i64, content: impl Into<Bytes>) -> Saves {
    accepted(customer(uid), Body::Customer(text(uid, content)))
}

/// A message of the seller to customer `uid`.
pub(crate) fn reply(uid: i64, content: impl Into<Bytes>) -> Saves {
    accepted(SELLER, Body::CustomerSupport(text(uid, content)))
}

/// A message of version 2.
pub(crate) fn v2(sender: Account, receiver: Account, content: impl Into<Bytes>) -> Saves {
    let (timestamp, content) = (UnixTime::from(0), content.into());
    let message = CustomerMessageV2 { sender, receiver, timestamp, content };
    accepted(sender, Body::CustomerV2(message))
}

/// A message of the seller to the seller.
pub(crate) fn note(content: impl Into<Bytes>) -> Saves {
    let seller_id = SELLER.uid;
    accepted(SELLER, Body::Customer(CustomerMessage { seller_id, ..to_colleague(content) }))
}

/// A message of the seller to their colleague 3, once as a CUSTOMER and once as a
/// CUSTOMER_SUPPORT.
pub(crate) fn colleagues(content: String) -> [Saves; 2] {
    let as_customer = to_colleague(content);
    let (customer_id, seller_id) = (as_customer.seller_id, as_customer.customer_id);
    let as_seller = CustomerMessage { customer_id, seller_id, ..as_customer.clone() };
    [Body::Customer(as_customer), Body::CustomerSupport(as_seller)]
        .map(|body| accepted(SELLER, body))
}

/// A content with a uuid.
pub(crate) fn marked(uuid: impl std::fmt::Display) -> String {
    format!(r#"{{"text":"hello","uuid":"{uuid}"}}"#)
}

/// The msgids of the receiver's and of the sender's copy.
pub(crate) fn msgids(effects: &Effects) -> [MsgId; 2] {
    let notified: Vec<MsgId> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::SendAppMessage { message: Outbound::SyncNotify(id), .. }
            | Effect::SendMessage { message: Outbound::SyncNotify(id), .. } => Some(id),
            _ => None,
        })
        .collect();
    notified.try_into().expect("two notifies")
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(dir, Options::default()).unwrap()
}

/// Saves one message and returns its msgids.
pub(crate) async fn save(store: &Store, saves: Saves) -> [MsgId; 2] {
    msgids(&store.save(vec![saves]).await.unwrap()[0])
}

/// Saves one message and returns all that the store tells of the receiver's and of the sender's
/// copy.
pub(crate) async fn append(store: &Store, saves: Saves) -> [Appended; 2] {
    answers(&store.save(vec![saves]).await.unwrap()[0])
}

/// What the store has told of the receiver's and of the sender's copy.
pub(crate) fn answers(effects: &Effects) -> [Appended; 2] {
    let copies = effects.copies().expect("they are stored");
    [copies.receiver, copies.sender]
}

/// At most this many messages of a queue with greater msgids.
pub(crate) async fn rows(
    store: &Store,
    queue: Account,
    after: MsgId,
    rows: usize,
) -> Vec<StoredMessage> {
    store.page(queue, after, PageBounds { rows, bytes: usize::MAX }).await.unwrap().rows
}

/// The msgids of a whole queue, read in pages.
pub(crate) async fn queue(store: &Store, account: Account) -> Vec<MsgId> {
    let (mut all, mut after) = (Vec::new(), MsgId(0));
    loop {
        let page = rows(store, account, after, 256).await;
        let Some(last) = page.last() else { return all };
        after = last.msgid;
        all.extend(page.iter().map(|row| row.msgid));
    }
}

fn text(uid: i64, content: impl Into<Bytes>) -> CustomerMessage {
    CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(uid),
        store_id: StoreId(3),
        seller_id: SELLER.uid,
        timestamp: UnixTime::from(0),
        content: content.into(),
    }
}

fn to_colleague(content: impl Into<Bytes>) -> CustomerMessage {
    let (customer_appid, customer_id) = (KEFU, SELLER.uid);
    CustomerMessage { customer_appid, customer_id, seller_id: UserId(3), ..text(0, content) }
}

fn accepted(from: Account, body: Body) -> Saves {
    accepted_in(KEFU, from, body, 1_500_000_000)
}

/// What a server for the sellers of an app makes of a message, at a time.
pub(crate) fn accepted_in(kefu: AppId, from: Account, body: Body, now: i32) -> Saves {
    let session =
        Session::new(Config::new(kefu).unwrap(), Identity::new(from, DeviceId(11)).unwrap());
    let message = Message { seq: Seq(1), version: Version(1), flags: Flags::NONE, body };
    match session.handle(message, UnixTime::from(now)).unwrap().accept() {
        Accepted::Persistent(saves) => saves,
        Accepted::Transient(_) => unreachable!("flags are 0"),
    }
}
