//! A connection in any dialect, through any script: it writes what the document says, and nothing in
//! a form that its client does not know (D1–D4, S12, W3.7).

use bytes::BytesMut;
use kefu_proto::strategy;
use kefu_proto::{
    Command, Dialect, Encode, EncodeError, FrameDecoder, FrameLimit, Login, LoginStep, Platform,
    Request, Seq, UnixTime, Version,
};
use proptest::prelude::*;

use crate::codec::bytes;
use crate::reference::{self, CUSTOMER, CUSTOMER_SUPPORT, CUSTOMER_V2, METADATA};
use crate::script::{Step, dialect, login, script, value};

proptest! {
    #[test]
    fn d3_a_connection_writes_what_the_document_says(script in script()) {
        let (mut online, mut reference) = (script.connect(), script.reference());
        for step in &script.steps {
            let before = reference.out.len();
            let out = step.take(&mut online, &mut reference)?;
            prop_assert_eq!(&out, &reference.out[before..]);
            prop_assert_eq!(online.dialect(), reference.dialect);
        }
    }

    /// The same in a few words, for whoever does not believe the reference.
    #[test]
    fn d3_nothing_is_sent_to_a_dialect_in_a_form_that_it_does_not_know(script in script()) {
        let mut online = script.connect();
        let mut unused = script.reference();
        let mut last = 1;
        for step in &script.steps {
            // A request may change the dialect, for what comes behind it.
            let out = step.take(&mut online, &mut unused)?;
            let dialect = online.dialect();
            let frames = reference::frames(&out);
            for (index, frame) in frames.iter().enumerate() {
                match (dialect, frame.command) {
                    (Dialect::V1, CUSTOMER_V2 | METADATA)
                    | (Dialect::V2, CUSTOMER | CUSTOMER_SUPPORT) => {
                        prop_assert!(false, "{dialect:?} does not know {frame:?}");
                    }
                    (_, METADATA) => {
                        let behind = frames.get(index + 1).map(|frame| frame.command);
                        prop_assert!([Some(CUSTOMER_V2), Some(reference::ACK)].contains(&behind));
                    }
                    (_, reference::ACK) if script.version < Version::V2 => {
                        prop_assert_eq!(frame.body.get(4).copied().unwrap_or(0), 0);
                    }
                    _ => {}
                }
            }
            let mut read = BytesMut::from(&out[..]);
            while let Ok(Some(frame)) =
                FrameDecoder::new(FrameLimit::CLIENT).decode(&mut read)
            {
                last += 1;
                prop_assert_eq!((frame.seq, frame.version), (Seq(last), script.version));
            }
        }
    }

    /// S8.1, W7.5, W10.3: what does not fit is not written, and no number is lost.
    #[test]
    fn w7_what_does_not_fit_uses_no_number(script in script(), value in value(), room: u16) {
        let (mut online, mut reference) = (script.connect(), script.reference());
        value.expect(&mut reference);
        let whole = reference.out.len();
        if whole == 0 {
            return Ok(());
        }
        let mut memory = vec![7; usize::from(room) % whole];
        let mut out = &mut memory[..];
        let refused = value.write(&mut online, &mut out);
        prop_assert!(matches!(refused, Err(EncodeError::BufferTooSmall { .. })), "{refused:?}");
        prop_assert!(memory.iter().all(|&byte| byte == 7));
        let mut out = Vec::new();
        value.write(&mut online, &mut out)?;
        prop_assert_eq!(out, reference.out);
    }

    /// D1.6, D1.8: behind the message that has shown it, and only when it is news.
    #[test]
    fn d1_the_host_is_told_of_a_new_dialect(script in script()) {
        let mut online = script.connect();
        let mut dialect = script.dialect;
        for step in &script.steps {
            let Step::Say(message) = step else { continue };
            let mut read = BytesMut::from(&bytes(message)[..]);
            let shown = match message.command() {
                Command::CUSTOMER_V2 => Dialect::V2,
                _ => Dialect::V1,
            };
            let accepted =
                matches!(online.receive(&mut read, UnixTime::from(1))?, Some(Request::Deliver(_)));
            let told = match online.receive(&mut read, UnixTime::from(1))? {
                Some(Request::KeepDialect(told)) => Some(told),
                None => None,
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert_eq!(told, (accepted && shown != dialect).then_some(shown));
            dialect = told.unwrap_or(dialect);
            prop_assert_eq!(online.dialect(), dialect);
        }
    }

    /// D1.1–D1.5.
    #[test]
    fn d1_a_login_tells_the_dialect_where_it_can(
        version in strategy::version(),
        platform in prop_oneof![1..=3_i8, any::<i8>()],
        spare in 0..4_u8,
        set in prop::option::of(dialect()),
        (config, identity) in strategy::login(),
    ) {
        let mut read = login(version, Platform(platform));
        read[11] = spare;
        let LoginStep::Authenticate(mut authentication) =
            Login::new(config, FrameLimit::CLIENT).receive(&mut read, &mut Vec::new())?
        else {
            return Err(TestCaseError::fail("a login"));
        };
        let mobile = [1, 2].contains(&platform);
        let told = if version.0 >= 2 {
            Some(Dialect::V2)
        } else {
            (mobile || spare == 2).then_some(Dialect::V1)
        };
        prop_assert_eq!(authentication.dialect(), told);
        if let Some(set) = set {
            authentication.set_dialect(set);
            prop_assert_eq!(authentication.dialect(), Some(set));
        }
        let online = authentication.accept(identity, &mut Vec::new())?;
        prop_assert_eq!(online.dialect(), set.or(told).unwrap_or(Dialect::AsSent));
    }
}
