//! How the broker is reached: credentials and TLS, really used.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::json;
use switchboard::embedded_broker::{self, EmbeddedBroker, Limits};

use crate::support::http;
use crate::support::mosquitto::{Mosquitto, Options};
use crate::support::mqtt::Client;
use crate::support::program::{FREE, Program};
use crate::support::server::TestServer;
use crate::support::tls::Authority;
use crate::support::{OUTAGE_DEADLINE, eventually};

const USER: &str = "switch board";
const PASSWORD: &str = "p@ss/w rd#1";
/// The two, percent-encoded.
const ENCODED: &str = "switch%20board:p%40ss%2Fw%20rd%231";

/// Waits until the server has tried all its links in vain, and asserts that it says so.
async fn expect_not_ready(server: &TestServer) {
    let failures = "broker_connect_failures_total";
    let look = async || server.metric(failures).await;
    eventually(failures, OUTAGE_DEADLINE, look, |n| *n >= 3).await;
    assert_eq!(server.metric("broker_connects_total").await, 0);
    let ready = http::get(server.address, "/readyz").await;
    assert_eq!(ready.status, 503);
    let reasons = json!({ "ready": false, "reasons": ["broker is away"] });
    assert_eq!(ready.json(), reasons);
    let mut viewer = server.viewer().await;
    viewer.expect("broker_ko", "").await;
}

async fn expect_ready(server: &TestServer) {
    let ready = http::get(server.address, "/readyz").await;
    assert_eq!(ready.status, 200);
    assert_eq!(ready.json(), json!({ "ready": true, "reasons": [] }));
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    viewer.expect_silence().await;
}

#[actix_web::test]
async fn the_urls_credentials_are_used_and_wrong_ones_leave_the_server_not_ready() {
    let Some(mosquitto) = Mosquitto::start(Some((USER, PASSWORD))) else {
        return;
    };
    let address = mosquitto.address();
    let good = format!("mqtt://{ENCODED}@{address}");
    let server = TestServer::start_with(&[("mqtt_url", &good)]).await;
    expect_ready(&server).await;
    server.stop().await;
    for bad in [
        format!("mqtt://switch%20board:wrong@{address}"),
        format!("mqtt://{address}"),
    ] {
        let server = TestServer::start_without_broker(&[("mqtt_url", &bad)]).await;
        expect_not_ready(&server).await;
        server.stop().await;
    }
}

#[actix_web::test]
async fn a_room_that_the_broker_refuses_is_an_error_however_often_it_is_joined() {
    // A broker that grants one room beside what is always subscribed, and no more.
    let options = embedded_broker::Options {
        limits: Limits {
            filters_per_connection: 4,
            ..Limits::default()
        },
        ..Default::default()
    };
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let broker = EmbeddedBroker::bind(any, options).await.unwrap();
    let url = format!("mqtt://{}", broker.local_addr());
    let server = TestServer::start_with(&[("mqtt_url", &url)]).await;
    let mut viewer = server.viewer().await;
    viewer.join("S/1").await;
    for _ in 0..3 {
        let answer = viewer.ask("join_room", r#""S/2""#).await;
        assert_eq!(answer["ok"], false, "{answer}");
        assert_eq!(server.counts().await.members, 1);
    }
    // Once there is place it is granted.
    viewer.leave("S/1").await;
    server.metric_becomes("filters_unsubscribed_total", 4).await;
    viewer.join("S/2").await;
    let publisher = Client::connect(broker.local_addr(), "transcriber").await;
    publisher.send("transcriber/out/S/2/final", "1").await;
    viewer.expect("final", "1").await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn mqtts_is_encrypted_and_trusts_the_configured_authority_and_no_other() {
    let authority = Authority::new();
    let issued = authority.issue();
    let options = Options {
        credentials: Some((USER, PASSWORD)),
        tls: Some((&issued.certificate, &issued.key)),
        ..Options::default()
    };
    let Some(mosquitto) = Mosquitto::start_with(options) else {
        return;
    };
    let trusted = authority.file("ca.pem", &authority.pem());
    let other = authority.file("other.pem", &Authority::new().pem());
    let url = format!("mqtts://{ENCODED}@{}", mosquitto.address());

    let server = TestServer::start_with(&[("mqtt_url", &url), ("mqtt_ca", &trusted)]).await;
    expect_ready(&server).await;
    server.stop().await;

    let plain = url.replace("mqtts", "mqtt");
    for settings in [
        [("mqtt_url", &url[..]), ("mqtt_ca", &other)],
        [("mqtt_url", &plain), ("mqtt_ca", &trusted)],
    ] {
        let server = TestServer::start_without_broker(&settings).await;
        expect_not_ready(&server).await;
        server.stop().await;
    }
}

#[actix_web::test]
async fn a_broker_of_an_untrusted_authority_is_named_as_such_in_the_log_without_the_password() {
    let authority = Authority::new();
    let issued = authority.issue();
    let options = Options {
        tls: Some((&issued.certificate, &issued.key)),
        ..Options::default()
    };
    let Some(mosquitto) = Mosquitto::start_with(options) else {
        return;
    };
    let other = authority.file("other.pem", &Authority::new().pem());
    let url = format!("mqtts://ann:hush@{}", mosquitto.address());
    let broker = [
        ("SWITCHBOARD_MQTT_URL", &url[..]),
        ("SWITCHBOARD_MQTT_CA", &other),
        ("SWITCHBOARD_LOG", "debug"),
    ];
    let environment = [&FREE[..], &broker].concat();
    let mut program = Program::start(authority.folder(), &["serve"], &environment);
    let line = program.error_with("invalid peer certificate").await;
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    let log = program.rest_of_errors().await.concat();
    assert!(!log.contains("hush") && !line.contains("hush"));
}

#[actix_web::test]
async fn a_broker_that_asks_for_a_certificate_gets_the_configured_one() {
    let authority = Authority::new();
    let issued = authority.issue();
    let clients = Authority::new();
    let client_authority = clients.pem();
    let options = Options {
        tls: Some((&issued.certificate, &issued.key)),
        client_authority: Some(&client_authority),
        ..Options::default()
    };
    let Some(mosquitto) = Mosquitto::start_with(options) else {
        return;
    };
    let trusted = authority.file("ca.pem", &authority.pem());
    let url = format!("mqtts://{}", mosquitto.address());
    let reached = [("mqtt_url", &url[..]), ("mqtt_ca", &trusted)];

    let (certificate, key) = clients.install();
    let shown = [("mqtt_cert", &certificate[..]), ("mqtt_key", &key)];
    let server = TestServer::start_with(&[reached, shown].concat()).await;
    expect_ready(&server).await;
    server.stop().await;

    let (certificate, key) = authority.install();
    let stranger = [("mqtt_cert", &certificate[..]), ("mqtt_key", &key)];
    for settings in [&reached[..], &[reached, stranger].concat()] {
        let server = TestServer::start_without_broker(settings).await;
        expect_not_ready(&server).await;
        server.stop().await;
    }
}
