//! How fast a connection's events may come: beyond it they are refused, far beyond it the connection ends.

use std::time::Instant;

use crate::bucket::{Bucket, Rate};
use crate::limits::{EVENT_BURST_SECONDS, EVENT_FLOOD_FACTOR};

/// What becomes of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is served.
    Serve,
    /// It is refused; one that waits a moment is served again.
    Refuse,
    /// The connection is cut off.
    Flood,
}

/// What one connection has sent of late.
pub(super) struct Pace {
    served: Bucket,
    sent: Bucket,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            served: Bucket::new(now),
            sent: Bucket::new(now),
        }
    }

    /// One more comes, where `per_second` may; 0 is no limit.
    pub(super) fn event(&mut self, per_second: u32, now: Instant) -> Verdict {
        let allows = |bucket: &mut Bucket, per_second: u32| {
            let burst = per_second.saturating_mul(EVENT_BURST_SECONDS);
            Rate::new(per_second, burst).is_none_or(|rate| bucket.take(rate, now))
        };
        if !allows(
            &mut self.sent,
            per_second.saturating_mul(EVENT_FLOOD_FACTOR),
        ) {
            Verdict::Flood
        } else if !allows(&mut self.served, per_second) {
            Verdict::Refuse
        } else {
            Verdict::Serve
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn five_seconds_worth_is_served_at_once_then_refused_and_a_flood_ends_it() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let verdicts: Vec<_> = (0..510).map(|_| pace.event(10, start)).collect();
        let first = |wanted| verdicts.iter().position(|verdict| *verdict == wanted);
        assert_eq!(first(Verdict::Serve), Some(0));
        assert_eq!(first(Verdict::Refuse), Some(50));
        assert_eq!(first(Verdict::Flood), Some(500));
    }

    #[test]
    fn one_who_keeps_to_the_rate_is_always_served() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for n in 0..10_000 {
            let now = start + Duration::from_millis(100) * n;
            assert_eq!(pace.event(10, now), Verdict::Serve);
        }
    }

    #[test]
    fn one_who_sends_a_little_too_much_is_refused_now_and_then_and_never_cut_off() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let verdicts: Vec<_> = (0..10_000)
            .map(|n| pace.event(10, start + Duration::from_millis(50) * n))
            .collect();
        let count = |wanted| verdicts.iter().filter(|v| **v == wanted).count();
        assert_eq!(count(Verdict::Flood), 0);
        // Half of them after the burst.
        assert!((4_900..=5_100).contains(&count(Verdict::Refuse)));
    }

    #[test]
    fn zero_is_no_limit() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert!((0..100_000).all(|_| pace.event(0, start) == Verdict::Serve));
    }
}
