//! The frame decoder gets any bytes in any pieces under any limit, and is compared with a reader
//! that sees the whole stream at once.

use bytes::{Bytes, BytesMut};
use kefu_proto::{Command, DecodeError, Flags, Frame, FrameDecoder, FrameLimit, Seq, Version};

use crate::input::{Choices, head};

/// The limit in four bytes, the choices, the stream.
pub fn frames(mut input: &[u8]) {
    let limit = u32::from_be_bytes(head(&mut input));
    let (choices, stream) = Choices::split(input);
    // W2: and both sides of the border, which chance would seldom meet.
    let length = stream.first_chunk().map_or(0, |length| u32::from_be_bytes(*length));
    for limit in [limit, length, length.saturating_add(1)] {
        read(FrameLimit::new(limit), choices.clone(), stream);
    }
}

fn read(limit: FrameLimit, mut choices: Choices<'_>, stream: &[u8]) {
    let cut = Cut::of(stream, limit);
    let mut whole = Reader::new(limit, &cut);
    whole.receive(stream);
    let mut in_bytes = Reader::new(limit, &cut);
    for byte in stream.chunks(1) {
        in_bytes.receive(byte);
    }
    let (mut in_chunks, mut rest) = (Reader::new(limit, &cut), stream);
    while !rest.is_empty() {
        in_chunks.receive(choices.chunk(&mut rest));
    }
}

/// A connection's read buffer, and what has come out of it.
struct Reader<'c> {
    limit: FrameLimit,
    cut: &'c Cut,
    read: BytesMut,
    arrived: usize,
    frames: usize,
}

impl<'c> Reader<'c> {
    fn new(limit: FrameLimit, cut: &'c Cut) -> Self {
        Self { limit, cut, read: BytesMut::new(), arrived: 0, frames: 0 }
    }

    /// Some bytes arrive: what is whole now comes out, and nothing else (W1, W2).
    fn receive(&mut self, bytes: &[u8]) {
        self.read.extend_from_slice(bytes);
        self.arrived += bytes.len();
        while let Some((end, frame)) = self.whole() {
            self.take(end, frame);
        }
        match &self.cut.refused {
            // W2: from the header alone.
            Some(refused) if self.frames == self.cut.frames.len() && self.arrived >= refused.at => {
                self.gives(&Err(refused.error));
                self.gives(&Err(refused.error));
            }
            _ => self.gives(&Ok(None)),
        }
    }

    /// The next frame, if all of it has arrived.
    fn whole(&self) -> Option<&'c (usize, Frame)> {
        self.cut.frames.get(self.frames).filter(|(end, _)| *end <= self.arrived)
    }

    fn take(&mut self, end: &usize, frame: &Frame) {
        let memory = self.read.as_ptr_range();
        let mut uncut = self.read.clone();
        let came = decode(self.limit, &mut self.read).unwrap().unwrap();
        let length = uncut.len() - self.read.len();
        let expected = Bytes::copy_from_slice(&uncut[..length]);
        assert_eq!(FrameDecoder::new(self.limit).cut(&mut uncut), Ok(Some(expected)));
        assert_eq!(uncut, self.read);
        assert_eq!(&came, frame);
        assert_eq!(self.arrived - self.read.len(), *end);
        let body = came.body.as_ptr_range();
        assert!(body.is_empty() || memory.start < body.start && body.end <= memory.end, "copied");
        self.frames += 1;
    }

    /// No frame comes; nothing is consumed, and no memory is reserved from an unverified length.
    fn gives(&mut self, expected: &Result<Option<Frame>, DecodeError>) {
        let place = |read: &BytesMut| (read.as_ptr(), read.len(), read.capacity());
        let before = place(&self.read);
        assert_eq!(decode(self.limit, &mut self.read), *expected);
        let cut = FrameDecoder::new(self.limit).cut(&mut self.read);
        assert_eq!(cut, expected.as_ref().map(|_| None).map_err(|&error| error));
        assert_eq!(place(&self.read), before);
    }
}

fn decode(limit: FrameLimit, read: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
    FrameDecoder::new(limit).decode(read)
}

/// All frames of a stream, each with its end in it, and where and why there are no more.
struct Cut {
    frames: Vec<(usize, Frame)>,
    refused: Option<Refused>,
}

struct Refused {
    /// How many bytes must be there to know it.
    at: usize,
    error: DecodeError,
}

impl Cut {
    fn of(stream: &[u8], limit: FrameLimit) -> Self {
        let mut cut = Self { frames: vec![], refused: None };
        let mut start = 0;
        while let Some(header) = stream.get(start..start + 12) {
            let number = |at: usize| i32::from_be_bytes(*header[at..].first_chunk().unwrap());
            let length = number(0);
            if i64::from(length) >= i64::from(limit.get()) || length < 0 {
                let error = DecodeError::Length { length, limit };
                cut.refused = Some(Refused { at: start + 12, error });
                break;
            }
            let end = start + 12 + usize::try_from(length).unwrap();
            let Some(body) = stream.get(start + 12..end) else { break };
            let frame = Frame {
                seq: Seq(number(4)),
                command: Command(header[8]),
                version: Version(header[9]),
                flags: Flags(header[10]),
                body: Bytes::copy_from_slice(body),
            };
            cut.frames.push((end, frame));
            start = end;
        }
        cut
    }
}
