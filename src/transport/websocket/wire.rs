//! A stream in two halves: what the client sends, and the actors' [`Wire`], written to from any thread without blocking.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};
use socket2::SockRef;
use switchboard_actors::outbox::{Outbox, Wire};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_util::either::Either;

use super::tls::{self, TlsReader};
use crate::transport::tls::Stream;

/// The reading half of a connection.
pub(super) type Reader = Either<TcpReader, TlsReader>;

/// Called on the thread that accepted the stream.
pub(super) fn split(stream: Stream) -> (Reader, Arc<dyn Wire>) {
    match stream {
        Either::Left(stream) => {
            let wire = Arc::new(TcpWire {
                stream,
                runtime: Handle::current(),
            });
            (Either::Left(TcpReader(Arc::clone(&wire))), wire)
        }
        Either::Right(stream) => {
            let (reader, writer) = tls::split(*stream);
            (Either::Right(reader), Arc::new(writer))
        }
    }
}

/// A plain connection, which both halves share.
pub(super) struct TcpWire {
    stream: TcpStream,
    /// Where the stream is registered; rooms on other threads write to it, too.
    runtime: Handle,
}

impl TcpWire {
    /// One system call, past what Tokio knows of the stream: that lies elsewhere in memory, and of a thousand viewers
    /// nothing is in the processor's cache when a room comes to them.
    fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let written = match slices {
            [one] => send(&self.stream, one, SendFlags::NOSIGNAL),
            many => {
                let nothing = &mut SendAncillaryBuffer::default();
                sendmsg(&self.stream, many, nothing, SendFlags::NOSIGNAL)
            }
        };
        Ok(written?)
    }
}

impl Wire for TcpWire {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self.write(slices) {
            // Once more by Tokio, which so learns that the stream is full, and looks when it no longer is.
            Err(full) if full.kind() == io::ErrorKind::WouldBlock => self
                .stream
                .try_io(Interest::WRITABLE, || self.write(slices)),
            written => written,
        }
    }

    fn resume_when_writable(self: Arc<Self>, outbox: Arc<Outbox>) {
        let runtime = self.runtime.clone();
        // A task only while the stream is full: idle connections have none.
        runtime.spawn(async move {
            // An error shows again, and is dealt with, at the write.
            let _ = self.stream.writable().await;
            outbox.resume();
        });
    }

    fn shutdown(&self, how: Shutdown) {
        // It fails only when the peer was faster.
        let _ = SockRef::from(&self.stream).shutdown(how);
    }
}

/// The half that hears the client.
pub(super) struct TcpReader(Arc<TcpWire>);

impl AsyncRead for TcpReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = &self.0.stream;
        loop {
            ready!(stream.poll_read_ready(cx))?;
            let free = buffer.initialize_unfilled();
            let mut read = None;
            // Who gets less than it has room for has emptied the stream: that is as good as being told so by one more call.
            let emptied = stream.try_io(Interest::READABLE, || {
                let bytes = rustix::io::read(stream, &mut *free)?;
                read = Some(bytes);
                match bytes {
                    0 => Ok(()),
                    bytes if bytes == free.len() => Ok(()),
                    _ => Err(io::ErrorKind::WouldBlock.into()),
                }
            });
            match (read, emptied) {
                (Some(bytes), _) => {
                    buffer.advance(bytes);
                    return Poll::Ready(Ok(()));
                }
                (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Poll::Ready(Err(error));
                }
                (None, _) => {}
            }
        }
    }
}
