//! Organizations' watchers: the list of all sessions is published again and again, each time with one session changed.
//! What it costs to find that one, and how soon its organization's watchers know.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::{Findings, IN_FLIGHT, Target, Times, measure_flow, rate};
use crate::crowd::Crowd;
use crate::driver::Driver;
use crate::process::Process;
use crate::rest;
use crate::token::Signer;

/// The crowd and what it watches.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Watchers.
    #[arg(long, default_value_t = 2_000)]
    pub clients: usize,
    /// Organizations they share.
    #[arg(long, default_value_t = 50)]
    pub organizations: usize,
    /// Sessions in the list.
    #[arg(long, default_value_t = 1_000)]
    pub sessions: usize,
    /// Lists per second.
    #[arg(long, default_value_t = 10.0)]
    pub lists: f64,
    /// How long.
    #[command(flatten)]
    pub times: Times,
}

/// Runs it.
///
/// # Errors
/// When the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Findings> {
    let names: Vec<_> = (0..options.organizations)
        .map(|number| format!("bench-{number}"))
        .collect();
    let signer = Signer::new(&target.secret);
    rest::create_organizations(target.server, &signer, &names)?;
    let mut driver = Driver::new(
        target.server,
        target.mqtt,
        names,
        signer,
        Crowd::Organizations,
    )?;
    driver.publish_statuses(options.sessions);
    let process = Process::open(target.pid)?;
    // The first list, which is new altogether, comes before there is anybody to tell.
    driver.publish();
    driver.turn(Duration::ZERO)?;
    process.wait_quiet()?;
    driver.open(options.clients, IN_FLIGHT)?;
    let interval = Duration::from_secs_f64(1.0 / options.lists);
    measure_flow(
        "watch",
        options.organizations,
        &mut driver,
        &process,
        options.times,
        |driver, duration| rate::pace(driver, interval, duration),
    )
}
