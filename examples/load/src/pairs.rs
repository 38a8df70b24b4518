//! Puts a METADATA and the message behind it together (W10.3).

use kefu_proto::{Body, Flags, Message, Metadata, Seq};

/// What one connection has received of pairs, and how many were incomplete: a METADATA without its
/// message right behind it, or a live copy without its METADATA.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    waiting: Option<(Seq, Metadata)>,
    incomplete: u64,
}

impl Pairs {
    /// Takes the next message of the connection; returns it with its METADATA. `None` for a
    /// METADATA itself, and for a live copy without one.
    pub(crate) fn join(&mut self, message: Message) -> Option<(Message, Option<Metadata>)> {
        let waiting = self.waiting.take();
        if let Body::Metadata(metadata) = message.body {
            self.incomplete += u64::from(waiting.is_some());
            self.waiting = Some((message.seq, metadata));
            return None;
        }
        let needs_it = is_live_copy(&message);
        let may_have_it = needs_it || matches!(message.body, Body::Ack(_));
        let metadata = waiting
            .filter(|(seq, _)| may_have_it && seq.0.wrapping_add(1) == message.seq.0)
            .map(|(_, metadata)| metadata);
        let is_alone = metadata.is_none() && (needs_it || waiting.is_some());
        self.incomplete += u64::from(is_alone);
        (metadata.is_some() || !needs_it).then_some((message, metadata))
    }

    /// A new connection begins.
    pub(crate) fn restart(&mut self) {
        self.waiting = None;
    }

    pub(crate) const fn incomplete(&self) -> u64 {
        self.incomplete
    }
}

fn is_live_copy(message: &Message) -> bool {
    matches!(message.body, Body::CustomerV2(_)) && message.flags.contains(Flags::PUSH)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kefu_proto::{Account, AppId, CustomerMessageV2, MsgId, UnixTime, UserId, Version};

    use super::*;

    fn frame(seq: i32, flags: Flags, body: Body) -> Message {
        Message { seq: Seq(seq), version: Version::V2, flags, body }
    }

    fn metadata(seq: i32) -> Message {
        let metadata = Metadata { sync_key: MsgId(9), prev_sync_key: MsgId(7) };
        frame(seq, Flags::NONE, Body::Metadata(metadata))
    }

    fn chat(seq: i32, flags: Flags) -> Message {
        let somebody = Account::new(AppId(7), UserId(1));
        let timestamp = UnixTime::from(0);
        let content = Bytes::new();
        let chat = CustomerMessageV2 { sender: somebody, receiver: somebody, timestamp, content };
        frame(seq, flags, Body::CustomerV2(chat))
    }

    fn ack(seq: i32) -> Message {
        frame(seq, Flags::NONE, Body::Ack(Seq(1).into()))
    }

    /// For each message that comes out whether it has its METADATA, and how many are incomplete.
    fn joined(messages: impl IntoIterator<Item = Message>) -> (Vec<bool>, u64) {
        let mut pairs = Pairs::default();
        let joined = messages.into_iter().filter_map(|message| pairs.join(message));
        let joined = joined.map(|(_, metadata)| metadata.is_some()).collect();
        (joined, pairs.incomplete())
    }

    #[test]
    fn a_live_copy_and_an_ack_have_the_metadata_before_them() {
        let copy = chat(2, Flags::PUSH);
        assert_eq!(joined([metadata(1), copy, metadata(3), ack(4)]), (vec![true, true], 0));
        assert_eq!(joined([metadata(i32::MAX), ack(i32::MIN)]), (vec![true], 0));
        assert_eq!(joined([ack(1), chat(2, Flags::NONE)]), (vec![false, false], 0));
    }

    #[test]
    fn an_incomplete_pair_is_counted_and_a_live_copy_without_metadata_dropped() {
        assert_eq!(joined([chat(1, Flags::PUSH)]), (vec![], 1));
        assert_eq!(joined([metadata(1), chat(3, Flags::PUSH)]), (vec![], 1));
        assert_eq!(joined([metadata(1), ack(1)]), (vec![false], 1));
        assert_eq!(joined([metadata(1), metadata(2), ack(3)]), (vec![true], 1));
        assert_eq!(joined([metadata(1), chat(2, Flags::NONE)]), (vec![false], 1));
        let pong = frame(2, Flags::NONE, Body::Pong);
        assert_eq!(joined([metadata(1), pong, chat(3, Flags::PUSH)]), (vec![false], 2));
    }

    #[test]
    fn a_new_connection_does_not_complete_a_pair_of_the_last() {
        let mut pairs = Pairs::default();
        assert!(pairs.join(metadata(1)).is_none());
        pairs.restart();
        assert_eq!(pairs.join(ack(2)).map(|(_, metadata)| metadata), Some(None));
        assert_eq!(pairs.incomplete(), 0);
    }
}
