//! Being asked to stop: Ctrl-C and SIGTERM.

use tokio::signal;

use crate::error::{Exit, Failure, Result};

/// Listens from the moment it is made, so that no signal between two waits is lost.
pub struct Signals {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Starts listening; needs a tokio runtime.
    pub fn listen() -> Result<Self> {
        use signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| Failure::io("cannot listen for signals", &error));
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    /// Waits for the next one; tells how a command that it ends should exit.
    pub async fn next(&mut self) -> Exit {
        tokio::select! {
            _ = self.interrupt.recv() => Exit::Interrupted,
            _ = self.terminate.recv() => Exit::Terminated,
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Starts listening; needs a tokio runtime.
    pub fn listen() -> Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one; tells how a command that it ends should exit.
    pub async fn next(&mut self) -> Exit {
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Exit::Interrupted
    }
}
