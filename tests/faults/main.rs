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
mod database;
mod descriptors;
mod restart;

/// How long a soak takes, where one is asked for by `SWITCHBOARD_SOAK`.
fn soak_minutes() -> Option<u64> {
    let minutes = std::env::var("SWITCHBOARD_SOAK").ok()?;
    Some(
        minutes
            .parse()
            .expect("SWITCHBOARD_SOAK is a number of minutes"),
    )
}
