//! All viewers are cut off at the same moment, and all of them come back at once.

use anyhow::Result;
use clap::Args;

use super::{Findings, IN_FLIGHT, Stage, Target};
use crate::crowd::Crowd;

/// The crowd.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Viewers.
    #[arg(long, default_value_t = 5_000)]
    pub clients: usize,
    /// Rooms they share.
    #[arg(long, default_value_t = 10)]
    pub rooms: usize,
}

/// Runs it: the time until all are in their rooms, and the CPU for their going and coming.
///
/// # Errors
/// When the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Findings> {
    let Stage {
        mut driver,
        process,
        ..
    } = Stage::set(target, options.rooms, Crowd::Rooms)?;
    driver.open(options.clients, IN_FLIGHT)?;
    process.wait_quiet()?;
    let tokens = driver.viewers.next_tokens(options.clients)?;
    driver.viewers.tally.restart_clock();
    let start = process.moment()?;
    driver.viewers.close_all();
    driver.admit(tokens, options.clients)?;
    let spent = start.until(process.moment()?);
    // What the server does about those who left may come last.
    process.wait_quiet()?;
    let all = start.until(process.moment()?);
    Ok(Findings {
        arrival_us: Some(driver.viewers.tally.arrivals()),
        server_cpu_us_per_connect: Some(all.server_us_per(options.clients)),
        ..Findings::new("storm", options.rooms, &driver, spent)
    })
}
