//! What a client gets to read: byte for byte what is expected, and in itself in order.

use bytes::{BufMut, BytesMut};
use kefu_proto::{Body, Command, Encode, EncodeError, Flags, FrameDecoder, FrameLimit};
use kefu_proto::{LoginStatus, Online, Parsed, Seq, Version};

use crate::reference;

pub(super) struct Outbox {
    pub(super) limit: FrameLimit,
    pub(super) out: BytesMut,
    /// W7: of the login that succeeded.
    pub(super) version: Version,
    /// Of messages that were stored twice, or that need no storing.
    pub(super) acks_owed: Vec<Seq>,
    expected: Vec<u8>,
    last: i32,
}

impl Outbox {
    pub(super) fn new(limit: FrameLimit) -> Self {
        let (out, version) = (BytesMut::new(), Version(0));
        Self { limit, out, version, acks_owed: vec![], expected: vec![], last: 0 }
    }

    /// Writes what the host wants to say, and checks how it says it.
    pub(super) fn write(&mut self, online: &mut Online, message: &impl Encode, body: &Body) {
        let bytes = reference::body_bytes(body, self.version);
        let written = online.write(message, &mut self.out);
        self.wrote_raw(written.err(), (body.command(), message.flags(), &bytes));
    }

    /// The connection has written a frame of its own, or failed to.
    pub(super) fn wrote(&mut self, error: Option<EncodeError>, body: &Body) {
        let bytes = reference::body_bytes(body, self.version);
        self.wrote_raw(error, (body.command(), Flags::NONE, &bytes));
    }

    pub(super) fn wrote_raw(
        &mut self,
        error: Option<EncodeError>,
        (command, flags, body): (Command, Flags, &[u8]),
    ) {
        assert_eq!(error, self.too_long(body.len()));
        self.expect_raw(command, flags, body);
        self.check();
    }

    /// A frame of the connection itself.
    pub(super) fn expect(&mut self, body: &Body) {
        let bytes = reference::body_bytes(body, self.version);
        self.expect_raw(body.command(), Flags::NONE, &bytes);
    }

    pub(super) fn fault(&self, body: &Body) -> Option<EncodeError> {
        self.too_long(reference::body_bytes(body, self.version).len())
    }

    pub(super) fn check(&self) {
        assert_eq!(self.out, self.expected);
    }

    /// W7, S8: whole frames, numbered from 1. S1: AUTH_STATUS before anything that needs a login,
    /// and once.
    pub(super) fn check_whole(mut self) {
        self.check();
        let (mut acks, mut logged_in) = (vec![], false);
        for seq in 1.. {
            let Some(frame) = FrameDecoder::new(FrameLimit::MAX).decode(&mut self.out).unwrap()
            else {
                break;
            };
            let version = if logged_in { self.version } else { frame.version };
            assert_eq!((frame.seq, frame.version), (Seq(seq), version));
            match frame.clone().parse() {
                Ok(Parsed::Message(message)) if !logged_in => match message.body {
                    Body::AuthStatus(auth) if auth.status == LoginStatus::OK => logged_in = true,
                    Body::AuthStatus(_) | Body::Pong => assert_eq!(version, Version(0)),
                    early => panic!("{early:?} before a login"),
                },
                Ok(Parsed::Message(message)) => match message.body {
                    Body::AuthStatus(_) => panic!("a second login"),
                    Body::Ack(ack) => acks.push(ack.seq),
                    _ => {}
                },
                // A row that the store had from elsewhere.
                _ => assert!(logged_in),
            }
        }
        assert!(self.out.is_empty());
        assert_eq!(acks, self.acks_owed);
    }

    /// Nothing where it is too long: then no number is used either.
    fn expect_raw(&mut self, command: Command, flags: Flags, body: &[u8]) {
        if self.too_long(body.len()).is_some() {
            return;
        }
        self.last += 1;
        self.expected.put_u32(u32::try_from(body.len()).unwrap());
        self.expected.put_i32(self.last);
        self.expected.put_slice(&[command.0, self.version.0, flags.0, 0]);
        self.expected.put_slice(body);
    }

    fn too_long(&self, length: usize) -> Option<EncodeError> {
        let limit = self.limit;
        let fits = u32::try_from(length).unwrap() < limit.get();
        (!fits).then_some(EncodeError::BodyTooLong { length, limit })
    }
}
