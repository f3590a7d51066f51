//! Publishing as fast as deliveries keep up, with a bounded window of outstanding publications.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use super::{Findings, IN_FLIGHT, Target, Times, assemble, measure_flow};
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
    #[arg(long, default_value_t = 16)]
    pub window: u64,
    /// How long.
    #[command(flatten)]
    pub times: Times,
}

/// Runs it.
///
/// # Errors
/// When the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Findings> {
    let (mut driver, process) = assemble(target, options.rooms)?;
    driver.open(options.clients, IN_FLIGHT)?;
    let window = options.window * options.clients as u64;
    let mut stalls = 0;
    let found = measure_flow(
        "flood",
        options.rooms,
        &mut driver,
        &process,
        options.times,
        |driver, duration| {
            stalls += flood(driver, window, duration)?;
            Ok(())
        },
    )?;
    Ok(Findings {
        stalls: Some(stalls),
        ..found
    })
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
