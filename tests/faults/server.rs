//! The program as a process that can be killed and started again at its address, on its database.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use crate::scene::PATIENCE;
use crate::support::program::Program;
use crate::support::{eventually, http, tokens};

/// Channels of the session.
const CHANNELS: usize = 16;
/// In seconds.
const A_MONTH: u64 = 30 * 24 * 3600;

/// A running server.
pub struct Server {
    pub address: SocketAddr,
    /// Its embedded broker, where it has no other.
    pub mqtt_address: Option<SocketAddr>,
    program: Program,
    environment: Vec<(String, String)>,
    folder: TempDir,
}

impl Server {
    /// Starts one on a port of its own, with these settings beside what every one has, and the session `S`.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = free_address();
        let listen = address.to_string();
        let every = [
            ("SWITCHBOARD_LISTEN", &listen[..]),
            ("SWITCHBOARD_MQTT_LISTEN", "127.0.0.1:0"),
            ("SWITCHBOARD_JWT_SECRET", tokens::SECRET),
            ("SWITCHBOARD_NODE", "faults"),
            ("SWITCHBOARD_LOG", "warn"),
        ];
        let environment = every
            .iter()
            .filter(|(name, _)| settings.iter().all(|(other, _)| other != name))
            .chain(settings)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>();
        let (program, mqtt_address) = start(folder.path(), &environment).await;
        let server = Self {
            address,
            mqtt_address,
            program,
            environment,
            folder,
        };
        server.seed().await;
        server
    }

    /// The organization `acme` and its session `S`.
    pub async fn seed(&self) {
        let organization = json!({ "name": "Acme" }).to_string();
        let put = self.administer("PUT", "/organizations/acme", &organization);
        assert_eq!(put.await.status, 201);
        let channel = |n| json!({ "index": n, "name": "floor", "language": "en" });
        let session = json!({
            "id": "S", "name": "S", "organizationId": "acme", "visibility": "public",
            "channels": (1..=CHANNELS).map(channel).collect::<Vec<_>>(),
        });
        let session = session.to_string();
        let posted = self.administer("POST", "/sessions", &session).await;
        assert_eq!(posted.status, 201, "{}", posted.text());
    }

    async fn administer(&self, method: &str, path: &str, body: &str) -> http::Response {
        let claims = json!({ "sub": "admin", "role": "admin", "exp": tokens::now() + A_MONTH });
        let bearer = format!("Bearer {}", tokens::with_claims(&claims));
        let headers = [
            ("authorization", &bearer[..]),
            ("content-type", "application/json"),
        ];
        let target = format!("/api/v1{path}");
        http::request(self.address, method, &target, &headers, body).await
    }

    /// The numbers of the finals stored of a room, in the order of the transcript.
    pub async fn stored(&self, room: &str) -> Vec<u64> {
        let (session, channel) = room.split_once('/').expect("a room");
        let path = format!("/sessions/{session}/channels/{channel}/transcript");
        let read = self.administer("GET", &path, "").await;
        match read.status {
            200 => read.json()["items"].as_array().map_or(Vec::new(), |items| {
                items.iter().filter_map(|item| item["n"].as_u64()).collect()
            }),
            _ => Vec::new(),
        }
    }

    /// The value of a metric, by its name after `switchboard_`, over all its labels; 0 when there is none.
    pub async fn metric(&self, name: &str) -> i64 {
        let name = format!("switchboard_{name}");
        let metrics = http::get(self.address, "/metrics").await.text();
        let values = metrics.lines().filter_map(|line| {
            let (metric, value) = line.rsplit_once(' ')?;
            let is_it = metric == name || metric.strip_prefix(&name)?.starts_with('{');
            is_it.then(|| value.parse::<i64>().ok()).flatten()
        });
        values.sum()
    }

    /// Waits until a metric satisfies `done`.
    pub async fn metric_becomes(&self, name: &str, done: impl Fn(&i64) -> bool) {
        let look = async || self.metric(name).await;
        eventually(name, PATIENCE, look, done).await;
    }

    /// The kernel's figure for the process' memory, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(path).expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let figure = line.and_then(|line| line.split_whitespace().next());
        figure
            .and_then(|figure| figure.parse().ok())
            .expect("a figure in KiB")
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.program.child.id()
    }

    /// Where its database is.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Holds it up until it is [resumed](Self::resume): what is sent to it waits in the kernel.
    pub fn pause(&self) {
        self.program.signal("STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.program.signal("CONT");
    }

    /// Ends it as no program can notice.
    pub fn kill(&mut self) {
        self.program.child.kill().expect("it runs");
        self.program.child.wait().expect("it is ours");
    }

    /// Starts it again, at its address and on its database.
    pub async fn start_again(&mut self) {
        (self.program, self.mqtt_address) = start(self.folder.path(), &self.environment).await;
    }
}

/// A guest's, good for longer than any clock of a test jumps.
pub fn viewers_token() -> String {
    tokens::with_claims(&json!({
        "guest": true, "session": "S", "organization": "acme", "exp": tokens::now() + A_MONTH,
    }))
}

async fn start(folder: &Path, environment: &[(String, String)]) -> (Program, Option<SocketAddr>) {
    let environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (&name[..], &value[..]))
        .collect();
    let mut program = Program::start(folder, &["serve"], &environment);
    program.address("listening on http://").await;
    let is_external = environment
        .iter()
        .any(|(name, _)| *name == "SWITCHBOARD_MQTT_URL");
    let mqtt_address = match is_external {
        true => None,
        false => Some(program.address("mqtt on ").await),
    };
    (program, mqtt_address)
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound listener")
}
