//! A host around the library, with clients of both versions.

use std::collections::BTreeMap;

use bytes::BytesMut;
use kefu_proto::{
    Account, AppId, Appended, Body, Config, CustomerMessage, CustomerMessageV2, DeviceId, Dialect,
    Effect, Flags, Identity, Message, MsgId, Online, Outbound, Request, SaveMessage, Seq, StoreId,
    StoredMessage, SyncBounds, UnixTime, UserId, Version,
};

use super::{Act, CAST, KEFU, NOW, Seat, asked, may_write, sides};
use crate::codec::bytes;
use crate::script::Script;

/// The library, with clients of both versions.
pub(super) struct Mixed {
    seats: Vec<Seat>,
    pub(super) connections: Vec<(Online, Vec<u8>)>,
    synced: Vec<bool>,
    store: Store,
}

#[derive(Default)]
struct Store {
    queues: BTreeMap<(AppId, UserId), Vec<StoredMessage>>,
    kept: BTreeMap<(AppId, UserId), MsgId>,
    last: i64,
}

impl Store {
    fn append(&mut self, save: SaveMessage<'_>) -> Appended {
        self.last += 1;
        let msgid = MsgId(self.last);
        let queue = self.queues.entry((save.queue().appid, save.queue().uid)).or_default();
        let previous = Some(queue.last().map_or(MsgId(0), |row| row.msgid));
        queue.push(StoredMessage::new(save, msgid));
        Appended { msgid, previous }
    }
}

impl Mixed {
    pub(super) fn new(seats: &[Seat]) -> Self {
        let connections = seats.iter().map(|&seat| (connect(seat), Vec::new())).collect();
        let (seats, synced) = (seats.to_vec(), vec![false; seats.len()]);
        Self { seats, connections, synced, store: Store::default() }
    }

    pub(super) fn take(&mut self, act: &Act) {
        let (seat, message, fails) = match act {
            Act::Say { seat, to, seq, flags, content, fails } => {
                let Some(from) = self.seats.get(*seat) else { return };
                // H13.2 refuses it; version 1 cannot even say it.
                if !from.speaks_v2 && !may_write(from.user, *to) {
                    return;
                }
                let body = body(*from, *to, content);
                let (seq, flags, version) = (Seq(*seq), Flags(*flags), Version(from.version));
                (*seat, Message { seq, version, flags, body }, *fails)
            }
            Act::Sync { seat, key } => {
                let Some(synced) = self.synced.get_mut(*seat) else { return };
                let key = asked(*key, *synced);
                *synced = true;
                (*seat, Body::Sync(MsgId(key)).into(), None)
            }
            Act::Keep { seat, key } => (*seat, Body::SyncKey(MsgId(*key)).into(), None),
            Act::Ping { seat } => (*seat, Body::Ping.into(), None),
        };
        if seat >= self.seats.len() {
            return;
        }
        let mut read = BytesMut::from(&bytes(&message)[..]);
        while let Some(request) =
            self.connections[seat].0.receive(&mut read, UnixTime::from(NOW)).unwrap()
        {
            self.finish(seat, request, fails);
        }
    }

    fn finish(&mut self, seat: usize, request: Request, fails: Option<usize>) {
        let (online, out) = &mut self.connections[seat];
        let account = online.identity().account();
        match request {
            Request::Deliver(delivery) => {
                let mut copies = 0..;
                let store = &mut self.store;
                let effects = delivery.save_with(|save| {
                    if copies.next() == fails { Err(()) } else { Ok(store.append(save)) }
                });
                for effect in effects.iter().flatten() {
                    self.apply(seat, effect);
                }
            }
            Request::Sync(request) => {
                let queue = (account.appid, account.uid);
                let kept = self.store.kept.get(&queue).copied().unwrap_or(MsgId(0));
                let mut answer = online.begin_sync(request, kept, out).unwrap();
                for row in self.store.queues.entry(queue).or_default() {
                    online.sync_row(&mut answer, row.clone(), out).unwrap();
                }
                online.finish_sync(answer, out).unwrap();
            }
            Request::KeepSyncKey(key) => {
                let kept = self.store.kept.entry((account.appid, account.uid)).or_insert(key);
                *kept = key.max(*kept);
            }
            Request::Reply(message) => online.write(&message, out).unwrap(),
            _ => {}
        }
    }

    fn apply(&mut self, own: usize, effect: Effect<'_>) {
        let (to, except, message) = match effect {
            Effect::PushMessage { .. } => return,
            Effect::SendAppMessage { to, message } => (Some(to), None, message),
            Effect::SendMessage { to, message } => (Some(to), Some(own), message),
            Effect::EnqueueMessage { message } => (None, None, message),
        };
        for index in 0..self.seats.len() {
            let is_target = to.map_or(index == own, |to| account(self.seats[index]) == to);
            if is_target && except != Some(index) {
                self.write(index, &message);
            }
        }
    }

    fn write(&mut self, index: usize, message: &Outbound<'_>) {
        let (online, out) = &mut self.connections[index];
        online.write(message, out).unwrap();
    }
}

fn account(seat: Seat) -> Account {
    let [appid, uid] = CAST[seat.user];
    Account::new(AppId(appid), UserId(uid))
}

fn connect(seat: Seat) -> Online {
    let identity = Identity::new(account(seat), DeviceId(seat.device_id)).unwrap();
    let dialect = if seat.speaks_v2 { Dialect::V2 } else { Dialect::V1 };
    let version = Version(seat.version);
    let (config, bounds) = (Config::new(AppId(KEFU)).unwrap(), SyncBounds::default());
    Script { config, identity, version, dialect, bounds, steps: Vec::new() }.connect()
}

/// What somebody says, in the version of their connection.
fn body(from: Seat, to: usize, content: &[u8]) -> Body {
    let (timestamp, content) = (UnixTime::from(0), content.to_vec().into());
    if from.speaks_v2 {
        let [appid, uid] = CAST[to];
        let (sender, receiver) = (account(from), Account::new(AppId(appid), UserId(uid)));
        return Body::CustomerV2(CustomerMessageV2 { sender, receiver, timestamp, content });
    }
    let (customer, command, seller) = sides(from.user, to);
    let text = CustomerMessage {
        customer_appid: AppId(customer[0]),
        customer_id: UserId(customer[1]),
        store_id: StoreId(0),
        seller_id: UserId(seller),
        timestamp,
        content,
    };
    if command == 24 { Body::Customer(text) } else { Body::CustomerSupport(text) }
}
