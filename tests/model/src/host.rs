//! The server around the library: real connections, and every decision that the library leaves to a
//! host.

use core::fmt::Debug;

use bytes::BytesMut;
use kefu_proto::{
    Account, Copies, Effect, FrameLimit, Login, LoginStep, MsgId, Online, Request, SaveMessage,
    UnixTime,
};

use super::cast::{self, ACCOUNTS, OWNERS};
use super::store::{Copy, Row};
use super::world::Ticket;

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
        waiting: (Ticket, [Option<MsgId>; 2]),
        answer: (Ticket, Copy),
    ) -> Option<Copy> {
        (waiting.0 == answer.0).then_some(answer.1)
    }

    /// What to take for the id of a copy whose save failed. None: the message is given up (H8).
    fn id_of_failure(&self) -> Option<MsgId> {
        None
    }

    /// Whether what is known of both ids is enough for the effects.
    fn saved(&self, [receiver, sender]: [Option<MsgId>; 2]) -> Option<Copies> {
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

/// A device logs in: its connection, and what is written to it.
pub(crate) fn log_in(host: &dyn Host, device: usize) -> (Online, BytesMut) {
    let mut out = BytesMut::new();
    let login = Login::new(cast::config(), FrameLimit::CLIENT);
    let LoginStep::Authenticate(authentication) =
        login.receive(&mut cast::login(host.owner(device)), &mut out).unwrap()
    else {
        panic!("a login was sent")
    };
    let identity = cast::identity(authentication.auth_token().token.as_bytes());
    let online = authentication.accept(identity, &mut out).unwrap();
    (online, out)
}

/// What becomes of one frame on a device's connection. A connection remembers of earlier frames
/// only how many it wrote, so a new connection can stand in for the old one.
pub(crate) fn request(host: &dyn Host, device: usize, mut frame: BytesMut) -> (Online, Request) {
    let (mut online, _) = log_in(host, device);
    let request = online.receive(&mut frame, UnixTime::from(cast::NOW)).unwrap();
    (online, request.unwrap())
}
