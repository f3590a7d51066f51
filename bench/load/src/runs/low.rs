//! Many rooms of one viewer each: what a publication costs where nothing is shared.

use anyhow::Result;
use clap::Args;

use super::{Findings, Slices, Target, rate};
use crate::crowd::Crowd;

/// The rooms and the pace.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Rooms, and viewers.
    #[arg(long, default_value_t = 10_000)]
    pub rooms: usize,
    /// Publications per second, evenly spread.
    #[arg(long, default_value_t = 10_000.0)]
    pub publications: f64,
    /// How long.
    #[command(flatten)]
    pub slices: Slices,
}

/// Runs it.
///
/// # Errors
/// When the server or the broker fails.
pub fn run(options: &Options, target: &Target) -> Result<Vec<Findings>> {
    let each_alone = rate::Options {
        clients: options.rooms,
        rooms: options.rooms,
        deliveries: options.publications,
        slices: options.slices.clone(),
    };
    rate::measure("low", Crowd::Rooms, &each_alone, target)
}
