//! What a client makes of what it reads.

use bytes::BytesMut;

use super::speaking::Client;
use crate::id::{MsgId, Seq};
use crate::message::{Body, LoginStatus, Message, Metadata, Parsed};
use crate::wire::{DecodeError, Flags, FrameDecoder, FrameLimit};

impl Client {
    /// The next message in what has been read; `None`: read more. What the client says to it is
    /// appended to `out`. A command outside the table (W3) is skipped.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the server has written something that is no frame or no message.
    pub fn receive(
        &mut self,
        read: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Message>, DecodeError> {
        while let Some(frame) = FrameDecoder::new(FrameLimit::CLIENT).decode(read)? {
            self.trace.read(frame.command, frame.seq);
            let metadata = self.link.metadata.take();
            if let Parsed::Message(message) = frame.parse()? {
                self.take_in(&message, metadata, out);
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn take_in(&mut self, message: &Message, metadata: Option<Metadata>, out: &mut BytesMut) {
        match message.body {
            Body::AuthStatus(answer) => self.answered(answer.status, out),
            Body::Metadata(metadata) => self.link.metadata = Some(metadata),
            Body::Ack(ack) => {
                self.advance(metadata);
                self.settle(ack.seq);
            }
            Body::CustomerV2(_) if message.flags.contains(Flags::PUSH) => self.advance(metadata),
            Body::SyncNotify(key) => {
                self.link.heard = self.link.heard.max(key);
                self.catch_up(out);
            }
            Body::SyncEnd(key) => self.end_sync(key, out),
            Body::Pong => self.link.pongs += 1,
            _ => {}
        }
    }

    /// Once it is in, it sends again what is in flight (S10).
    fn answered(&mut self, status: LoginStatus, out: &mut BytesMut) {
        if status == LoginStatus::OK {
            self.link.is_logged_in = true;
            self.repeat(out);
        }
    }

    /// A client that has missed nothing needs no sync for a live copy (W10).
    fn advance(&mut self, metadata: Option<Metadata>) {
        let follows = |metadata: &Metadata| {
            self.kind.is_v2() && self.key > MsgId(0) && metadata.prev_sync_key == self.key
        };
        self.key = metadata.filter(follows).map_or(self.key, |metadata| metadata.sync_key);
    }

    fn settle(&mut self, seq: Seq) {
        self.waiting.retain(|message| message.seq != Some(seq));
    }

    fn end_sync(&mut self, end: MsgId, out: &mut BytesMut) {
        let asked = self.link.asked.pop_front().unwrap_or(MsgId(0));
        // A queue that ends before the key (D4.6) draws it back.
        self.key = if end < asked { end } else { end.max(self.key) };
        self.send(Flags::NONE, Body::SyncKey(self.key), out);
        self.catch_up(out);
    }

    /// A notify of something new is followed by a SYNC, unless one is on its way.
    fn catch_up(&mut self, out: &mut BytesMut) {
        if self.link.heard > self.key && self.link.asked.is_empty() {
            self.sync(out);
        }
    }
}
