//! Whatever a checker is told, in whatever order, it answers and does not panic.

use bytes::Bytes;
use kefu_proto::checker::{Checker, ConnectionId, Event, Repeats, ServerId, Terms};
use kefu_proto::strategy::{byte_stream, chat_message, device_id, unix_time, unlisted_frame};
use kefu_proto::{
    Account, AppId, Appended, ChatMessage, Command, Copies, DeviceId, Dialect, Frame, Identity,
    MsgId, Outbound, Parsed, Seq, StoredMessage, SyncBounds, UnixTime, UserId,
};
use proptest::prelude::*;

use crate::CONFIG;

/// Ids that are near each other and at the ends.
const IDS: [i64; 8] = [i64::MIN, -1, 0, 1, 2, 3, i64::MAX - 1, i64::MAX];

const ACCOUNTS: [Account; 3] = [
    Account::new(AppId(7), UserId(1)),
    Account::new(AppId(1453), UserId(1)),
    Account::new(AppId(1453), UserId(2)),
];

/// An event, owned.
#[derive(Clone, Debug)]
enum Told {
    Time(UnixTime),
    Opened(u32),
    Closed,
    /// A login of an account, as a phone or a browser of some version.
    Knocks(usize, u8, u8),
    Greeted,
    Sent(Bytes),
    Says(Said),
    Asks(u8, i64),
    Received(Bytes),
    /// The server's next frame: its command, version, flags and body.
    Wrote(u8, u8, u8, Bytes),
    LoggedIn(usize, DeviceId, Dialect),
    Came(Said),
    Stored(usize, i64, DeviceId, Said),
    SaveFailed(usize, Said),
    Confirmed(Said, [(i64, Option<i64>); 2]),
    Pushed(usize, Said),
    Given(Gift),
    Syncing(i64),
    DialectKept(Dialect),
    Unlisted(Frame),
    Expired(u64),
    Finished,
}

/// A message of a few, or any.
#[derive(Clone, Debug)]
enum Said {
    Known { command: u8, flags: u8, ids: [i64; 4], content: u8 },
    Any(ChatMessage),
}

#[derive(Clone, Debug)]
enum Gift {
    Chat(Said),
    Notify(i64),
    Ack(i32),
}

impl Said {
    fn body(&self, stamp: i32) -> Bytes {
        let Self::Known { ids, content, .. } = self else { return Bytes::new() };
        let ids = ids.map(i64::to_be_bytes).concat();
        [&ids[..], &stamp.to_be_bytes(), &[b'{', *content]].concat().into()
    }

    fn command(&self) -> u8 {
        match self {
            Self::Known { command, .. } => *command,
            Self::Any(_) => 24,
        }
    }

    fn message(&self) -> ChatMessage {
        let Self::Known { command, flags, .. } = self else {
            let Self::Any(message) = self else { unreachable!("there are two") };
            return message.clone();
        };
        let frame = Frame {
            seq: Seq(1),
            flags: kefu_proto::Flags(*flags),
            ..Frame::new(Command(*command), self.body(0))
        };
        let Ok(Parsed::Message(message)) = frame.parse() else { panic!("a chat message") };
        ChatMessage::try_from(message).unwrap()
    }
}

fn said() -> impl Strategy<Value = Said> {
    let ids = prop_oneof![
        Just([7, 1, 5, 1]),
        Just([7, 1, 1453, 1]),
        Just([1453, 1, 7, 1]),
        Just([1453, 1, 1453, 2])
    ];
    let known = (prop_oneof![Just(24_u8), Just(25), Just(64)], 0..4_u8, ids, 0..3_u8)
        .prop_map(|(command, flags, ids, content)| Said::Known { command, flags, ids, content });
    prop_oneof![9 => known, 1 => chat_message().prop_map(Said::Any)]
}

fn id() -> impl Strategy<Value = i64> {
    prop::sample::select(&IDS[..])
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::V1), Just(Dialect::V2), Just(Dialect::AsSent)]
}

/// What a server may write: keys, pairs, messages, or anything.
fn wrote() -> impl Strategy<Value = Told> {
    let keys = (prop_oneof![Just(27_u8), Just(28), Just(29)], id())
        .prop_map(|(command, key)| (command, 0, Bytes::copy_from_slice(&key.to_be_bytes())));
    let pair = (id(), id()).prop_map(|(key, previous)| {
        (37, 0, [key, previous, 0, 0].map(i64::to_be_bytes).concat().into())
    });
    let ack = Just((5, 0, Bytes::from_static(&[0, 0, 0, 1, 0])));
    let chat = (said(), prop_oneof![Just(0_u8), Just(2), Just(8), Just(16)])
        .prop_map(|(said, flags)| (said.command(), flags, said.body(0)));
    let any = (any::<u8>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(command, flags, body)| (command, flags, body.into()));
    (prop_oneof![4 => keys, 2 => pair, 2 => ack, 3 => chat, 1 => any], 0..3_u8)
        .prop_map(|((command, flags, body), version)| Told::Wrote(command, version, flags, body))
}

fn told() -> impl Strategy<Value = Told> {
    let account = || 0..ACCOUNTS.len();
    let previous = || prop::option::of(id());
    prop_oneof![
        1 => unix_time().prop_map(Told::Time),
        1 => (0..2_u32).prop_map(Told::Opened),
        1 => Just(Told::Closed),
        4 => (account(), 0..3_u8, 1..4_u8).prop_map(|(who, version, platform)| {
            Told::Knocks(who, version, platform)
        }),
        4 => Just(Told::Greeted),
        1 => byte_stream().prop_map(Told::Sent),
        6 => said().prop_map(Told::Says),
        3 => (prop_oneof![Just(26_u8), Just(34)], id()).prop_map(|(it, key)| Told::Asks(it, key)),
        1 => byte_stream().prop_map(Told::Received),
        12 => wrote(),
        2 => (account(), device_id(), dialect()).prop_map(|(who, it, dialect)| {
            Told::LoggedIn(who, it, dialect)
        }),
        2 => said().prop_map(Told::Came),
        6 => (account(), id(), device_id(), said()).prop_map(|(who, msgid, it, said)| {
            Told::Stored(who, msgid, it, said)
        }),
        1 => (account(), said()).prop_map(|(who, said)| Told::SaveFailed(who, said)),
        2 => (said(), [(id(), previous()), (id(), previous())]).prop_map(|(said, copies)| {
            Told::Confirmed(said, copies)
        }),
        1 => (account(), said()).prop_map(|(who, said)| Told::Pushed(who, said)),
        3 => prop_oneof![
            said().prop_map(Gift::Chat), id().prop_map(Gift::Notify), (0..3).prop_map(Gift::Ack),
        ].prop_map(Told::Given),
        1 => id().prop_map(Told::Syncing),
        1 => dialect().prop_map(Told::DialectKept),
        1 => unlisted_frame().prop_map(Told::Unlisted),
        1 => any::<u64>().prop_map(Told::Expired),
        1 => Just(Told::Finished),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    let bounds = prop_oneof![
        Just(None),
        Just(Some(SyncBounds::default())),
        Just(Some(SyncBounds { rows: 1, bytes: 1 })),
    ];
    (any::<[bool; 6]>(), bounds, prop_oneof![Just(0_usize), Just(3), Just(1_000)], any::<u32>())
        .prop_map(|([a, b, c, d, e, f], sync_bounds, memory, clock_error)| {
            let mut terms = Terms::new(CONFIG);
            terms.repeats = if a { Repeats::UUID } else { Repeats::Stored };
            (terms.chooses_dialects, terms.remembers_dialects) = (b, c);
            (terms.begins_empty, terms.sees_everybody, terms.saves_may_fail) = (d, e, f);
            (terms.sync_bounds, terms.memory, terms.clock_error) =
                (sync_bounds, memory, clock_error);
            terms
        })
}

/// A checker, and the numbers of the frames that its two connections were sent.
struct Watch {
    checker: Checker,
    written: [i32; 2],
}

fn frame((seq, command): (i32, u8), version: u8, flags: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len()).unwrap();
    let head = [&length.to_be_bytes()[..], &seq.to_be_bytes(), &[command, version, flags, 0]];
    [&head.concat(), body].concat()
}

impl Watch {
    /// Tells it, whatever it answers.
    fn tell(&mut self, number: usize, told: &Told) {
        let connection = ConnectionId(number.try_into().unwrap());
        let verdict = match told {
            Told::Greeted => self.writes(number, (3, 1, 0), &[0; 4]),
            Told::Wrote(command, version, flags, body) => {
                self.writes(number, (*command, *version, *flags), body)
            }
            Told::Expired(before) => self.checker.expire(*before),
            Told::Finished => self.checker.finish(),
            Told::Knocks(who, version, platform) => {
                let token = ACCOUNTS[*who].to_string();
                let length = u8::try_from(token.len()).unwrap();
                let body = [&[*platform, length][..], token.as_bytes(), b"\x01d"].concat();
                let bytes = &frame((1, 15), *version, 0, &body);
                self.checker.observe(Event::Sent { connection, bytes })
            }
            Told::Says(said) => {
                let bytes = &frame((1, said.command()), 1, 0, &said.body(0));
                self.checker.observe(Event::Sent { connection, bytes })
            }
            Told::Asks(command, key) => {
                let bytes = &frame((1, *command), 1, 0, &key.to_be_bytes());
                self.checker.observe(Event::Sent { connection, bytes })
            }
            other => self.tell_inside(connection, other),
        };
        drop(verdict);
    }

    fn writes(
        &mut self,
        number: usize,
        (command, version, flags): (u8, u8, u8),
        body: &[u8],
    ) -> Result<(), kefu_proto::checker::Violation> {
        self.written[number] += 1;
        let connection = ConnectionId(number.try_into().unwrap());
        let bytes = &frame((self.written[number], command), version, flags, body);
        self.checker.observe(Event::Received { connection, bytes })
    }

    fn tell_inside(
        &mut self,
        connection: ConnectionId,
        told: &Told,
    ) -> Result<(), kefu_proto::checker::Violation> {
        let checker = &mut self.checker;
        match told {
            Told::Time(time) => checker.observe(Event::Time(*time)),
            Told::Opened(server) => {
                self.written[usize::try_from(connection.0).unwrap()] = 0;
                checker.observe(Event::Opened { connection, server: ServerId(*server) })
            }
            Told::Sent(bytes) => checker.observe(Event::Sent { connection, bytes }),
            Told::Received(bytes) => checker.observe(Event::Received { connection, bytes }),
            Told::LoggedIn(who, device, dialect) => {
                let identity = Identity::new(ACCOUNTS[*who], *device).unwrap();
                checker.observe(Event::LoggedIn { connection, identity, dialect: *dialect })
            }
            Told::Came(said) => {
                checker.observe(Event::Came { connection, message: &said.message() })
            }
            Told::Stored(who, msgid, device_id, said) => {
                let row = &StoredMessage {
                    msgid: MsgId(*msgid),
                    device_id: *device_id,
                    command: Command(said.command()),
                    body: said.body(0),
                };
                checker.observe(Event::Stored { queue: ACCOUNTS[*who], row })
            }
            Told::SaveFailed(who, said) => checker.observe(Event::SaveFailed {
                connection,
                queue: ACCOUNTS[*who],
                message: &said.message(),
            }),
            Told::Confirmed(said, copies) => {
                let [receiver, sender] = copies.map(|(msgid, previous)| Appended {
                    msgid: MsgId(msgid),
                    previous: previous.map(MsgId),
                });
                let copies = Copies { receiver, sender };
                checker.observe(Event::Confirmed { connection, message: &said.message(), copies })
            }
            Told::Pushed(who, said) => {
                checker.observe(Event::Pushed { to: ACCOUNTS[*who], message: &said.message() })
            }
            Told::Given(Gift::Chat(said)) => {
                let message = Outbound::Chat(&said.message()).into_owned();
                checker.observe(Event::Given { connection, message: message.get() })
            }
            Told::Given(Gift::Notify(msgid)) => {
                let message = Outbound::SyncNotify(MsgId(*msgid));
                checker.observe(Event::Given { connection, message })
            }
            Told::Given(Gift::Ack(seq)) => {
                let message = Outbound::Ack(Seq(*seq).into());
                checker.observe(Event::Given { connection, message })
            }
            Told::Syncing(kept) => {
                checker.observe(Event::Syncing { connection, kept: MsgId(*kept) })
            }
            Told::DialectKept(dialect) => {
                checker.observe(Event::DialectKept { connection, dialect: *dialect })
            }
            Told::Unlisted(frame) => checker.observe(Event::Unlisted { connection, frame }),
            _ => checker.observe(Event::Closed { connection }),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_event_makes_a_checker_panic(
        terms in terms(),
        told in prop::collection::vec((0..2_usize, told()), 0..80),
    ) {
        let mut checker = Checker::new(terms);
        for account in ACCOUNTS {
            checker.add_token(account.to_string().as_bytes(), account);
        }
        let mut watch = Watch { checker, written: [0; 2] };
        for number in 0..2 {
            watch.tell(number, &Told::Opened(0));
            watch.tell(number, &Told::Time(UnixTime::from(0)));
            watch.tell(number, &Told::Knocks(number, 1, 1));
            watch.tell(number, &Told::Greeted);
        }
        for (number, told) in told {
            watch.tell(number, &told);
        }
    }
}
