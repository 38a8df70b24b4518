//! What a script says when it fails, and that it ends whatever a host does.

use kefu_proto::UnixTime;
use kefu_proto::checker::{Checker, ConnectionId, ServerId, Terms, Violation};
use kefu_proto::script::{Failure, Host, HostError, Knobs, Script, script};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::host::{self, Fault, terms};

/// A host that can do no more from some call on, and one that waits.
#[derive(Default)]
struct Tired {
    host: host::Host,
    calls: usize,
    fails_at: Option<usize>,
    waits: usize,
    patience: usize,
}

impl Tired {
    fn with(fault: Fault, patience: usize) -> Self {
        Self { host: host::Host::with(fault), patience, ..Self::default() }
    }

    fn call(&mut self) -> Result<(), HostError> {
        self.calls += 1;
        if self.fails_at == Some(self.calls) { Err("out of order".into()) } else { Ok(()) }
    }
}

impl Host for Tired {
    fn open(&mut self, connection: ConnectionId) -> Result<(), HostError> {
        self.call()?;
        self.host.open(connection)
    }

    fn receive(
        &mut self,
        connection: ConnectionId,
        bytes: &[u8],
        checker: &mut Checker,
    ) -> Result<(), HostError> {
        self.call()?;
        self.host.receive(connection, bytes, checker)
    }

    fn take_output(&mut self, connection: ConnectionId) -> Result<Vec<u8>, HostError> {
        self.call()?;
        self.host.take_output(connection)
    }

    fn close(&mut self, connection: ConnectionId) {
        self.host.close(connection);
    }

    fn now(&self) -> UnixTime {
        self.host.now()
    }

    fn server(&self, ConnectionId(number): ConnectionId) -> ServerId {
        ServerId(u32::try_from(number % 2).unwrap())
    }

    fn wait(&mut self) -> bool {
        self.waits += 1;
        self.waits <= self.patience
    }
}

/// Whichever call fails, the script says so, and what has been done.
#[test]
fn a_host_that_cannot_go_on_fails_the_script() {
    for script in scripts(&Knobs { steps: 1..=12, ..Knobs::default() }, 3) {
        let mut sound = Tired::default();
        play(&script, &mut sound, terms()).unwrap();
        for call in 1..=sound.calls {
            let mut host = Tired { fails_at: Some(call), ..Tired::default() };
            let failure = play(&script, &mut host, terms()).unwrap_err();
            assert_eq!(host.calls, call);
            assert_eq!(failure.rule(), None);
            assert!(failure.violation().is_none());
            let text = failure.to_string();
            assert!(text.starts_with(&format!("step {}, ", failure.step())), "{text}");
            assert!(text.contains(": the host: out of order\n    "), "{text}");
        }
    }
}

#[test]
fn a_failure_names_the_step_the_rule_and_what_clients_have_been_doing() {
    let knobs = Knobs { refused: 1.0, steps: 1..=1, ..only_messages() };
    let script = scripts(&knobs, 1).remove(0);
    let failure = play(&script, &mut host::Host::with(Fault::AckRefused), terms()).unwrap_err();
    assert_eq!((failure.step(), failure.rule()), (2, Some("H11.1")));
    assert_eq!(failure.violation().unwrap().rule(), "H11.1");
    let text = failure.to_string();
    assert!(text.contains(" says what H"), "{text}");
    assert!(text.contains("refuses: message 1 to "), "{text}");
    assert!(text.contains(": H11.1: ACK 7 on connection 1 "), "{text}");
    assert!(text.contains(": 7/1 (app, version 1): sync key 0, 0 in flight,"), "{text}");
    assert!(text.contains("\n    connection 1: "), "{text}");
    assert!(text.contains(">AUTH_TOKEN 1 >SYNC 2 <AUTH_STATUS 1 "), "{text}");
    assert!(!format!("{text}{failure:?}").contains("uuid"), "{failure:?}");
}

/// What the host tells by itself is judged, too.
#[test]
fn a_violation_that_the_host_is_answered_is_the_scripts() {
    let mut host = host::Host::with(Fault::DevicesAreOne);
    host.tells = true;
    let script = scripts(&Knobs { devices: 2..=2, web: 0.0, ..only_messages() }, 1).remove(0);
    let failure = play(&script, &mut host, terms()).unwrap_err();
    assert_eq!(failure.violation().map(Violation::rule), Some("S1.2"));
}

/// S4.1.
#[test]
fn a_host_that_does_not_answer_is_not_waited_for() {
    let script = scripts(&only_messages(), 1).remove(0);
    let failure = play(&script, &mut host::Host::with(Fault::NoPong), terms()).unwrap_err();
    assert_eq!((failure.step(), failure.rule()), (1, Some("S4.1")));
    assert!(failure.violation().is_none());
    assert!(failure.to_string().contains(" waits for a PONG, and it does not come"), "{failure}");
}

/// H6.2, H7.6, H14.8: the checker cannot know whether a host has rules of its own.
#[test]
fn a_message_that_never_has_an_ack_fails_the_script() {
    let mut terms = terms();
    terms.has_own_rules = true;
    let expected = [(0.0, 0.0, "H7.6"), (0.0, 1.0, "H6.2"), (1.0, 0.0, "H14.8")];
    for (v2, unpersistent, rule) in expected {
        let script = scripts(&Knobs { v2, unpersistent, ..only_messages() }, 1).remove(0);
        let failure = play(&script, &mut host::Host::with(Fault::Deaf), terms).unwrap_err();
        assert_eq!(failure.rule(), Some(rule), "{failure}");
        assert!(failure.to_string().contains(" waits for an ACK, and it does not come"));
    }
    // It cannot go on when the message is said for the last time.
    let script = scripts(&only_messages(), 1).remove(0);
    let mut host = Tired::with(Fault::Deaf, 0);
    play(&script, &mut host, terms).unwrap_err();
    let mut host = Tired { fails_at: Some(host.calls), ..Tired::with(Fault::Deaf, 0) };
    assert_eq!(play(&script, &mut host, terms).unwrap_err().rule(), None);
}

/// S12.3.
#[test]
fn a_client_does_not_sync_for_ever() {
    let mut terms = terms();
    terms.sync_bounds = None;
    terms.begins_empty = false;
    let script = scripts(&Knobs { web: 0.0, v2: 0.0, ..only_messages() }, 1).remove(0);
    let failure = play(&script, &mut host::Host::with(Fault::EndlessSync), terms).unwrap_err();
    assert_eq!((failure.step(), failure.rule()), (1, Some("S12.3")), "{failure}");
}

#[test]
fn what_comes_late_is_waited_for() {
    let script = scripts(&Knobs { customers: 1..=1, sellers: 1..=1, ..two_talk() }, 1).remove(0);
    play(&script, &mut host::Host::with(Fault::LateNotify), terms()).unwrap();
    for (patience, waits) in [(0, 1), (3, 4), (1_000, 25)] {
        let mut host = Tired::with(Fault::NoNotify, patience);
        let failure = play(&script, &mut host, terms()).unwrap_err();
        assert!(matches!(failure.rule(), Some("H7.4" | "H14.5")), "{failure}");
        assert_eq!(host.waits, waits, "{failure}");
    }
    // It cannot go on while it is waited for.
    let mut host = Tired::with(Fault::NoNotify, 1);
    play(&script, &mut host, terms()).unwrap_err();
    let mut host = Tired { fails_at: Some(host.calls), ..Tired::with(Fault::NoNotify, 1) };
    assert_eq!(play(&script, &mut host, terms()).unwrap_err().rule(), None);
}

/// A host for which no save fails, and which is in one place: what a trait says by default.
#[test]
fn a_host_need_not_say_more_than_it_knows() {
    struct Plain(host::Host);

    impl Host for Plain {
        fn open(&mut self, connection: ConnectionId) -> Result<(), HostError> {
            self.0.open(connection)
        }

        fn receive(
            &mut self,
            connection: ConnectionId,
            bytes: &[u8],
            checker: &mut Checker,
        ) -> Result<(), HostError> {
            self.0.receive(connection, bytes, checker)
        }

        fn take_output(&mut self, connection: ConnectionId) -> Result<Vec<u8>, HostError> {
            self.0.take_output(connection)
        }

        fn close(&mut self, connection: ConnectionId) {
            self.0.close(connection);
        }

        fn now(&self) -> UnixTime {
            self.0.now()
        }
    }

    let mut terms = terms();
    terms.saves_may_fail = false;
    for script in scripts(&Knobs { save_failures: 0.5, ..Knobs::default() }, 50) {
        play(&script, &mut Plain(host::Host::default()), terms).unwrap();
    }
    let script = scripts(&two_talk(), 1).remove(0);
    let host = host::Host::with(Fault::NoNotify);
    assert!(play(&script, &mut Plain(host), terms).is_err());
}

fn play(script: &Script, host: &mut dyn Host, terms: Terms) -> Result<(), Failure> {
    script.play(host, &mut Checker::new(terms))
}

fn scripts(knobs: &Knobs, count: usize) -> Vec<Script> {
    let mut runner = TestRunner::deterministic();
    let strategy = script(knobs);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Clients of version 1 that say something and are not refused.
fn only_messages() -> Knobs {
    Knobs {
        v2: 0.0,
        web: 0.0,
        leaves: 0.0,
        syncs: 0.0,
        repeats: 0.0,
        logins: 0.0,
        save_failures: 0.0,
        refused: 0.0,
        ..Knobs::default()
    }
}

/// So many messages that each side has notified the other.
fn two_talk() -> Knobs {
    Knobs { unpersistent: 0.0, steps: 20..=20, ..only_messages() }
}
