//! What came and went leaves no memory behind. Compared is the kernel's figure of resident memory before and after; the
//! first comes after a round of the same kind, so that what an allocator keeps once and for all is not counted. After
//! 10,000 rooms glibc keeps some 57 MB, of which `malloc_trim` (tried from a debugger) returns 43; no further round adds.
//!
//!     SWITCHBOARD_MEMORY_CONNECTS=100000 SWITCHBOARD_MEMORY_ROOMS=10000 cargo test --release --test faults memory

use std::ops::Range;

use futures_util::StreamExt;
use futures_util::stream;

use crate::ledger::say;
use crate::number_from;
use crate::scene::PATIENCE;
use crate::server::{self, Server};
use crate::support::eventually;
use crate::support::mqtt::Client;
use crate::support::server::STANDING_FILTERS;
use crate::support::viewer::Viewer;

/// Viewers at a time.
const AT_ONCE: usize = 100;
/// Rooms of one viewer.
const ROOMS_EACH: usize = 50;
/// Viewers whose rooms are filled at a time.
const FILLED_AT_ONCE: usize = 20;
/// Finals in each room.
const FINALS: usize = 3;

/// Figures in KiB.
fn within_ten_percent(what: &str, idle: u64, before: u64, after: u64) {
    say(format!(
        "memory: {what}: {idle} KiB at the start, {before} KiB after a first round, {after} KiB in the end"
    ));
    assert!(
        after * 10 <= before * 11,
        "{what}: {before} KiB became {after} KiB"
    );
}

/// Viewers that come, join a room and go, each in one of three ways.
async fn come_and_go(server: &Server, count: usize) {
    let token = &server::viewers_token();
    let visits = (0..count).map(|n| async move {
        let mut viewer = Viewer::connect(server.address, token).await;
        viewer.join("S/1").await;
        match n % 3 {
            0 => viewer.reset(),
            1 => viewer.send("41").await,
            _ => {
                // The client's end of Engine.IO; the server closes.
                viewer.send("1").await;
                viewer.ended().await;
            }
        }
    });
    stream::iter(visits)
        .buffer_unordered(AT_ONCE)
        .collect::<()>()
        .await;
    server.metric_becomes("connections", |n| *n == 0).await;
    server.metric_becomes("rooms", |n| *n == 0).await;
}

#[tokio::test]
async fn memory_returns_after_many_connects_and_disconnects() {
    let count = number_from("SWITCHBOARD_MEMORY_CONNECTS").unwrap_or(10_000);
    let server = Server::start(&[]).await;
    let idle = server.resident_kib();
    come_and_go(&server, count / 5).await;
    let before = server.resident_kib();
    come_and_go(&server, count).await;
    let what = format!("{count} connects and disconnects");
    within_ten_percent(&what, idle, before, server.resident_kib());
}

/// A viewer in rooms of its own, each of which gets some finals.
async fn fill_rooms(server: &Server, numbers: Range<usize>) -> Viewer {
    let broker = server.mqtt_address.expect("it has no other");
    let publisher = Client::connect(broker, &format!("transcriber-{}", numbers.start)).await;
    let mut viewer = Viewer::connect(server.address, &server::viewers_token()).await;
    for room in numbers {
        viewer.join(&format!("S/{room}")).await;
        let topic = format!("transcriber/out/S/{room}/final");
        for number in 0..FINALS {
            let payload = format!(r#"{{"n":{number}}}"#);
            publisher.send(&topic, &payload).await;
            viewer.expect("final", &payload).await;
        }
    }
    viewer
}

/// So many rooms at a time, until all their members go.
async fn open_rooms(server: &Server, first: usize, count: usize) {
    let starts = (first..first + count).step_by(ROOMS_EACH);
    let filled = starts.map(|start| fill_rooms(server, start..start + ROOMS_EACH));
    let viewers: Vec<_> = stream::iter(filled)
        .buffer_unordered(FILLED_AT_ONCE)
        .collect()
        .await;
    server.metric_becomes("rooms", |n| *n == count as i64).await;
    drop(viewers);
    server.metric_becomes("rooms", |n| *n == 0).await;
    // The broker has been told to forget them all; the standing filters stay.
    let left = async || {
        let subscribed = server.metric("filters_subscribed_total").await;
        subscribed - server.metric("filters_unsubscribed_total").await
    };
    eventually("topics to be unsubscribed", PATIENCE, left, |left| {
        *left == STANDING_FILTERS
    })
    .await;
}

#[tokio::test]
async fn memory_returns_after_many_distinct_rooms() {
    let count = number_from("SWITCHBOARD_MEMORY_ROOMS").unwrap_or(2_000);
    // Who waits until all rooms are filled answers no ping meanwhile.
    let patient = [("SWITCHBOARD_PING_INTERVAL_MS", "1000000")];
    let server = Server::start(&patient).await;
    let idle = server.resident_kib();
    open_rooms(&server, 0, count).await;
    let before = server.resident_kib();
    open_rooms(&server, count, count).await;
    let what = format!("{count} rooms");
    within_ten_percent(&what, idle, before, server.resident_kib());
}
