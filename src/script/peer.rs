//! One client of a play, and its connection.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::BytesMut;

use super::cast::Participant;
use super::plan::Script;
use super::step::{Act, Said};
use crate::checker::ConnectionId;
use crate::client::Client;
use crate::id::MsgId;
use crate::message::Body;
use crate::wire::Flags;

/// What a login is refused for: it names nobody.
const NOBODY: &str = "nobody";

pub(super) struct Peer {
    pub(super) client: Client,
    pub(super) connection: Option<ConnectionId>,
    /// What it wants to send.
    pub(super) out: BytesMut,
    read: BytesMut,
    token: String,
    content: fn(u32) -> Vec<u8>,
}

impl Peer {
    pub(super) fn new(script: &Script, participant: &Participant) -> Self {
        let Participant { account, kind, device, .. } = participant;
        Self {
            client: Client::new(script.config, *account, *kind, device),
            connection: None,
            out: BytesMut::new(),
            read: BytesMut::new(),
            token: (script.token)(*account),
            content: script.content,
        }
    }

    pub(super) fn perform(&mut self, act: &Act) {
        let Self { client, out, token, .. } = self;
        match act {
            Act::Come => {
                client.log_in(token, out);
                client.sync(out);
            }
            Act::FailLogin(said) => {
                client.log_in(NOBODY, out);
                // S1.1: neither has an effect.
                client.send(said.flags, Body::Sync(MsgId(0)), out);
                let body = client.chat(said.to, (self.content)(said.number).into());
                client.send(said.flags, body, out);
            }
            Act::LogInAgain => client.log_in(token, out),
            Act::Say(said) | Act::Leave(said) => said.iter().for_each(|said| self.say(said)),
            Act::SayRefused(refused, said) => {
                let content = (self.content)(said.number);
                let body = refused.body(client.account(), said.to, content);
                client.send(said.flags, body, out);
            }
            Act::Repeat(_) if client.in_flight() > 0 => client.repeat(out),
            Act::Repeat(said) => self.say(said),
            Act::Sync => client.sync(out),
            Act::KeepOlderKey => {
                let older = MsgId(client.sync_key().0 / 2);
                client.send(Flags::NONE, Body::SyncKey(older), out);
            }
            Act::SyncKept => client.sync_from(MsgId(0), out),
        }
    }

    fn say(&mut self, said: &Said) {
        let content = (self.content)(said.number);
        self.client.say(said.to, said.flags, content, &mut self.out);
    }

    /// It has read these bytes.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        self.read.extend_from_slice(bytes);
        // Bytes that are no frame are the checker's to find.
        while let Ok(Some(_)) = self.client.receive(&mut self.read, &mut self.out) {}
    }

    pub(super) fn disconnect(&mut self) {
        self.client.disconnect();
        self.connection = None;
        self.read.clear();
        self.out.clear();
    }
}
