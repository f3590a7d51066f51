//! Processes that the comparison starts: pinned, logged to a scratch folder, ended by their own id.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The longest part of a log that a failure quotes, in bytes from the end.
const QUOTE: usize = 500;
/// How long a process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// A folder for databases, configuration and logs; removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("switchboard-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).context("making a scratch folder")?;
        Ok(Self(path))
    }

    /// The path of the file with this name.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning of its temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A process that ends with this value.
pub struct Guarded(pub Child);

impl Guarded {
    /// Starts `command` on `core` with its errors in the file `log`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(core: usize, command: &Command, log: &Path) -> Result<Self> {
        let errors = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let mut pinned = Command::new("taskset");
        pinned
            .args(["-c", &core.to_string()])
            .arg(command.get_program())
            .args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => pinned.env(key, value),
                None => pinned.env_remove(key),
            };
        }
        // A failure's log shall end with its reason.
        pinned.env("RUST_BACKTRACE", "0");
        let pinned = pinned
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors);
        Ok(Self(
            pinned
                .spawn()
                .context("starting a process (is taskset installed?)")?,
        ))
    }

    /// Its id; taskset becomes the process it starts, so this is the measured one.
    pub fn pid(&self) -> i32 {
        self.0.id() as i32
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // An error here means that it has ended already.
        let _ = kill(Pid::from_raw(self.pid()), Signal::SIGTERM);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A loopback port that is free just now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("finding a free port")?;
    listener.local_addr().context("finding a free port")
}

/// The end of a log.
pub fn tail(log: &Path) -> String {
    let bytes = std::fs::read(log).unwrap_or_default();
    let start = bytes.len().saturating_sub(QUOTE);
    String::from_utf8_lossy(&bytes[start..]).trim().to_owned()
}
