//! What must hold. The protocol's rules are the checker's, which has seen the way to a state; what
//! is left is that everything comes to a good end, whatever fails.

use kefu_proto::{Dialect, MsgId};
use stateright::{Model, Property};

use super::cast::{ACCOUNTS, DESK, OWNERS, SELLER};
use super::world::{State, World};

pub(crate) const JUDGED: &str = "the checker finds nothing on the way here";
pub(crate) const KEPT: &str =
    "S3: the largest sync key is kept, and none that no device has reached";
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
        Property::always(JUDGED, judged),
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

/// That live copies are taken, and answers are short, where there is reason to.
pub(crate) fn occurrences_of_version_2(world: &World) -> Vec<Property<World>> {
    let mut properties = Vec::new();
    let to_seller = world.posts.iter().filter(|it| it.parties.is_some_and(|it| it[0] == SELLER));
    if to_seller.count() > 1 && world.tells && world.dialects[DESK] == Dialect::V2 {
        properties
            .push(Property::sometimes(CONTINUED, |_, state: &State| state.clients[DESK].has_taken));
    }
    if world.rows == 1 && !world.prompt {
        properties.push(Property::sometimes(BEHIND, |_, state: &State| {
            state.connections.iter().flatten().any(|connection| connection.is_behind)
        }));
    }
    properties
}

fn judged(world: &World, state: &State) -> bool {
    state.judge.violation(world.is_at_rest(state)).is_none()
}

/// As far as the clients have sent the keys that they have come to. The checker sees a key only when
/// a device without one of its own begins there, and here none comes so late.
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
    !(0..OWNERS.len()).any(is_behind) || !world.is_at_rest(state)
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

impl World {
    /// Whether nothing can happen any more.
    pub(crate) fn is_at_rest(&self, state: &State) -> bool {
        let mut steps = Vec::new();
        self.actions(state, &mut steps);
        steps.is_empty()
    }
}
