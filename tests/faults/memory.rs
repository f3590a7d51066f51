//! What came and went leaves no memory behind. Compared is the kernel's figure of resident memory before and after; the
//! first comes after a round of the same kind, so that what an allocator keeps once and for all is not counted.
//!
//!     SWITCHBOARD_MEMORY_CONNECTS=100000 SWITCHBOARD_MEMORY_ROOMS=10000 cargo test --release --test faults memory

use futures_util::StreamExt;
use futures_util::stream;

use crate::ledger::say;
use crate::number_from;
use crate::server::{self, Server};
use crate::support::mqtt::Client;
use crate::support::viewer::Viewer;

/// Viewers at a time.
const AT_ONCE: usize = 100;
/// Rooms of one viewer.
const ROOMS_EACH: usize = 50;
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
    let server = Server::start(&[], false).await;
    let idle = server.resident_kib();
    come_and_go(&server, count / 5).await;
    let before = server.resident_kib();
    come_and_go(&server, count).await;
    let what = format!("{count} connects and disconnects");
    within_ten_percent(&what, idle, before, server.resident_kib());
}

/// So many rooms, each with a member and some finals, until all members go.
async fn open_rooms(server: &Server, first: usize, count: usize) {
    let token = &server::viewers_token();
    let publisher = Client::connect(server.mqtt_address.expect("embedded"), "transcriber").await;
    let mut viewers = Vec::new();
    for start in (first..first + count).step_by(ROOMS_EACH) {
        let mut viewer = Viewer::connect(server.address, token).await;
        for n in start..start + ROOMS_EACH {
            viewer.join(&format!("S/{n}")).await;
            for final_number in 0..FINALS {
                let topic = format!("transcriber/out/S/{n}/final");
                publisher
                    .send(&topic, format!(r#"{{"n":{final_number}}}"#))
                    .await;
                viewer
                    .expect("final", &format!(r#"{{"n":{final_number}}}"#))
                    .await;
            }
        }
        viewers.push(viewer);
    }
    server.metric_becomes("rooms", |n| *n == count as i64).await;
    drop(viewers);
    server.metric_becomes("rooms", |n| *n == 0).await;
    // The standing filters alone.
    server.metric_becomes("filters_wanted", |n| *n < 10).await;
}

#[tokio::test]
async fn memory_returns_after_many_distinct_rooms() {
    let count = number_from("SWITCHBOARD_MEMORY_ROOMS").unwrap_or(2_000);
    let server = Server::start(&[], false).await;
    let idle = server.resident_kib();
    open_rooms(&server, 0, count).await;
    let before = server.resident_kib();
    open_rooms(&server, count, count).await;
    within_ten_percent(
        &format!("{count} rooms"),
        idle,
        before,
        server.resident_kib(),
    );
}
