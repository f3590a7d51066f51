//! A server that stops: whom it tells what, what it serves until the end, and how it ends.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use futures_util::future::join_all;
use rumqttc::QoS;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::on_both_brokers;
use crate::support::broker::{Broker, Kind};
use crate::support::mqtt::Client;
use crate::support::program::{FREE, Program};
use crate::support::raw_websocket::RawWebSocket;
use crate::support::server::TestServer;
use crate::support::viewer::{End, Viewer};
use crate::support::{DEADLINE, eventually, http, tokens};

const FINAL: &str = "transcriber/out/S/1/final";
const VIEWERS: usize = 200;

on_both_brokers! {
    a_node_that_has_stopped_is_offline_at_the_broker
}

/// Publishes the finals 0, 1, 2… each as soon as the broker has brought the one before.
async fn speak(broker: SocketAddr) {
    let mut client = Client::connect(broker, "transcriber").await;
    client.subscribe(FINAL, QoS::AtLeastOnce).await;
    for number in 0_u64.. {
        client.send(FINAL, number.to_string()).await;
        client.publication().await;
    }
}

/// What a viewer went through until its connection was closed.
struct Story {
    /// When it was to be closed, in milliseconds.
    told: u64,
    /// The last final before it was told.
    before: u64,
    /// The last at all.
    last: u64,
}

impl Story {
    /// Checks that every final came from the `first`, which the viewer has heard, to its last.
    async fn of((mut viewer, first): (Viewer, u64)) -> Self {
        let (packets, end) = viewer.ended().await;
        assert_eq!(end, End::Closed(1012));
        let (mut told, mut before, mut last) = (None, first, first);
        for packet in packets {
            let event: Value = serde_json::from_str(packet.strip_prefix("42").unwrap()).unwrap();
            match event[0].as_str().unwrap() {
                "draining" => {
                    let moment = event[1]["reconnect_in_ms"].as_u64().unwrap();
                    assert_eq!(told.replace(moment), None, "told once");
                    before = last;
                }
                "final" => {
                    assert_eq!(event[1].as_u64(), Some(last + 1));
                    last += 1;
                }
                other => panic!("{other}"),
            }
        }
        let told = told.expect("it is told");
        Self { told, before, last }
    }
}

#[actix_web::test]
async fn each_viewer_is_told_a_moment_of_its_own_and_hears_every_final_until_it_comes() {
    let broker = Broker::start(Kind::Embedded).await.unwrap();
    let server = TestServer::start_with(&[("mqtt_url", &broker.url())]).await;
    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        let mut viewer = server.viewer().await;
        viewer.join("S/1").await;
        viewers.push(viewer);
    }
    let speaking = actix_rt::spawn(speak(broker.address()));
    let mut hearing = Vec::new();
    for mut viewer in viewers {
        let first = viewer.event().await.arguments.parse().unwrap();
        hearing.push((viewer, first));
    }
    let stopped = server.drain();
    let mut stories = join_all(hearing.into_iter().map(Story::of)).await;
    speaking.abort();
    stopped.await;

    stories.sort_by_key(|story| story.told);
    let moments: BTreeSet<u64> = stories.iter().map(|story| story.told).collect();
    assert_eq!(moments.len(), VIEWERS, "{moments:?}");
    assert!((0..VIEWERS as u64).eq(moments), "one each millisecond");
    // Whoever is closed later has heard at least as much.
    assert!(stories.is_sorted_by_key(|story| story.last));
    let Story { before, last, .. } = stories[VIEWERS - 1];
    assert!(before < last, "finals go on: {before}, {last}");
}

/// Sends a request on a connection that was opened before.
async fn get_over(mut stream: TcpStream, target: &str) -> http::Response {
    let request = http::request_bytes("GET", target, &[], "");
    stream
        .write_all(&request)
        .await
        .expect("it is still served");
    http::answer(stream).await.expect("an answer")
}

#[actix_web::test]
async fn while_it_drains_nobody_gets_in_and_health_is_told_and_a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["serve"], &FREE);
    let address = program.address("listening on http://").await;
    let ready = async || http::get(address, "/readyz").await.status;
    eventually("readiness", DEADLINE, ready, |status| *status == 200).await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(http::connect(address).await);
    }
    // It does not answer the close frame, and so keeps the server from ending.
    let mut viewer = RawWebSocket::connect(address, &tokens::user("ann")).await;

    program.signal("TERM");
    let told = br#"42["draining",{"reconnect_in_ms":0}]"#;
    assert_eq!(viewer.frame().await, Some((0x81, told.to_vec())));
    let goodbye = [&1012_u16.to_be_bytes()[..], b"draining"].concat();
    assert_eq!(viewer.frame().await, Some((0x88, goodbye)));
    let knock = async || TcpStream::connect(address).await.is_err();
    eventually("the listener to be closed", DEADLINE, knock, |refused| {
        *refused
    })
    .await;
    let polling = "/socket.io/?EIO=4&transport=polling";
    assert_eq!(get_over(open.remove(0), polling).await.status, 503);
    assert_eq!(get_over(open.remove(0), "/healthz").await.status, 200);
    let readiness = get_over(open.remove(0), "/readyz").await;
    assert_eq!(readiness.status, 503);
    let reasons = serde_json::json!(["draining"]);
    assert_eq!(readiness.json()["reasons"], reasons);
    let metrics = get_over(open.remove(0), "/metrics").await.text();
    for line in [
        "switchboard_draining 1",
        r#"switchboard_connections_closed_total{reason="draining"} 1"#,
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}: {metrics}");
    }

    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(130));
}

#[actix_web::test]
async fn a_stop_says_how_many_it_closes_over_which_time_and_how_long_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["serve"], &FREE);
    let address = program.address("listening on http://").await;
    let mut viewers = Vec::new();
    for _ in 0..3 {
        viewers.push(Viewer::connect(address, &tokens::user("ann")).await);
    }
    program.signal("INT");
    for mut viewer in viewers {
        assert_eq!(viewer.ended().await.1, End::Closed(1012));
    }
    assert_eq!(program.ended().await.code(), Some(0));
    let log = program.rest_of_errors().await;
    for line in [
        "draining begins connections=3 window_ms=3",
        "drained took_ms=",
    ] {
        let said = log.iter().filter(|l| l.contains(line)).count();
        assert_eq!(said, 1, "{line}: {log:?}");
    }
}

async fn a_node_that_has_stopped_is_offline_at_the_broker(broker: Broker) {
    let folder = tempfile::tempdir().unwrap();
    let mut watcher = Client::connect(broker.address(), "watcher").await;
    let topic = "switchboard/status/node-1";
    watcher.subscribe(topic, QoS::AtLeastOnce).await;
    let url = broker.url();
    let here = [
        ("SWITCHBOARD_MQTT_URL", &url[..]),
        ("SWITCHBOARD_NODE", "node-1"),
    ];
    let environment = [&FREE[..1], &FREE[2..], &here].concat();
    let mut program = Program::start(folder.path(), &["serve"], &environment);
    let (_, online) = watcher.text().await;
    assert!(online.starts_with(r#"{"online":true,"#), "{online}");
    program.signal("TERM");
    assert_eq!(program.ended().await.code(), Some(0));
    assert_eq!(watcher.text().await.1, r#"{"online":false}"#);
    // Also for those who ask later.
    let mut later = Client::connect(broker.address(), "later").await;
    later.subscribe(topic, QoS::AtLeastOnce).await;
    let kept = later.publication().await;
    assert_eq!(
        (kept.retain, &kept.payload[..]),
        (true, &br#"{"online":false}"#[..])
    );
}
