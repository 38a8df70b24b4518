//! A sound host keeps all rules.

use kefu_proto::checker::Checker;
use kefu_proto::script::{Knobs, script};
use proptest::prelude::*;

use crate::host::{Host, terms};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_sound_host_keeps_all_rules(script in script(&Knobs::default())) {
        script.play(&mut Host::default(), &mut Checker::new(terms()))?;
    }

    #[test]
    fn a_sound_host_keeps_all_rules_seen_from_inside_too(script in script(&Knobs::default())) {
        script.play(&mut Host::telling(), &mut Checker::new(terms()))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_sound_host_keeps_all_rules_for_a_crowd(script in script(&Knobs {
        customers: 1..=6, sellers: 1..=4, devices: 1..=4, steps: 1..=80, ..Knobs::default()
    })) {
        script.play(&mut Host::default(), &mut Checker::new(terms()))?;
    }
}
