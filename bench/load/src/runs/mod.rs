//! The runs: each opens viewers, does one thing for a bounded time, and says what it cost.

mod answers;
mod connect;
mod fair;
mod flood;
mod grow;
mod history;
mod idle;
mod low;
mod rate;
mod recovery;
mod slices;
mod storm;
mod turns;
mod watch;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};

pub use fair::Bursts;
use slices::Slices;
pub use turns::END;
use turns::Turns;

use crate::crowd::Crowd;
use crate::driver::Driver;
use crate::process::{Process, Spent};
use crate::rooms;
use crate::tally::{Faults, Latency};
use crate::token::Signer;

/// Viewers on the way at a time while a run assembles, or storms.
const IN_FLIGHT: usize = 64;
/// How long the last deliveries may take once nothing is published any more.
const DRAIN: Duration = Duration::from_secs(3);

/// Whom a run talks to and measures.
#[derive(Debug, Args)]
pub struct Target {
    /// The server's address.
    #[arg(long)]
    pub server: SocketAddr,
    /// The broker's address.
    #[arg(long)]
    pub mqtt: SocketAddr,
    /// The server's process.
    #[arg(long)]
    pub pid: i32,
    /// The HS256 key of the tokens.
    #[arg(long, env = "BENCH_JWT_SECRET", hide_env_values = true)]
    pub secret: String,
    /// Wait for a line on standard input before each slice; a line `.` says that one is over.
    #[arg(long)]
    pub turns: bool,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Mode {
    /// Publish at a fixed pace: CPU per delivery and latency.
    Rate(rate::Options),
    /// Publish as fast as deliveries keep up.
    Flood(flood::Options),
    /// Hold joined viewers: memory per connection.
    Idle(idle::Options),
    /// Connect, handshake and join in a storm.
    Connect(connect::Options),
    /// One room that grows, at a fixed pace of deliveries.
    Grow(grow::Options),
    /// Many rooms of one viewer.
    Low(low::Options),
    /// WebSockets and pollers in the same rooms.
    Mixed(rate::Options),
    /// All viewers cut off at once, and all back.
    Storm(storm::Options),
    /// Joins that ask for a history.
    History(history::Options),
    /// Viewers that come back and get what they missed.
    Recovery(recovery::Options),
    /// Watchers of organizations, and the list of all sessions.
    Watch(watch::Options),
    /// A small room beside a large one that bursts.
    Fair(fair::Options),
    /// Answers of a language model, all at once.
    Answers(answers::Options),
}

/// What one run found; what a run does not measure is absent.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Findings {
    /// The run's name.
    pub mode: String,
    /// Which repetition it was, from 1; servers are compared within one.
    pub round: usize,
    /// Viewers.
    pub clients: usize,
    /// Rooms they share.
    pub rooms: usize,
    /// Measured seconds on the wall.
    pub seconds: f64,
    /// Publications in the measured time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publications: Option<u64>,
    /// Deliveries received in the measured time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<u64>,
    /// Those, per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliveries_per_second: Option<f64>,
    /// Faults of the whole run, warm-up included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Faults>,
    /// Publish to receipt, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<Latency>,
    /// Server CPU per delivery, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_us_per_delivery: Option<f64>,
    /// Server CPU per publication, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_us_per_publication: Option<f64>,
    /// This tool's own CPU per delivery, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_cpu_us_per_delivery: Option<f64>,
    /// Growth of the server's resident memory per idle viewer, in KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_kib_per_connection: Option<f64>,
    /// Viewers that joined per second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connects_per_second: Option<f64>,
    /// From a viewer's first step until it was in its room and had what it missed, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrival_us: Option<Latency>,
    /// Server CPU per viewer that joined, in microseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_cpu_us_per_connect: Option<f64>,
    /// How much of one core the server used.
    pub server_busy: f64,
    /// How much of one core this tool used.
    pub load_busy: f64,
    /// Viewers that the server threw out.
    pub thrown_out: usize,
    /// Times a flood waited in vain for its deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stalls: Option<u32>,
    /// What a large room's bursts did to a small one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bursts: Option<Bursts>,
}

/// Does `mode` against `target`; a run in slices yields a finding for each, the others one.
///
/// # Errors
/// When the server or the broker fails.
pub fn run(mode: &Mode, target: &Target) -> Result<Vec<Findings>> {
    match mode {
        Mode::Rate(options) => rate::run(options, target),
        Mode::Flood(options) => flood::run(options, target),
        Mode::Idle(options) => Ok(vec![idle::run(options, target)?]),
        Mode::Connect(options) => Ok(vec![connect::run(options, target)?]),
        Mode::Grow(options) => grow::run(options, target),
        Mode::Low(options) => low::run(options, target),
        Mode::Mixed(options) => rate::measure("mixed", Crowd::Mixed, options, target),
        Mode::Storm(options) => Ok(vec![storm::run(options, target)?]),
        Mode::History(options) => Ok(vec![history::run(options, target)?]),
        Mode::Recovery(options) => Ok(vec![recovery::run(options, target)?]),
        Mode::Watch(options) => Ok(vec![watch::run(options, target)?]),
        Mode::Fair(options) => Ok(vec![fair::run(options, target)?]),
        Mode::Answers(options) => Ok(vec![answers::run(options, target)?]),
    }
}

/// What a run plays on: its viewers and publisher, the process it measures, and its turns.
struct Stage {
    driver: Driver,
    process: Process,
    turns: Turns,
}

impl Stage {
    /// A stage with `rooms` rooms, and nobody there yet.
    fn set(target: &Target, rooms: usize, crowd: Crowd) -> Result<Self> {
        let driver = Driver::new(
            target.server,
            target.mqtt,
            (0..rooms).map(rooms::name).collect(),
            Signer::new(&target.secret),
            crowd,
        )?;
        Ok(Self {
            driver,
            process: Process::open(target.pid)?,
            turns: Turns::new(target.turns),
        })
    }

    /// In a turn of its own, lets `count` viewers in, `in_flight` of them on the way at a time.
    fn open(&mut self, count: usize, in_flight: usize) -> Result<()> {
        self.turns.next(&mut self.driver)?;
        self.driver.open(count, in_flight)
    }
}

impl Findings {
    /// Findings with what every run has.
    fn new(mode: &str, rooms: usize, driver: &Driver, spent: Spent) -> Self {
        let share = |cpu: Duration| cpu.as_secs_f64() / spent.wall.as_secs_f64();
        Self {
            mode: mode.to_owned(),
            round: 1,
            clients: driver.viewers.joined(),
            rooms,
            seconds: spent.wall.as_secs_f64(),
            server_busy: share(spent.server),
            load_busy: share(spent.own),
            thrown_out: driver.viewers.gone().0,
            ..Self::default()
        }
    }

    /// Adds what a run in which `count` viewers arrive found; publish to receipt means nothing there.
    fn with_arrivals(self, count: usize, driver: &Driver, spent: Spent) -> Self {
        Self {
            latency_us: None,
            arrival_us: Some(driver.viewers.tally.arrivals()),
            server_cpu_us_per_connect: Some(spent.server_us_per(count)),
            ..self
        }
    }

    /// Leaves the faults, and who was thrown out, to a later finding of the same viewers.
    fn forget_faults(&mut self) {
        self.faults = None;
        self.thrown_out = 0;
    }

    /// Adds what a run that publishes found.
    fn with_flow(self, flow: Flow, driver: &Driver, spent: Spent) -> Self {
        let over = |cpu: Duration, count: u64| cpu.as_secs_f64() * 1e6 / count.max(1) as f64;
        Self {
            publications: Some(flow.publications),
            deliveries: Some(flow.deliveries),
            deliveries_per_second: Some(flow.deliveries as f64 / spent.wall.as_secs_f64()),
            faults: Some(driver.faults()),
            latency_us: Some(driver.viewers.tally.latency()),
            server_cpu_us_per_delivery: Some(over(spent.server, flow.deliveries)),
            server_cpu_us_per_publication: (flow.publications > 0)
                .then(|| over(spent.server, flow.publications)),
            load_cpu_us_per_delivery: Some(over(spent.own, flow.deliveries)),
            ..self
        }
    }
}

/// Counts of the measured time.
#[derive(Debug, Clone, Copy)]
struct Flow {
    publications: u64,
    deliveries: u64,
}

impl Flow {
    /// The counts so far.
    fn of(driver: &Driver) -> Self {
        Self {
            publications: driver.published(),
            deliveries: driver.viewers.tally.deliveries,
        }
    }

    /// What came since `earlier`.
    fn since(self, earlier: Self) -> Self {
        Self {
            publications: self.publications - earlier.publications,
            deliveries: self.deliveries - earlier.deliveries,
        }
    }
}

/// Warms up with `step`, measures `seconds` of it, drains, and says what was found.
fn measure_flow(
    mode: &str,
    rooms: usize,
    driver: &mut Driver,
    process: &Process,
    times: Times,
    mut step: impl FnMut(&mut Driver, Duration) -> Result<()>,
) -> Result<Findings> {
    step(driver, Duration::from_secs_f64(times.warm))?;
    driver.viewers.tally.restart_clock();
    let (start, before) = (process.moment()?, Flow::of(driver));
    step(driver, Duration::from_secs_f64(times.seconds))?;
    let spent = start.until(process.moment()?);
    let flow = Flow::of(driver).since(before);
    driver.drain(DRAIN)?;
    Ok(Findings::new(mode, rooms, driver, spent).with_flow(flow, driver, spent))
}

/// How long a run that publishes lasts.
#[derive(Debug, Clone, Copy, Args)]
pub struct Times {
    /// Seconds of warm-up, not measured.
    #[arg(long, default_value_t = 2.0)]
    pub warm: f64,
    /// Seconds measured.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
}
