//! The system's clock jumps while the program runs. Nothing is impossible: timers follow the monotonic clock, and the
//! order of finals never follows the clock backwards. The jumps are libfaketime's (Debian's package `faketime`).

use std::path::PathBuf;

use tempfile::TempDir;

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

/// A clock of the program's own.
struct Clock {
    library: PathBuf,
    /// Holds the file that says how far off the clock is.
    folder: TempDir,
}

impl Clock {
    /// `None`, and a line on stderr, where libfaketime is not installed.
    fn new() -> Option<Self> {
        let Some(library) = library() else {
            eprintln!("skipped: libfaketime is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let clock = Self { library, folder };
        clock.jump("+0");
        Some(clock)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Sets the clock so far from the true one; replaced at once, as the program may read it at any time.
    fn jump(&self, offset: &str) {
        let new = self.file().with_extension("new");
        std::fs::write(&new, format!("{offset}\n")).unwrap();
        std::fs::rename(&new, self.file()).unwrap();
    }

    /// A scene whose program lives by it.
    async fn scene(&self) -> Scene {
        let file = self.file();
        let environment = [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let setting = Setting {
            environment: &environment,
            ..Setting::default()
        };
        Scene::set(setting).await
    }
}

/// Holds that a newcomer to the first room gets all of it in order, and that it is stored so. All is said.
async fn expect_whole_history(scene: &Scene) {
    let room = &scene.rooms[0];
    let all: Vec<u64> = (1..=room.publisher.published()).collect();
    let newcomer = room.newcomer();
    let look = async || newcomer.look(|seen| seen.last());
    eventually("the newcomer's last final", PATIENCE, look, |n| {
        Some(n) == all.last()
    })
    .await;
    assert_eq!(newcomer.seen().numbers, all);
    scene.all_is_stored().await;
    assert_eq!(scene.server.stored(&room.name).await, all);
}

#[tokio::test]
async fn jumps_of_the_clock_neither_lose_nor_repeat_nor_reorder_a_final() {
    let Some(clock) = Clock::new() else { return };
    let scene = clock.scene().await;
    scene.flows().await;
    for offset in ["+2h", "-2d", "+1d", "-1h", "+0"] {
        clock.jump(offset);
        scene.flows().await;
        // The program does live in that time: what is good for an hour is over two hours later.
        let mut visitor = Viewer::open(scene.server.address, "", &[]).await;
        let auth = format!(r#"{{"token":"{}"}}"#, tokens::guest("S"));
        let is_over = ["+2h", "+1d"].contains(&offset);
        assert_eq!(visitor.enter(&auth).await.is_err(), is_over, "{offset}");
    }
    assert_eq!(
        scene.connects().into_iter().max(),
        Some(1),
        "nobody was thrown out"
    );
    scene
        .holds_everything("clock jumps by hours and days, both ways")
        .await;
    expect_whole_history(&scene).await;
}

#[tokio::test]
async fn after_a_restart_with_the_clock_an_hour_behind_what_comes_follows_what_is_stored() {
    let Some(clock) = Clock::new() else { return };
    let mut scene = clock.scene().await;
    scene.flows().await;
    scene.settles().await;
    scene.all_is_stored().await;
    clock.jump("-1h");
    let before = scene.connects();
    scene.kill_server();
    scene.server.start_again().await;
    scene.all_came_back(&before).await;
    scene.flows().await;
    scene
        .holds_everything("switchboard killed and restarted, its clock an hour behind")
        .await;
    scene.came_back_as_they_asked();
    expect_whole_history(&scene).await;
}
