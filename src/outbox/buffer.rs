//! Messages in a row, and the memory that they take.

use alloc::collections::VecDeque;

use crate::outbound::OwnedOutbound;

/// Messages, oldest first. Empty, it holds no allocation.
#[derive(Default)]
pub(super) struct Buffer {
    messages: VecDeque<OwnedOutbound>,
    bytes: usize,
}

/// As many messages wait with the content that they came with. It is a part of a read buffer, and
/// keeps all of that in memory: not worth a copy for what goes out at once.
const SHARED: usize = 2;

/// Places for so few messages are only given back when none waits.
const FEW: usize = 4;

impl Buffer {
    pub(super) const fn new() -> Self {
        Self { messages: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The bytes that it would hold with one more message.
    pub(super) fn bytes_with(&self, message: &OwnedOutbound) -> usize {
        self.bytes.saturating_add(size(message))
    }

    pub(super) fn push(&mut self, mut message: OwnedOutbound) {
        if self.messages.len() >= SHARED {
            message.detach();
        }
        self.bytes = self.bytes_with(&message);
        self.messages.push_back(message);
    }

    pub(super) fn pop(&mut self) -> Option<OwnedOutbound> {
        let message = self.messages.pop_front()?;
        self.bytes = self.bytes.saturating_sub(size(&message));
        self.give_back();
        Some(message)
    }

    /// Memory follows what waits. Half of the places are kept, so that moving what is left into
    /// fewer is paid for by as many messages that have gone out.
    fn give_back(&mut self) {
        let (len, capacity) = (self.messages.len(), self.messages.capacity());
        if len == 0 || len.max(FEW) <= capacity / 4 {
            self.messages.shrink_to(len.saturating_mul(2));
        }
    }
}

fn size(message: &OwnedOutbound) -> usize {
    size_of::<OwnedOutbound>().saturating_add(message.content_len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Seq;
    use crate::message::Ack;
    use crate::outbound::Outbound;

    fn ack(seq: i32) -> OwnedOutbound {
        Outbound::Ack(Ack::from(Seq(seq))).into_owned()
    }

    fn filled(length: i32) -> Buffer {
        let mut buffer = Buffer::new();
        (0..length).for_each(|seq| buffer.push(ack(seq)));
        buffer
    }

    #[test]
    fn places_are_given_back_while_it_empties() {
        let mut buffer = filled(4096);
        for seq in 0..4096 {
            assert_eq!(buffer.pop(), Some(ack(seq)));
            let (len, capacity) = (buffer.len(), buffer.messages.capacity());
            assert!(capacity <= (4 * len).max(16), "{capacity} places for {len}");
        }
        assert_eq!((buffer.pop(), buffer.messages.capacity()), (None, 0));
    }

    /// What waits is moved no more often than messages go out.
    #[test]
    fn places_are_kept_for_what_comes_next() {
        let mut buffer = filled(4096);
        let mut moved = 0;
        for _ in 0..4096 {
            let before = buffer.messages.capacity();
            buffer.pop();
            moved += if buffer.messages.capacity() < before { buffer.len() } else { 0 };
        }
        assert!(moved <= 4096, "{moved}");
        // At the border, one more and one less costs nothing.
        let mut buffer = filled(17);
        (0..13).for_each(|_| drop(buffer.pop()));
        let capacity = buffer.messages.capacity();
        for seq in 0..100 {
            buffer.push(ack(seq));
            buffer.pop();
            assert_eq!(buffer.messages.capacity(), capacity);
        }
    }
}
