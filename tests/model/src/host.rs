//! The server around the library: real connections, and every decision that the library leaves to a
//! host.

use core::fmt::Debug;

use bytes::BytesMut;
use kefu_proto::{
    Account, Body, Command, Copies, DeviceId, Dialect, Effect, FrameLimit, Login, LoginStep, MsgId,
    Online, Outbound, Request, SaveMessage, StoredMessage, SyncBounds, UnixTime,
};

use super::cast::{self, ACCOUNTS, OWNERS};
use super::store::{Answer, Copy, Row};
use super::world::{Connection, Ticket, World};

/// What a host decides, decided right. A flawed host decides one of these things wrong.
pub(crate) trait Host: Debug + Sync {
    /// Whether a message is looked at at all, when it comes for the `time`th time.
    fn listens(&self, _time: usize) -> bool {
        true
    }

    /// Whose session the connection of this device becomes.
    fn owner(&self, device: usize) -> usize {
        device
    }

    /// Whether a refused message is acknowledged.
    fn acknowledges_refused(&self) -> bool {
        false
    }

    /// The queue of an account.
    fn queue(&self, account: Account) -> usize {
        ACCOUNTS.iter().position(|known| *known == account).unwrap()
    }

    /// What is stored of a copy.
    fn row(&self, copy: Copy, save: SaveMessage<'_>) -> Row {
        Row::new(copy, save)
    }

    /// Whether an idempotent store learns by what to know a repeat.
    fn hands_in_the_mark(&self) -> bool {
        true
    }

    /// Which save of a message is answered: the one that was asked for, if the answer belongs to
    /// this attempt.
    fn answered(
        &self,
        waiting: (Ticket, [Option<Answer>; 2]),
        answer: (Ticket, Copy),
    ) -> Option<Copy> {
        (waiting.0 == answer.0).then_some(answer.1)
    }

    /// What to take for the id of a copy whose save failed. None: the message is given up (H8).
    fn id_of_failure(&self) -> Option<MsgId> {
        None
    }

    /// What was the newest before a copy that is saved for the `time`th time: what the store says,
    /// whatever is the newest now.
    fn previous(&self, _time: usize, answer: Answer, _newest: &dyn Fn() -> MsgId) -> Option<MsgId> {
        answer.previous
    }

    /// Whether what is known of both ids is enough for the effects.
    fn saved(&self, [receiver, sender]: [Option<Answer>; 2]) -> Option<Copies> {
        Some(Copies { receiver: receiver?.into(), sender: sender?.into() })
    }

    /// Whether an effect is written to a device that is connected; `own` is the one whose
    /// connection the message came on, if that is still there.
    fn reaches(&self, effect: &Effect<'_>, device: usize, own: Option<usize>) -> bool {
        let is = |account: Account| ACCOUNTS[OWNERS[self.owner(device)]] == account;
        match effect {
            Effect::PushMessage { .. } => false,
            Effect::SendAppMessage { to, .. } => is(*to),
            Effect::SendMessage { to, .. } => is(*to) && Some(device) != own,
            Effect::EnqueueMessage { .. } => Some(device) == own,
        }
    }

    /// Writes a message to a connection.
    fn write(&self, online: &mut Online, message: &Outbound<'_>, out: &mut BytesMut) {
        online.write(message, out).unwrap();
    }

    /// Which of the rows after a sync key is read next.
    fn next_row(&self, ids_after: &mut dyn Iterator<Item = MsgId>) -> Option<MsgId> {
        ids_after.next()
    }

    /// Which sync key is kept (S3).
    fn keeps(&self, kept: Option<MsgId>, key: MsgId) -> MsgId {
        kept.map_or(key, |kept| kept.max(key))
    }
}

/// The host that decides everything right.
#[derive(Debug)]
pub(crate) struct Sound;

impl Host for Sound {}

/// A device logs in: its connection, and what is written to it. `shown`: what it has shown since.
pub(crate) fn log_in(
    host: &dyn Host,
    device: usize,
    dialect: Dialect,
    shown: Option<Dialect>,
) -> (Online, BytesMut) {
    let mut out = BytesMut::new();
    let login = Login::new(cast::config(), FrameLimit::CLIENT);
    let LoginStep::Authenticate(mut authentication) =
        login.receive(&mut cast::login(host.owner(device), dialect), &mut out).unwrap()
    else {
        panic!("a login was sent")
    };
    if let Some(shown) = shown {
        authentication.set_dialect(shown);
    }
    let identity = cast::identity(authentication.auth_token());
    let online = authentication.accept(identity, &mut out).unwrap();
    (online, out)
}

/// What becomes of one frame on a device's connection.
pub(crate) fn request(
    host: &dyn Host,
    device: usize,
    dialect: Dialect,
    mut frame: BytesMut,
) -> (Online, Request) {
    let (mut online, _) = log_in(host, device, dialect, None);
    let request = receive(&mut online, &mut frame);
    (online, request)
}

pub(crate) fn receive(online: &mut Online, frame: &mut BytesMut) -> Request {
    online.receive(frame, UnixTime::from(cast::NOW)).unwrap().unwrap()
}

/// A connection in the state of another. It remembers of earlier frames, besides how many it wrote,
/// which dialect its client has shown, and how its last SYNC ended: so a new connection can stand in
/// for the old one once it has answered such a SYNC.
pub(crate) fn resume(world: &World, device: usize, connection: Connection) -> Online {
    let shown = Some(connection.dialect);
    let (mut online, _) = log_in(world.host, device, world.dialects[device], shown);
    online.set_sync_bounds(SyncBounds { rows: world.rows, ..SyncBounds::default() });
    if let Some(end) = connection.ended {
        let rows = if connection.is_behind { world.rows } else { 0 };
        answer_again(&mut online, end, rows);
    }
    online
}

/// Answers a SYNC with so many rows of a colleague's, of which the last is `end`; where there are
/// any, there is one more.
fn answer_again(online: &mut Online, MsgId(end): MsgId, rows: usize) {
    let mut out = BytesMut::new();
    let begin = end - i64::try_from(rows).unwrap();
    let Request::Sync(request) = receive(online, &mut cast::plain(Body::Sync(MsgId(begin)))) else {
        panic!("a SYNC was sent")
    };
    let mut answer = online.begin_sync(request, MsgId(0), &mut out).unwrap();
    for msgid in (begin + 1..=end + 1).map(MsgId).filter(|_| rows > 0) {
        let (device_id, command, body) = (DeviceId(0), Command(99), bytes::Bytes::new());
        let row = StoredMessage { msgid, device_id, command, body };
        online.sync_row(&mut answer, row, &mut out).unwrap();
    }
    online.finish_sync(answer, &mut out).unwrap();
}
