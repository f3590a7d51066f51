//! A stream in memory that takes what it is told to take.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::frames::{ServerFrame, frames};
use crate::outbox::{Outbox, Wire};

/// Records what is written and plays a stream that is full, slow or broken.
#[derive(Default)]
pub struct FakeWire(Mutex<State>);

#[derive(Default)]
struct State {
    written: Vec<u8>,
    /// Calls that took bytes.
    writes: usize,
    /// Bytes that are still taken before the stream is full; `None`: it never is.
    room: Option<usize>,
    /// Whether every write fails.
    is_broken: bool,
    /// The outbox that waits for the stream to take bytes again.
    waiting: Option<Arc<Outbox>>,
    shutdowns: Vec<Shutdown>,
    /// What happens when the stream is cut: the reading side ends, too.
    on_cut: Option<Box<dyn FnOnce() + Send>>,
}

impl FakeWire {
    /// A stream that takes everything.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// A stream that takes `bytes` and is full then.
    pub fn with_room(bytes: usize) -> Arc<Self> {
        let wire = Self::new();
        wire.set_room(Some(bytes));
        wire
    }

    /// From now on `bytes` more are taken (`None`: all), and an outbox that waits for that goes on.
    pub fn take(&self, bytes: impl Into<Option<usize>>) {
        self.set_room(bytes.into());
        // Not under the lock: the outbox writes at once.
        let waiting = self.lock().waiting.take();
        if let Some(outbox) = waiting {
            outbox.resume();
        }
    }

    /// From now on nothing is taken.
    pub fn block(&self) {
        self.set_room(Some(0));
    }

    /// From now on everything is taken, but nobody is told so yet.
    pub fn unblock(&self) {
        self.set_room(None);
    }

    /// From now on every write fails, as after a reset by the peer.
    pub fn break_down(&self) {
        self.lock().is_broken = true;
    }

    /// Does `action` once when the stream is cut in both directions.
    pub fn on_cut(&self, action: impl FnOnce() + Send + 'static) {
        self.lock().on_cut = Some(Box::new(action));
    }

    /// Everything that was taken.
    pub fn written(&self) -> Vec<u8> {
        self.lock().written.clone()
    }

    /// The whole frames that were taken.
    pub fn frames(&self) -> Vec<ServerFrame> {
        frames(&self.lock().written).0
    }

    /// How many writes took bytes.
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    /// How the stream was ended, in order.
    pub fn shutdowns(&self) -> Vec<Shutdown> {
        self.lock().shutdowns.clone()
    }

    /// Whether an outbox waits for the stream to take bytes again.
    pub fn is_awaited(&self) -> bool {
        self.lock().waiting.is_some()
    }

    fn set_room(&self, room: Option<usize>) {
        self.lock().room = room;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire for FakeWire {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.lock();
        let is_ended = state.shutdowns.iter().any(|how| *how != Shutdown::Read);
        if state.is_broken || is_ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let taken = offered.min(state.room.unwrap_or(offered));
        if taken == 0 && offered > 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let bytes = slices.iter().flat_map(|slice| slice.iter()).take(taken);
        state.written.extend(bytes);
        state.writes += 1;
        state.room = state.room.map(|room| room - taken);
        Ok(taken)
    }

    fn resume_when_writable(self: Arc<Self>, outbox: Arc<Outbox>) {
        self.lock().waiting = Some(outbox);
    }

    fn shutdown(&self, how: Shutdown) {
        let mut state = self.lock();
        state.shutdowns.push(how);
        if how != Shutdown::Read {
            // As a task that waited for the stream would end.
            state.waiting = None;
        }
        let on_cut = state.on_cut.take_if(|_| how != Shutdown::Write);
        drop(state);
        if let Some(action) = on_cut {
            action();
        }
    }
}
