//! One room that grows while the pace of deliveries stays: does a delivery cost more in a larger room?

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use super::{Findings, IN_FLIGHT, Slices, Stage, Target, rate, slices};
use crate::crowd::Crowd;

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
    pub slices: Slices,
}

/// Runs it: one finding per size and slice.
///
/// # Errors
/// When the sizes do not ascend, or the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Vec<Findings>> {
    ensure!(options.sizes.is_sorted(), "--sizes must ascend");
    let mut stage = Stage::set(target, 1, Crowd::Rooms)?;
    let mut found: Vec<Findings> = Vec::new();
    for &size in &options.sizes {
        stage.open(size - stage.driver.viewers.joined(), IN_FLIGHT)?;
        let interval = Duration::from_secs_f64(size as f64 / options.deliveries);
        let pace = |driver: &mut _, duration| rate::pace(driver, interval, duration);
        // The faults are those of all sizes so far: the last size has them all.
        found.iter_mut().for_each(Findings::forget_faults);
        found.extend(slices::measure(
            "grow",
            1,
            &mut stage,
            &options.slices,
            pace,
        )?);
    }
    Ok(found)
}
