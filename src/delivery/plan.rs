//! Which effects a message has, and in which order.

/// The effects of one message: one step in each four bits, the first in the lowest. Taking the next
/// one is a shift, which is faster, as counted, than a match on the kind of list and an index. The
/// two highest bits are no steps: they say which `previous` is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Plan(u32);

/// One effect; the numbers are the plan's.
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

impl Plan {
    /// H7.3–H7.6
    pub(super) const PERSISTENT: Self =
        Self::of([Step::Push, Step::NotifyReceiver, Step::NotifySender, Step::Ack]);
    /// H6.1, H6.2
    pub(super) const TRANSIENT: Self = Self::of([Step::Forward, Step::Ack]);
    /// H11.4
    pub(super) const REFUSED: Self = Self::of([Step::Ack]);
    /// H11.1
    pub(super) const NOTHING: Self = Self(0);

    /// H14.3–H14.8, without what needs a `previous` that is not known (H14.9).
    pub(super) const fn stored(receiver_known: bool, sender_known: bool) -> Self {
        match (receiver_known, sender_known) {
            (true, true) => Self::LIVE,
            (true, false) => Self::LIVE_TO_RECEIVER,
            (false, true) => Self::LIVE_TO_SENDER,
            (false, false) => Self::PERSISTENT,
        }
    }

    const LIVE: Self = Self::of([
        Step::Push,
        Step::CopyToReceiver,
        Step::NotifyReceiver,
        Step::CopyToSender,
        Step::NotifySender,
        Step::LiveAck,
    ]);
    const LIVE_TO_RECEIVER: Self = Self::of([
        Step::Push,
        Step::CopyToReceiver,
        Step::NotifyReceiver,
        Step::NotifySender,
        Step::Ack,
    ]);
    const LIVE_TO_SENDER: Self = Self::of([
        Step::Push,
        Step::NotifyReceiver,
        Step::CopyToSender,
        Step::NotifySender,
        Step::LiveAck,
    ]);

    const fn of<const N: usize>(steps: [Step; N]) -> Self {
        let mut plan = 0;
        let mut index = N;
        while index > 0 {
            index -= 1;
            plan = plan << 4 | steps[index].number();
        }
        Self(plan)
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
        self.0 & 0xf == Step::Push.number()
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

    const fn number(self) -> u32 {
        match self {
            Self::Push => 1,
            Self::NotifyReceiver => 2,
            Self::NotifySender => 3,
            Self::Ack => 4,
            Self::Forward => 5,
            Self::CopyToReceiver => 6,
            Self::CopyToSender => 7,
            Self::LiveAck => 8,
        }
    }
}
