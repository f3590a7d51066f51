//! Publishing as fast as deliveries keep up, with a bounded window of outstanding publications.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use super::{Findings, IN_FLIGHT, Slices, Stage, Target, slices};
use crate::crowd::Crowd;
use crate::driver::Driver;

/// How long without any delivery counts as a stall.
const STALL: Duration = Duration::from_millis(500);

/// The crowd and the window.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Viewers.
    #[arg(long, default_value_t = 1_000)]
    pub clients: usize,
    /// Rooms they share.
    #[arg(long, default_value_t = 10)]
    pub rooms: usize,
    /// Publications per room that may be on the way.
    #[arg(long, default_value_t = 64)]
    pub window: u64,
    /// How long.
    #[command(flatten)]
    pub slices: Slices,
}

/// Runs it.
///
/// # Errors
/// When the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Vec<Findings>> {
    let mut stage = Stage::set(target, options.rooms, Crowd::Rooms)?;
    stage.open(options.clients, IN_FLIGHT)?;
    let window = options.window * options.clients as u64;
    let mut stalls = 0;
    let step = |driver: &mut _, duration| {
        stalls += flood(driver, window, duration)?;
        Ok(())
    };
    let mut found = slices::measure("flood", options.rooms, &mut stage, &options.slices, step)?;
    if let Some(last) = found.last_mut() {
        last.stalls = Some(stalls);
    }
    Ok(found)
}

/// Keeps `window` deliveries on the way for `duration`; returns how often they stopped coming.
fn flood(driver: &mut Driver, window: u64, duration: Duration) -> Result<u32> {
    let start = Instant::now();
    let (mut seen, mut since, mut stalls) = (driver.viewers.tally.deliveries, start, 0);
    while start.elapsed() < duration {
        ensure!(
            driver.viewers.joined() > 0,
            "the server has thrown out every viewer"
        );
        while driver.outstanding() < window {
            driver.publish();
        }
        driver.turn(Duration::from_millis(10))?;
        if driver.viewers.tally.deliveries > seen {
            (seen, since) = (driver.viewers.tally.deliveries, Instant::now());
        } else if since.elapsed() > STALL {
            driver.write_off();
            stalls += 1;
            since = Instant::now();
        }
    }
    Ok(stalls)
}
