//! The program as its users start it: what it prints, where, and how it ends.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Runs the program in `folder` with nothing in its environment but `environment`.
fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_switchboard"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(environment.iter().copied())
        .env("HOME", folder)
        .output()
        .expect("the program starts")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Returns the one line that a failed run printed on stderr; stdout must be empty.
fn fault(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(folder().path(), arguments, environment);
    let line = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert_eq!(output.stdout, b"", "{arguments:?}");
    assert_eq!(line.lines().count(), 1, "{line}");
    let line = line.trim_end().to_owned();
    assert!(line.starts_with("switchboard: "), "{line}");
    line
}

#[test]
fn every_fault_at_the_start_is_one_line_that_names_it() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("an address").to_string();
    let secret = ("SWITCHBOARD_JWT_SECRET", SECRET);
    let free = ("SWITCHBOARD_MQTT_LISTEN", "127.0.0.1:0");
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let postgres = gone.local_addr().expect("an address");
    let postgres = format!("postgres://ann:hush@{postgres}/captions");
    drop(gone);
    let cases: [Case; 10] = [
        (&["serve"], &[], "SWITCHBOARD_JWT_SECRET"),
        (
            &["serve"],
            &[("SWITCHBOARD_JWT_SECRET", "hush")],
            "at least 32",
        ),
        (
            &["serve"],
            &[secret, ("SWITCHBOARD_LISTN", "x")],
            "SWITCHBOARD_LISTEN?",
        ),
        (
            &["serve", "--database-url", "sqlite:///no/such/folder/x.db"],
            &[secret, free],
            "/no/such/folder",
        ),
        (
            &["serve", "--database-url", &postgres],
            &[secret, free],
            "refused",
        ),
        (&["serve", "--listen", &taken], &[secret, free], &taken),
        (
            &["serve", "--config", "absent.toml"],
            &[secret],
            "absent.toml",
        ),
        (&["token", "admin"], &[], "SWITCHBOARD_JWT_SECRET"),
        (
            &["replay", "absent.srt", "--session", "s", "--channel", "1"],
            &[],
            "absent.srt",
        ),
        (&["sevre"], &[], "sevre"),
    ];
    for (arguments, environment, part) in cases {
        let line = fault(arguments, environment);
        assert!(line.contains(part) && !line.contains("hush"), "{line}");
    }
}

#[test]
fn token_prints_one_jwt_and_nothing_else() {
    let folder = folder();
    for arguments in [
        &["token", "user", "ann", "--ttl", "5m"][..],
        &["token", "admin"],
    ] {
        let output = run(
            folder.path(),
            arguments,
            &[("SWITCHBOARD_JWT_SECRET", SECRET)],
        );
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(output.status.success());
        assert_eq!(text.lines().count(), 1);
        assert_eq!(text.trim_end().split('.').count(), 3, "{text}");
        assert_eq!(output.stderr, b"");
    }
}

#[test]
fn a_guest_token_needs_a_session_of_the_database() {
    let folder = folder();
    let migrated = run(folder.path(), &["migrate"], &[]);
    assert!(migrated.status.success());
    let secret = ("SWITCHBOARD_JWT_SECRET", SECRET);
    let refused = run(
        folder.path(),
        &["token", "guest", "--session", "s"],
        &[secret],
    );
    let line = String::from_utf8(refused.stderr).expect("UTF-8");
    assert_eq!(line, "switchboard: session s is not in the database\n");
    assert_eq!(refused.stdout, b"");
}

#[test]
fn check_config_prints_each_key_with_its_layer_and_no_secret() {
    let folder = folder();
    let file = format!("jwt_secret = '{SECRET}'\nmqtt_listen = '127.0.0.1:0'\n");
    std::fs::write(folder.path().join("switchboard.toml"), file).expect("a file");
    let arguments = [
        "check-config",
        "--config",
        "switchboard.toml",
        "--node",
        "left",
    ];
    let environment = [("SWITCHBOARD_LLM_URL", "http://ann:hush@localhost/v1")];
    let output = run(folder.path(), &arguments, &environment);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{text}");
    for line in [
        "node = left  (from flag)",
        "llm_url = http://ann:***@localhost/v1  (from env)",
        "jwt_secret = ***  (from file)",
        "refusal = connect_error  (from default)",
        "database: answers",
        "broker: embedded, 127.0.0.1:0 is free",
    ] {
        assert!(
            text.lines().any(|printed| printed == line),
            "{line} is not in\n{text}"
        );
    }
    assert!(!text.contains(SECRET) && !text.contains("hush"), "{text}");
}

#[test]
fn check_config_fails_when_the_database_is_not_there() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = gone.local_addr().expect("an address");
    drop(gone);
    let url = format!("postgres://ann:hush@{address}/captions");
    let environment = [
        ("SWITCHBOARD_JWT_SECRET", SECRET),
        ("SWITCHBOARD_MQTT_LISTEN", "127.0.0.1:0"),
        ("SWITCHBOARD_DATABASE_URL", &*url),
    ];
    let output = run(folder().path(), &["check-config"], &environment);
    let line = String::from_utf8(output.stderr).expect("UTF-8");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(!output.status.success());
    let named = format!("switchboard: database: cannot open the database {address}/captions: ");
    assert!(line.starts_with(&named), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(!line.contains("hush") && !text.contains("hush"), "{line}");
}

#[test]
fn check_config_fails_when_the_broker_is_not_there() {
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("mqtt://ann:hush@{}", gone.local_addr().expect("an address"));
    drop(gone);
    let environment = [
        ("SWITCHBOARD_JWT_SECRET", SECRET),
        ("SWITCHBOARD_MQTT_URL", &*url),
    ];
    let output = run(folder().path(), &["check-config"], &environment);
    let line = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(!output.status.success());
    assert!(
        line.starts_with("switchboard: broker: ") && !line.contains("hush"),
        "{line}"
    );
    assert_eq!(line.lines().count(), 1, "{line}");
}
