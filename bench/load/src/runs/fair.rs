//! A small room with a steady flow beside a large one: how much later do the small room's viewers read their captions
//! when the large room gets bursts?
//!
//! First the small room alone, then with the bursts; only its latencies count. A burst is handed to the broker in one
//! write with the small room's next publication, which stands right behind it: the worst place to be.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Findings, IN_FLIGHT, Stage, Target, Times, measure_flow};
use crate::crowd::Crowd;
use crate::driver::Driver;
use crate::process::{Moment, Process};
use crate::tally::Latency;

/// The room that gets the bursts.
const LARGE: usize = 0;
/// The room that is timed.
const SMALL: usize = 1;

/// The two rooms and what is said in them.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Viewers of the large room.
    #[arg(long, default_value_t = 5_000)]
    pub clients: usize,
    /// Viewers of the small room.
    #[arg(long, default_value_t = 50)]
    pub small: usize,
    /// Publications in one burst.
    #[arg(long, default_value_t = 20)]
    pub burst: usize,
    /// Seconds between bursts.
    #[arg(long, default_value_t = 1.0)]
    pub every: f64,
    /// Publications per second to the small room.
    #[arg(long, default_value_t = 10.0)]
    pub pace: f64,
    /// How long, without the bursts and again with them.
    #[command(flatten)]
    pub times: Times,
}

/// The bursts, and what they are compared with.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Bursts {
    /// Viewers of the small room.
    pub small: usize,
    /// Publications in one burst.
    pub publications: usize,
    /// Publish to receipt in the small room without bursts, in microseconds.
    pub calm_latency_us: Latency,
    /// From a burst's publication until all of it has been read, in milliseconds; the mean. Absent where each burst met
    /// the next one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread_ms: Option<f64>,
    /// How much of one core the server used meanwhile.
    pub server_busy: f64,
    /// How much of one core this tool used meanwhile; near 1, its own queue is measured as well.
    pub load_busy: f64,
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
    } = Stage::set(target, 2, Crowd::Rooms)?;
    driver.viewers.tally.time_only(SMALL as u16);
    for (room, count) in [(LARGE, options.clients), (SMALL, options.small)] {
        driver.viewers.seat_in(room);
        driver.open(count, IN_FLIGHT)?;
    }
    let mut flow = |step: &mut dyn FnMut(&mut Driver, Duration) -> Result<()>| {
        measure_flow("fair", 2, &mut driver, &process, options.times, step)
    };
    let calm = flow(&mut |driver, duration| speak(driver, options, duration, None))?;
    let mut watch = Watch::new(process);
    let found = flow(&mut |driver, duration| speak(driver, options, duration, Some(&mut watch)))?;
    let bursts = Bursts {
        small: options.small,
        publications: options.burst,
        calm_latency_us: calm.latency_us.unwrap_or_default(),
        ..watch.result()
    };
    Ok(Findings {
        bursts: Some(bursts),
        ..found
    })
}

/// Publishes to the small room at its pace for `duration`; with a `watch`, also bursts to the large one.
fn speak(
    driver: &mut Driver,
    options: &Options,
    duration: Duration,
    mut watch: Option<&mut Watch>,
) -> Result<()> {
    let pause = Duration::from_secs_f64(1.0 / options.pace);
    let every = Duration::from_secs_f64(options.every);
    let start = Instant::now();
    let (mut due, mut burst_due) = (start, start);
    loop {
        let now = Instant::now();
        if now >= start + duration {
            return Ok(());
        }
        if due <= now {
            if let Some(watch) = &mut watch
                && burst_due <= due
            {
                (0..options.burst).for_each(|_| driver.publish_to(LARGE));
                watch.begins()?;
                burst_due += every;
            }
            driver.publish_to(SMALL);
            due += pause;
        }
        driver.turn(due.saturating_duration_since(Instant::now()))?;
        if let Some(watch) = &mut watch
            && driver.outstanding() == 0
        {
            watch.is_over()?;
        }
    }
}

/// Times bursts from their publication until everything has arrived.
struct Watch {
    process: Process,
    /// When the burst that is on the way was published.
    since: Option<Moment>,
    count: u32,
    wall: Duration,
    server: Duration,
    own: Duration,
}

impl Watch {
    fn new(process: Process) -> Self {
        Self {
            process,
            since: None,
            count: 0,
            wall: Duration::ZERO,
            server: Duration::ZERO,
            own: Duration::ZERO,
        }
    }

    /// A burst was published; one that finds another still on the way belongs to it.
    fn begins(&mut self) -> Result<()> {
        if self.since.is_none() {
            self.since = Some(self.process.moment()?);
        }
        Ok(())
    }

    /// Everything has arrived.
    fn is_over(&mut self) -> Result<()> {
        let Some(since) = self.since.take() else {
            return Ok(());
        };
        let spent = since.until(self.process.moment()?);
        self.count += 1;
        self.wall += spent.wall;
        self.server += spent.server;
        self.own += spent.own;
        Ok(())
    }

    fn result(self) -> Bursts {
        let wall = self.wall.as_secs_f64().max(f64::MIN_POSITIVE);
        Bursts {
            spread_ms: (self.count > 0)
                .then(|| self.wall.as_secs_f64() * 1e3 / f64::from(self.count)),
            server_busy: self.server.as_secs_f64() / wall,
            load_busy: self.own.as_secs_f64() / wall,
            ..Bursts::default()
        }
    }
}
