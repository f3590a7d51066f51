//! The clock of publications and receipts: nanoseconds since the machine was started, the same in every process.

use nix::time::{ClockId, clock_gettime};

/// Now.
pub fn nanos() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}
