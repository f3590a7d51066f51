//! Leases: who processes a document, and what becomes of those who were too slow.

use switchboard_protocol::ids::DocumentId;

use super::documents::{
    LONG, chunks, counted, found, is_lost, new_document, status, taken, with_projects,
};
use super::*;

on_both_databases! {
    a_document_is_processed_by_one_at_a_time_oldest_first
    a_lease_that_ends_is_taken_over_and_whoever_had_it_writes_nothing_more
    what_is_given_back_waits_without_chunks_and_counts_as_a_try_or_not
}

async fn a_document_is_processed_by_one_at_a_time_oldest_first(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let twin = database.store().await;
    let mut waiting = Vec::new();
    for _ in 0..6 {
        let new = new_document(project, "a.txt", b"a");
        waiting.push(store.create_document(new).await.unwrap().id);
    }
    let first = store.take_document(LONG).await.unwrap().unwrap();
    assert_eq!(first.document, waiting[0]);
    let expected = (DocumentStatus::Processing, 0, 0);
    assert_eq!(status(&store, first.document).await, expected);
    let takers = [&store, &twin, &store, &twin, &store, &twin, &store];
    let taken = takers.map(|store| store.take_document(LONG));
    let taken = futures_util::future::join_all(taken).await;
    let taken = taken.into_iter().filter_map(Result::unwrap);
    let mut ids: Vec<DocumentId> = taken.map(|lease| lease.document).collect();
    ids.sort();
    assert_eq!(ids, waiting[1..], "each once");
}

async fn a_lease_that_ends_is_taken_over_and_whoever_had_it_writes_nothing_more(
    database: &Fixture,
) {
    let (store, project, _) = with_projects(database).await;
    let new = new_document(project, "a.txt", b"a");
    store.create_document(new).await.unwrap();
    let late = store.take_document(Duration::ZERO).await.unwrap().unwrap();
    store.begin_chunks(&late, 1, 30).await.unwrap();
    store
        .add_chunks(&late, &chunks(&["late"]), 50)
        .await
        .unwrap();
    let lease = store.take_document(LONG).await.unwrap().unwrap();
    assert_eq!((lease.document, lease.tries), (late.document, 2));

    assert!(is_lost(store.renew_lease(&late, LONG).await));
    assert!(is_lost(store.begin_chunks(&late, 1, 31).await));
    let more = chunks(&["more", "than", "late"]);
    assert!(is_lost(store.add_chunks(&late, &more[1..], 60).await));
    assert!(is_lost(store.complete_document(&late, 1).await));
    assert!(is_lost(store.fail_document(&late, "late").await));
    let released = store.release_document(&late, LONG, true).await;
    assert!(is_lost(released));
    let expected = (DocumentStatus::Processing, 0, 0);
    assert_eq!(status(&store, lease.document).await, expected);

    // What the other has left is not in the way.
    store.begin_chunks(&lease, 1, 30).await.unwrap();
    store.renew_lease(&lease, LONG).await.unwrap();
    let ours = chunks(&["ours"]);
    store.add_chunks(&lease, &ours, 90).await.unwrap();
    store.complete_document(&lease, 1).await.unwrap();
    let all = found(&store, project, &["late", "ours", "more"]).await;
    assert_eq!(all, ["ours"]);
}

async fn what_is_given_back_waits_without_chunks_and_counts_as_a_try_or_not(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let lease = taken(&store, project).await;
    store.begin_chunks(&lease, 1, 30).await.unwrap();
    store
        .add_chunks(&lease, &chunks(&["half"]), 60)
        .await
        .unwrap();
    let now = Duration::ZERO;
    store.release_document(&lease, now, false).await.unwrap();
    let waiting = (DocumentStatus::Waiting, 0, 0);
    assert_eq!(status(&store, lease.document).await, waiting);
    assert_eq!(counted(&store, project, "half").await.1, [0]);
    let lease = store.take_document(LONG).await.unwrap().unwrap();
    assert_eq!(lease.tries, 1);
    store.release_document(&lease, now, true).await.unwrap();
    let lease = store.take_document(LONG).await.unwrap().unwrap();
    assert_eq!(lease.tries, 2);
    store.release_document(&lease, LONG, true).await.unwrap();
    let next = store.take_document(LONG).await.unwrap();
    assert_eq!(next, None, "its pause is not over");
    assert_eq!(status(&store, lease.document).await, waiting);
}
