//! That the model can fail: hosts that decide one thing wrong, and what it finds about each.

use std::collections::BTreeSet;

use kefu_proto::{Account, Copies, DeviceId, Effect, MsgId, SaveMessage};
use stateright::{Checker, HasDiscoveries, Model};

use super::cast::{ACCOUNTS, ANNS, BOBS, DESK, Post, SELLER};
use super::host::{Host, Sound};
use super::properties::{
    ACKED, ANSWERED, CAUGHT_UP, COMPLETE, KEPT, NO_ECHO, NOTIFIED, ONCE, PRIVATE, PUSHED, READABLE,
    REFUSED,
};
use super::store::{Copy, Row};
use super::world::{Ticket, World};
use super::{QUESTION, QUESTIONS, SLOW_READERS};

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
    Hasty: fn saved(&self, [receiver, sender]: [Option<MsgId>; 2]) -> Option<Copies> {
        Some(Copies { receiver: receiver?.into(), sender: sender.unwrap_or(MsgId(0)).into() })
    }
}

#[test]
fn h7_a_push_before_the_second_save_is_found() {
    finds(PUSHED, World { host: &Hasty, faults: 1, ..QUESTION });
}

#[test]
fn h7_a_notify_before_the_second_save_is_found() {
    finds(NOTIFIED, World { host: &Hasty, ..QUESTION });
}

#[test]
fn h7_an_ack_before_the_second_save_is_found() {
    finds(ACKED, World { host: &Hasty, ..QUESTION });
}

flawed! {
    /// Takes a failure for a success.
    Optimist: fn id_of_failure(&self) -> Option<MsgId> {
        Some(MsgId(1))
    }
}

#[test]
fn h8_effects_after_a_failed_save_are_found() {
    finds(ACKED, World { host: &Optimist, faults: 1, ..QUESTION });
}

flawed! {
    /// Takes the first answer for the receiver's and the next for the sender's, whatever they
    /// answer.
    Counter: fn answered(
        &self,
        waiting: (Ticket, [Option<MsgId>; 2]),
        answer: (Ticket, Copy),
    ) -> Option<Copy> {
        let next = if waiting.1[0].is_none() { Copy::Receivers } else { Copy::Senders };
        (waiting.0 == answer.0).then_some(next)
    }
}

#[test]
fn h7_a_second_answer_that_counts_for_the_second_save_is_found() {
    finds(ACKED, World { host: &Counter, at_once: false, faults: 1, ..QUESTION });
}

flawed! {
    /// Takes each queue's id for the other's.
    Swapper: fn saved(&self, [receiver, sender]: [Option<MsgId>; 2]) -> Option<Copies> {
        Some(Copies { receiver: sender?.into(), sender: receiver?.into() })
    }
}

#[test]
fn h7_a_notify_with_the_other_queues_id_is_found() {
    finds(READABLE, World { host: &Swapper, ..QUESTION });
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
    finds(READABLE, World { host: &Misaddresser, ..QUESTION });
}

flawed! {
    /// Gives an idempotent store nothing to know a repeat by.
    Withholder: fn hands_in_the_mark(&self) -> bool {
        false
    }
}

#[test]
fn s10_a_repeat_that_is_stored_again_is_found() {
    finds(ONCE, World { host: &Withholder, faults: 1, ..QUESTION });
}

flawed! {
    /// Names queues by the uid alone.
    Shortener: fn queue(&self, account: Account) -> usize {
        ACCOUNTS.iter().position(|known| known.uid == account.uid).unwrap()
    }
}

#[test]
fn h5_a_queue_that_two_accounts_share_is_found() {
    finds(PRIVATE, World { host: &Shortener, ..QUESTIONS });
}

flawed! {
    /// Acknowledges what is refused, to be rid of it.
    Appeaser: fn acknowledges_refused(&self) -> bool {
        true
    }
}

#[test]
fn h2_an_ack_for_a_refused_message_is_found() {
    finds(REFUSED, World { host: &Appeaser, posts: &[Post::BOB_AS_ANN], ..QUESTION });
}

flawed! {
    /// Takes Bob for Ann.
    Confounder: fn owner(&self, device: usize) -> usize {
        if device == BOBS { ANNS } else { device }
    }
}

#[test]
fn h2_a_message_in_anothers_name_that_is_delivered_is_found() {
    finds(REFUSED, World { host: &Confounder, posts: &[Post::BOB_AS_ANN], ..QUESTION });
}

#[test]
fn h5_a_connection_under_anothers_name_is_found() {
    let posts = &[Post::SELLER_ANSWERS, Post::BOB_AS_ANN];
    finds(PRIVATE, World { host: &Confounder, posts, ..SLOW_READERS });
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
    finds(COMPLETE, World { host: &Skipper, ..QUESTIONS });
}

flawed! {
    /// Forgets from which device a message came.
    Amnesiac: fn row(&self, copy: Copy, save: SaveMessage<'_>) -> Row {
        Row { device_id: DeviceId(0), ..Row::new(copy, save) }
    }
}

#[test]
fn s2_a_message_that_comes_back_to_its_sender_is_found() {
    finds(NO_ECHO, World { host: &Amnesiac, faults: 1, ..QUESTION });
}

flawed! {
    /// Keeps the last sync key that comes.
    Follower: fn keeps(&self, _kept: Option<MsgId>, key: MsgId) -> MsgId {
        key
    }
}

#[test]
fn s3_a_smaller_key_that_is_kept_is_found() {
    finds(KEPT, World { host: &Follower, posts: QUESTIONS.posts, ..SLOW_READERS });
}

flawed! {
    /// Ignores what it has received before.
    Impatient: fn listens(&self, time: usize) -> bool {
        time == 0
    }
}

#[test]
fn h9_a_repeat_that_is_not_acknowledged_is_found() {
    finds(ANSWERED, World { host: &Impatient, faults: 1, ..QUESTION });
}

flawed! {
    /// Has nothing to say to the seller.
    Silent: fn reaches(&self, effect: &Effect<'_>, device: usize, own: Option<usize>) -> bool {
        effect.to() != Some(ACCOUNTS[SELLER]) && Sound.reaches(effect, device, own)
    }
}

#[test]
fn s5_a_notify_that_is_lost_is_found() {
    finds(CAUGHT_UP, World { host: &Silent, ..QUESTION });
}

/// Breadth first, so that no shorter way leads there.
fn finds(property: &'static str, world: World) {
    let until = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = world.checker().finish_when(until).spawn_bfs().join();
    let Some(path) = checker.discovery(property) else { panic!("not found: {property}") };
    eprintln!("{:?}: not \"{property}\":\n  {:?}", checker.model().host, path.into_actions());
}
