#![allow(
    clippy::doc_markdown,
    reason = "SYNC_NOTIFY and its like are the protocol's words, not code"
)]

//! From an empty file to a host that is judged.
//!
//! You have an IM server, or are about to write one, and want to know whether it routes every
//! message as the protocol says. This chapter builds a small host in memory and judges it, step by
//! step; then it goes on to servers behind a socket, to several of them, and to a load run. All code
//! here is that of `examples/judged`, and each block is compiled and run as it stands.
//!
//! If your host is there already, read steps 2 and 4 to 7, and write the adapter for it.
//!
//! # 1. The project
//!
//! ```console
//! $ cargo new --lib my-host
//! ```
//!
//! `Cargo.toml`, with the path to this crate. The checker is a feature without dependencies; scripts
//! need proptest, and only tests need scripts:
//!
//! ```toml
//! [dependencies]
//! bytes = "1"
//! kefu-proto = { path = "../kefu-proto", features = ["checker"] }
//!
//! [dev-dependencies]
//! kefu-proto = { path = "../kefu-proto", features = ["proptest"] }
//! proptest = "1.8"
//! ```
//!
//! `src/lib.rs`; make a file for each of these, empty for now:
//!
//! ```text
//! pub mod host;
//! pub mod rule;
//! pub mod store;
//!
//! #[cfg(test)]
//! mod adapter;
//! #[cfg(test)]
//! mod judged;
//! ```
//!
//! # 2. A rule, tested without a network
//!
//! [`Session::handle`](crate::Session::handle) is a function: a message and a session go in, a
//! refusal or a [`Delivery`](crate::Delivery) comes out. So the rules of the protocol, those of your
//! own and the effects of a message are tested without a server. This is `src/rule.rs`:
//!
//! ```rust,test_harness
#![doc = include_str!("../examples/judged/rule.rs")]
//! ```
//!
//! `cargo test` runs three tests. The first is of this host's own rule; the other two show what the
//! crate does, and that a message leads to a push, two notifies and the ACK behind its saves.
//!
//! # 3. A host in memory
//!
//! What a server keeps, in `src/store.rs`: a queue for each account, with ids that grow; the sync
//! key of each account; a number for each device. One save can be made to fail: a host has to
//! survive that.
//!
//! ```rust,test_harness
#![doc = include_str!("../examples/judged/store.rs")]
//! ```
//!
//! And the host, `src/host.rs`. A connection is a [`Login`](crate::Login), then an
//! [`Online`](crate::Online): bytes go in, requests come out. The host finishes the requests in
//! their order. For a chat message it applies the effects, and one function, `give`, hands something
//! to a connection. Each line with `checker.observe` tells what happens inside; step 6 says what
//! they are for, and the host is judged without them, too.
//!
//! ```rust,test_harness
//! # mod rule { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/rule.rs")); }
//! # mod store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/store.rs")); }
#![doc = include_str!("../examples/judged/host.rs")]
//! ```
//!
//! # 4. The adapter and the test
//!
//! A script opens connections, sends bytes and reads bytes. The trait [`Host`](crate::script::Host)
//! is all that it knows of your host. `src/adapter.rs`:
//!
//! ```rust,test_harness
//! # mod rule { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/rule.rs")); }
//! # mod store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/store.rs")); }
//! # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/host.rs")); }
#![doc = include_str!("../examples/judged/adapter.rs")]
//! ```
//!
//! The test, `src/judged.rs`:
//!
//! ```rust,test_harness
//! # mod rule { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/rule.rs")); }
//! # mod store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/store.rs")); }
//! # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/host.rs")); }
//! # mod adapter { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/adapter.rs")); }
//! use kefu_proto::checker::{Checker, Terms};
//! use kefu_proto::script::{Knobs, script};
//! use proptest::prelude::*;
//!
//! use crate::host::{CONFIG, MyHost};
//!
//! proptest! {
//!     #[test]
//!     fn the_host_keeps_the_rules(script in script(&Knobs::default())) {
//!         script.play(&mut MyHost::default(), &mut Checker::new(Terms::new(CONFIG)))?;
//!     }
//! }
//! ```
//!
//! `cargo test` now plays 256 scripts: customers and sellers of both versions log in, write to each
//! other, sync, repeat, are refused, and leave in the middle of a message, while saves fail. With
//! `PROPTEST_CASES=10000` it plays more. [`Knobs`](crate::script::Knobs) say who takes part and how
//! often what happens; their tokens and the kefu app must be those of your host, and its own rules
//! must let everybody through who takes part. Test those rules as in step 2.
//!
//! # 5. What a failure says
//!
//! Plant a fault: in `apply`, the receiver is not notified any more.
//!
//! ```diff
//!          match effect {
//! +            Effect::SendAppMessage { message: Outbound::SyncNotify(_), .. } => {}
//!              Effect::SendAppMessage { to, message } => {
//! ```
//!
//! The test fails in a second or two and says this; long lines are folded here:
//!
//! ```text
//! Test failed: step 4, 1453/1 device 1 says message 2 to 7/1: H7.6: connection 2 is given its ACK
//!     before SYNC_NOTIFY is given to connection 1
//!     (57: connection 2 sends CUSTOMER_SUPPORT 7; 61: connection 2 gets ACK)
//!     connection 1: 7/1 (app, version 1): sync key 0, 0 in flight, >AUTH_TOKEN 1 >SYNC 2
//!         <AUTH_STATUS 1 <SYNC_BEGIN 2 <SYNC_END 3 >SYNC_KEY 4 >CUSTOMER 7 <ACK 7
//!     connection 2: 1453/1 (app, version 1): sync key 1, 1 in flight, >AUTH_TOKEN 1 >SYNC 2
//!         <AUTH_STATUS 1 <SYNC_BEGIN 2 <CUSTOMER 3 <SYNC_END 4 >SYNC_KEY 4 >CUSTOMER_SUPPORT 7.
//! minimal failing input: script = Script
//!     7/1 device 1: app, version 1
//!     1453/1 device 1: app, version 1
//!     1. 7/1 device 1 comes
//!     2. 7/1 device 1 says message 1 to 1453/1
//!     3. 1453/1 device 1 comes
//!     4. 1453/1 device 1 says message 2 to 7/1
//! ```
//!
//! - **The step** at which it was noticed. The last one, after the script, is when all clients come
//!   back, and the checker is asked whether anything is missing.
//! - **The rule**: H7.6 in the [document](crate::spec), the ACK, which comes last of the effects.
//! - **The sentence** has the ids. Connections have numbers in the order in which they are opened;
//!   connection 1 is the customer's, and it is missing the SYNC_NOTIFY.
//! - **The witnesses**, in brackets: the events that show it, with their numbers. The last one is the
//!   event that was checked.
//! - **The clients**, each with its connection, or away, and its last 12 frames: `>` sent, `<` read,
//!   `|` the end of a connection. The customer has indeed read no SYNC_NOTIFY.
//! - **The script**, shrunk: two clients, a message each way. proptest keeps its seed in
//!   `proptest-regressions` and tries it first the next time.
//!
//! A test that cannot fail shows nothing, so leave a fault in the tests. This one needs no change of
//! the host: it does not notice that a client has left. `src/faulty.rs`, for tests like `judged`:
//!
//! ```rust,test_harness
//! # mod rule { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/rule.rs")); }
//! # mod store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/store.rs")); }
//! # mod host { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/host.rs")); }
//! # mod adapter { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/judged/adapter.rs")); }
//! use kefu_proto::UnixTime;
//! use kefu_proto::checker::{Checker, ConnectionId, Terms};
//! use kefu_proto::script::{Host, HostError, Knobs, script};
//! use proptest::test_runner::TestRunner;
//!
//! use crate::host::{CONFIG, MyHost};
//!
//! #[derive(Default)]
//! struct Forgetful(MyHost);
//!
//! impl Host for Forgetful {
//!     fn close(&mut self, _: ConnectionId) {}
//!
//!     fn open(&mut self, connection: ConnectionId) -> Result<(), HostError> {
//!         Host::open(&mut self.0, connection)
//!     }
//!     // … and so on: the other methods call those of `MyHost`.
//! #   fn receive(
//! #       &mut self, connection: ConnectionId, bytes: &[u8], checker: &mut Checker,
//! #   ) -> Result<(), HostError> {
//! #       Host::receive(&mut self.0, connection, bytes, checker)
//! #   }
//! #   fn take_output(&mut self, connection: ConnectionId) -> Result<Vec<u8>, HostError> {
//! #       Host::take_output(&mut self.0, connection)
//! #   }
//! #   fn now(&self) -> UnixTime {
//! #       Host::now(&self.0)
//! #   }
//! #   fn fail_save(&mut self, after: u32) {
//! #       Host::fail_save(&mut self.0, after);
//! #   }
//! }
//!
//! #[test]
//! fn a_host_that_does_not_notice_that_a_client_has_left_is_found() {
//!     let verdict = TestRunner::default().run(&script(&Knobs::default()), |script| {
//!         Ok(script.play(&mut Forgetful::default(), &mut Checker::new(Terms::new(CONFIG)))?)
//!     });
//!     let failure = verdict.unwrap_err().to_string();
//!     assert!(failure.contains("is given something, and is closed"), "{failure}");
//! }
//! ```
//!
//! # 6. The view from inside
//!
//! Bytes alone do not show when a host does what. If it tells, more is judged, and a violation comes
//! sooner. Five [`Event`](crate::checker::Event)s are enough, in the functions that apply a message:
//!
//! | event | where | what it adds |
//! |---|---|---|
//! | `Came` | a request is taken | messages of one connection are handled in their order |
//! | `Stored` | behind the append | every row: queue, id, device, time; syncs are judged row by row |
//! | `SaveFailed` | where it fails | nothing follows; without `saves_may_fail` every other message must have its ACK |
//! | `Pushed` | the push service is told | it is behind both saves, and for the receiver |
//! | `Given` | a connection gets something | it comes to the right connection, under the id of a row, in the order of the effects |
//!
//! Return a violation at once, as the `?` does here. It goes through the functions of the host like
//! any other error, so it must not be taken for a failed save: see `deliver`. If the clock moves
//! while a request is served, say [`Event::Time`](crate::checker::Event::Time) first. What the other
//! events are for: `LoggedIn`, `Syncing`, `DialectKept`, `Confirmed` and `Unlisted` show more of the
//! same.
//!
//! What 256 scripts find of this host, if one decision in it is wrong; faults to plant yourself. To
//! judge it from outside alone, take out the lines with `checker.observe` and say in the terms that
//! saves may fail (step 8).
//!
//! | fault | from outside | with the five events |
//! |---|---|---|
//! | the ACK before the notifies | – | H7.6 |
//! | no notify to the receiver | H7.4, in the end | H7.6, at the ACK |
//! | the sender's own connection is notified | H7.5 | H7.5 |
//! | everybody is notified | H7.4 or H7.5 | H7.4 |
//! | a connection that has left is given messages | H7.4 | H7.4 |
//! | the sender's copy is not stored | S2.3, in the end | H7.2, at the push |
//! | a failed save answers with an id | S2.3, in the end | H7.1, at the push |
//! | a wrong `previous` of the store | H14.9 | H14.8 |
//! | a sync skips rows | S2.3 | S2.3 |
//! | the sync key falls | S3.1, in 3,000 scripts | S3.1, in 3,000 scripts |
//! | all devices have one number | S2.3 | S2.4 |
//!
//! "–" is not found: what happens within a moment, no client can see.
//!
//! # 7. Behind a socket, and on several servers
//!
//! A server in a process or in threads of its own is judged from outside, in whatever language it is
//! written. [`Host`](crate::script::Host) has the adapter for it, in 45 lines; `take_output` waits
//! for bytes, and `wait` gives it time. What is different:
//!
//! - A script begins with a host that has just begun. Start the server anew for each, or say
//!   `terms.begins_empty = false` and give each script accounts of its own, by `Knobs::token`.
//! - No save can be made to fail from there, so nothing else is expected of it. A script that fails
//!   waits, and so does each that is tried when it is shrunk: bound that.
//!
//! ```
//! use kefu_proto::script::Knobs;
//! use proptest::prelude::*;
//!
//! let knobs = Knobs { save_failures: 0.0, ..Knobs::default() };
//! let config = ProptestConfig { cases: 100, max_shrink_iters: 100, ..ProptestConfig::default() };
//! # assert_eq!((knobs.save_failures, config.cases), (0.0, 100));
//! ```
//!
//! Several servers of one service are one host: its `open` connects to one of them, and `server`
//! tells which. Between servers, notifies may overtake each other, and the checker allows that.
//!
//! ```
//! use kefu_proto::checker::{ConnectionId, ServerId};
//!
//! /// Connections go to both servers in turn.
//! fn server(ConnectionId(number): ConnectionId) -> ServerId {
//!     ServerId(if number % 2 == 0 { 0 } else { 1 })
//! }
//! # assert_eq!(server(ConnectionId(1)), ServerId(1));
//! ```
//!
//! Without scripts, any test client or proxy can feed a [`Checker`](crate::checker::Checker) by
//! itself: `Sent` before the server can have the bytes, `Received` behind the read. A host with
//! threads that wants to tell of its inside puts the checker behind a mutex, and tells while it holds
//! the lock under which it acts.
//!
//! # 8. What your host promises
//!
//! [`Terms`](crate::checker::Terms) are what the rules leave open. Say what is true of your host: the
//! default is the strictest.
//!
//! | your host | set |
//! |---|---|
//! | has saves that fail, and does not tell `SaveFailed` | `saves_may_fail = true`; otherwise "H7.6: a message gets no ACK" |
//! | refuses or drops messages by rules of its own, of those who take part | `has_own_rules = true` |
//! | stores a repeat once | `repeats = Repeats::UUID`, or a mark of your own; the event `Stored` then shows a second copy |
//! | keeps what [`Request::KeepDialect`](crate::Request::KeepDialect) tells, and tells `DialectKept` | `remembers_dialects = true`; then it must keep them and use them |
//! | chooses dialects by what it knows of its clients | `chooses_dialects = true` |
//! | has earlier data | `begins_empty = false` |
//! | has other clients, whose bytes the checker does not see | `sees_everybody = false` |
//! | has bounds for answers to a SYNC of its own | `sync_bounds` |
//! | puts a shop into what version 1 gets of version 2 | `store_id`, the function that chooses it |
//! | has a clock that is not that of the test | `clock_error`, in seconds |
//! | runs for long | `memory`: so many messages are remembered |
//!
//! ```
//! use kefu_proto::checker::{Repeats, Terms};
//! use kefu_proto::{AppId, Config};
//!
//! let mut terms = Terms::new(Config::new(AppId(1453))?);
//! terms.repeats = Repeats::UUID;
//! terms.saves_may_fail = true;
//! terms.remembers_dialects = true;
//! # assert!(!terms.has_own_rules);
//! # Ok::<(), kefu_proto::ZeroId>(())
//! ```
//!
//! # 9. A load run
//!
//! Scripts look for orders of events, one after the other. What only happens when many clients write
//! at once, `kefu-load` finds: it loads a server as real clients do, and their frames go through the
//! same checker while it runs. A broken rule fails the run, with its number and the first example; so
//! does a message that was acknowledged and is not in both queues. It takes a server that accepts
//! its tokens, which `--write-tokens` lists.
//!
//! ```console
//! $ cargo run --release -p kefu-load -- --addr 127.0.0.1:23000 --dialect mixed --check all
//! $ cargo run --release -p kefu-load -- --churn 10 --repeat 10 --slow 5 --hostile 5
//! $ cargo run --release -p kefu-load -- --tls --ca ca.pem --ws --addr chat.example.com:8080
//! ```
//!
//! The second one makes trouble: connections come and go, messages are repeated, readers stop, and
//! frames come that must be refused. If your store keeps repeats, say `--allow-repeats`. From inside
//! nothing is told here, so an ACK before its notify passes, as in step 6; and only the property test
//! knows about saves that fail.
