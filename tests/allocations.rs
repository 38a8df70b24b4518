//! From a complete frame in the read buffer to the last effect written out, nothing is allocated,
//! and the content stays where it was read.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

use std::hint::black_box;

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use kefu_proto::{Accepted, Account, AppId, Appended, Body, Command, Config, Copies};
use kefu_proto::{CustomerMessage, CustomerMessageV2};
use kefu_proto::{DeviceId, Effect, Encode, EncodeError, Flags, FrameDecoder, FrameLimit};
use kefu_proto::{FrameWriter, Identity, Message, MsgId, Outbound, Outbox, OutboxBounds};
use kefu_proto::{Parsed, Pushed, Refusal, Seq, Session, StoreId, UnixTime, UserId, Version};

const MESSAGES: usize = 10_000;
const LARGEST: usize = 16 * 1024;
const KEFU_APP: AppId = AppId(1453);
const NOW: UnixTime = UnixTime::MAX;
const SELLER: UserId = UserId(2);
/// What a rule of the host puts in the place of a content.
const MASKED: &[u8] = b"***";

#[test]
fn nothing_is_allocated_from_the_read_buffer_to_the_last_effect() {
    let cases = accepted();
    let mut host = Host::default();
    let (mut saves, mut effects) = (0, 0);
    host.warm_up(&cases);
    let counted = measure(|| {
        for case in cases.iter().cycle().take(MESSAGES) {
            let asked = host.serve(case).unwrap();
            saves += asked.saves;
            effects += asked.effects;
        }
    });
    // Half of the messages are stored, twice, and have four effects; the others have two.
    assert_eq!((saves, effects), (MESSAGES, MESSAGES * 3));
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn nothing_is_allocated_for_a_customer_v2_with_its_live_copies() {
    for size in [100, 32_700] {
        let message = chat(Command::CUSTOMER_V2, Flags::TEXT, size);
        let case = Case::new(session(AppId(7), UserId(1)), &message, None);
        let mut host = Host::default();
        let (mut saves, mut effects) = (0, 0);
        host.warm_up(std::slice::from_ref(&case));
        let counted = measure(|| {
            for _ in 0..MESSAGES {
                let asked = host.serve(&case).unwrap();
                saves += asked.saves;
                effects += asked.effects;
            }
        });
        assert_eq!((saves, effects), (MESSAGES * 2, MESSAGES * 6));
        assert_eq!(counted.count_total, 0, "{size} bytes: {counted:?}");
    }
}

#[test]
fn nothing_is_allocated_for_what_is_refused() {
    let cases = refused();
    let mut host = Host::default();
    host.warm_up(&cases);
    let counted = measure(|| {
        for case in cases.iter().cycle().take(MESSAGES) {
            assert_eq!(host.serve(case).err(), case.refusal);
        }
    });
    assert!(cases.iter().all(|case| case.refusal.is_some()));
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn nothing_is_allocated_for_other_content_nor_for_moving_the_effects() {
    let message = chat(Command::CUSTOMER_SUPPORT, Flags::NONE, LARGEST);
    let case = Case::new(session(KEFU_APP, SELLER), &message, None);
    let mut host = Host::default();
    host.warm_up(std::slice::from_ref(&case));
    let counted = measure(|| {
        let message = host.receive(&case);
        let mut delivery = case.session.handle(message, NOW).unwrap();
        delivery.set_content(MASKED, FrameLimit::CLIENT).unwrap();
        let Accepted::Persistent(saves) = delivery.accept() else { panic!("not persistent") };
        assert_eq!(saves.requests().map(|save| save.device_id()), [DeviceId(11); 2]);
        let effects = saves.confirm(Copies { receiver: MsgId(1).into(), sender: MsgId(2).into() });
        let moved = black_box(effects.clone());
        let owned = moved.iter().map(|effect| black_box(effect.message().into_owned()));
        assert_eq!(owned.count(), 4);
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn the_counter_counts_in_the_very_same_loop() {
    let cases = accepted();
    let mut host = Host::default();
    host.warm_up(&cases);
    let counted = measure(|| {
        for case in cases.iter().cycle().take(MESSAGES) {
            host.serve(case).unwrap();
            drop(black_box(Box::new(case.frame.len())));
        }
    });
    assert_eq!(counted.count_total, u64::try_from(MESSAGES).unwrap());

    // Messages that are kept keep the memory of the read buffer: those after them need other
    // memory.
    let last = cases.last().unwrap();
    let kept = [(); 4].map(|()| {
        let mut kept = None;
        let counted = measure(|| kept = Some(host.receive(last)));
        (kept, counted.count_total)
    });
    assert!(kept.iter().any(|(_, counted)| *counted > 0));
}

/// Half a million connections have nothing to wait for.
#[test]
fn an_outbox_that_is_emptied_gives_its_memory_back() {
    let notify = || Outbound::SyncNotify(MsgId(1)).into_owned();
    let message = chat(Command::CUSTOMER, Flags::UNPERSISTENT, 100);
    let message = Outbound::Chat(&message.try_into().unwrap()).into_owned();
    let mut outbox = Outbox::new(OutboxBounds { messages: MESSAGES, bytes: usize::MAX });
    let counted = measure(|| {
        for _ in 0..MESSAGES {
            outbox.push(notify());
        }
        assert_eq!(outbox.pop(), Some(notify()));
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
    let counted = measure(|| {
        for _ in 0..MESSAGES {
            assert_eq!(outbox.push(message.clone()), Pushed::Kept);
        }
        assert_eq!(outbox.len(), MESSAGES);
        while outbox.pop().is_some() {}
    });
    assert!(counted.bytes_max >= u64::try_from(MESSAGES * 100).unwrap(), "{counted:?}");
    assert_eq!((counted.count_current, counted.bytes_current), (0, 0), "{counted:?}");
}

/// One frame on one session, and why it is refused, if it is.
struct Case {
    session: Session,
    frame: Vec<u8>,
    refusal: Option<Refusal>,
}

impl Case {
    fn new(session: Session, message: &Message, refusal: Option<Refusal>) -> Self {
        let mut frame = Vec::new();
        message.encode(&mut frame).unwrap();
        Self { session, frame, refusal }
    }
}

/// Everything that a host needs again for the next message.
#[derive(Default)]
struct Host {
    read: BytesMut,
    /// Where the content of the last message was read to.
    content: usize,
    stored: Vec<u8>,
    sent: BytesMut,
    connection: FrameWriter,
}

#[derive(Debug)]
struct Asked {
    saves: usize,
    effects: usize,
}

impl Host {
    /// The buffers grow to what the largest case needs, and `bytes` makes the read buffer shareable
    /// at the first split. From then on a refill takes back the memory of the message before, if
    /// that has been dropped.
    fn warm_up(&mut self, cases: &[Case]) {
        for case in cases.iter().chain(cases) {
            let _ = self.serve(case);
        }
    }

    fn serve(&mut self, case: &Case) -> Result<Asked, Refusal> {
        let message = self.receive(case);
        let mut saves = 0;
        let effects = case.session.handle(message, NOW)?.save_with(|save| {
            saves += 1;
            assert_eq!(save.message().content().as_ptr().addr(), self.content);
            self.stored.clear();
            save.message().encode_body(&mut self.stored)?;
            Ok::<_, EncodeError>(Appended { msgid: MsgId(2), previous: Some(MsgId(1)) })
        });
        let effects = effects.unwrap();
        assert_eq!(effects.message().content().as_ptr().addr(), self.content);
        for effect in &effects {
            self.sent.clear();
            match effect {
                Effect::PushMessage { message, .. } => message.encode(&mut self.sent).unwrap(),
                Effect::SendAppMessage { message, .. } | Effect::SendMessage { message, .. } => {
                    message.encode(&mut self.sent).unwrap();
                }
                Effect::EnqueueMessage { message } => {
                    self.connection.write(&message, &mut self.sent).map(drop).unwrap();
                }
            }
        }
        Ok(Asked { saves, effects: effects.len() })
    }

    fn receive(&mut self, case: &Case) -> Message {
        self.read.extend_from_slice(&case.frame);
        // Behind a header, and 36 bytes of the body for every kind of chat message.
        self.content = self.read.get(48..).map_or(0, |content| content.as_ptr().addr());
        let frame = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut self.read).unwrap();
        let Parsed::Message(message) = frame.expect("a complete frame").parse().unwrap() else {
            panic!("not a message")
        };
        message
    }
}

/// From either party, stored or not, with contents from none to the largest.
fn accepted() -> Vec<Case> {
    let sizes = (0..=LARGEST).step_by(LARGEST / 64);
    let cases = sizes.flat_map(|size| {
        let flags = [Flags::TEXT, Flags::TEXT | Flags::UNPERSISTENT];
        flags.into_iter().flat_map(move |flags| {
            let customer = (session(AppId(7), UserId(1)), Command::CUSTOMER);
            let seller = (session(KEFU_APP, SELLER), Command::CUSTOMER_SUPPORT);
            [customer, seller].map(|(session, from)| (session, chat(from, flags, size)))
        })
    });
    cases.map(|(session, message)| Case::new(session, &message, None)).collect()
}

/// One case for each refusal.
fn refused() -> Vec<Case> {
    let (appid, uid) = (AppId(7), UserId(1));
    let customer = chat(Command::CUSTOMER, Flags::NONE, LARGEST);
    let to_nobody = CustomerMessage { seller_id: UserId(0), ..text(LARGEST) };
    let to_nobody = Message { body: Body::Customer(to_nobody), ..customer.clone() };
    let seller = chat(Command::CUSTOMER_SUPPORT, Flags::NONE, LARGEST);
    let other_app = Refusal::CustomerAppIdMismatch { claimed: appid, session: AppId(8) };
    let other_customer = Refusal::CustomerIdMismatch { claimed: uid, session: UserId(9) };
    let not_kefu = Refusal::NotKefuApp { session: appid, kefu_appid: KEFU_APP };
    let other_seller = Refusal::SellerIdMismatch { claimed: SELLER, session: UserId(9) };
    let ping = Message { body: Body::Ping, ..customer.clone() };
    let other_command = Refusal::OtherCommand { command: Command::PING };
    [
        (session(AppId(8), uid), customer.clone(), other_app),
        (session(appid, UserId(9)), customer, other_customer),
        (session(appid, uid), to_nobody, Refusal::SellerIdZero),
        (session(appid, uid), seller.clone(), not_kefu),
        (session(KEFU_APP, UserId(9)), seller, other_seller),
        (session(appid, uid), ping, other_command),
    ]
    .map(|(session, message, refusal)| Case::new(session, &message, Some(refusal)))
    .into()
}

fn session(appid: AppId, uid: UserId) -> Session {
    let identity = Identity::new(Account::new(appid, uid), DeviceId(11)).unwrap();
    Session::new(Config::new(KEFU_APP).unwrap(), identity)
}

fn chat(command: Command, flags: Flags, size: usize) -> Message {
    let body = match command {
        Command::CUSTOMER => Body::Customer(text(size)),
        Command::CUSTOMER_V2 => Body::CustomerV2(text_v2(size)),
        _ => Body::CustomerSupport(text(size)),
    };
    Message { seq: Seq(1), version: Version(1), flags, body }
}

fn text(size: usize) -> CustomerMessage {
    CustomerMessage {
        customer_appid: AppId(7),
        customer_id: UserId(1),
        store_id: StoreId(1),
        seller_id: SELLER,
        timestamp: UnixTime::from(0),
        content: Bytes::from(vec![b'x'; size]),
    }
}

fn text_v2(size: usize) -> CustomerMessageV2 {
    let CustomerMessage { timestamp, content, .. } = text(size);
    let sender = Account::new(AppId(7), UserId(1));
    CustomerMessageV2 { sender, receiver: Account::new(KEFU_APP, SELLER), timestamp, content }
}
