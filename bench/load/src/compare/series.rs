//! One figure of one server by round, and the ratio of two servers' figures within the same round.

use std::collections::BTreeMap;

use serde::Serialize;

/// A figure by round; rounds that do not have it are absent.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Series(pub BTreeMap<usize, f64>);

impl Series {
    /// Its values over those of `other`, round by round where both have one.
    pub fn over(&self, other: &Self) -> Self {
        let ratio = |(round, own): (&usize, &f64)| Some((*round, own / other.0.get(round)?));
        Self(self.0.iter().filter_map(ratio).collect())
    }

    /// Where it lies; `None` without a round.
    pub fn spread(&self) -> Option<Spread> {
        let mut values: Vec<_> = self.0.values().copied().collect();
        values.sort_by(f64::total_cmp);
        let (&lowest, &highest) = values.first().zip(values.last())?;
        let upper = values[values.len() / 2];
        let lower = values[(values.len() - 1) / 2];
        Some(Spread {
            median: f64::midpoint(lower, upper),
            lowest,
            highest,
            rounds: values.len(),
        })
    }

    /// The middle value, or the mean of the middle two.
    pub fn median(&self) -> Option<f64> {
        self.spread().map(|spread| spread.median)
    }
}

/// Where the values of some rounds lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The middle value, or the mean of the middle two.
    pub median: f64,
    /// The lowest.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
    /// How many there are.
    pub rounds: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: &[(usize, f64)]) -> Series {
        Series(values.iter().copied().collect())
    }

    #[test]
    fn a_median_is_the_middle_of_any_order() {
        assert_eq!(series(&[]).median(), None);
        assert_eq!(series(&[(1, 3.0), (2, 1.0), (3, 2.0)]).median(), Some(2.0));
        assert_eq!(series(&[(1, 4.0), (2, 1.0)]).median(), Some(2.5));
    }

    #[test]
    fn a_ratio_is_taken_within_a_round() {
        // The machine is twice as slow in the second round, and the peer has no third.
        let own = series(&[(1, 3.0), (2, 6.0), (3, 100.0)]);
        let peer = series(&[(1, 2.0), (2, 4.0)]);
        let spread = own.over(&peer).spread().unwrap();
        assert_eq!((spread.median, spread.rounds), (1.5, 2));
    }
}
