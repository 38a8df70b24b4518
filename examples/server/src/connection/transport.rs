//! What a connection needs of a byte stream, and when the system may end it.

use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A byte stream to a client.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// For how long sent bytes may stay unacknowledged until the system takes the client for gone;
    /// `None`: as long as the system likes.
    fn set_user_timeout(&self, timeout: Option<Duration>);
}

impl Transport for TcpStream {
    fn set_user_timeout(&self, timeout: Option<Duration>) {
        // With an error the connection has gone.
        let _ = SockRef::from(self).set_tcp_user_timeout(timeout);
    }
}

/// Half of the time in which a vanished client has to be noticed, since bytes may be sent just
/// before a silent connection is probed.
pub fn user_timeout(unreachable_timeout: Duration) -> Duration {
    (unreachable_timeout / 2).max(Duration::from_secs(1))
}

/// Whether the user timeout holds.
///
/// Linux counts it from the moment at which a client's window was full, too, and goes on counting
/// while the client reads slowly. So it holds only while the output flows; a client that takes
/// nothing is noticed without it.
#[derive(Default)]
pub(super) struct Stall {
    /// When the output was last stuck, while the timeout does not hold.
    last: Option<Instant>,
}

impl Stall {
    /// Follows the output: `Some` if the timeout holds from now on, or no longer.
    pub(super) fn follow(&mut self, is_stuck: bool, now: Instant) -> Option<bool> {
        match self.last {
            None if is_stuck => {
                self.last = Some(now);
                Some(false)
            }
            Some(_) if is_stuck => {
                self.last = Some(now);
                None
            }
            Some(last) if now.duration_since(last) >= REST => {
                self.last = None;
                Some(true)
            }
            _ => None,
        }
    }
}

/// How long the system may take to send the rest once the output flows again.
const REST: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use tokio::io::{BufWriter, DuplexStream};

    use super::*;

    impl Transport for DuplexStream {
        fn set_user_timeout(&self, _: Option<Duration>) {}
    }

    impl Transport for BufWriter<DuplexStream> {
        fn set_user_timeout(&self, _: Option<Duration>) {}
    }

    #[test]
    fn the_user_timeout_holds_only_where_nothing_was_stuck_for_a_while() {
        let (mut stall, start) = (Stall::default(), Instant::now());
        let mut follow =
            |is_stuck, second| stall.follow(is_stuck, start + Duration::from_secs(second));
        assert_eq!(follow(false, 0), None);
        assert_eq!(follow(true, 10), Some(false));
        assert_eq!(follow(true, 100), None);
        assert_eq!(follow(false, 159), None);
        assert_eq!(follow(false, 160), Some(true));
        assert_eq!(follow(false, 300), None);
        assert_eq!(follow(true, 301), Some(false));
    }
}
