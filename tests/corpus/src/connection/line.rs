//! What a client sends, and how much of it has arrived.

use bytes::BytesMut;
use kefu_proto::{DecodeError, Frame, FrameDecoder, FrameLimit, Header, Parsed};

use crate::input::Choices;

pub(super) struct Line<'s> {
    pub(super) read: BytesMut,
    stream: &'s [u8],
    rest: &'s [u8],
    arrived: usize,
    /// Everything the client says, each with how many bytes must have arrived for it.
    said: Vec<(usize, Result<Parsed, DecodeError>)>,
    heard: usize,
}

impl<'s> Line<'s> {
    /// Other targets test the reader of frames and messages; here it says what to expect.
    pub(super) fn new(stream: &'s [u8], limit: FrameLimit) -> Self {
        let mut said = vec![];
        let mut read = BytesMut::from(stream);
        let mut end = 0;
        while let Some(next) = FrameDecoder::new(limit).decode(&mut read).transpose() {
            end = if next.is_ok() { stream.len() - read.len() } else { end + Header::LEN };
            said.push((end, next.and_then(Frame::parse)));
            if said.last().is_some_and(|(_, what)| what.is_err()) {
                break;
            }
        }
        Self { read: BytesMut::new(), stream, rest: stream, arrived: 0, said, heard: 0 }
    }

    /// More of the stream arrives; false if there is no more.
    pub(super) fn receive(&mut self, choices: &mut Choices<'_>) -> bool {
        let chunk = choices.chunk(&mut self.rest);
        self.read.extend_from_slice(chunk);
        self.arrived += chunk.len();
        !chunk.is_empty()
    }

    /// The next that has arrived whole.
    pub(super) fn next(&mut self) -> Option<Result<Parsed, DecodeError>> {
        let (end, what) = self.said.get(self.heard)?;
        (*end <= self.arrived).then(|| {
            self.heard += 1;
            what.clone()
        })
    }

    /// Byte 11 of the header of what has come last.
    pub(super) fn spare(&self) -> u8 {
        let start = self.heard.checked_sub(2).map_or(0, |before| self.said[before].0);
        self.stream[start + 11]
    }

    /// No byte is consumed beyond the frames so far.
    pub(super) fn check_taken(&self) {
        let end = self.said[..self.heard].last().map_or(0, |(end, _)| *end);
        assert_eq!(self.arrived - self.read.len(), end);
    }
}
