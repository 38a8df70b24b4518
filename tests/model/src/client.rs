//! What a client knows, and how it reads what comes (S5, W10).

use bytes::BytesMut;
use kefu_proto::{
    Body, Command, Encode, Flags, FrameDecoder, FrameLimit, LoginStatus, Message, Metadata, MsgId,
    Parsed,
};

use super::cast::Posts;

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
    pub(crate) acked: Posts,
    /// Whether it has taken a live copy.
    pub(crate) has_taken: bool,
}

impl Client {
    pub(crate) const NEW: Self = Self {
        wants_sync: false,
        owes_key: false,
        notified: MsgId(0),
        key: MsgId(0),
        since: MsgId(0),
        seen: Posts::NONE,
        acked: Posts::NONE,
        has_taken: false,
    };

    /// Reads whole frames, as many as there are.
    pub(crate) fn read(&mut self, mut bytes: BytesMut) {
        let mut metadata = None;
        let mut has_ended = false;
        while let Some(frame) = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes).unwrap() {
            let Parsed::Message(message) = frame.parse().unwrap() else { panic!("unlisted") };
            let ends = message.command() == Command::SYNC_END;
            match message.body {
                // S12.3: the rest of an answer, and no news.
                Body::SyncNotify(msgid) if has_ended => self.wants_sync |= msgid > self.key,
                _ => metadata = self.hear(message, metadata),
            }
            has_ended = ends;
        }
    }

    /// Reads one message, with the METADATA before it. Returns the one for the next.
    fn hear(
        &mut self,
        Message { body, flags, .. }: Message,
        metadata: Option<Metadata>,
    ) -> Option<Metadata> {
        match body {
            Body::Metadata(metadata) => return Some(metadata),
            Body::AuthStatus(answer) => {
                assert_eq!(answer.status, LoginStatus::OK);
                self.wants_sync = true;
            }
            Body::Ack(ack) => {
                let post = usize::try_from(ack.seq.0).unwrap();
                self.acked.insert(post);
                self.follow(metadata);
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
        let is_copy = flags.contains(Flags::PUSH);
        let is_taken = is_copy && self.follow(metadata);
        self.has_taken |= is_taken;
        if is_taken || !is_copy && !flags.contains(Flags::SELF) {
            self.seen.insert(post);
        }
    }

    /// Takes the key of a copy that continues what it has.
    fn follow(&mut self, metadata: Option<Metadata>) -> bool {
        let Some(Metadata { sync_key, prev_sync_key }) = metadata else { return false };
        let continues = prev_sync_key == self.key && prev_sync_key != MsgId(0);
        if continues {
            self.key = sync_key;
            self.owes_key = true;
            self.wants_sync &= self.notified > sync_key;
        }
        continues
    }
}
