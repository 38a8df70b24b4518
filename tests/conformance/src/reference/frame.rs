//! Frames, cut and written by hand (W1).

use crate::case::Hex;

/// A whole frame. The reserved byte is not looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'b> {
    pub(crate) seq: i32,
    pub(crate) cmd: u8,
    pub(crate) version: u8,
    pub(crate) flag: u8,
    pub(crate) body: &'b [u8],
}

/// A header, and what follows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'b> {
    pub(crate) length: i32,
    /// Without its body.
    pub(crate) frame: Frame<'b>,
    pub(crate) rest: &'b [u8],
}

impl<'b> Head<'b> {
    pub(crate) const LEN: usize = 12;

    pub(crate) fn cut(bytes: &'b [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_first_chunk()?;
        let &[l0, l1, l2, l3, s0, s1, s2, s3, cmd, version, flag, _reserved] = header;
        let length = i32::from_be_bytes([l0, l1, l2, l3]);
        let seq = i32::from_be_bytes([s0, s1, s2, s3]);
        Some(Self { length, frame: Frame { seq, cmd, version, flag, body: &[] }, rest })
    }

    /// The frame, if its body is whole.
    pub(crate) fn whole(self) -> Option<Frame<'b>> {
        let length = usize::try_from(self.length).ok()?;
        Some(Frame { body: self.rest.get(..length)?, ..self.frame })
    }
}

impl<'b> Frame<'b> {
    pub(crate) fn cut(bytes: &'b [u8]) -> Option<Self> {
        Head::cut(bytes)?.whole()
    }

    pub(crate) fn write(&self) -> Hex {
        let length = i32::try_from(self.body.len()).unwrap_or(i32::MAX);
        let mut bytes = Vec::with_capacity(Head::LEN + self.body.len());
        bytes.extend(length.to_be_bytes());
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend([self.cmd, self.version, self.flag, 0]);
        bytes.extend(self.body);
        Hex(bytes)
    }
}

/// Takes a stream apart; what is no whole frame comes last.
pub(crate) fn split(stream: &[u8]) -> Vec<Hex> {
    let mut frames = Vec::new();
    let mut rest = stream;
    while let Some(frame) = Frame::cut(rest) {
        let (first, others) = rest.split_at(Head::LEN + frame.body.len());
        frames.push(Hex(first.to_vec()));
        rest = others;
    }
    if !rest.is_empty() {
        frames.push(Hex(rest.to_vec()));
    }
    frames
}

/// The same bytes with another number.
pub(crate) fn renumbered(frame: &Hex, seq: i32) -> Hex {
    let mut bytes = frame.0.clone();
    if let Some(field) = bytes.get_mut(4..8) {
        field.copy_from_slice(&seq.to_be_bytes());
    }
    Hex(bytes)
}

/// The same frames with numbers that are greater by `by`, as W7.2 counts.
pub(crate) fn shifted(frames: &[Hex], by: i32) -> Vec<Hex> {
    let shift = |frame: &Hex| {
        let seq = i32_at(&frame.0, 4).unwrap_or(0);
        renumbered(frame, seq.wrapping_add(by))
    };
    frames.iter().map(shift).collect()
}

/// A field of a body.
pub(crate) fn i64_at(body: &[u8], place: usize) -> Option<i64> {
    let field = body.get(place..)?.first_chunk()?;
    Some(i64::from_be_bytes(*field))
}

pub(crate) fn i32_at(body: &[u8], place: usize) -> Option<i32> {
    let field = body.get(place..)?.first_chunk()?;
    Some(i32::from_be_bytes(*field))
}
