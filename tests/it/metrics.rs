//! `/metrics`: what is measured is measured, and the board and the documentation know what there is.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use switchboard_actors::metrics::Counters;

use crate::support::server::TestServer;
use crate::support::viewer::Viewer;
use crate::support::{DEADLINE, eventually, http, tokens};

/// Beside what the actors declare: the version, and what the system knows of the process.
const OTHERS: [&str; 6] = [
    "switchboard_build_info",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_max_fds",
];

/// The names under which Prometheus finds a declared metric.
fn series(name: &str, kind: &str) -> Vec<String> {
    let name = format!("switchboard_{name}");
    match kind {
        kind if kind.contains("Count") => vec![format!("{name}_total")],
        "Latency" => ["_bucket", "_sum", "_count"]
            .map(|part| format!("{name}{part}"))
            .into(),
        _ => vec![name],
    }
}

/// What docs/operations.md says of a declared metric.
fn row(name: &str, kind: &str, help: &str) -> String {
    let (word, suffix) = match kind {
        kind if kind.contains("Count") => ("counter", "_total"),
        "Latency" => ("histogram", ""),
        _ => ("gauge", ""),
    };
    let label = kind
        .strip_prefix("Family<")
        .and_then(|kind| kind.split(',').next());
    let label = label.map_or(String::new(), |label| {
        format!("{{{}}}", label.to_lowercase().trim_end_matches("label"))
    });
    format!("| `switchboard_{name}{suffix}{label}` | {word} | {help} |")
}

fn file(path: &str) -> String {
    let root = env!("CARGO_MANIFEST_DIR");
    fs::read_to_string(format!("{root}/{path}")).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every expression of a board.
fn expressions(board: &Value, found: &mut Vec<String>) {
    match board {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("expr", Value::String(expression)) => found.push(expression.clone()),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

#[test]
fn every_metric_of_the_board_exists() {
    let declared = Counters::DECLARED.iter();
    let known: BTreeSet<String> = declared
        .flat_map(|(name, kind, _)| series(name, kind))
        .chain(OTHERS.map(str::to_owned))
        .collect();
    let board: Value = serde_json::from_str(&file("docs/grafana.json")).unwrap();
    let mut found = Vec::new();
    expressions(&board, &mut found);
    assert!(found.len() > 10, "the board has expressions: {found:?}");
    for expression in &found {
        let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        let metrics = words.filter(|w| w.starts_with("switchboard_") || w.starts_with("process_"));
        for metric in metrics {
            assert!(known.contains(metric), "there is no {metric}: {expression}");
        }
    }
}

#[test]
fn every_metric_is_documented_as_it_is_declared() {
    let text = file("docs/operations.md");
    let documented: BTreeSet<&str> = text
        .lines()
        .filter(|l| l.starts_with("| `switchboard_"))
        .collect();
    let declared: BTreeSet<String> = Counters::DECLARED
        .iter()
        .map(|(name, kind, help)| row(name, kind, help))
        .collect();
    for row in &declared {
        assert!(
            documented.contains(&row[..]),
            "docs/operations.md lacks this row:\n{row}"
        );
    }
    for row in documented {
        assert!(
            declared.contains(row) || row.contains("switchboard_build_info"),
            "docs/operations.md has a row of no metric:\n{row}"
        );
    }
}

#[actix_web::test]
async fn the_process_and_its_version_are_told() {
    let server = TestServer::start().await;
    let text = http::get(server.address, "/metrics").await.text();
    for name in OTHERS {
        let line = text.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("{name} is missing in\n{text}"));
        let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(value > 0.0, "{line}");
    }
    let version = format!(
        r#"switchboard_build_info{{version="{}"}} 1"#,
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.contains(&version), "{text}");
    server.stop().await;
}

#[actix_web::test]
async fn the_latency_of_a_delivery_is_counted_once_for_a_batch_however_many_members_there_are() {
    let server = TestServer::start().await;
    let publisher = server.publisher().await;
    publisher.send("transcriber/out/S/1/final", "0").await;
    let mut viewers = [
        server.viewer().await,
        server.viewer().await,
        server.viewer().await,
    ];
    for viewer in &mut viewers {
        viewer.join("S/1").await;
    }
    for number in ["1", "2"] {
        publisher.send("transcriber/out/S/1/final", number).await;
        for viewer in &mut viewers {
            viewer.expect("final", number).await;
        }
    }
    server
        .metric_becomes("delivery_latency_seconds_count", 2)
        .await;
    server.metric_becomes("deliveries_total", 6).await;
    // Header of two bytes, then `42["final",1]`.
    server.metric_becomes("delivered_bytes_total", 6 * 15).await;
    server
        .metric_becomes("publication_bytes_in_flight", 0)
        .await;
    server.metric_becomes("finals_waiting", 0).await;
    drop(viewers);
    server.stop().await;
}

#[actix_web::test]
async fn refused_requests_and_answers_are_counted() {
    let server = TestServer::start().await;
    for (target, reason) in [
        ("/socket.io/?EIO=3&transport=polling", "unsupported_version"),
        ("/socket.io/?EIO=4&transport=carrier", "unknown_transport"),
        (
            "/socket.io/?EIO=4&transport=polling&sid=none",
            "unknown_sid",
        ),
        ("/socket.io/?EIO=4&transport=websocket", "bad_request"),
    ] {
        assert_eq!(
            http::get(server.address, target).await.status,
            400,
            "{target}"
        );
        let metric = format!(r#"requests_refused_total{{reason="{reason}"}}"#);
        assert_eq!(server.metric(&metric).await, 1, "{target}");
    }
    let forbidden = r#"requests_refused_total{reason="forbidden"}"#;
    let headers = [("Origin", "https://elsewhere.example")];
    let target = "/socket.io/?EIO=4&transport=websocket";
    let refused = crate::support::viewer::websocket(server.address, target, &headers).await;
    assert_eq!(
        refused.err().map(|answer| answer.status().as_u16()),
        Some(403)
    );
    assert_eq!(server.metric(forbidden).await, 1);
    assert_eq!(
        server.metric(r#"http_responses_total{status="4xx"}"#).await,
        5
    );
    assert!(server.metric(r#"http_responses_total{status="2xx"}"#).await > 5);
    server.stop().await;
}

#[actix_web::test]
async fn a_retained_transcript_is_dropped_and_counted() {
    let server = TestServer::start().await;
    let mut publisher = server.publisher().await;
    publisher.retain("transcriber/out/S/1/partial", "1").await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    server
        .metric_becomes(r#"publications_dropped_total{reason="retained"}"#, 1)
        .await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn what_clients_send_is_counted_in_bytes() {
    let server = TestServer::start().await;
    let mut viewer = Viewer::connect(server.address, &tokens::guest("S")).await;
    let look = async || server.metric("received_bytes_total").await;
    let before = eventually("the CONNECT", DEADLINE, look, |bytes| *bytes > 0).await;
    viewer.send(r#"42["x"]"#).await;
    // Without the digit of Engine.IO.
    server
        .metric_becomes("received_bytes_total", before + 6)
        .await;
    drop(viewer);
    server.stop().await;
}
