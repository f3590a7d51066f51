//! What the kernel says about the server's process: CPU time and resident memory.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::time::ClockId;
use nix::unistd::Pid;

/// A process whose resources are measured.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    pid: Pid,
    clock: ClockId,
}

/// A moment at which a run's measured part begins or ends.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    at: Instant,
    server: Duration,
    own: Duration,
}

/// What passed between two moments.
#[derive(Debug, Clone, Copy)]
pub struct Spent {
    /// Time on the wall.
    pub wall: Duration,
    /// CPU time of the server.
    pub server: Duration,
    /// CPU time of this load tool.
    pub own: Duration,
}

impl Process {
    /// Opens the process `pid` for measuring.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn open(pid: i32) -> Result<Self> {
        let pid = Pid::from_raw(pid);
        let clock = ClockId::pid_cpu_clock_id(pid).with_context(|| format!("process {pid}"))?;
        Ok(Self { pid, clock })
    }

    /// CPU time of all its threads, ended ones included: `/proc/PID/stat`'s utime + stime, but from the
    /// scheduler's own nanosecond clock instead of 10 ms ticks.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn cpu(&self) -> Result<Duration> {
        let clock = self
            .clock
            .now()
            .with_context(|| format!("process {} has ended", self.pid))?;
        Ok(clock.into())
    }

    /// Resident memory in KiB (`Rss` of `smaps_rollup`, which is exact, else `VmRSS`).
    ///
    /// # Errors
    /// When the process has ended.
    pub fn resident_kib(&self) -> Result<u64> {
        let read = |file, key| {
            let text = fs::read_to_string(format!("/proc/{}/{file}", self.pid)).ok()?;
            let line = text.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let resident = read("smaps_rollup", "Rss:").or_else(|| read("status", "VmRSS:"));
        resident.with_context(|| format!("no memory figures of process {}", self.pid))
    }

    /// Waits, at most five seconds, until the process does next to nothing.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn wait_quiet(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(5);
        while Instant::now() < deadline {
            let before = self.cpu()?;
            sleep(Duration::from_millis(250));
            if self.cpu()? - before < Duration::from_millis(3) {
                break;
            }
        }
        Ok(())
    }

    /// The present moment.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn moment(&self) -> Result<Moment> {
        let own = ClockId::CLOCK_PROCESS_CPUTIME_ID
            .now()
            .context("own CPU clock")?;
        Ok(Moment {
            at: Instant::now(),
            server: self.cpu()?,
            own: own.into(),
        })
    }
}

impl Spent {
    /// The server's CPU time in microseconds, divided by `count`.
    pub fn server_us_per(&self, count: usize) -> f64 {
        self.server.as_secs_f64() * 1e6 / count.max(1) as f64
    }
}

impl Moment {
    /// What passed from this moment to `end`.
    pub fn until(self, end: Self) -> Spent {
        Spent {
            wall: end.at - self.at,
            server: end.server - self.server,
            own: end.own - self.own,
        }
    }
}

/// Raises the limit of open files as far as it goes and says how many that is.
///
/// # Errors
/// When the kernel refuses.
pub fn raise_open_files() -> Result<u64> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("reading the open files limit")?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context("raising the open files limit")?;
    Ok(hard)
}
