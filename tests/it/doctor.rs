//! `switchboard doctor`: each check's line, the verdict, the exit code; what fails is named, and no secret is printed.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::model_server::{ModelServer, Script};
use crate::support::mosquitto::{Mosquitto, Options};
use crate::support::mqtt::Client;
use crate::support::program::{FREE, Program};
use crate::support::tls::Authority;
use crate::support::tokens::SECRET;

const PASSWORD: &str = "hush-hush";

/// What the doctor said.
struct Diagnosis {
    code: Option<i32>,
    /// Its lines, by the check's name: the state, and the rest.
    checks: BTreeMap<String, (String, String)>,
    verdict: String,
}

impl Diagnosis {
    /// The state of a check.
    fn state(&self, check: &str) -> &str {
        &self.get(check).0
    }

    fn get(&self, check: &str) -> &(String, String) {
        let found = self.checks.get(check);
        found.unwrap_or_else(|| panic!("no check {check} in {:?}", self.checks))
    }

    /// The names of the checks in this state.
    fn all(&self, state: &str) -> Vec<&str> {
        let checks = self.checks.iter().filter(|(_, (is, _))| is == state);
        checks.map(|(name, _)| &name[..]).collect()
    }

    /// Asserts that this check alone failed, and that the exit code says so. What needs it may be skipped.
    fn failed_by(&self, check: &str, part: &str) {
        let (state, told) = self.get(check);
        assert_eq!(state, "FAILED", "{check}: {told}");
        assert!(told.contains(part), "{told}");
        assert_eq!(self.all("FAILED"), [check], "{:?}", self.checks);
        assert_eq!(self.verdict, format!("verdict: FAILED, look at {check}"));
        assert_eq!(self.code, Some(1));
    }
}

/// Runs `switchboard doctor` on free ports, with more arguments and environment; its output must hold no secret.
async fn doctor(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Diagnosis {
    let arguments = [&["doctor"], arguments].concat();
    let environment = [&FREE[..], environment].concat();
    let mut program = Program::start(folder, &arguments, &environment);
    let lines = program.rest_of_lines().await;
    let errors = program.rest_of_errors().await;
    let code = program.ended().await.code();
    let all = [&lines[..], &errors[..]].concat().join("\n");
    for secret in [SECRET, PASSWORD] {
        assert!(!all.contains(secret), "a secret in\n{all}");
    }
    let (verdict, checks) = lines.split_last().expect("a verdict");
    let checks = checks.iter().map(|line| {
        let (state, rest) = line.split_once(' ').expect("a state");
        let (name, told) = rest.trim_start().split_once(": ").expect("a check");
        (name.to_owned(), (state.to_owned(), told.to_owned()))
    });
    Diagnosis {
        code,
        checks: checks.collect(),
        verdict: verdict.clone(),
    }
}

/// A folder with a database that is up to date.
async fn migrated() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut migrate = Program::start(folder.path(), &["migrate"], &[]);
    assert!(migrate.ended().await.success());
    folder
}

/// An address at which nobody listens.
fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[actix_web::test]
async fn a_healthy_setup_passes_every_check_with_one_line_each() {
    let folder = migrated().await;
    let seen = doctor(folder.path(), &["--drill", "1s"], &[]).await;
    let expected = [
        "access",
        "broker",
        "broker rights",
        "clock",
        "configuration",
        "database",
        "database writes",
        "drill",
        "embedded broker",
        "listen",
        "loop-back",
        "schema",
        "tokens",
    ];
    let mut fine = seen.all("ok");
    // This machine may allow few.
    fine.retain(|name| *name != "descriptors");
    assert_eq!(fine, expected, "{:?}", seen.checks);
    assert_eq!(seen.code, Some(0));
    let (_, told) = seen.get("loop-back");
    assert!(told.starts_with("20 of 20 finals in order, p50 "), "{told}");
    let (_, told) = seen.get("drill");
    let (cuts, rest) = told.split_once(" cuts, ").unwrap();
    assert_ne!(cuts, "0");
    assert!(
        rest.starts_with(&format!("{cuts} broker_ko, {cuts} broker_ok; ")),
        "{told}"
    );
}

#[actix_web::test]
async fn it_leaves_nothing_behind_neither_at_the_broker_nor_in_the_database() {
    let credentials = Some(("ann", PASSWORD));
    let Some(mosquitto) = Mosquitto::start(credentials) else {
        return;
    };
    let folder = migrated().await;
    let database = folder.path().join("switchboard.db");
    let before = std::fs::read(&database).unwrap();
    let url = format!("mqtt://ann:{PASSWORD}@{}", mosquitto.address());
    let seen = doctor(folder.path(), &[], &[("SWITCHBOARD_MQTT_URL", &url)]).await;
    assert_eq!(seen.all("FAILED"), [] as [&str; 0], "{:?}", seen.checks);
    assert_eq!(seen.code, Some(0));
    assert!(
        before == std::fs::read(&database).unwrap(),
        "rows were left"
    );

    let mut client = Client::connect_as(mosquitto.address(), "looking", credentials).await;
    client.subscribe("#", rumqttc::QoS::AtLeastOnce).await;
    client.send("fence", "here").await;
    assert_eq!(client.text().await, ("fence".to_owned(), "here".to_owned()));
}

#[actix_web::test]
async fn a_broker_with_tls_is_drilled_too() {
    let authority = Authority::new();
    let issued = authority.issue();
    let options = Options {
        credentials: Some(("ann", PASSWORD)),
        tls: Some((&issued.certificate, &issued.key)),
        ..Options::default()
    };
    let Some(mosquitto) = Mosquitto::start_with(options) else {
        return;
    };
    let folder = migrated().await;
    std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
    let url = format!("mqtts://ann:{PASSWORD}@{}", mosquitto.address());
    let url = ("SWITCHBOARD_MQTT_URL", &url[..]);
    let seen = doctor(
        folder.path(),
        &["--drill", "1s", "--mqtt-ca", "ca.pem"],
        &[url],
    )
    .await;
    assert_eq!(seen.state("drill"), "ok", "{:?}", seen.checks);
    assert_eq!(seen.code, Some(0));
    // Without the authority nobody is trusted.
    let seen = doctor(folder.path(), &[], &[url]).await;
    seen.failed_by("broker", "SWITCHBOARD_MQTT_CA");
}

#[actix_web::test]
async fn a_wrong_password_fails_the_broker_and_what_needs_it_is_skipped() {
    let Some(mosquitto) = Mosquitto::start(Some(("ann", "secret"))) else {
        return;
    };
    let folder = migrated().await;
    let url = format!("mqtt://ann:{PASSWORD}@{}", mosquitto.address());
    let seen = doctor(folder.path(), &[], &[("SWITCHBOARD_MQTT_URL", &url)]).await;
    seen.failed_by(
        "broker",
        "correct user and password in SWITCHBOARD_MQTT_URL",
    );
    assert_eq!(seen.all("skipped"), ["loop-back"]);
}

#[actix_web::test]
async fn a_broker_or_database_that_is_not_there_fails_by_name() {
    let folder = migrated().await;
    let gone = nobody();
    let url = format!("mqtt://ann:{PASSWORD}@{gone}");
    let seen = doctor(folder.path(), &[], &[("SWITCHBOARD_MQTT_URL", &url)]).await;
    seen.failed_by("broker", &gone.to_string());
    let url = format!("postgres://ann:{PASSWORD}@{gone}/captions");
    let seen = doctor(folder.path(), &[], &[("SWITCHBOARD_DATABASE_URL", &url)]).await;
    seen.failed_by("database", &format!("{gone}/captions"));
    assert_eq!(seen.all("skipped"), ["loop-back"]);
}

#[actix_web::test]
async fn a_database_that_cannot_be_written_fails() {
    let folder = migrated().await;
    let database = folder.path().join("switchboard.db");
    // SQLite takes a file of a later format for read-only (its "write version"); rights would not stop root.
    let mut bytes = std::fs::read(&database).unwrap();
    bytes[18] = 3;
    std::fs::write(&database, bytes).unwrap();
    let seen = doctor(folder.path(), &[], &[]).await;
    seen.failed_by("database writes", "readonly");
    assert_eq!(seen.state("schema"), "ok");
    assert_eq!(seen.all("skipped"), ["loop-back"]);
}

#[actix_web::test]
async fn pending_migrations_and_a_missing_file_are_warnings_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let seen = doctor(folder.path(), &[], &[]).await;
    assert_eq!(seen.state("database"), "warning");
    assert_eq!(
        (seen.code, seen.all("skipped")),
        (Some(0), vec!["loop-back"])
    );
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    std::fs::write(folder.path().join("switchboard.db"), "").unwrap();
    let seen = doctor(folder.path(), &[], &[]).await;
    assert_eq!(seen.state("schema"), "warning");
    assert!(
        seen.verdict.starts_with("verdict: works, look at "),
        "{}",
        seen.verdict
    );
}

#[actix_web::test]
async fn a_bad_key_or_none_fails() {
    let folder = migrated().await;
    let short = [("SWITCHBOARD_JWT_SECRET", PASSWORD)];
    let seen = doctor(folder.path(), &[], &short).await;
    seen.failed_by("configuration", "at least 32");
    let none = [("SWITCHBOARD_JWT_SECRET", "")];
    let seen = doctor(folder.path(), &[], &none).await;
    seen.failed_by("tokens", "SWITCHBOARD_JWT_SECRET");
    std::fs::write(folder.path().join("jwks.json"), r#"{"keys":[]}"#).unwrap();
    let empty = [("SWITCHBOARD_JWKS", "jwks.json")];
    let seen = doctor(folder.path(), &[], &empty).await;
    seen.failed_by("tokens", "JWKS");
}

#[actix_web::test]
async fn the_servers_of_the_chat_are_asked_where_there_are_any() {
    let folder = migrated().await;
    let server = ModelServer::start().await;
    let url = server.url();
    let settings = [
        ("SWITCHBOARD_LLM_URL", url.as_str()),
        ("SWITCHBOARD_LLM_KEY", PASSWORD),
        ("SWITCHBOARD_EMBEDDINGS_URL", url.as_str()),
        ("SWITCHBOARD_EMBEDDINGS_KEY", PASSWORD),
    ];
    let seen = doctor(folder.path(), &[], &settings).await;
    assert_eq!(seen.code, Some(0), "{:?}", seen.checks);
    let (state, told) = seen.get("language model");
    assert_eq!(state, "ok", "{told}");
    assert!(told.starts_with("begins to answer in "), "{told}");
    let (state, told) = seen.get("embeddings");
    assert_eq!(state, "ok", "{told}");
    assert!(told.starts_with("a vector of "), "{told}");
    let bearer = format!("Bearer {PASSWORD}");
    for asked in [server.asked().await, server.embeddings_asked().await] {
        assert_eq!(asked.header("authorization"), Some(&bearer[..]));
    }

    server.next(Script::status(401, "application/json", "{}"));
    let seen = doctor(folder.path(), &[], &settings).await;
    seen.failed_by("language model", "HTTP 401); see that its key is right");
    server.answer_embeddings_by(404);
    let seen = doctor(folder.path(), &[], &settings).await;
    seen.failed_by("embeddings", "SWITCHBOARD_EMBEDDINGS_MODEL");
    let url = format!("http://{}/v1", nobody());
    let seen = doctor(folder.path(), &[], &[("SWITCHBOARD_LLM_URL", &url)]).await;
    seen.failed_by("language model", "cannot be reached");
}

#[actix_web::test]
async fn a_certificate_is_looked_at_for_its_key_and_its_end() {
    let folder = migrated().await;
    let put = |name: &str, pem: &str| std::fs::write(folder.path().join(name), pem).unwrap();
    let arguments = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let good = Authority::new().issue();
    put("cert.pem", &good.certificate);
    put("key.pem", &good.key);
    let seen = doctor(folder.path(), &arguments, &[]).await;
    assert_eq!(seen.state("certificate"), "ok", "{:?}", seen.checks);
    assert_eq!(seen.state("loop-back"), "ok");

    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2020, 1, 1);
    put("cert.pem", &params.self_signed(&key).unwrap().pem());
    let seen = doctor(folder.path(), &arguments, &[]).await;
    seen.failed_by("certificate", "another certificate");
    put("key.pem", &key.serialize_pem());
    let seen = doctor(folder.path(), &arguments, &[]).await;
    seen.failed_by("certificate", "has ended at 2020-01-01");
}

#[actix_web::test]
async fn an_address_may_be_served_by_a_switchboard_but_not_by_another_program() {
    let folder = migrated().await;
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    // It hangs up on whoever asks it something.
    std::thread::spawn(move || other.incoming().for_each(drop));
    let seen = doctor(folder.path(), &["--listen", &taken], &[]).await;
    seen.failed_by("listen", &taken);
    assert_eq!(
        seen.state("loop-back"),
        "ok",
        "it does not need the address"
    );

    let mut server = Program::start(folder.path(), &["serve"], &FREE);
    let served = server.address("listening on http://").await.to_string();
    let mqtt = server.address("mqtt on ").await.to_string();
    let arguments = ["--listen", &served, "--mqtt-listen", &mqtt];
    let seen = doctor(folder.path(), &arguments, &[]).await;
    let told = format!("{served} is served by a switchboard that is ready");
    assert_eq!(seen.get("listen"), &("ok".to_owned(), told));
    assert_eq!(seen.state("embedded broker"), "warning");
    assert_eq!(seen.code, Some(0));
    server.signal("TERM");
    assert_eq!(server.ended().await.code(), Some(0));
}

#[actix_web::test]
async fn json_has_each_check_and_the_verdict() {
    let folder = migrated().await;
    let mut program = Program::start(folder.path(), &["doctor", "--json"], &FREE);
    let text = program.rest_of_lines().await.join("\n");
    assert_eq!(program.ended().await.code(), Some(0));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_ne!(report["verdict"], "failed", "{text}");
    let checks = report["checks"].as_array().unwrap();
    let named = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap();
    assert_eq!(named("loop-back")["state"], "ok", "{text}");
    assert!(named("loop-back")["figures"]["p99_ms"].as_f64().unwrap() > 0.0);
}
