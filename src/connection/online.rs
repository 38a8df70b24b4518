//! A connection after its login: requests in, frames out (S2–S7, S12, D1, D3, W7).

use alloc::vec::Vec;
use core::time::Duration;

use bytes::{BufMut, BytesMut};

use super::closed::Closed;
use super::request::Request;
use crate::dialect::{Alone, Dialect, Written};
use crate::id::{MsgId, UnixTime};
use crate::identity::Identity;
use crate::message::{Body, ChatMessage, Parsed};
use crate::outbound::Outbound;
use crate::session::Session;
use crate::sync::{Reader, StoredMessage, SyncAnswer, SyncBounds, SyncRequest, SyncRow, Time};
use crate::wire::{Command, Encode, EncodeError, FrameDecoder, FrameWriter, Version};

/// S4.2: a client that has sent nothing for this long, 6 minutes, is gone.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(6 * 60);

/// A connection on which somebody has logged in.
///
/// It turns what was read into [`Request`]s and writes frames under its own numbers. Everything
/// that goes out on this connection goes through it, the effects of other sessions included. So it
/// has one owner at a time: a task that waits for its socket and for messages of others at once, or
/// two threads that share it behind a mutex. `examples/tokio` and `examples/threaded.rs` show both.
/// A host that blocks, one request after the other:
///
/// ```
/// use bytes::BytesMut;
/// use kefu_proto::{
///     Closed, Effects, MsgId, Online, Request, SaveMessage, SyncRequest, UnixTime,
/// };
///
/// trait Host {
///     fn append(&mut self, save: SaveMessage<'_>) -> std::io::Result<MsgId>;
///     fn apply(&mut self, online: &mut Online, effects: &Effects, out: &mut BytesMut);
///     fn sync(&mut self, online: &mut Online, request: SyncRequest, out: &mut BytesMut);
///     fn keep(&mut self, online: &Online, key: MsgId);
/// }
///
/// /// After each read. Send `out` afterwards, even after `Closed`, and then close the connection.
/// fn serve(
///     host: &mut impl Host,
///     online: &mut Online,
///     read: &mut BytesMut,
///     out: &mut BytesMut,
///     now: UnixTime,
/// ) -> Result<(), Closed> {
///     while let Some(request) = online.receive(read, now)? {
///         match request {
///             // The place for your own rules: see `Delivery`. If a save fails, nothing follows
///             // (H8.1) and the client sends again.
///             Request::Deliver(delivery) => match delivery.save_with(|save| host.append(save)) {
///                 Ok(effects) => host.apply(online, &effects, out),
///                 Err(error) => eprintln!("not stored: {error}"),
///             },
///             Request::Refused(refusal) => eprintln!("{}", refusal.reason()),
///             Request::Reply(message) => online.write(&message, out)?,
///             Request::Sync(request) => host.sync(online, request, out),
///             Request::KeepSyncKey(key) => host.keep(online, key),
///             _ => {} // a command outside the protocol, or a request of a later version
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "a connection that is dropped is closed"]
pub struct Online {
    session: Session,
    decoder: FrameDecoder,
    writer: FrameWriter,
    closed: Option<Closed>,
    dialect: Dialect,
    /// The dialect has changed, and the host has not been told.
    has_decided: bool,
    bounds: SyncBounds,
    /// The key of the last SYNC_END.
    synced: Option<MsgId>,
    notifies: Notifies,
    /// A METADATA has been written since the last answer began: the client may be beyond its end.
    has_copies: bool,
}

impl Online {
    pub(super) fn new(
        session: Session,
        decoder: FrameDecoder,
        writer: FrameWriter,
        dialect: Dialect,
    ) -> Self {
        Self {
            session,
            decoder,
            writer,
            closed: None,
            dialect,
            has_decided: false,
            bounds: SyncBounds::default(),
            synced: None,
            notifies: Notifies::Pass,
            has_copies: false,
        }
    }

    /// The next request in what has been read; `None`: read more. `now` is the host's clock (H4). A
    /// further login (S1.7), a client's ACK (S5.1) and what only a server says (S5.2) are skipped.
    ///
    /// Finish requests in their order (S11.1): a client may rely on an ACK coming before the PONG
    /// or the SYNC_END that it asked for later. A host that has several requests in flight (to
    /// store many messages at once) keeps the order of what it writes.
    ///
    /// # Errors
    ///
    /// [`Closed`], now and at every later call (S7.1): finish the requests before, write what was
    /// queued, then close (S7.2). Finish them even if the client is gone (S7.3).
    pub fn receive(
        &mut self,
        read: &mut BytesMut,
        now: UnixTime,
    ) -> Result<Option<Request>, Closed> {
        // D1.8: behind the message that has shown it, which may not wait.
        if self.has_decided {
            self.has_decided = false;
            return Ok(Some(Request::KeepDialect(self.dialect)));
        }
        // S7.1
        if let Some(closed) = self.closed {
            return Err(closed);
        }
        let next = self.next_request(read, now);
        self.closed = next.as_ref().err().copied();
        next
    }

    /// Writes a message under the connection's next number (W7), in the form that its dialect knows
    /// (D2, D3). Nothing is written, and no number used, where the dialect has no form for it: a
    /// live copy in version 1 (D3.1), a METADATA by itself (D3.5), a status that the version could
    /// not carry (W3.7); nor is a SYNC_NOTIFY while the client has more to ask for (S12.4). While an
    /// answer is under way a SYNC_NOTIFY waits for its end (S12.6); everything else may come between
    /// its rows.
    ///
    /// A live copy is two frames and two numbers. Over WebSocket each frame is a message of its own
    /// (S9.1): [`FrameDecoder::cut`] takes `out` apart.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]; nothing is written and no number used. The connection can go on: a host
    /// leaves a message out that is [`EncodeError::BodyTooLong`], and the client gets what comes
    /// behind it.
    pub fn write(
        &mut self,
        message: &impl Encode,
        out: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        if message.command() == Command::SYNC_NOTIFY && self.holds_back(message) {
            return Ok(());
        }
        let kefu_appid = self.session.config().kefu_appid();
        match Written::new(message, self.dialect, self.writer.version(), kefu_appid) {
            Written::AsIs => {
                let last = self.writer.write(message, out)?;
                self.has_copies |= message.frames() > 1;
                last
            }
            Written::Translated(chat) => self.writer.write(&chat, out)?,
            Written::Alone => self.writer.write(&Alone(message), out)?,
            Written::Not => return Ok(()),
        };
        Ok(())
    }

    /// Begins the answer to a SYNC (S2.2). `kept` is the key that the server has kept for this
    /// user; where it does not apply, it is ignored: if the client asks from a key of its own, or
    /// has had an answer on this connection, whose end is where this one begins (S2.9). Begin an
    /// answer only when the one before is finished (S12.5). How to go on is shown at
    /// [`SyncRequest`].
    ///
    /// # Errors
    ///
    /// [`EncodeError`]; nothing is written, and the answer is lost: close the connection.
    pub fn begin_sync(
        &mut self,
        request: SyncRequest,
        kept: MsgId,
        out: &mut impl BufMut,
    ) -> Result<SyncAnswer, EncodeError> {
        let reader = Reader {
            identity: self.identity(),
            kefu_appid: self.session.config().kefu_appid(),
            dialect: self.dialect,
        };
        let after = request.after(kept, self.synced);
        let mut answer = SyncAnswer::new(reader, self.bounds, after);
        self.write_begin(&mut answer, Time::Start, out)?;
        (self.notifies, self.has_copies) = (Notifies::Wait(None), false);
        Ok(answer)
    }

    /// Takes the next row of the queue, unless it is left out: this device has sent it (S2.5,
    /// S2.6), its msgid is not greater than [`after`](SyncAnswer::after), nobody could read it
    /// (D4.8), it is too long for this connection (D4.9), or the answer is full (S12.1). It has no
    /// flag but SELF, since flags are not stored (S6.1).
    ///
    /// # Errors
    ///
    /// [`EncodeError::BufferTooSmall`]; the row is not written, and may be given again.
    pub fn sync_row(
        &mut self,
        answer: &mut SyncAnswer,
        row: StoredMessage,
        out: &mut impl BufMut,
    ) -> Result<SyncRow, EncodeError> {
        if let Some(passed) = answer.passes_over(row.msgid) {
            return Ok(passed);
        }
        let verdict = answer.view(&row, self.writer.limit());
        self.write_begin(answer, Time::Row, out)?;
        if let Some(message) = verdict.message.filter(|_| !answer.holds()) {
            self.writer.write(&message, out)?;
        }
        let verdict = verdict.row;
        answer.pass(row, verdict);
        Ok(verdict)
    }

    /// Finishes the answer once the queue has no more rows or the answer is full: writes the rows
    /// that were held, SYNC_END (S2.4), if the queue goes on the SYNC_NOTIFY that makes the client
    /// ask again (S12.3), and else the one that has waited (S12.6).
    ///
    /// # Errors
    ///
    /// [`EncodeError`]; the frames before are written, and the rest of the answer is lost: close
    /// the connection.
    pub fn finish_sync(
        &mut self,
        mut answer: SyncAnswer,
        out: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        self.write_begin(&mut answer, Time::End, out)?;
        for row in answer.held() {
            self.writer.write(&row, out)?;
        }
        self.writer.write(&answer.end_message(), out)?;
        let (end, more) = answer.finish();
        self.synced = Some(end);
        if let Some(more) = &more {
            self.writer.write(more, out)?;
        }
        // S12.4: a client that is beyond it does not ask.
        let is_behind = more.is_some() && !self.has_copies;
        let next = if is_behind { Notifies::Stop } else { Notifies::Pass };
        match core::mem::replace(&mut self.notifies, next) {
            Notifies::Wait(Some(msgid)) => self.write(&Outbound::SyncNotify(msgid), out),
            Notifies::Wait(None) | Notifies::Pass | Notifies::Stop => Ok(()),
        }
    }

    /// How much one SYNC is answered from now on (S12.1).
    pub const fn set_sync_bounds(&mut self, bounds: SyncBounds) {
        self.bounds = bounds;
    }

    /// Who is logged in.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.session.identity()
    }

    /// The form in which this connection gets chat messages at present (D1).
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether a SYNC_NOTIFY is not written now.
    fn holds_back(&mut self, notify: &impl Encode) -> bool {
        match &mut self.notifies {
            Notifies::Pass => false,
            Notifies::Wait(greatest) => {
                // S13.2
                *greatest = (*greatest).max(msgid(notify));
                true
            }
            Notifies::Stop => true,
        }
    }

    fn write_begin(
        &mut self,
        answer: &mut SyncAnswer,
        time: Time,
        out: &mut impl BufMut,
    ) -> Result<(), EncodeError> {
        if let Some(begin) = answer.begin_at(time) {
            self.writer.write(&begin, out)?;
            answer.set_begun();
        }
        Ok(())
    }

    fn next_request(
        &mut self,
        read: &mut BytesMut,
        now: UnixTime,
    ) -> Result<Option<Request>, Closed> {
        while let Some(frame) = self.decoder.decode(read)? {
            let message = match frame.parse()? {
                Parsed::Message(message) => message,
                Parsed::Unlisted(frame) => return Ok(Some(Request::Unlisted(frame))),
            };
            let request = match ChatMessage::try_from(message) {
                Ok(message) => Some(self.chat(message, now)),
                Err(other) => self.other(&other.body),
            };
            if request.is_some() {
                return Ok(request);
            }
        }
        Ok(None)
    }

    fn chat(&mut self, message: ChatMessage, now: UnixTime) -> Request {
        let shown = Dialect::of_message(message.form);
        match self.session.handle_chat(message, now) {
            Ok(delivery) => {
                // D1.6
                self.has_decided = shown != self.dialect;
                self.dialect = shown;
                Request::Deliver(delivery)
            }
            Err(refusal) => Request::Refused(refusal),
        }
    }

    fn other(&self, body: &Body) -> Option<Request> {
        Some(match *body {
            // S4.1
            Body::Ping => Request::Reply(Body::Pong.into()),
            // S2.1
            Body::Sync(asked) => Request::Sync(SyncRequest::new(self.identity(), asked)),
            // S3.1
            Body::SyncKey(key) if key > MsgId(0) => Request::KeepSyncKey(key),
            // S1.7: logged in already. S3.2: no key to keep. S5.1: clients may acknowledge. S5.2:
            // the rest is for a server to say. Chat messages do not come here.
            Body::AuthToken(_)
            | Body::SyncKey(_)
            | Body::Ack(_)
            | Body::AuthStatus(_)
            | Body::Pong
            | Body::SyncBegin(_)
            | Body::SyncEnd(_)
            | Body::SyncNotify(_)
            | Body::Metadata(_)
            | Body::Customer(_)
            | Body::CustomerSupport(_)
            | Body::CustomerV2(_) => return None,
        })
    }
}

/// What becomes of a SYNC_NOTIFY.
#[derive(Debug)]
enum Notifies {
    Pass,
    /// S12.6: an answer is under way. The greatest waits for its end.
    Wait(Option<MsgId>),
    /// S12.4: the client has been told that its queue goes on, and has not asked again.
    Stop,
}

/// What a SYNC_NOTIFY says; `None` for a body that is too short.
fn msgid(notify: &impl Encode) -> Option<MsgId> {
    let mut body = Vec::new();
    notify.put_body(Version(0), &mut body);
    body.first_chunk().map(|key| MsgId(i64::from_be_bytes(*key)))
}
