//! Viewers with connection state recovery are cut off, miss some finals, and come back.

use anyhow::Result;
use clap::Args;

use super::{DRAIN, Findings, Flow, IN_FLIGHT, Stage, Target};
use crate::crowd::Crowd;

/// The crowd and what it misses.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Viewers.
    #[arg(long, default_value_t = 1_000)]
    pub clients: usize,
    /// Rooms they share.
    #[arg(long, default_value_t = 10)]
    pub rooms: usize,
    /// Finals that each viewer misses.
    #[arg(long, default_value_t = 50)]
    pub missed: usize,
}

/// Runs it.
///
/// # Errors
/// When the server or the broker fails, or the server does not know a viewer that comes back.
pub fn run(options: &Options, target: &Target) -> Result<Findings> {
    let Stage {
        mut driver,
        process,
        ..
    } = Stage::set(target, options.rooms, Crowd::Recoverable)?;
    driver.open(options.clients, IN_FLIGHT)?;
    // A viewer that has not seen an event has no offset to come back with.
    driver.publish_finals(1, DRAIN)?;
    process.wait_quiet()?;
    driver.viewers.cut();
    process.wait_quiet()?;
    driver.publish_finals(options.missed, DRAIN)?;
    process.wait_quiet()?;
    driver.viewers.tally.restart_clock();
    let (start, before) = (process.moment()?, Flow::of(&driver));
    driver.bring_back(IN_FLIGHT)?;
    driver.drain(DRAIN)?;
    let spent = start.until(process.moment()?);
    let flow = Flow::of(&driver).since(before);
    Ok(Findings::new("recovery", options.rooms, &driver, spent)
        .with_flow(flow, &driver, spent)
        .with_arrivals(options.clients, &driver, spent))
}
