//! The runs: what each asks of the load, which servers can do it, and in which order they come.

use super::Options;
use super::server::Kind;

/// Rooms of the runs that spread their viewers.
const ROOMS: usize = 10;
/// Rooms of one viewer each.
const LONELY_ROOMS: usize = 10_000;
/// All servers.
const ALL: &[Kind] = &Kind::ALL;
/// Those that also speak Engine.IO by polling.
const POLLING: &[Kind] = &[Kind::Switchboard, Kind::Node, Kind::Socketioxide];
/// Those with connection state recovery.
const RECOVERY: &[Kind] = &[Kind::Switchboard, Kind::Node];
/// Switchboard alone: no peer keeps organizations, finals or chats.
const ALONE: &[Kind] = &[Kind::Switchboard];

/// The names of the runs.
pub const RUNS: [&str; 13] = [
    "rate", "flood", "low", "grow", "mixed", "connect", "storm", "idle", "history", "recovery",
    "watch", "fair", "answers",
];

/// One run.
pub struct Run {
    /// Its name.
    pub name: &'static str,
    /// What the load is told.
    pub arguments: Vec<String>,
    /// Rooms that must exist.
    pub rooms: usize,
    /// Whether all servers are up at the same time and take turns of a slice each; otherwise each repetition starts them
    /// one after the other.
    pub in_slices: bool,
    /// Whether the server needs a language model.
    pub needs_model: bool,
    /// The servers that can do it.
    pub kinds: &'static [Kind],
}

/// The runs that are asked for, in order.
pub fn plan(options: &Options) -> Vec<Run> {
    RUNS.into_iter()
        .filter(|name| options.runs.is_empty() || options.runs.iter().any(|run| run == name))
        .map(|name| run(name, options))
        .collect()
}

fn run(name: &'static str, options: &Options) -> Run {
    let quick = options.quick;
    let of = |full: usize, short: usize| if quick { short } else { full };
    let (window, warm) = (options.window, of(2, 1));
    let sliced = |rounds, slice| {
        let (warm, settle, slice) = if quick {
            (0.5, 0.1, 0.3)
        } else {
            (2.0, 0.2, slice)
        };
        format!("--rounds {rounds} --warm {warm} --settle {settle} --slice {slice}")
    };
    let slices = sliced(options.rounds(), 0.5);
    // A room of 10,000 has five publications a second: a slice must not be shorter than that.
    let wide = sliced(options.rounds().div_ceil(2), 1.0);
    let times = format!("--warm {warm} --seconds {}", of(5, 2));
    let sizes = options.sizes.as_deref();
    let sizes = sizes.unwrap_or(if quick { "100,1000" } else { "100,1000,10000" });
    let lonely = of(LONELY_ROOMS, 1_000);
    let (arguments, rooms, kinds) = match name {
        "rate" => (slices, ROOMS, ALL),
        "flood" => (format!("{slices} --window {window}"), ROOMS, ALL),
        "low" => (
            format!("{slices} --rooms {lonely} --publications {lonely}"),
            lonely,
            ALL,
        ),
        "grow" => (format!("{wide} --sizes {sizes}"), 1, ALL),
        "connect" => (format!("--clients {}", of(5_000, 1_000)), ROOMS, ALL),
        "idle" => (format!("--clients {}", of(10_000, 1_000)), ROOMS, ALL),
        "mixed" => (slices, ROOMS, POLLING),
        "storm" => (format!("--clients {}", of(5_000, 1_000)), ROOMS, ALL),
        "history" => (format!("--clients {}", of(5_000, 1_000)), ROOMS, ALONE),
        "recovery" => (String::new(), ROOMS, RECOVERY),
        "watch" => (times, 0, ALONE),
        "answers" => (format!("--tokens {}", of(250, 50)), 0, ALONE),
        "fair" => (format!("{times} --clients {}", of(5_000, 1_000)), 2, ALL),
        _ => unreachable!("RUNS has the names"),
    };
    let arguments = format!("{name} {arguments}");
    Run {
        name,
        arguments: arguments.split_whitespace().map(str::to_owned).collect(),
        rooms,
        in_slices: ["rate", "flood", "low", "grow", "mixed"].contains(&name),
        needs_model: name == "answers",
        kinds,
    }
}
