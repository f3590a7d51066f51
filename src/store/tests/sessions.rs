//! Organizations, members and sessions.

use futures_util::future::join_all;

use super::*;

on_both_databases! {
    a_session_is_read_as_it_was_created_with_its_channels_in_order
    a_session_needs_an_organization_and_an_id_of_its_own
    an_update_changes_what_it_names_and_clears_what_it_empties
    writes_are_seen_at_once_by_cached_reads
    rights_are_those_of_their_sessions_one_by_one_or_many_together
    a_thousand_reads_of_one_session_need_one_statement
    puts_tell_whether_they_created
    pages_cover_an_organization_once_and_nothing_else
}

async fn a_session_is_read_as_it_was_created_with_its_channels_in_order(database: &Fixture) {
    let store = database.store().await;
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

async fn a_session_needs_an_organization_and_an_id_of_its_own(database: &Fixture) {
    let store = database.store().await;
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

async fn an_update_changes_what_it_names_and_clears_what_it_empties(database: &Fixture) {
    let store = database.store().await;
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

async fn writes_are_seen_at_once_by_cached_reads(database: &Fixture) {
    let store = database.store().await;
    let (acme, ann) = (organization("acme"), user("ann"));
    let id = "s".parse().unwrap();
    assert!(store.session(&id).await.unwrap().is_none());
    assert_eq!(store.session_rights(&id).await.unwrap(), None);
    assert_eq!(store.member_role(&acme, &ann).await.unwrap(), None);

    store.put_organization(&acme, "Acme").await.unwrap();
    store
        .create_session(new_session("s", "acme"))
        .await
        .unwrap();
    assert!(store.session(&id).await.unwrap().is_some());
    assert!(store.session_rights(&id).await.unwrap().is_some());
    let change = SessionChange {
        record: Some(true),
        owner: Some(None),
        ..SessionChange::default()
    };
    store.update_session(&id, change).await.unwrap();
    assert!(store.session(&id).await.unwrap().unwrap().record);
    let rights = store.session_rights(&id).await.unwrap().unwrap();
    assert_eq!(rights.owner, None);
    assert!(store.delete_session(&id).await.unwrap());
    assert!(store.session(&id).await.unwrap().is_none());
    assert_eq!(store.session_rights(&id).await.unwrap(), None);

    for role in [Role::Member, Role::Admin] {
        store.put_member(&acme, &ann, role).await.unwrap();
        assert_eq!(store.member_role(&acme, &ann).await.unwrap(), Some(role));
    }
    assert!(store.delete_member(&acme, &ann).await.unwrap());
    assert_eq!(store.member_role(&acme, &ann).await.unwrap(), None);
}

async fn rights_are_those_of_their_sessions_one_by_one_or_many_together(database: &Fixture) {
    let store = database.store().await;
    store
        .put_organization(&organization("acme"), "Acme")
        .await
        .unwrap();
    let hash = store.hash_password("secret".into()).await.unwrap();
    let mut ids: Vec<SessionId> = Vec::new();
    for number in 0..70 {
        let new = NewSession {
            visibility: [Visibility::Private, Visibility::Public][number % 2],
            owner: (number % 3 == 0).then(|| user("ann")),
            password: (number % 5 == 0).then(|| hash.clone()),
            ..new_session(&format!("s{number}"), "acme")
        };
        ids.push(store.create_session(new).await.unwrap().id);
    }
    ids.insert(1, "unknown".parse().unwrap());
    let many = store.database.session_rights(&ids).await.unwrap();
    assert_eq!(many.len(), ids.len());
    for (id, of_many) in ids.iter().zip(many) {
        let expected = store
            .session(id)
            .await
            .unwrap()
            .map(|session| SessionRights {
                organization: session.organization.clone(),
                visibility: session.visibility,
                owner: session.owner.clone(),
                has_password: session.password.is_some(),
            });
        assert_eq!(of_many, expected, "{id}");
        let one = store.session_rights(id).await.unwrap();
        assert_eq!(one.as_deref(), expected.as_ref(), "{id}");
    }
    store.forget(&AccessChanged::Session(ids[0].clone()));
    store.expect_session_rights(ids.clone()).await;
    store.close().await;
    store.forget(&AccessChanged::Session(ids[0].clone()));
    store.expect_session_rights(ids.clone()).await;
    // What cannot be read is told to whoever asks.
    assert!(store.session_rights(&ids[0]).await.is_err());
}

async fn a_thousand_reads_of_one_session_need_one_statement(database: &Fixture) {
    let store = database.store().await;
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

async fn puts_tell_whether_they_created(database: &Fixture) {
    let store = database.store().await;
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

async fn pages_cover_an_organization_once_and_nothing_else(database: &Fixture) {
    let store = database.store().await;
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
