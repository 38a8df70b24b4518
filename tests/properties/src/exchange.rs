//! One message on a session, and what a host sees of it.

use kefu_proto::strategy::{self, SaveFailed, SaveScript};
use kefu_proto::{
    Account, AppId, Appended, ChatMessage, Command, Config, DeviceId, Effects, Encode,
};
use kefu_proto::{Flags, Identity, Message, Refusal, Seq, Session, UnixTime, UserId, Version};
use proptest::prelude::*;

use crate::{ids, with};

/// A message on a session, the time, and a store.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) config: Config,
    pub(crate) identity: Identity,
    pub(crate) message: ChatMessage,
    pub(crate) now: UnixTime,
    pub(crate) script: SaveScript,
}

/// A message that is accepted, and a store that does not fail.
pub(crate) fn delivered() -> impl Strategy<Value = Exchange> {
    let ids = (strategy::appended(), strategy::appended());
    (strategy::login(), strategy::unix_time(), ids).prop_flat_map(
        |((config, identity), now, (receiver, sender))| {
            let script = SaveScript { receiver: Some(receiver), sender: Some(sender) };
            strategy::accepted(config, identity).prop_map(move |message| Exchange {
                config,
                identity,
                message,
                now,
                script,
            })
        },
    )
}

/// Mostly messages that are accepted.
pub(crate) fn exchange() -> impl Strategy<Value = Exchange> {
    strategy::login().prop_flat_map(|(config, identity)| {
        let message = prop_oneof![
            6 => strategy::accepted(config, identity),
            1 => strategy::refused(config, identity),
            1 => strategy::chat_message(),
        ];
        (message, strategy::unix_time(), strategy::save_script()).prop_map(
            move |(message, now, script)| Exchange { config, identity, message, now, script },
        )
    })
}

/// What a host sees of an exchange.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Log {
    /// Names of saves and effects, as they are asked for.
    pub(crate) steps: Vec<&'static str>,
    pub(crate) saves: Vec<(Account, DeviceId, ChatMessage)>,
    pub(crate) end: Result<Effects, Stop>,
}

#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Stop {
    Refused(Refusal),
    NotSaved(SaveFailed),
}

impl Exchange {
    pub(crate) fn session(&self) -> Session {
        Session::new(self.config, self.identity)
    }

    pub(crate) fn run(&self) -> Log {
        let mut steps = Vec::new();
        let mut saves = Vec::new();
        let mut store = self.script.store();
        let delivery = self.session().handle(self.message.clone().into(), self.now);
        let end = delivery.map_err(Stop::Refused).and_then(|delivery| {
            let saved = delivery.save_with(|save| {
                steps.push("SaveMessage");
                saves.push((save.queue(), save.device_id(), save.message().clone()));
                store(save)
            });
            saved.map_err(Stop::NotSaved)
        });
        steps.extend(end.iter().flatten().map(|effect| effect.name()));
        Log { steps, saves, end }
    }

    pub(crate) fn is_v2(&self) -> bool {
        self.message.command() == Command::CUSTOMER_V2
    }

    /// H4, H14: the message as the handler passes it on.
    pub(crate) fn stamped(&self) -> ChatMessage {
        let message =
            with(&self.message, ids(&self.message), self.now, self.message.content().clone());
        if !self.is_v2() {
            return message;
        }
        let message = Message::from(message);
        let (seq, version, flags) = (Seq(0), Version::V2, Flags::NONE);
        ChatMessage::try_from(Message { seq, version, flags, ..message }).unwrap()
    }

    /// The names of the effects of a message that is stored.
    pub(crate) fn effects(&self) -> Vec<&'static str> {
        if self.is_transient() {
            return vec!["SendAppMessage", "EnqueueMessage"];
        }
        // H14.9, H14.10: a live copy goes out only where `previous` is known.
        let [to_receiver, to_sender] =
            self.answers().map(|answer| self.is_v2() && answer.previous.is_some());
        let mut effects = vec!["PushMessage"];
        effects.extend(to_receiver.then_some("SendAppMessage"));
        effects.push("SendAppMessage");
        effects.extend(to_sender.then_some("SendMessage"));
        effects.extend(["SendMessage", "EnqueueMessage"]);
        effects
    }

    /// What the store has answered for the receiver's queue and for the sender's.
    pub(crate) fn answers(&self) -> [Appended; 2] {
        let copies = self.script.copies().unwrap();
        [copies.receiver, copies.sender]
    }

    pub(crate) fn is_transient(&self) -> bool {
        !self.is_v2() && self.message.flags.contains(Flags::UNPERSISTENT)
    }

    /// What a store keeps (H10), as far as it is asked.
    pub(crate) fn stored(&self) -> Vec<(Account, DeviceId, Command, Vec<u8>)> {
        let saves = self.run().saves.into_iter();
        let stored = |(queue, device_id, message): (_, _, ChatMessage)| {
            let mut body = Vec::new();
            message.encode_body(&mut body).unwrap();
            (queue, device_id, message.command(), body)
        };
        saves.map(stored).collect()
    }

    /// H5, H13: the receiver and the sender, by the message.
    pub(crate) fn parties(&self) -> [Account; 2] {
        let [first_appid, first, second_appid, second] = ids(&self.message);
        let first = Account::new(AppId(first_appid), UserId(first));
        let seller = Account::new(self.config.kefu_appid(), UserId(second));
        match self.message.command() {
            Command::CUSTOMER => [seller, first],
            Command::CUSTOMER_SUPPORT => [first, seller],
            _ => [Account::new(AppId(second_appid), UserId(second)), first],
        }
    }
}
