//! What every fuzz target does with its input: one plain function for each, all of them in [`TARGETS`].
//!
//! A function decodes what it is given and panics when a promise of that decoder does not hold; any input, however
//! broken, is fine. `fuzz_targets/` calls these from libFuzzer, `tests/it/corpus.rs` from `cargo test`.

mod config;
mod engineio;
mod json;
mod mqtt;
mod names;
mod organization;
mod socketio;
mod statuses;
mod temporary;
mod tokens;
mod transcripts;
mod websocket;

/// The name of a target, which is also that of its corpus, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("broker_packets", mqtt::packets),
    ("config_file", config::file),
    ("config_values", config::values),
    ("engineio_packet", engineio::packet),
    ("engineio_payload", engineio::payload),
    ("ids", names::ids),
    ("json", json::validate),
    ("jwks", tokens::jwks),
    ("organization_events", organization::events),
    ("socketio", socketio::messages),
    ("statuses", statuses::lists),
    ("tokens", tokens::tokens),
    ("topics", names::topics),
    ("transcripts", transcripts::recording),
    ("websocket_frames", websocket::frames),
];

/// Runs a target of the table by its name.
///
/// # Panics
/// When a promise is broken, or the table has no such name.
pub fn run(name: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, body) = target.expect("each binary is named in the table");
    body(input);
}

/// Between the parts of inputs that are several things in a row. No JSON text holds it.
const SEPARATOR: u8 = 0x1e;

/// The input's parts.
fn parts(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|byte| *byte == SEPARATOR)
}

/// The first line of the input, and the rest.
fn first_line(input: &[u8]) -> (&[u8], &[u8]) {
    match input.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&input[..end], &input[end + 1..]),
        None => (input, b""),
    }
}
