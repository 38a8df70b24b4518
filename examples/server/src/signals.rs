//! The signals of the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
pub enum Asked {
    Stop,
    Reload,
}

/// All signals that would end the process. Those without a meaning for the server do nothing.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    _ignored: Vec<Signal>,
}

impl Signals {
    /// From now on signals do not end the process.
    pub fn listen() -> io::Result<Self> {
        use rustix::process::Signal as Number;
        let ignored = [
            Number::USR1,
            Number::USR2,
            Number::QUIT,
            Number::ALARM,
            Number::PIPE,
            Number::IO,
            Number::VTALARM,
            Number::PROF,
            Number::POWER,
            Number::STKFLT,
            Number::XCPU,
            // A bound of file sizes then is an error of the write that exceeds it.
            Number::XFSZ,
        ];
        let ignored = ignored.iter().map(|number| signal(SignalKind::from_raw(number.as_raw())));
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
            _ignored: ignored.collect::<io::Result<_>>()?,
        })
    }

    /// What is asked for next.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hangup.recv() => Asked::Reload,
        }
    }

    /// Waits until the server is asked to stop.
    pub async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
