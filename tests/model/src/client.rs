//! What a client knows, and how it reads what comes (S5).

use bytes::{Buf, BytesMut};
use kefu_proto::{Body, FrameDecoder, FrameLimit, LoginStatus, MsgId, Parsed};

use super::cast::Posts;

/// One device. It answers a login and a SYNC_NOTIFY beyond its key with a SYNC, and a SYNC_END with
/// a SYNC_KEY.
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
    };

    /// Reads whole frames, as many as there are.
    pub(crate) fn read(&mut self, mut bytes: BytesMut) {
        while let Some(frame) = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut bytes).unwrap() {
            let Parsed::Message(message) = frame.parse().unwrap() else { panic!("unlisted") };
            self.hear(message.body);
        }
        assert!(!bytes.has_remaining(), "frames are written whole (S8)");
    }

    fn hear(&mut self, body: Body) {
        match body {
            Body::AuthStatus(answer) => {
                assert_eq!(answer.status, LoginStatus::OK);
                self.wants_sync = true;
            }
            Body::Ack(ack) => self.acked.insert(usize::try_from(ack.seq.0).unwrap()),
            Body::SyncNotify(msgid) => {
                self.notified = msgid;
                self.wants_sync |= msgid > self.key;
            }
            Body::SyncBegin(after) if self.key == MsgId(0) => self.since = after,
            Body::SyncBegin(after) => assert_eq!(after, self.key),
            Body::Customer(chat) | Body::CustomerSupport(chat) => {
                self.seen.insert(chat.content[0].into());
            }
            Body::SyncEnd(last) => {
                self.owes_key |= last > self.key;
                self.key = last;
                self.wants_sync &= self.notified > last;
            }
            other => panic!("no server says {other:?}"),
        }
    }
}
