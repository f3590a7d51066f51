//! The store's promises, on a fresh file each.

use futures_util::future::join_all;
use tempfile::TempDir;

use super::*;

/// A migrated store in a folder that lives as long as the test.
async fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::connect(&url(&folder)).await.unwrap();
    store.migrate().await.unwrap();
    (folder, store)
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("test.db").display())
}

fn organization(id: &str) -> OrganizationId {
    id.parse().unwrap()
}

fn user(id: &str) -> UserId {
    id.parse().unwrap()
}

fn channel(index: u16) -> Channel {
    Channel {
        index,
        name: format!("Channel {index}"),
        language: "en".into(),
    }
}

fn new_session(id: &str, organization: &str) -> NewSession {
    NewSession {
        id: id.parse().unwrap(),
        name: "Weekly".into(),
        organization: organization.parse().unwrap(),
        visibility: Visibility::Private,
        owner: Some(user("owner")),
        password: None,
        record: false,
        channels: vec![channel(2), channel(0)],
    }
}

#[tokio::test]
async fn a_session_is_read_as_it_was_created_with_its_channels_in_order() {
    let (_folder, store) = store().await;
    store
        .put_organization(&organization("acme"), "Acme")
        .await
        .unwrap();
    let created = store
        .create_session(new_session("s", "acme"))
        .await
        .unwrap();
    let read = store.session(&created.id).await.unwrap().unwrap();
    assert_eq!(*read, created);
    assert_eq!(read.channels, [channel(0), channel(2)]);
    assert_eq!(read.owner, Some(user("owner")));
    assert_eq!(read.visibility, Visibility::Private);
}

#[tokio::test]
async fn a_session_needs_an_organization_and_an_id_of_its_own() {
    let (_folder, store) = store().await;
    let orphan = store.create_session(new_session("s", "acme")).await;
    assert!(matches!(orphan, Err(StoreError::UnknownOrganization(_))));
    store
        .put_organization(&organization("acme"), "Acme")
        .await
        .unwrap();
    store
        .create_session(new_session("s", "acme"))
        .await
        .unwrap();
    let twin = store.create_session(new_session("s", "acme")).await;
    assert!(matches!(twin, Err(StoreError::SessionExists(_))));
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_clears_what_it_empties() {
    let (_folder, store) = store().await;
    store
        .put_organization(&organization("acme"), "Acme")
        .await
        .unwrap();
    let hash = store.hash_password("secret".into()).await.unwrap();
    let new = NewSession {
        password: Some(hash),
        ..new_session("s", "acme")
    };
    let before = store.create_session(new).await.unwrap();
    let change = SessionChange {
        name: Some("Monthly".into()),
        owner: Some(None),
        channels: Some(vec![channel(7)]),
        ..SessionChange::default()
    };
    let after = store
        .update_session(&before.id, change)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(after.name, "Monthly");
    assert_eq!(after.owner, None);
    assert_eq!(after.channels, [channel(7)]);
    assert_eq!(after.password, before.password);
    assert_eq!(*store.session(&before.id).await.unwrap().unwrap(), after);
}

#[tokio::test]
async fn writes_are_seen_at_once_by_cached_reads() {
    let (_folder, store) = store().await;
    let (acme, ann) = (organization("acme"), user("ann"));
    let id = "s".parse().unwrap();
    assert!(store.session(&id).await.unwrap().is_none());
    assert_eq!(store.member_role(&acme, &ann).await.unwrap(), None);

    store.put_organization(&acme, "Acme").await.unwrap();
    store
        .create_session(new_session("s", "acme"))
        .await
        .unwrap();
    assert!(store.session(&id).await.unwrap().is_some());
    let change = SessionChange {
        record: Some(true),
        ..SessionChange::default()
    };
    store.update_session(&id, change).await.unwrap();
    assert!(store.session(&id).await.unwrap().unwrap().record);
    assert!(store.delete_session(&id).await.unwrap());
    assert!(store.session(&id).await.unwrap().is_none());

    for role in [Role::Member, Role::Admin] {
        store.put_member(&acme, &ann, role).await.unwrap();
        assert_eq!(store.member_role(&acme, &ann).await.unwrap(), Some(role));
    }
    assert!(store.delete_member(&acme, &ann).await.unwrap());
    assert_eq!(store.member_role(&acme, &ann).await.unwrap(), None);
}

#[tokio::test]
async fn a_thousand_reads_of_one_session_need_one_statement() {
    let (_folder, store) = store().await;
    store
        .put_organization(&organization("acme"), "Acme")
        .await
        .unwrap();
    let id = store
        .create_session(new_session("s", "acme"))
        .await
        .unwrap()
        .id;
    let reads = join_all((0..1000).map(|_| store.session(&id))).await;
    let first = reads[0].as_ref().unwrap().as_ref().unwrap();
    for read in &reads {
        let read = read.as_ref().unwrap().as_ref().unwrap();
        assert!(Arc::ptr_eq(first, read), "another read made another copy");
    }
}

#[tokio::test]
async fn puts_tell_whether_they_created() {
    let (_folder, store) = store().await;
    let (acme, ann) = (organization("acme"), user("ann"));
    assert_eq!(
        store.put_organization(&acme, "Acme").await.unwrap(),
        Written::Created
    );
    assert_eq!(
        store.put_organization(&acme, "ACME").await.unwrap(),
        Written::Replaced
    );
    assert_eq!(
        store.put_member(&acme, &ann, Role::Member).await.unwrap(),
        Written::Created
    );
    assert_eq!(
        store.put_member(&acme, &ann, Role::Admin).await.unwrap(),
        Written::Replaced
    );
    let elsewhere = store
        .put_member(&organization("none"), &ann, Role::Member)
        .await;
    assert!(matches!(elsewhere, Err(StoreError::UnknownOrganization(_))));
    assert!(!store.delete_member(&acme, &user("bob")).await.unwrap());
    assert!(
        !store
            .delete_session(&"none".parse().unwrap())
            .await
            .unwrap()
    );
    let update = store
        .update_session(&"none".parse().unwrap(), SessionChange::default())
        .await;
    assert!(update.unwrap().is_none());
}

#[tokio::test]
async fn pages_cover_an_organization_once_and_nothing_else() {
    let (_folder, store) = store().await;
    for id in ["acme", "other"] {
        store.put_organization(&organization(id), id).await.unwrap();
        for number in 0..5 {
            let new = new_session(&format!("{id}-{number}"), id);
            store.create_session(new).await.unwrap();
        }
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .sessions_of(&organization("acme"), after.as_ref(), 2)
            .await
            .unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        assert!(page.iter().all(|session| session.channels.len() == 2));
        seen.extend(page.into_iter().map(|session| session.id.to_string()));
    }
    assert_eq!(seen, ["acme-0", "acme-1", "acme-2", "acme-3", "acme-4"]);
}

#[tokio::test]
async fn what_was_written_survives_a_restart_and_migrating_twice_is_harmless() {
    let (folder, store) = store().await;
    store
        .put_organization(&organization("acme"), "Acme")
        .await
        .unwrap();
    let created = store
        .create_session(new_session("s", "acme"))
        .await
        .unwrap();
    store.close().await;
    assert!(store.ping().await.is_err());
    let store = Store::connect(&url(&folder)).await.unwrap();
    store.migrate().await.unwrap();
    store.ping().await.unwrap();
    assert_eq!(*store.session(&created.id).await.unwrap().unwrap(), created);
}

#[tokio::test]
async fn concurrent_writers_of_two_processes_wait_for_each_other() {
    let (folder, one) = store().await;
    let two = Store::connect(&url(&folder)).await.unwrap();
    let acme = organization("acme");
    one.put_organization(&acme, "Acme").await.unwrap();
    let writes = (0..100).map(|number| {
        let store = if number % 2 == 0 {
            one.clone()
        } else {
            two.clone()
        };
        let (acme, user) = (acme.clone(), user(&format!("u{number}")));
        async move { store.put_member(&acme, &user, Role::Member).await }
    });
    for written in join_all(writes).await {
        assert_eq!(written.unwrap(), Written::Created);
    }
}

#[tokio::test]
async fn a_database_url_that_cannot_work_is_refused_in_one_line_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("sqlite://{}/none/test.db", folder.path().display());
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "not a database".repeat(100)).unwrap();
    let garbage = format!("sqlite://{}", garbage.display());
    let urls = [
        "postgres://ann:hunter2@localhost/db",
        "mysql://ann:hunter2@localhost/db",
        "sqlite://:memory:",
        "sqlite://",
        "sqlite://x.db?mode=memory",
        "test.db",
        "",
        &missing,
        &garbage,
    ];
    for url in urls {
        let Err(error) = Store::connect(url).await else {
            panic!("{url} was accepted")
        };
        let line = error.to_string();
        assert!(
            !line.contains('\n') && !line.contains("hunter2"),
            "{url}: {line}"
        );
    }
}

#[tokio::test]
async fn a_failing_read_names_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::connect(&url(&folder)).await.unwrap();
    let error = store
        .session(&"s1".parse().unwrap())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("session s1") && error.contains("no such table"),
        "{error}"
    );
}
