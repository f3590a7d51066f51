//! The program itself, as an operator runs it: what it prints where, how it refuses to start, how it ends.

use crate::support::broker::{Broker, Kind};
use crate::support::mqtt::Client;
use crate::support::program::{FREE, Program};
use crate::support::tokens::{self, SECRET};
use crate::support::viewer::{End, Viewer};
use crate::support::{DEADLINE, eventually, http};

#[actix_web::test]
async fn serve_prints_its_addresses_and_nothing_else_and_exits_0_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let two = ("SWITCHBOARD_LISTEN", "127.0.0.1:0,[::1]:0");
    let environment = [&FREE[..], &[two, ("SWITCHBOARD_LOG", "debug")]].concat();
    let mut program = Program::start(folder.path(), &["serve"], &environment);
    let address = program.address("listening on http://").await;
    let second = program.address("listening on http://").await;
    let mqtt = program.address("mqtt on ").await;
    assert!(address.is_ipv4() && second.is_ipv6());
    assert_eq!(http::get(second, "/readyz").await.status, 200);

    let token = tokens::user("ann");
    let admin = format!("Bearer {}", tokens::admin());
    let headers = [
        ("authorization", &admin[..]),
        ("content-type", "application/json"),
    ];
    let put = "/api/v1/organizations/acme";
    let name = r#"{"name":"Acme"}"#;
    assert_eq!(
        http::request(address, "PUT", put, &headers, name)
            .await
            .status,
        201
    );
    let session =
        r#"{"id":"S","name":"S","organizationId":"acme","visibility":"public","channels":[]}"#;
    let created = http::request(address, "POST", "/api/v1/sessions", &headers, session).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let mut viewer = Viewer::connect(address, &token).await;
    viewer.join("S/1").await;
    let publisher = Client::connect(mqtt, "transcriber").await;
    publisher.send("transcriber/out/S/1/final", "1").await;
    viewer.expect("final", "1").await;

    program.signal("TERM");
    let (_, end) = viewer.ended().await;
    assert_eq!(end, End::Closed(1012));
    drop(viewer);
    assert_eq!(program.ended().await.code(), Some(0));
    assert_eq!(program.rest_of_lines().await, [] as [String; 0]);
    let log = program.rest_of_errors().await.join("\n");
    assert!(!log.is_empty(), "the log goes to stderr");
    for secret in [SECRET, &token, &admin["Bearer ".len()..]] {
        assert!(!log.contains(secret), "a secret in the log:\n{log}");
    }
}

#[actix_web::test]
async fn serve_announces_itself_while_the_broker_is_away_and_stops_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(Kind::Embedded).await.unwrap();
    broker.kill();
    let url = broker.url();
    let environment = [&FREE[..], &[("SWITCHBOARD_MQTT_URL", &url[..])]].concat();
    let mut program = Program::start(folder.path(), &["serve"], &environment);
    let address = program.address("listening on http://").await;
    assert_eq!(http::get(address, "/readyz").await.status, 503);
    program.signal("INT");
    assert_eq!(program.ended().await.code(), Some(0));
    assert_eq!(program.rest_of_lines().await, [] as [String; 0]);
}

/// The kernel says in `/proc` how many descriptors the process' table has room for, and how many it may have.
#[cfg(target_os = "linux")]
#[actix_web::test]
async fn serve_makes_room_for_its_connections_before_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["serve"], &FREE);
    program.address("listening on http://").await;
    let figure = |file: &str, line: &str, column: usize| -> u64 {
        let path = format!("/proc/{}/{file}", program.child.id());
        let text = std::fs::read_to_string(path).unwrap();
        let found = text.lines().find(|l| l.starts_with(line)).unwrap();
        let word = found[line.len()..].split_whitespace().nth(column).unwrap();
        word.parse().unwrap_or(u64::MAX)
    };
    let (soft, hard) = (
        figure("limits", "Max open files", 0),
        figure("limits", "Max open files", 1),
    );
    assert_eq!(soft, hard);
    assert!(figure("status", "FDSize:", 0) >= hard.min(65_536));
}

#[actix_web::test]
async fn serve_keeps_what_was_administered_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut migrate = Program::start(folder.path(), &["migrate"], &FREE);
    assert_eq!(migrate.ended().await.code(), Some(0));
    let admin = format!("Bearer {}", tokens::admin());
    let headers = [
        ("authorization", &admin[..]),
        ("content-type", "application/json"),
    ];
    for (round, status) in [(1, 201), (2, 200)] {
        let mut program = Program::start(folder.path(), &["serve", "--no-migrate"], &FREE);
        let address = program.address("listening on http://").await;
        let put = "/api/v1/organizations/acme";
        let body = r#"{"name":"Acme"}"#;
        let answer = http::request(address, "PUT", put, &headers, body).await;
        assert_eq!(answer.status, status, "round {round}: {}", answer.text());
        program.signal("TERM");
        assert_eq!(program.ended().await.code(), Some(0));
    }
}

#[actix_web::test]
async fn demo_prints_addresses_and_tokens_that_work_and_exits_0_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [FREE[0], FREE[1], ("SWITCHBOARD_DATA_DIR", "data")];
    let mut program = Program::start(folder.path(), &["demo"], &environment);
    let address = program.address("listening on http://").await;
    program.address("mqtt on ").await;
    let document = http::get(address, "/demo.json").await;
    assert_eq!(document.status, 200);
    assert!(document.json().is_object());

    program.signal("TERM");
    let status = program.ended().await;
    let lines = program.rest_of_lines().await;
    assert_eq!(status.code(), Some(0));
    let words = lines.iter().flat_map(|line| line.split_whitespace());
    let jwts: Vec<&str> = words
        .filter(|word| word.starts_with("eyJ") && word.matches('.').count() == 2)
        .collect();
    assert!(jwts.len() >= 2, "{lines:?}");

    // Its key is kept, so that the tokens are good after a restart, too.
    let mut program = Program::start(folder.path(), &["demo"], &environment);
    let address = program.address("listening on http://").await;
    for jwt in jwts {
        let mut viewer = Viewer::open(address, &format!("&token={jwt}"), &[]).await;
        assert_eq!(viewer.enter("").await, Ok(()), "{jwt}");
    }
    let token = document_token(&http::get(address, "/demo.json").await.json());
    let mut viewer = Viewer::connect(address, &token).await;
    viewer.join("demo-lecture/1").await;
    let spoken = viewer.event().await;
    assert!(
        ["partial", "final"].contains(&&spoken.name[..]),
        "{spoken:?}"
    );
    drop(viewer);
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
}

/// The first token in a document.
fn document_token(document: &serde_json::Value) -> String {
    let text = document.to_string();
    let token = text.split('"').find(|part| part.starts_with("eyJ"));
    token
        .unwrap_or_else(|| panic!("no token in {text}"))
        .to_owned()
}

#[actix_web::test]
async fn replay_publishes_a_recording_and_watch_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [FREE[0], FREE[1], ("SWITCHBOARD_DATA_DIR", "data")];
    let mut server = Program::start(folder.path(), &["demo"], &environment);
    let address = server.address("listening on http://").await;
    let mqtt = server.address("mqtt on ").await;
    let url = format!("http://{address}");
    let watch = ["watch", "demo-lecture/7", "--url", &url];
    let mut watch = Program::start(folder.path(), &watch, &[]);
    // It has joined once the broker has the room's topics.
    let joined = async || {
        let metrics = http::get(address, "/metrics").await.text();
        metrics.lines().any(|line| line == "switchboard_members 1")
    };
    eventually("the watcher to join", DEADLINE, joined, |joined| *joined).await;

    let cues = "WEBVTT\n\n00:00.000 --> 00:00.200\nGood morning, everybody.\n";
    std::fs::write(folder.path().join("talk.vtt"), cues).unwrap();
    let broker = format!("mqtt://{mqtt}");
    let replay = [
        "replay",
        "talk.vtt",
        "--session",
        "demo-lecture",
        "--channel",
        "7",
        "--mqtt-url",
        &broker,
    ];
    let mut replay = Program::start(folder.path(), &replay, &[]);
    assert_eq!(replay.ended().await.code(), Some(0));
    loop {
        if watch.line().await.contains("Good morning, everybody.") {
            break;
        }
    }
    watch.signal("TERM");
    watch.ended().await;
    server.signal("TERM");
    assert_eq!(server.ended().await.code(), Some(0));
}

#[actix_web::test]
async fn check_config_fails_by_one_line_for_a_broker_that_refuses_the_credentials() {
    let Some(mosquitto) = crate::support::mosquitto::Mosquitto::start(Some(("ann", "secret")))
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (password, good) in [("secret", true), ("hush", false)] {
        let url = format!("mqtt://ann:{password}@{}", mosquitto.address());
        let environment = [&FREE[..], &[("SWITCHBOARD_MQTT_URL", &url[..])]].concat();
        let mut program = Program::start(folder.path(), &["check-config"], &environment);
        assert_eq!(program.ended().await.success(), good);
        let printed = program.rest_of_lines().await.join("\n");
        let errors = program.rest_of_errors().await;
        assert!(
            !printed.contains("secret@") && !printed.contains(SECRET),
            "{printed}"
        );
        assert!(!printed.contains("hush"), "{printed}");
        assert_eq!(errors.len(), usize::from(!good), "{errors:?}");
    }
}
