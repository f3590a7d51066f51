//! Publishing at a fixed pace, evenly spread: CPU per delivery and latency away from saturation.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;

use super::{Findings, IN_FLIGHT, Slices, Stage, Target, slices};
use crate::crowd::Crowd;
use crate::driver::Driver;

/// The pace and its crowd.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Viewers.
    #[arg(long, default_value_t = 1_000)]
    pub clients: usize,
    /// Rooms they share.
    #[arg(long, default_value_t = 10)]
    pub rooms: usize,
    /// Deliveries per second, over all viewers.
    #[arg(long, default_value_t = 50_000.0)]
    pub deliveries: f64,
    /// How long.
    #[command(flatten)]
    pub slices: Slices,
}

/// Runs it.
///
/// # Errors
/// When the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Vec<Findings>> {
    measure("rate", Crowd::Rooms, options, target)
}

/// The same for a run called `mode` with another crowd.
///
/// # Errors
/// When the server or the broker fails.
pub fn measure(
    mode: &str,
    crowd: Crowd,
    options: &Options,
    target: &Target,
) -> Result<Vec<Findings>> {
    let mut stage = Stage::set(target, options.rooms, crowd)?;
    stage.open(options.clients, IN_FLIGHT)?;
    let per_room = options.clients as f64 / options.rooms as f64;
    let interval = Duration::from_secs_f64(per_room / options.deliveries);
    let step = |driver: &mut _, duration| pace(driver, interval, duration);
    slices::measure(mode, options.rooms, &mut stage, &options.slices, step)
}

/// Publishes once per `interval` for `duration`; what is late is published at once.
///
/// # Errors
/// When the broker fails.
pub fn pace(driver: &mut Driver, interval: Duration, duration: Duration) -> Result<()> {
    let start = Instant::now();
    let mut due = start;
    loop {
        let now = Instant::now();
        if now >= start + duration {
            return Ok(());
        }
        while due <= now {
            driver.publish();
            due += interval;
        }
        driver.turn(due - now)?;
    }
}
