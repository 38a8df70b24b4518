//! That the model can fail: hosts that decide one thing wrong, and the rule that each breaks.

use std::collections::BTreeSet;

use bytes::BytesMut;
use kefu_proto::{
    Account, Body, Command, Copies, DeviceId, Effect, Encode, FrameDecoder, FrameLimit,
    FrameWriter, Message, MsgId, Online, Outbound, SaveMessage, Version,
};
use stateright::{Checker, HasDiscoveries, Model, Path};

use super::cast::{ACCOUNTS, ANNS, BOBS, DESK, Post, SELLER};
use super::host::{Host, Sound};
use super::properties::{ANSWERED, CAUGHT_UP, JUDGED, KEPT};
use super::steps::Step;
use super::store::{Answer, Copy, Row};
use super::world::{State, Ticket, World};
use super::{MIXED, NEW, NEWS_OF_TYPING, QUESTION, QUESTIONS, SHORT_ANSWERS, SLOW_READERS};

/// Declares a host with one wrong decision.
macro_rules! flawed {
    ($(#[$doc:meta])* $name:ident: $($decision:tt)*) => {
        $(#[$doc])*
        #[derive(Debug)]
        struct $name;

        impl Host for $name {
            $($decision)*
        }
    };
}

flawed! {
    /// Goes on when the receiver's copy is stored, and invents an id for the sender's.
    Hasty: fn saved(&self, [receiver, sender]: [Option<Answer>; 2]) -> Option<Copies> {
        Some(Copies { receiver: receiver?.into(), sender: sender.map_or(MsgId(0).into(), Into::into) })
    }
}

#[test]
fn h7_effects_before_the_second_save_are_found() {
    finds("H7.2", &World { host: &Hasty, ..QUESTION });
}

flawed! {
    /// Takes a failure for a success.
    Optimist: fn id_of_failure(&self) -> Option<MsgId> {
        Some(MsgId(1))
    }
}

#[test]
fn h8_effects_after_a_failed_save_are_found() {
    finds("H8.1", &World { host: &Optimist, faults: 1, ..QUESTION });
}

flawed! {
    /// Takes the first answer for the receiver's and the next for the sender's, whatever they
    /// answer.
    Counter: fn answered(
        &self,
        waiting: (Ticket, [Option<Answer>; 2]),
        answer: (Ticket, Copy),
    ) -> Option<Copy> {
        let next = if waiting.1[0].is_none() { Copy::Receivers } else { Copy::Senders };
        (waiting.0 == answer.0).then_some(next)
    }
}

#[test]
fn h7_a_second_answer_that_counts_for_the_second_save_is_found() {
    finds("H7.2", &World { host: &Counter, at_once: false, faults: 1, ..QUESTION });
}

flawed! {
    /// Takes each queue's id for the other's.
    Swapper: fn saved(&self, [receiver, sender]: [Option<Answer>; 2]) -> Option<Copies> {
        Some(Copies { receiver: sender?.into(), sender: receiver?.into() })
    }
}

#[test]
fn h7_a_notify_with_the_other_queues_id_is_found() {
    finds("H7.1", &World { host: &Swapper, ..QUESTION });
}

flawed! {
    /// Tells the seller what the sender's other login points are to hear.
    Misaddresser: fn reaches(&self, effect: &Effect<'_>, device: usize, own: Option<usize>) -> bool {
        match effect {
            Effect::SendMessage { .. } => device == DESK,
            _ => Sound.reaches(effect, device, own),
        }
    }
}

#[test]
fn h7_a_send_message_to_the_wrong_account_is_found() {
    finds("H7.4", &World { host: &Misaddresser, ..QUESTION });
}

flawed! {
    /// Gives an idempotent store nothing to know a repeat by.
    Withholder: fn hands_in_the_mark(&self) -> bool {
        false
    }
}

#[test]
fn s10_a_repeat_that_is_stored_again_is_found() {
    finds("S10.2", &World { host: &Withholder, faults: 1, ..QUESTION });
}

flawed! {
    /// Names queues by the uid alone.
    Shortener: fn queue(&self, account: Account) -> usize {
        ACCOUNTS.iter().position(|known| known.uid == account.uid).unwrap()
    }
}

#[test]
fn h5_a_queue_that_two_accounts_share_is_found() {
    finds("H7.1", &World { host: &Shortener, posts: &[Post::BOB_ASKS], ..QUESTION });
}

flawed! {
    /// Acknowledges what is refused, to be rid of it.
    Appeaser: fn acknowledges_refused(&self) -> bool {
        true
    }
}

#[test]
fn h2_an_ack_for_a_refused_message_is_found() {
    finds("H11.1", &World { host: &Appeaser, posts: &[Post::BOB_AS_ANN], ..QUESTION });
}

flawed! {
    /// Takes Bob for Ann.
    Confounder: fn owner(&self, device: usize) -> usize {
        if device == BOBS { ANNS } else { device }
    }
}

#[test]
fn s1_a_connection_under_anothers_name_is_found() {
    finds("S1.4", &World { host: &Confounder, posts: &[Post::BOB_AS_ANN], ..QUESTION });
}

flawed! {
    /// Begins one row late.
    Skipper: fn next_row(&self, ids_after: &mut dyn Iterator<Item = MsgId>) -> Option<MsgId> {
        let first = ids_after.next();
        ids_after.next().or(first)
    }
}

#[test]
fn s2_a_sync_that_leaves_out_a_row_is_found() {
    finds("S2.3", &World { host: &Skipper, ..QUESTIONS });
}

flawed! {
    /// Forgets from which device a message came.
    Amnesiac: fn row(&self, copy: Copy, save: SaveMessage<'_>) -> Row {
        Row { device_id: DeviceId(0), ..Row::new(copy, save) }
    }
}

#[test]
fn s2_a_message_that_comes_back_to_its_sender_is_found() {
    finds("H10.1", &World { host: &Amnesiac, faults: 1, ..QUESTION });
}

flawed! {
    /// Keeps the last sync key that comes.
    Follower: fn keeps(&self, _kept: Option<MsgId>, key: MsgId) -> MsgId {
        key
    }
}

#[test]
fn s3_a_smaller_key_that_is_kept_is_found() {
    misses(KEPT, &World { host: &Follower, posts: QUESTIONS.posts, ..SLOW_READERS });
}

flawed! {
    /// Ignores what it has received before.
    Impatient: fn listens(&self, time: usize) -> bool {
        time == 0
    }
}

#[test]
fn h9_a_repeat_that_is_not_acknowledged_is_found() {
    finds("S10.3", &World { host: &Impatient, faults: 1, ..QUESTION });
    misses(ANSWERED, &World { host: &Impatient, faults: 1, ..QUESTION });
}

flawed! {
    /// Has nothing to say to the seller.
    Silent: fn reaches(&self, effect: &Effect<'_>, device: usize, own: Option<usize>) -> bool {
        effect.to() != Some(ACCOUNTS[SELLER]) && Sound.reaches(effect, device, own)
    }
}

#[test]
fn s5_a_notify_that_is_lost_is_found() {
    finds("H7.6", &World { host: &Silent, ..QUESTION });
    misses(CAUGHT_UP, &World { host: &Silent, ..QUESTION });
}

flawed! {
    /// Takes what is the newest now for what was the newest before.
    Guesser: fn previous(
        &self,
        _time: usize,
        _answer: Answer,
        newest: &dyn Fn() -> MsgId,
    ) -> Option<MsgId> {
        Some(newest())
    }
}

#[test]
fn h14_a_guess_at_what_was_before_is_found() {
    finds("H14.9", &World { host: &Guesser, dialects: NEW, ..QUESTIONS });
}

flawed! {
    /// Does so for a repeat alone.
    Repeater: fn previous(
        &self,
        time: usize,
        answer: Answer,
        newest: &dyn Fn() -> MsgId,
    ) -> Option<MsgId> {
        if time == 0 { answer.previous } else { Some(newest()) }
    }
}

#[test]
fn s10_a_repeat_that_names_todays_newest_is_found() {
    let posts = &[Post::ANN_ASKS, Post::SELLER_ANSWERS];
    finds("S10.4", &World { host: &Repeater, dialects: NEW, posts, faults: 1, ..QUESTION });
}

flawed! {
    /// Drops every METADATA.
    Stripper: fn write(&self, online: &mut Online, message: &Outbound<'_>, out: &mut BytesMut) {
        write_some(online, message, out, |_, command| command != Command::METADATA);
    }
}

#[test]
fn w10_a_live_copy_without_metadata_is_found() {
    finds("W10.3", &World { host: &Stripper, dialects: NEW, ..QUESTION });
}

flawed! {
    /// Drops what stands behind a METADATA.
    Truncator: fn write(&self, online: &mut Online, message: &Outbound<'_>, out: &mut BytesMut) {
        write_some(online, message, out, |index, _| index == 0);
    }
}

#[test]
fn w10_metadata_without_a_message_is_found() {
    finds("W10.3", &World { host: &Truncator, dialects: NEW, ..QUESTION });
}

flawed! {
    /// Has something else to say between the two.
    Interrupter: fn write(&self, online: &mut Online, message: &Outbound<'_>, out: &mut BytesMut) {
        write_some(online, message, out, |index, _| index == 0);
        online.write(&Outbound::SyncNotify(MsgId(1)), out).unwrap();
        write_some(online, message, out, |index, _| index == 1);
    }
}

#[test]
fn w10_a_pair_that_is_separated_is_found() {
    finds("W10.3", &World { host: &Interrupter, dialects: NEW, ..QUESTION });
}

flawed! {
    /// Writes everything as it is, whatever the connection's dialect.
    Literalist: fn write(&self, online: &mut Online, message: &Outbound<'_>, out: &mut BytesMut) {
        let mut writer = FrameWriter::new(FrameLimit::CLIENT);
        writer.set_version(version_of(online));
        writer.write(message, out).unwrap();
    }
}

#[test]
fn d3_a_live_copy_to_version_1_is_found() {
    finds("D3.1", &World { host: &Literalist, dialects: MIXED, ..QUESTIONS });
}

#[test]
fn s12_a_notify_that_is_not_held_back_is_found() {
    finds("S12.4", &World { host: &Literalist, ..SHORT_ANSWERS });
}

flawed! {
    /// Takes the receiver for the sender where it translates.
    Translator: fn write(&self, online: &mut Online, message: &Outbound<'_>, out: &mut BytesMut) {
        online.write(message, out).unwrap();
        let is_translated = message.command() != Command::CUSTOMER_V2;
        if let Some(body) = out.get_mut(12..44).filter(|_| is_translated) {
            let (sender, receiver) = body.split_at_mut(16);
            sender.swap_with_slice(receiver);
        }
    }
}

#[test]
fn d2_a_translation_that_swaps_the_parties_is_found() {
    finds("D2.2", &World { host: &Translator, ..NEWS_OF_TYPING });
}

flawed! {
    /// Goes on when the receiver's copy is stored, with what the store knows of that.
    Eager: fn saved(&self, [receiver, sender]: [Option<Answer>; 2]) -> Option<Copies> {
        let receiver = receiver?;
        Some(Copies { receiver: receiver.into(), sender: sender.unwrap_or(receiver).into() })
    }
}

#[test]
fn h14_effects_before_the_second_save_are_found() {
    finds("H14.2", &World { host: &Eager, dialects: NEW, ..QUESTION });
}

/// The version in what a connection writes.
fn version_of(online: &mut Online) -> Version {
    let mut pong = BytesMut::new();
    online.write(&Message::from(Body::Pong), &mut pong).unwrap();
    Version(pong[9])
}

/// Writes those frames of a message that are wanted, by their place and command.
fn write_some(
    online: &mut Online,
    message: &Outbound<'_>,
    out: &mut BytesMut,
    wanted: impl Fn(usize, Command) -> bool,
) {
    let mut whole = BytesMut::new();
    online.write(message, &mut whole).unwrap();
    let mut index = 0;
    while let Some(frame) = FrameDecoder::new(FrameLimit::CLIENT).decode(&mut whole).unwrap() {
        if wanted(index, frame.command) {
            frame.encode(out).unwrap();
        }
        index += 1;
    }
}

/// The checker names the rule that is broken first. Breadth first, so that no shorter way leads
/// there.
fn finds(rule: &str, world: &World) {
    let path = shortest(JUDGED, world);
    let last = path.last_state().clone();
    let violation = last.judge.violation(world.is_at_rest(&last)).unwrap();
    eprintln!("{:?}: {violation}:\n  {:?}", world.host, path.into_actions());
    assert_eq!(violation.rule(), rule, "{violation}");
}

/// Something does not come to a good end.
fn misses(property: &'static str, world: &World) {
    let path = shortest(property, world);
    eprintln!("{:?}: not \"{property}\":\n  {:?}", world.host, path.into_actions());
}

fn shortest(property: &'static str, world: &World) -> Path<State, Step> {
    let until = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = world.clone().checker().finish_when(until).spawn_bfs().join();
    checker.discovery(property).unwrap_or_else(|| panic!("not found: {property}"))
}
