//! The program has no file descriptor left. Nothing is impossible for those who are connected; who comes waits until
//! others have gone.

use std::collections::BTreeSet;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::net::TcpStream;

use crate::scene::{PATIENCE, Scene, Setting};
use crate::server::Server;
use crate::support::eventually;

/// Descriptors that are left to the program.
const LEFT: u64 = 10;

/// The numbers of the descriptors that it has open.
fn open(server: &Server) -> BTreeSet<u64> {
    let entries = std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap();
    let numbers = entries.flatten().map(|entry| entry.file_name());
    numbers
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect()
}

fn limit(server: &Server, count: u64) {
    let id = Pid::from_raw(server.id().try_into().unwrap()).unwrap();
    let limit = Rlimit {
        current: Some(count),
        maximum: Some(count),
    };
    prlimit(Some(id), Resource::Nofile, limit).unwrap();
}

#[tokio::test]
async fn without_descriptors_those_inside_lose_nothing_and_those_outside_get_in_when_others_go() {
    let scene = Scene::set(Setting::default()).await;
    scene.flows().await;
    let before = open(&scene.server);
    // The lowest free numbers are given out first. What lies far above keeps the table large.
    let highest = (0..)
        .zip(&before)
        .take_while(|(n, fd)| n + LEFT > **fd)
        .last()
        .unwrap()
        .1
        + 1;
    let allowed = highest + LEFT;
    limit(&scene.server, allowed);
    let mut crowd = Vec::new();
    for _ in 0..5 * LEFT {
        crowd.push(TcpStream::connect(scene.server.address).await.unwrap());
    }
    let free = async || allowed - open(&scene.server).range(..allowed).count() as u64;
    eventually("descriptors to be used up", PATIENCE, free, |n| *n == 0).await;
    // Those inside hear what is said; somebody who comes waits in the kernel's queue.
    scene.flows().await;
    let late = scene.rooms[0].newcomer();
    scene.flows().await;
    assert_eq!(
        late.look(|seen| seen.connects),
        0,
        "there was no descriptor for it"
    );
    drop(crowd);
    let look = async || late.look(|seen| seen.is_in);
    eventually("the late viewer to get in", PATIENCE, look, |is_in| *is_in).await;
    scene.flows().await;
    scene.holds_everything("file descriptors exhausted").await;
    let all: Vec<u64> = (1..=scene.rooms[0].publisher.published()).collect();
    let look = async || late.seen().numbers;
    eventually(
        "all that was said, for the late viewer",
        PATIENCE,
        look,
        |n| *n == all,
    )
    .await;
}
