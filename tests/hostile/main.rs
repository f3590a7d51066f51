//! What hostile clients, brokers and operators send, as tables over raw TCP, and the conformance of our WebSockets.
//!
//! README.md says where each group of inputs is. A file has the table of one area; `rig.rs` starts the program for it, as
//! a process of its own, and tries each row: the reaction must be the expected one, a well-behaved viewer next door must
//! notice nothing, and in the end nothing may be left, memory must have stayed within its bound and the log be clean.
//! The `ws_…` files try one WebSocket at a time against an echo in this process.

#![allow(
    clippy::unwrap_used,
    reason = "a test that fails here says where and why"
)]

#[allow(dead_code, reason = "each test binary uses its own part of this")]
#[path = "../support/mod.rs"]
mod support;

mod check;
mod groups;
mod rig;
mod row;
mod stage;

mod attachments;
mod claims;
mod configuration;
mod connects;
mod deadlines;
mod events;
mod frames;
mod handshakes;
mod logs;
mod origins;
mod packets;
mod polling;
mod publications;
mod recoveries;
mod requests;
mod rooms;
mod tokens;
mod upgrades;

mod ws;
mod ws_close;
mod ws_fragments;
mod ws_frames;
mod ws_limits;
mod ws_pings;
mod ws_reserved;
mod ws_utf8;
