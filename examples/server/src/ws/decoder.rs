//! What a client sends: bytes of the wire become frames of the protocol.

use std::ops::ControlFlow;

use bytes::BytesMut;
use kefu_proto::FrameLimit;
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use crate::engine_io::{Packet, parse_binary, parse_text};
use crate::ws::encoder::{put_pong, put_text};
use crate::ws::header::PartialHeader;
use crate::ws::mask::Mask;
use crate::ws::packing::Packing;
use crate::ws::violation::Violation;

/// Reads what a client sends, in whatever parts it comes.
///
/// It keeps what has come of an unfinished message, and reserves nothing for what was announced.
pub struct Decoder {
    packing: Packing,
    limit: FrameLimit,
    header: PartialHeader,
    /// The frame whose payload is being read.
    frame: Option<Frame>,
    /// What has come of the payload of a control frame.
    control: BytesMut,
    /// The kind of the message that has begun, and what has come of it.
    begun: Option<Data>,
    message: BytesMut,
}

/// A frame whose payload is being read.
struct Frame {
    opcode: OpCode,
    is_final: bool,
    mask: Mask,
    left: usize,
}

impl Decoder {
    pub fn new(packing: Packing, limit: FrameLimit) -> Self {
        Self {
            packing,
            limit,
            header: PartialHeader::default(),
            frame: None,
            control: BytesMut::new(),
            begun: None,
            message: BytesMut::new(),
        }
    }

    pub const fn packing(&self) -> Packing {
        self.packing
    }

    /// Takes bytes of the wire. Frames of the protocol go to `frames`; answers to pings to `out`,
    /// each no longer than its ping. Breaks at a close frame or packet.
    pub fn decode(
        &mut self,
        mut wire: &mut [u8],
        frames: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<ControlFlow<()>, Violation> {
        loop {
            let mut frame = if let Some(frame) = self.frame.take() {
                frame
            } else {
                let (taken, header) = self.header.read(wire)?;
                wire = &mut wire[taken..];
                let Some((header, length)) = header else {
                    return Ok(ControlFlow::Continue(()));
                };
                self.begin(&header, length)?
            };
            let here = frame.left.min(wire.len());
            let (payload, behind) = wire.split_at_mut(here);
            wire = behind;
            frame.mask.apply(payload);
            frame.left -= here;
            if frame.left > 0 {
                self.kept(frame.opcode).extend_from_slice(payload);
                self.frame = Some(frame);
                return Ok(ControlFlow::Continue(()));
            }
            if self.finish(&frame, payload, frames, out)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }

    /// Begins a frame, unless it is not allowed.
    fn begin(&mut self, header: &FrameHeader, length: u64) -> Result<Frame, Violation> {
        let FrameHeader { is_final, opcode, mask, .. } = *header;
        let mask = Mask::new(mask.ok_or(Violation::NotMasked)?);
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Violation::Reserved);
        }
        let left = usize::try_from(length).unwrap_or(usize::MAX);
        match opcode {
            OpCode::Control(_) if is_final && left <= LONGEST_CONTROL => {}
            OpCode::Control(_) => return Err(Violation::Control),
            OpCode::Data(data) => {
                match (data, self.begun) {
                    (Data::Continue, Some(_)) => {}
                    (Data::Continue, None) | (_, Some(_)) => return Err(Violation::Fragment),
                    (_, None) => self.begun = Some(data),
                }
                let most = self.packing.max_message_size(self.limit);
                if self.message.len().saturating_add(left) > most {
                    return Err(Violation::TooLong { most });
                }
            }
        }
        Ok(Frame { opcode, is_final, mask, left })
    }

    /// Where parts are kept until the rest has come.
    fn kept(&mut self, opcode: OpCode) -> &mut BytesMut {
        match opcode {
            OpCode::Control(_) => &mut self.control,
            OpCode::Data(_) => &mut self.message,
        }
    }

    /// Finishes a frame with the last part of its payload.
    fn finish(
        &mut self,
        frame: &Frame,
        last: &[u8],
        frames: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<ControlFlow<()>, Violation> {
        let kept = self.kept(frame.opcode);
        if !frame.is_final {
            kept.extend_from_slice(last);
            return Ok(ControlFlow::Continue(()));
        }
        // What comes whole, as most messages do, is not copied.
        let kept = std::mem::take(kept);
        let whole = if kept.is_empty() { BytesMut::new() } else { joined(kept, last) };
        let payload = if whole.is_empty() { last } else { &whole };
        match frame.opcode {
            OpCode::Control(Control::Ping) => put_pong(payload, out),
            OpCode::Control(Control::Close) => return Ok(ControlFlow::Break(())),
            OpCode::Control(_) => {}
            OpCode::Data(_) => {
                let is_text = self.begun.take() == Some(Data::Text);
                return self.take_message(is_text, payload, frames, out);
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn take_message(
        &self,
        is_text: bool,
        message: &[u8],
        frames: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<ControlFlow<()>, Violation> {
        let packet = match (self.packing, is_text) {
            (Packing::Bare, false) => Packet::Message(message.into()),
            (Packing::Bare, true) => return Err(Violation::Text),
            (Packing::EngineIo, false) => parse_binary(message).ok_or(Violation::Packet)?,
            (Packing::EngineIo, true) => {
                let text = str::from_utf8(message).map_err(|_| Violation::Utf8)?;
                parse_text(text).ok_or(Violation::Packet)?
            }
        };
        match packet {
            Packet::Message(frame) if is_one_frame(&frame, self.limit) => {
                frames.extend_from_slice(&frame);
            }
            Packet::Message(_) => return Err(Violation::NotOneFrame),
            Packet::Ping { pong } => put_text(&pong, out),
            Packet::Close => return Ok(ControlFlow::Break(())),
            Packet::Ignored => {}
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// RFC 6455, 5.5.
const LONGEST_CONTROL: usize = 125;

fn joined(mut kept: BytesMut, last: &[u8]) -> BytesMut {
    kept.extend_from_slice(last);
    kept
}

/// Whether the message is one frame (W1). A length that the limit refuses is passed on: the
/// connection then closes and says why.
fn is_one_frame(message: &[u8], limit: FrameLimit) -> bool {
    const HEADER: usize = 12;
    match message.first_chunk() {
        Some(&length) if message.len() >= HEADER => {
            let length = u32::from_be_bytes(length);
            length >= limit.get() || usize::try_from(length) == Ok(message.len() - HEADER)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that a decoder has reserved.
    fn reserved(decoder: &Decoder) -> usize {
        decoder.control.capacity() + decoder.message.capacity()
    }

    #[test]
    fn nothing_is_reserved_before_it_has_come() {
        let mut decoder = Decoder::new(Packing::Bare, FrameLimit::MAX);
        let (mut frames, mut out) = (BytesMut::new(), BytesMut::new());
        let announced = &mut [0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 1, 2, 3, 4];
        assert!(decoder.decode(announced, &mut frames, &mut out).is_ok());
        assert_eq!(reserved(&decoder), 0);
        assert!(decoder.decode(&mut [0; 1_000], &mut frames, &mut out).is_ok());
        assert!((1_000..=2_000).contains(&reserved(&decoder)), "{}", reserved(&decoder));
        assert_eq!(frames.capacity() + out.capacity(), 0);
    }

    #[test]
    fn nothing_is_kept_of_a_message_that_is_whole() {
        let mut decoder = Decoder::new(Packing::Bare, FrameLimit::MAX);
        let (mut frames, mut out) = (BytesMut::new(), BytesMut::new());
        let frame = [[0x82, 0x8c, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 13, 1, 0, 0]].concat();
        for byte in frame {
            assert!(decoder.decode(&mut [byte], &mut frames, &mut out).is_ok());
        }
        assert_eq!((frames.len(), reserved(&decoder)), (12, 0));
    }
}
