//! What some faults need.

use bytes::{BufMut, BytesMut};
use kefu_proto::{
    Body, ChatMessage, Closed, Command, Encode, EncodeError, FrameDecoder, FrameLimit, Message,
    Online, Outbound, OwnedOutbound, Parsed, Request, UnixTime,
};

/// Writes a message; a SYNC_NOTIFY comes between the two frames of a live copy.
pub(super) fn separate(
    online: &mut Online,
    message: &OwnedOutbound,
    out: &mut BytesMut,
) -> Result<(), EncodeError> {
    let mut written = BytesMut::new();
    online.write(message, &mut written)?;
    if let (false, Outbound::LiveCopy(copy)) = (written.is_empty(), message.get()) {
        online.write(&Outbound::SyncNotify(copy.metadata().sync_key), &mut written)?;
        let decoder = FrameDecoder::new(FrameLimit::MAX);
        let next = || decoder.cut(&mut written).ok().flatten();
        let mut frames: Vec<_> = std::iter::from_fn(next).map(BytesMut::from).collect();
        if let [_, copy, notify] = &mut frames[..] {
            // Their numbers stay where they are.
            copy[4..8].swap_with_slice(&mut notify[4..8]);
            std::mem::swap(copy, notify);
        }
        written = frames.concat()[..].into();
    }
    out.put(written);
    Ok(())
}

/// The message of a live copy.
pub(super) fn without_metadata(message: &OwnedOutbound) -> Option<Message> {
    let mut bytes = BytesMut::new();
    message.encode_within(FrameLimit::MAX, &mut bytes).ok()?;
    let Body::Metadata(_) = first(&mut bytes)?.body else { return None };
    first(&mut bytes).filter(|message| message.body.command() == Command::CUSTOMER_V2)
}

/// What the client says about the time, if a chat message comes next.
pub(super) fn sent_at(read: &BytesMut) -> Option<UnixTime> {
    let message = first(&mut read.clone())?;
    Some(ChatMessage::try_from(message).ok()?.timestamp())
}

/// The next request. With `swaps`, of two deliveries that have been read the second comes first.
pub(super) fn receive(
    online: &mut Online,
    held: &mut Option<Request>,
    swaps: bool,
    read: &mut BytesMut,
    now: UnixTime,
) -> Result<Option<Request>, Closed> {
    if let Some(held) = held.take() {
        return Ok(Some(held));
    }
    let first = online.receive(read, now)?;
    if !swaps || !matches!(first, Some(Request::Deliver(_))) {
        return Ok(first);
    }
    // If the connection is over, that is said again when the first is finished.
    let second = online.receive(read, now).ok().flatten();
    if let Some(Request::Deliver(_)) = second {
        *held = first;
        return Ok(second);
    }
    *held = second;
    Ok(first)
}

fn first(read: &mut BytesMut) -> Option<Message> {
    match FrameDecoder::new(FrameLimit::MAX).decode(read).ok()??.parse().ok()? {
        Parsed::Message(message) => Some(message),
        Parsed::Unlisted(_) => None,
    }
}
