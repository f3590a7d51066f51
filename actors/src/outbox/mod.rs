//! A socket's bounded way out: shared frames wait here until its transport takes them.
//!
//! Rooms, the registry and the socket's own session put frames in from any thread. Over a WebSocket
//! the frame goes straight to the stream ([`Wire`]) and only what the stream does not take is queued;
//! over polling the next GET takes what waits. Who does not keep up gets fewer partial lines, and past either bound is
//! closed with a reason: a viewer that does not read loses itself, never its neighbours. Never blocks, never allocates
//! while the stream keeps up.

mod batch;
mod journal;
mod queue;
mod stream;
mod way_out;

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};

use switchboard_protocol::engineio::Packet;
use switchboard_protocol::frame::Frame;

pub use batch::{Batch, Note};
pub use journal::{Journal, NotResumed, Offset, with_offsets};
use queue::Queue;
pub use way_out::WayOut;

use crate::limits;
use crate::metrics::{Metrics, Reason};
use crate::packets;

/// The close code of a viewer that met a bound (RFC 6455 section 7.4.1 and IANA's registry: try again later).
const STALLED: u16 = 1013;

/// A stream that takes bytes without blocking: the seam to the transport.
pub trait Wire: Send + Sync + 'static {
    /// Writes what it can; `WouldBlock` when the stream is full.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Calls [`Outbox::resume`] once the stream takes bytes again.
    fn resume_when_writable(self: Arc<Self>, outbox: Arc<Outbox>);
    /// Ends the stream: only its writing half after the last frame, both halves when it is cut off.
    fn shutdown(&self, how: std::net::Shutdown);
}

/// What one outbox may hold.
#[derive(Clone, Copy, Debug)]
pub struct OutboxLimits {
    /// Bytes that may wait; one frame alone may have more.
    pub bytes: usize,
    /// Frames that may wait.
    pub frames: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self {
            bytes: limits::OUTBOX_BYTES,
            frames: limits::OUTBOX_FRAMES,
        }
    }
}

enum Sink {
    /// The next polling GET takes what waits.
    Polling,
    /// A WebSocket; `blocked` until the stream takes bytes again.
    Wire { wire: Arc<dyn Wire>, blocked: bool },
    /// Nothing goes out any more.
    Closed,
}

/// What each delivery looks at comes first and lies together, in one line of the processor's cache.
#[repr(C)]
struct State {
    sink: Sink,
    queue: Queue,
    /// No further frame is accepted; the way out ends once the queue is empty.
    ending: bool,
    /// A bound was met: what waited is gone.
    stalled: bool,
    /// The polling GET that waits for a frame.
    poll_waker: Option<Waker>,
    /// The session that waits for the last frame to leave.
    end_waker: Option<Waker>,
}

/// See the module's documentation.
#[repr(C)]
pub struct Outbox {
    state: Mutex<State>,
    limits: OutboxLimits,
    metrics: Metrics,
    /// The connection that it belongs to, for the log.
    connection: OnceLock<u64>,
}

impl Outbox {
    /// An empty outbox that waits for polls until a wire is attached.
    pub fn new(limits: OutboxLimits, metrics: Metrics) -> Arc<Self> {
        let state = State {
            queue: Queue::default(),
            sink: Sink::Polling,
            ending: false,
            stalled: false,
            poll_waker: None,
            end_waker: None,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            limits,
            metrics,
            connection: OnceLock::new(),
        })
    }

    /// Tells it which connection it belongs to. Only the log wants to know; a second time changes nothing.
    pub fn set_connection(&self, connection: u64) {
        let _ = self.connection.set(connection);
    }

    /// Sends one frame; it is dropped when the socket is gone.
    pub fn send(self: &Arc<Self>, frame: Frame) {
        self.send_all(std::slice::from_ref(&frame));
    }

    /// Sends frames that must not be interleaved with others (a binary packet and its attachments).
    pub fn send_all(self: &Arc<Self>, frames: &[Frame]) {
        packets::sent(self.connection.get(), frames);
        for chunk in frames.chunks(limits::SLICES_PER_WRITE) {
            self.send_batch(&Batch::new(chunk));
        }
    }

    /// Sends a prepared batch; the hot path of every delivery.
    pub fn send_batch(self: &Arc<Self>, batch: &Batch<'_>) {
        let mut state = self.lock();
        if state.ending {
            return;
        }
        let mut taken = 0;
        if let Sink::Wire {
            wire,
            blocked: false,
        } = &state.sink
            && state.queue.is_empty()
        {
            match wire.try_write(batch.slices()) {
                Ok(n) if n == batch.bytes() => return,
                Ok(n) => taken = n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return self.cut(&mut state),
            }
        }
        self.enqueue(&mut state, batch, taken);
    }

    /// Moves from polling to a stream; what waits is written at once.
    pub fn attach(self: &Arc<Self>, wire: Arc<dyn Wire>) {
        let mut state = self.lock();
        if matches!(state.sink, Sink::Closed) {
            wire.shutdown(std::net::Shutdown::Both);
            return;
        }
        state.sink = Sink::Wire {
            wire,
            blocked: false,
        };
        // What waits goes to the stream; a poll that waits only has to end.
        if let Some(waker) = state.poll_waker.take() {
            waker.wake();
        }
        self.flush(&mut state);
    }

    /// Continues writing: the wire calls it once its stream takes bytes again.
    pub fn resume(self: &Arc<Self>) {
        let mut state = self.lock();
        if let Sink::Wire { blocked, .. } = &mut state.sink {
            *blocked = false;
        }
        self.flush(&mut state);
    }

    /// Takes up to [`limits::PACKETS_PER_POLL`] frames for one GET; `None` once the socket is gone.
    pub fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Option<Vec<Frame>>> {
        let mut state = self.lock();
        if matches!(state.sink, Sink::Closed) && state.queue.is_empty() {
            return Poll::Ready(None);
        }
        if matches!(state.sink, Sink::Wire { .. }) {
            // The client has moved on to a stream; its last poll only has to end.
            return Poll::Ready(Some(vec![Packet::Noop.encode()]));
        }
        if state.queue.is_empty() {
            state.poll_waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut count = state.queue.len().min(limits::PACKETS_PER_POLL);
        if state.ending && count > 1 && count == state.queue.len() {
            // The goodbye has a poll of its own: official clients close at once on a payload that holds it, before
            // they look at its other packets, and would take a DISCONNECT for a lost link and come back.
            count -= 1;
        }
        let frames = state.queue.take(count);
        self.end_if_drained(&mut state);
        Poll::Ready(Some(frames))
    }

    /// Whether a poll waits for a frame.
    pub fn is_polled(&self) -> bool {
        self.lock().poll_waker.is_some()
    }

    /// Has a poll that waits look again at whether it still should.
    pub fn wake_poll(&self) {
        if let Some(waker) = self.lock().poll_waker.take() {
            waker.wake();
        }
    }

    /// Accepts no further frame after `last`; the way out ends when all that waits has left.
    pub fn finish(self: &Arc<Self>, last: &[Frame]) {
        let mut state = self.lock();
        if state.ending {
            return;
        }
        packets::sent(self.connection.get(), last);
        self.enqueue(&mut state, &Batch::new(last), 0);
        state.ending = true;
        self.end_if_drained(&mut state);
    }

    /// Drops what waits and cuts the stream.
    pub fn close(&self) {
        self.cut(&mut self.lock());
    }

    /// Resolves once nothing goes out any more.
    pub fn poll_ended(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if matches!(state.sink, Sink::Closed) {
            return Poll::Ready(());
        }
        state.end_waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether it met a bound.
    pub fn is_stalled(&self) -> bool {
        self.lock().stalled
    }

    /// Frames and bytes that it has room for now.
    pub fn free(&self) -> (usize, usize) {
        let state = self.lock();
        let frames = self.limits.frames.saturating_sub(state.queue.len());
        (
            frames,
            self.limits.bytes.saturating_sub(state.queue.bytes()),
        )
    }

    /// Frames that wait now.
    pub fn waiting(&self) -> usize {
        self.lock().queue.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere does not spoil it.
        self.state
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Queues a batch, of whose bytes `taken` are written already.
    fn enqueue(self: &Arc<Self>, state: &mut State, batch: &Batch<'_>, mut taken: usize) {
        for (at, frame) in batch.frames().iter().enumerate() {
            if taken >= frame.len() {
                taken -= frame.len();
                continue;
            }
            if taken > 0 {
                state.queue.push_begun(frame.clone(), None, taken);
            } else {
                let stream = state.is_behind().then(|| batch.stream(at)).flatten();
                if state.queue.push(frame.clone(), stream) {
                    self.metrics.partials_superseded.inc();
                }
            }
            taken = 0;
        }
        // A frame larger than the bound is no fault of a viewer for whom nothing else waits.
        if state.queue.bytes() > self.limits.bytes && state.queue.len() > 1 {
            return self.stall(state, "bytes");
        }
        if state.queue.len() > self.limits.frames {
            return self.stall(state, "frames");
        }
        self.flush(state);
    }

    /// Writes as much of the queue as the stream takes, many frames to a write.
    fn flush(self: &Arc<Self>, state: &mut State) {
        if let Some(waker) = state.poll_waker.take_if(|_| !state.queue.is_empty()) {
            waker.wake();
        }
        while !state.queue.is_empty() {
            let Sink::Wire { wire, blocked } = &mut state.sink else {
                return;
            };
            if *blocked {
                return;
            }
            match write_front(&**wire, &state.queue) {
                // No stream with room takes nothing; it would be asked for ever.
                Ok(0) => return self.cut(state),
                Ok(n) => state.queue.advance(n),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    *blocked = true;
                    Arc::clone(wire).resume_when_writable(Arc::clone(self));
                    return;
                }
                Err(_) => return self.cut(state),
            }
        }
        self.end_if_drained(state);
    }

    fn end_if_drained(&self, state: &mut State) {
        if !state.ending || !state.queue.is_empty() {
            return;
        }
        if let Sink::Wire { wire, .. } = &state.sink {
            wire.shutdown(std::net::Shutdown::Write);
        }
        state.end();
    }

    /// Drops what waits, and has the client, should it read again, learn why it is closed.
    fn stall(self: &Arc<Self>, state: &mut State, bound: &'static str) {
        let reason = Reason { reason: bound };
        self.metrics.sockets_stalled.get_or_create(&reason).inc();
        state.stalled = true;
        let Sink::Wire { wire, .. } = &state.sink else {
            return self.cut(state);
        };
        // Ends the session's stream, and so the session: it gives the last frame a bounded time to leave.
        wire.shutdown(std::net::Shutdown::Read);
        state.queue.keep_begun();
        state
            .queue
            .push(Frame::close(STALLED, "does not keep up"), None);
        state.ending = true;
        self.flush(state);
    }

    fn cut(&self, state: &mut State) {
        if let Sink::Wire { wire, .. } = &state.sink {
            wire.shutdown(std::net::Shutdown::Both);
        }
        state.queue = Queue::default();
        state.ending = true;
        state.end();
    }
}

impl State {
    /// Whether the client does not keep up: its stream is full, or its next poll cannot take all that waits.
    fn is_behind(&self) -> bool {
        match self.sink {
            Sink::Polling => self.queue.len() >= limits::PACKETS_PER_POLL,
            Sink::Wire { .. } | Sink::Closed => true,
        }
    }

    fn end(&mut self) {
        self.sink = Sink::Closed;
        for waker in [self.end_waker.take(), self.poll_waker.take()]
            .into_iter()
            .flatten()
        {
            waker.wake();
        }
    }
}

fn write_front(wire: &dyn Wire, queue: &Queue) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); limits::SLICES_PER_WRITE];
    let mut count = 0;
    for (slice, frame) in slices.iter_mut().zip(queue.iter()) {
        let skip = if count == 0 { queue.written() } else { 0 };
        *slice = IoSlice::new(&frame.websocket()[skip..]);
        count += 1;
    }
    wire.try_write(&slices[..count])
}
