//! The last finals of a room in memory: numbered, bounded, without a gap up to the latest. Pure.
//!
//! An entry holds the frame that the members were sent and, within the same bytes, the payload: nothing is copied
//! for it.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;
use switchboard_protocol::events;
use switchboard_protocol::frame::Frame;
use switchboard_protocol::socketio::Namespace;

use crate::limits::{RECENT_BYTES, RECENT_FINALS};

/// How long equal finals are told apart by counting them, in microseconds.
const OCCURRENCE_MICROS: u64 = 600 * 1_000_000;
/// Bits of an occurrence that count.
const WINDOW_BITS: u32 = 9;
const _: () = assert!(RECENT_FINALS < 1 << WINDOW_BITS);

/// One final.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// See [`Final::number`](crate::ports::Final::number).
    pub number: u64,
    /// JSON, as published.
    pub payload: Bytes,
    /// The event that carries it.
    pub frame: Frame,
    /// Of the payload, so that unequal ones are told apart at a glance.
    hash: u64,
}

impl Entry {
    /// A final that storage holds; `payload` must be JSON.
    pub(super) fn stored(number: u64, payload: &[u8]) -> Self {
        let frame = Frame::event(&Namespace::root(), events::FINAL, &[payload]);
        Self::of(number, frame, payload.len())
    }

    /// A final whose payload of `length` bytes is the only argument of `frame`.
    fn of(number: u64, frame: Frame, length: usize) -> Self {
        let bytes = frame.websocket();
        // Only the bracket that closes the event follows.
        let end = bytes.len() - 1;
        let payload = bytes.slice(end - length..end);
        Self {
            number,
            hash: hash(&payload),
            payload,
            frame,
        }
    }

    /// Tells its payload from others, but not surely; never 0.
    pub(super) fn digest(&self) -> u32 {
        (self.hash as u32).max(1)
    }

    /// Whether the payloads are the same bytes.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.hash == other.hash && self.payload == other.payload
    }
}

/// The part of time in which a number was given.
fn window(number: u64) -> u32 {
    (number / OCCURRENCE_MICROS) as u32
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Recent {
    finals: VecDeque<Entry>,
    /// Of all frames.
    bytes: usize,
    /// The highest number given or reserved so far.
    latest: u64,
    /// How often the front was dropped: what was before it then is not in memory.
    evictions: u64,
    /// Whether there is nothing before the front, as far as storage knew.
    is_whole: bool,
}

impl Recent {
    /// Takes a final that arrived at `now` (microseconds since the epoch) in `frame`, the payload of which has this
    /// length. Returns its entry and its [`Final::occurrence`](crate::ports::Final::occurrence).
    pub(super) fn push(&mut self, frame: Frame, length: usize, now: u64) -> (Entry, u32) {
        self.latest = now.max(self.latest + 1);
        let entry = Entry::of(self.latest, frame, length);
        let is_same =
            |e: &&Entry| e.says_the_same(&entry) && window(e.number) == window(entry.number);
        let same = self.finals.iter().filter(is_same).count();
        let occurrence = window(entry.number) << WINDOW_BITS | same as u32;
        self.bytes += entry.frame.len();
        self.finals.push_back(entry.clone());
        while self.finals.len() > RECENT_FINALS || self.bytes > RECENT_BYTES {
            let dropped = self.finals.pop_front().expect("what is too much is there");
            self.bytes -= dropped.frame.len();
            self.evictions += 1;
            self.is_whole = false;
        }
        (entry, occurrence)
    }

    /// The number that no final in memory, and none to come, is below; at `now`.
    pub(super) fn first_number(&mut self, now: u64) -> u64 {
        if let Some(first) = self.finals.front() {
            return first.number;
        }
        self.latest = self.latest.max(now.saturating_sub(1));
        self.latest + 1
    }

    /// Those in memory, the oldest first.
    pub(super) fn finals(&self) -> &VecDeque<Entry> {
        &self.finals
    }

    /// Changes when what was the oldest in memory has been dropped.
    pub(super) fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Whether memory alone can answer for the last `wanted` finals.
    pub(super) fn suffices(&self, wanted: usize) -> bool {
        self.is_whole || self.finals.len() >= wanted
    }

    /// Whether memory goes back to this number.
    pub(super) fn reaches(&self, number: u64) -> bool {
        self.is_whole
            || self
                .finals
                .front()
                .is_some_and(|first| first.number <= number)
    }

    /// Puts what came before the oldest in front of it, as far as there is room. `is_all`: storage has no more.
    pub(super) fn extend_back(&mut self, older: &[&Entry], is_all: bool) {
        for entry in older.iter().rev() {
            let bytes = self.bytes + entry.frame.len();
            if self.finals.len() == RECENT_FINALS || bytes > RECENT_BYTES {
                return;
            }
            self.bytes = bytes;
            self.finals.push_front((*entry).clone());
        }
        self.is_whole = is_all;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(payload: &str) -> Frame {
        Frame::event(&Namespace::root(), events::FINAL, &[payload.as_bytes()])
    }

    fn push(recent: &mut Recent, payload: &str, now: u64) -> (u64, u32) {
        let (entry, occurrence) = recent.push(frame(payload), payload.len(), now);
        assert_eq!(entry.payload, payload.as_bytes());
        (entry.number, occurrence)
    }

    fn payloads(recent: &Recent) -> Vec<&str> {
        let texts = recent.finals.iter();
        texts
            .map(|e| std::str::from_utf8(&e.payload).unwrap())
            .collect()
    }

    #[test]
    fn numbers_follow_the_clock_and_never_repeat_nor_go_back() {
        let mut recent = Recent::default();
        let times = [100, 100, 100, 50, 200, 0];
        let numbers = times.map(|now| push(&mut recent, "1", now).0);
        assert_eq!(numbers, [100, 101, 102, 103, 200, 201]);
    }

    #[test]
    fn equal_payloads_are_counted_and_told_apart_from_those_of_other_times() {
        let mut recent = Recent::default();
        let payloads = ["1", "2", "1", "1", "2", "3"];
        let occurrences = payloads.map(|payload| push(&mut recent, payload, 0).1);
        assert_eq!(occurrences, [0, 0, 1, 2, 1, 0]);
        let later = push(&mut recent, "1", 3 * OCCURRENCE_MICROS).1;
        let (again, another) = (push(&mut recent, "1", 0).1, push(&mut recent, "2", 0).1);
        assert_eq!((again, another), (later + 1, later));
        // A room that has just begun agrees with one that was there before.
        assert_eq!(
            push(&mut Recent::default(), "1", 3 * OCCURRENCE_MICROS + 5).1,
            later
        );
        assert!(later > 256);
    }

    #[test]
    fn the_payload_is_the_frames_own_memory() {
        let mut recent = Recent::default();
        let frame = frame(r#" {"a": 1} "#);
        let (entry, _) = recent.push(frame.clone(), 10, 0);
        let memory = frame.websocket().as_ptr_range();
        assert!(memory.contains(&entry.payload.as_ptr()));
        assert_eq!(entry.payload, r#" {"a": 1} "#);
        assert_eq!(Entry::stored(7, &entry.payload).frame, frame);
    }

    #[test]
    fn so_many_are_kept_and_the_oldest_go_first() {
        let mut recent = Recent::default();
        for n in 0..RECENT_FINALS + 10 {
            push(&mut recent, &n.to_string(), 0);
        }
        assert_eq!(recent.finals.len(), RECENT_FINALS);
        assert_eq!(
            (recent.evictions(), recent.finals[0].payload == "10"),
            (10, true)
        );
    }

    #[test]
    fn so_many_bytes_are_kept_and_one_larger_than_that_leaves_nothing() {
        let mut recent = Recent::default();
        let large = format!("\"{}\"", "x".repeat(RECENT_BYTES / 2));
        push(&mut recent, "1", 0);
        push(&mut recent, &large, 0);
        push(&mut recent, "2", 0);
        assert_eq!(recent.finals.len(), 3);
        push(&mut recent, &large, 0);
        assert_eq!(payloads(&recent), ["2", &large]);
        push(&mut recent, &format!("[{large},{large}]"), 0);
        assert_eq!((recent.finals.len(), recent.bytes), (0, 0));
        push(&mut recent, "3", 0);
        assert_eq!(payloads(&recent), ["3"]);
    }

    #[test]
    fn the_first_number_is_below_all_to_come_even_when_the_clock_goes_back() {
        let mut recent = Recent::default();
        assert_eq!(recent.first_number(100), 100);
        assert_eq!(push(&mut recent, "1", 50).0, 100);
        assert_eq!(recent.first_number(200), 100);
        let mut recent = Recent::default();
        assert_eq!(recent.first_number(0), 1);
    }

    #[test]
    fn memory_filled_up_from_storage_is_whole_until_something_is_dropped() {
        let mut recent = Recent::default();
        push(&mut recent, "3", 10);
        let (one, two) = (Entry::stored(1, b"1"), Entry::stored(2, b"2"));
        recent.extend_back(&[&one, &two], true);
        assert_eq!(payloads(&recent), ["1", "2", "3"]);
        assert!(recent.suffices(500));
        for _ in 0..RECENT_FINALS {
            push(&mut recent, "4", 0);
        }
        assert!(!recent.suffices(500) && recent.suffices(RECENT_FINALS));
        let older: Vec<Entry> = (0..RECENT_FINALS as u64)
            .map(|n| Entry::stored(n, b"0"))
            .collect();
        let mut recent = Recent::default();
        push(&mut recent, "1", 1000);
        recent.extend_back(&older.iter().collect::<Vec<_>>(), true);
        assert_eq!(recent.finals.len(), RECENT_FINALS);
        assert!(!recent.suffices(500), "one of them had no room");
    }
}
