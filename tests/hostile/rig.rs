//! The program as a process of its own, its neighbour, and what must hold after every row and in the end.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tempfile::TempDir;

use crate::check::check;
use crate::row::Row;
use crate::stage::Stage;
use crate::support::http::{self, metric};
use crate::support::neighbour::Neighbour;
use crate::support::program::{FREE, Program};
use crate::support::server::STANDING_FILTERS;
use crate::support::{DEADLINE, eventually, tokens};

/// How far the program's memory may rise above what it has when only the neighbour is there, in KiB.
const MEMORY_KIB: u64 = 32 * 1024;
/// Pause between two looks at the neighbour while rows wait for deadlines.
const LOOK_NEXT_DOOR: Duration = Duration::from_millis(200);

/// A running program with one viewer.
pub struct Rig {
    pub address: SocketAddr,
    pub neighbour: Neighbour,
    program: Program,
    /// Resident memory with the neighbour alone.
    idle_kib: u64,
    /// Rows tried so far.
    rows: usize,
    /// Sessions that the server was to end so far, each with its reason.
    ended: i64,
    _folder: TempDir,
}

/// Tries a table on a program with default settings.
pub async fn run(rows: Vec<Row>) {
    run_with(&[], rows).await;
}

/// Tries a table on a program with these settings, by their environment names.
pub async fn run_with(settings: &[(&str, &str)], rows: Vec<Row>) {
    let mut rig = Rig::start(settings).await;
    rig.run(&rows).await;
    rig.finish().await;
}

impl Rig {
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let quiet = [
            ("SWITCHBOARD_LOG", "info,switchboard=debug"),
            // So that a question shows that what was sent before it has been read.
            ("SWITCHBOARD_WORKERS", "1"),
        ];
        let environment = [&FREE[..], &quiet, settings].concat();
        let mut program = Program::start(folder.path(), &["serve"], &environment);
        let address = program.address("listening on http://").await;
        let broker = program.address("mqtt on ").await;
        seed(address).await;
        let ready = async || http::get(address, "/readyz").await.status;
        eventually("readiness", DEADLINE, ready, |status| *status == 200).await;
        let neighbour = Neighbour::at(address, broker).await;
        let mut rig = Self {
            address,
            neighbour,
            idle_kib: 0,
            program,
            rows: 0,
            ended: 0,
            _folder: folder,
        };
        rig.neighbour.noticed_nothing().await;
        rig.idle_kib = rig.memory("VmRSS");
        rig
    }

    /// Tries one row after the other, and asks the neighbour after each.
    pub async fn run(&mut self, rows: &[Row]) {
        let mut faults = Vec::new();
        for row in rows {
            faults.extend(attempt(self.address, row).await);
            let asked = AssertUnwindSafe(self.neighbour.noticed_nothing());
            if asked.catch_unwind().await.is_err() {
                panic!("{}: the neighbour noticed; {faults:#?}", shown(row));
            }
        }
        self.count(rows, &faults);
    }

    /// Tries all rows at once, because each waits for a deadline, and asks the neighbour all the while.
    pub async fn run_together(&mut self, rows: &[Row]) {
        let all = join_all(rows.iter().map(|row| attempt(self.address, row)));
        let mut ticks = tokio::time::interval(LOOK_NEXT_DOOR);
        tokio::pin!(all);
        let faults = loop {
            tokio::select! {
                faults = &mut all => break faults,
                _ = ticks.tick() => self.neighbour.noticed_nothing().await,
            }
        };
        let faults: Vec<String> = faults.into_iter().flatten().collect();
        self.count(rows, &faults);
    }

    fn count(&mut self, rows: &[Row], faults: &[String]) {
        assert!(faults.is_empty(), "{faults:#?}");
        self.rows += rows.len();
        let ended = rows.iter().filter(|row| row.ends_a_session());
        self.ended += ended.count() as i64;
    }

    /// The neighbour goes, and the program ends, after it was seen that nothing is left, that each ended session was
    /// counted and logged with its reason, that memory has stayed within its bound and that nothing was told that is nobody's
    /// business.
    pub async fn finish(mut self) {
        self.neighbour.noticed_nothing().await;
        for (name, value) in [
            ("connections", 1),
            ("sockets", 1),
            ("rooms", 1),
            ("members", 1),
            ("filters_wanted", STANDING_FILTERS + 4),
        ] {
            let look = async || metric(self.address, name).await;
            eventually(name, DEADLINE, look, |seen| *seen == value).await;
        }
        let metrics = http::get(self.address, "/metrics").await.text();
        assert_eq!(closed_by_the_server(&metrics), self.ended, "{metrics}");
        for name in ["acme", "neighbour", "nowhere"] {
            assert!(!metrics.contains(name), "{name} is a label: {metrics}");
        }
        let rise = self.memory("VmHWM").saturating_sub(self.idle_kib);
        assert!(rise < MEMORY_KIB, "memory rose by {rise} KiB");
        println!("{} rows; memory rose by {rise} KiB at most", self.rows);
        drop(self.neighbour);
        let look = async || metric(self.address, "connections").await;
        eventually("the neighbour to be gone", DEADLINE, look, |n| *n == 0).await;
        self.program.signal("TERM");
        assert_eq!(self.program.ended().await.code(), Some(0));
        check_log(&self.program.rest_of_errors().await, self.ended);
    }

    /// A line of the kernel's account of the process, in KiB; 0 where there is none.
    pub fn memory(&self, name: &str) -> u64 {
        let status = format!("/proc/{}/status", self.program.child.id());
        let status = std::fs::read_to_string(status).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|line| line.split_whitespace().nth(1));
        value.map_or(0, |value| value.parse().expect("a number"))
    }
}

fn shown(row: &Row) -> String {
    format!("{} {}, on {:?}", row.group, row.name, row.on)
}

/// The fault of a row, if it has one.
async fn attempt(address: SocketAddr, row: &Row) -> Option<String> {
    let tried = async {
        let stage = Stage::set(address, &row.on).await;
        check(row, &address.to_string(), stage).await;
    };
    let fault = AssertUnwindSafe(tried).catch_unwind().await.err()?;
    let text = fault.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| fault.downcast_ref().copied());
    Some(format!("{}: {}", shown(row), text.unwrap_or("a panic")))
}

/// The organization `acme` with its public session `S`.
async fn seed(address: SocketAddr) {
    let bearer = format!("Bearer {}", tokens::admin());
    let headers = [
        ("authorization", &bearer[..]),
        ("content-type", "application/json"),
    ];
    let session =
        r#"{"id":"S","name":"S","organizationId":"acme","visibility":"public","channels":[]}"#;
    for (method, path, body) in [
        ("PUT", "/api/v1/organizations/acme", r#"{"name":"Acme"}"#),
        ("POST", "/api/v1/sessions", session),
    ] {
        let made = http::request(address, method, path, &headers, body).await;
        assert_eq!(made.status, 201, "{}", made.text());
    }
}

/// Why sessions end that the server does not end for a fault.
const CLIENTS_WISH: [&str; 3] = ["client_closed", "transport_closed", "draining"];

fn closed_by_the_server(metrics: &str) -> i64 {
    let closed = r#"switchboard_connections_closed_total{reason=""#;
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(closed));
    let counted = lines.filter_map(|line| line.split_once(r#""} "#));
    let faults = counted.filter(|(reason, _)| !CLIENTS_WISH.contains(reason));
    faults
        .map(|(_, value)| value.parse::<i64>().expect("a number"))
        .sum()
}

fn check_log(lines: &[String], ended: i64) {
    for line in lines {
        let is_a_line_of_ours = line.starts_with("[20") && !line.contains(char::is_control);
        assert!(is_a_line_of_ours, "{line:?} in {lines:#?}");
        for secret in [tokens::SECRET, "eyJ"] {
            assert!(!line.contains(secret), "a secret: {line}");
        }
    }
    let ends = lines
        .iter()
        .filter(|line| line.contains("session closed "))
        .filter_map(|line| line.split_once(" reason="));
    let faults = ends.filter(|(_, why)| !CLIENTS_WISH.iter().any(|wish| why.starts_with(wish)));
    assert_eq!(faults.count() as i64, ended, "reasons in the log");
}
