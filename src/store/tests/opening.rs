//! How a database is opened, brought up to date, shared by two processes, and refused.

use futures_util::future::join_all;

use super::*;

on_both_databases! {
    what_was_written_survives_a_restart_and_migrating_twice_is_harmless
    processes_that_migrate_at_the_same_time_all_succeed
    a_schema_that_is_behind_is_told_and_one_that_is_ahead_is_used
    concurrent_writers_of_two_processes_wait_for_each_other
    concurrent_changes_of_one_session_by_two_processes_are_all_kept
    a_failing_read_names_what_was_read
}

async fn what_was_written_survives_a_restart_and_migrating_twice_is_harmless(database: &Fixture) {
    let store = database.store().await;
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
    let store = database.store().await;
    store.ping().await.unwrap();
    assert_eq!(*store.session(&created.id).await.unwrap().unwrap(), created);
}

async fn processes_that_migrate_at_the_same_time_all_succeed(database: &Fixture) {
    let process = async || {
        let store = Store::connect(&database.url).await?;
        store.migrate().await?;
        store.check_schema().await
    };
    for migrated in join_all((0..8).map(|_| process())).await {
        migrated.unwrap();
    }
}

async fn a_schema_that_is_behind_is_told_and_one_that_is_ahead_is_used(database: &Fixture) {
    let store = Store::connect(&database.url).await.unwrap();
    let behind = store.check_schema().await;
    assert!(matches!(behind, Err(StoreError::SchemaBehind)));
    store.migrate().await.unwrap();
    let forget = "UPDATE _sqlx_migrations SET version = version + 1000";
    database.execute(forget).await;
    let behind = store.check_schema().await;
    assert!(matches!(behind, Err(StoreError::SchemaBehind)));
    database
        .execute("UPDATE _sqlx_migrations SET version = version - 1000")
        .await;
    // What a newer program's migration leaves behind.
    database
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT max(version) + 1, 'newer', true, '', 0 FROM _sqlx_migrations",
        )
        .await;
    store.check_schema().await.unwrap();
    store.migrate().await.unwrap();
}

async fn concurrent_writers_of_two_processes_wait_for_each_other(database: &Fixture) {
    let (one, two) = (database.store().await, database.store().await);
    let acme = organization("acme");
    one.put_organization(&acme, "Acme").await.unwrap();
    let writes = (0..100).map(|number| {
        let store = if number % 2 == 0 { &one } else { &two };
        let (acme, user) = (acme.clone(), user(&format!("u{number}")));
        async move { store.put_member(&acme, &user, Role::Member).await }
    });
    for written in join_all(writes).await {
        assert_eq!(written.unwrap(), Written::Created);
    }
}

async fn concurrent_changes_of_one_session_by_two_processes_are_all_kept(database: &Fixture) {
    let (one, two) = (database.store().await, database.store().await);
    one.put_organization(&organization("acme"), "Acme")
        .await
        .unwrap();
    let id = one
        .create_session(new_session("s", "acme"))
        .await
        .unwrap()
        .id;
    let rename = SessionChange {
        name: Some("Monthly".into()),
        ..SessionChange::default()
    };
    let record = SessionChange {
        record: Some(true),
        ..SessionChange::default()
    };
    let recast = SessionChange {
        channels: Some(vec![channel(7)]),
        ..SessionChange::default()
    };
    let changes = [(&one, rename), (&two, record), (&one, recast)];
    let changes = changes.map(|(store, change)| store.update_session(&id, change));
    for changed in join_all(changes).await {
        assert!(changed.unwrap().is_some());
    }
    let session = database.store().await.session(&id).await.unwrap().unwrap();
    assert_eq!(session.name, "Monthly");
    assert!(session.record);
    assert_eq!(session.channels, [channel(7)]);
}

async fn a_failing_read_names_what_was_read(database: &Fixture) {
    let store = Store::connect(&database.url).await.unwrap();
    let error = store.session(&"s1".parse().unwrap()).await.unwrap_err();
    let error = error.to_string();
    let why = match database.is_postgres() {
        true => "\"sessions\" does not exist",
        false => "no such table",
    };
    assert!(
        error.contains("session s1") && error.contains(why),
        "{error}"
    );
}

#[tokio::test]
async fn a_database_url_that_cannot_work_is_refused_in_one_line_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("sqlite://{}/none/test.db", folder.path().display());
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "not a database".repeat(100)).unwrap();
    let garbage = format!("sqlite://{}", garbage.display());
    // A port on which nobody listens: it was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let refused = format!("postgres://ann:hunter2@{address}/db");
    let urls = [
        (refused.as_str(), "refused"),
        ("postgres://ann:hunter2@localhost:x/db", "port"),
        (
            "postgres://ann:hunter2@localhost/db?sslmode=hunter2x",
            "sslmode",
        ),
        ("postgres://localhost/db?password=hunter2", "parameters"),
        ("mysql://ann:hunter2@localhost/db", "sqlite://FILE"),
        ("sqlite://:memory:", "memory"),
        ("sqlite://", "memory"),
        ("sqlite://x.db?mode=memory", "memory"),
        ("sqlite://x.db?mode=ro", "parameters"),
        ("test.db", "sqlite://FILE"),
        ("", "sqlite://FILE"),
        (&missing, "none"),
        (&garbage, "not a database"),
    ];
    for (url, why) in urls {
        let Err(error) = Store::connect(url).await else {
            panic!("{url} was accepted")
        };
        let line = error.to_string();
        assert!(
            !line.contains('\n') && !line.contains("hunter2") && line.contains(why),
            "{url}: {line}"
        );
    }
}

#[tokio::test]
async fn a_sqlite_file_may_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("of mine");
    std::fs::create_dir(&below).unwrap();
    for name in ["a b.db", "a:b.db", "é#1.db", "../up.db"] {
        let url = format!("sqlite://{}/{name}", below.display());
        let store = Store::connect(&url).await.unwrap();
        store.migrate().await.unwrap();
        assert!(below.join(name).is_file(), "{name}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_without_being_repeated() {
    let Some(database) = Fixture::postgres().await else {
        return;
    };
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_password(Some("wrong-hunter3")).unwrap();
    let Err(error) = Store::connect(url.as_str()).await else {
        panic!("a wrong password was accepted")
    };
    let line = error.to_string();
    assert!(line.contains("authentication"), "{line}");
    assert!(!line.contains("wrong-hunter3"), "{line}");
    database.end().await;
}
