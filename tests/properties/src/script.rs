//! A connection and what happens to it: to the library's, and to the reference.

use bytes::{BufMut, BytesMut};
use kefu_proto::strategy;
use kefu_proto::{
    AuthToken, Body, ChatMessage, Command, Config, DeviceId, Dialect, Encode, EncodeError, Flags,
    Frame, FrameLimit, Identity, Login, LoginStep, Message, MsgId, Online, OwnedOutbound, Platform,
    Request, Seq, ShortBytes, StoreId, StoredMessage, SyncBounds, SyncRow, UnixTime, Version,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::codec::bytes;
use crate::pairs;
use crate::reference::{self, Fate, Reference, Row};

/// A connection and what happens to it.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) version: Version,
    pub(crate) dialect: Dialect,
    pub(crate) bounds: SyncBounds,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// The client sends a chat message.
    Say(ChatMessage),
    /// The host writes something.
    Write(Value),
    /// The client sends a SYNC, and the host reads this queue in pages.
    Sync { asked: MsgId, kept: MsgId, rows: Vec<StoredMessage>, page: usize, store_id: StoreId },
}

/// All kinds of values that can be written.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Owned(OwnedOutbound),
    Message(Message),
    Frame(Frame),
    Chat(ChatMessage),
}

impl Script {
    pub(crate) fn connect(&self) -> Online {
        let mut read = login(self.version, Platform::WEB);
        let login = Login::new(self.config, FrameLimit::CLIENT);
        let step = login.receive(&mut read, &mut Vec::new()).unwrap();
        let LoginStep::Authenticate(mut authentication) = step else { panic!("a login") };
        authentication.set_dialect(self.dialect);
        let mut online = authentication.accept(self.identity, &mut Vec::new()).unwrap();
        online.set_sync_bounds(self.bounds);
        online
    }

    pub(crate) fn reference(&self) -> Reference {
        let (account, device_id) = (self.identity.account(), self.identity.device_id());
        let account = [account.appid.0, account.uid.0];
        let bounds = (self.bounds.rows, self.bounds.bytes);
        let who = (self.config.kefu_appid().0, account, device_id.0);
        Reference::new(who, self.version.0, self.dialect, bounds)
    }
}

impl Step {
    /// Lets it happen to both, and returns what the connection has written.
    pub(crate) fn take(
        &self,
        online: &mut Online,
        reference: &mut Reference,
    ) -> Result<Vec<u8>, TestCaseError> {
        let mut out = Vec::new();
        match self {
            Self::Say(message) => {
                let mut read = BytesMut::from(&bytes(message)[..]);
                if let Some(Request::Deliver(_)) = online.receive(&mut read, UnixTime::from(1))? {
                    reference.heard(message.command().0);
                }
                while online.receive(&mut read, UnixTime::from(1))?.is_some() {}
            }
            Self::Write(value) => {
                value.expect(reference);
                value.write(online, &mut out)?;
            }
            Self::Sync { asked, kept, rows, page, store_id } => {
                let newest = rows.last().map_or(MsgId(0), |row| row.msgid);
                let pages = rows.chunks(*page);
                let fates = answer(online, (*asked, *kept), pages, newest, *store_id, &mut out)?;
                let rows: Vec<_> = rows.iter().map(row).collect();
                let key = (asked.0, kept.0);
                prop_assert_eq!(fates, reference.sync(key, &rows, newest.0, store_id.0));
            }
        }
        Ok(out)
    }
}

/// Answers a SYNC as a host does, and tells what became of each row.
pub(crate) fn answer<'r>(
    online: &mut Online,
    (asked, kept): (MsgId, MsgId),
    pages: impl Iterator<Item = &'r [StoredMessage]>,
    newest: MsgId,
    store_id: StoreId,
    out: &mut Vec<u8>,
) -> Result<Vec<Fate>, TestCaseError> {
    let mut read = BytesMut::from(&bytes(&Message::from(Body::Sync(asked)))[..]);
    let request = match online.receive(&mut read, UnixTime::from(1))? {
        Some(Request::Sync(request)) => request,
        other => return Err(TestCaseError::fail(format!("{other:?}"))),
    };
    prop_assert_eq!(request.wants_kept_key(), asked == MsgId(0));
    let mut answer = online.begin_sync(request, kept, out)?;
    answer.set_store(store_id);
    let mut fates = Vec::new();
    for row in pages.flatten() {
        if answer.after().is_none() {
            break;
        }
        fates.push(match online.sync_row(&mut answer, row.clone(), out)? {
            SyncRow::Taken => Fate::Taken,
            SyncRow::LeftOut => Fate::LeftOut,
            SyncRow::Unreadable(_) => Fate::Unreadable,
            SyncRow::Full => Fate::Full,
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        });
    }
    if answer.wants_newest() {
        answer.set_newest(newest);
    }
    online.finish_sync(answer, out)?;
    Ok(fates)
}

impl Value {
    pub(crate) fn write(
        &self,
        online: &mut Online,
        out: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        match self {
            Self::Owned(owned) => {
                // Lent, it is the same.
                online.write(&owned.get(), out)
            }
            Self::Message(message) => online.write(&message, out),
            Self::Frame(frame) => online.write(frame, out),
            Self::Chat(chat) => online.write(chat, out),
        }
    }

    pub(crate) fn expect(&self, reference: &mut Reference) {
        let (mut bytes, raw) = (Vec::new(), matches!(self, Self::Frame(_)));
        match self {
            Self::Owned(owned) => owned.encode(&mut bytes).unwrap(),
            Self::Message(message) => message.encode(&mut bytes).unwrap(),
            Self::Frame(frame) => frame.encode(&mut bytes).unwrap(),
            Self::Chat(chat) => chat.encode(&mut bytes).unwrap(),
        }
        reference.write(&reference::frames(&bytes), raw);
    }
}

fn row(row: &StoredMessage) -> Row {
    let StoredMessage { msgid, device_id, command, body } = row.clone();
    Row { msgid: msgid.0, device_id: device_id.0, command: command.0, body: body.to_vec() }
}

pub(crate) fn script() -> impl Strategy<Value = Script> {
    (strategy::login(), strategy::version(), dialect(), bounds()).prop_flat_map(
        |((config, identity), version, dialect, bounds)| {
            vec(step(config, identity), 0..12).prop_map(move |steps| Script {
                config,
                identity,
                version,
                dialect,
                bounds,
                steps,
            })
        },
    )
}

pub(crate) fn dialect() -> impl Strategy<Value = Dialect> {
    select(&[Dialect::V1, Dialect::V2, Dialect::AsSent][..])
}

fn bounds() -> impl Strategy<Value = SyncBounds> {
    (0..6_usize, prop_oneof![0..300_usize, Just(usize::MAX)])
        .prop_map(|(rows, bytes)| SyncBounds { rows, bytes })
}

fn step(config: Config, identity: Identity) -> impl Strategy<Value = Step> {
    let said = prop_oneof![
        3 => strategy::accepted(config, identity),
        1 => strategy::refused(config, identity),
    ];
    let key = || prop_oneof![4 => 0..12_i64, 1 => any::<i64>()].prop_map(MsgId);
    let sync = (key(), key(), queue(config, identity), 1..4_usize, strategy::store_id());
    prop_oneof![
        2 => said.prop_map(Step::Say),
        5 => value().prop_map(Step::Write),
        3 => sync.prop_map(|(asked, kept, rows, page, store_id)| {
            Step::Sync { asked, kept, rows, page, store_id }
        }),
    ]
    .boxed()
}

pub(crate) fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => pairs::outbound().prop_map(Value::Owned),
        2 => strategy::message().prop_map(Value::Message),
        1 => strategy::frame().prop_map(Value::Frame),
        1 => strategy::chat_message().prop_map(Value::Chat),
    ]
    .boxed()
}

/// Some rows, with ids that grow.
pub(crate) fn queue(
    config: Config,
    identity: Identity,
) -> impl Strategy<Value = Vec<StoredMessage>> {
    vec((1..4_i64, stored(config, identity)), 0..8).prop_map(|rows| {
        let mut last = 0;
        let numbered = rows.into_iter().map(|(step, row)| {
            last += step;
            StoredMessage { msgid: MsgId(last), ..row }
        });
        numbered.collect()
    })
}

/// Mostly chat messages, many of them sent by this session; and what no store should hold.
fn stored(config: Config, identity: Identity) -> impl Strategy<Value = StoredMessage> {
    let chat = prop_oneof![strategy::accepted(config, identity), strategy::chat_message()];
    let chat = chat.prop_map(|chat| {
        let mut body = Vec::new();
        chat.encode_body(&mut body).unwrap();
        (chat.command(), body.into())
    });
    // Not an ACK: with its status, which is in the body alone, it would be as good as another.
    let other = prop_oneof![strategy::frame(), strategy::malformed_frame()]
        .prop_filter("no ACK", |frame| frame.command != Command::ACK);
    let other = other.prop_map(|frame| (frame.command, frame.body));
    let device_id = prop_oneof![Just(identity.device_id()), strategy::device_id()];
    (prop_oneof![4 => chat, 1 => other], device_id)
        .prop_map(|((command, body), device_id): (_, DeviceId)| StoredMessage {
            msgid: MsgId(0),
            device_id,
            command,
            body,
        })
        .boxed()
}

/// The frame of a login.
pub(crate) fn login(version: Version, platform: Platform) -> BytesMut {
    let [token, device_id] = [&b"token"[..], b"d"].map(|bytes| ShortBytes::new(bytes).unwrap());
    let body = Body::AuthToken(AuthToken { platform, token, device_id });
    let message = Message { seq: Seq(1), version, flags: Flags::NONE, body };
    BytesMut::from(&bytes(&message)[..])
}
