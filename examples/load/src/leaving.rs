//! How clients leave in the middle of a run: with a goodbye and without.

use std::time::Duration;

use kefu_proto::Message;
use tokio::time::timeout;

use crate::connection::{Connection, ConnectionError};
use crate::run::Run;

/// How long a client that has said goodbye waits for the server to close.
const GOODBYE: Duration = Duration::from_secs(5);

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

async fn say_goodbye(mut connection: Connection, run: &Run, mut receive: impl FnMut(Message)) {
    let mut frames = 0;
    let reading = async {
        connection.half_close().await?;
        loop {
            while let Some(message) = connection.take()? {
                frames += 1;
                receive(message);
            }
            connection.exchange().await?;
        }
    };
    let limit = GOODBYE.min(run.service.timeout());
    let end: Result<Result<(), ConnectionError>, _> = timeout(limit, reading).await;
    run.trouble.count(|trouble| {
        trouble.churn.goodbyes += 1;
        trouble.churn.frames_after_goodbye += frames;
        trouble.churn.not_closed += u64::from(end.is_err());
    });
}
