//! What a client knows, and how it reads what comes (S5, W10).

use bytes::{Buf, BytesMut};
use kefu_proto::{
    Body, Command, Dialect, Encode, Flags, FrameDecoder, FrameLimit, LoginStatus, Message,
    Metadata, MsgId, Parsed,
};

use super::cast::{self, ACCOUNTS, NOW, Posts};
use super::world::World;

/// One device. It answers a login and a SYNC_NOTIFY beyond its key with a SYNC, and a SYNC_END with
/// a SYNC_KEY. In version 2 it takes a live copy if that continues what it has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Client {
    pub(crate) wants_sync: bool,
    /// Whether it has a SYNC_KEY to send.
    pub(crate) owes_key: bool,
    /// The last SYNC_NOTIFY.
    pub(crate) notified: MsgId,
    /// The sync key: all that its queue holds up to here has been read.
    pub(crate) key: MsgId,
    /// Where its first sync began: a client without a key gets nothing older (S2).
    pub(crate) since: MsgId,
    pub(crate) seen: Posts,
    /// What has come as its own, and what has come as a live copy, whether it was taken or not.
    pub(crate) own: Posts,
    pub(crate) copied: Posts,
    pub(crate) acked: Posts,
    /// The last METADATA, with the post that stood behind it.
    pub(crate) pair: Option<(MsgId, MsgId, usize)>,
    pub(crate) complaints: Complaints,
}

/// What no connection may get.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Complaint {
    /// A METADATA without its message, or a live copy without METADATA.
    Parted,
    /// A form that its dialect does not know.
    UnknownForm,
    /// Another sender, receiver or time than the post has.
    Altered,
    /// A SYNC_NOTIFY while it has to ask on anyway.
    NotHeldBack,
    /// A live copy with flags that are not a server's to set.
    Posing,
}

/// A set of complaints.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Complaints(u8);

impl Complaints {
    fn note(&mut self, complaint: Complaint, is_due: bool) {
        self.0 |= u8::from(is_due) << complaint.place();
    }

    pub(crate) fn contains(self, complaint: Complaint) -> bool {
        self.0 & 1 << complaint.place() != 0
    }
}

impl Complaint {
    const fn place(self) -> u8 {
        match self {
            Self::Parted => 0,
            Self::UnknownForm => 1,
            Self::Altered => 2,
            Self::NotHeldBack => 3,
            Self::Posing => 4,
        }
    }
}

impl Client {
    pub(crate) const NEW: Self = Self {
        wants_sync: false,
        owes_key: false,
        notified: MsgId(0),
        key: MsgId(0),
        since: MsgId(0),
        seen: Posts::NONE,
        own: Posts::NONE,
        copied: Posts::NONE,
        acked: Posts::NONE,
        pair: None,
        complaints: Complaints(0),
    };

    /// Reads whole frames, as many as there are. `is_behind`: it has been told to ask on.
    pub(crate) fn read(
        &mut self,
        world: &World,
        dialect: Dialect,
        is_behind: bool,
        mut bytes: BytesMut,
    ) {
        let (mut metadata, mut has_ended) = (None, false);
        while let Some(frame) = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes).unwrap() {
            let Parsed::Message(message) = frame.parse().unwrap() else { panic!("unlisted") };
            let complaints = &mut self.complaints;
            complaints.note(Complaint::UnknownForm, !knows(dialect, message.command()));
            let is_notify = message.command() == Command::SYNC_NOTIFY;
            complaints.note(Complaint::NotHeldBack, is_behind && is_notify);
            let ends = message.command() == Command::SYNC_END;
            match message.body {
                // S12.3: the rest of an answer, and no news.
                Body::SyncNotify(msgid) if has_ended => self.wants_sync |= msgid > self.key,
                _ => metadata = self.hear(world, message, metadata),
            }
            has_ended = ends;
        }
        self.complaints.note(Complaint::Parted, metadata.is_some());
        assert!(!bytes.has_remaining(), "frames are written whole (S8)");
    }

    /// Reads one message, with the METADATA before it. Returns the one for the next.
    fn hear(
        &mut self,
        world: &World,
        Message { body, flags, .. }: Message,
        metadata: Option<Metadata>,
    ) -> Option<Metadata> {
        self.check(world, &body);
        let may_follow = matches!(body, Body::Ack(_)) || flags.contains(Flags::PUSH);
        self.complaints.note(Complaint::Parted, metadata.is_some() && !may_follow);
        match body {
            Body::Metadata(metadata) => return Some(metadata),
            Body::AuthStatus(answer) => {
                assert_eq!(answer.status, LoginStatus::OK);
                self.wants_sync = true;
            }
            Body::Ack(ack) => {
                let post = usize::try_from(ack.seq.0).unwrap();
                self.acked.insert(post);
                self.follow(metadata, post);
            }
            Body::SyncNotify(msgid) => {
                self.notified = msgid;
                self.wants_sync |= msgid > self.key;
            }
            // Version 2 has the key of SYNC_END here (D4.5).
            Body::SyncBegin(_) => {}
            Body::Customer(chat) | Body::CustomerSupport(chat) => {
                self.seen.insert(chat.content[0].into());
            }
            Body::CustomerV2(chat) => self.hear_v2(chat.content[0].into(), flags, metadata),
            Body::SyncEnd(last) => {
                self.owes_key |= last > self.key;
                self.key = self.key.max(last);
                self.wants_sync &= self.notified > self.key;
            }
            other => panic!("no server says {other:?}"),
        }
        None
    }

    fn hear_v2(&mut self, post: usize, flags: Flags, metadata: Option<Metadata>) {
        if flags.contains(Flags::PUSH) {
            self.copied.insert(post);
            self.complaints.note(Complaint::Parted, metadata.is_none());
            self.complaints.note(Complaint::Posing, flags.contains(Flags::SELF));
            if self.follow(metadata, post) {
                self.seen.insert(post);
            }
        } else if flags.contains(Flags::SELF) {
            self.own.insert(post);
        } else {
            self.seen.insert(post);
        }
    }

    /// Takes the key of a copy that continues what it has.
    fn follow(&mut self, metadata: Option<Metadata>, post: usize) -> bool {
        let Some(Metadata { sync_key, prev_sync_key }) = metadata else { return false };
        self.pair = Some((sync_key, prev_sync_key, post));
        let continues = prev_sync_key == self.key && prev_sync_key != MsgId(0);
        if continues {
            self.key = sync_key;
            self.owes_key = true;
            self.wants_sync &= self.notified > sync_key;
        }
        continues
    }

    /// D2: whatever the form, it is the post.
    fn check(&mut self, world: &World, body: &Body) {
        let (content, timestamp) = match body {
            Body::Customer(chat) | Body::CustomerSupport(chat) => (&chat.content, chat.timestamp),
            Body::CustomerV2(chat) => (&chat.content, chat.timestamp),
            _ => return,
        };
        let post = &world.posts[usize::from(content[0])];
        let parties = post.parties.map(|[receiver, sender]| [sender, receiver]);
        let expected = parties.map(|parties| parties.map(|account| ACCOUNTS[account]));
        let altered = content.len() != 1
            || timestamp.as_secs() != NOW
            || (expected.is_some() && cast::parties(body) != expected);
        self.complaints.note(Complaint::Altered, altered);
    }
}

/// D3.1–D3.3
fn knows(dialect: Dialect, command: Command) -> bool {
    match command {
        Command::CUSTOMER | Command::CUSTOMER_SUPPORT => dialect != Dialect::V2,
        Command::CUSTOMER_V2 | Command::METADATA => dialect != Dialect::V1,
        _ => true,
    }
}
