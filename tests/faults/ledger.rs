//! What was to come against what came, number by number.

use std::collections::HashSet;
use std::fmt::{self, Display};
use std::io::Write;

/// How the deliveries of one test compare with what was to be delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// What was done.
    fault: String,
    /// Rooms looked at.
    rooms: usize,
    /// Viewers looked at.
    viewers: usize,
    /// Numbers that publishers handed to their links.
    published: u64,
    /// Numbers that the fault left possible, over all rooms.
    expected: u64,
    /// Numbers that may be lost or not, over all rooms.
    possible: u64,
    /// Deliveries that were to be made: each viewer has its room's numbers to get.
    due: u64,
    delivered: u64,
    lost: u64,
    /// Deliveries of a number that the viewer had already.
    double: u64,
    /// Deliveries of a number smaller than an earlier one.
    out_of_order: u64,
    /// Deliveries of a number that could not be there.
    unexpected: u64,
    /// The first viewer's worth of evidence.
    example: Option<String>,
}

impl Verdict {
    pub fn of(fault: &str) -> Self {
        Self {
            fault: fault.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a room: what was published in it, what had to arrive, what may have arrived besides, and what each viewer got.
    pub fn add_room<'a>(
        &mut self,
        published: u64,
        expected: &[u64],
        possible: &[u64],
        viewers: impl IntoIterator<Item = &'a Vec<u64>>,
    ) {
        self.rooms += 1;
        self.published += published;
        self.expected += expected.len() as u64;
        self.possible += possible.len() as u64;
        for delivered in viewers {
            self.add_viewer(expected, possible, delivered);
        }
    }

    /// Adds a viewer of a room that was added.
    fn add_viewer(&mut self, expected: &[u64], possible: &[u64], delivered: &[u64]) {
        let got: HashSet<u64> = delivered.iter().copied().collect();
        let due: HashSet<u64> = expected.iter().copied().collect();
        let may: HashSet<u64> = possible.iter().copied().collect();
        let mut lost: Vec<u64> = due.difference(&got).copied().collect();
        lost.sort_unstable();
        let unexpected = got.iter().filter(|n| !due.contains(n) && !may.contains(n));
        let mut highest = 0;
        let mut backwards = Vec::new();
        let mut seen = HashSet::new();
        for &number in delivered {
            if number < highest && !seen.contains(&number) {
                backwards.push(number);
            }
            highest = highest.max(number);
            seen.insert(number);
        }
        self.viewers += 1;
        self.due += due.len() as u64;
        self.delivered += delivered.len() as u64;
        self.lost += lost.len() as u64;
        self.double += (delivered.len() - got.len()) as u64;
        self.out_of_order += backwards.len() as u64;
        self.unexpected += unexpected.count() as u64;
        if !self.is_clean() && self.example.is_none() {
            let (first, last) = (delivered.first(), delivered.last());
            self.example = Some(format!(
                "a viewer got {first:?} to {last:?}, lost {lost:?}, backwards {backwards:?}"
            ));
        }
    }

    fn is_clean(&self) -> bool {
        self.lost + self.double + self.out_of_order + self.unexpected == 0
    }

    /// Prints the line, and fails unless nothing is wrong with it.
    pub fn hold(&self) {
        say(self);
        assert!(self.expected > 0, "nothing was to be delivered");
        assert!(self.is_clean(), "{self}: {:?}", self.example);
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "fault: {}: published {} in {} room(s), expected {}",
            self.fault, self.published, self.rooms, self.expected
        )?;
        if self.possible > 0 {
            write!(f, " (and at most {} more)", self.possible)?;
        }
        write!(
            f,
            ", {} deliveries to {} viewers where {} were due, {} lost, {} double, {} out of order",
            self.delivered, self.viewers, self.due, self.lost, self.double, self.out_of_order
        )?;
        match self.unexpected {
            0 => Ok(()),
            count => write!(f, ", {count} that cannot be there"),
        }
    }
}

/// Prints a line also where the test passes: cargo keeps what `println!` prints.
pub fn say(line: impl Display) {
    let line = format!("{line}\n");
    // A closed stderr is nobody's fault here.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

#[test]
fn a_verdict_counts_what_is_lost_double_out_of_order_and_impossible() {
    let verdict = |delivered: &[u64]| {
        let mut verdict = Verdict::of("none");
        verdict.add_room(9, &[1, 2, 4, 5], &[3], [&delivered.to_vec()]);
        let v = verdict;
        [v.lost, v.double, v.out_of_order, v.unexpected]
    };
    assert_eq!(verdict(&[1, 2, 4, 5]), [0, 0, 0, 0]);
    assert_eq!(verdict(&[1, 2, 3, 4, 5]), [0, 0, 0, 0]);
    assert_eq!(verdict(&[1, 4, 5]), [1, 0, 0, 0]);
    assert_eq!(verdict(&[1, 2, 2, 4, 5]), [0, 1, 0, 0]);
    assert_eq!(verdict(&[1, 2, 4, 5, 1]), [0, 1, 0, 0]);
    assert_eq!(verdict(&[1, 4, 2, 5]), [0, 0, 1, 0]);
    assert_eq!(verdict(&[1, 2, 4, 5, 6]), [0, 0, 0, 1]);
}
