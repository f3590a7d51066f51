//! Every server, every run: servers on one core, load and brokers on the other.
//!
//! Where a run can be cut into slices, all servers are up and take turns of a second or so; otherwise they alternate within
//! each repetition. So a slow time of the machine hits them all, and ratios within one round mean something.

mod broker;
mod child;
mod extras;
mod fairness;
mod lane;
mod plan;
mod ratios;
mod results;
mod series;
mod server;
mod table;
mod targets;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;

use crate::runs::Findings;
use child::Scratch;
use lane::Lane;
use plan::{RUNS, Run, plan};
use results::{Machine, Results, Settings};
use server::{Kind, Places};

/// The key of all tokens; it guards a loopback benchmark and nothing else.
const SECRET: &str = "a-key-for-loopback-benchmarks-only";

/// What to compare, and how long.
#[derive(Debug, Args)]
pub struct Options {
    /// Which servers, in this order.
    #[arg(
        long,
        value_delimiter = ',',
        value_enum,
        default_value = "switchboard,bare,bare-coalesce,node,socketioxide"
    )]
    only: Vec<Kind>,
    /// Which runs, such as `rate,fair`; all without it.
    #[arg(long, value_delimiter = ',', value_parser = RUNS)]
    runs: Vec<String>,
    /// Slices of each server in the runs that have them; the table shows medians.
    #[arg(long)]
    rounds: Option<usize>,
    /// Times each other run is repeated with fresh servers.
    #[arg(long)]
    repeats: Option<usize>,
    /// Also print switchboard's ratios to the bare limit and to each peer, and which targets they reach.
    #[arg(long)]
    compare: bool,
    /// Publications per room that may be on the way flat out.
    #[arg(long, default_value_t = 64)]
    window: u64,
    /// Sizes of the growing room, such as `100,1000,10000`.
    #[arg(long)]
    sizes: Option<String>,
    /// One short round with small crowds: shows that everything works, not what it costs.
    #[arg(long)]
    quick: bool,
    /// The core the server is pinned to.
    #[arg(long, default_value_t = 0)]
    server_core: usize,
    /// The core that load and broker are pinned to.
    #[arg(long, default_value_t = 1)]
    load_core: usize,
    /// Where everything is.
    #[command(flatten)]
    places: Places,
    /// Where the results go.
    #[arg(long, default_value = "results")]
    results: PathBuf,
    /// What the table says about the machine and the build.
    #[command(flatten)]
    machine: Machine,
}

/// Compares, prints the table, and writes the results.
///
/// # Errors
/// When any run failed (after the table of the others).
pub fn run(options: &Options) -> Result<()> {
    let scratch = Scratch::new()?;
    let mut results = Results::new(options.machine.clone().seen(), options.settings());
    for run in plan(options) {
        perform(&run, options, &scratch, &mut results);
    }
    let mut table = table::render(&results, &options.only);
    if options.compare {
        table.push_str(&ratios::render(&results));
    }
    println!("{table}");
    results.write(&options.results, options.name(), &table)?;
    ensure!(
        results.failures.is_empty(),
        "{} runs failed",
        results.failures.len()
    );
    Ok(())
}

impl Options {
    fn settings(&self) -> Settings {
        Settings {
            quick: self.quick,
            window: self.window,
            rounds: self.rounds(),
            repeats: self.repeats(),
        }
    }

    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 3 } else { 15 })
    }

    fn repeats(&self) -> usize {
        self.repeats.unwrap_or(if self.quick { 1 } else { 5 })
    }

    /// What the results are called: neither a quick comparison nor a part of one replaces the real figures.
    fn name(&self) -> &'static str {
        match (self.quick, self.runs.is_empty()) {
            (true, _) => "quick",
            (false, false) => "part",
            (false, true) => "latest",
        }
    }
}

/// Does `run` in turns, all servers up at the same time, or repeatedly, one server after the other.
fn perform(run: &Run, options: &Options, scratch: &Scratch, results: &mut Results) {
    let able = |kind: &Kind| run.kinds.contains(kind);
    let kinds: Vec<_> = options.only.iter().copied().filter(able).collect();
    if run.in_slices {
        eprintln!("{} in {} rounds", run.name, options.rounds());
        return in_turns(&kinds, run, options, scratch, |kind, found| {
            results.add(kind, run.name, found)
        });
    }
    for repetition in 1..=options.repeats() {
        for &kind in &kinds {
            eprintln!("{} {repetition}: {}", run.name, kind.name());
            in_turns(&[kind], run, options, scratch, |kind, found| {
                let found = found.map(|mut found| {
                    found.iter_mut().for_each(|found| found.round = repetition);
                    found
                });
                results.add(kind, run.name, found);
            });
        }
    }
}

/// Starts these servers, gives each a turn again and again until their runs are over, and stops them.
fn in_turns(
    kinds: &[Kind],
    run: &Run,
    options: &Options,
    scratch: &Scratch,
    mut report: impl FnMut(Kind, Result<Vec<Findings>>),
) {
    let mut lanes = Vec::new();
    for &kind in kinds {
        match Lane::start(kind, run, options, scratch) {
            Ok(lane) => lanes.push(lane),
            Err(error) => report(kind, Err(error)),
        }
    }
    let mut is_ready = false;
    while !lanes.is_empty() {
        lanes.retain_mut(|lane| {
            let step = if is_ready { lane.turn() } else { lane.ready() };
            match step.transpose() {
                Some(over) => {
                    report(lane.kind, over);
                    false
                }
                None => true,
            }
        });
        is_ready = true;
    }
}
