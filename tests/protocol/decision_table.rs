//! Every row of the handler's decision table, against an oracle written from the rules alone
//! (H1–H10).
//!
//! Input and output are bytes made and taken apart here, so that the crate does not judge itself.

use bytes::BytesMut;
use kefu_proto::{Account, AppId, Command, Config, DeviceId, Effect, Encode, FrameDecoder};
use kefu_proto::{FrameLimit, Identity, Message, MsgId, Parsed, Refusal, SaveMessage, Session};
use kefu_proto::{UnixTime, UserId};

const CUSTOMER: u8 = 24;
const CUSTOMER_SUPPORT: u8 = 25;

// No two facts are alike, so that none can stand in for another.
const KEFU_APP: i64 = 1453;
const SELLER: i64 = 90;
const CUSTOMER_APP: i64 = 7;
const CUSTOMER_ID: i64 = 70;
const STORE: i64 = 700;
const ANY_STORE: [i64; 5] = [i64::MIN, -1, 0, STORE, i64::MAX];
const OTHER_APP: i64 = 8;
const OTHER_USER: i64 = 71;
const DEVICE: i64 = 11;
const SEQ: i32 = -2_000_000_003;
const VERSION: u8 = 9;
const CLAIMED_TIME: i32 = 1_111_111_111;
const NOW: i32 = 1_500_000_000;
/// Of the receiver's copy, then of the sender's.
const MSGIDS: [i64; 2] = [9_002, 501];
const CONTENT: &[u8] = b"{\"text\":\"\xe4\xbd\xa0\xff\0\"}";

/// H2.1, H2.2, H2.3, H3.1, H3.2, H4.1, H5.1, H5.2, H6.1, H6.2, H6.3, H7.1, H7.2, H7.3, H7.4, H7.5,
/// H7.6, H8.1, H8.2, H9.1, H10.1, H11.1, H11.2.
#[test]
fn h2_to_h10_every_row_of_the_table() {
    let mut rows = 0;
    for row in table() {
        assert_eq!(observed(row), expected(row), "{row:?}");
        rows += 1;
    }
    // Three guards of CUSTOMER, two of CUSTOMER_SUPPORT; 256 flag bytes; two saves.
    assert_eq!(rows, (8 + 4) * 256 * 4);
}

/// H1.1, H11.1, H11.2.
#[test]
fn h1_every_other_command_has_no_effect() {
    let mut others = 0;
    for command in (0..=255).filter(|command| ![CUSTOMER, CUSTOMER_SUPPORT, 64].contains(command)) {
        others += 1;
        // Zeros, where there may be a body: this one parses whatever the command.
        let body = if [13, 14].contains(&command) { vec![] } else { vec![0; 36] };
        let wire = Wire { command, seq: SEQ, version: VERSION, flags: 0, body };
        match read(&wire) {
            Parsed::Message(message) => {
                let handled = session([CUSTOMER_APP, CUSTOMER_ID]).handle(message, now());
                let command = Command(command);
                assert_eq!(handled.err(), Some(Refusal::OtherCommand { command }));
            }
            Parsed::Unlisted(frame) => assert_eq!(Wire::of(&frame), wire),
        }
    }
    assert_eq!(others, 253);
}

/// H2.4.
#[test]
fn h2_sellers_below_zero_customers_of_the_kefu_app_and_any_store_are_not_refused() {
    for seller_id in [i64::MIN, -1, 1, i64::MAX] {
        for customer in [[KEFU_APP, CUSTOMER_ID], [KEFU_APP, seller_id], [-1, -1]] {
            for store_id in ANY_STORE {
                let (command, session) = (CUSTOMER, customer);
                let facts = Facts { command, session, customer, store_id, seller_id };
                let to_seller = [KEFU_APP, seller_id];
                assert_eq!(asked(&facts), Ok([to_seller, customer]), "{facts:?}");
            }
        }
    }
}

/// H3.3.
#[test]
fn h3_whom_a_seller_writes_to_is_not_tested() {
    let (command, session, seller_id) = (CUSTOMER_SUPPORT, [KEFU_APP, SELLER], SELLER);
    for appid in [i64::MIN, -1, 0, CUSTOMER_APP, KEFU_APP, i64::MAX] {
        for uid in [i64::MIN, -1, 0, CUSTOMER_ID, SELLER, i64::MAX] {
            for store_id in ANY_STORE {
                let customer = [appid, uid];
                let facts = Facts { command, session, customer, store_id, seller_id };
                assert_eq!(asked(&facts), Ok([customer, session]), "{facts:?}");
            }
        }
    }
}

/// One row: what comes in, and how the store answers.
#[derive(Clone, Copy, Debug)]
struct Row {
    command: u8,
    /// Which guards the message breaks, in the order of the rules; CUSTOMER_SUPPORT has but two.
    broken: [bool; 3],
    flags: u8,
    /// Which saves succeed.
    saves: [bool; 2],
}

fn table() -> impl Iterator<Item = Row> {
    let guards = [(CUSTOMER, 0..8), (CUSTOMER_SUPPORT, 0..4)];
    let guards = guards.into_iter().flat_map(|(command, sets)| sets.map(move |set| (command, set)));
    guards.flat_map(|(command, set)| {
        let broken = [set & 1 != 0, set & 2 != 0, set & 4 != 0];
        (0..=255).flat_map(move |flags| {
            let saves = [[true, true], [true, false], [false, true], [false, false]];
            saves.map(|saves| Row { command, broken, flags, saves })
        })
    })
}

impl Row {
    fn facts(self) -> Facts {
        let Self { command, broken, .. } = self;
        if command == CUSTOMER {
            let customer_appid = if broken[0] { OTHER_APP } else { CUSTOMER_APP };
            let customer_id = if broken[1] { OTHER_USER } else { CUSTOMER_ID };
            Facts {
                command,
                session: [CUSTOMER_APP, CUSTOMER_ID],
                customer: [customer_appid, customer_id],
                store_id: STORE,
                seller_id: if broken[2] { 0 } else { SELLER },
            }
        } else {
            let appid = if broken[0] { OTHER_APP } else { KEFU_APP };
            let uid = if broken[1] { OTHER_USER } else { SELLER };
            let customer = [CUSTOMER_APP, CUSTOMER_ID];
            Facts { command, session: [appid, uid], customer, store_id: STORE, seller_id: SELLER }
        }
    }
}

/// Who is logged in, and who the message says is talking. Accounts are appid and uid.
#[derive(Clone, Copy, Debug)]
struct Facts {
    command: u8,
    session: [i64; 2],
    customer: [i64; 2],
    store_id: i64,
    seller_id: i64,
}

impl Facts {
    /// W4
    fn body(&self, timestamp: i32) -> Vec<u8> {
        let [customer_appid, customer_id] = self.customer;
        let ids =
            [customer_appid, customer_id, self.store_id, self.seller_id].map(i64::to_be_bytes);
        [&ids.concat(), &timestamp.to_be_bytes()[..], CONTENT].concat()
    }
}

/// What becomes of a message.
#[derive(Debug, Eq, PartialEq)]
enum Outcome {
    Refused(Refusal),
    /// The `call`th save failed, counted from 1.
    Failed {
        asked: Vec<Save>,
        call: usize,
    },
    Done {
        asked: Vec<Save>,
        done: Vec<Step>,
    },
}

/// H10: a store sees the command and the body, not the rest of the header.
#[derive(Debug, Eq, PartialEq)]
struct Save {
    queue: [i64; 2],
    device_id: i64,
    command: u8,
    body: Vec<u8>,
}

#[derive(Debug, Eq, PartialEq)]
struct Step {
    name: &'static str,
    to: Option<[i64; 2]>,
    wire: Wire,
}

/// The rules, implemented a second time.
fn expected(row: Row) -> Outcome {
    let facts = row.facts();
    let Facts { command, session, customer, seller_id, .. } = facts;
    if let Some(refusal) = refusal(row, &facts) {
        return Outcome::Refused(refusal);
    }
    // H5
    let (receiver, sender) = if command == CUSTOMER {
        ([KEFU_APP, seller_id], customer)
    } else {
        (customer, [session[0], seller_id])
    };
    // H4
    let body = facts.body(NOW);
    let chat =
        || Wire { command, seq: SEQ, version: VERSION, flags: row.flags, body: body.clone() };
    // H9
    let made = |command, body: &[u8]| {
        let body = body.to_vec();
        Wire { command, seq: 0, version: 0, flags: 0, body }
    };
    let notify = |msgid: i64| made(29, &msgid.to_be_bytes());
    let ack = Step { name: "EnqueueMessage", to: None, wire: made(5, &SEQ.to_be_bytes()) };
    // H6
    if row.flags & 0x02 == 0x02 {
        let step = Step { name: "SendAppMessage", to: Some(receiver), wire: chat() };
        return Outcome::Done { asked: vec![], done: vec![step, ack] };
    }
    // H7, H8
    let save = |queue| Save { queue, device_id: DEVICE, command, body: body.clone() };
    if !row.saves[0] {
        return Outcome::Failed { asked: vec![save(receiver)], call: 1 };
    }
    let asked = vec![save(receiver), save(sender)];
    if !row.saves[1] {
        return Outcome::Failed { asked, call: 2 };
    }
    let done = vec![
        Step { name: "PushMessage", to: Some(receiver), wire: chat() },
        Step { name: "SendAppMessage", to: Some(receiver), wire: notify(MSGIDS[0]) },
        Step { name: "SendMessage", to: Some(session), wire: notify(MSGIDS[1]) },
        ack,
    ];
    Outcome::Done { asked, done }
}

/// H2, H3: the first broken guard, with both sides of it.
fn refusal(row: Row, facts: &Facts) -> Option<Refusal> {
    let [appid, uid] = facts.session;
    let [customer_appid, customer_id] = facts.customer;
    let first = row.broken.iter().position(|&broken| broken)?;
    Some(match (row.command, first) {
        (CUSTOMER, 0) => {
            Refusal::CustomerAppIdMismatch { claimed: AppId(customer_appid), session: AppId(appid) }
        }
        (CUSTOMER, 1) => {
            Refusal::CustomerIdMismatch { claimed: UserId(customer_id), session: UserId(uid) }
        }
        (CUSTOMER, _) => Refusal::SellerIdZero,
        (_, 0) => Refusal::NotKefuApp { session: AppId(appid), kefu_appid: AppId(KEFU_APP) },
        _ => Refusal::SellerIdMismatch { claimed: UserId(facts.seller_id), session: UserId(uid) },
    })
}

/// What the crate makes of a row.
fn observed(row: Row) -> Outcome {
    let facts = row.facts();
    let delivery = match session(facts.session).handle(message(&facts, row.flags), now()) {
        Ok(delivery) => delivery,
        Err(refusal) => return Outcome::Refused(refusal),
    };
    let mut asked = Vec::new();
    let effects = delivery.save_with(|save| {
        asked.push(Save::of(save));
        let call = asked.len();
        if row.saves[call - 1] { Ok(MsgId(MSGIDS[call - 1])) } else { Err(call) }
    });
    match effects {
        Ok(effects) => Outcome::Done { asked, done: effects.iter().map(Step::of).collect() },
        Err(call) => Outcome::Failed { asked, call },
    }
}

/// The queues that the crate wants a persistent message to be saved in.
fn asked(facts: &Facts) -> Result<[[i64; 2]; 2], Refusal> {
    let delivery = session(facts.session).handle(message(facts, 0), now())?;
    let mut queues = Vec::new();
    let saved = delivery.save_with(|save| {
        queues.push(plain(save.queue()));
        Ok::<_, ()>(MsgId(1))
    });
    assert_eq!(saved.map(|effects| effects.len()), Ok(4));
    Ok(queues.try_into().expect("two saves"))
}

fn session([appid, uid]: [i64; 2]) -> Session {
    let config = Config::new(AppId(KEFU_APP)).unwrap();
    let account = Account::new(AppId(appid), UserId(uid));
    Session::new(config, Identity::new(account, DeviceId(DEVICE)).unwrap())
}

fn message(facts: &Facts, flags: u8) -> Message {
    let body = facts.body(CLAIMED_TIME);
    let wire = Wire { command: facts.command, seq: SEQ, version: VERSION, flags, body };
    let Parsed::Message(message) = read(&wire) else { panic!("unlisted: {wire:?}") };
    message
}

fn now() -> UnixTime {
    UnixTime::from(NOW)
}

impl Save {
    fn of(save: SaveMessage<'_>) -> Self {
        let (message, device_id) = (save.message(), save.device_id().0);
        let mut body = Vec::new();
        message.encode_body(&mut body).unwrap();
        Self { queue: plain(save.queue()), device_id, command: message.command().0, body }
    }
}

impl Step {
    fn of(effect: Effect<'_>) -> Self {
        let name = match effect {
            Effect::PushMessage { .. } => "PushMessage",
            Effect::SendAppMessage { .. } => "SendAppMessage",
            Effect::SendMessage { .. } => "SendMessage",
            Effect::EnqueueMessage { .. } => "EnqueueMessage",
        };
        assert_eq!(effect.name(), name);
        Self { name, to: effect.to().map(plain), wire: Wire::of(&effect.message()) }
    }
}

fn plain(account: Account) -> [i64; 2] {
    [account.appid.0, account.uid.0]
}

/// A frame, made and taken apart without the crate (W1).
#[derive(Debug, Eq, PartialEq)]
struct Wire {
    command: u8,
    seq: i32,
    version: u8,
    flags: u8,
    body: Vec<u8>,
}

impl Wire {
    fn of(message: &impl Encode) -> Self {
        let mut bytes = Vec::new();
        message.encode(&mut bytes).unwrap();
        let (header, body) = bytes.split_first_chunk::<12>().expect("a header");
        let &[l0, l1, l2, l3, s0, s1, s2, s3, command, version, flags, 0] = header else {
            panic!("the last byte is not 0: {header:?}");
        };
        assert_eq!(usize::try_from(i32::from_be_bytes([l0, l1, l2, l3])), Ok(body.len()));
        let seq = i32::from_be_bytes([s0, s1, s2, s3]);
        Self { command, seq, version, flags, body: body.to_vec() }
    }

    fn bytes(&self) -> Vec<u8> {
        let length = i32::try_from(self.body.len()).unwrap();
        let rest = [self.command, self.version, self.flags, 0];
        [&length.to_be_bytes()[..], &self.seq.to_be_bytes(), &rest, &self.body].concat()
    }
}

/// What the crate reads in a frame.
fn read(wire: &Wire) -> Parsed {
    let mut bytes = BytesMut::from(&wire.bytes()[..]);
    let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes).unwrap();
    assert!(bytes.is_empty());
    frame.expect("a whole frame").parse().unwrap()
}
