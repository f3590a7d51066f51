//! The database is locked or gone. Nothing is impossible for those who are in their rooms: captions never wait for
//! storage. What waited is stored afterwards; only what was written to a file that is removed is gone with it.

use std::time::Duration;

use sqlx::{Connection, Executor, SqliteConnection};

use crate::scene::{Scene, Setting};
use crate::soak_minutes;
use crate::support::postgres::Postgres;

/// How long the lock is held in a soak. Without one, until storing has failed once.
const LONG_LOCK: Duration = Duration::from_secs(30);

#[tokio::test]
async fn while_sqlite_is_locked_captions_go_on_and_all_of_them_are_stored_afterwards() {
    let scene = Scene::set(Setting::default()).await;
    scene.flows().await;
    let file = scene.server.folder().join("switchboard.db");
    let opened = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await;
    let mut lock = opened.unwrap();
    lock.execute("PRAGMA busy_timeout = 30000").await.unwrap();
    lock.execute("BEGIN EXCLUSIVE").await.unwrap();
    scene
        .server
        .metric_becomes("storage_failures_total", |n| *n > 0)
        .await;
    if soak_minutes().is_some() {
        tokio::time::sleep(LONG_LOCK).await;
    }
    scene.flows().await;
    lock.execute("ROLLBACK").await.unwrap();
    scene.holds_everything("database locked").await;
    scene.all_is_stored().await;
}

#[tokio::test]
async fn with_its_file_removed_captions_go_on_and_a_restart_begins_anew() {
    let mut scene = Scene::set(Setting::default()).await;
    scene.flows().await;
    for name in ["switchboard.db", "switchboard.db-wal", "switchboard.db-shm"] {
        std::fs::remove_file(scene.server.folder().join(name)).unwrap();
    }
    scene.flows().await;
    scene.settles().await;
    let before = scene.connects();
    scene.kill_server();
    scene.server.start_again().await;
    scene.server.seed().await;
    scene.all_came_back(&before).await;
    scene.flows().await;
    scene
        .holds_everything("database file removed, switchboard killed and restarted")
        .await;
}

#[tokio::test]
async fn while_postgres_is_gone_captions_go_on_and_all_of_them_are_stored_afterwards() {
    let Some(mut postgres) = Postgres::start() else {
        return;
    };
    let url = postgres.database();
    let environment = [("SWITCHBOARD_DATABASE_URL", &url[..])];
    let setting = Setting {
        environment: &environment,
        ..Setting::default()
    };
    let scene = Scene::set(setting).await;
    scene.flows().await;
    postgres.stop();
    scene
        .server
        .metric_becomes("storage_failures_total", |n| *n > 0)
        .await;
    scene.flows().await;
    postgres.start_again();
    scene.flows().await;
    scene.holds_everything("database stopped and started").await;
    scene.all_is_stored().await;
}
