//! The servers under comparison: how each is started, and where it then listens.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use super::child::{Guarded, Scratch, tail};
use super::plan::Run;
use super::{Options, SECRET};

/// How long a server may take to say where it listens.
const START: Duration = Duration::from_secs(20);

/// One of the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// What this project builds.
    Switchboard,
    /// socket.io and mqtt.js on Node.
    Node,
    /// socketioxide and rumqttc.
    Socketioxide,
    /// One frame, one write per socket: the physical limit of a server that does not join frames.
    Bare,
    /// The same, joining what waits into one write.
    BareCoalesce,
}

impl Kind {
    /// All of them, those beside each other that are compared most.
    pub const ALL: [Self; 5] = [
        Self::Switchboard,
        Self::Bare,
        Self::BareCoalesce,
        Self::Node,
        Self::Socketioxide,
    ];

    /// The name on the command line and in the results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Switchboard => "switchboard",
            Self::Node => "node",
            Self::Socketioxide => "socketioxide",
            Self::Bare => "bare",
            Self::BareCoalesce => "bare-coalesce",
        }
    }

    /// The name in the table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Switchboard => "**switchboard**",
            Self::Node => "Node: socket.io + mqtt.js",
            Self::Socketioxide => "socketioxide + rumqttc",
            Self::Bare => "bare writer",
            Self::BareCoalesce => "bare writer, coalescing",
        }
    }
}

/// Where the servers are.
#[derive(Debug, Args)]
pub struct Places {
    /// The folder with the built peers.
    #[arg(long, default_value = "target/release")]
    binaries: PathBuf,
    /// The built switchboard.
    #[arg(long, default_value = "../target/release/switchboard")]
    switchboard: PathBuf,
    /// The folder of the Node gateway, its packages installed.
    #[arg(long, default_value = "peers/node-gateway")]
    node_gateway: PathBuf,
}

/// What a server is connected to.
#[derive(Debug, Clone, Copy)]
pub struct Behind {
    /// Its broker.
    pub broker: SocketAddr,
    /// Its language model, in the runs that need one.
    pub model: Option<SocketAddr>,
}

/// A server that listens.
pub struct Running {
    /// Where.
    pub address: SocketAddr,
    process: Guarded,
}

impl Running {
    /// Starts a server, pinned, and waits until it says where it listens.
    ///
    /// # Errors
    /// When it does not, with the end of its log.
    pub fn start(
        kind: Kind,
        run: &Run,
        options: &Options,
        behind: Behind,
        scratch: &Scratch,
    ) -> Result<Self> {
        let mut command = command(kind, &options.places, behind.broker, scratch)?;
        if kind == Kind::Node && run.name == "recovery" {
            command.arg("--recovery");
        }
        if let Some(model) = behind.model {
            command.env("SWITCHBOARD_LLM_URL", format!("http://{model}/v1"));
        }
        let log = scratch.path(&format!("{}.log", kind.name()));
        Self::of(&command, options.server_core, &log)
    }

    /// Starts this tool's language model, on the core of the load.
    ///
    /// # Errors
    /// As [`Running::start`].
    pub fn model(options: &Options, scratch: &Scratch) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe().context("own path")?);
        command.arg("model");
        Self::of(&command, options.load_core, &scratch.path("model.log"))
    }

    fn of(command: &Command, core: usize, log: &Path) -> Result<Self> {
        let mut process = Guarded::start(core, command, log)?;
        let stdout = process
            .0
            .stdout
            .take()
            .context("a server without standard output")?;
        match listening(stdout).recv_timeout(START) {
            Ok(address) => Ok(Self { address, process }),
            Err(RecvTimeoutError::Timeout) => bail!("did not start in {START:?}: {}", tail(log)),
            Err(RecvTimeoutError::Disconnected) => bail!("ended at once: {}", tail(log)),
        }
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }
}

fn command(kind: Kind, places: &Places, broker: SocketAddr, scratch: &Scratch) -> Result<Command> {
    let mut command = match kind {
        Kind::Switchboard => return switchboard(&places.switchboard, broker, scratch),
        Kind::Node => {
            let mut node = Command::new("node");
            node.arg(places.node_gateway.join("gateway.mjs"))
                .env("NODE_ENV", "production");
            node
        }
        Kind::Socketioxide => Command::new(places.binaries.join("socketioxide-gateway")),
        Kind::Bare | Kind::BareCoalesce => Command::new(places.binaries.join("bare-writer")),
    };
    if kind == Kind::BareCoalesce {
        command.arg("--coalesce");
    }
    command.args(["--listen", "127.0.0.1:0", "--mqtt", &broker.to_string()]);
    command.env("BENCH_JWT_SECRET", SECRET);
    Ok(command)
}

fn switchboard(program: &Path, broker: SocketAddr, scratch: &Scratch) -> Result<Command> {
    let database = scratch.path("switchboard.db");
    for file in ["switchboard.db", "switchboard.db-wal", "switchboard.db-shm"] {
        match std::fs::remove_file(scratch.path(file)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("removing the last run's database");
            }
            _ => {}
        }
    }
    let mut command = Command::new(program);
    // Names left in the caller's environment must not change what is measured.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SWITCHBOARD_") {
            command.env_remove(name);
        }
    }
    command
        .arg("serve")
        .env("SWITCHBOARD_LISTEN", "127.0.0.1:0")
        .env("SWITCHBOARD_MQTT_URL", format!("mqtt://{broker}"))
        .env(
            "SWITCHBOARD_DATABASE_URL",
            format!("sqlite://{}", database.display()),
        )
        .env("SWITCHBOARD_JWT_SECRET", SECRET);
    Ok(command)
}

/// The address of the line `listening on http://ADDR:PORT`, once it comes; later lines are read and dropped.
fn listening(stdout: impl Read + Send + 'static) -> Receiver<SocketAddr> {
    let (found, address) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let address = line.strip_prefix("listening on http://").map(str::parse);
            if let Some(Ok(address)) = address {
                // Nobody waits for a second address.
                let _ = found.send(address);
            }
        }
    });
    address
}
