//! Joins that ask for the last finals of their room.

use anyhow::Result;
use clap::Args;

use super::{DRAIN, Findings, Flow, IN_FLIGHT, Stage, Target};
use crate::crowd::Crowd;

/// The rooms and the crowd.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Viewers.
    #[arg(long, default_value_t = 5_000)]
    pub clients: usize,
    /// Rooms they share.
    #[arg(long, default_value_t = 10)]
    pub rooms: usize,
    /// Finals that each room has.
    #[arg(long, default_value_t = 256)]
    pub finals: usize,
    /// How many of them each viewer asks for.
    #[arg(long, default_value_t = 100)]
    pub history: u32,
}

/// Runs it.
///
/// # Errors
/// When the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Findings> {
    let crowd = Crowd::History(options.history);
    let Stage {
        mut driver,
        process,
        ..
    } = Stage::set(target, options.rooms, crowd)?;
    // One viewer a room, so that it is alive and keeps its finals.
    driver.open(options.rooms, IN_FLIGHT)?;
    driver.publish_finals(options.finals, DRAIN)?;
    process.wait_quiet()?;
    let tokens = driver.viewers.next_tokens(options.clients)?;
    driver.viewers.tally.restart_clock();
    let (start, before) = (process.moment()?, Flow::of(&driver));
    driver.admit(tokens, IN_FLIGHT)?;
    driver.drain(DRAIN)?;
    let spent = start.until(process.moment()?);
    let flow = Flow::of(&driver).since(before);
    let found = Findings::new("history", options.rooms, &driver, spent)
        .with_flow(flow, &driver, spent)
        .with_arrivals(options.clients, &driver, spent);
    Ok(Findings {
        clients: options.clients,
        ..found
    })
}
