//! The clock that frames are numbered by: microseconds since the epoch, never twice the same in this process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the epoch, the unit of every time that clients see; 0 before it.
pub fn epoch_millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

static LATEST: AtomicU64 = AtomicU64::new(0);

/// A number above all that were given so far: the time, or the next microsecond where that was given already or the
/// system's clock has gone back.
pub fn next() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since.map_or(0, |since| since.as_micros() as u64);
    let later = |latest: u64| Some(now.max(latest + 1));
    let before = LATEST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
    // What was replaced is returned, and so is what it was replaced with.
    before.map_or(now, |latest| now.max(latest + 1))
}

/// From now on all numbers are above `number` too: the highest that is known of an earlier process, whose clock may have
/// been ahead of this one's.
pub fn begin_after(number: u64) {
    LATEST.fetch_max(number, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_those_of_an_earlier_process_whose_clock_was_ahead() {
        let ahead = next() + 3_600_000_000;
        begin_after(ahead);
        assert!(next() > ahead);
        begin_after(7);
        assert!(next() > ahead + 1);
    }

    #[test]
    fn numbers_rise_whoever_asks() {
        let ask = || (0..1_000).map(|_| next()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(ask)).collect();
        let numbers = threads.into_iter().map(|thread| thread.join().unwrap());
        let mut all = Vec::new();
        for numbers in numbers {
            assert!(numbers.is_sorted_by(|a, b| a < b));
            all.extend(numbers);
        }
        all.sort_unstable();
        assert!(all.is_sorted_by(|a, b| a < b), "no number was given twice");
    }
}
