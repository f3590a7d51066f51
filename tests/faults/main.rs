//! The fault suite: the real program, a real broker and real TCP, and something of it breaks while finals flow.
//!
//! Every final is numbered by its publisher and every viewer keeps a ledger. A test ends by comparing them and prints
//! one line: none lost beyond what the fault makes impossible, none twice, none out of order. What is impossible is
//! never guessed: a proxy in front of the broker notes what crossed the link to switchboard (`fault_proxy`).
//!
//!     cargo test --test faults                                            every fault, each a few seconds
//!     SWITCHBOARD_SOAK=30 cargo test --release --test faults soak         every fault in turn, for 30 minutes

#![allow(
    clippy::unwrap_used,
    reason = "a test that fails here says where and why"
)]

#[allow(dead_code, reason = "each test binary uses its own part of this")]
#[path = "../support/mod.rs"]
mod support;

mod fault_proxy;
mod ledger;
mod publisher;
mod recovering;
mod scene;
mod server;

mod broker;
mod clients;
mod clock;
mod crowd;
mod database;
mod descriptors;
mod memory;
mod restart;
mod soak;

/// How long a soak takes, where one is asked for.
fn soak_minutes() -> Option<u64> {
    number_from("SWITCHBOARD_SOAK").map(|minutes| minutes as u64)
}

/// A number from the environment, where it is set.
fn number_from(name: &str) -> Option<usize> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is a whole number, not {text:?}")))
}
