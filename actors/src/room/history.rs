//! Members that wait for finals from storage, what is held for them meanwhile, and how both fit together.
//!
//! Owned by the Room. What a member is held is everything from the oldest final in memory on; what storage adds goes
//! before it. Members who join while the same is being fetched share one fetch.

use actix::SpawnHandle;
use switchboard_protocol::frame::Frame;
use tokio::sync::oneshot;

use super::recent::Entry;
use super::seam::{missing, since};
use crate::SocketId;
use crate::limits::{
    CLOCK_SKEW_MICROS, HISTORY_BYTES, HISTORY_HELD_BYTES, HISTORY_HELD_FRAMES, HISTORY_READ,
};
use crate::outbox::{Offset, WayOut};

/// Which finals a joining socket wants to be sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The last ones, so many at most.
    Last(u16),
    /// All since the event with this offset.
    After(Offset),
}

/// What a joining socket wants to be sent first.
#[derive(Debug)]
pub struct History {
    /// Which finals.
    pub wanted: Wanted,
    /// Told once they are on their way; dropped when the membership ends before.
    pub replayed: oneshot::Sender<Replayed>,
}

impl History {
    /// Sends nothing, because nothing is missing.
    pub(crate) fn pass_over(self) {
        // Who asked may have gone.
        let _ = self.replayed.send(Replayed {
            finals: 0,
            first: None,
            is_incomplete: false,
        });
    }
}

/// A history was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How many finals it had.
    pub finals: usize,
    /// The number of the first of them.
    pub first: Option<u64>,
    /// Whether older ones may be missing, because storage did not answer (in time).
    pub is_incomplete: bool,
}

/// How far back storage is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// So many finals.
    Finals(usize),
    /// To this number.
    Back(u64),
}

/// Clients that lost their connection together share a fetch, although each has an offset of its own.
const REACH_STEP: u64 = 10_000_000;

impl From<Wanted> for Reach {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Last(wanted) => Self::Finals(usize::from(wanted)),
            Wanted::After(offset) => {
                let back = offset.stamp.saturating_sub(CLOCK_SKEW_MICROS);
                Self::Back(back - back % REACH_STEP)
            }
        }
    }
}

impl Reach {
    fn includes(self, other: Self) -> bool {
        match (self, other) {
            (Self::Finals(own), Self::Finals(other)) => own >= other,
            (Self::Back(own), Self::Back(other)) => own <= other,
            _ => false,
        }
    }
}

/// What came from storage: finals in order, and whether there are none before them.
#[derive(Default)]
pub(super) struct Fetched {
    pub finals: Vec<Entry>,
    pub is_all: bool,
}

/// What one history reply may hold.
#[derive(Clone, Copy)]
pub(super) struct Budget {
    finals: usize,
    bytes: usize,
}

impl Budget {
    /// The budget of `wanted` finals for this outbox: half of what it has room for at most, so that a history alone
    /// never cuts off who asked for it.
    pub(super) fn new(wanted: usize, outbox: &WayOut) -> Self {
        let (frames, bytes) = outbox.free();
        Self {
            finals: wanted.min(frames / 2),
            bytes: HISTORY_BYTES.min(bytes / 2),
        }
    }

    /// Takes the latest of `finals` that fit, in order.
    pub(super) fn take<'a>(
        &mut self,
        finals: impl DoubleEndedIterator<Item = &'a Entry>,
    ) -> Vec<&'a Entry> {
        let mut taken = Vec::new();
        for entry in finals.rev() {
            let Some(left) = self.bytes.checked_sub(entry.frame.len()) else {
                // None before it may come: there would be a gap.
                self.finals = 0;
                break;
            };
            if self.finals == 0 {
                break;
            }
            self.finals -= 1;
            self.bytes = left;
            taken.push(entry);
        }
        taken.reverse();
        taken
    }
}

/// A member that waits for storage.
pub(super) struct Pending {
    pub socket: SocketId,
    pub outbox: WayOut,
    wanted: Wanted,
    replayed: oneshot::Sender<Replayed>,
    /// Finals that were in memory when it joined: the beginning of `frames`.
    recent: usize,
    /// Everything since the oldest final in memory.
    frames: Vec<Frame>,
    /// The finals among `frames`.
    finals: Vec<Entry>,
    /// Bytes that came while it waits.
    held: usize,
}

impl Pending {
    pub(super) fn new<'a>(
        socket: SocketId,
        outbox: WayOut,
        history: History,
        recent: impl Iterator<Item = &'a Entry>,
    ) -> Self {
        let finals: Vec<Entry> = recent.cloned().collect();
        Self {
            socket,
            outbox,
            wanted: history.wanted,
            replayed: history.replayed,
            recent: finals.len(),
            frames: finals.iter().map(|entry| entry.frame.clone()).collect(),
            finals,
            held: 0,
        }
    }

    fn hold(&mut self, frames: &[Frame], finals: &[Entry]) {
        self.held += frames.iter().map(Frame::len).sum::<usize>();
        self.frames.extend_from_slice(frames);
        self.finals.extend_from_slice(finals);
    }

    fn is_full(&self) -> bool {
        self.held > HISTORY_HELD_BYTES || self.frames.len() - self.recent > HISTORY_HELD_FRAMES
    }

    /// Sends the history and what was held, in order. Without `fetched`, memory is all there is.
    pub(super) fn release(self, fetched: Option<&Fetched>) -> (SocketId, WayOut) {
        let older = match fetched {
            Some(fetched) => missing(&fetched.finals, &self.finals),
            None => Vec::new(),
        };
        let is_all = fetched.is_some_and(|fetched| fetched.is_all);
        let known = older.into_iter().chain(&self.finals[..self.recent]);
        let (history, is_complete) = match self.wanted {
            Wanted::Last(wanted) => {
                let mut budget = Budget::new(usize::from(wanted), &self.outbox);
                (budget.take(known), fetched.is_some())
            }
            Wanted::After(offset) => {
                let known: Vec<&Entry> = known.collect();
                let first = known.first().map_or(u64::MAX, |entry| entry.number);
                let since = since(offset, &known);
                let mut budget = Budget::new(HISTORY_READ, &self.outbox);
                let taken = budget.take(since.iter().copied());
                let is_whole = taken.len() == since.len();
                (taken, is_whole && (is_all || first <= offset.stamp))
            }
        };
        let replayed = Replayed {
            finals: history.len(),
            first: history.first().map(|entry| entry.number),
            is_incomplete: !is_complete,
        };
        let history = history.into_iter().map(|entry| entry.frame.clone());
        let held = self.frames[self.recent..].iter().cloned();
        let frames: Vec<Frame> = history.chain(held).collect();
        self.outbox.send_all(&frames);
        // Its session may have gone.
        let _ = self.replayed.send(replayed);
        (self.socket, self.outbox)
    }
}

/// One question to storage, and who waits for the answer.
pub(super) struct Fetch {
    /// Tells it from others of the room.
    pub id: u64,
    /// Which memory it continues: [`Recent::evictions`](super::recent::Recent::evictions).
    pub evictions: u64,
    /// What it asks for.
    pub wanted: Reach,
    /// What runs it.
    pub handle: SpawnHandle,
    pub pending: Vec<Pending>,
}

/// All fetches of a room under way.
#[derive(Default)]
pub(super) struct Fetches(Vec<Fetch>);

impl Fetches {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn start(&mut self, fetch: Fetch) {
        self.0.push(fetch);
    }

    /// Whether the socket waits.
    pub(super) fn has(&self, socket: SocketId) -> bool {
        let mut pending = self.0.iter().flat_map(|fetch| &fetch.pending);
        pending.any(|pending| pending.socket == socket)
    }

    /// The fetch that reads as far back as `wanted` from the same memory, if there is one.
    pub(super) fn shared(&mut self, evictions: u64, wanted: Reach) -> Option<&mut Fetch> {
        let fits = |f: &&mut Fetch| f.evictions == evictions && f.wanted.includes(wanted);
        self.0.iter_mut().find(fits)
    }

    /// Holds what was published for all who wait; returns those for whom no more can be held.
    pub(super) fn hold(&mut self, frames: &[Frame], finals: &[Entry]) -> Vec<Pending> {
        let mut full = Vec::new();
        for fetch in &mut self.0 {
            fetch
                .pending
                .iter_mut()
                .for_each(|p| p.hold(frames, finals));
            full.extend(fetch.pending.extract_if(.., |p| p.is_full()));
        }
        full
    }

    /// Forgets a socket; returns what runs the fetches that nobody waits for any more.
    pub(super) fn remove(&mut self, socket: SocketId) -> Vec<SpawnHandle> {
        for fetch in &mut self.0 {
            fetch.pending.retain(|pending| pending.socket != socket);
        }
        let idle = self.0.extract_if(.., |fetch| fetch.pending.is_empty());
        idle.map(|fetch| fetch.handle).collect()
    }

    /// Ends a fetch that was answered.
    pub(super) fn take(&mut self, id: u64) -> Option<Fetch> {
        let at = self.0.iter().position(|fetch| fetch.id == id)?;
        Some(self.0.swap_remove(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64, payload: &str) -> Entry {
        Entry::stored(number, payload.as_bytes())
    }

    fn entries(list: &[(u64, &str)]) -> Vec<Entry> {
        list.iter().map(|(n, payload)| entry(*n, payload)).collect()
    }

    #[test]
    fn a_budget_takes_the_latest_and_leaves_no_gap() {
        let finals = entries(&[(1, "1"), (2, "\"long, so long\""), (3, "3")]);
        let numbers = |count: usize, bytes: usize| {
            let mut budget = Budget {
                finals: count,
                bytes,
            };
            let taken = budget.take(finals.iter());
            taken.iter().map(|e| e.number).collect::<Vec<_>>()
        };
        let short = finals[0].frame.len();
        assert_eq!(numbers(2, 1000), [2, 3]);
        assert_eq!(numbers(9, 1000), [1, 2, 3]);
        assert_eq!(
            numbers(9, 2 * short),
            [3],
            "the first would fit, but not what is between"
        );
        assert_eq!(numbers(0, 1000), [0; 0]);
    }
}
