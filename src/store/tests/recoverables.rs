//! Recoverable sockets.

use futures_util::future::join_all;
use switchboard_actors::ports::{Recoverable, Recoverables};

use super::*;

on_both_databases! {
    a_recoverable_socket_is_found_by_its_pid_at_another_switchboard
    saving_replaces_by_pid_and_forgets_what_is_gone
    a_thousand_sockets_are_saved_and_forgotten_at_once
    a_save_that_cannot_be_done_in_full_changes_nothing
    two_switchboards_that_save_the_same_sockets_do_not_stop_each_other
    recoverable_sockets_are_forgotten_by_the_time_of_their_last_saving
    a_pid_that_nobody_holds_finds_nothing_whatever_it_is
}

fn socket(pid: &str, rooms: &[&str]) -> Recoverable {
    Recoverable {
        pid: pid.to_owned(),
        sid: format!("sid of {pid}"),
        principal: "user:ann \"é\"".to_owned(),
        rooms: rooms.iter().map(|room| room.parse().unwrap()).collect(),
        is_watching: false,
    }
}

fn many(count: usize) -> Vec<Recoverable> {
    (0..count)
        .map(|number| socket(&format!("p{number:04}"), &["S/1"]))
        .collect()
}

fn pids(sockets: &[Recoverable]) -> Vec<String> {
    sockets.iter().map(|one| one.pid.clone()).collect()
}

async fn load(store: &Store, pid: &str) -> Option<Recoverable> {
    store.load(pid.to_owned()).await.unwrap()
}

/// How many of them are there.
async fn count(store: &Store, sockets: &[Recoverable]) -> usize {
    let loads = sockets.iter().map(|one| load(store, &one.pid));
    join_all(loads).await.into_iter().flatten().count()
}

async fn forget(store: &Store, before_ms: u64) -> u64 {
    Recoverables::purge(store, before_ms).await.unwrap()
}

async fn a_recoverable_socket_is_found_by_its_pid_at_another_switchboard(database: &Fixture) {
    let (one, two) = (database.store().await, database.store().await);
    let in_rooms = socket("p1", &["S/1", "S/2", "other.session:x/2-a"]);
    let watching = Recoverable {
        is_watching: true,
        ..socket("p2", &[])
    };
    let both = vec![in_rooms.clone(), watching.clone()];
    one.save(both, Vec::new()).await.unwrap();
    one.close().await;
    assert_eq!(load(&two, "p1").await, Some(in_rooms));
    assert_eq!(load(&two, "p2").await, Some(watching));
}

async fn saving_replaces_by_pid_and_forgets_what_is_gone(database: &Fixture) {
    let store = database.store().await;
    store.save(Vec::new(), Vec::new()).await.unwrap();
    let first = vec![
        socket("a", &["S/1"]),
        socket("b", &["S/1"]),
        socket("c", &[]),
    ];
    store.save(first, vec!["never".into()]).await.unwrap();
    let moved = Recoverable {
        sid: "new".into(),
        principal: "user:bob".into(),
        is_watching: true,
        ..socket("a", &["S/2"])
    };
    // Twice the same pid: the later is kept. In both lists: it is forgotten.
    let kept = vec![socket("a", &["S/9"]), socket("c", &["S/1"]), moved.clone()];
    let gone = vec!["b".into(), "c".into(), "b".into()];
    store.save(kept, gone).await.unwrap();
    assert_eq!(load(&store, "a").await, Some(moved));
    assert_eq!(load(&store, "b").await, None);
    assert_eq!(load(&store, "c").await, None);
    store.save(Vec::new(), vec!["a".into()]).await.unwrap();
    assert_eq!(load(&store, "a").await, None);
}

async fn a_thousand_sockets_are_saved_and_forgotten_at_once(database: &Fixture) {
    let store = database.store().await;
    let sockets = many(1_037);
    store.save(sockets.clone(), Vec::new()).await.unwrap();
    assert_eq!(count(&store, &sockets).await, 1_037);
    let gone = pids(&sockets[..1_000]);
    store.save(Vec::new(), gone).await.unwrap();
    assert_eq!(count(&store, &sockets[..1_000]).await, 0);
    assert_eq!(count(&store, &sockets[1_000..]).await, 37);
}

async fn a_save_that_cannot_be_done_in_full_changes_nothing(database: &Fixture) {
    let store = database.store().await;
    let before = socket("p0000", &["S/7"]);
    store.save(vec![before.clone()], Vec::new()).await.unwrap();
    let refused = "CREATE UNIQUE INDEX only_one ON recoverables (sid)";
    database.execute(refused).await;
    let mut sockets = many(100);
    // In the last statement of them.
    sockets[99].sid = sockets[1].sid.clone();
    let saved = store.save(sockets.clone(), vec!["p0000".into()]).await;
    assert!(saved.is_err());
    assert_eq!(load(&store, "p0000").await, Some(before));
    assert_eq!(count(&store, &sockets).await, 1);
}

async fn two_switchboards_that_save_the_same_sockets_do_not_stop_each_other(database: &Fixture) {
    let (one, two) = (database.store().await, database.store().await);
    let (sockets, mut reversed) = (many(200), many(200));
    reversed.reverse();
    let saves = (0..10).flat_map(|_| {
        [
            one.save(sockets.clone(), Vec::new()),
            two.save(reversed.clone(), Vec::new()),
        ]
    });
    for saved in join_all(saves).await {
        saved.unwrap();
    }
    assert_eq!(count(&one, &sockets).await, 200);
}

async fn recoverable_sockets_are_forgotten_by_the_time_of_their_last_saving(database: &Fixture) {
    let store = database.store().await;
    let sockets = many(10);
    store.save(sockets.clone(), Vec::new()).await.unwrap();
    let age = "UPDATE recoverables SET saved_at = 1000 WHERE pid < 'p0006'";
    database.execute(age).await;
    store
        .save(vec![sockets[0].clone()], Vec::new())
        .await
        .unwrap();
    assert_eq!(forget(&store, 1_000).await, 0);
    assert_eq!(forget(&store, 1_001).await, 5);
    assert_eq!(forget(&store, 1_001).await, 0);
    assert!(load(&store, "p0000").await.is_some());
    assert_eq!(forget(&store, u64::MAX).await, 5);
}

async fn a_pid_that_nobody_holds_finds_nothing_whatever_it_is(database: &Fixture) {
    let store = database.store().await;
    store.save(many(1), Vec::new()).await.unwrap();
    let long = "p".repeat(100_000);
    for pid in ["", "P0000", "p0000\0", "\0", "' OR 1 = 1 --", "%", &long] {
        assert_eq!(load(&store, pid).await, None, "{pid:.20}");
    }
}
