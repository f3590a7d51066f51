//! The program is killed as no program can notice, and started again. Impossible is what it had not stored yet when it
//! died, which is at most a second's worth, and what was published while it was away.

use std::collections::HashMap;

use crate::ledger::Verdict;
use crate::scene::{PATIENCE, Scene, Setting};
use crate::support::eventually;

#[tokio::test]
async fn after_a_kill_viewers_come_back_by_themselves_and_what_was_stored_is_in_the_history() {
    let mut scene = Scene::set(Setting::default()).await;
    for _ in 0..2 {
        scene.flows().await;
        scene.settles().await;
        scene.all_is_stored().await;
        let before = scene.connects();
        scene.kill_server();
        scene.server.start_again().await;
        scene.all_came_back(&before).await;
    }
    scene.flows().await;
    let newcomers: Vec<_> = scene.rooms.iter().map(|room| room.newcomer()).collect();
    scene
        .holds_everything("switchboard killed and restarted, twice, while nobody speaks")
        .await;
    scene.came_back_as_they_asked();
    let mut verdict = Verdict::of("the same, for newcomers with a history");
    for (room, newcomer) in scene.rooms.iter().zip(&newcomers) {
        let last = room.publisher.published();
        let look = async || newcomer.look(|seen| seen.last());
        eventually("the newcomer's last final", PATIENCE, look, |n| *n == last).await;
        let all: Vec<u64> = (1..=last).collect();
        verdict.add_room(last, &all, &[], [&newcomer.seen().numbers]);
    }
    verdict.hold();
}

#[tokio::test]
async fn a_kill_while_finals_flow_loses_only_what_was_not_stored_yet() {
    let mut scene = Scene::set(Setting::default()).await;
    scene.flows().await;
    let crossed = |scene: &Scene| -> HashMap<String, Vec<u64>> {
        let names = scene.rooms.iter().map(|room| room.name.clone());
        names
            .map(|name| (name.clone(), scene.link.crossed(&name)))
            .collect()
    };
    let stored = crossed(&scene);
    scene.all_is_stored().await;
    let before = scene.connects();
    scene.kill_server();
    let at_the_kill = crossed(&scene);
    scene.server.start_again().await;
    scene.all_came_back(&before).await;
    scene.flows().await;
    scene.settles().await;
    scene.compare("switchboard killed while finals flow", |room| {
        // What crossed while the store was asked, up to the kill, may be lost or not.
        let (stored, at_the_kill) = (stored[&room.name].len(), at_the_kill[&room.name].len());
        let crossed = scene.link.crossed(&room.name);
        let expected = [&crossed[..stored], &crossed[at_the_kill..]].concat();
        (expected, crossed[stored..at_the_kill].to_vec())
    });
}
