//! Members that wait for finals from storage, what is held for them meanwhile, and how both fit together.
//!
//! Owned by the Room. What a member is held is everything from the oldest final in memory on; what storage adds goes
//! before it. Members who join while the same is being fetched share one fetch.

use std::sync::Arc;

use actix::SpawnHandle;
use switchboard_protocol::frame::Frame;
use tokio::sync::oneshot;

use super::recent::Entry;
use crate::SocketId;
use crate::limits::{CLOCK_SKEW_MICROS, HISTORY_BYTES, HISTORY_HELD_BYTES, HISTORY_HELD_FRAMES};
use crate::outbox::Outbox;

/// What a joining socket wants to be sent first.
#[derive(Debug)]
pub struct History {
    /// How many of the room's last finals, at most.
    pub wanted: u16,
    /// Told once they are on their way; dropped when the membership ends before.
    pub replayed: oneshot::Sender<Replayed>,
}

impl History {
    /// Sends nothing, because nothing is missing.
    pub(crate) fn pass_over(self) {
        // Who asked may have gone.
        let _ = self.replayed.send(Replayed {
            finals: 0,
            is_incomplete: false,
        });
    }
}

/// A history was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How many finals it had.
    pub finals: usize,
    /// Whether older ones may be missing, because storage did not answer (in time).
    pub is_incomplete: bool,
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
    pub(super) fn new(wanted: usize, outbox: &Outbox) -> Self {
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
    pub outbox: Arc<Outbox>,
    wanted: usize,
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
        outbox: Arc<Outbox>,
        history: History,
        recent: impl Iterator<Item = &'a Entry>,
    ) -> Self {
        let finals: Vec<Entry> = recent.cloned().collect();
        Self {
            socket,
            outbox,
            wanted: usize::from(history.wanted),
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
    pub(super) fn release(self, fetched: Option<&Fetched>) -> (SocketId, Arc<Outbox>) {
        let mut budget = Budget::new(self.wanted, &self.outbox);
        let recent = budget.take(self.finals[..self.recent].iter());
        let older = match fetched {
            Some(fetched) => missing(&fetched.finals, &self.finals),
            None => Vec::new(),
        };
        let older = budget.take(older.into_iter());
        let history = older.iter().chain(&recent).map(|e| e.frame.clone());
        let mut frames: Vec<Frame> = history.collect();
        let replayed = Replayed {
            finals: frames.len(),
            is_incomplete: fetched.is_none(),
        };
        frames.extend_from_slice(&self.frames[self.recent..]);
        self.outbox.send_all(&frames);
        // Its session may have gone.
        let _ = self.replayed.send(replayed);
        (self.socket, self.outbox)
    }
}

/// Those of `stored` that memory does not hold, both in order.
///
/// A stored final is one of memory's when it is the same by number, or, stored by another switchboard, the same by
/// its bytes at about the same time. Each of memory's is found once at most: equal lines that were said twice stay two.
pub(super) fn missing<'a>(stored: &'a [Entry], memory: &[Entry]) -> Vec<&'a Entry> {
    let Some(first) = memory.first() else {
        return stored.iter().collect();
    };
    let mut is_found = vec![false; memory.len()];
    let mut others = Vec::new();
    for entry in stored {
        match memory.binary_search_by_key(&entry.number, |e| e.number) {
            Ok(at) if memory[at].says_the_same(entry) => is_found[at] = true,
            _ => others.push(entry),
        }
    }
    let mut missing = Vec::new();
    // From the latest, so that of equal ones it is the older that remain.
    for entry in others.into_iter().rev() {
        let is_near = entry.number.saturating_add(CLOCK_SKEW_MICROS) >= first.number;
        let same = |(at, known): &(usize, &Entry)| {
            !is_found[*at]
                && known.says_the_same(entry)
                && known.number.abs_diff(entry.number) <= CLOCK_SKEW_MICROS
        };
        let found = memory
            .iter()
            .enumerate()
            .rev()
            .find(same)
            .filter(|_| is_near);
        match found.map(|(at, _)| at) {
            Some(at) => is_found[at] = true,
            None => missing.push(entry),
        }
    }
    missing.reverse();
    missing
}

/// One question to storage, and who waits for the answer.
pub(super) struct Fetch {
    /// Tells it from others of the room.
    pub id: u64,
    /// Which memory it continues: [`Recent::evictions`](super::recent::Recent::evictions).
    pub evictions: u64,
    /// How many finals it asks for.
    pub wanted: usize,
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

    /// The fetch that answers for `wanted` finals before the same memory, if there is one.
    pub(super) fn shared(&mut self, evictions: u64, wanted: usize) -> Option<&mut Fetch> {
        let fits = |f: &&mut Fetch| f.evictions == evictions && f.wanted >= wanted;
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

    fn missing_numbers(stored: &[(u64, &str)], memory: &[(u64, &str)]) -> Vec<u64> {
        let (stored, memory) = (entries(stored), entries(memory));
        missing(&stored, &memory).iter().map(|e| e.number).collect()
    }

    const T: u64 = 1_000_000_000;

    /// Memory from `first` on, and the first `stored` of `all` in storage, are all of it up to the seam.
    fn assert_seam(all: &[Entry], first: usize, stored: usize) {
        let (stored, memory) = (&all[..stored], &all[first..]);
        let missing = missing(stored, memory);
        let numbers: Vec<u64> = missing.iter().map(|e| e.number).collect();
        let expected = all[..stored.len().min(first)].iter().map(|e| e.number);
        let expected: Vec<u64> = expected.collect();
        assert_eq!(
            numbers,
            expected,
            "memory from {first}, {} stored",
            stored.len()
        );
    }

    #[test]
    fn what_memory_holds_is_not_missing_wherever_the_seam_is() {
        let all = (0..40).map(|n| entry(T + n, &n.to_string()));
        let all: Vec<Entry> = all.collect();
        for first in 0..all.len() {
            (0..=all.len()).for_each(|stored| assert_seam(&all, first, stored));
        }
    }

    #[test]
    fn equal_lines_stay_as_many_as_were_said_once_all_are_stored() {
        let all = (0..40).map(|n| entry(T + n, &(n % 3).to_string()));
        let all: Vec<Entry> = all.collect();
        (0..all.len()).for_each(|first| assert_seam(&all, first, all.len()));
    }

    #[test]
    fn what_another_switchboard_stored_is_known_by_its_bytes() {
        let memory = [(T, "a"), (T + 10, "b"), (T + 20, "a")];
        for skew in [-900_000_i64, -5, 5, 900_000] {
            let other = |n: u64| n.saturating_add_signed(skew);
            let stored = [
                (other(T - 10), "z"),
                (other(T), "a"),
                (other(T + 10), "b"),
                (other(T + 20), "a"),
            ];
            assert_eq!(
                missing_numbers(&stored, &memory),
                [other(T - 10)],
                "skew {skew}"
            );
        }
    }

    #[test]
    fn an_equal_line_said_before_stays() {
        let memory = [(T, "yes"), (T + 10, "yes")];
        let stored = [(T - 20, "yes"), (T, "yes"), (T + 10, "yes")];
        assert_eq!(missing_numbers(&stored, &memory), [T - 20]);
        let long_ago = T - CLOCK_SKEW_MICROS - 1;
        assert_eq!(missing_numbers(&[(long_ago, "yes")], &memory), [long_ago]);
        assert_eq!(missing_numbers(&[(1, "a"), (2, "a")], &[]), [1, 2]);
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
