//! A socket's way out, whoever sends to it.

use std::sync::Arc;

use switchboard_protocol::frame::Frame;

use super::{Batch, Journal, Outbox};

/// The outbox of a socket's connection; of a recoverable socket, which may change its connection, the journal before it.
#[derive(Clone)]
pub enum WayOut {
    /// Straight to the connection.
    Direct(Arc<Outbox>),
    /// By the journal of a recoverable socket.
    Recoverable(Arc<Journal>),
}

impl From<Arc<Outbox>> for WayOut {
    fn from(outbox: Arc<Outbox>) -> Self {
        Self::Direct(outbox)
    }
}

impl WayOut {
    /// Sends one frame; it is dropped when the socket is gone.
    pub fn send(&self, frame: Frame) {
        match self {
            Self::Direct(outbox) => outbox.send(frame),
            Self::Recoverable(journal) => journal.send(frame),
        }
    }

    /// Sends frames that must not be interleaved with others.
    pub fn send_all(&self, frames: &[Frame]) {
        match self {
            Self::Direct(outbox) => outbox.send_all(frames),
            Self::Recoverable(journal) => journal.send_all(frames),
        }
    }

    /// Sends a prepared batch: `plain`, or `with_offsets` to a recoverable socket.
    pub fn send_batch<'a, 'b>(
        &self,
        plain: &Batch<'_>,
        with_offsets: impl FnOnce() -> &'a Batch<'b>,
    ) where
        'b: 'a,
    {
        match self {
            Self::Direct(outbox) => outbox.send_batch(plain),
            Self::Recoverable(journal) => journal.send_batch(with_offsets()),
        }
    }

    /// See [`Outbox::free`]; a socket without a connection has no room.
    pub fn free(&self) -> (usize, usize) {
        self.outbox().map_or((0, 0), |outbox| outbox.free())
    }

    /// Drops what waits and cuts the connection.
    pub fn close(&self) {
        if let Some(outbox) = self.outbox() {
            outbox.close();
        }
    }

    /// See [`Journal::mark`].
    pub fn mark(&self) {
        if let Self::Recoverable(journal) = self {
            journal.mark();
        }
    }

    /// See [`Journal::confirm`].
    pub fn confirm(&self) {
        if let Self::Recoverable(journal) = self {
            journal.confirm();
        }
    }

    fn outbox(&self) -> Option<Arc<Outbox>> {
        match self {
            Self::Direct(outbox) => Some(Arc::clone(outbox)),
            Self::Recoverable(journal) => journal.outbox(),
        }
    }
}
