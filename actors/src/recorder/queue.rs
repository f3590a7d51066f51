//! Finals that wait to be stored: counted, bounded, in order. Pure.

use std::collections::VecDeque;

use crate::limits::{FINALS_BATCH_BYTES, FINALS_PER_BATCH, FINALS_WAITING, FINALS_WAITING_BYTES};
use crate::ports::Final;

/// Why finals were dropped, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    /// The bound that they met: `finals` or `bytes`.
    pub bound: &'static str,
    pub count: u64,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Final>,
    /// The batch that is being stored: the oldest, never dropped.
    under_way: Vec<Final>,
    /// Of both.
    bytes: usize,
    /// How many were ever taken in.
    received: u64,
}

impl Queue {
    /// Takes finals in; beyond the bounds the oldest that wait are dropped.
    pub(super) fn push(&mut self, finals: Vec<Final>) -> Option<Dropped> {
        self.received += finals.len() as u64;
        self.bytes += finals.iter().map(|f| f.payload.len()).sum::<usize>();
        self.waiting.extend(finals);
        self.drop_oldest()
    }

    fn drop_oldest(&mut self) -> Option<Dropped> {
        let mut dropped: Option<Dropped> = None;
        loop {
            let bound = match (
                self.len() > FINALS_WAITING,
                self.bytes > FINALS_WAITING_BYTES,
            ) {
                (true, _) => "finals",
                (false, true) => "bytes",
                (false, false) => return dropped,
            };
            let Some(oldest) = self.waiting.pop_front() else {
                return dropped;
            };
            self.bytes -= oldest.payload.len();
            dropped.get_or_insert(Dropped { bound, count: 0 }).count += 1;
        }
    }

    /// The oldest that wait, to be stored; they stay until [`stored`](Self::stored) or [`failed`](Self::failed).
    pub(super) fn batch(&mut self) -> Vec<Final> {
        debug_assert!(self.under_way.is_empty(), "one batch at a time");
        let mut bytes = 0;
        while let Some(next) = self.waiting.front() {
            bytes += next.payload.len();
            let is_first = self.under_way.is_empty();
            if self.under_way.len() == FINALS_PER_BATCH || (bytes > FINALS_BATCH_BYTES && !is_first)
            {
                break;
            }
            self.under_way.extend(self.waiting.pop_front());
        }
        self.under_way.clone()
    }

    /// The batch is stored; how many finals it had.
    pub(super) fn stored(&mut self) -> u64 {
        let stored = std::mem::take(&mut self.under_way);
        self.bytes -= stored.iter().map(|f| f.payload.len()).sum::<usize>();
        stored.len() as u64
    }

    /// The batch waits again, before all others.
    pub(super) fn failed(&mut self) {
        for oldest in self.under_way.drain(..).rev() {
            self.waiting.push_front(oldest);
        }
    }

    /// How many wait, the batch under way included.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    /// Bytes of their payloads.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many were ever taken in.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// How many of those, the first ones, wait no more.
    pub(super) fn settled(&self) -> u64 {
        self.received - self.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use switchboard_protocol::ids::RoomId;

    use super::*;

    fn finals(numbers: std::ops::Range<u64>, length: usize) -> Vec<Final> {
        let payload = Bytes::from(vec![b'1'; length]);
        let room: RoomId = "S/1".parse().unwrap();
        let numbered = numbers.map(|number| Final {
            room: room.clone(),
            number,
            occurrence: 0,
            payload: payload.clone(),
        });
        numbered.collect()
    }

    fn numbers(batch: &[Final]) -> (u64, u64) {
        (batch[0].number, batch[batch.len() - 1].number)
    }

    #[test]
    fn batches_are_bounded_in_number_and_bytes_but_never_empty() {
        let mut queue = Queue::default();
        queue.push(finals(0..700, 10));
        assert_eq!(numbers(&queue.batch()), (0, 499));
        assert_eq!((queue.stored(), queue.settled()), (500, 500));
        assert_eq!(numbers(&queue.batch()), (500, 699));
        queue.stored();
        queue.push(finals(0..3, FINALS_BATCH_BYTES / 2 + 1));
        queue.push(finals(3..4, FINALS_BATCH_BYTES + 1));
        for n in 0..4 {
            assert_eq!(numbers(&queue.batch()), (n, n));
            queue.stored();
        }
        assert_eq!((queue.len(), queue.bytes, queue.settled()), (0, 0, 704));
    }

    #[test]
    fn a_failed_batch_comes_again_before_all_others() {
        let mut queue = Queue::default();
        queue.push(finals(0..3, 1));
        queue.batch();
        queue.push(finals(3..5, 1));
        queue.failed();
        assert_eq!((queue.len(), queue.settled()), (5, 0));
        assert_eq!(numbers(&queue.batch()), (0, 4));
    }

    #[test]
    fn beyond_its_bounds_the_oldest_that_wait_are_dropped() {
        let mut queue = Queue::default();
        assert_eq!(queue.push(finals(0..FINALS_WAITING as u64, 1)), None);
        queue.batch();
        let dropped = queue.push(finals(0..10, 1)).unwrap();
        assert_eq!((dropped.bound, dropped.count), ("finals", 10));
        assert_eq!((queue.len(), queue.settled()), (FINALS_WAITING, 10));
        queue.stored();
        // Those under way were not touched.
        assert_eq!(queue.batch()[0].number, 510);

        let mut queue = Queue::default();
        let quarter = FINALS_WAITING_BYTES / 4;
        assert_eq!(queue.push(finals(0..4, quarter)), None);
        let dropped = queue.push(finals(4..6, quarter)).unwrap();
        assert_eq!((dropped.bound, dropped.count), ("bytes", 2));
        assert_eq!(queue.batch()[0].number, 2);
    }
}
