//! How frames of the protocol are on the wire.

use std::cell::RefCell;
use std::time::Duration;

use bytes::BytesMut;
use kefu_proto::FrameLimit;

use crate::connection::end::End;
use crate::ws::{Decoder, Packing, put_close, put_greeting, put_messages};

/// How frames of the protocol are on the wire.
pub enum Framing {
    /// One behind the other.
    Plain,
    /// Each in a message of its own.
    WebSocket(Box<Decoder>),
}

impl Framing {
    pub fn web_socket(packing: Packing, limit: FrameLimit) -> Self {
        Self::WebSocket(Box::new(Decoder::new(packing, limit)))
    }

    /// Takes bytes of the wire. Frames go to `frames`, what WebSocket itself answers to `out`. An
    /// error if nothing more is to be read behind them.
    pub(super) fn decode(
        &mut self,
        wire: &mut [u8],
        frames: &mut BytesMut,
        out: &mut BytesMut,
    ) -> Result<(), End> {
        match self {
            Self::Plain => frames.extend_from_slice(wire),
            Self::WebSocket(decoder) => {
                if decoder.decode(wire, frames, out)?.is_break() {
                    return Err(End::Left);
                }
            }
        }
        Ok(())
    }

    /// Appends the frames that `write` writes to `out`.
    pub(super) fn encode<T>(
        &self,
        out: &mut BytesMut,
        write: impl FnOnce(&mut BytesMut) -> T,
    ) -> T {
        thread_local! {
            static FRAMES: RefCell<BytesMut> = RefCell::default();
        }
        match self {
            Self::Plain => write(out),
            Self::WebSocket(decoder) => FRAMES.with_borrow_mut(|frames| {
                let written = write(frames);
                put_messages(decoder.packing(), frames, out);
                written
            }),
        }
    }

    /// Appends what the server says first.
    pub(super) fn greet(&self, idle_timeout: Duration, out: &mut BytesMut) {
        if let Self::WebSocket(decoder) = self {
            put_greeting(decoder.packing(), idle_timeout, out);
        }
    }

    /// Appends what the server says last.
    pub(super) fn close(&self, end: End, out: &mut BytesMut) {
        if let Self::WebSocket(_) = self {
            put_close(end.close_code(), out);
        }
    }
}
