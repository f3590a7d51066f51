//! Joined viewers to whom nobody speaks: what one of them costs in resident memory.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use super::{Findings, IN_FLIGHT, Stage, Target};
use crate::crowd::Crowd;

/// Viewers that come and go first, so that code and pools are in memory before the base is taken.
const WARM_CLIENTS: usize = 100;

/// The crowd.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Viewers.
    #[arg(long, default_value_t = 5_000)]
    pub clients: usize,
    /// Rooms they share.
    #[arg(long, default_value_t = 10)]
    pub rooms: usize,
    /// Seconds they sit before the second look.
    #[arg(long, default_value_t = 3.0)]
    pub settle: f64,
}

/// Runs it.
///
/// # Errors
/// When the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Findings> {
    let Stage {
        mut driver,
        process,
        ..
    } = Stage::set(target, options.rooms, Crowd::Rooms)?;
    driver.open(WARM_CLIENTS, IN_FLIGHT)?;
    driver.viewers.close_all();
    process.wait_quiet()?;
    let base = process.resident_kib()?;
    driver.open(options.clients, IN_FLIGHT)?;
    let settled = Instant::now() + Duration::from_secs_f64(options.settle);
    let start = process.moment()?;
    while Instant::now() < settled {
        driver.turn(Duration::from_millis(50))?;
    }
    let spent = start.until(process.moment()?);
    let grown = process.resident_kib()?.saturating_sub(base);
    let joined = driver.viewers.joined().max(1);
    Ok(Findings {
        rss_kib_per_connection: Some(grown as f64 / joined as f64),
        ..Findings::new("idle", options.rooms, &driver, spent)
    })
}
