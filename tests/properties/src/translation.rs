//! There and back: what a translation keeps (D2).

use kefu_proto::strategy;
use kefu_proto::{
    AppId, ChatMessage, Command, Config, DeviceId, Dialect, Encode, Flags, Identity, MsgId,
    Outbound, StoreId, StoredMessage, SyncBounds, Version,
};
use proptest::prelude::*;

use crate::ids;
use crate::reference::{self, CUSTOMER, CUSTOMER_SUPPORT, OF_SERVERS, Written, ids_of};
use crate::script::{Script, answer};

proptest! {
    /// D2, D3.4: live, an unpersistent message above all.
    #[test]
    fn d2_there_and_back_a_message_says_the_same(chat in accepted()) {
        let Accepted { config, ref message, .. } = chat;
        let there = chat.live(message, other(message.command()))?;
        let flags = message.flags.0 & !OF_SERVERS;
        prop_assert_eq!(there.flags, flags);
        let back = chat.live(&parsed(&there), own(message.command()))?;
        prop_assert_eq!(back.flags, flags);
        is_same(config.kefu_appid(), &written(message), &there)?;
        is_same(config.kefu_appid(), &written(message), &back)?;
        is_translated_back(config.kefu_appid(), message, &back)?;
    }

    /// D2, D4.1–D4.4: as a queue is read.
    #[test]
    fn d2_a_stored_message_says_the_same_in_each_dialect(
        chat in accepted(),
        store_id in strategy::store_id(),
    ) {
        let Accepted { config, ref message, .. } = chat;
        let there = chat.stored(message, other(message.command()), store_id)?;
        let back = chat.stored(&parsed(&there), own(message.command()), store_id)?;
        for written in [&there, &back] {
            prop_assert_eq!(written.flags, 0);
        }
        is_same(config.kefu_appid(), &written(message), &there)?;
        is_same(config.kefu_appid(), &written(message), &back)?;
        is_translated_back(config.kefu_appid(), message, &back)?;
        // D2.4: the one thing that a message of version 2 does not say.
        let in_v1 = if there.command == 64 { &back } else { &there };
        prop_assert_eq!(ids_of(&in_v1.body)[2], store_id.0);
        let as_sent = chat.stored(message, Dialect::AsSent, store_id)?;
        prop_assert_eq!(as_sent, Written { flags: 0, ..written(message) });
    }
}

/// A message that its session accepts.
#[derive(Clone, Debug)]
struct Accepted {
    config: Config,
    /// Somebody else.
    reader: Identity,
    message: ChatMessage,
}

fn accepted() -> impl Strategy<Value = Accepted> {
    strategy::login().prop_flat_map(|(config, identity)| {
        // The device of nobody who writes.
        let reader = Identity::new(identity.account(), DeviceId(identity.device_id().0 ^ 64));
        let reader = reader.unwrap();
        strategy::accepted(config, identity).prop_map(move |message| Accepted {
            config,
            reader,
            message,
        })
    })
}

impl Accepted {
    fn connect(&self, dialect: Dialect) -> kefu_proto::Online {
        let (bounds, version) = (SyncBounds::default(), Version(1));
        let (config, identity, steps) = (self.config, self.reader, Vec::new());
        Script { config, identity, version, dialect, bounds, steps }.connect()
    }

    /// The message as a connection of this dialect writes it.
    fn live(&self, message: &ChatMessage, dialect: Dialect) -> Result<Written, TestCaseError> {
        let mut out = Vec::new();
        self.connect(dialect).write(&Outbound::Chat(message), &mut out)?;
        one(&out)
    }

    /// The message as it comes out of a queue.
    fn stored(
        &self,
        message: &ChatMessage,
        dialect: Dialect,
        store_id: StoreId,
    ) -> Result<Written, TestCaseError> {
        let mut body = Vec::new();
        message.encode_body(&mut body)?;
        let (msgid, command) = (MsgId(1), message.command());
        let device_id = DeviceId(self.reader.device_id().0 ^ 1);
        let row = StoredMessage { msgid, device_id, command, body: body.into() };
        let mut out = Vec::new();
        let keys = (MsgId(0), MsgId(0));
        let rows = [row];
        answer(&mut self.connect(dialect), keys, rows.chunks(1), msgid, store_id, &mut out)?;
        let frames = reference::frames(&out);
        prop_assert_eq!(frames.len(), 3, "{:?}", frames);
        Ok(frames[1].clone())
    }
}

fn parsed(written: &Written) -> ChatMessage {
    let Written { command, flags, body } = written.clone();
    let frame = kefu_proto::Frame::new(Command(command), body.into());
    let frame = kefu_proto::Frame { flags: Flags(flags), ..frame };
    let Ok(kefu_proto::Parsed::Message(message)) = frame.parse() else { panic!("no message") };
    message.try_into().unwrap()
}

fn one(out: &[u8]) -> Result<Written, TestCaseError> {
    let mut frames = reference::frames(out);
    prop_assert_eq!(frames.len(), 1, "{:?}", frames);
    Ok(frames.remove(0))
}

fn written(message: &ChatMessage) -> Written {
    let mut body = Vec::new();
    message.encode_body(&mut body).unwrap();
    Written { command: message.command().0, flags: message.flags.0, body }
}

/// The dialect that does not know a command, and the one that does.
fn other(command: Command) -> Dialect {
    if command == Command::CUSTOMER_V2 { Dialect::V1 } else { Dialect::V2 }
}

fn own(command: Command) -> Dialect {
    if command == Command::CUSTOMER_V2 { Dialect::V2 } else { Dialect::V1 }
}

/// D2: sender, receiver, time and content.
fn is_same(kefu: AppId, one: &Written, another: &Written) -> Result<(), TestCaseError> {
    prop_assert_eq!(parties(kefu, one), parties(kefu, another));
    prop_assert_eq!(&one.body[32..], &another.body[32..]);
    Ok(())
}

/// D2: and the command but between two accounts of the kefu app.
fn is_translated_back(
    AppId(kefu): AppId,
    message: &ChatMessage,
    back: &Written,
) -> Result<(), TestCaseError> {
    let between_kefu = message.command() == Command::CUSTOMER && ids(message)[0] == kefu;
    let expected = if between_kefu { CUSTOMER_SUPPORT } else { message.command().0 };
    prop_assert_eq!(back.command, expected);
    Ok(())
}

/// Sender and receiver (H5, W9).
fn parties(AppId(kefu): AppId, Written { command, body, .. }: &Written) -> [[i64; 2]; 2] {
    let [a, b, c, d] = ids_of(body);
    match *command {
        CUSTOMER => [[a, b], [kefu, d]],
        CUSTOMER_SUPPORT => [[kefu, d], [a, b]],
        _ => [[a, b], [c, d]],
    }
}
