//! One connection, and whatever a host may write to it.

use bytes::BytesMut;
use kefu_proto::{Body, Command, DeviceId, Dialect, Encode, EncodeError, Frame, FrameLimit};
use kefu_proto::{Identity, MsgId, Online, Outbound, Parsed, Request, StoreId};
use kefu_proto::{StoredMessage, SyncAnswer, SyncBounds, UnixTime, Version};

use super::forwarded::Forwarded;
use super::login::log_in;
use crate::answer::Answer;
use crate::chat::{CUSTOMER, SELLER};
use crate::input::Choices;
use crate::outbox::Outbox;
use crate::outgoing::{Outgoing, What};
use crate::reference;

pub(super) struct Script<'i> {
    online: Online,
    outbox: Outbox,
    choices: Choices<'i>,
    identity: Identity,
    bounds: SyncBounds,
    answer: Option<(SyncAnswer, Answer)>,
    /// The client has shown another dialect than it had.
    has_changed: bool,
}

impl<'i> Script<'i> {
    pub(super) fn new(dialect: Dialect, mut choices: Choices<'i>) -> Self {
        let account = [CUSTOMER, SELLER][usize::from(choices.of(2))];
        let identity = Identity::new(account, DeviceId(11)).unwrap();
        let version = [1, 2, 0, 255][usize::from(choices.of(4))];
        let bounds = choices.bounds();
        let (mut online, out) = log_in(identity, Version(version), dialect);
        online.set_sync_bounds(bounds);
        let mut outbox = Outbox::new(FrameLimit::CLIENT);
        (outbox.version, outbox.dialect, outbox.out) = (Version(version), dialect, out);
        outbox.expect(&reference::auth_status(true).into()).unwrap();
        outbox.check();
        Self { online, outbox, choices, identity, bounds, answer: None, has_changed: false }
    }

    /// Until there is nothing left to choose and nothing left to write.
    pub(super) fn play(mut self, frames: &[Frame], messages: &[Forwarded]) {
        let (mut frames, mut messages) = (frames.iter(), messages.iter());
        while !(self.choices.is_empty() && frames.as_slice().is_empty()) {
            match self.choices.of(9) {
                0 | 1 => frames.next().into_iter().for_each(|frame| self.write_frame(frame)),
                2 => frames.next().into_iter().for_each(|frame| self.write_parsed(frame)),
                3 => messages.next().into_iter().for_each(|message| self.write_message(message)),
                4 => self.begin_sync(),
                5 => frames.next().into_iter().for_each(|frame| self.sync_row(frame)),
                6 => self.finish_sync(),
                7 => self.notify(),
                _ => self.say(),
            }
        }
        self.finish_sync();
        messages.for_each(|message| self.write_message(message));
        self.check_whole();
    }

    fn write_frame(&mut self, frame: &Frame) {
        let what = What::Bytes(frame.command, frame.body.to_vec());
        self.write(frame, &Outgoing { metadata: None, flags: frame.flags, what });
    }

    fn write_parsed(&mut self, frame: &Frame) {
        let Ok(parsed) = frame.clone().parse() else { return };
        let what = match &parsed {
            Parsed::Message(message) => What::Body(message.body.clone()),
            Parsed::Unlisted(frame) => What::Bytes(frame.command, frame.body.to_vec()),
        };
        self.write(&parsed, &Outgoing { metadata: None, flags: frame.flags, what });
    }

    fn write_message(&mut self, Forwarded { owned, outgoing, .. }: &Forwarded) {
        self.write(owned, outgoing);
        self.write(&owned.get(), outgoing);
    }

    fn notify(&mut self) {
        let msgid = MsgId(self.choices.number());
        self.write(&Outbound::SyncNotify(msgid), &Body::SyncNotify(msgid).into());
    }

    /// At first perhaps into too little room.
    fn write(&mut self, message: &impl Encode, outgoing: &Outgoing) {
        self.outbox.room = self.room();
        let written = self.outbox.write(&mut self.online, message, outgoing);
        self.outbox.room = usize::MAX;
        if let Err(EncodeError::BufferTooSmall { .. }) = written {
            let _ = self.outbox.write(&mut self.online, message, outgoing);
        }
    }

    fn room(&mut self) -> usize {
        usize::from(self.choices.byte()).checked_sub(1).unwrap_or(usize::MAX)
    }

    /// S12.5: not before the last answer is finished.
    fn begin_sync(&mut self) {
        if self.answer.is_some() {
            return;
        }
        let keys = (MsgId(self.choices.number()), MsgId(self.choices.number()));
        let Request::Sync(request) = self.hear(26, &keys.0.0.to_be_bytes()) else {
            panic!("no sync")
        };
        let answer = self.online.begin_sync(request, keys.1, &mut self.outbox.out).unwrap();
        let expected = Answer::begin(&mut self.outbox, self.identity, self.bounds, keys).unwrap();
        self.outbox.check();
        self.answer = Some((answer, expected));
    }

    fn sync_row(&mut self, frame: &Frame) {
        let Some((mut answer, mut expected)) = self.answer.take() else { return };
        let after = expected.after().unwrap_or(MsgId(0));
        let msgid = MsgId(after.0.saturating_add(1).saturating_add(self.choices.number()));
        let device_id = DeviceId(11 + i64::from(self.choices.of(2)));
        let store_id = self.choices.number();
        answer.set_store(StoreId(store_id));
        expected.set_store(store_id);
        let command = storable(frame.command);
        let row = StoredMessage { msgid, device_id, command, body: frame.body.clone() };
        for room in [self.room(), usize::MAX] {
            self.outbox.room = room;
            let came = self.online.sync_row(&mut answer, row.clone(), &mut self.outbox.sink());
            assert_eq!(came, expected.row(&mut self.outbox, &row));
            assert_eq!(answer.after(), expected.after());
            self.outbox.room = usize::MAX;
            self.outbox.check();
            if came.is_ok() {
                break;
            }
        }
        self.answer = Some((answer, expected));
    }

    fn finish_sync(&mut self) {
        let Some((mut answer, mut expected)) = self.answer.take() else { return };
        assert_eq!(answer.wants_newest(), expected.wants_newest());
        let newest = MsgId(self.choices.number());
        answer.set_newest(newest);
        expected.set_newest(newest);
        self.online.finish_sync(answer, &mut self.outbox.out).unwrap();
        expected.finish(&mut self.outbox).unwrap();
        self.outbox.check();
    }

    /// D1.6, D1.8: the client shows what it speaks.
    fn say(&mut self) {
        let (own, kefu) = (self.identity.account(), SELLER);
        let is_v2 = self.choices.of(2) == 1;
        let (command, ids) = match (is_v2, own == SELLER) {
            (true, _) => (64, [own.appid.0, own.uid.0, kefu.appid.0, kefu.uid.0]),
            (false, false) => (24, [own.appid.0, own.uid.0, 0, kefu.uid.0]),
            (false, true) => (25, [CUSTOMER.appid.0, CUSTOMER.uid.0, 0, own.uid.0]),
        };
        let body = [&ids.map(i64::to_be_bytes).concat()[..], &[0; 4]].concat();
        let Request::Deliver(_) = self.hear(command, &body) else { panic!("refused") };
        let shown = if is_v2 { Dialect::V2 } else { Dialect::V1 };
        assert_eq!(self.online.dialect(), shown);
        if shown != self.outbox.dialect {
            let told = self.online.receive(&mut BytesMut::new(), UnixTime::MIN);
            assert!(matches!(told, Ok(Some(Request::KeepDialect(kept))) if kept == shown));
            (self.outbox.dialect, self.has_changed) = (shown, true);
        }
    }

    /// What the connection makes of a frame.
    fn hear(&mut self, command: u8, body: &[u8]) -> Request {
        let frame = Frame::new(Command(command), body.to_vec().into());
        let mut read = BytesMut::new();
        frame.encode(&mut read).unwrap();
        let request = self.online.receive(&mut read, UnixTime::MIN);
        assert!(read.is_empty());
        request.unwrap().unwrap()
    }

    /// What no client of a version or dialect may ever get.
    fn check_whole(self) {
        let (version, dialect) = (self.outbox.version, self.outbox.dialect);
        for Frame { command, body, .. } in self.outbox.into_frames() {
            let has_status = command.0 == 5 && body.get(4).is_some_and(|&status| status != 0);
            assert!(version.0 > 1 || !has_status);
            match (dialect, command.0) {
                (Dialect::V1, 37 | 64) | (Dialect::V2, 24 | 25) => assert!(self.has_changed),
                _ => {}
            }
        }
    }
}

/// Nobody stores anything else of the protocol than chat messages; a METADATA is left out.
fn storable(command: Command) -> Command {
    match command.0 {
        24 | 25 | 37 | 64 => command,
        _ if command.name().is_some() => Command(command.0 + 100),
        _ => command,
    }
}
