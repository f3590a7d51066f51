//! The kinds of work in which switchboard is compared, and what it is to reach in them.

use serde::Serialize;

use super::results::Results;
use super::series::Series;
use super::server::Kind;
use crate::runs::Findings;
use Bound::{AtLeast, AtMost};
use Kind::{Bare, BareCoalesce, Node, Socketioxide};

/// What is asked of a figure or a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

impl Bound {
    /// Whether `value` is within it.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value <= bound,
            Self::AtLeast(bound) => value >= bound,
        }
    }
}

/// Work that is compared: its figure, the limit it is held against, and what is asked.
pub struct Target {
    /// The work, and the unit of the figure.
    pub work: &'static str,
    /// Digits behind the point of the figure.
    pub decimals: usize,
    /// The figure of one server.
    pub figure: fn(&Results, Kind) -> Series,
    /// The bare writer that does the same.
    pub limit: Kind,
    /// What is asked of switchboard's own figure.
    pub own: Option<Bound>,
    /// What is asked of its ratios.
    pub asked: &'static [(Kind, Bound)],
}

/// A row without a target of its own.
const PLAIN: Target = Target {
    work: "",
    decimals: 2,
    figure: |_, _| Series::default(),
    limit: Bare,
    own: None,
    asked: &[],
};

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        work: "50,000 deliveries/s, 10 rooms of 100: CPU µs per delivery",
        figure: |all, kind| all.series(kind, "rate", |found| found.server_cpu_us_per_delivery),
        asked: &[
            (Bare, AtMost(1.2)),
            (Node, AtMost(0.5)),
            (Socketioxide, AtMost(0.75)),
        ],
        ..PLAIN
    },
    Target {
        work: "the same: p99 ms",
        figure: |all, kind| all.series(kind, "rate", p99),
        asked: &[(Bare, AtMost(1.5))],
        ..PLAIN
    },
    Target {
        work: "flat out: CPU µs per delivery",
        figure: |all, kind| all.series(kind, "flood", |found| found.server_cpu_us_per_delivery),
        limit: BareCoalesce,
        asked: &[(BareCoalesce, AtMost(1.4))],
        ..PLAIN
    },
    Target {
        work: "flat out: deliveries/s",
        decimals: 0,
        figure: |all, kind| all.series(kind, "flood", |found| found.deliveries_per_second),
        limit: BareCoalesce,
        asked: &[(Node, AtLeast(6.0)), (Socketioxide, AtLeast(1.6))],
        ..PLAIN
    },
    Target {
        work: "idle: RSS KiB per connection",
        figure: |all, kind| all.series(kind, "idle", |found| found.rss_kib_per_connection),
        own: Some(AtMost(4.0)),
        ..PLAIN
    },
    Target {
        work: "connect, handshake, join: per second",
        decimals: 0,
        figure: |all, kind| all.series(kind, "connect", |found| found.connects_per_second),
        asked: &[(Node, AtLeast(6.0))],
        ..PLAIN
    },
    Target {
        work: "connect, handshake, join: CPU µs each",
        decimals: 1,
        figure: |all, kind| all.series(kind, "connect", |found| found.server_cpu_us_per_connect),
        own: Some(AtMost(45.0)),
        ..PLAIN
    },
    Target {
        work: "one room, from the smallest to the largest: growth of CPU per delivery",
        figure: growth,
        asked: &[(Bare, AtMost(1.0))],
        ..PLAIN
    },
    Target {
        work: "the same, ÷ the bare writer that joins what waits, as switchboard does",
        figure: growth,
        limit: BareCoalesce,
        ..PLAIN
    },
    Target {
        work: "the largest room alone: CPU µs per delivery",
        figure: in_the_largest_room,
        ..PLAIN
    },
    Target {
        work: "rooms of one viewer: CPU µs per publication",
        figure: |all, kind| all.series(kind, "low", |found| found.server_cpu_us_per_publication),
        asked: &[(Node, AtMost(0.5))],
        ..PLAIN
    },
    Target {
        work: "the same: p99 ms",
        figure: |all, kind| all.series(kind, "low", p99),
        ..PLAIN
    },
    Target {
        work: "a tenth of 1,000 viewers polls: CPU µs per delivery",
        figure: |all, kind| all.series(kind, "mixed", |found| found.server_cpu_us_per_delivery),
        ..PLAIN
    },
    Target {
        work: "all cut off, all come back: seconds",
        figure: |all, kind| all.series(kind, "storm", |found| Some(found.seconds)),
        ..PLAIN
    },
    Target {
        work: "the same: CPU µs each",
        decimals: 1,
        figure: |all, kind| all.series(kind, "storm", |found| found.server_cpu_us_per_connect),
        ..PLAIN
    },
    Target {
        work: "recovery: CPU µs per missed final",
        figure: |all, kind| all.series(kind, "recovery", |found| found.server_cpu_us_per_delivery),
        ..PLAIN
    },
];

fn p99(found: &Findings) -> Option<f64> {
    found.latency_us.map(|latency| latency.p99 as f64 / 1e3)
}

/// CPU per delivery in the largest room over that in the smallest.
fn growth(results: &Results, kind: Kind) -> Series {
    let sizes = || results.of(kind, "grow").map(|found| found.clients);
    let (Some(smallest), Some(largest)) = (sizes().min(), sizes().max()) else {
        return Series::default();
    };
    let at = |size| in_room_of(results, kind, size);
    at(largest).over(&at(smallest))
}

fn in_the_largest_room(results: &Results, kind: Kind) -> Series {
    let largest = results.of(kind, "grow").map(|found| found.clients).max();
    largest.map_or_else(Series::default, |size| in_room_of(results, kind, size))
}

fn in_room_of(results: &Results, kind: Kind, size: usize) -> Series {
    results.series(kind, "grow", move |found| {
        let cost = found.server_cpu_us_per_delivery;
        cost.filter(|_| found.clients == size)
    })
}
