//! A token bucket that is one point in time: nothing to refill, no timer. Pure: the clock is handed in.

use std::time::{Duration, Instant};

/// What is let through: so much at once, and a steady flow after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Between two of the steady flow.
    interval: Duration,
    /// What may be taken ahead of it.
    burst: Duration,
}

impl Rate {
    /// `per_second` in a steady flow, and `burst` (at least one) at once; `None`, no limit, where `per_second` is 0.
    pub fn new(per_second: u32, burst: u32) -> Option<Self> {
        let interval = Duration::from_secs(1).checked_div(per_second)?;
        Some(Self {
            interval,
            burst: interval.saturating_mul(burst.max(1)),
        })
    }
}

/// What one source has taken of its [`Rate`].
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// From then on it has its whole burst again.
    whole_at: Instant,
}

impl Bucket {
    /// One of which nothing is taken.
    pub fn new(now: Instant) -> Self {
        Self { whole_at: now }
    }

    /// Takes one; false, and nothing is taken, when the rate does not allow it now.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let taken = self.whole_at.saturating_duration_since(now) + rate.interval;
        let is_allowed = taken <= rate.burst;
        if is_allowed {
            self.whole_at = now + taken;
        }
        is_allowed
    }

    /// Whether it is as good as a new one.
    pub fn is_whole(&self, now: Instant) -> bool {
        self.whole_at <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `tries` at the same moment are allowed.
    fn taken(bucket: &mut Bucket, rate: Rate, now: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| bucket.take(rate, now)).count()
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_steady_flow() {
        let rate = Rate::new(10, 5).unwrap();
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        assert_eq!(taken(&mut bucket, rate, start, 100), 5);
        assert_eq!(
            taken(&mut bucket, rate, start + Duration::from_millis(99), 9),
            0
        );
        for tenth in 1..=20 {
            let now = start + Duration::from_millis(100) * tenth;
            assert_eq!(taken(&mut bucket, rate, now, 9), 1, "{tenth}");
        }
    }

    #[test]
    fn a_pause_gives_the_whole_burst_back_and_no_more() {
        let rate = Rate::new(10, 5).unwrap();
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        assert_eq!(taken(&mut bucket, rate, start, 5), 5);
        assert!(!bucket.is_whole(start + Duration::from_millis(499)));
        assert!(bucket.is_whole(start + Duration::from_millis(500)));
        let later = start + Duration::from_secs(3600);
        assert_eq!(taken(&mut bucket, rate, later, 100), 5);
    }

    #[test]
    fn what_is_refused_costs_nothing() {
        let rate = Rate::new(1, 1).unwrap();
        let start = Instant::now();
        let mut bucket = Bucket::new(start);
        assert_eq!(taken(&mut bucket, rate, start, 1_000), 1);
        assert!(bucket.take(rate, start + Duration::from_secs(1)));
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_away() {
        let rate = Rate::new(1, 1).unwrap();
        let start = Instant::now() + Duration::from_secs(10);
        let mut bucket = Bucket::new(start);
        assert!(bucket.take(rate, start));
        assert!(!bucket.take(rate, start - Duration::from_secs(10)));
    }

    #[test]
    fn zero_a_second_is_no_limit() {
        assert_eq!(Rate::new(0, 5), None);
    }
}
