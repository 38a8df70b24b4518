//! The whole server in memory: some connections, and what leaves it.

use std::error::Error;

use bytes::BytesMut;
use kefu_proto::{Account, ChatMessage, Delivery, Effect, Encode, EncodeError, FrameLimit};
use kefu_proto::{Online, Outbound, Request, SaveMessage, UnixTime};

use super::Left;
use crate::asked::{appended, body_of};
use crate::case::{Arrival, DeliverCase, Keys, Routed, SaveResult};
use crate::client;
use crate::fields::keys;
use crate::reference::frame::{shifted, split};

#[derive(Default)]
pub(super) struct Host {
    connections: Vec<Connection>,
    router: Vec<Routed>,
}

struct Connection {
    online: Online,
    read: BytesMut,
    out: BytesMut,
}

impl Host {
    pub(super) fn run(case: &DeliverCase) -> Result<Left, Box<dyn Error>> {
        let now = UnixTime::from_secs(case.now)?;
        let mut host = Self::default();
        for &who in &case.connections {
            let online = client::log_in(case.kefu_appid, who, FrameLimit::CLIENT)?;
            let (read, out) = (BytesMut::new(), BytesMut::new());
            host.connections.push(Connection { online, read, out });
        }
        for arrival in &case.inputs {
            host.arrive(arrival, now)?;
        }
        let written =
            |connection: &Connection| shifted(&split(&connection.out), -client::LOGIN_FRAMES);
        let frames = host.connections.iter().map(written).collect();
        Ok(Left { router: host.router, frames })
    }

    fn arrive(&mut self, arrival: &Arrival, now: UnixTime) -> Result<(), Box<dyn Error>> {
        let from = arrival.connection;
        let connection = self.connections.get_mut(from).ok_or("there is no such connection")?;
        connection.read.extend_from_slice(&arrival.frame_hex.0);
        while let Some(request) = self.request(from, now)? {
            match request {
                Request::Deliver(delivery) => {
                    self.deliver(from, delivery, &arrival.save_results)?;
                }
                Request::Reply(message) => self.write(&message, |index, _| index == from)?,
                // A refusal is silence, and the rest needs a store.
                _ => {}
            }
        }
        let is_whole = self.connections.get(from).is_some_and(|it| it.read.is_empty());
        if is_whole { Ok(()) } else { Err("an input is one whole frame".into()) }
    }

    fn request(
        &mut self,
        from: usize,
        now: UnixTime,
    ) -> Result<Option<Request>, kefu_proto::Closed> {
        let connection = self.connections.get_mut(from);
        connection.map_or(Ok(None), |it| it.online.receive(&mut it.read, now))
    }

    fn deliver(
        &mut self,
        from: usize,
        delivery: Delivery,
        answers: &[Option<SaveResult>],
    ) -> Result<(), EncodeError> {
        let mut saves = Vec::new();
        let mut answers = answers.iter().copied();
        let effects = delivery.save_with(|save| {
            saves.push(saved(&save));
            answers.next().flatten().map(appended).ok_or(())
        });
        self.router.extend(saves.into_iter().collect::<Result<Vec<_>, _>>()?);
        for effect in effects.iter().flatten() {
            self.apply(from, effect)?;
        }
        Ok(())
    }

    fn apply(&mut self, from: usize, effect: Effect<'_>) -> Result<(), EncodeError> {
        match effect {
            Effect::PushMessage { to, message } => {
                self.router.push(routed("push", to, message, None)?);
                Ok(())
            }
            Effect::SendAppMessage { to, message } => {
                self.router.push(published(to, message)?);
                self.write(&message, |_, account| account == to)
            }
            Effect::SendMessage { to, message } => {
                self.router.push(published(to, message)?);
                self.write(&message, |index, account| account == to && index != from)
            }
            Effect::EnqueueMessage { message } => self.write(&message, |index, _| index == from),
        }
    }

    fn write(
        &mut self,
        message: &impl Encode,
        is_for: impl Fn(usize, Account) -> bool,
    ) -> Result<(), EncodeError> {
        for (index, connection) in self.connections.iter_mut().enumerate() {
            if is_for(index, connection.online.identity().account()) {
                connection.online.write(message, &mut connection.out)?;
            }
        }
        Ok(())
    }
}

fn saved(save: &SaveMessage<'_>) -> Result<Routed, EncodeError> {
    let message: &ChatMessage = save.message();
    let device_id = Some(i64::from(save.device_id()));
    let routed = routed("save", save.queue(), message, None)?;
    Ok(Routed { device_id, seq: None, version: None, flag: None, ..routed })
}

fn published(to: Account, message: Outbound<'_>) -> Result<Routed, EncodeError> {
    routed("publish", to, &message, keys(message))
}

fn routed(
    op: &str,
    to: Account,
    message: &impl Encode,
    meta: Option<Keys>,
) -> Result<Routed, EncodeError> {
    Ok(Routed {
        op: op.to_owned(),
        appid: to.appid.0,
        uid: to.uid.0,
        device_id: None,
        cmd: message.command().0,
        seq: Some(message.seq().0),
        version: Some(message.version().0),
        flag: Some(message.flags().0),
        body_hex: body_of(message)?,
        meta,
    })
}
