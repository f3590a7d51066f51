//! One room that grows while the pace of deliveries stays: does a delivery cost more in a larger room?

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use super::{Findings, IN_FLIGHT, Target, Times, assemble, measure_flow, rate};

/// The sizes and the pace.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Sizes of the room, ascending.
    #[arg(long, value_delimiter = ',', default_value = "100,1000,10000")]
    pub sizes: Vec<usize>,
    /// Deliveries per second, over all viewers.
    #[arg(long, default_value_t = 50_000.0)]
    pub deliveries: f64,
    /// How long at each size.
    #[command(flatten)]
    pub times: Times,
}

/// Runs it: one finding per size.
///
/// # Errors
/// When the sizes do not ascend, or the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Vec<Findings>> {
    ensure!(options.sizes.is_sorted(), "--sizes must ascend");
    let (mut driver, process) = assemble(target, 1)?;
    let mut found = Vec::new();
    for &size in &options.sizes {
        driver.open(size - driver.viewers.joined(), IN_FLIGHT)?;
        let interval = Duration::from_secs_f64(size as f64 / options.deliveries);
        let pace = |driver: &mut _, duration| rate::pace(driver, interval, duration);
        found.push(measure_flow(
            "grow",
            1,
            &mut driver,
            &process,
            options.times,
            pace,
        )?);
    }
    Ok(found)
}
