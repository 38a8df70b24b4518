//! A host as the judge sees it: frames and events made by hand, right until a test makes them
//! wrong.

use std::collections::HashMap;

use kefu_proto::checker::{Checker, ConnectionId, Event, ServerId, Terms, Violation};
use kefu_proto::{
    Account, AppId, Appended, ChatMessage, Command, Config, Copies, DeviceId, Dialect, Frame,
    Identity, MsgId, Outbound, Parsed, StoredMessage, UnixTime, UserId,
};

pub(crate) type Verdict = Result<(), Violation>;

/// The kefu app, a customer and another, the seller and another.
pub(crate) const KEFU: i64 = 1453;
pub(crate) const ANN: (i64, i64) = (7, 1);
pub(crate) const BOB: (i64, i64) = (7, 2);
pub(crate) const SELLER: (i64, i64) = (KEFU, 2);
pub(crate) const OTHER: (i64, i64) = (KEFU, 3);

/// What the server's clock shows.
pub(crate) const NOW: i32 = 1_500_000_000;

pub(crate) const UNPERSISTENT: u8 = 2;
pub(crate) const SELF: u8 = 8;
pub(crate) const PUSH: u8 = 16;

pub(crate) struct World {
    pub(crate) checker: Checker,
    written: HashMap<u64, (i32, u8)>,
}

/// Somebody on a device, as an AUTH_TOKEN tells.
#[derive(Clone, Copy)]
pub(crate) struct Device {
    pub(crate) version: u8,
    pub(crate) platform: u8,
    pub(crate) name: &'static str,
    /// Byte 11 of the header.
    pub(crate) last: u8,
}

pub(crate) const PHONE: Device = Device { version: 1, platform: 1, name: "phone", last: 0 };
pub(crate) const DESK: Device = Device { version: 1, platform: 2, name: "desk", last: 0 };
pub(crate) const TABLET: Device = Device { version: 2, platform: 2, name: "tablet", last: 0 };
pub(crate) const WEB: Device = Device { version: 1, platform: 3, name: "", last: 0 };

/// A chat message: its command, flags, ids and content.
#[derive(Clone, Copy)]
pub(crate) struct Chat {
    pub(crate) command: u8,
    pub(crate) flags: u8,
    pub(crate) ids: [i64; 4],
    pub(crate) content: &'static str,
}

pub(crate) fn account((appid, uid): (i64, i64)) -> Account {
    Account::new(AppId(appid), UserId(uid))
}

/// From a customer to a seller.
pub(crate) const fn customer(from: (i64, i64), to: (i64, i64), content: &'static str) -> Chat {
    Chat { command: 24, flags: 0, ids: [from.0, from.1, 5, to.1], content }
}

/// From a seller to a customer.
pub(crate) const fn support(from: (i64, i64), to: (i64, i64), content: &'static str) -> Chat {
    Chat { command: 25, flags: 0, ids: [to.0, to.1, 5, from.1], content }
}

pub(crate) const fn v2(from: (i64, i64), to: (i64, i64), content: &'static str) -> Chat {
    Chat { command: 64, flags: 0, ids: [from.0, from.1, to.0, to.1], content }
}

impl Chat {
    pub(crate) const fn with(self, flags: u8) -> Self {
        Self { flags, ..self }
    }

    /// The body, as at this time.
    pub(crate) fn body(self, stamp: i32) -> Vec<u8> {
        let ids = self.ids.map(i64::to_be_bytes).concat();
        [&ids[..], &stamp.to_be_bytes(), self.content.as_bytes()].concat()
    }

    pub(crate) fn row(self, msgid: i64, device: i64) -> StoredMessage {
        StoredMessage {
            msgid: MsgId(msgid),
            device_id: DeviceId(device),
            command: Command(self.command),
            body: self.body(NOW).into(),
        }
    }

    /// As the host has it.
    pub(crate) fn message(self, seq: i32, stamp: i32) -> ChatMessage {
        let frame = Frame {
            seq: kefu_proto::Seq(seq),
            version: kefu_proto::Version(1),
            flags: kefu_proto::Flags(self.flags),
            ..Frame::new(Command(self.command), self.body(stamp).into())
        };
        let Ok(Parsed::Message(message)) = frame.parse() else { panic!("a chat message") };
        ChatMessage::try_from(message).unwrap()
    }
}

pub(crate) fn frame((seq, command): (i32, u8), version: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len()).unwrap();
    let head = [&length.to_be_bytes()[..], &seq.to_be_bytes(), &[command, version, flags, 0]];
    [&head.concat(), body].concat()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::on(terms())
    }

    pub(crate) fn on(terms: Terms) -> Self {
        let mut world = Self::timeless(terms);
        world.time(NOW).unwrap();
        world
    }

    /// The server's clock is not seen.
    pub(crate) fn timeless(terms: Terms) -> Self {
        let mut checker = Checker::new(terms);
        for who in [ANN, BOB, SELLER, OTHER] {
            checker.add_token(token(who).as_bytes(), account(who));
        }
        checker.add_token(b"nobody", account((0, 1)));
        Self { checker, written: HashMap::new() }
    }

    pub(crate) fn time(&mut self, secs: i32) -> Verdict {
        self.checker.observe(Event::Time(UnixTime::from(secs)))
    }

    pub(crate) fn opens(&mut self, connection: u64, server: u32) {
        let (connection, server) = (ConnectionId(connection), ServerId(server));
        self.checker.observe(Event::Opened { connection, server }).unwrap();
    }

    pub(crate) fn closes(&mut self, connection: u64) {
        self.checker.observe(Event::Closed { connection: ConnectionId(connection) }).unwrap();
    }

    /// Somebody connects and sends AUTH_TOKEN.
    pub(crate) fn knocks(&mut self, connection: u64, token: &str, device: Device) {
        self.opens(connection, 0);
        self.says_token(connection, token, device);
    }

    pub(crate) fn says_token(&mut self, connection: u64, token: &str, device: Device) {
        let string = |bytes: &[u8]| [&[u8::try_from(bytes.len()).unwrap()], bytes].concat();
        let body =
            [&[device.platform][..], &string(token.as_bytes()), &string(device.name.as_bytes())];
        let mut bytes = frame((1, 15), device.version, 0, &body.concat());
        bytes[11] = device.last;
        self.sends_bytes(connection, &bytes);
        self.written.entry(connection).or_default().1 = device.version;
    }

    /// … and is logged in.
    pub(crate) fn logs_in(&mut self, connection: u64, who: (i64, i64), device: Device) {
        self.knocks(connection, &token(who), device);
        let length = if device.version == 0 { 8 } else { 4 };
        self.gets(connection, 3, 0, &[0; 8][..length]).unwrap();
    }

    pub(crate) fn sends_bytes(&mut self, connection: u64, bytes: &[u8]) {
        let connection = ConnectionId(connection);
        self.checker.observe(Event::Sent { connection, bytes }).unwrap();
    }

    pub(crate) fn sends(&mut self, connection: u64, (seq, command): (i32, u8), body: &[u8]) {
        self.sends_bytes(connection, &frame((seq, command), 1, 0, body));
    }

    pub(crate) fn says(&mut self, connection: u64, seq: i32, chat: Chat) {
        self.sends_bytes(connection, &frame((seq, chat.command), 1, chat.flags, &chat.body(0)));
    }

    pub(crate) fn asks(&mut self, connection: u64, key: i64) {
        self.sends(connection, (0, 26), &key.to_be_bytes());
    }

    pub(crate) fn gets_bytes(&mut self, connection: u64, bytes: &[u8]) -> Verdict {
        let connection = ConnectionId(connection);
        self.checker.observe(Event::Received { connection, bytes })
    }

    /// The server's next frame for a connection.
    pub(crate) fn gets(&mut self, connection: u64, command: u8, flags: u8, body: &[u8]) -> Verdict {
        let (seq, version) = self.written.entry(connection).or_default();
        *seq += 1;
        let bytes = frame((*seq, command), *version, flags, body);
        self.gets_bytes(connection, &bytes)
    }

    pub(crate) fn gets_key(&mut self, connection: u64, command: u8, key: i64) -> Verdict {
        self.gets(connection, command, 0, &key.to_be_bytes())
    }

    pub(crate) fn notified(&mut self, connection: u64, msgid: i64) -> Verdict {
        self.gets_key(connection, 29, msgid)
    }

    pub(crate) fn acked(&mut self, connection: u64, seq: i32) -> Verdict {
        let version = self.written[&connection].1;
        let body = [&seq.to_be_bytes()[..], &[0]].concat();
        self.gets(connection, 5, 0, &body[..if version < 2 { 4 } else { 5 }])
    }

    pub(crate) fn metadata(&mut self, connection: u64, key: i64, previous: i64) -> Verdict {
        let keys = [key, previous, 0, 0].map(i64::to_be_bytes).concat();
        self.gets(connection, 37, 0, &keys)
    }

    pub(crate) fn reads(&mut self, connection: u64, chat: Chat) -> Verdict {
        self.gets(connection, chat.command, chat.flags, &chat.body(NOW))
    }

    /// An answer to a SYNC, as version 1 has it.
    pub(crate) fn answered(
        &mut self,
        connection: u64,
        (begin, end): (i64, i64),
        rows: &[Chat],
    ) -> Verdict {
        self.gets_key(connection, 27, begin)?;
        for row in rows {
            self.reads(connection, *row)?;
        }
        self.gets_key(connection, 28, end)
    }

    pub(crate) fn logged_in(
        &mut self,
        connection: u64,
        who: (i64, i64),
        (device, dialect): (i64, Dialect),
    ) -> Verdict {
        let identity = Identity::new(account(who), DeviceId(device)).unwrap();
        let connection = ConnectionId(connection);
        self.checker.observe(Event::LoggedIn { connection, identity, dialect })
    }

    pub(crate) fn came(&mut self, connection: u64, seq: i32, chat: Chat) -> Verdict {
        let message = &chat.message(seq, 0);
        self.checker.observe(Event::Came { connection: ConnectionId(connection), message })
    }

    pub(crate) fn stored(&mut self, queue: (i64, i64), row: &StoredMessage) -> Verdict {
        self.checker.observe(Event::Stored { queue: account(queue), row })
    }

    /// Both copies.
    pub(crate) fn saved(&mut self, chat: Chat, [receiver, sender]: [((i64, i64), i64); 2]) {
        self.stored(receiver.0, &chat.row(receiver.1, 1)).unwrap();
        self.stored(sender.0, &chat.row(sender.1, 1)).unwrap();
    }

    pub(crate) fn failed(&mut self, connection: u64, queue: (i64, i64), chat: Chat) -> Verdict {
        let (connection, queue) = (ConnectionId(connection), account(queue));
        let message = &chat.message(0, NOW);
        self.checker.observe(Event::SaveFailed { connection, queue, message })
    }

    pub(crate) fn confirmed(
        &mut self,
        connection: u64,
        chat: Chat,
        [receiver, sender]: [(i64, Option<i64>); 2],
    ) -> Verdict {
        let answer = |(msgid, previous): (i64, Option<i64>)| Appended {
            msgid: MsgId(msgid),
            previous: previous.map(MsgId),
        };
        let copies = Copies { receiver: answer(receiver), sender: answer(sender) };
        let message = &chat.message(0, NOW);
        let connection = ConnectionId(connection);
        self.checker.observe(Event::Confirmed { connection, message, copies })
    }

    pub(crate) fn pushed(&mut self, to: (i64, i64), chat: Chat) -> Verdict {
        let message = &chat.message(0, NOW);
        self.checker.observe(Event::Pushed { to: account(to), message })
    }

    pub(crate) fn given(&mut self, connection: u64, message: Outbound<'_>) -> Verdict {
        let connection = ConnectionId(connection);
        self.checker.observe(Event::Given { connection, message })
    }

    pub(crate) fn given_notify(&mut self, connection: u64, msgid: i64) -> Verdict {
        self.given(connection, Outbound::SyncNotify(MsgId(msgid)))
    }

    pub(crate) fn given_ack(&mut self, connection: u64, seq: i32) -> Verdict {
        self.given(connection, Outbound::Ack(kefu_proto::Seq(seq).into()))
    }

    pub(crate) fn syncing(&mut self, connection: u64, kept: i64) -> Verdict {
        let (connection, kept) = (ConnectionId(connection), MsgId(kept));
        self.checker.observe(Event::Syncing { connection, kept })
    }

    pub(crate) fn kept_dialect(&mut self, connection: u64, dialect: Dialect) -> Verdict {
        let connection = ConnectionId(connection);
        self.checker.observe(Event::DialectKept { connection, dialect })
    }

    pub(crate) fn finish(&mut self) -> Verdict {
        self.checker.finish()
    }
}

pub(crate) fn terms() -> Terms {
    Terms::new(Config::new(AppId(KEFU)).unwrap())
}

/// The token that names somebody.
pub(crate) fn token((appid, uid): (i64, i64)) -> String {
    format!("tok-{appid}-{uid}")
}

/// The rule that was broken; `None` if none was.
pub(crate) fn rule(verdict: Verdict) -> Option<&'static str> {
    verdict.err().map(|violation| violation.rule())
}
