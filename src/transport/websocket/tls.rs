//! A TLS stream that a WebSocket owns, in two halves that share one rustls connection.
//!
//! [`TlsWire`] encrypts on whichever thread has frames, under a mutex that is never held across a wait. What the kernel
//! does not take stays in the connection's buffer, at most [`TLS_BUFFER_BYTES`](switchboard_actors::limits::TLS_BUFFER_BYTES)
//! and what encryption adds; nothing more is taken before it has left, so that what an outbox counts as waiting is all that
//! waits beside it.

#[cfg(test)]
mod tests;

use std::io::{self, IoSlice, Read, Write};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use rustls::ServerConnection;
use socket2::SockRef;
use switchboard_actors::limits::CLOSE_LINGER;
use switchboard_actors::outbox::{Outbox, Wire};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::server::TlsStream;

/// What both halves share.
struct Link {
    stream: TcpStream,
    state: Mutex<State>,
    /// Where the stream is registered; rooms on other threads write to it, too.
    runtime: Handle,
}

struct State {
    connection: ServerConnection,
    /// Whether a task waits for the stream to take the rest of the connection's buffer.
    draining: bool,
    /// Outboxes that continue once the buffer is empty: a connection's one, or its probe's.
    waiting: Vec<Arc<Outbox>>,
    /// The stream's writing half ends once the buffer is empty.
    ending: bool,
}

/// The writing half.
pub(super) struct TlsWire(Arc<Link>);

/// The reading half.
pub(super) struct TlsReader(Arc<Link>);

/// Takes the stream out of the hands of the HTTP machinery; called on the thread that accepted it.
pub(super) fn split(stream: TlsStream<TcpStream>) -> (TlsReader, TlsWire) {
    let (stream, connection) = stream.into_inner();
    let state = State {
        connection,
        draining: false,
        waiting: Vec::new(),
        ending: false,
    };
    let link = Arc::new(Link {
        stream,
        state: Mutex::new(state),
        runtime: Handle::current(),
    });
    (TlsReader(Arc::clone(&link)), TlsWire(link))
}

impl Link {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic inside rustls would show again as its error.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what is encrypted already; false when the stream is full before that.
    fn flush(&self, connection: &mut ServerConnection) -> io::Result<bool> {
        while connection.wants_write() {
            match connection.write_tls(&mut Socket(&self.stream)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    /// Sees to it that the rest leaves without a further call. A task only while the stream is full.
    fn drain_later(self: &Arc<Self>, state: &mut State) {
        if !std::mem::replace(&mut state.draining, true) {
            self.runtime.spawn(Arc::clone(self).drain());
        }
    }

    async fn drain(self: Arc<Self>) {
        while !self.is_drained() {
            // Fails only when the runtime ends.
            if self.stream.writable().await.is_err() {
                return;
            }
        }
        let waiting = std::mem::take(&mut self.lock().waiting);
        // Not under the lock: the outbox writes at once, and is locked before the wire elsewhere.
        for outbox in waiting {
            outbox.resume();
        }
    }

    /// Whether nothing is left to be written, or nothing can be: an error shows again, and is dealt with, at the next
    /// write.
    fn is_drained(&self) -> bool {
        let mut state = self.lock();
        if let Ok(false) = self.flush(&mut state.connection) {
            return false;
        }
        state.draining = false;
        if state.ending {
            self.shutdown(Shutdown::Write);
        }
        true
    }

    fn shutdown(&self, how: Shutdown) {
        // It fails only when the peer was faster.
        let _ = SockRef::from(&self.stream).shutdown(how);
    }

    /// Says goodbye behind what is encrypted already. A peer that does not read is cut off after a while: nobody else
    /// waits for it any more.
    fn end(self: &Arc<Self>) {
        let mut state = self.lock();
        state.connection.send_close_notify();
        if let Ok(false) = self.flush(&mut state.connection) {
            state.ending = true;
            self.drain_later(&mut state);
            let link = Arc::downgrade(self);
            self.runtime.spawn(async move {
                tokio::time::sleep(CLOSE_LINGER).await;
                if let Some(link) = link.upgrade() {
                    link.shutdown(Shutdown::Both);
                }
            });
            return;
        }
        self.shutdown(Shutdown::Write);
    }

    /// Decrypts what the stream has: true when there is something to read, or its end.
    fn receive(self: &Arc<Self>, state: &mut State) -> io::Result<bool> {
        match state.connection.read_tls(&mut Socket(&self.stream)) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(e) => return Err(e),
        }
        let processed = state.connection.process_new_packets();
        // An answer of TLS itself: an alert, a refused renegotiation.
        if let Ok(false) = self.flush(&mut state.connection) {
            self.drain_later(state);
        }
        match processed {
            Ok(_) => Ok(true),
            Err(e) => Err(io::Error::new(io::ErrorKind::InvalidData, e)),
        }
    }
}

impl Wire for TlsWire {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let link = &self.0;
        let mut state = link.lock();
        if !link.flush(&mut state.connection)? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = state.connection.writer().write_vectored(slices)?;
        if !link.flush(&mut state.connection)? {
            link.drain_later(&mut state);
        }
        Ok(taken)
    }

    fn resume_when_writable(self: Arc<Self>, outbox: Arc<Outbox>) {
        let mut state = self.0.lock();
        state.waiting.push(outbox);
        self.0.drain_later(&mut state);
    }

    fn shutdown(&self, how: Shutdown) {
        match how {
            Shutdown::Write => self.0.end(),
            _ => self.0.shutdown(how),
        }
    }
}

impl AsyncRead for TlsReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let link = &self.0;
        loop {
            let mut state = link.lock();
            match state.connection.reader().read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                // The stream ended without a goodbye of TLS.
                Err(e) => return Poll::Ready(Err(e)),
            }
            let received = link.receive(&mut state)?;
            drop(state);
            if !received {
                ready!(link.stream.poll_read_ready(cx))?;
            }
        }
    }
}

/// A stream as rustls reads and writes it.
struct Socket<'a>(&'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
