//! The message decoder, given any body under every command (W3–W5, W9, W10).

use bytes::Bytes;
use kefu_proto::{Body, Command, Flags, Frame, Message, Parsed, Seq, Version};

use crate::input::head;
use crate::reference;

/// The seq in four bytes, the version, the flags, the body.
pub fn messages(mut input: &[u8]) {
    let seq = Seq(i32::from_be_bytes(head(&mut input)));
    let [version, flags] = head(&mut input);
    let body = Bytes::copy_from_slice(input);
    for command in 0..=255 {
        let (command, body) = (Command(command), body.clone());
        check(&Frame { seq, command, version: Version(version), flags: Flags(flags), body });
    }
}

fn check(frame: &Frame) {
    let parsed = frame.clone().parse();
    assert_eq!(
        parsed.as_ref().err(),
        reference::fault(frame.command, frame.version, &frame.body).as_ref()
    );
    match parsed {
        Ok(Parsed::Message(message)) => check_message(frame, &message),
        Ok(Parsed::Unlisted(came)) => {
            assert_eq!((&came, frame.command.name()), (frame, None));
            assert_eq!(came.body.as_ptr(), frame.body.as_ptr());
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check_message(frame: &Frame, message: &Message) {
    assert_eq!(message.body.command(), frame.command);
    let head = (message.seq, message.version, message.flags);
    assert_eq!(head, (frame.seq, frame.version, frame.flags));
    let bytes = reference::body_bytes(&message.body, message.version);
    match &message.body {
        Body::Ack(ack) => assert_eq!(*ack, reference::ack(&frame.body, frame.version)),
        Body::Customer(_) | Body::CustomerSupport(_) | Body::CustomerV2(_) => {
            assert_eq!(frame.body, bytes);
        }
        // W10.2: the last half is ignored.
        Body::Metadata(_) => assert_eq!(frame.body[..16], bytes[..16]),
        Body::AuthStatus(auth) if message.version != Version(0) => {
            assert!(auth.server_ip.is_unspecified() && frame.body.starts_with(&bytes));
        }
        _ => assert!(frame.body.starts_with(&bytes)),
    }
    for slice in slices(&message.body).into_iter().filter(|slice| !slice.is_empty()) {
        let (memory, slice) = (frame.body.as_ptr_range(), slice.as_ptr_range());
        assert!(memory.start < slice.start && slice.end <= memory.end, "copied");
    }
}

/// What of a body is kept as bytes.
fn slices(body: &Body) -> Vec<&[u8]> {
    match body {
        Body::Customer(chat) | Body::CustomerSupport(chat) => vec![&chat.content],
        Body::CustomerV2(chat) => vec![&chat.content],
        Body::AuthToken(auth) => vec![auth.token.as_bytes(), auth.device_id.as_bytes()],
        _ => vec![],
    }
}
