//! How many connections the file handles are enough for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::places::MOST_LEAVING;
use crate::server::error::StartError;

/// Raises the soft limit of file handles to the hard one, and returns how many of the wanted
/// connections fit into it.
///
/// # Errors
///
/// [`StartError::FewHandles`]: a server that starts and serves nobody helps nobody.
pub(super) fn fitting(wanted: usize) -> Result<usize, StartError> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { current };
    let Some(limit) = limit.and_then(|limit| usize::try_from(limit).ok()) else {
        return Ok(wanted);
    };
    if limit < LEAST {
        return Err(StartError::FewHandles { limit, needed: LEAST });
    }
    let connections = wanted.min(connections(limit));
    if connections < wanted {
        tracing::warn!(
            limit,
            "--max-connections is {connections} instead of {wanted}: raise the hard limit of file \
             handles (ulimit -Hn, or LimitNOFILE= of systemd)"
        );
    }
    Ok(connections)
}

/// How many connections a limit is enough for.
fn connections(limit: usize) -> usize {
    limit.saturating_sub(RESERVE).max(limit / 2)
}

/// What the server needs for itself and for a handful of connections.
const LEAST: usize = 64;

/// Handles for the store, NATS, Redis, files and the listeners, and for connections that give way
/// to others and have not ended yet. Of a small limit it is half.
const RESERVE: usize = 64 + MOST_LEAVING;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_kept_and_of_a_small_limit_half() {
        for (limit, expected) in [(64, 32), (256, 128), (257, 129), (1024, 896)] {
            assert_eq!(connections(limit), expected, "{limit}");
        }
    }
}
