//! What a host sees of each case: every field read, every effect, every byte written, every error
//! in words.
//!
//! Whether a case passes says nothing about the texts of errors, and nothing at all about a case
//! that ends early on purpose. So a transcript calls the crate by itself and leaves nothing out.

use std::fmt::{Debug, Display, Write};

use bytes::BytesMut;
use kefu_conformance::case::{Case, HandlerCase, Hex, SaveResult, WireCase};
use kefu_conformance::replay;
use kefu_proto::{Account, AppId, Appended, Config, DeviceId, Encode, FrameDecoder};
use kefu_proto::{FrameLimit, Header, Identity, Message, MsgId, Parsed, Session, UnixTime};
use kefu_proto::{UserId, ZeroId};

/// Replays cases, one a line. The last line holds the sums.
#[must_use]
pub fn transcript(cases: &str) -> String {
    let mut seen = Transcript::default();
    let (mut passed, mut failed) = (0, 0);
    for line in cases.lines() {
        let found = match Case::parse(line) {
            Ok(case) => seen.case(&case),
            Err(error) => error,
        };
        if found.is_empty() {
            passed += 1;
        } else {
            failed += 1;
            seen.line("FAILED", found);
        }
    }
    format!("{}{passed} passed, {failed} failed\n", seen.0)
}

#[derive(Default)]
struct Transcript(String);

impl Transcript {
    /// Gives what differs from the recording.
    fn case(&mut self, case: &Case) -> String {
        self.line(case.id(), format_args!("{:?}", case.marks()));
        match case {
            Case::Handler(case) => self.handler(case),
            Case::Wire(case) => self.wire(case),
            // What a connection writes is compared with the recording, byte by byte.
            Case::Queue(_) | Case::Login(_) | Case::Deliver(_) | Case::Sync(_) => {}
        }
        replay(case).to_string()
    }

    fn wire(&mut self, case: &WireCase) {
        let limit = FrameLimit::new(case.limit);
        if let Some(parsed) = self.read(&case.hex.0, limit) {
            self.written(&parsed, limit);
            // And the two ways in which it cannot be written.
            self.written(&parsed, FrameLimit::new(0));
            let mut short = [0; Header::LEN - 1];
            self.result("short buffer", parsed.encode(&mut short.as_mut_slice()));
        }
    }

    fn handler(&mut self, case: &HandlerCase) {
        let parsed = self.read(&case.input.frame_hex.0, FrameLimit::CLIENT);
        let session = self.result("session", session(case));
        let now = self.result("now", UnixTime::from_secs(case.now));
        if let (Some(Parsed::Message(message)), Some(session), Some(now)) = (parsed, session, now) {
            self.handle(&session, message, now, &case.save_results);
        }
    }

    fn handle(
        &mut self,
        session: &Session,
        message: Message,
        now: UnixTime,
        answers: &[Option<SaveResult>],
    ) {
        let Some(delivery) = self.result("delivery", session.handle(message, now)) else { return };
        let mut answers = answers.iter().copied();
        let effects = delivery.save_with(|save| {
            self.line("save", format_args!("{save:?}"));
            self.written(save.message(), FrameLimit::MAX);
            answers.next().flatten().map(appended).ok_or("not saved")
        });
        for effect in self.result("effects", effects).iter().flatten() {
            self.line(effect.name(), format_args!("{effect:?}"));
            self.written(&effect.message(), FrameLimit::MAX);
        }
    }

    fn read(&mut self, bytes: &[u8], limit: FrameLimit) -> Option<Parsed> {
        let mut stream = BytesMut::from(bytes);
        let frame = FrameDecoder::new(limit).decode(&mut stream);
        self.line("left", stream.len());
        let frame = self.result("frame", frame)??;
        self.result("parsed", frame.parse())
    }

    fn written(&mut self, message: &impl Encode, limit: FrameLimit) {
        let mut bytes = Vec::new();
        let written = message.encode_within(limit, &mut bytes);
        self.result("written", written);
        self.line("bytes", String::from(Hex(bytes)));
    }

    /// An error goes down both in words and as a value.
    fn result<T: Debug, E: Debug + Display>(
        &mut self,
        what: &str,
        result: Result<T, E>,
    ) -> Option<T> {
        match result {
            Ok(value) => {
                self.line(what, format_args!("{value:?}"));
                Some(value)
            }
            Err(error) => {
                self.line(what, format_args!("{error} {error:?}"));
                None
            }
        }
    }

    fn line(&mut self, what: &str, seen: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{what} {seen}");
    }
}

fn appended(saved: SaveResult) -> Appended {
    Appended { msgid: MsgId(saved.msgid()), previous: saved.previous().map(MsgId) }
}

fn session(case: &HandlerCase) -> Result<Session, ZeroId> {
    let config = Config::new(AppId(case.kefu_appid))?;
    let account = Account::new(AppId(case.session.appid), UserId(case.session.uid));
    Ok(Session::new(config, Identity::new(account, DeviceId(case.session.device_id))?))
}
