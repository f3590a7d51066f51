//! Many viewers at a time: the jitter test and the reconnect avalanche. Nothing is impossible in either. The figures are
//! printed, not asserted; for those of the README, on an idle machine:
//!
//!     SWITCHBOARD_JITTER_CLIENTS=1000 cargo test --release --test faults jitter
//!     SWITCHBOARD_AVALANCHE_CLIENTS=10000 cargo test --release --test faults avalanche

use std::time::{Duration, Instant};

use crate::ledger::say;
use crate::number_from;
use crate::publisher::Pace;
use crate::scene::{PATIENCE, Returns, Scene, Setting};
use crate::support::eventually;

/// Two finals a second in each room.
const PACE: Pace = Pace {
    every: Duration::from_millis(500),
    text: 0,
};

/// Each viewer is a descriptor here.
fn raise_the_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let maximum = getrlimit(Resource::Nofile).maximum;
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).expect("up to the maximum anybody may");
}

/// The figure below which that share of all lies.
fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted
        .get(at.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jitter_every_final_reaches_viewers_who_are_cut_again_and_again() {
    raise_the_limit();
    // The full form: each cut every 15 s, for 45 s.
    let (clients, cut_every, seconds) = match number_from("SWITCHBOARD_JITTER_CLIENTS") {
        Some(clients) => (clients, Duration::from_secs(15), 45),
        None => (200, Duration::from_secs(3), 12),
    };
    const ROOMS: usize = 8;
    let setting = Setting {
        rooms: ROOMS,
        viewers_each: clients / ROOMS,
        pace: PACE,
        is_direct: true,
        returns: Returns::ByRecovery,
        last_words: 2,
        cut_every: Some(cut_every),
        ..Setting::default()
    };
    let scene = Scene::set(setting).await;
    scene.speak(2 * seconds).await;
    let what = format!("{clients} viewers, each cut every {cut_every:?} for {seconds} s");
    scene.holds_everything(&what).await;

    let seen: Vec<_> = scene.viewers().map(|viewer| viewer.seen()).collect();
    let returns: u32 = seen.iter().map(|seen| seen.connects - 1).sum();
    let recovered: u32 = seen.iter().map(|seen| seen.recovered).sum();
    let mut replays: Vec<_> = seen.iter().flat_map(|seen| seen.replays.clone()).collect();
    replays.sort_unstable();
    say(format!(
        "jitter: {returns} returns, {recovered} of them recovered, {} had missed finals and got them within \
         {:?} (p50), {:?} (p99) of the TCP connect",
        replays.len(),
        percentile(&replays, 0.5),
        percentile(&replays, 0.99),
    ));
    assert!(recovered as usize >= clients && !replays.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn avalanche_all_come_back_at_once_after_a_kill_and_nothing_is_lost() {
    raise_the_limit();
    let clients = number_from("SWITCHBOARD_AVALANCHE_CLIENTS").unwrap_or(1_000);
    const ROOMS: usize = 10;
    let setting = Setting {
        rooms: ROOMS,
        viewers_each: clients / ROOMS,
        pace: PACE,
        is_direct: true,
        returns: Returns::ByRecovery,
        last_words: 2,
        ..Setting::default()
    };
    let mut scene = Scene::set(setting).await;
    scene.speak(5).await;
    scene.settles().await;
    scene.all_is_stored().await;
    let before = scene.connects();
    scene.kill_server();
    scene.server.start_again().await;
    let begin = Instant::now();
    scene.all_came_back(&before).await;
    let took = begin.elapsed();
    scene.speak(5).await;
    let what = format!("{clients} viewers come back at once after a kill");
    scene.holds_everything(&what).await;
    say(format!(
        "avalanche: {clients} viewers, with pauses of up to 1 s of their own, were all back in their rooms {took:?} \
         after switchboard listened again"
    ));
    let look = async || scene.server.metric("members").await;
    eventually("members", PATIENCE, look, |n| *n == clients as i64).await;
}
