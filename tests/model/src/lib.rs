//! A model checker visits every state that a small world can reach: the real handler and the real
//! connections, among clients that repeat, a network that breaks, a store that fails and a host
//! that crashes between any two effects. The checker of the library judges every step
//! (`judge.rs`); that all comes to a good end is a property of the model (`properties.rs`).
//!
//! `cargo test` searches the smallest worlds. This searches all of them:
//!
//! ```console
//! $ cargo test --release -p kefu-model -- --include-ignored --nocapture
//! ```

#![cfg(test)]
#![allow(clippy::unwrap_used, reason = "what a test needs and does not get fails it")]

mod cast;
mod client;
mod flaws;
mod host;
mod judge;
mod properties;
mod steps;
mod store;
mod world;

use std::time::Instant;

use stateright::{Checker, Model};

use cast::Post;
use host::Sound;
use kefu_proto::Dialect;
use properties::JUDGED;
use world::World;

/// A customer asks, and nothing fails.
const QUESTION: World = World {
    host: &Sound,
    posts: &[Post::ANN_ASKS],
    faults: 0,
    idempotent: true,
    at_once: true,
    page: 8,
    dialects: [Dialect::V1; 4],
    tells: true,
    rows: 8,
    prompt: true,
};

/// Two customers ask.
const QUESTIONS: World = World { posts: &[Post::ANN_ASKS, Post::BOB_ASKS], ..QUESTION };

/// A customer asks while the seller writes to them.
const TALK: World = World { posts: &[Post::ANN_ASKS, Post::SELLER_ANSWERS], ..QUESTION };

/// Two customers ask while the seller writes to one of them.
const TALKS: World =
    World { posts: &[Post::ANN_ASKS, Post::BOB_ASKS, Post::SELLER_ANSWERS], ..QUESTION };

/// Clients do things late, and queues are read row by row.
const SLOW_READERS: World = World { page: 1, prompt: false, ..QUESTION };

/// One message that is good, and one for each way to be refused.
const REFUSALS: World = World {
    posts: &[
        Post::ANN_ASKS,
        Post::BOB_AS_ANN,
        Post::ANN_OF_ANOTHER_APP,
        Post::ANN_TO_NOBODY,
        Post::ANN_AS_SELLER,
        Post::SELLER_AS_ANOTHER,
    ],
    ..QUESTION
};

/// One message to store, and one that is not to be stored.
const TYPING: World = World { posts: &[Post::BOB_ASKS, Post::SELLER_IS_TYPING], ..QUESTION };

/// A store that stores a repeat again (S10).
const FORGETFUL_STORE: World = World { idempotent: false, faults: 1, ..QUESTION };

/// All are of version 2.
const NEW: [Dialect; 4] = [Dialect::V2; 4];

/// A customer and a seller's phone of version 1, a customer and a desk of version 2.
const MIXED: [Dialect; 4] = [Dialect::V1, Dialect::V2, Dialect::V2, Dialect::V1];

/// The desk runs in a browser and has said nothing yet; the phone is new.
const BROWSER: [Dialect; 4] = [Dialect::V1, Dialect::V2, Dialect::AsSent, Dialect::V2];

/// Two customers ask at once, one in each version.
const MIXED_QUESTIONS: World = World { dialects: MIXED, ..QUESTIONS };

/// A seller of version 1 is typing to a customer of version 2.
const NEWS_OF_TYPING: World =
    World { dialects: [Dialect::V1, Dialect::V2, Dialect::V1, Dialect::V2], ..TYPING };

/// An answer has one row, and there is more to read.
const SHORT_ANSWERS: World =
    World { dialects: MIXED, rows: 1, posts: QUESTIONS.posts, ..SLOW_READERS };

#[test]
fn a_message_survives_a_fault() {
    holds("one message, one fault", World { faults: 1, ..QUESTION });
}

#[test]
fn a_store_that_keeps_repeats_holds_a_message_at_least_once() {
    holds("one message, one fault, no idempotence", FORGETFUL_STORE);
}

#[test]
fn a_question_and_an_answer_may_cross() {
    holds("two messages", TALK);
}

#[test]
fn a_message_of_version_2_survives_a_fault() {
    holds("one message of version 2, one fault", World { dialects: NEW, faults: 1, ..QUESTION });
}

#[test]
fn both_versions_may_ask_at_once() {
    holds("two questions, one of each version", MIXED_QUESTIONS);
}

#[test]
fn an_unpersistent_message_is_translated() {
    holds("two messages, one unpersistent for version 2", NEWS_OF_TYPING);
}

#[test]
fn both_versions_may_talk() {
    holds("two messages, one of each version", World { dialects: MIXED, ..TALK });
}

#[test]
fn a_browser_gets_what_was_sent_until_it_speaks() {
    holds("two messages, a browser", World { dialects: BROWSER, ..TALK });
}

#[test]
fn version_2_leaves_no_trace_of_a_refused_message() {
    let posts = &[Post::ANN_ASKS, Post::BOB_AS_ANN, Post::ANN_TO_BOB, Post::SELLER_AS_ANOTHER];
    holds("four messages of version 2, three refused", World { posts, dialects: NEW, ..QUESTION });
}

#[test]
fn answers_may_be_short() {
    holds("two questions, answers of one row", World { rows: 1, ..MIXED_QUESTIONS });
}

#[test]
#[ignore = "large: with --release"]
fn what_was_before_is_true_whatever_fails() {
    holds(
        "two questions of version 2, one fault, saves in order",
        World { dialects: NEW, at_once: false, faults: 1, ..QUESTIONS },
    );
}

#[test]
#[ignore = "large: with --release"]
fn what_was_before_is_true_whoever_is_first() {
    holds("three messages of version 2", World { dialects: NEW, ..TALKS });
}

#[test]
#[ignore = "large: with --release"]
fn both_versions_survive_a_fault() {
    holds(
        "a question and an answer in two versions, one fault, saves in order",
        World { dialects: MIXED, at_once: false, faults: 1, ..TALK },
    );
}

#[test]
fn notifies_are_enough() {
    holds("a store that does not tell", World { tells: false, ..MIXED_QUESTIONS });
}

#[test]
#[ignore = "large: with --release"]
fn slow_readers_of_both_versions_miss_nothing() {
    holds("two questions, slow readers, answers of one row", SHORT_ANSWERS);
}

#[test]
#[ignore = "large: with --release"]
fn two_customers_and_a_seller_may_talk_at_once() {
    holds("three messages", TALKS);
}

#[test]
fn refused_messages_leave_no_trace() {
    holds("six messages, five of them refused", REFUSALS);
}

#[test]
#[ignore = "large: with --release"]
fn a_message_survives_three_faults() {
    holds("one message, three faults", World { faults: 3, ..QUESTION });
}

#[test]
#[ignore = "large: with --release"]
fn a_question_and_an_answer_survive_a_fault() {
    holds("two messages, one fault", World { faults: 1, ..TALK });
}

#[test]
#[ignore = "large: with --release"]
fn two_customers_and_a_seller_survive_a_fault() {
    holds("two questions, one fault", World { faults: 1, ..QUESTIONS });
}

#[test]
#[ignore = "large: with --release"]
fn saves_may_be_asked_for_one_after_the_other() {
    holds(
        "two questions, one fault, saves in order",
        World { at_once: false, faults: 1, ..QUESTIONS },
    );
}

#[test]
#[ignore = "large: with --release"]
fn slow_readers_miss_nothing() {
    holds("three messages, slow readers", World { posts: TALKS.posts, ..SLOW_READERS });
}

#[test]
#[ignore = "large: with --release"]
fn refused_messages_leave_no_trace_whatever_fails() {
    holds("six messages, five of them refused, one fault", World { faults: 1, ..REFUSALS });
}

#[test]
#[ignore = "large: with --release"]
fn an_unpersistent_message_is_not_stored_whatever_fails() {
    holds(
        "two messages, one unpersistent, two faults, saves in order",
        World { at_once: false, faults: 2, ..TYPING },
    );
}

#[test]
#[ignore = "large: with --release"]
fn a_store_that_keeps_repeats_holds_two_messages_at_least_once() {
    holds(
        "two messages, one fault, saves in order, no idempotence",
        World { posts: TALK.posts, at_once: false, ..FORGETFUL_STORE },
    );
}

/// Every property holds in every state, and what the model is about occurs in some.
fn holds(name: &str, world: World) {
    let begun = Instant::now();
    let checker = world.checker().spawn_bfs().join();
    let states = checker.unique_state_count();
    let secs = begun.elapsed().as_secs_f32();
    eprintln!("{name}: {states} states, at most {} deep, {secs:.1} s", checker.max_depth());
    if let Some(path) = checker.discovery(JUDGED) {
        let violation = path.last_state().judge.violation(true).unwrap();
        panic!("{violation}, after {:?}", path.into_actions());
    }
    checker.assert_properties();
}
