//! A TLS stream that a WebSocket owns, in two halves that share one rustls connection.
//!
//! [`TlsWire`] encrypts on whichever thread has frames, under a mutex that is never held across a wait. What the kernel
//! does not take stays in the connection's buffer, at most [`TLS_BUFFER_BYTES`](switchboard_actors::limits::TLS_BUFFER_BYTES)
//! and what encryption adds; nothing more is taken before it has left, so that what an outbox counts as waiting is all that
//! waits beside it.

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

    fn resume_when_writable(&self, outbox: Arc<Outbox>) {
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use rcgen::CertifiedKey;
    use rustls::crypto::ring;
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, RootCertStore, ServerConfig};
    use switchboard_actors::limits::TLS_BUFFER_BYTES;
    use switchboard_actors::metrics::Metrics;
    use switchboard_actors::outbox::OutboxLimits;
    use switchboard_protocol::frame::Frame;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpSocket};
    use tokio_rustls::{TlsAcceptor, TlsConnector, client};

    use super::*;

    /// Longer than anything takes.
    const LONG: Duration = Duration::from_secs(30);
    /// Both of a connection's buffers, in bytes: smaller than one record.
    const NARROW: u32 = 4096;

    /// A server's stream and its client's, through buffers that are soon full.
    async fn pair() -> (TlsStream<TcpStream>, client::TlsStream<TcpStream>) {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let provider = Arc::new(ring::default_provider());
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(NARROW).unwrap();
        let connect = socket.connect(listener.local_addr().unwrap());
        let (accepted, connected) = tokio::join!(listener.accept(), connect);
        let (accepted, _) = accepted.unwrap();
        let accepted_socket = SockRef::from(&accepted);
        accepted_socket
            .set_send_buffer_size(NARROW as usize)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let connector = TlsConnector::from(Arc::new(client));
        let name = ServerName::try_from("localhost").unwrap();
        let accept = acceptor.accept_with(accepted, |connection| {
            connection.set_buffer_limit(Some(TLS_BUFFER_BYTES));
        });
        let (server, client) = tokio::join!(accept, connector.connect(name, connected.unwrap()));
        (server.unwrap(), client.unwrap())
    }

    fn outbox(bytes: usize) -> Arc<Outbox> {
        let limits = OutboxLimits {
            bytes,
            frames: 100_000,
        };
        Outbox::new(limits, Metrics::default())
    }

    /// Frames of many sizes, some larger than a record and one larger than the buffer of the connection.
    fn frames() -> Vec<Frame> {
        let size = |n: usize| match n {
            500 => 3 * TLS_BUFFER_BYTES,
            n if n % 100 == 0 => 20_000,
            n => n % 300,
        };
        (0..1_500)
            .map(|n| Frame::text(format!("{n} {}", "x".repeat(size(n)))))
            .collect()
    }

    fn bytes(frames: &[Frame]) -> Vec<u8> {
        frames.iter().flat_map(|f| f.websocket().to_vec()).collect()
    }

    /// Reads to the end: `Ok` after a goodbye of TLS.
    async fn read(client: &mut client::TlsStream<TcpStream>) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        let end = tokio::time::timeout(LONG, client.read_to_end(&mut read));
        end.await.expect("the stream ends").map(|_| read)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_several_threads_send_reaches_a_slow_reader_whole_and_in_order() {
        let (server, mut client) = pair().await;
        let (_reader, wire) = split(server);
        let outbox = outbox(64 * 1024 * 1024);
        outbox.attach(Arc::new(wire));
        let frames = frames();
        let sender = {
            let (outbox, frames) = (Arc::clone(&outbox), frames.clone());
            std::thread::spawn(move || {
                for (n, some) in frames.chunks(7).enumerate() {
                    match n % 2 {
                        0 => outbox.send_all(some),
                        _ => some.iter().for_each(|frame| outbox.send(frame.clone())),
                    }
                }
                outbox.waiting()
            })
        };
        let waiting = tokio::task::spawn_blocking(|| sender.join().unwrap());
        assert!(waiting.await.unwrap() > 0, "the stream was never full");
        let goodbye = Frame::close(1000, "done");
        outbox.finish(std::slice::from_ref(&goodbye));
        let read = read(&mut client).await.expect("a goodbye of TLS");
        assert!(read == bytes(&[&frames[..], &[goodbye]].concat()));
    }

    #[tokio::test]
    async fn what_the_stream_does_not_take_leaves_without_a_further_frame() {
        let (server, mut client) = pair().await;
        let (_reader, wire) = split(server);
        let outbox = outbox(1);
        outbox.attach(Arc::new(wire));
        // More than the kernel's buffers hold, and less than the connection's: nothing is left to the outbox.
        let frame = Frame::text("x".repeat(TLS_BUFFER_BYTES - 1_000));
        outbox.send(frame.clone());
        assert_eq!(outbox.waiting(), 0);
        let mut read = vec![0; frame.len()];
        let all = tokio::time::timeout(LONG, client.read_exact(&mut read));
        all.await.expect("all of it comes").unwrap();
        assert!(read == frame.websocket()[..]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_a_goodbye_is_cut_off_when_nobody_reads_it() {
        let (server, mut client) = pair().await;
        let (reader, wire) = split(server);
        let link = Arc::downgrade(&wire.0);
        let outbox = outbox(TLS_BUFFER_BYTES);
        outbox.attach(Arc::new(wire));
        outbox.finish(&[Frame::text("x".repeat(TLS_BUFFER_BYTES - 1_000))]);
        drop((reader, outbox));
        assert!(link.upgrade().is_some(), "the rest was written at once");
        tokio::time::sleep(CLOSE_LINGER * 2).await;
        assert!(link.upgrade().is_none(), "the connection is kept");
        assert!(
            read(&mut client).await.is_err(),
            "the end is no orderly one"
        );
    }

    #[tokio::test]
    async fn what_is_read_is_what_was_sent_and_the_ways_to_end_differ() {
        let sent = bytes(&frames());
        for says_goodbye in [true, false] {
            let (server, mut client) = pair().await;
            let (mut reader, _wire) = split(server);
            let send = async {
                client.write_all(&sent).await.unwrap();
                client.flush().await.unwrap();
                match says_goodbye {
                    true => client.shutdown().await.unwrap(),
                    false => client.get_mut().0.shutdown().await.unwrap(),
                }
            };
            let mut received = Vec::new();
            let receive = reader.read_to_end(&mut received);
            let both = async { tokio::join!(send, receive) };
            let ((), end) = tokio::time::timeout(LONG, both).await.expect("it ends");
            assert_eq!(end.is_ok(), says_goodbye);
            assert!(received == sent);
        }
    }

    #[tokio::test]
    async fn bytes_that_are_no_tls_end_the_connection() {
        let (server, mut client) = pair().await;
        let (mut reader, _wire) = split(server);
        client
            .get_mut()
            .0
            .write_all(b"GET / HTTP/1.1\r\n")
            .await
            .unwrap();
        let error = reader.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        // It was told so.
        assert!(client.read_u8().await.is_err());
    }
}
