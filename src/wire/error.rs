//! Why bytes are not a frame or a message, and why a message cannot be written.

use thiserror::Error;

use super::field::Command;
use super::limit::FrameLimit;

/// Why bytes are not a message (W2, W5). A server closes the connection after any of these (S7).
///
/// Non-exhaustive: a later version of the protocol may have bodies that fail in other ways.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// W2.1: the header's length is negative or not below the reader's limit. Known from the header
    /// alone.
    #[error("a body of {length} bytes is refused: it must have at least 0 and less than {limit}")]
    Length {
        /// The length as the header gives it.
        length: i32,
        /// The limit of the reader.
        limit: FrameLimit,
    },
    /// W5.1, W5.5: the body ends before its fixed part does.
    #[error("the body of {command} has {actual} bytes: it needs at least {needed}")]
    TooShort {
        /// The frame's command.
        command: Command,
        /// How many bytes the body needs at least, as far as it could be read.
        needed: usize,
        /// How many bytes the body has.
        actual: usize,
    },
    /// W5.4: PING and PONG have no body.
    #[error("the body of {command} has {actual} bytes: it must be empty")]
    NotEmpty {
        /// The frame's command.
        command: Command,
        /// How many bytes the body has.
        actual: usize,
    },
}

/// Why a message cannot be written. Nothing has been written.
///
/// Non-exhaustive: a later version of the protocol may have messages that some connections cannot
/// carry.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum EncodeError {
    /// The body is not below the limit, so its reader would refuse it (W2.4).
    #[error("a body of {length} bytes cannot be written: it must have less than {limit}")]
    BodyTooLong {
        /// The length of the body in bytes.
        length: usize,
        /// The limit of the writer.
        limit: FrameLimit,
    },
    /// The buffer cannot grow and has less room than needed.
    #[error("{needed} bytes cannot be written: the buffer has room for {available}")]
    BufferTooSmall {
        /// How many bytes were to be written.
        needed: usize,
        /// How many bytes the buffer can still take.
        available: usize,
    },
}
