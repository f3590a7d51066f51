//! The system's clock jumps while the program runs. Nothing is impossible: timers follow the monotonic clock, and the
//! order of finals never follows the clock backwards. The jumps are libfaketime's (Debian's package `faketime`).

use std::path::{Path, PathBuf};

use crate::scene::{PATIENCE, Scene, Setting};
use crate::support::viewer::Viewer;
use crate::support::{eventually, tokens};

/// Where Debian puts the library, for programs with threads.
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let found = folders.map(|folder| folder.path().join(LIBRARY));
    found
        .chain([PathBuf::from("/usr/lib").join(LIBRARY)])
        .find(|file| file.is_file())
}

/// Sets the clock so far from the true one; replaced at once, as the program may read it at any time.
fn jump(file: &Path, offset: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, format!("{offset}\n")).unwrap();
    std::fs::rename(&new, file).unwrap();
}

#[tokio::test]
async fn jumps_of_the_clock_neither_lose_nor_repeat_nor_reorder_a_final() {
    let Some(library) = library() else {
        eprintln!("skipped: libfaketime is not installed");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    jump(&clock, "+0");
    let environment = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let setting = Setting {
        environment: &environment,
        ..Setting::default()
    };
    let scene = Scene::set(setting).await;
    scene.flows().await;
    for offset in ["+2h", "-2d", "+1d", "-1h", "+0"] {
        jump(&clock, offset);
        scene.flows().await;
        // The program does live in that time: what is good for an hour is over two hours later.
        let mut visitor = Viewer::open(scene.server.address, "", &[]).await;
        let auth = format!(r#"{{"token":"{}"}}"#, tokens::guest("S"));
        let is_over = ["+2h", "+1d"].contains(&offset);
        assert_eq!(visitor.enter(&auth).await.is_err(), is_over, "{offset}");
    }
    let connects = scene.viewers().map(|v| v.look(|seen| seen.connects));
    assert_eq!(connects.max(), Some(1), "nobody was thrown out");
    let newcomer = scene.rooms[0].newcomer();
    scene
        .holds_everything("clock jumps by hours and days, both ways")
        .await;

    // In memory and in the database, the order is that of the publications.
    let last = scene.rooms[0].publisher.published();
    let look = async || newcomer.look(|seen| seen.last());
    eventually("the newcomer's last final", PATIENCE, look, |n| *n == last).await;
    let all: Vec<u64> = (1..=last).collect();
    assert_eq!(newcomer.seen().numbers, all);
    scene.all_is_stored().await;
    assert_eq!(scene.server.stored("S/1").await, all);
}
