//! A stream in two halves: what the client sends, and the actors' [`Wire`], written to from any thread without blocking.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;

use socket2::SockRef;
use switchboard_actors::outbox::{Outbox, Wire};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Handle;
use tokio_util::either::Either;

use super::tls::{self, TlsReader};
use crate::transport::tls::Stream;

/// The reading half of a connection.
pub(super) type Reader = Either<OwnedReadHalf, TlsReader>;

/// Called on the thread that accepted the stream.
pub(super) fn split(stream: Stream) -> (Reader, Arc<dyn Wire>) {
    match stream {
        Either::Left(stream) => {
            let (reader, writer) = stream.into_split();
            (Either::Left(reader), Arc::new(TcpWire::new(writer)))
        }
        Either::Right(stream) => {
            let (reader, writer) = tls::split(*stream);
            (Either::Right(reader), Arc::new(writer))
        }
    }
}

/// The writing half of a plain connection.
struct TcpWire {
    stream: Arc<OwnedWriteHalf>,
    /// Where the stream is registered; rooms on other threads write to it, too.
    runtime: Handle,
}

impl TcpWire {
    fn new(stream: OwnedWriteHalf) -> Self {
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
