//! What waits to be done a few at a time, each once however often it is asked for. Pure.

use std::collections::{HashSet, VecDeque};

/// See the module's documentation. Bounded by what there is to name.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<u64>,
    /// The same, to look up.
    is_waiting: HashSet<u64>,
    /// How many have begun and not ended.
    running: usize,
}

impl Queue {
    /// Has `id` done, also when it is being done: it began before it was asked for.
    pub(super) fn push(&mut self, id: u64) {
        if self.is_waiting.insert(id) {
            self.waiting.push_back(id);
        }
    }

    /// The next to do while fewer than `most` run. Its [`end`](Self::end) must follow.
    pub(super) fn begin(&mut self, most: usize) -> Option<u64> {
        if self.running >= most {
            return None;
        }
        let id = self.waiting.pop_front()?;
        self.is_waiting.remove(&id);
        self.running += 1;
        Some(id)
    }

    /// How many have begun and not ended.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// One that began has ended.
    pub(super) fn end(&mut self) {
        self.running -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_already_is_not_done_twice_and_what_runs_is_done_again() {
        let mut queue = Queue::default();
        for id in [1, 2, 1, 1] {
            queue.push(id);
        }
        assert_eq!(queue.begin(9), Some(1));
        queue.push(1);
        let rest: Vec<_> = std::iter::from_fn(|| queue.begin(9)).collect();
        assert_eq!(rest, [2, 1]);
    }

    #[test]
    fn no_more_run_at_once_than_may() {
        let mut queue = Queue::default();
        (0..5).for_each(|id| queue.push(id));
        assert_eq!((queue.begin(2), queue.begin(2)), (Some(0), Some(1)));
        assert_eq!(queue.begin(2), None);
        queue.end();
        assert_eq!((queue.begin(2), queue.begin(2)), (Some(2), None));
    }
}
