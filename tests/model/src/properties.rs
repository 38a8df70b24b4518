//! What must hold of posts, queues and what clients have read, stated by the protocol's rules and
//! without the library.
//!
//! Queues only grow and clients forget nothing, so what has been said can be compared with what is
//! stored in the very state that follows the saying.

use kefu_proto::MsgId;
use stateright::{Model, Property};

use super::cast::{ACCOUNTS, OWNERS, Post};
use super::world::{State, World};

pub(crate) const PUSHED: &str = "H7: nobody is pushed before both copies are stored";
pub(crate) const NOTIFIED: &str = "H7: nobody is notified before both copies are stored";
pub(crate) const ACKED: &str = "H7: nothing is acknowledged that is not in both queues";
pub(crate) const READABLE: &str = "H7: a notified id is readable in that queue";
pub(crate) const ONCE: &str = "S10: an idempotent store holds nothing twice";
pub(crate) const PRIVATE: &str = "H5: nobody sees a message who is not a party";
pub(crate) const REFUSED: &str = "H2, H3: a refused message changes nothing";
pub(crate) const COMPLETE: &str = "S2: what a sync key has passed has been read";
pub(crate) const NO_ECHO: &str = "S2: no device reads what it has sent";
pub(crate) const KEPT: &str =
    "S3: the largest sync key is kept, and none that no device has reached";
pub(crate) const ANSWERED: &str = "H9: every message is acknowledged in the end";
pub(crate) const CAUGHT_UP: &str =
    "S5: at rest, every device has read every message from elsewhere in its queue";

pub(crate) const REPEATED: &str = "a message that was stored is sent again and acknowledged";
pub(crate) const TOLD_OFFLINE: &str = "somebody who is not connected is pushed";
pub(crate) const LATE: &str = "the store answers when the host has forgotten the question";
pub(crate) const SKIPPED: &str = "a new device begins at the kept key";

/// Where something is to hold eventually, stateright looks only at paths that end, and where two
/// paths meet it goes on with what held on the first of them. Neither does harm here: every path
/// ends (see `State::rank`), and an ACK that a client has is never lost again, so that the end of a
/// path tells of the whole path.
pub(crate) fn all() -> Vec<Property<World>> {
    vec![
        Property::always(PUSHED, pushed),
        Property::always(NOTIFIED, notified),
        Property::always(ACKED, acked),
        Property::always(READABLE, readable),
        Property::always(ONCE, once),
        Property::always(PRIVATE, private),
        Property::always(REFUSED, refused),
        Property::always(COMPLETE, complete),
        Property::always(NO_ECHO, no_echo),
        Property::always(KEPT, kept),
        Property::always(CAUGHT_UP, caught_up),
        Property::eventually(ANSWERED, answered),
    ]
}

/// That the model is not empty talk: what it is about does occur.
pub(crate) fn occurrences() -> Vec<Property<World>> {
    vec![
        Property::sometimes(REPEATED, repeated),
        Property::sometimes(TOLD_OFFLINE, |_, state: &State| {
            state.pushed.iter().any(|posts| !posts.is_empty())
        }),
        Property::sometimes(LATE, late),
        Property::sometimes(SKIPPED, |_, state: &State| {
            state.clients.iter().any(|client| client.since > MsgId(0))
        }),
    ]
}

fn pushed(world: &World, state: &State) -> bool {
    let told = |post| state.pushed.iter().any(|posts| posts.contains(post));
    persistent(world).all(|(post, it)| !told(post) || in_both_queues(state, post, it))
}

fn notified(world: &World, state: &State) -> bool {
    (0..OWNERS.len()).all(|device| {
        let row = state.store.row(OWNERS[device], state.clients[device].notified);
        row.is_none_or(|row| in_both_queues(state, row.post(), &world.posts[row.post()]))
    })
}

fn acked(world: &World, state: &State) -> bool {
    persistent(world).all(|(post, it)| {
        !state.clients[it.device].acked.contains(post) || in_both_queues(state, post, it)
    })
}

fn readable(_: &World, state: &State) -> bool {
    (0..OWNERS.len()).all(|device| {
        let msgid = state.clients[device].notified;
        msgid == MsgId(0) || state.store.row(OWNERS[device], msgid).is_some()
    })
}

/// At least once is what `acked` says.
fn once(world: &World, state: &State) -> bool {
    !world.idempotent
        || (0..ACCOUNTS.len())
            .all(|queue| (0..world.posts.len()).all(|post| copies(state, queue, post) <= 1))
}

/// Stored for, pushed to, shown to and acknowledged to nobody else; and what is not
/// to be stored is not.
fn private(world: &World, state: &State) -> bool {
    world.posts.iter().enumerate().all(|(post, it)| {
        let is_party = |account| it.parties.is_none_or(|parties| parties.contains(&account));
        let devices = (0..OWNERS.len()).all(|device| {
            let client = &state.clients[device];
            (!client.seen.contains(post) || is_party(OWNERS[device]))
                && (!client.acked.contains(post) || device == it.device)
        });
        let queues = (0..ACCOUNTS.len()).all(|account| {
            copies(state, account, post) == 0 || (is_party(account) && it.persistent)
        });
        let pushes = (0..ACCOUNTS.len())
            .all(|account| !state.pushed[account].contains(post) || is_receiver(it, account));
        devices && queues && pushes
    })
}

fn refused(world: &World, state: &State) -> bool {
    let traces = |post| {
        (0..ACCOUNTS.len()).any(|queue| copies(state, queue, post) > 0)
            || state
                .clients
                .iter()
                .any(|client| client.seen.contains(post) || client.acked.contains(post))
            || state.pushed.iter().any(|posts| posts.contains(post))
    };
    let mut posts = world.posts.iter().enumerate();
    !state.disturbed && posts.all(|(post, it)| it.parties.is_some() || !traces(post))
}

fn complete(world: &World, state: &State) -> bool {
    (0..OWNERS.len()).all(|device| {
        let client = &state.clients[device];
        let mut foreign = foreign_after(world, state, device, client.since);
        foreign.all(|(msgid, post)| msgid > client.key || client.seen.contains(post))
    })
}

fn no_echo(world: &World, state: &State) -> bool {
    let mut posts = world.posts.iter().enumerate();
    posts.all(|(post, it)| !state.clients[it.device].seen.contains(post))
}

/// As far as the clients have sent the keys that they have come to.
fn kept(_: &World, state: &State) -> bool {
    (0..ACCOUNTS.len()).all(|account| {
        let own = (0..OWNERS.len()).filter(|device| OWNERS[*device] == account);
        let clients = || own.clone().map(|device| &state.clients[device]);
        let kept = state.store.kept[account].unwrap_or(MsgId(0));
        clients().all(|client| client.owes_key || client.key <= kept)
            && clients().any(|client| client.key >= kept)
    })
}

fn answered(world: &World, state: &State) -> bool {
    let mut posts = world.posts.iter().enumerate();
    posts.all(|(post, it)| it.parties.is_none() || state.clients[it.device].acked.contains(post))
}

/// Not an `eventually`: a later message puts a device behind again. It need not be told of a second
/// copy, which may come to a queue after a crash.
fn caught_up(world: &World, state: &State) -> bool {
    let is_behind = |device: usize| {
        let client = &state.clients[device];
        (0..world.posts.len()).any(|post| {
            let mut foreign = foreign_after(world, state, device, MsgId(0));
            let first_copy = foreign.find(|row| row.1 == post);
            first_copy.is_some_and(|(msgid, _)| msgid > client.since) && !client.seen.contains(post)
        })
    };
    let at_rest = || {
        let mut steps = Vec::new();
        world.actions(state, &mut steps);
        steps.is_empty()
    };
    !(0..OWNERS.len()).any(is_behind) || !at_rest()
}

fn repeated(world: &World, state: &State) -> bool {
    world.posts.iter().enumerate().any(|(post, it)| {
        it.persistent && state.sent[post] > 1 && state.clients[it.device].acked.contains(post)
    })
}

fn late(_: &World, state: &State) -> bool {
    state
        .calls
        .iter()
        .any(|call| call.answer.is_some() && state.jobs.iter().all(|job| job.ticket != call.ticket))
}

fn persistent(world: &World) -> impl Iterator<Item = (usize, &Post)> {
    let posts = world.posts.iter().enumerate();
    posts.filter(|(_, it)| it.persistent && it.parties.is_some())
}

fn in_both_queues(state: &State, post: usize, it: &Post) -> bool {
    it.parties.is_some_and(|parties| parties.iter().all(|queue| copies(state, *queue, post) > 0))
}

/// The rows of a device's queue after one that were not sent from it, each with its post.
fn foreign_after<'s>(
    world: &'s World,
    state: &'s State,
    device: usize,
    after: MsgId,
) -> impl Iterator<Item = (MsgId, usize)> + 's {
    let queue = OWNERS[device];
    let rows = state.store.ids_after(queue, after);
    rows.map(move |msgid| (msgid, state.store.row(queue, msgid).unwrap().post()))
        .filter(move |(_, post)| world.posts[*post].device != device)
}

fn is_receiver(it: &Post, account: usize) -> bool {
    it.parties.is_none_or(|[receiver, _]| receiver == account)
}

fn copies(state: &State, queue: usize, post: usize) -> usize {
    state.store.queues[queue].iter().filter(|row| row.post() == post).count()
}
