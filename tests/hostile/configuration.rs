//! Configurations that cannot be run with: the program says so by one line, shows no secret, and fails.

use std::net::TcpListener;
use std::path::Path;

use crate::support::program::{FREE, Program};

/// Arguments, environment, what the line must name.
type Fault<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);

/// What every environment with a credential in it has as its secret part.
const HUSH: &str = "hush";

const SERVE: &[&str] = &["serve"];
const WITH_FILE: &[&str] = &["serve", "--config", "switchboard.toml"];

/// Tries one, in a folder with this configuration file and a database that is none.
async fn expect_refusal(file: &str, (arguments, environment, part): Fault<'_>) {
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path(), file);
    let mut program = Program::start(folder.path(), arguments, environment);
    let shown = format!("{arguments:?} {environment:?} {file:?}");
    let status = program.ended().await;
    assert!(
        status.code().is_some_and(|code| code != 0),
        "{shown}: {status}"
    );
    assert_eq!(program.rest_of_lines().await, [] as [String; 0], "{shown}");
    let errors = program.rest_of_errors().await;
    let [line] = &errors[..] else {
        panic!("{shown}: {errors:?}");
    };
    assert!(line.contains(part), "{part}: {line}");
    assert!(!line.contains(HUSH), "{line}");
    assert!(!line.contains(char::is_control), "{line:?}");
    assert!(line.chars().count() < 1_100, "{} bytes", line.len());
}

fn prepare(folder: &Path, file: &str) {
    std::fs::write(folder.join("switchboard.toml"), file).unwrap();
    let no_database = "no database at all, but long enough to be one ".repeat(100);
    std::fs::write(folder.join("broken.db"), no_database).unwrap();
}

/// The settings of a server, and one more.
fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    [&FREE[..], &[(name, value)]].concat()
}

#[actix_web::test]
#[rustfmt::skip]
async fn serve_refuses_what_it_cannot_run_with_by_one_line() {
    for (name, value) in settings() {
        expect_refusal("", (SERVE, &with(name, &value), name)).await;
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for name in ["SWITCHBOARD_LISTEN", "SWITCHBOARD_MQTT_LISTEN"] {
        expect_refusal("", (SERVE, &with(name, &taken), &taken)).await;
    }
    for url in [
        "sqlite:///no/such/folder/x.db",
        "sqlite://broken.db",
        "postgres://ann:hush@127.0.0.1:1/x",
        "mysql://ann:hush@db/x",
    ] {
        expect_refusal("", (SERVE, &with("SWITCHBOARD_DATABASE_URL", url), "")).await;
    }
    expect_refusal("", (SERVE, &FREE[..2], "SWITCHBOARD_JWT_SECRET")).await;
    expect_refusal(
        "",
        (&["serve", "--no-migrate"], &FREE, "switchboard migrate"),
    )
    .await;
    expect_refusal(
        "",
        (&["serve", "--config", "missing.toml"], &FREE, "missing.toml"),
    )
    .await;
}

fn settings() -> Vec<(&'static str, String)> {
    let same = "127.0.0.1:18080,127.0.0.1:18080";
    let settings = [
        ("SWITCHBOARD_LISTN", "x"),
        ("SWITCHBOARD_listen", "x"),
        ("SWITCHBOARD_", "x"),
        ("SWITCHBOARD_LISTEN", same),
        ("SWITCHBOARD_LISTEN", "localhost"),
        ("SWITCHBOARD_LISTEN", "127.0.0.1:65536"),
        ("SWITCHBOARD_LISTEN", ",,"),
        ("SWITCHBOARD_MQTT_LISTEN", "1883"),
        ("SWITCHBOARD_MQTT_URL", "http://ann:hush@broker"),
        ("SWITCHBOARD_MQTT_URL", "mqtt://:hush@broker"),
        ("SWITCHBOARD_MQTT_URL", "mqtt://ann:hush@broker:0"),
        ("SWITCHBOARD_JWT_SECRET", "hush hush"),
        ("SWITCHBOARD_JWKS", "ftp://ann:hush@keys"),
        ("SWITCHBOARD_JWKS", "missing.json"),
        ("SWITCHBOARD_ALLOWED_ORIGINS", "example.org"),
        ("SWITCHBOARD_ALLOWED_ORIGINS", "https://*.example.org"),
        ("SWITCHBOARD_REFUSAL", "silent"),
        ("SWITCHBOARD_ANONYMOUS", "yes"),
        ("SWITCHBOARD_PING_INTERVAL_MS", "0"),
        ("SWITCHBOARD_PING_TIMEOUT_MS", "-1"),
        ("SWITCHBOARD_PING_TIMEOUT_MS", "1e3"),
        ("SWITCHBOARD_MAX_PAYLOAD_BYTES", "0"),
        ("SWITCHBOARD_MAX_PAYLOAD_BYTES", "99999999999999999999"),
        ("SWITCHBOARD_RETENTION", "7 fortnights"),
        ("SWITCHBOARD_LOG", "switchboard=loud"),
        ("SWITCHBOARD_NODE", "stage/#"),
        ("SWITCHBOARD_WORKERS", "0"),
    ];
    let mut all = settings
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec();
    all.push(("SWITCHBOARD_PING_TIMEOUT_MS", "9".repeat(100_000)));
    all.push(("SWITCHBOARD_REFUSAL", "\u{1b}[31m\nforged".to_owned()));
    all
}

#[actix_web::test]
#[rustfmt::skip]
async fn a_bad_file_stops_the_start_by_one_line() {
    for (file, part) in [
        ("listn = \"127.0.0.1:0\"", "listn"),
        ("jwt_secret = \"hush", "switchboard.toml"),
        ("listen = { port = 1 }", "listen"),
        ("listen = \"127.0.0.1:0\"\nlisten = \"127.0.0.1:0\"", "switchboard.toml"),
        ("[server]\nlisten = \"127.0.0.1:0\"", "server"),
        ("\"__proto__\" = 1", "__proto__"),
        ("\0", "switchboard.toml"),
        (&"[".repeat(10_000), "switchboard.toml"),
    ] {
        expect_refusal(file, (WITH_FILE, &FREE[..2], part)).await;
    }
}
