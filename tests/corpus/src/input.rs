//! How an input is divided into what a peer sends and what else may happen.

use kefu_proto::{Dialect, SyncBounds};

/// The bytes of an input that decide what happens: how a stream is cut, what a host answers.
///
/// The first byte of an input is their number. After the last one all are 0, which is always the
/// plainest choice.
#[derive(Clone)]
pub(crate) struct Choices<'i>(&'i [u8]);

impl<'i> Choices<'i> {
    /// The choices, and the bytes behind them.
    pub(crate) fn split(input: &'i [u8]) -> (Self, &'i [u8]) {
        let Some((&count, rest)) = input.split_first() else { return (Self(&[]), &[]) };
        let (choices, rest) = rest.split_at(rest.len().min(count.into()));
        (Self(choices), rest)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    /// One of so many.
    pub(crate) fn of(&mut self, count: u8) -> u8 {
        self.byte() % count
    }

    /// Small numbers on both sides of 0, and the ends of the range.
    pub(crate) fn number(&mut self) -> i64 {
        match i8::from_be_bytes([self.byte()]) {
            i8::MIN => i64::MIN,
            i8::MAX => i64::MAX,
            small => small.into(),
        }
    }

    /// Which dialect a host sets, if any.
    pub(crate) fn dialect(&mut self) -> Option<Dialect> {
        [None, Some(Dialect::V1), Some(Dialect::V2), Some(Dialect::AsSent)][usize::from(self.of(4))]
    }

    /// The usual bounds, or small ones.
    pub(crate) fn bounds(&mut self) -> SyncBounds {
        match self.byte() {
            0 => SyncBounds::default(),
            byte => SyncBounds { rows: usize::from(byte % 8), bytes: usize::from(byte / 8) * 16 },
        }
    }

    /// Cuts the next chunk off the front of `stream`: as many bytes as the choice says, or all of
    /// them if it is 0.
    pub(crate) fn chunk<'s>(&mut self, stream: &mut &'s [u8]) -> &'s [u8] {
        let length = match self.byte() {
            0 => stream.len(),
            length => stream.len().min(length.into()),
        };
        let (chunk, rest) = stream.split_at(length);
        *stream = rest;
        chunk
    }
}

/// Takes so many bytes off the front, zeros where there are fewer.
pub(crate) fn head<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let Some((head, rest)) = bytes.split_first_chunk() else { return [0; N] };
    *bytes = rest;
    *head
}
