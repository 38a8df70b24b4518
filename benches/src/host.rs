//! The same work through the crate, as a host would write it.

use std::hint::black_box;

use bytes::BytesMut;
use kefu_proto::{
    Accepted, Account, AppId, Appended, Config, Copies, DeviceId, Effect, Encode, FrameDecoder,
    FrameLimit, Identity, Message, MsgId, Outbound, Parsed, SaveMessage, Saves, Session, UnixTime,
    UserId,
};

use crate::rig::{Known, Outputs, Stored};

/// One connection of a host.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    pub decoder: FrameDecoder,
    pub session: Session,
    pub now: UnixTime,
}

impl Host {
    pub fn new(known: &Known) -> Self {
        Self {
            decoder: FrameDecoder::new(FrameLimit::new(known.limit)),
            session: session(known, known.uid),
            now: UnixTime::from(known.now),
        }
    }

    /// Processes the first `frames` messages of `read`, up to all their effects.
    pub fn batch(&self, read: &mut BytesMut, out: &mut Outputs, frames: u64) {
        for _ in 0..frames {
            let message = self.message(read);
            let delivery = self.session.handle(message, self.now);
            let effects = match delivery.expect("every message is accepted").accept() {
                Accepted::Persistent(saves) => {
                    let copies = store(&saves, out);
                    saves.confirm(copies)
                }
                Accepted::Transient(effects) => effects,
            };
            for effect in &effects {
                apply(effect, out);
            }
            black_box(&mut *out);
        }
    }

    /// Processes `frames` messages up to the list of their effects, and applies none.
    pub fn effects(&self, read: &mut BytesMut, frames: u64) {
        for _ in 0..frames {
            self.effects_of(&self.session, read);
        }
    }

    /// Processes one message of each session.
    pub fn effects_of_all<'s>(
        &self,
        sessions: impl IntoIterator<Item = &'s Session>,
        read: &mut BytesMut,
    ) {
        for session in sessions {
            self.effects_of(session, read);
        }
    }

    #[inline]
    fn effects_of(&self, session: &Session, read: &mut BytesMut) {
        let message = self.message(read);
        let effects = session
            .handle(message, self.now)
            .expect("every message is accepted")
            .save_with(|save| Ok::<_, ()>(behind(black_box(&save).queue().uid.0)))
            .expect("the store never fails");
        for effect in &effects {
            black_box(&effect);
        }
    }

    /// The next message of the buffer.
    pub fn message(&self, read: &mut BytesMut) -> Message {
        let frame = self.decoder.decode(read).expect("no length is refused");
        match frame.expect("the buffer holds whole frames").parse() {
            Ok(Parsed::Message(message)) => message,
            other => panic!("not a message: {other:?}"),
        }
    }
}

/// The session of customer `uid`.
pub fn session(known: &Known, uid: i64) -> Session {
    let account = Account { appid: AppId(known.appid), uid: UserId(uid) };
    let identity = Identity::new(account, DeviceId(known.device_id)).expect("ids are not 0");
    let config = Config::new(AppId(known.kefu_appid)).expect("the app is not 0");
    Session::new(config, identity)
}

fn store(saves: &Saves, out: &mut Outputs) -> Copies {
    let msgids = [out.next_msgid(), out.next_msgid()];
    for (save, stored) in saves.requests().into_iter().zip(&mut out.stored) {
        put(save, stored);
    }
    let [receiver, sender] = msgids.map(behind);
    Copies { receiver, sender }
}

/// The answer of a store that knows what was the newest before: only CUSTOMER_V2 looks at that.
fn behind(msgid: i64) -> Appended {
    Appended { msgid: MsgId(msgid), previous: Some(MsgId(msgid - 1)) }
}

fn put(save: SaveMessage<'_>, stored: &mut Stored) {
    let Account { appid, uid } = save.queue();
    stored.queue = (appid.0, uid.0);
    stored.device_id = save.device_id().0;
    stored.command = save.message().command().0;
    save.message().encode_body(stored.body.fresh()).expect("a Vec has room");
}

fn apply(effect: Effect<'_>, out: &mut Outputs) {
    let (sent, to, message) = match effect {
        Effect::PushMessage { to, message } => (&mut out.push, Some(to), Outbound::Chat(message)),
        Effect::SendAppMessage { to, message } => (&mut out.app, Some(to), message),
        Effect::SendMessage { to, message } => (&mut out.own, Some(to), message),
        Effect::EnqueueMessage { message } => (&mut out.ack, None, message),
    };
    if let Some(to) = to {
        sent.to = (to.appid.0, to.uid.0);
    }
    message.encode(sent.frame.fresh()).expect("what came in may go out");
}
