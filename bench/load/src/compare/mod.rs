//! Every server, every run, in turn: server on one core, load and broker on the other.
//!
//! The servers alternate within each round, so that a slow minute of the machine hits them all, and each
//! run gets a fresh server, so that none pays for what another left behind.

mod broker;
mod child;
mod fairness;
mod results;
mod server;
mod table;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::rest;
use crate::runs::{Findings, session_name};
use crate::token::Signer;
use broker::Broker;
use child::Scratch;
use results::{Machine, Results};
use server::{Kind, Places, Running};

/// The key of all tokens; it guards a loopback benchmark and nothing else.
const SECRET: &str = "a-key-for-loopback-benchmarks-only";
/// Rooms of the runs that spread their viewers.
const ROOMS: usize = 10;

/// What to compare, and how long.
#[derive(Debug, Args)]
pub struct Options {
    /// Which servers, in this order.
    #[arg(
        long,
        value_delimiter = ',',
        value_enum,
        default_value = "switchboard,node,socketioxide,bare,bare-coalesce"
    )]
    only: Vec<Kind>,
    /// Which runs, such as `rate,fair`; all without it.
    #[arg(long, value_delimiter = ',', value_parser = RUNS)]
    runs: Vec<String>,
    /// Times each run is repeated; the table shows medians.
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds that rate and flood are measured.
    #[arg(long)]
    seconds: Option<f64>,
    /// Publications per room that may be on the way flat out.
    #[arg(long, default_value_t = 16)]
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
/// When the broker does not start, or any run failed (after the table of the others).
pub fn run(options: &Options) -> Result<()> {
    let scratch = Scratch::new()?;
    let broker = Broker::start(&scratch, options.load_core)?;
    let mut results = Results::new(
        options.machine.clone().seen(),
        options.quick,
        options.window,
    );
    let runs = plan(options);
    for round in 1..=options.rounds() {
        for arguments in &runs {
            for &kind in &options.only {
                if OWN_RUNS.contains(&arguments[0].as_str()) && kind != Kind::Switchboard {
                    continue;
                }
                eprintln!("round {round}: {} {}", kind.name(), arguments[0]);
                let found = measure(options, kind, &broker, &scratch, arguments);
                results.add(round, kind, &arguments[0], found);
            }
        }
    }
    let table = table::render(&results, &options.only);
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
    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
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

/// The arguments of each run, in the order in which a round does them.
fn plan(options: &Options) -> Vec<Vec<String>> {
    let (seconds, short, warm, crowd, sizes) = match options.quick {
        true => (3.0, 2, 1, 1_000, "100,1000"),
        false => (10.0, 5, 3, 5_000, "100,1000,10000"),
    };
    let seconds = options.seconds.unwrap_or(seconds);
    let sizes = options.sizes.as_deref().unwrap_or(sizes);
    let window = options.window;
    let spread = format!("--rooms {ROOMS}");
    [
        format!("rate {spread} --warm {warm} --seconds {seconds}"),
        format!("flood {spread} --warm {warm} --seconds {seconds} --window {window}"),
        format!("connect {spread} --clients {crowd}"),
        format!("idle {spread} --clients {crowd}"),
        format!("grow --sizes {sizes} --warm {warm} --seconds {short}"),
        format!("watch --warm {warm} --seconds {short}"),
        format!("fair --clients {crowd} --warm {warm} --seconds {seconds}"),
    ]
    .map(|line| line.split_whitespace().map(str::to_owned).collect())
    .into_iter()
    .filter(|run: &Vec<String>| options.runs.is_empty() || options.runs.contains(&run[0]))
    .collect()
}

/// The names of the runs.
const RUNS: [&str; 7] = ["rate", "flood", "connect", "idle", "grow", "watch", "fair"];

/// What only switchboard does: no peer keeps organizations.
const OWN_RUNS: [&str; 1] = ["watch"];

/// Starts one server, does one run against it from a process of its own, and stops the server.
fn measure(
    options: &Options,
    kind: Kind,
    broker: &Broker,
    scratch: &Scratch,
    arguments: &[String],
) -> Result<Vec<Findings>> {
    let running = Running::start(kind, options, broker.address, scratch)?;
    if kind == Kind::Switchboard {
        let sessions: Vec<_> = (0..ROOMS).map(session_name).collect();
        rest::create_sessions(running.address, &Signer::new(SECRET), &sessions)?;
    }
    let load = std::env::current_exe().context("own path")?;
    let output = Command::new("taskset")
        .args(["-c", &options.load_core.to_string()])
        .arg(load)
        .arg("run")
        .args(["--server", &running.address.to_string()])
        .args(["--mqtt", &broker.address.to_string()])
        .args(["--pid", &running.pid().to_string()])
        .args(arguments)
        .env("BENCH_JWT_SECRET", SECRET)
        .stderr(Stdio::piped())
        .output()
        .context("starting the load (is taskset installed?)")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let lines = String::from_utf8(output.stdout).context("the load's output")?;
    lines
        .lines()
        .map(|line| serde_json::from_str(line).context("the load's findings"))
        .collect()
}
