//! Sends what must be refused or ignored, and tells if it is not.

use std::sync::Arc;

use bytes::Bytes;
use kefu_proto::{Account, AckStatus, AuthToken, Body, Flags, LoginStatus, Message, Platform};
use kefu_proto::{Seq, ShortBytes};
use tokio::select;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::connection::{Connection, ConnectionError};
use crate::content::{Form, MAX_NUMBER};
use crate::disturbers::holding::hold;
use crate::disturbers::refused::{BadFrame, ENDING, IGNORED, Offender, TOO_EARLY};
use crate::plan::{Plan, Role};
use crate::run::Run;
use crate::service::{Caller, HOSTILE};

const BUFFER: usize = 4 * 1024;
/// Frames before a login.
const FLOOD: u64 = 2_000;
/// One of so many in a flood is a PING: the only one that is answered (S4.1).
const PING_EVERY: u64 = 100;
/// What nobody has as a token.
const NOBODY: &[u8] = b"nobody";

/// One connection after the other, until the run is over. A step is not broken off: what it has
/// sent must be finished before the queues are read.
pub(super) async fn offend_until(mut over: watch::Receiver<bool>, run: Arc<Run>, turn: u32) {
    let hostile = Hostile::new(&run, turn);
    let pause = Plan::spaced(run.plan.shares.hostile.of(run.plan.customers + run.plan.sellers));
    for step in usize::try_from(turn).unwrap_or(0).. {
        select! {
            () = sleep(pause) => {}
            _ = over.wait_for(|&over| over) => return,
        }
        // A server that closes such a connection is right, and one that restarts is excused.
        let (kind, round) = (step % 5, step / 5);
        let _ = match kind {
            0 => hostile.flood().await,
            1 => hostile.log_in_as_nobody().await,
            2 => hostile.send_messages().await,
            3 => hostile.break_rules(&ENDING[round % ENDING.len()]).await,
            // It sends no messages, so it may be broken off.
            _ => select! {
                held = hold(&run, hostile.caller, hostile.server, round) => held,
                _ = over.wait_for(|&over| over) => return,
            },
        };
    }
}

struct Hostile<'r> {
    run: &'r Run,
    caller: Caller,
    server: usize,
    offender: Offender,
}

impl<'r> Hostile<'r> {
    fn new(run: &'r Run, turn: u32) -> Self {
        let plan = &run.plan;
        let (role, uid) = plan.by_turns(turn);
        let (account, version) = (plan.account(role, uid), plan.version(role, uid));
        let caller =
            Caller { account, version, device: HOSTILE, buffer: BUFFER, receive_buffer: None };
        let offender = Offender {
            account,
            is_seller: role == Role::Seller,
            seller: plan.account(Role::Seller, 1),
            customer: plan.account(Role::Customer, 1),
            content: content(run),
        };
        Self { run, caller, server: plan.server_of(role, uid), offender }
    }

    /// Sends a frame that must end the connection, and behind it a message that must not be read.
    async fn break_rules(&self, bad: &BadFrame) -> Result<(), ConnectionError> {
        let mut connection = self.caller.log_in(&self.run.service, self.server).await?;
        connection.send_bytes(&bad.bytes(self.caller.version.0));
        connection.queue(Seq(1), Flags::TEXT, self.offender.proper())?;
        connection.send(Body::Ping)?;
        self.run.trouble.count(|trouble| trouble.hostile.frames += 1);
        let limit = self.run.service.timeout();
        match timeout(limit, is_answered(&mut connection)).await {
            Ok(false) => {}
            Ok(true) => {
                let what = "a frame behind one that ends the connection";
                self.complain(|hostile| hostile.answered += 1, what, "was answered", "S7.1");
            }
            Err(_) => {
                let outcome = "did not end the connection";
                self.complain(|hostile| hostile.not_closed += 1, bad.what, outcome, bad.rule);
            }
        }
        Ok(())
    }

    /// Sends messages that must be met with silence, and frames that must be ignored.
    async fn send_messages(&self) -> Result<(), ConnectionError> {
        let mut connection = self.caller.log_in(&self.run.service, self.server).await?;
        let messages = self.offender.messages();
        for (seq, message) in (1..).zip(&messages) {
            connection.queue(Seq(seq), Flags::TEXT, message.body.clone())?;
        }
        for bad in &IGNORED {
            connection.send_bytes(&bad.bytes(self.caller.version.0));
        }
        let sent = u64::try_from(messages.len() + IGNORED.len()).unwrap_or(u64::MAX);
        self.run.trouble.count(|trouble| trouble.hostile.messages += sent);
        connection.send(Body::Ping)?;
        loop {
            match self.receive(&mut connection).await?.body {
                Body::Ack(ack) if ack.status == AckStatus::OK => {
                    let place = usize::try_from(ack.seq.0 - 1).ok();
                    let bad = place.and_then(|place| messages.get(place));
                    let (what, rule) =
                        bad.map_or(("something", "H11.1"), |bad| (bad.what, bad.rule));
                    self.complain(|hostile| hostile.answered += 1, what, "got an ACK", rule);
                }
                Body::AuthStatus(_) => {
                    let what = "a further AUTH_TOKEN";
                    self.complain(|hostile| hostile.answered += 1, what, "was answered", "S1.7");
                }
                Body::Pong => return Ok(()),
                _ => {}
            }
        }
    }

    /// Sends much without a login. Only the PINGs are answered.
    async fn flood(&self) -> Result<(), ConnectionError> {
        let mut connection = self.caller.connect(&self.run.service, self.server).await?;
        for number in 0..FLOOD {
            let turn = usize::try_from(number).unwrap_or(0);
            match TOO_EARLY.get(turn % (TOO_EARLY.len() + 1)) {
                Some(bad) => connection.send_bytes(&bad.bytes(self.caller.version.0)),
                None => connection.queue(Seq(1), Flags::TEXT, self.offender.proper())?,
            }
            if number % PING_EVERY == PING_EVERY - 1 {
                connection.send(Body::Ping)?;
            }
        }
        self.run.trouble.count(|trouble| {
            trouble.hostile.floods += 1;
            trouble.hostile.flood_frames += FLOOD;
        });
        let mut pongs = 0;
        while pongs < FLOOD / PING_EVERY {
            if self.receive(&mut connection).await?.body == Body::Pong {
                pongs += 1;
            } else {
                let what = "a frame before any login";
                self.complain(|hostile| hostile.answered += 1, what, "was answered", "S1.1");
            }
        }
        Ok(())
    }

    async fn log_in_as_nobody(&self) -> Result<(), ConnectionError> {
        let mut connection = self.caller.connect(&self.run.service, self.server).await?;
        for _ in 0..5 {
            connection.send(Body::AuthToken(AuthToken {
                platform: Platform::ANDROID,
                token: ShortBytes::new(NOBODY)?,
                device_id: ShortBytes::new(self.caller.device)?,
            }))?;
            self.run.trouble.count(|trouble| trouble.hostile.logins += 1);
            match self.receive(&mut connection).await?.body {
                Body::AuthStatus(answer) if answer.status == LoginStatus::OK => {
                    let what = "a token that nobody has";
                    self.complain(|hostile| hostile.answered += 1, what, "logged in", "S1.5");
                    return Ok(());
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn receive(&self, connection: &mut Connection) -> Result<Message, ConnectionError> {
        let limit = self.run.service.timeout();
        let received = timeout(limit, connection.receive()).await;
        received.unwrap_or(Err(ConnectionError::Silent(limit)))
    }

    fn complain(
        &self,
        count: impl FnOnce(&mut crate::trouble::Hostile),
        what: &str,
        outcome: &str,
        rule: &str,
    ) {
        let Account { appid, uid } = self.caller.account;
        self.run.trouble.count(|trouble| {
            count(&mut trouble.hostile);
            trouble.hostile.example(format!("{what} from {appid}/{uid} {outcome} ({rule})"));
        });
    }
}

/// Reads to the end of the connection, and returns whether there was an answer.
async fn is_answered(connection: &mut Connection) -> bool {
    let mut is_answered = false;
    while let Ok(message) = connection.receive().await {
        is_answered |= matches!(message.body, Body::Ack(_) | Body::Pong);
    }
    is_answered
}

/// The content of a message that customer 1 never sends: in a queue it would be unexpected.
fn content(run: &Run) -> Bytes {
    let mut template = run.plan.format.template(1, Form::Marked);
    Bytes::copy_from_slice(template.numbered(MAX_NUMBER - 1))
}
