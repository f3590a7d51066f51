//! One server in a run, with a Mosquitto and a load process of its own.
//!
//! A load process of its own, because the viewers of all servers together would need more open files than many
//! machines allow one process.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{ChildStdin, ChildStdout, Command};

use anyhow::{Context as _, Result, bail};

use super::broker::Broker;
use super::child::{Guarded, Scratch, tail};
use super::plan::Run;
use super::server::{Behind, Kind, Running};
use super::{Options, SECRET};
use crate::rest;
use crate::runs::{END, Findings};
use crate::token::Signer;

/// A server that is up, and the load that measures it.
pub struct Lane<'a> {
    /// Which server.
    pub kind: Kind,
    scratch: &'a Scratch,
    /// What the load says.
    lines: Lines<BufReader<ChildStdout>>,
    /// Where it is told that its turn has come.
    bell: ChildStdin,
    /// What it has found so far.
    found: Vec<Findings>,
    // What follows is dropped, and so ended, in this order.
    load: Guarded,
    _server: Running,
    _model: Option<Running>,
    _broker: Broker,
}

impl<'a> Lane<'a> {
    /// Starts broker, server and load; the load of a run in slices waits for its first turn.
    ///
    /// # Errors
    /// When one of them does not start.
    pub fn start(kind: Kind, run: &Run, options: &Options, scratch: &'a Scratch) -> Result<Self> {
        let broker = Broker::start(kind, scratch, options.load_core)?;
        let model = run.needs_model.then(|| Running::model(options, scratch));
        let model = model.transpose()?;
        let behind = Behind {
            broker: broker.address,
            model: model.as_ref().map(|model| model.address),
        };
        let server = Running::start(kind, run, options, behind, scratch)?;
        if kind == Kind::Switchboard {
            rest::create_sessions(server.address, &Signer::new(SECRET), run.rooms)?;
        }
        let mut command = Command::new(std::env::current_exe().context("own path")?);
        command
            .arg("run")
            .args(["--server", &server.address.to_string()])
            .args(["--mqtt", &broker.address.to_string()])
            .args(["--pid", &server.pid().to_string()])
            .args(run.in_slices.then_some("--turns"))
            .args(&run.arguments)
            .env("BENCH_JWT_SECRET", SECRET);
        let mut load = Guarded::start(options.load_core, &command, &log(kind, scratch))?;
        let stdin = load.0.stdin.take().context("a load without a bell")?;
        let stdout = load.0.stdout.take().context("a load without a voice")?;
        Ok(Self {
            kind,
            scratch,
            lines: BufReader::new(stdout).lines(),
            bell: stdin,
            found: Vec::new(),
            load,
            _server: server,
            _model: model,
            _broker: broker,
        })
    }

    /// Waits until the load is ready for its first turn, or ends.
    ///
    /// # Errors
    /// When it fails.
    pub fn ready(&mut self) -> Result<Option<Vec<Findings>>> {
        for line in &mut self.lines {
            let line = line.context("the load's output")?;
            if line == END {
                return Ok(None);
            }
            let found = serde_json::from_str(&line).context("the load's findings")?;
            self.found.push(found);
        }
        let status = self.load.0.wait().context("the load's end")?;
        if !status.success() {
            bail!("{}", tail(&log(self.kind, self.scratch)));
        }
        Ok(Some(std::mem::take(&mut self.found)))
    }

    /// Gives the load its turn and waits until that is over; its findings once the run is.
    ///
    /// # Errors
    /// When it fails.
    pub fn turn(&mut self) -> Result<Option<Vec<Findings>>> {
        // A load that has ended hears nothing; its output then says why.
        let _ = self.bell.write_all(b"\n");
        self.ready()
    }
}

/// Where a load says why it failed.
fn log(kind: Kind, scratch: &Scratch) -> std::path::PathBuf {
    scratch.path(&format!("{}-load.log", kind.name()))
}
