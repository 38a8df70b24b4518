//! What a client gets to read: byte for byte what is expected.

use bytes::buf::Limit;
use bytes::{BufMut, BytesMut};
use kefu_proto::{Command, Dialect, Encode, EncodeError, Frame, FrameDecoder, FrameLimit};
use kefu_proto::{MsgId, Online, Seq, Version};

use crate::outgoing::{Outgoing, Raw};

pub(crate) struct Outbox {
    pub(crate) limit: FrameLimit,
    pub(crate) out: BytesMut,
    /// How many bytes still find room.
    pub(crate) room: usize,
    /// W7: of the login that succeeded.
    pub(crate) version: Version,
    pub(crate) dialect: Dialect,
    /// S2.9: the key of the last SYNC_END.
    pub(crate) synced: Option<MsgId>,
    /// S12.4: the client has more to ask for.
    pub(crate) is_behind: bool,
    /// S12.6: what is notified while an answer is under way.
    pub(crate) until_end: Option<Vec<MsgId>>,
    /// A METADATA has been written since the last answer began.
    pub(crate) has_copies: bool,
    expected: Vec<u8>,
    last: i32,
}

impl Outbox {
    pub(crate) fn new(limit: FrameLimit) -> Self {
        Self {
            limit,
            out: BytesMut::new(),
            room: usize::MAX,
            version: Version(0),
            dialect: Dialect::AsSent,
            synced: None,
            is_behind: false,
            until_end: None,
            has_copies: false,
            expected: vec![],
            last: 0,
        }
    }

    /// Where the connection writes.
    pub(crate) fn sink(&mut self) -> Limit<&mut BytesMut> {
        (&mut self.out).limit(self.room)
    }

    /// Writes what the host wants to say, and checks how it says it.
    pub(crate) fn write(
        &mut self,
        online: &mut Online,
        message: &impl Encode,
        outgoing: &Outgoing,
    ) -> Result<(), EncodeError> {
        let frames = self.frames_of(outgoing);
        if let Some(waiting) = self.until_end.as_mut().filter(|_| outgoing.is_notify()) {
            let body = outgoing.raw(self.version).body;
            waiting.extend(body.first_chunk().map(|key| MsgId(i64::from_be_bytes(*key))));
        }
        let written = online.write(message, &mut self.sink());
        assert_eq!(written, self.expect_all(&frames));
        self.has_copies |= written.is_ok() && frames.len() > 1;
        self.check();
        written
    }

    pub(crate) fn frames_of(&self, outgoing: &Outgoing) -> Vec<Raw> {
        let waits = self.is_behind || self.until_end.is_some();
        let waits = waits && outgoing.is_notify();
        if waits { vec![] } else { outgoing.frames(self.dialect, self.version) }
    }

    /// A frame of the connection itself.
    pub(crate) fn expect(&mut self, outgoing: &Outgoing) -> Result<(), EncodeError> {
        self.expect_all(&[outgoing.raw(self.version)])
    }

    /// W2, W7.5, W10.3: all of these frames, or an error and no number used.
    pub(crate) fn expect_all(&mut self, frames: &[Raw]) -> Result<(), EncodeError> {
        for raw in frames.iter().rev() {
            self.check_length(raw.body.len())?;
        }
        let needed = frames.iter().map(|raw| 12 + raw.body.len()).sum();
        let available = self.room;
        if needed > available {
            return Err(EncodeError::BufferTooSmall { needed, available });
        }
        self.room -= needed;
        for raw in frames {
            self.last += 1;
            self.expected.put_u32(u32::try_from(raw.body.len()).unwrap());
            self.expected.put_i32(self.last);
            self.expected.put_slice(&[raw.command.0, self.version.0, raw.flags.0, 0]);
            self.expected.put_slice(&raw.body);
        }
        Ok(())
    }

    pub(crate) fn check_length(&self, length: usize) -> Result<(), EncodeError> {
        let limit = self.limit;
        let fits = u32::try_from(length).unwrap() < limit.get();
        if fits { Ok(()) } else { Err(EncodeError::BodyTooLong { length, limit }) }
    }

    pub(crate) fn check(&self) {
        assert_eq!(self.out, self.expected);
    }

    /// W7, S8: whole frames, numbered from 1. W10.3: a METADATA right before a live copy or an ACK,
    /// and never by itself.
    pub(crate) fn into_frames(mut self) -> Vec<Frame> {
        self.check();
        let mut frames: Vec<Frame> = vec![];
        for seq in 1.. {
            let Some(frame) = FrameDecoder::new(FrameLimit::MAX).decode(&mut self.out).unwrap()
            else {
                break;
            };
            assert_eq!(frame.seq, Seq(seq));
            if frames.last().is_some_and(|last| last.command == Command::METADATA) {
                assert!([Command::CUSTOMER_V2, Command::ACK].contains(&frame.command));
            }
            frames.push(frame);
        }
        assert!(self.out.is_empty());
        assert!(frames.last().is_none_or(|last| last.command != Command::METADATA));
        frames
    }
}
