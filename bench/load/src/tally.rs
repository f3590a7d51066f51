//! What was received: counted, timed, and checked against what was published.
//!
//! Each (socket, topic) has a [`Line`] that knows the next sequence number and the ones still missing,
//! so that lost, duplicated and out of order are exact and told apart.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// How one (socket, topic) stands.
#[derive(Debug, Default, Clone)]
pub struct Line {
    /// The sequence number expected next.
    next: u32,
    /// Numbers that were skipped and have not come yet; nearly always empty.
    missing: Vec<u32>,
}

/// What one delivery turned out to be.
#[derive(Debug, PartialEq, Eq)]
enum Arrival {
    InOrder,
    /// Later than a younger one.
    Late,
    Duplicate,
}

impl Line {
    /// A line of a socket that joined when `next` was about to be published.
    pub fn from(next: u32) -> Self {
        Self {
            next,
            missing: Vec::new(),
        }
    }

    fn arrived(&mut self, sequence: u32) -> Arrival {
        if sequence >= self.next {
            self.missing.extend(self.next..sequence);
            self.next = sequence + 1;
            return Arrival::InOrder;
        }
        match self.missing.iter().position(|&missing| missing == sequence) {
            Some(place) => {
                self.missing.swap_remove(place);
                Arrival::Late
            }
            None => Arrival::Duplicate,
        }
    }

    /// How many of the `published` numbers never came.
    pub fn lost(&self, published: u32) -> u64 {
        self.missing.len() as u64 + u64::from(published.saturating_sub(self.next))
    }
}

/// What went wrong with deliveries; all zero in a good run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Published after the socket joined, never received.
    pub lost: u64,
    /// Received more than once.
    pub duplicated: u64,
    /// Received after a younger one of the same topic.
    pub out_of_order: u64,
    /// Received by a socket of another room.
    pub stray: u64,
}

/// Quantiles of some duration, in microseconds.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub struct Latency {
    pub p50: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

impl Latency {
    fn of(durations: &Histogram<u64>) -> Self {
        let at = |quantile| durations.value_at_quantile(quantile);
        Self {
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: durations.max(),
        }
    }
}

/// All that the sockets received together.
pub struct Tally {
    /// Deliveries received since the start, duplicates not counted again.
    pub deliveries: u64,
    /// Answers that were said to be complete.
    pub answers: usize,
    /// The deliveries' faults, `lost` excepted, which only the lines know.
    pub faults: Faults,
    /// Latencies since the last [`Tally::restart_clock`], in microseconds.
    latency: Histogram<u64>,
    /// From a viewer's first step until it had caught up, since then too, in microseconds.
    arrivals: Histogram<u64>,
    /// The one room whose latencies count; `None`: every room's do.
    timed: Option<u16>,
}

impl Tally {
    /// Nothing received yet.
    pub fn new() -> Self {
        let empty = Histogram::new_with_bounds(1, 60_000_000, 3).expect("constant bounds");
        Self {
            deliveries: 0,
            answers: 0,
            faults: Faults::default(),
            latency: empty.clone(),
            arrivals: empty,
            timed: None,
        }
    }

    /// From now on only the latencies of `room` count; everything else is counted as before.
    pub fn time_only(&mut self, room: u16) {
        self.timed = Some(room);
    }

    /// Notes one delivery of `sequence` on `line`, a viewer's of `room`, `age` nanoseconds after its publication.
    pub fn note(&mut self, room: u16, line: &mut Line, sequence: u32, age: u64) {
        match line.arrived(sequence) {
            Arrival::InOrder => {}
            Arrival::Late => self.faults.out_of_order += 1,
            Arrival::Duplicate => {
                self.faults.duplicated += 1;
                return;
            }
        }
        self.deliveries += 1;
        if self.timed.is_none_or(|timed| timed == room) {
            self.latency.saturating_record(age / 1_000);
        }
    }

    /// Notes that a viewer is in its room and has all that it missed, `nanos` after it was dialled.
    pub fn note_arrival(&mut self, nanos: u64) {
        self.arrivals.saturating_record(nanos / 1_000);
    }

    /// Forgets the latencies of the warm-up.
    pub fn restart_clock(&mut self) {
        self.latency.reset();
        self.arrivals.reset();
    }

    /// From publish to receipt, since then.
    pub fn latency(&self) -> Latency {
        Latency::of(&self.latency)
    }

    /// How long viewers took to arrive, since then.
    pub fn arrivals(&self) -> Latency {
        Latency::of(&self.arrivals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(sequences: &[u32], published: u32) -> (Faults, u64) {
        let (mut tally, mut line) = (Tally::new(), Line::from(0));
        for &sequence in sequences {
            tally.note(0, &mut line, sequence, 1_000);
        }
        (
            Faults {
                lost: line.lost(published),
                ..tally.faults
            },
            tally.deliveries,
        )
    }

    #[test]
    fn a_clean_flow_has_no_fault() {
        assert_eq!(judge(&[0, 1, 2, 3], 4), (Faults::default(), 4));
    }

    #[test]
    fn lost_late_and_double_are_told_apart() {
        let (faults, deliveries) = judge(&[0, 2, 2, 1, 5], 8);
        assert_eq!(deliveries, 4, "the double is not counted again");
        let expected = Faults {
            lost: 4,
            duplicated: 1,
            out_of_order: 1,
            stray: 0,
        };
        assert_eq!(faults, expected, "lost are 3, 4, 6 and 7");
    }

    #[test]
    fn latencies_of_other_rooms_do_not_count_where_one_is_timed() {
        let (mut tally, mut line) = (Tally::new(), Line::from(0));
        tally.time_only(1);
        tally.note(0, &mut line, 0, 9_000_000);
        tally.note(1, &mut line, 1, 1_000_000);
        assert_eq!(tally.deliveries, 2);
        assert!(tally.latency().max <= 1_001);
    }

    #[test]
    fn a_late_joiner_misses_nothing_older() {
        let mut line = Line::from(100);
        assert_eq!(line.arrived(100), Arrival::InOrder);
        assert_eq!(line.lost(101), 0);
    }
}
