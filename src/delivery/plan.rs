//! Which effects a message has, and in which order.

/// The effects of one message: one step in each four bits, the first in the lowest. Taking the next
/// one is a shift, which is faster, as counted, than a match on the kind of list and an index. The
/// two highest bits are no steps: they say which `previous` is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Plan(u32);

/// One effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Push,
    NotifyReceiver,
    NotifySender,
    Ack,
    Forward,
    CopyToReceiver,
    CopyToSender,
    LiveAck,
}

/// The digits are those of [`Step::of`], to be read from the right.
impl Plan {
    /// H7.3–H7.6
    pub(super) const PERSISTENT: Self = Self(0x4321);
    /// H6.1, H6.2
    pub(super) const TRANSIENT: Self = Self(0x45);
    /// H11.4
    pub(super) const REFUSED: Self = Self(0x4);
    /// H11.1
    pub(super) const NOTHING: Self = Self(0);

    /// H14.3–H14.8, without what needs a `previous` that is not known (H14.9).
    pub(super) const fn stored(receiver_known: bool, sender_known: bool) -> Self {
        match (receiver_known, sender_known) {
            (true, true) => Self(0x0083_7261),
            (true, false) => Self(0x0004_3261),
            (false, true) => Self(0x0008_3721),
            (false, false) => Self::PERSISTENT,
        }
    }

    /// With what the store has told, whether a step needs it or not.
    #[inline]
    pub(super) const fn knowing(self, receiver: bool, sender: bool) -> Self {
        let receiver = if receiver { KNOWS_RECEIVER } else { 0 };
        let sender = if sender { KNOWS_SENDER } else { 0 };
        Self(self.0 | receiver | sender)
    }

    pub(super) const fn knows_receiver(self) -> bool {
        self.0 & KNOWS_RECEIVER != 0
    }

    pub(super) const fn knows_sender(self) -> bool {
        self.0 & KNOWS_SENDER != 0
    }

    /// The steps alone, to be taken off one by one.
    #[inline]
    pub(super) const fn steps(self) -> Self {
        Self(self.0 & !(KNOWS_RECEIVER | KNOWS_SENDER))
    }

    /// Takes the first step off.
    #[inline]
    pub(super) const fn next(&mut self) -> Option<Step> {
        let step = Step::of(self.0 & 0xf);
        self.0 >>= 4;
        step
    }

    /// Whether copies are stored before: then there is somebody to push to.
    pub(super) const fn is_stored(self) -> bool {
        matches!(Step::of(self.0 & 0xf), Some(Step::Push))
    }

    /// How many steps are left.
    pub(super) const fn len(self) -> usize {
        let mut plan = self.steps();
        let mut steps = 0;
        while plan.next().is_some() {
            steps += 1;
        }
        steps
    }
}

const KNOWS_RECEIVER: u32 = 1 << 31;
const KNOWS_SENDER: u32 = 1 << 30;

impl Step {
    const fn of(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Push,
            2 => Self::NotifyReceiver,
            3 => Self::NotifySender,
            4 => Self::Ack,
            5 => Self::Forward,
            6 => Self::CopyToReceiver,
            7 => Self::CopyToSender,
            8 => Self::LiveAck,
            _ => return None,
        })
    }
}
