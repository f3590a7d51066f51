//! A TCP stream as the actors' [`Wire`]: written to from any thread, without blocking.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;

use socket2::SockRef;
use switchboard_actors::outbox::{Outbox, Wire};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::runtime::Handle;

/// The writing half of a connection.
pub(super) struct TcpWire {
    stream: Arc<OwnedWriteHalf>,
    /// Where the stream is registered; rooms on other threads write to it, too.
    runtime: Handle,
}

impl TcpWire {
    /// Called on the thread that accepted the stream.
    pub(super) fn new(stream: OwnedWriteHalf) -> Self {
        Self {
            stream: Arc::new(stream),
            runtime: Handle::current(),
        }
    }
}

impl Wire for TcpWire {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.stream.try_write_vectored(slices)
    }

    fn resume_when_writable(&self, outbox: Arc<Outbox>) {
        let stream = Arc::clone(&self.stream);
        // A task only while the stream is full: idle connections have none.
        self.runtime.spawn(async move {
            // An error shows again, and is dealt with, at the write.
            let _ = stream.writable().await;
            outbox.resume();
        });
    }

    fn shutdown(&self, how: Shutdown) {
        // It fails only when the peer was faster.
        let _ = SockRef::from((*self.stream).as_ref()).shutdown(how);
    }
}
