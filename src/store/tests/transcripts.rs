//! Finals.

use bytes::Bytes;
use futures_util::future::join_all;
use switchboard_actors::ports::{Directory, Final, Transcripts};
use switchboard_protocol::ids::RoomId;

use super::*;

on_both_databases! {
    finals_are_read_back_byte_for_byte_in_their_order
    the_highest_number_is_that_of_all_rooms
    what_is_stored_already_is_passed_over
    two_switchboards_that_store_the_same_finals_keep_each_once
    a_final_that_is_no_text_is_refused_and_nothing_of_its_batch_kept
    finals_are_removed_by_age_a_piece_at_a_time
    a_deleted_session_takes_its_finals_along_and_no_others
    the_sessions_to_be_recorded_are_listed_in_pages
    the_directory_knows_the_organization_of_a_session
}

fn room(id: &str) -> RoomId {
    id.parse().unwrap()
}

fn new_final(room: &str, number: u64, payload: &str) -> Final {
    Final {
        room: room.parse().unwrap(),
        number,
        occurrence: 0,
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

/// Different finals, numbered like this.
fn finals(room: &str, numbers: impl IntoIterator<Item = u64>) -> Vec<Final> {
    let payload = |number| format!("{{\"text\":\"{number}\"}}");
    let numbered = |number| new_final(room, number, &payload(number));
    numbers.into_iter().map(numbered).collect()
}

fn numbers(finals: &[Final]) -> Vec<u64> {
    finals.iter().map(|one| one.number).collect()
}

async fn all(store: &Store, id: &str) -> Vec<Final> {
    store.finals_after(&room(id), 0, 1_000).await.unwrap()
}

async fn the_highest_number_is_that_of_all_rooms(database: &Fixture) {
    let store = database.store().await;
    assert_eq!(store.highest_number().await.unwrap(), None);
    store.append(finals("S/1", [3, 1])).await.unwrap();
    store.append(finals("A/2", [9, 2])).await.unwrap();
    assert_eq!(store.highest_number().await.unwrap(), Some(9));
}

async fn finals_are_read_back_byte_for_byte_in_their_order(database: &Fixture) {
    let store = database.store().await;
    let odd = "{ \"text\" : \"\\u0000 é 😀 ' ; -- $1 ?1\" ,\n\"n\":1.0e2}";
    let mut kept = finals("S/1", 1..=200);
    kept.push(new_final("S/1", 1_800_000_000_000_000, odd));
    let mut shuffled = kept.clone();
    shuffled.reverse();
    shuffled.extend(finals("S/10", [7]));
    store.append(shuffled).await.unwrap();
    store.append(Vec::new()).await.unwrap();

    assert_eq!(all(&store, "S/1").await, kept);
    assert_eq!(numbers(&all(&store, "S/10").await), [7]);
    let last = store.last(room("S/1"), u64::MAX, 2).await.unwrap();
    assert_eq!(last, kept[199..]);
    let last = store.last(room("S/1"), 200, 3).await.unwrap();
    assert_eq!(numbers(&last), [197, 198, 199]);
    assert!(store.last(room("S/1"), 1, 3).await.unwrap().is_empty());
    assert!(
        store
            .last(room("S/2"), u64::MAX, 3)
            .await
            .unwrap()
            .is_empty()
    );
    let page = store.finals_after(&room("S/1"), 5, 2).await.unwrap();
    assert_eq!(numbers(&page), [6, 7]);
    let none = store.finals_after(&room("S/1"), u64::MAX, 2).await;
    assert!(none.unwrap().is_empty());
}

async fn what_is_stored_already_is_passed_over(database: &Fixture) {
    let store = database.store().await;
    let first = new_final("S/1", 10, "{\"text\":\"yes\"}");
    let same = Final {
        number: 12,
        ..first.clone()
    };
    let again = Final {
        number: 20,
        occurrence: 1,
        ..first.clone()
    };
    let elsewhere = Final {
        room: room("S/2"),
        ..first.clone()
    };
    for batch in [
        vec![first],
        vec![same, again.clone()],
        vec![elsewhere, again],
    ] {
        store.append(batch).await.unwrap();
    }
    assert_eq!(numbers(&all(&store, "S/1").await), [10, 20]);
    assert_eq!(numbers(&all(&store, "S/2").await), [10]);
}

async fn two_switchboards_that_store_the_same_finals_keep_each_once(database: &Fixture) {
    let (one, two) = (database.store().await, database.store().await);
    let later = |finals: Vec<Final>| -> Vec<Final> {
        let later = |one: Final| Final {
            number: one.number + 100_000,
            ..one
        };
        finals.into_iter().rev().map(later).collect()
    };
    let batches = (0..20).flat_map(|batch: u64| {
        let these = finals("S/1", batch * 30 + 1..batch * 30 + 31);
        [one.append(these.clone()), two.append(later(these))]
    });
    for stored in join_all(batches).await {
        stored.unwrap();
    }
    let stored = all(&one, "S/1").await;
    let mut texts: Vec<&Bytes> = stored.iter().map(|one| &one.payload).collect();
    texts.sort();
    texts.dedup();
    assert_eq!((stored.len(), texts.len()), (600, 600));
}

async fn a_final_that_is_no_text_is_refused_and_nothing_of_its_batch_kept(database: &Fixture) {
    let store = database.store().await;
    let mut batch = finals("S/1", [1]);
    batch.push(Final {
        payload: Bytes::from_static(b"\"\xff\""),
        ..new_final("S/1", 2, "")
    });
    assert!(store.append(batch).await.is_err());
    assert!(all(&store, "S/1").await.is_empty());
}

async fn finals_are_removed_by_age_a_piece_at_a_time(database: &Fixture) {
    let store = database.store().await;
    store.append(finals("S/1", 1..=10)).await.unwrap();
    database
        .execute("UPDATE finals SET stored_at = number")
        .await;
    assert_eq!(store.purge_finals(6, 3).await.unwrap(), 3);
    assert_eq!(numbers(&all(&store, "S/1").await), [4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(store.purge_finals(6, 3).await.unwrap(), 2);
    assert_eq!(store.purge_finals(6, 3).await.unwrap(), 0);
    assert_eq!(numbers(&all(&store, "S/1").await), [6, 7, 8, 9, 10]);
    assert_eq!(store.purge_finals(u64::MAX, 100).await.unwrap(), 5);
}

async fn a_deleted_session_takes_its_finals_along_and_no_others(database: &Fixture) {
    let store = database.store().await;
    let acme = organization("acme");
    store.put_organization(&acme, "Acme").await.unwrap();
    let new = new_session("S", "acme");
    let id = store.create_session(new).await.unwrap().id;
    for id in ["S/1", "S/2", "S2/1"] {
        store.append(finals(id, [1])).await.unwrap();
    }
    assert!(store.delete_session(&id).await.unwrap());
    let left = (all(&store, "S/1").await, all(&store, "S/2").await);
    assert_eq!(left, (Vec::new(), Vec::new()));
    assert_eq!(numbers(&all(&store, "S2/1").await), [1]);
}

async fn the_sessions_to_be_recorded_are_listed_in_pages(database: &Fixture) {
    let store = database.store().await;
    for id in ["acme", "other"] {
        store.put_organization(&organization(id), id).await.unwrap();
        for record in [true, false] {
            let new = NewSession {
                record,
                ..new_session(&format!("{id}-{record}"), id)
            };
            store.create_session(new).await.unwrap();
        }
    }
    let page = store.recorded_sessions(None, 1).await.unwrap();
    assert_eq!(page[0].id.as_str(), "acme-true");
    assert_eq!(page[0].channels, [channel(0), channel(2)]);
    let page = store.recorded_sessions(Some(&page[0].id), 5).await.unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].id.as_str(), "other-true");
    let end = store.recorded_sessions(Some(&page[0].id), 5).await;
    assert!(end.unwrap().is_empty());
}

async fn the_directory_knows_the_organization_of_a_session(database: &Fixture) {
    let store = database.store().await;
    let acme = organization("acme");
    store.put_organization(&acme, "Acme").await.unwrap();
    let id = store.create_session(new_session("S", "acme")).await;
    let found = store.organization_of(id.unwrap().id).await;
    assert_eq!(found.unwrap(), Some(acme));
    let unknown = store.organization_of("T".parse().unwrap()).await;
    assert_eq!(unknown.unwrap(), None);
}
