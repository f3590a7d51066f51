//! The load tool: holds thousands of viewers on one thread, publishes, and measures the server between.
//!
//! `run` does one run against a server that is up and prints one line of JSON per finding; `compare` starts the servers,
//! does all runs against each, and prints the tables; `model` is the language model that one of the runs needs.

mod client;
mod clock;
mod compare;
mod crowd;
mod driver;
mod model;
mod payload;
mod process;
mod publisher;
mod rest;
mod rooms;
mod runs;
mod statuses;
mod tally;
mod token;
mod viewers;

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures servers between an MQTT broker and Socket.IO viewers")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One run against a server that is up.
    Run {
        /// Whom to measure.
        #[command(flatten)]
        target: runs::Target,
        /// What to do.
        #[command(subcommand)]
        mode: runs::Mode,
    },
    /// A language model for the run `answers`; it says where it listens, and ends by a signal.
    Model {
        /// Where it listens; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Every server, every run, one table.
    Compare(compare::Options),
}

/// Open files that the largest run needs.
const MIN_OPEN_FILES: u64 = 10_500;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let files = process::raise_open_files()?;
    ensure!(
        files >= MIN_OPEN_FILES,
        "the limit of open files is {files}; raise it: ulimit -n 20000"
    );
    match Cli::parse().command {
        Command::Run { target, mode } => {
            for findings in runs::run(&mode, &target)? {
                println!("{}", serde_json::to_string(&findings)?);
            }
            Ok(())
        }
        Command::Model { listen } => model::serve(listen),
        Command::Compare(options) => compare::run(&options),
    }
}
