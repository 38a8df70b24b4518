//! What must hold of posts, queues and what clients have read, stated by the protocol's rules and
//! without the library.
//!
//! Queues only grow and clients forget nothing, so what has been said can be compared with what is
//! stored in the very state that follows the saying.

use kefu_proto::{Dialect, MsgId};
use stateright::{Model, Property};

use super::cast::{ACCOUNTS, DESK, OWNERS, Post, SELLER};
use super::client::Complaint;
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
pub(crate) const PAIRED: &str = "W10: METADATA and its message come together";
pub(crate) const PREVIOUS: &str = "H14: METADATA names a copy, and the one before it in that queue";
pub(crate) const COPIED: &str = "H14: no live copy goes out before both copies are stored";
pub(crate) const FLAGGED: &str = "H13: nobody but a server sets the flags of servers";
pub(crate) const KNOWN: &str = "D3: nothing goes to a dialect in a form that it does not know";
pub(crate) const SAME: &str = "D2: in every dialect a message has its sender, receiver and time";
pub(crate) const HELD_BACK: &str = "S12: who has to ask on is not notified";
pub(crate) const ANSWERED: &str = "H9: every message is acknowledged in the end";
pub(crate) const CAUGHT_UP: &str =
    "S5: at rest, every device has read every message from elsewhere in its queue";

pub(crate) const REPEATED: &str = "a message that was stored is sent again and acknowledged";
pub(crate) const TOLD_OFFLINE: &str = "somebody who is not connected is pushed";
pub(crate) const LATE: &str = "the store answers when the host has forgotten the question";
pub(crate) const SKIPPED: &str = "a new device begins at the kept key";

pub(crate) const CONTINUED: &str = "a live copy continues what a client has";
pub(crate) const BEHIND: &str = "a client is told to ask on";

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
        Property::always(PAIRED, |_, state| !complains(state, Complaint::Parted)),
        Property::always(PREVIOUS, previous),
        Property::always(COPIED, copied),
        Property::always(FLAGGED, |_, state| !complains(state, Complaint::Posing)),
        Property::always(KNOWN, |_, state| !complains(state, Complaint::UnknownForm)),
        Property::always(SAME, |_, state| !complains(state, Complaint::Altered)),
        Property::always(HELD_BACK, |_, state| !complains(state, Complaint::NotHeldBack)),
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

/// That live copies are taken, and answers are short, where there is reason to.
pub(crate) fn occurrences_of_version_2(world: &World) -> Vec<Property<World>> {
    let mut properties = Vec::new();
    let to_seller = world.posts.iter().filter(|it| it.parties.is_some_and(|it| it[0] == SELLER));
    if to_seller.count() > 1 && world.tells && world.dialects[DESK] == Dialect::V2 {
        properties.push(Property::sometimes(CONTINUED, |_, state: &State| {
            let client = &state.clients[DESK];
            client.pair.is_some_and(|(key, previous, _)| client.key == key && previous > MsgId(0))
        }));
    }
    if world.rows == 1 && !world.prompt {
        properties.push(Property::sometimes(BEHIND, |_, state: &State| {
            state.connections.iter().flatten().any(|connection| connection.is_behind)
        }));
    }
    properties
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
            let shown = [client.seen, client.own, client.copied];
            (!shown.iter().any(|posts| posts.contains(post)) || is_party(OWNERS[device]))
                && (!client.own.contains(post) || device == it.device)
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
                .flat_map(|client| [client.seen, client.own, client.copied, client.acked])
                .any(|posts| posts.contains(post))
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
    posts.all(|(post, it)| {
        let client = &state.clients[it.device];
        // A live copy goes to a connection that has come since (H7.5).
        !client.seen.contains(post) || client.copied.contains(post)
    })
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

fn complains(state: &State, of: Complaint) -> bool {
    state.clients.iter().any(|client| client.complaints.contains(of))
}

/// Each device's last one; every one is the last in some state.
fn previous(_: &World, state: &State) -> bool {
    (0..OWNERS.len()).all(|device| {
        state.clients[device].pair.is_none_or(|(key, previous, post)| {
            let (store, queue) = (&state.store, OWNERS[device]);
            let row = store.row(queue, key);
            row.is_some_and(|row| row.post() == post && store.before(queue, key) == previous)
        })
    })
}

fn copied(world: &World, state: &State) -> bool {
    let told = |post| state.clients.iter().any(|client| client.copied.contains(post));
    persistent(world).all(|(post, it)| !told(post) || in_both_queues(state, post, it))
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
