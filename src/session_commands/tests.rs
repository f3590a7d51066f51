//! Commands through the task into a real database. The feed's end is the fence: then all of them are done.

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::store::Visibility;
use switchboard_actors::metrics::Reason;

async fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("test.db").display());
    let store = Store::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    for id in ["acme", "other"] {
        let id = id.parse().unwrap();
        store.put_organization(&id, "Name").await.unwrap();
    }
    (folder, store)
}

/// Publishes these (topic without its beginning, payload), and waits until all have been dealt with.
async fn publish(store: &Store, commands: &[(&str, impl AsRef<[u8]>)]) -> Metrics {
    let (sender, feed) = mpsc::unbounded_channel();
    for (topic, payload) in commands {
        let fed = Fed {
            topic: format!("session/in/{topic}"),
            payload: payload.as_ref().to_vec().into(),
            credit: None,
        };
        assert!(sender.send(fed).is_ok());
    }
    drop(sender);
    let metrics = Metrics::default();
    run(store.clone(), feed, Box::new(|_| {}), metrics.clone()).await;
    metrics
}

fn dropped(metrics: &Metrics, reason: &'static str) -> u64 {
    let dropped = &metrics.publications_dropped;
    dropped.get_or_create(&Reason { reason }).get()
}

async fn read(store: &Store, id: &str) -> Option<std::sync::Arc<crate::store::Session>> {
    store.session(&id.parse().unwrap()).await.unwrap()
}

fn session() -> Value {
    json!({
        "name": "Weekly", "organizationId": "acme", "visibility": "public",
        "channels": [{"index": 1, "name": "Floor", "language": "en"}],
    })
}

fn with(field: &str, value: Value) -> String {
    let mut session = session();
    session[field] = value;
    session.to_string()
}

#[tokio::test]
async fn sessions_are_created_changed_and_deleted_in_order() {
    let (_folder, store) = store().await;
    let created = with("password", json!("open sesame"));
    let mut commands = vec![("s/create".to_owned(), created)];
    for number in 0..100 {
        let name = json!({"id": "s", "name": format!("Name {number}")});
        commands.push(("s/update".to_owned(), name.to_string()));
    }
    commands.push(("t/create".to_owned(), session().to_string()));
    commands.push(("t/delete".to_owned(), String::new()));
    commands.push(("u/create".to_owned(), session().to_string()));
    commands.push(("u/delete".to_owned(), with("id", json!("u"))));
    let commands: Vec<_> = commands.iter().map(|(t, p)| (&t[..], p)).collect();
    publish(&store, &commands).await;

    let kept = read(&store, "s").await.unwrap();
    assert_eq!(kept.name, "Name 99");
    assert_eq!(kept.channels.len(), 1, "what was not given stays");
    let hash = kept.password.as_ref().unwrap();
    let right = store.check_password(hash, "open sesame".into()).await;
    assert!(right.unwrap());
    assert!(read(&store, "t").await.is_none() && read(&store, "u").await.is_none());
}

#[tokio::test]
async fn creating_what_exists_replaces_it_within_its_organization() {
    let (_folder, store) = store().await;
    let mut first = session();
    first["owner"] = json!("ann");
    first["password"] = json!("open sesame");
    first["record"] = json!(true);
    let second = json!({
        "name": "Monthly", "organizationId": "acme", "visibility": "private", "channels": [],
    });
    let foreign = with("organizationId", json!("other"));
    let commands = [
        ("s/create", first.to_string()),
        ("s/create", second.to_string()),
        ("s/create", foreign),
    ];
    let metrics = publish(&store, &commands).await;
    let now = read(&store, "s").await.unwrap();
    assert_eq!(
        (&now.name[..], now.visibility),
        ("Monthly", Visibility::Private)
    );
    assert_eq!(
        (&now.owner, &now.password, now.record),
        (&None, &None, false)
    );
    assert!(now.channels.is_empty());
    assert_eq!(now.organization.as_str(), "acme");
    assert_eq!(dropped(&metrics, "command_other_organization"), 1);
}

#[tokio::test]
async fn two_switchboards_on_one_database_end_with_what_was_said_last() {
    let (_folder, store) = store().await;
    let mut commands = vec![("s/create", session().to_string())];
    for number in 0..20 {
        let name = json!({"name": format!("Name {number}")});
        commands.push(("s/update", name.to_string()));
    }
    commands.push(("t/create", session().to_string()));
    commands.push(("t/delete", String::new()));
    tokio::join!(publish(&store, &commands), publish(&store, &commands));
    assert_eq!(read(&store, "s").await.unwrap().name, "Name 19");
    assert!(read(&store, "t").await.is_none());
}

#[tokio::test]
async fn what_is_no_command_is_counted_and_changes_nothing() {
    let (_folder, store) = store().await;
    publish(&store, &[("s/create", session().to_string())]).await;
    let before = read(&store, "s").await;
    let good = session().to_string();
    let deep = format!(r#"{{"name":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    let large = with("name", json!("x".repeat(64 * 1024)));
    let table: &[(&'static str, &[(&str, &str)])] = &[
        (
            "command_topic",
            &[
                ("s/replace", &good),
                ("s/create/more", &good),
                ("s", &good),
                ("a b/create", &good),
                ("../create", &good),
                ("a\0b/create", &good),
            ],
        ),
        ("command_too_large", &[("s/update", &large)]),
        (
            "command_not_json",
            &[
                ("s/create", ""),
                ("s/create", "{"),
                ("s/update", "nul"),
                ("s/update", "\u{feff}{}"),
                ("s/delete", "yes"),
                ("s/delete", &deep),
            ],
        ),
        (
            "command_invalid",
            &[
                ("s/create", "[]"),
                ("s/create", "{}"),
                ("s/create", &with("id", json!("t"))),
                ("s/create", &with("surprise", json!(1))),
                ("s/create", &with("name", json!(""))),
                ("s/create", &with("record", json!("yes"))),
                ("s/create", &with("visibility", json!("secret"))),
                ("s/create", &with("channels", json!([{"index": 2000}]))),
                ("s/create", &with("password", json!("x".repeat(257)))),
                ("s/create", &deep),
                ("s/update", r#"{"organizationId":"other"}"#),
                ("s/update", r#"{"id":"t","name":"x"}"#),
                ("s/update", r#"{"name":7}"#),
                ("s/update", r#"{"name":"a","name":"b"}"#),
                ("s/delete", r#"{"id":"t"}"#),
                ("s/delete", r#"{"id":7}"#),
                ("s/delete", "[]"),
            ],
        ),
        (
            "command_unknown_organization",
            &[("t/create", &with("organizationId", json!("nobody")))],
        ),
        (
            "command_unknown_session",
            &[("t/update", r#"{"name":"x"}"#), ("t/delete", "")],
        ),
    ];
    for (reason, commands) in table {
        for command in *commands {
            let metrics = publish(&store, &[*command]).await;
            assert_eq!(dropped(&metrics, reason), 1, "{reason}: {command:?}");
        }
    }
    assert_eq!(read(&store, "s").await, before);
    assert!(read(&store, "t").await.is_none());
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let (_folder, store) = store().await;
    let metrics = publish(&store, &[("s/create", b"{\"name\":\"\xff\"}")]).await;
    assert_eq!(dropped(&metrics, "command_not_json"), 1);
}

#[tokio::test]
async fn sql_in_a_text_is_a_text() {
    let (_folder, store) = store().await;
    let sql = "'); DROP TABLE sessions; --";
    let created = with("name", json!(sql));
    publish(&store, &[("s/create", created)]).await;
    assert_eq!(read(&store, "s").await.unwrap().name, sql);
}

#[test]
fn what_the_log_is_told_repeats_nothing_of_the_payload() {
    for payload in [
        r#"{"password":["hush"]}"#,
        r#"{"hush":1}"#,
        r#"{"channels":"hush"}"#,
        r#"{"name":"hush"#,
    ] {
        let refusal = Command::parse("session/in/s/update", payload.as_bytes());
        let Err(refusal) = refusal else {
            panic!("{payload} was taken")
        };
        assert!(!refusal.detail.contains("hush"), "{refusal:?}");
    }
}
