//! A storm of arrivals: TCP connect, WebSocket upgrade, handshake with a token, and a granted join.

use anyhow::Result;
use clap::Args;

use super::{Findings, Stage, Target};
use crate::crowd::Crowd;

/// Viewers that come and go first, so that a just-in-time compiler has seen the way.
const WARM_CLIENTS: usize = 500;

/// The storm.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Viewers.
    #[arg(long, default_value_t = 5_000)]
    pub clients: usize,
    /// Rooms they share.
    #[arg(long, default_value_t = 10)]
    pub rooms: usize,
    /// Viewers on the way at a time.
    #[arg(long, default_value_t = 64)]
    pub in_flight: usize,
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
    driver.open(WARM_CLIENTS, options.in_flight)?;
    driver.viewers.close_all();
    process.wait_quiet()?;
    let tokens = driver.viewers.next_tokens(options.clients)?;
    let start = process.moment()?;
    driver.admit(tokens, options.in_flight)?;
    let spent = start.until(process.moment()?);
    let count = options.clients as f64;
    Ok(Findings {
        connects_per_second: Some(count / spent.wall.as_secs_f64()),
        server_cpu_us_per_connect: Some(spent.server_us_per(options.clients)),
        ..Findings::new("connect", options.rooms, &driver, spent)
    })
}
