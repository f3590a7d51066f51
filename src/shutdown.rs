//! When to stop: SIGTERM or SIGINT; a second one ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The two signals, heard from the moment it is made.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Hears from now on: a signal that comes before anybody waits is not lost, and does not kill the process.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Resolves at the first signal. From then on a second one exits with 130.
    pub async fn requested(mut self) -> std::io::Result<()> {
        self.next().await;
        actix_rt::spawn(async move {
            self.next().await;
            std::process::exit(130);
        });
        Ok(())
    }

    /// Resolves at the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
