//! How clients leave in the middle of a run: with a goodbye and without.

use std::time::Duration;

use kefu_proto::{Body, Flags, Message};
use tokio::time::{Instant, timeout};

use crate::connection::{Connection, ConnectionError};
use crate::run::Run;

/// So long after a goodbye a server must know that the client has left.
const GOODBYE: Duration = Duration::from_secs(5);
/// A server that was suspended sends what it has first, and closes then.
const MOMENT: Duration = Duration::from_secs(1);

/// A way to leave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// Closes its sending side and reads to the end.
    Goodbye,
    /// Closes the socket, whatever is on its way.
    Drop,
    /// Closes it with a RST.
    Reset,
    /// Closes it in the middle of a frame.
    BreakOff,
}

impl Way {
    /// Connections take turns.
    const fn of(connection: u64) -> Self {
        match connection % 4 {
            0 => Self::Goodbye,
            1 => Self::Drop,
            2 => Self::Reset,
            _ => Self::BreakOff,
        }
    }
}

/// Leaves in the way of this connection. `receive` takes what still comes behind a goodbye.
pub(crate) async fn leave(connection: Connection, run: &Run, receive: impl FnMut(Message)) {
    let way = Way::of(connection.number());
    match way {
        Way::Goodbye => say_goodbye(connection, run, receive).await,
        Way::Drop => run.trouble.count(|trouble| trouble.churn.dropped += 1),
        Way::Reset => {
            run.trouble.count(|trouble| trouble.churn.reset += 1);
            connection.reset();
        }
        Way::BreakOff => {
            run.trouble.count(|trouble| trouble.churn.broken_off += 1);
            // The connection may be broken already.
            let _ = timeout(GOODBYE, connection.break_off()).await;
        }
    }
}

/// Closes the sending side and reads to the end.
async fn say_goodbye(mut connection: Connection, run: &Run, mut receive: impl FnMut(Message)) {
    let limit = run.service.timeout();
    let mut late = Late::after(Instant::now() + GOODBYE.min(run.plan.patience()));
    let mut frames = 0;
    let reading = async {
        connection.half_close().await?;
        loop {
            while let Some(message) = connection.take()? {
                frames += 1;
                if late.is_still_told(&message, Instant::now()) {
                    return Ok(());
                }
                receive(message);
            }
            connection.exchange().await?;
        }
    };
    let fault = match timeout(limit, reading).await {
        Ok(Err::<(), ConnectionError>(_)) => None,
        Ok(Ok(())) => Some(("H7.4", "is still given messages, though its client has left")),
        Err(_) => Some(("S7.2", "is not closed, though its client has left")),
    };
    if let Some(((rule, what), witness)) = fault.zip(connection.witness()) {
        witness.complain(rule, what);
    }
    run.trouble.count(|trouble| {
        trouble.churn.goodbyes += 1;
        trouble.churn.frames_after_goodbye += frames;
        trouble.churn.not_closed += u64::from(fault.is_some());
    });
}

/// Messages of others for a client that has left long ago.
#[derive(Debug)]
struct Late {
    deadline: Instant,
    /// The first one behind the deadline.
    first: Option<Instant>,
}

impl Late {
    const fn after(deadline: Instant) -> Self {
        Self { deadline, first: None }
    }

    /// Whether the server goes on to send what others have to say. Answers to what the client has
    /// sent itself may take their time.
    fn is_still_told(&mut self, Message { flags, body, .. }: &Message, now: Instant) -> bool {
        let is_live = flags.contains(Flags::UNPERSISTENT) || flags.contains(Flags::PUSH);
        let is_of_others = is_live || matches!(body, Body::SyncNotify(_));
        if !is_of_others || now < self.deadline {
            return false;
        }
        now - *self.first.get_or_insert(now) > MOMENT
    }
}

#[cfg(test)]
mod tests {
    use kefu_proto::{Ack, MsgId, Seq};

    use super::*;

    #[test]
    fn only_what_goes_on_is_late() {
        let notify = Message::from(Body::SyncNotify(MsgId(1)));
        let ack = Message::from(Body::Ack(Ack::from(Seq(1))));
        let deadline = Instant::now() + GOODBYE;
        let mut late = Late::after(deadline);
        let mut is_late = |message, now| late.is_still_told(message, now);
        assert!(!is_late(&notify, deadline - MOMENT));
        assert!(!is_late(&notify, deadline), "the server has just been resumed, perhaps");
        assert!(!is_late(&notify, deadline + MOMENT / 2));
        assert!(!is_late(&ack, deadline + MOMENT * 2));
        assert!(is_late(&notify, deadline + MOMENT * 2));
    }
}
