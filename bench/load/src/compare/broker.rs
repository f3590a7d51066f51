//! Mosquitto, a broker for each server, on the load's core.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::child::{Guarded, Scratch, free_port, tail};
use super::server::Kind;

/// How long one may take to listen.
const START: Duration = Duration::from_secs(20);
/// How many are tried, each on another port.
const ATTEMPTS: usize = 3;

/// A running Mosquitto.
pub struct Broker {
    /// Where it listens.
    pub address: SocketAddr,
    _process: Guarded,
}

impl Broker {
    /// Starts one for this server, on a free port of loopback, with no limit that could drop a publication.
    ///
    /// # Errors
    /// When it is not installed or does not listen, with the end of its log.
    pub fn start(kind: Kind, scratch: &Scratch, core: usize) -> Result<Self> {
        let log = scratch.path(&format!("{}-mosquitto.log", kind.name()));
        for _ in 0..ATTEMPTS {
            let address = free_port()?;
            let command = command(kind, address, scratch)?;
            let process = Guarded::start(core, &command, &log)?;
            if let Some(process) = listening(process, address)? {
                return Ok(Self {
                    address,
                    _process: process,
                });
            }
        }
        bail!("Mosquitto does not listen: {}", tail(&log))
    }
}

fn command(kind: Kind, address: SocketAddr, scratch: &Scratch) -> Result<Command> {
    let configuration = scratch.path(&format!("{}-mosquitto.conf", kind.name()));
    let text = format!(
        "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n\
         max_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 0\nlog_type error\n",
        address.port()
    );
    std::fs::write(&configuration, text).context("writing mosquitto.conf")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("mosquitto");
    // Debian keeps it where an ordinary user's path does not look.
    command
        .arg("-c")
        .arg(configuration)
        .env("PATH", format!("{path}:/usr/sbin"));
    Ok(command)
}

/// The process once it listens; `None` when it has ended, as it does when somebody else was faster to take the port.
fn listening(mut process: Guarded, address: SocketAddr) -> Result<Option<Guarded>> {
    let deadline = Instant::now() + START;
    while TcpStream::connect(address).is_err()
        && process.0.try_wait().context("Mosquitto")?.is_none()
        && Instant::now() < deadline
    {
        sleep(Duration::from_millis(20));
    }
    let has_ended = process.0.try_wait().context("Mosquitto")?.is_some();
    Ok((!has_ended && Instant::now() < deadline).then_some(process))
}
