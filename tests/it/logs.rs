//! What the program writes on stderr: one line for each change of state, and packets by the filter, none of it forged by
//! clients and none of it secret.

use crate::support::broker::{Broker, Kind};
use crate::support::program::{FREE, Program};
use crate::support::viewer::Viewer;
use crate::support::{http, tokens};

/// Stops the program and returns what it logged.
async fn log_of(mut program: Program) -> Vec<String> {
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    program.rest_of_errors().await
}

/// The lines that contain each of these.
fn lines<'a>(log: &'a [String], parts: &[&str]) -> Vec<&'a String> {
    let has_all = |line: &&String| parts.iter().all(|part| line.contains(part));
    log.iter().filter(has_all).collect()
}

#[actix_web::test]
async fn hostile_79_and_80_packets_are_traced_on_lines_of_their_own_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let filter = ("SWITCHBOARD_LOG", "info,switchboard::packets=trace");
    let environment = [&FREE[..], &[filter]].concat();
    let mut program = Program::start(folder.path(), &["serve"], &environment);
    let address = program.address("listening on http://").await;
    program.address("mqtt on ").await;
    let token = tokens::user("ann");
    let mut viewer = Viewer::connect(address, &token).await;
    let forged = r#"x\n2026-01-01T00:00:00Z ERROR forged\r\u001b[31m"#;
    viewer.emit(forged, r#""private words""#).await;
    assert_eq!(viewer.event().await.name, "error");
    let room = r#""S/1\n\u001b[2J""#;
    let refused = viewer.ask("join_room", room).await;
    assert_eq!(refused["ok"], false);
    drop(viewer);
    let log = log_of(program).await;

    let all = log.join("\n");
    for secret in [&token[..], "private words", tokens::SECRET] {
        assert!(!all.contains(secret), "{secret} in\n{all}");
    }
    assert!(!all.chars().any(|c| c.is_control() && c != '\n'), "{all:?}");
    assert!(log.iter().all(|line| line.starts_with("[20")), "{all}");
    let traced = |parts: &[&str]| {
        let parts = [&["TRACE switchboard::packets] "], parts].concat();
        lines(&log, &parts).len()
    };
    assert_eq!(
        traced(&["in connection=", "packet=connect bytes="]),
        1,
        "{all}"
    );
    assert_eq!(
        traced(&["out connection=", "packet=connect bytes="]),
        1,
        "{all}"
    );
    assert_eq!(
        traced(&["in connection=", r#"event="join_room""#]),
        1,
        "{all}"
    );
    assert_eq!(
        traced(&["out connection=", "packet=ack bytes="]),
        1,
        "{all}"
    );
    assert_eq!(
        traced(&["in connection=", r#"event="x\n2026"#, "forged"]),
        1,
        "{all}"
    );
}

#[actix_web::test]
async fn each_change_of_state_is_one_line_with_its_fields() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(Kind::Embedded).await.unwrap();
    let url = broker.url();
    let environment = [&FREE[..], &[("SWITCHBOARD_MQTT_URL", &url[..])]].concat();
    let mut program = Program::start(folder.path(), &["serve"], &environment);
    let address = program.address("listening on http://").await;
    let mut viewer = Viewer::connect(address, &tokens::user("ann")).await;
    // Behind the news that it is there, so that it is among those who are told.
    viewer.ask("leave_room", r#""nowhere/0""#).await;
    broker.kill();
    let deadline = crate::support::OUTAGE_DEADLINE;
    assert_eq!(viewer.event_within(deadline).await.name, "broker_ko");
    broker.start_again().await;
    assert_eq!(viewer.event_within(deadline).await.name, "broker_ok");
    assert_eq!(http::get(address, "/readyz").await.status, 200);
    drop(viewer);
    let log = log_of(program).await;

    let all = log.join("\n");
    let one = |parts: &[&str]| assert_eq!(lines(&log, parts).len(), 1, "{parts:?} in\n{all}");
    let version = format!("version={}", env!("CARGO_PKG_VERSION"));
    let addresses = format!("addresses={address}");
    one(&[
        "switchboard runs",
        &version,
        &addresses,
        "mqtt=mqtt://",
        "database=",
    ]);
    one(&["broker is away link=", "reason="]);
    one(&["sockets are told of the broker event=broker_ko sockets=1"]);
    one(&["sockets are told of the broker event=broker_ok sockets=1"]);
    one(&["switchboard stops"]);
    for link in ["delivery", "session", "organization"] {
        let link = format!("link={link}");
        let up = lines(&log, &["broker link is up", &link]).len();
        assert_eq!(up, 2, "{all}");
        let down = lines(
            &log,
            &["broker link is down", &link, "reason=", "pause_ms="],
        );
        assert!(!down.is_empty(), "{all}");
    }
}
