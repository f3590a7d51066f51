//! Where what is stored and what is in memory meet, and where what a client saw and what it missed do. Pure.

use super::recent::Entry;
use crate::limits::CLOCK_SKEW_MICROS;
use crate::outbox::Offset;

/// Those of `finals`, which are in order, that come after the event with `offset`.
///
/// That is a question of numbers, unless the offset is another switchboard's, whose numbers for the same finals are a
/// little lower or higher: then the client's last final is known by its digest.
pub(super) fn since<'a>(offset: Offset, finals: &[&'a Entry]) -> Vec<&'a Entry> {
    let by_number = finals.partition_point(|entry| entry.number <= offset.stamp);
    let is_last = |entry: &Entry| entry.digest() == offset.last_final;
    let is_ours = by_number
        .checked_sub(1)
        .is_some_and(|at| is_last(finals[at]));
    if is_ours || offset.last_final == 0 {
        return finals[by_number..].to_vec();
    }
    let is_near = |entry: &Entry| entry.number.abs_diff(offset.stamp) <= CLOCK_SKEW_MICROS;
    let last = finals
        .iter()
        .rposition(|entry| is_last(entry) && is_near(entry));
    finals[last.map_or(by_number, |at| at + 1)..].to_vec()
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

    fn numbers_since(stamp: u64, last: &str, finals: &[(u64, &str)]) -> Vec<u64> {
        let finals = entries(finals);
        let last_final = match last {
            "" => 0,
            last => entry(0, last).digest(),
        };
        let finals: Vec<&Entry> = finals.iter().collect();
        let since = since(Offset { stamp, last_final }, &finals);
        since.iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn what_came_after_an_offset_is_told_by_number_at_the_same_switchboard() {
        let finals = [(T, "a"), (T + 10, "b"), (T + 20, "a"), (T + 30, "c")];
        assert_eq!(numbers_since(T + 10, "b", &finals), [T + 20, T + 30]);
        assert_eq!(numbers_since(T, "a", &finals), [T + 10, T + 20, T + 30]);
        assert_eq!(
            numbers_since(T + 25, "a", &finals),
            [T + 30],
            "a partial line after it"
        );
        assert_eq!(numbers_since(T + 25, "", &finals), [T + 30]);
        assert_eq!(numbers_since(T - 5, "z", &finals).len(), 4);
        assert_eq!(numbers_since(T + 30, "c", &finals), [0; 0]);
    }

    #[test]
    fn what_came_after_an_offset_is_told_by_the_last_final_at_another_switchboard() {
        let finals = [(T, "a"), (T + 10, "b"), (T + 20, "c"), (T + 30, "d")];
        for skew in [-900_000_i64, -15, 15, 900_000] {
            let stamp = (T + 10).saturating_add_signed(skew);
            assert_eq!(
                numbers_since(stamp, "b", &finals),
                [T + 20, T + 30],
                "{skew}"
            );
        }
        let far = T + 10 + CLOCK_SKEW_MICROS + 1;
        assert_eq!(numbers_since(far, "b", &finals), [0; 0]);
    }
}
