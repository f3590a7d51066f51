//! Mosquitto, a broker for each server, on the load's core.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::child::{Guarded, Scratch, free_port};
use super::server::Kind;

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
    /// When it is not installed or does not listen within five seconds.
    pub fn start(kind: Kind, scratch: &Scratch, core: usize) -> Result<Self> {
        let address = free_port()?;
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
        let process = Guarded::start(
            core,
            &command,
            &scratch.path(&format!("{}-mosquitto.log", kind.name())),
        )?;
        let deadline = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect(address).is_err() {
            ensure!(
                Instant::now() < deadline,
                "Mosquitto does not listen: is it installed?"
            );
            sleep(Duration::from_millis(20));
        }
        Ok(Self {
            address,
            _process: process,
        })
    }
}
