//! The viewers' links break. Nothing is impossible here: who comes back gets what it missed, by recovery or from the
//! history, and a socket that may be recovered stays in its room while its client is away.

use crate::fault_proxy::Way;
use crate::publisher::Pace;
use crate::scene::{PATIENCE, SOME, Scene, Setting};
use crate::server;
use crate::support::eventually;
use crate::support::viewer::Viewer as Narrow;

#[tokio::test]
async fn viewers_whose_links_end_or_are_reset_come_back_by_themselves_and_miss_nothing() {
    let scene = Scene::set(Setting::default()).await;
    for way in [Way::Ended, Way::Reset, Way::Reset] {
        scene.flows().await;
        let before = scene.connects();
        scene.front.cut(way);
        scene.all_came_back(&before).await;
    }
    scene.flows().await;
    scene
        .holds_everything("all viewers' links cut, three times")
        .await;
    scene.came_back_as_they_asked();
}

#[tokio::test]
async fn a_half_open_link_is_noticed_at_both_ends_and_costs_its_neighbours_nothing() {
    let environment = [
        ("SWITCHBOARD_PING_INTERVAL_MS", "1000"),
        ("SWITCHBOARD_PING_TIMEOUT_MS", "1000"),
    ];
    let setting = Setting {
        environment: &environment,
        ..Setting::default()
    };
    let scene = Scene::set(setting).await;
    let viewers = scene.front.connections();
    scene.flows().await;
    let stalled = viewers.div_ceil(4);
    scene.front.each(|n| (n % 4 == 0).then_some(Way::Stalled));
    let back = async || {
        scene
            .viewers()
            .filter(|v| v.look(|seen| seen.connects == 2))
            .count()
    };
    eventually("the cut off to come back", PATIENCE, back, |n| {
        *n == stalled
    })
    .await;
    scene.flows().await;
    let undisturbed = scene
        .viewers()
        .filter(|v| v.look(|seen| seen.connects == 1));
    assert_eq!(undisturbed.count(), viewers - stalled);
    // The server has ended what it heard nothing of.
    scene
        .server
        .metric_becomes("connections", |n| *n == viewers as i64)
        .await;
    scene
        .holds_everything("a quarter of the viewers' links half-open")
        .await;
}

#[tokio::test]
async fn a_viewer_that_reads_nothing_is_cut_off_at_its_bound_and_its_neighbours_get_everything() {
    let setting = Setting {
        rooms: 1,
        pace: Pace {
            text: 16 * 1024,
            ..Pace::default()
        },
        ..Setting::default()
    };
    let scene = Scene::set(setting).await;
    // Its window is 0 as soon as the little that its kernel takes is full.
    let mut stuck = Narrow::connect_narrow(scene.server.address, &server::viewers_token()).await;
    stuck.emit("join_room", r#""S/1""#).await;
    scene.server.metric_becomes("members", |n| *n == 6).await;
    let before = scene.server.resident_kib();
    scene.flows().await;
    scene
        .server
        .metric_becomes("sockets_stalled_total", |n| *n == 1)
        .await;
    let grown = scene.server.resident_kib().saturating_sub(before);
    scene
        .server
        .metric_becomes("connections", |n| *n == 5)
        .await;
    scene.holds_everything("a viewer with a window of 0").await;
    // A megabyte of its own, and what all of this costs anyway.
    assert!(
        grown < 32 * 1024,
        "{grown} KiB for a viewer that does not read"
    );

    // What it was sent before its end is one run.
    let (packets, _) = stuck.ended_within(PATIENCE).await;
    let finals = packets
        .iter()
        .filter_map(|packet| packet.strip_prefix(r#"42["final","#));
    let numbers: Vec<u64> = finals
        .filter_map(|rest| crate::publisher::number_of(rest.strip_suffix(']')?.as_bytes()))
        .collect();
    assert!(numbers.len() as u64 > SOME);
    assert!(
        numbers.windows(2).all(|two| two[1] == two[0] + 1),
        "{numbers:?}"
    );
}
