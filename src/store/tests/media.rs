//! Conversations.

use switchboard_actors::ports::{Conversation, Media, TranscriptionState};
use switchboard_protocol::ids::ConversationId;

use super::*;

on_both_databases! {
    a_conversation_is_read_as_it_was_created_and_changed
    a_conversation_needs_an_organization_and_an_id_of_its_own
    a_poll_has_what_is_unfinished_and_what_is_tracked_in_the_order_of_creation
    a_poll_answers_for_one_organization_only
    a_poll_looks_at_a_thousand_unfinished_ones
}

fn conversation(id: &str, organization: &str) -> Conversation {
    Conversation {
        id: id.parse().unwrap(),
        name: format!("Upload {id}"),
        organization: organization.parse().unwrap(),
        state: TranscriptionState::Pending,
        progress: 0,
    }
}

fn state(state: TranscriptionState) -> ConversationChange {
    ConversationChange {
        state: Some(state),
        ..ConversationChange::default()
    }
}

fn ids(ids: &[&str]) -> Vec<ConversationId> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

/// A store with the organizations `acme` and `other`.
async fn with_organizations(database: &Fixture) -> Store {
    let store = database.store().await;
    for id in ["acme", "other"] {
        store.put_organization(&organization(id), id).await.unwrap();
    }
    store
}

async fn poll(store: &Store, organization: &str, tracked: &[&str]) -> Vec<String> {
    let polled = store.poll(organization.parse().unwrap(), ids(tracked));
    let polled = polled.await.unwrap();
    polled
        .into_iter()
        .map(|found| found.id.to_string())
        .collect()
}

async fn a_conversation_is_read_as_it_was_created_and_changed(database: &Fixture) {
    let store = with_organizations(database).await;
    let new = conversation("c", "acme");
    let id = new.id.clone();
    assert_eq!(store.create_conversation(new.clone()).await.unwrap(), new);
    assert_eq!(store.conversation(&id).await.unwrap(), Some(new.clone()));
    let change = ConversationChange {
        name: None,
        state: Some(TranscriptionState::Processing),
        progress: Some(40),
    };
    let changed = store.update_conversation(&id, change).await.unwrap();
    let expected = Conversation {
        state: TranscriptionState::Processing,
        progress: 40,
        ..new
    };
    assert_eq!(changed, Some(expected.clone()));
    let change = ConversationChange {
        name: Some("Renamed".into()),
        ..ConversationChange::default()
    };
    store.update_conversation(&id, change).await.unwrap();
    let expected = Conversation {
        name: "Renamed".into(),
        ..expected
    };
    assert_eq!(
        store.conversation(&id).await.unwrap(),
        Some(expected.clone())
    );
    assert_eq!(
        store.delete_conversation(&id).await.unwrap(),
        Some(expected)
    );
    assert_eq!(store.delete_conversation(&id).await.unwrap(), None);
    assert_eq!(store.conversation(&id).await.unwrap(), None);
    let gone = store.update_conversation(&id, ConversationChange::default());
    assert_eq!(gone.await.unwrap(), None);
}

async fn a_conversation_needs_an_organization_and_an_id_of_its_own(database: &Fixture) {
    let store = with_organizations(database).await;
    let orphan = store.create_conversation(conversation("c", "none")).await;
    assert!(matches!(orphan, Err(StoreError::UnknownOrganization(_))));
    let first = store.create_conversation(conversation("c", "acme")).await;
    first.unwrap();
    let twin = store.create_conversation(conversation("c", "other")).await;
    assert!(matches!(twin, Err(StoreError::ConversationExists(_))));
}

async fn a_poll_has_what_is_unfinished_and_what_is_tracked_in_the_order_of_creation(
    database: &Fixture,
) {
    let store = with_organizations(database).await;
    // Their ids do not ascend; their times do, or are the same.
    for (id, created) in [("z", 1), ("m", 2), ("d", 3), ("e", 4), ("b", 5), ("a", 5)] {
        let created_at =
            format!("UPDATE conversations SET created_at = {created} WHERE id = '{id}'");
        store
            .create_conversation(conversation(id, "acme"))
            .await
            .unwrap();
        database.execute(&created_at).await;
    }
    let over = [
        ("d", TranscriptionState::Done),
        ("e", TranscriptionState::Error),
        ("m", TranscriptionState::Started),
    ];
    for (id, now) in over {
        let id = id.parse().unwrap();
        store.update_conversation(&id, state(now)).await.unwrap();
    }
    assert_eq!(poll(&store, "acme", &[]).await, ["z", "m", "a", "b"]);
    let tracked = ["d", "z", "gone"];
    assert_eq!(
        poll(&store, "acme", &tracked).await,
        ["z", "m", "d", "a", "b"]
    );
    // More than one statement asks for.
    let many: Vec<String> = (0..40).map(|number| format!("gone-{number}")).collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    many.push("e");
    assert_eq!(poll(&store, "acme", &many).await, ["z", "m", "e", "a", "b"]);
}

async fn a_poll_answers_for_one_organization_only(database: &Fixture) {
    let store = with_organizations(database).await;
    for (id, organization) in [("ours", "acme"), ("theirs", "other")] {
        let new = conversation(id, organization);
        store.create_conversation(new).await.unwrap();
    }
    assert_eq!(poll(&store, "acme", &["theirs"]).await, ["ours"]);
    assert_eq!(poll(&store, "none", &["theirs"]).await, [""; 0]);
}

async fn a_poll_looks_at_a_thousand_unfinished_ones(database: &Fixture) {
    let store = with_organizations(database).await;
    let mut insert = String::from("INSERT INTO conversations VALUES ");
    for number in 0..1_001 {
        let comma = if number == 0 { "" } else { ", " };
        insert += &format!("{comma}('c{number:04}', 'acme', '', 'started', 0, {number}, 0)");
    }
    database.execute(&insert).await;
    let polled = poll(&store, "acme", &["c1000"]).await;
    assert_eq!(polled.len(), 1_001);
    assert_eq!(poll(&store, "acme", &[]).await, polled[..1_000]);
}
