//! What a recoverable socket was sent and may not have received.
//!
//! Stands between those who send to a socket and the outbox of the connection that it has at the moment. Each event
//! carries its offset as a last argument (Socket.IO's connection state recovery); the client says on its return which
//! one it saw last. While it is away its events wait here. What a pong proves to have arrived is forgotten.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard};

use switchboard_protocol::frame::Frame;

use super::{Batch, Note, Outbox};
use crate::limits::{JOURNAL_BYTES, JOURNAL_FRAMES};
use crate::stamp;

/// Where a client's knowledge ends: the offset of the last event that it saw, as text `{stamp}` or
/// `{stamp}-{last final}`, both hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// See [`Note::stamp`].
    pub stamp: u64,
    /// See [`Note::last_final`]; 0 where the event was none of a room's.
    pub last_final: u32,
}

impl Offset {
    /// Reads what a client sends; `None` for what never was an offset.
    pub fn parse(text: &str) -> Option<Self> {
        // No sign, which `from_str_radix` would take.
        let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let (stamp, last_final) = text.split_once('-').unwrap_or((text, "0"));
        if !is_hex(stamp) || !is_hex(last_final) {
            return None;
        }
        Some(Self {
            stamp: u64::from_str_radix(stamp, 16).ok()?,
            last_final: u32::from_str_radix(last_final, 16).ok()?,
        })
    }
}

impl From<Note> for Offset {
    fn from(note: Note) -> Self {
        Self {
            stamp: note.stamp,
            last_final: note.last_final,
        }
    }
}

/// The frames with the offsets that their notes say; what is no event stays as it is.
pub fn with_offsets(frames: &[Frame], notes: &[Note]) -> Vec<Frame> {
    let frames = frames.iter().zip(notes);
    frames
        .map(|(frame, note)| with_offset(frame, Offset::from(*note)))
        .collect()
}

/// The longest offset: 16 and 8 digits, what is between them and around.
const OFFSET_LENGTH: usize = 27;

fn with_offset(frame: &Frame, offset: Offset) -> Frame {
    let mut argument = String::with_capacity(OFFSET_LENGTH);
    // A string takes whatever is written.
    let _ = match offset.last_final {
        0 => write!(argument, "\"{:x}\"", offset.stamp),
        last_final => write!(argument, "\"{:x}-{last_final:x}\"", offset.stamp),
    };
    frame
        .with_argument(argument.as_bytes())
        .unwrap_or_else(|| frame.clone())
}

/// An event that was sent.
struct Entry {
    stamp: u64,
    /// None of a partial line: it is worth nothing later, but its offset may be the client's last.
    frame: Option<Frame>,
}

struct Log {
    /// Of the connection that the socket has; none while it is away.
    outbox: Option<Arc<Outbox>>,
    /// Which connection may have it: the latest.
    owner: u64,
    entries: VecDeque<Entry>,
    /// Of all frames in `entries`.
    bytes: usize,
    /// Whether what was before `entries` cannot be told from what never was.
    is_cut: bool,
    /// The last event before the ping that is under way.
    marked: Option<u64>,
}

/// See the module's documentation.
pub struct Journal(Mutex<Log>);

/// Why a client cannot go on where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotResumed {
    /// The journal does not know its offset: too much was missed.
    Forgotten,
    /// It has come back by a newer connection.
    Superseded,
}

impl Journal {
    /// An empty journal of a socket without a connection.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Log {
            outbox: None,
            owner: 0,
            entries: VecDeque::new(),
            bytes: 0,
            is_cut: false,
            marked: None,
        })))
    }

    /// Only the connection of this number may go on from now on; whichever had the socket before has lost it.
    pub fn own(&self, owner: u64) {
        let mut log = self.lock();
        log.owner = owner;
        log.outbox = None;
    }

    /// Sends one frame; an event is given an offset.
    pub fn send(&self, frame: Frame) {
        self.send_all(std::slice::from_ref(&frame));
    }

    /// Sends frames that must not be interleaved with others.
    pub fn send_all(&self, frames: &[Frame]) {
        for chunk in frames.chunks(crate::limits::SLICES_PER_WRITE) {
            let note = |_: &Frame| Note {
                stamp: stamp::next(),
                last_final: 0,
                is_partial: false,
            };
            let notes: Vec<Note> = chunk.iter().map(note).collect();
            let frames = with_offsets(chunk, &notes);
            self.send_batch(&Batch::of_room(0, &frames, &notes));
        }
    }

    /// Sends a batch whose events have their offsets already.
    pub fn send_batch(&self, batch: &Batch<'_>) {
        let mut log = self.lock();
        let is_away = log.outbox.is_none();
        for (frame, note) in batch.frames().iter().zip(batch.notes()) {
            let is_kept = frame.is_event() && !(note.is_partial && is_away);
            if is_kept {
                let frame = (!note.is_partial).then(|| frame.clone());
                log.push(note.stamp, frame);
            }
        }
        if let Some(outbox) = &log.outbox {
            outbox.send_batch(batch);
        }
    }

    /// A ping goes out: what has been sent so far will have arrived when it is answered.
    pub fn mark(&self) {
        let mut log = self.lock();
        log.marked = log.entries.back().map(|entry| entry.stamp);
    }

    /// The ping was answered.
    pub fn confirm(&self) {
        let mut log = self.lock();
        if let Some(stamp) = log.marked.take() {
            log.forget_before(stamp);
        }
    }

    /// The connection is lost; what is sent from now on waits. Nothing happens when another has taken over.
    pub fn leave(&self, outbox: &Arc<Outbox>) {
        let mut log = self.lock();
        log.outbox.take_if(|own| Arc::ptr_eq(own, outbox));
    }

    /// Goes on at `outbox`, without what was missed; says whether `owner` may.
    pub fn attach(&self, owner: u64, outbox: Arc<Outbox>) -> bool {
        let mut log = self.lock();
        let is_owner = log.owner == owner;
        if is_owner {
            log.outbox = Some(outbox);
            log.marked = None;
        }
        is_owner
    }

    /// Whether everything after `offset` is here; without one, everything there ever was.
    pub fn knows(&self, offset: Option<Offset>) -> bool {
        self.lock().after(offset).is_some()
    }

    /// Goes on at `outbox`, with what came after `offset` first. Says how many events these were.
    pub fn resume(
        &self,
        owner: u64,
        offset: Option<Offset>,
        outbox: Arc<Outbox>,
    ) -> Result<usize, NotResumed> {
        let mut log = self.lock();
        if log.owner != owner {
            return Err(NotResumed::Superseded);
        }
        let start = log.after(offset).ok_or(NotResumed::Forgotten)?;
        let missed = log.entries.range(start..);
        let missed: Vec<Frame> = missed.filter_map(|entry| entry.frame.clone()).collect();
        outbox.send_all(&missed);
        log.outbox = Some(outbox);
        log.marked = None;
        Ok(missed.len())
    }

    /// The outbox of the connection that the socket has now.
    pub fn outbox(&self) -> Option<Arc<Outbox>> {
        self.lock().outbox.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        // The log is whole after every statement.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Log {
    fn push(&mut self, stamp: u64, frame: Option<Frame>) {
        self.bytes += frame.as_ref().map_or(0, Frame::len);
        self.entries.push_back(Entry { stamp, frame });
        while self.entries.len() > JOURNAL_FRAMES || self.bytes > JOURNAL_BYTES {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(Entry { frame, .. }) = self.entries.pop_front() {
            self.bytes -= frame.map_or(0, |frame| frame.len());
            self.is_cut = true;
        }
    }

    /// Where what came after `offset` begins; `None` when that is not known.
    fn after(&self, offset: Option<Offset>) -> Option<usize> {
        let Some(offset) = offset else {
            return (!self.is_cut).then_some(0);
        };
        let at = self
            .entries
            .iter()
            .rposition(|entry| entry.stamp == offset.stamp)?;
        Some(at + 1)
    }

    /// Forgets what came before the event with this stamp, which stays: it may be the last that the client saw.
    fn forget_before(&mut self, stamp: u64) {
        let Some(at) = self.entries.iter().position(|entry| entry.stamp == stamp) else {
            return;
        };
        (0..at).for_each(|_| self.drop_first());
        if let Some(first) = self.entries.front_mut() {
            let frame = first.frame.take();
            self.bytes -= frame.map_or(0, |frame| frame.len());
        }
        self.entries.shrink_to(16);
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
