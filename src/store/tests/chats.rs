//! Projects, chats and messages.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;
use switchboard_actors::ports::{NewMessage, Speaker};
use switchboard_protocol::ids::{ChatId, MAX_NUMBER, ProjectId};

use super::*;

on_both_databases! {
    a_project_is_read_as_it_was_created_until_it_is_deleted
    a_project_needs_an_organization_and_an_id_of_its_own
    ids_are_given_past_those_that_projects_bring_and_never_twice
    projects_created_at_the_same_time_by_two_processes_get_different_ids
    pages_of_projects_and_chats_cover_theirs_once_and_nothing_else
    a_chat_is_named_by_its_first_question_unless_it_has_a_title
    messages_are_read_back_as_they_were_said_and_in_their_order
    messages_said_at_the_same_time_are_read_by_pages_without_a_gap
    what_is_deleted_takes_along_what_is_in_it_and_nothing_else
    nothing_is_said_in_a_chat_that_is_not_there
}

fn new_project(organization: &str, id: Option<u64>) -> NewProject {
    NewProject {
        id: id.map(|id| id.try_into().unwrap()),
        organization: organization.parse().unwrap(),
        name: "Handbook".into(),
    }
}

fn question(chat: ChatId, content: &str) -> NewMessage {
    NewMessage {
        chat,
        speaker: Speaker::User,
        content: content.to_owned(),
        partial: false,
        sources: None,
        metadata: None,
    }
}

fn unknown<T: TryFrom<u64, Error: std::fmt::Debug>>() -> T {
    T::try_from(MAX_NUMBER).unwrap()
}

/// A store with the organizations `acme` and `other`.
async fn with_organizations(database: &Fixture) -> Store {
    let store = database.store().await;
    for id in ["acme", "other"] {
        store.put_organization(&organization(id), id).await.unwrap();
    }
    store
}

/// Creates a project of `acme` that is given its id.
async fn project(store: &Store) -> ProjectId {
    let new = new_project("acme", None);
    store.create_project(new).await.unwrap().id
}

async fn chat(store: &Store, project: ProjectId) -> ChatId {
    store.create_chat(project, None).await.unwrap().id
}

async fn contents(store: &Store, chat: ChatId) -> Vec<String> {
    let messages = store.messages_of(chat, None, 500).await.unwrap();
    let contents = messages.into_iter().map(|message| message.said.content);
    contents.collect()
}

async fn a_project_is_read_as_it_was_created_until_it_is_deleted(database: &Fixture) {
    let store = with_organizations(database).await;
    let new = new_project("acme", Some(MAX_NUMBER));
    let created = store.create_project(new).await.unwrap();
    assert_eq!(created.id.get(), MAX_NUMBER);
    assert_eq!(created.organization, organization("acme"));
    assert!(created.created_at_ms > 1_700_000_000_000);
    let read = store.project(created.id).await.unwrap();
    assert_eq!(read, Some(created.clone()));
    assert!(store.delete_project(created.id).await.unwrap());
    assert!(!store.delete_project(created.id).await.unwrap());
    assert_eq!(store.project(created.id).await.unwrap(), None);
}

async fn a_project_needs_an_organization_and_an_id_of_its_own(database: &Fixture) {
    let store = with_organizations(database).await;
    for id in [None, Some(7)] {
        let orphan = store.create_project(new_project("none", id)).await;
        assert!(matches!(orphan, Err(StoreError::UnknownOrganization(_))));
    }
    let first = store.create_project(new_project("acme", Some(7))).await;
    let twin = store.create_project(new_project("other", Some(7))).await;
    assert!(matches!(twin, Err(StoreError::ProjectExists(_))));
    let kept = store.project(first.unwrap().id).await.unwrap().unwrap();
    assert_eq!(kept.organization, organization("acme"));
}

async fn ids_are_given_past_those_that_projects_bring_and_never_twice(database: &Fixture) {
    let store = with_organizations(database).await;
    for id in [2, 3, 4, 7, MAX_NUMBER] {
        let brought = store.create_project(new_project("other", Some(id))).await;
        brought.unwrap();
    }
    let mut given = Vec::new();
    for _ in 0..4 {
        let id = project(&store).await;
        given.push(id.get());
        store.delete_project(id).await.unwrap();
    }
    assert_eq!(given, [1, 5, 6, 8]);
}

async fn projects_created_at_the_same_time_by_two_processes_get_different_ids(database: &Fixture) {
    let (one, two) = (with_organizations(database).await, database.store().await);
    let creations = (1..=20).flat_map(|number| {
        let brought = new_project("acme", Some(2 * number));
        [
            one.create_project(new_project("acme", None)),
            two.create_project(new_project("other", None)),
            two.create_project(brought),
        ]
        .map(|creation| async { creation.await.map(|project| project.id) })
    });
    let created = join_all(creations).await;
    let is_taken = |created: &_| matches!(created, Err(StoreError::ProjectExists(_)));
    let ids: HashSet<_> = created.iter().flatten().collect();
    // Of those that bring an id, one may be too late for it.
    let late = created.iter().filter(|created| is_taken(created)).count();
    assert_eq!((ids.len() + late, late <= 20), (60, true), "{created:?}");
}

async fn pages_of_projects_and_chats_cover_theirs_once_and_nothing_else(database: &Fixture) {
    let store = with_organizations(database).await;
    let acme = organization("acme");
    let mut projects = Vec::new();
    for number in 0..5 {
        // Not in the order of their ids.
        let id = Some(if number % 2 == 0 {
            10 - number
        } else {
            30 + number
        });
        let ours = store.create_project(new_project("acme", id)).await;
        projects.push(ours.unwrap().id);
        store
            .create_project(new_project("other", None))
            .await
            .unwrap();
    }
    projects.sort();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.projects_of(&acme, after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.into_iter().map(|project| project.id));
    }
    assert_eq!(seen, projects);

    let mut chats = Vec::new();
    for _ in 0..3 {
        chats.push(chat(&store, projects[0]).await);
        chat(&store, projects[1]).await;
    }
    let first = store.chats_of(projects[0], None, 2).await.unwrap();
    let rest = store.chats_of(projects[0], Some(first[1].id), 2).await;
    let seen = first.into_iter().chain(rest.unwrap()).map(|chat| chat.id);
    assert_eq!(seen.collect::<Vec<_>>(), chats);
}

async fn a_chat_is_named_by_its_first_question_unless_it_has_a_title(database: &Fixture) {
    let store = with_organizations(database).await;
    let project = project(&store).await;
    let titled = store
        .create_chat(project, Some("Ours".into()))
        .await
        .unwrap();
    assert_eq!(titled.title.as_deref(), Some("Ours"));
    let plain = store.create_chat(project, None).await.unwrap();
    assert_eq!((plain.project, &plain.title), (project, &None));
    let answer = NewMessage {
        speaker: Speaker::Assistant,
        ..question(plain.id, "Welcome")
    };
    store.append_message(answer).await.unwrap();
    for id in [titled.id, plain.id] {
        for content in ["\n Why?\nSay why.", "And then?"] {
            store.append_message(question(id, content)).await.unwrap();
        }
    }
    let titled = store.chat(titled.id).await.unwrap().unwrap();
    assert_eq!(titled.title.as_deref(), Some("Ours"));
    let named = store.chat(plain.id).await.unwrap().unwrap();
    assert_eq!(named.title.as_deref(), Some("Why?"));
    assert!(named.updated_at_ms >= plain.updated_at_ms);
    assert_eq!(named.created_at_ms, plain.created_at_ms);
}

async fn messages_are_read_back_as_they_were_said_and_in_their_order(database: &Fixture) {
    let store = with_organizations(database).await;
    let (project, odd) = (project(&store).await, "é 😀 ' ; -- $1 ?1 \r\n\u{fffd}");
    let (ours, theirs) = (chat(&store, project).await, chat(&store, project).await);
    let sources =
        json!([{"id": "c1", "content": "\u{0}é", "metadata": {"page": 2}, "score": 0.85}]);
    let answer = NewMessage {
        chat: ours,
        speaker: Speaker::Assistant,
        content: odd.into(),
        partial: true,
        sources: Some(sources),
        metadata: Some(json!({"model": "extractive"})),
    };
    let mut kept = Vec::new();
    for said in [question(ours, "Why?"), answer, question(ours, "")] {
        kept.push(store.append_message(said).await.unwrap());
        store.append_message(question(theirs, "No")).await.unwrap();
    }
    assert_eq!(store.messages_of(ours, None, 500).await.unwrap(), kept);
    assert_eq!(kept[1].said.content, odd);
    let page = store.messages_of(ours, Some(kept[0].id), 1).await.unwrap();
    assert_eq!(page, kept[1..2]);
    let before = store.messages_before(ours, kept[2].id, 2).await.unwrap();
    assert_eq!(before, kept[..2]);
    let before = store.messages_before(ours, kept[2].id, 1).await.unwrap();
    assert_eq!(before, kept[1..2]);
    let end = store.messages_of(ours, Some(kept[2].id), 1).await.unwrap();
    assert_eq!(end, []);
    // No database takes a NUL in a text.
    let nul = store.append_message(question(ours, "a\0b")).await.unwrap();
    assert_eq!(nul.said.content, "a\u{fffd}b");
    let page = store.messages_of(ours, Some(kept[2].id), 1).await.unwrap();
    assert_eq!(page, [nul]);
}

async fn messages_said_at_the_same_time_are_read_by_pages_without_a_gap(database: &Fixture) {
    let (one, two) = (with_organizations(database).await, database.store().await);
    let chat = chat(&one, project(&one).await).await;
    let say = async |store: &Store| {
        for number in 0..25 {
            let content = number.to_string();
            store
                .append_message(question(chat, &content))
                .await
                .unwrap();
        }
    };
    let read = async {
        let (mut seen, mut after) = (Vec::new(), None);
        while seen.len() < 100 {
            let page = one.messages_of(chat, after, 7).await.unwrap();
            after = page.last().map(|last| last.id).or(after);
            seen.extend(page.into_iter().map(|message| message.id));
        }
        seen
    };
    let saying = join_all([&one, &two, &one, &two].map(say));
    let (_, seen) = futures_util::future::join(saying, read).await;
    let all = one.messages_of(chat, None, 500).await.unwrap();
    let all: Vec<_> = all.into_iter().map(|message| message.id).collect();
    assert_eq!((seen.len(), &seen), (100, &all));
}

async fn what_is_deleted_takes_along_what_is_in_it_and_nothing_else(database: &Fixture) {
    let store = with_organizations(database).await;
    let (ours, theirs) = (project(&store).await, project(&store).await);
    let (first, second, other) = (
        chat(&store, ours).await,
        chat(&store, ours).await,
        chat(&store, theirs).await,
    );
    for chat in [first, second, other] {
        store.append_message(question(chat, "Why?")).await.unwrap();
    }
    assert!(store.delete_chat(first).await.unwrap());
    assert!(!store.delete_chat(first).await.unwrap());
    assert_eq!(store.chat(first).await.unwrap(), None);
    assert_eq!(contents(&store, first).await, [""; 0]);
    assert_eq!(contents(&store, second).await, ["Why?"]);
    let again = chat(&store, ours).await;
    assert!(again > other, "no id is given twice");

    assert!(store.delete_project(ours).await.unwrap());
    assert_eq!(store.chat(second).await.unwrap(), None);
    assert_eq!(contents(&store, second).await, [""; 0]);
    assert_eq!(store.chats_of(ours, None, 9).await.unwrap(), []);
    assert_eq!(contents(&store, other).await, ["Why?"]);
    assert!(store.project(theirs).await.unwrap().is_some());
}

async fn nothing_is_said_in_a_chat_that_is_not_there(database: &Fixture) {
    let store = with_organizations(database).await;
    let orphan = store.create_chat(unknown(), None).await;
    assert!(matches!(orphan, Err(StoreError::UnknownProject(_))));
    let said = store.append_message(question(unknown(), "Why?")).await;
    assert!(matches!(said, Err(StoreError::UnknownChat(_))));
    assert_eq!(contents(&store, unknown()).await, [""; 0]);
    // A refused write holds no lock.
    let chat = chat(&store, project(&store).await).await;
    store.append_message(question(chat, "Why?")).await.unwrap();
}
