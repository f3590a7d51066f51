//! Measuring in slices of about a second, so that servers can take turns and each round compares them side by side.

use std::time::Duration;

use anyhow::Result;
use clap::Args;

use super::{DRAIN, Findings, Stage, Times, measure_flow};
use crate::driver::Driver;

/// How long a run in slices lasts.
#[derive(Debug, Clone, Args)]
pub struct Slices {
    /// Slices.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
    /// Measured seconds of each.
    #[arg(long, default_value_t = 1.0)]
    pub slice: f64,
    /// Seconds before that in each slice, not measured, in which caches get warm.
    #[arg(long, default_value_t = 0.2)]
    pub settle: f64,
    /// Seconds of warm-up before the first slice.
    #[arg(long, default_value_t = 2.0)]
    pub warm: f64,
}

/// Does `step` in slices, each in a turn of its own and drained at its end: one finding per slice. The last of them has
/// the faults of all.
///
/// # Errors
/// Those of `step`, or when the server has ended.
pub fn measure(
    mode: &str,
    rooms: usize,
    stage: &mut Stage,
    slices: &Slices,
    mut step: impl FnMut(&mut Driver, Duration) -> Result<()>,
) -> Result<Vec<Findings>> {
    let Stage {
        driver,
        process,
        turns,
    } = stage;
    step(driver, Duration::from_secs_f64(slices.warm))?;
    driver.drain(DRAIN)?;
    let mut found = Vec::new();
    for round in 1..=slices.rounds {
        turns.next(driver)?;
        let times = Times {
            warm: slices.settle,
            seconds: slices.slice,
        };
        found
            .iter_mut()
            .for_each(|earlier: &mut Findings| earlier.forget_faults());
        found.push(Findings {
            round,
            ..measure_flow(mode, rooms, driver, process, times, &mut step)?
        });
    }
    Ok(found)
}
