//! What connections are served on.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream whose other end may vanish.
pub trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// How long the system waits for a client that acknowledges nothing; `None`: as long as it does
    /// by itself.
    fn set_user_timeout(&self, timeout: Option<Duration>);
}

/// How long the system waits for a client that acknowledges nothing. Data may be sent just before a
/// probe of a silent connection is due: hence the half.
pub fn user_timeout(unreachable: Duration) -> Duration {
    (unreachable / 2).max(Duration::from_secs(1))
}

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
    fn the_system_s_timeout_leaves_time_for_a_probe() {
        let seconds = |unreachable| user_timeout(Duration::from_secs(unreachable)).as_secs();
        assert_eq!([1, 2, 60].map(seconds), [1, 1, 30]);
    }
}
