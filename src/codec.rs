//! The wire layer as a codec of `tokio-util`.

use bytes::BytesMut;
use thiserror::Error;
use tokio_util::codec::{Decoder, Encoder};

use crate::message::Parsed;
use crate::wire::{DecodeError, Encode, EncodeError, Frame, FrameDecoder, FrameLimit};

/// Frames of a connection as a stream of [`Parsed`] and a sink of whatever implements [`Encode`].
///
/// Messages are written with their own seq and version, as a client does. A server numbers its
/// frames with a [`FrameWriter`](crate::FrameWriter) instead.
///
/// ```
/// use kefu_proto::{Parsed, MessageCodec};
/// use tokio_util::codec::{Decoder, Encoder};
///
/// let mut codec = MessageCodec::default();
/// let ping = b"\0\0\0\0\0\0\0\x01\x0d\x01\0\0";
/// let mut read = bytes::BytesMut::from(&ping[..]);
/// let Some(Parsed::Message(message)) = codec.decode(&mut read)? else { unreachable!() };
/// let mut written = bytes::BytesMut::new();
/// codec.encode(&message, &mut written)?;
/// assert_eq!(&written[..], ping);
/// # Ok::<(), kefu_proto::CodecError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageCodec {
    limit: FrameLimit,
}

impl MessageCodec {
    /// A codec that neither reads nor writes bodies of `limit` bytes and more (W2).
    #[must_use]
    pub const fn new(limit: FrameLimit) -> Self {
        Self { limit }
    }
}

/// For a client connection: [`FrameLimit::CLIENT`].
impl Default for MessageCodec {
    fn default() -> Self {
        Self::new(FrameLimit::CLIENT)
    }
}

impl Decoder for MessageCodec {
    type Item = Parsed;
    type Error = CodecError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Parsed>, CodecError> {
        let frame = FrameDecoder::new(self.limit).decode(src)?;
        Ok(frame.map(Frame::parse).transpose()?)
    }
}

impl<T: Encode> Encoder<T> for MessageCodec {
    type Error = CodecError;

    fn encode(&mut self, message: T, dst: &mut BytesMut) -> Result<(), CodecError> {
        Ok(message.encode_within(self.limit, dst)?)
    }
}

/// What ends a framed stream or keeps a message out of a framed sink.
///
/// Exhaustive: reading, writing and the connection itself can fail.
#[derive(Debug, Error)]
pub enum CodecError {
    /// The peer sent bytes that are no message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The message cannot be written. Nothing has been written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The connection failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
