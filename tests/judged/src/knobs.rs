//! Scripts have what the knobs say, and shrink.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use kefu_proto::script::{Knobs, Script, script};
use kefu_proto::{AppId, Config};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config as Settings, TestError, TestRunner};

/// So many scripts are looked at.
const SCRIPTS: usize = 500;

#[test]
fn all_kinds_of_steps_occur() {
    let steps = steps(&Knobs::default());
    let kinds = [
        " comes",
        " tries a token of nobody, and says message ",
        " logs in once more",
        " says message ",
        " says what H2.1 refuses: ",
        " says what H2.2 refuses: ",
        " says what H2.3 refuses: ",
        " says what H3.1 refuses: ",
        " says what H3.2 refuses: ",
        " says what H13.1 refuses: ",
        " says what H13.2 refuses: ",
        " repeats what is in flight, or message ",
        " syncs",
        " syncs from 0",
        " tells the server to keep an older key",
        " leaves",
        " and leaves at once",
        " the next save fails",
        " a save fails after 1 more",
        " a save fails after 3 more",
        " with flags 0x01",
        " with flags 0x02",
        " with flags 0x38",
        " with flags 0x42",
    ];
    for kind in kinds {
        assert!(steps.iter().any(|step| step.contains(kind)), "no step {kind:?}");
    }
}

#[test]
fn all_kinds_of_clients_occur_in_two_apps_and_the_kefu_app() {
    let clients = lines(&Knobs::default(), |line| !is_step(line));
    let kinds = [
        ": app, version 1",
        ": app, version 2",
        ": web before 2019, version 1",
        ": web, version 1",
        ": web, version 2",
        "7/1 device 1",
        "7/2 device 2",
        "8/1 device 1",
        "1453/1 device 1",
        "1453/2 device 2",
    ];
    for kind in kinds {
        assert!(clients.iter().any(|client| client.contains(kind)), "no client {kind:?}");
    }
    assert!(!clients.iter().any(|client| client.contains("1453/3")), "more than two sellers");
}

#[test]
fn shares_are_what_the_knobs_say() {
    let knobs = Knobs { v2: 0.2, web: 0.6, ..Knobs::default() };
    let clients = lines(&knobs, |line| !is_step(line));
    assert_share(&clients, "version 2", 0.2);
    assert_share(&clients, ": web", 0.6);

    // Nobody has to come first, and nobody has nothing to repeat: steps are as they are rolled.
    let knobs = Knobs { save_failures: 0.4, ..only_messages() };
    assert_share(&steps_of(&knobs), "save", 0.4);
    let knobs = Knobs { syncs: 0.3, ..only_messages() };
    assert_share(&steps_of(&knobs), " syncs", 0.2);
    assert_share(&steps_of(&knobs), " older key", 0.1);
    let knobs = Knobs { refused: 0.25, ..only_messages() };
    assert_share(&steps_of(&knobs), " refuses: ", 0.25);
    let knobs = Knobs { unpersistent: 0.7, ..only_messages() };
    let messages: Vec<String> = steps_of(&knobs)
        .iter()
        .flat_map(|step| step.split(", ").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let unpersistent = messages.iter().filter(|message| {
        ["0x02", "0x03", "0x42", "0x3a"].iter().any(|flags| message.contains(flags))
    });
    assert_near(unpersistent.count(), messages.len(), 0.7);
    let knobs = Knobs { leaves: 0.5, in_flight: 0.3, ..Knobs::default() };
    let leaving: Vec<String> =
        steps(&knobs).into_iter().filter(|step| step.contains(" leaves")).collect();
    assert_share(&leaving, "at once", 0.3);
}

/// What is out of range counts as the nearer end.
#[test]
fn a_share_of_0_is_never_and_of_1_always() {
    for (share, always) in [(-1.0, false), (0.0, false), (1.0, true), (7.0, true)] {
        let knobs = Knobs { refused: share, ..only_messages() };
        let steps = steps_of(&knobs);
        assert!(steps.iter().all(|step| step.contains(" refuses: ") == always), "{share}");
        let knobs = Knobs { leaves: share, ..only_messages() };
        let steps = steps_of(&knobs);
        assert!(steps.iter().all(|step| step.contains(" says ") || always), "{share}");
        assert_eq!(steps.iter().any(|step| step.contains(" leaves")), always, "{share}");
        let knobs = Knobs { repeats: share, ..only_messages() };
        assert_eq!(steps_of(&knobs).iter().any(|step| step.contains(" repeats ")), always);
    }
}

#[test]
fn ranges_are_kept_and_begin_at_one() {
    let knobs = Knobs {
        customers: 0..=0,
        sellers: RangeInclusive::new(2, 1),
        devices: 3..=3,
        steps: 4..=4,
        burst: 2..=2,
        config: Config::new(AppId(9)).unwrap(),
        ..only_messages()
    };
    for script in scripts(&knobs) {
        let tokens: Vec<String> = script.tokens().map(|(token, _)| token).collect();
        assert_eq!(tokens, ["tok-7-1", "tok-9-1", "tok-9-2"]);
        let text = format!("{script:?}");
        let (steps, clients): (Vec<&str>, Vec<&str>) =
            text.lines().skip(1).partition(|line| is_step(line));
        assert_eq!(clients.len(), 9, "{text}");
        let says: Vec<&&str> = steps.iter().filter(|step| step.contains(" says ")).collect();
        assert_eq!(says.len(), 4, "{text}");
        assert!(says.iter().all(|step| step.matches("message ").count() == 2), "{text}");
    }
}

#[test]
fn tokens_and_contents_are_what_the_knobs_say() {
    let knobs = Knobs { token: |account| format!("{account}!"), ..Knobs::default() };
    for script in scripts(&knobs).into_iter().take(20) {
        assert!(script.tokens().all(|(token, account)| token == format!("{account}!")));
    }
    let content = (Knobs::default().content)(17);
    assert_eq!(content, br#"{"text":"17","uuid":"17"}"#);
}

/// What fails shrinks to the fewest clients and the one step that matters.
#[test]
fn scripts_shrink_to_few_clients_and_steps() {
    let settings = Settings {
        failure_persistence: None,
        max_shrink_iters: crate::SHRINK,
        ..Settings::default()
    };
    let mut runner = TestRunner::new_with_rng(settings, TestRunner::deterministic().rng().clone());
    let found = runner.run(&script(&Knobs::default()), |script| {
        let fails = format!("{script:?}").contains("at once");
        if fails { Err(proptest::test_runner::TestCaseError::fail("at once")) } else { Ok(()) }
    });
    let Err(TestError::Fail(_, script)) = found else { panic!("{found:?}") };
    let text = format!("{script:?}");
    assert_eq!(text.lines().filter(|line| !is_step(line)).count(), 3, "two clients: {text}");
    assert_eq!(text.matches("app, version 1").count(), 2, "{text}");
    assert!(text.lines().filter(|line| is_step(line)).count() <= 4, "{text}");
    assert!(text.matches("message ").count() <= 2, "{text}");
}

/// Messages alone, one a step.
fn only_messages() -> Knobs {
    Knobs {
        leaves: 0.0,
        syncs: 0.0,
        repeats: 0.0,
        logins: 0.0,
        save_failures: 0.0,
        refused: 0.0,
        ..Knobs::default()
    }
}

fn scripts(knobs: &Knobs) -> Vec<Script> {
    let mut runner = TestRunner::deterministic();
    let strategy = script(knobs);
    (0..SCRIPTS).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn lines(knobs: &Knobs, filter: fn(&str) -> bool) -> Vec<String> {
    let texts = scripts(knobs).into_iter().map(|script| format!("{script:?}"));
    let lines = texts.flat_map(|text| text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>());
    lines.filter(|line| filter(line)).collect()
}

fn steps(knobs: &Knobs) -> Vec<String> {
    lines(knobs, is_step)
}

/// Without the steps that another needs.
fn steps_of(knobs: &Knobs) -> Vec<String> {
    let mut steps = steps(knobs);
    steps.retain(|step| !step.ends_with(" comes"));
    steps
}

fn is_step(line: &str) -> bool {
    line.split_once(". ").is_some_and(|(number, _)| number.trim().parse::<usize>().is_ok())
}

fn assert_share(lines: &[String], with: &str, share: f64) {
    assert_near(lines.iter().filter(|line| line.contains(with)).count(), lines.len(), share);
}

/// Five standard deviations.
fn assert_near(found: usize, of: usize, share: f64) {
    let number = |number: usize| f64::from(u32::try_from(number).unwrap());
    let bound = 5.0 * (share * (1.0 - share) / number(of)).sqrt();
    let actual = number(found) / number(of);
    assert!((actual - share).abs() <= bound, "{found} of {of} is {actual}: {share} ± {bound}");
}

#[test]
fn a_script_is_short_to_read() {
    let mut kinds: BTreeMap<usize, usize> = BTreeMap::new();
    for line in lines(&Knobs { burst: 1..=1, ..Knobs::default() }, is_step) {
        *kinds.entry(line.len() / 100).or_default() += 1;
    }
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), [0], "lines of more than 100 bytes");
}
