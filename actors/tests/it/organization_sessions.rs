//! Watching an organization's sessions: the picture, and what follows it.

use std::sync::Arc;

use actix::Arbiter;
use serde_json::{Value, json};
use switchboard_actors::metrics::Metrics;
use switchboard_actors::mqtt_client::LinkRole;
use switchboard_actors::organization::Begin;
use switchboard_actors::organization::registry::{GetWatchCounts, WatchRefused, WatchSessions};
use switchboard_actors::organization::sessions::Watched;
use switchboard_actors::outbox::{Outbox, OutboxLimits};
use switchboard_actors::testing::{Client, Harness, Setup, eventually, paused, quiet};
use switchboard_protocol::topics::SESSION_STATUSES;

use crate::support::{Addresses, Socket};

pub const WATCH: &str = "watch_organization_session";
pub const UNWATCH: &str = "unwatch_organization_session";

/// Publishes a list of sessions and waits until everybody has heard of it.
pub async fn publish(harness: &Harness, sessions: &Value) {
    let payload = sessions.to_string();
    harness.broker.inject(&[(SESSION_STATUSES, &payload)]);
    quiet().await;
}

/// A session of an organization, and something about it that may change.
pub fn session(id: &str, organization: &str, status: &str) -> Value {
    json!({"id": id, "organizationId": organization, "status": status})
}

/// Watches, and returns the picture of the acknowledgement, its sessions by ascending id.
pub async fn watch(client: &Client, organization: &str) -> Value {
    let mut answer = client.ask(WATCH, &format!("\"{organization}\"")).await;
    assert_eq!(answer["ok"], true, "{answer}");
    answer["sessions"].take()
}

pub async fn unwatch(client: &Client, organization: &str) {
    let answer = client.ask(UNWATCH, &format!("\"{organization}\"")).await;
    assert_eq!(answer, json!({"ok": true}));
}

/// The changes in what was heard that concern one organization, in order.
pub fn updates_in(heard: &[String], organization: &str) -> Vec<Value> {
    let start = format!(r#"42["orga_{organization}_session_update","#);
    let updates = heard.iter().filter_map(|h| h.strip_prefix(&start));
    let update = |args: &str| args.strip_suffix(']').unwrap().parse().unwrap();
    updates.map(update).collect()
}

/// The changes of one organization that the client was told, in order.
pub fn updates(client: &Client, organization: &str) -> Vec<Value> {
    updates_in(&client.heard(), organization)
}

/// Watched organizations and watchers of sessions.
pub async fn watches(harness: &Harness) -> (usize, usize) {
    let counts = harness.organizations.send(GetWatchCounts).await;
    counts.unwrap().sessions
}

/// Asks the registry without a session, as the family does.
pub async fn ask_registry(
    harness: &Harness,
    socket: &Socket,
    organization: &str,
) -> Result<Watched, WatchRefused> {
    let watch = WatchSessions {
        socket: socket.id,
        outbox: Arc::clone(&socket.outbox).into(),
        organization: organization.parse().unwrap(),
        only: None,
    };
    let watched = harness.organizations.send(watch).await.unwrap()?;
    Ok(watched.await.unwrap())
}

#[test]
fn a_watch_is_acknowledged_with_the_present_picture_and_no_event() {
    paused(async {
        let harness = Harness::start().await;
        let (a, b) = (session("A", "O", "ready"), session("B", "O", "active"));
        publish(&harness, &json!([a, session("C", "P", "ready"), b])).await;
        let client = harness.connected("alice").await;
        assert_eq!(watch(&client, "O").await, json!([a, b]));
        quiet().await;
        assert_eq!(updates(&client, "O"), Vec::<Value>::new());
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_new_a_missing_and_a_changed_session_are_told_as_added_removed_and_updated() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        let channel = |status| json!([{"id": 1, "streamStatus": status}]);
        let idle = json!({"id": "A", "organizationId": "O", "channels": channel("inactive")});
        let live = json!({"id": "A", "organizationId": "O", "channels": channel("active")});
        let other = session("B", "O", "ready");
        publish(&harness, &json!([idle])).await;
        assert_eq!(watch(&client, "O").await, json!([idle]));
        publish(&harness, &json!([idle, other])).await;
        publish(&harness, &json!([live, other])).await;
        publish(&harness, &json!([other])).await;
        let expected = [
            json!({"added": [other], "removed": [], "updated": []}),
            json!({"added": [], "removed": [], "updated": [live]}),
            json!({"added": [], "removed": [live], "updated": []}),
        ];
        assert_eq!(updates(&client, "O"), expected);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn one_list_is_one_event_with_everything_that_changed() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        let [a, b, c] = ["A", "B", "C"].map(|id| session(id, "O", "ready"));
        publish(&harness, &json!([a, b])).await;
        watch(&client, "O").await;
        let changed = session("B", "O", "active");
        publish(&harness, &json!([changed, c])).await;
        let expected = json!({"added": [c], "removed": [a], "updated": [changed]});
        assert_eq!(updates(&client, "O"), [expected]);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn each_organization_hears_of_its_own_sessions_only() {
    paused(async {
        let harness = Harness::start().await;
        let (one, two) = (harness.connected("1").await, harness.connected("2").await);
        let (both, none) = (harness.connected("3").await, harness.connected("4").await);
        watch(&one, "O").await;
        watch(&two, "P").await;
        watch(&both, "O").await;
        watch(&both, "P").await;
        watch(&none, "Q").await;
        let (a, b) = (session("A", "O", "ready"), session("B", "P", "ready"));
        publish(&harness, &json!([a, b])).await;
        let changed = session("B", "P", "active");
        publish(&harness, &json!([a, changed])).await;
        let of_o = [json!({"added": [a], "removed": [], "updated": []})];
        let of_p = [
            json!({"added": [b], "removed": [], "updated": []}),
            json!({"added": [], "removed": [], "updated": [changed]}),
        ];
        assert_eq!(
            (updates(&one, "O"), updates(&two, "P")),
            (of_o.to_vec(), of_p.to_vec())
        );
        assert_eq!(
            (updates(&both, "O"), updates(&both, "P")),
            (of_o.to_vec(), of_p.to_vec())
        );
        for (client, events) in [(&one, 1), (&two, 2), (&both, 3), (&none, 0)] {
            assert_eq!(client.times(r#"42["orga_"#), events);
        }
        [one, two, both, none].iter().for_each(Client::hang_up);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn before_the_first_list_the_picture_is_empty_and_the_first_list_announces_everything_once() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        assert_eq!(watch(&client, "O").await, json!([]));
        let list = json!([session("A", "O", "ready"), session("B", "O", "ready")]);
        publish(&harness, &list).await;
        publish(&harness, &list).await;
        let expected = json!({"added": list, "removed": [], "updated": []});
        assert_eq!(updates(&client, "O"), [expected]);
        assert_eq!(watch(&client, "O").await, list);
        publish(&harness, &list).await;
        assert_eq!(updates(&client, "O").len(), 1);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn the_retained_list_after_an_outage_is_no_change() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        let list = json!([session("A", "O", "ready")]);
        publish(&harness, &list).await;
        watch(&client, "O").await;
        harness.broker.down();
        quiet().await;
        assert_eq!(
            watch(&client, "O").await,
            list,
            "what was known stays known"
        );
        harness.broker.up();
        quiet().await;
        let filters = harness.broker.subscribed(LinkRole::Organization);
        assert!(filters.contains(SESSION_STATUSES));
        publish(&harness, &list).await;
        // Turned round, as another publisher would write it.
        let turned = r#"[ {"status":"ready","id":"A","organizationId":"O"} ]"#;
        harness.broker.inject(&[(SESSION_STATUSES, turned)]);
        quiet().await;
        assert_eq!(updates(&client, "O"), Vec::<Value>::new());
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn watching_twice_brings_a_fresh_picture_and_no_event_twice() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        assert_eq!(watch(&client, "O").await, json!([]));
        let list = json!([session("A", "O", "ready")]);
        publish(&harness, &list).await;
        assert_eq!(watch(&client, "O").await, list);
        assert_eq!(watches(&harness).await, (1, 1));
        publish(&harness, &json!([])).await;
        assert_eq!(updates(&client, "O").len(), 2);
        unwatch(&client, "O").await;
        publish(&harness, &list).await;
        assert_eq!(updates(&client, "O").len(), 2);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn what_changes_before_the_acknowledgement_is_out_follows_it_and_is_not_lost() {
    paused(async {
        let harness = Harness::start().await;
        let (a, b) = (session("A", "O", "ready"), session("B", "O", "ready"));
        publish(&harness, &json!([a])).await;
        let socket = Socket::new(1_000);
        let watched = ask_registry(&harness, &socket, "O").await.unwrap();
        assert_eq!(watched.sessions, json!([a]).to_string());
        publish(&harness, &json!([a, b])).await;
        publish(&harness, &json!([b])).await;
        assert_eq!(socket.heard(), Vec::<String>::new());
        watched.watcher.send(Begin(socket.id)).await.unwrap();
        publish(&harness, &json!([])).await;
        let expected = [
            json!({"added": [b], "removed": [], "updated": []}),
            json!({"added": [], "removed": [a], "updated": []}),
            json!({"added": [], "removed": [b], "updated": []}),
        ];
        assert_eq!(updates_in(&socket.heard(), "O"), expected);
    });
}

#[test]
fn a_list_that_comes_with_the_watch_is_told_once_and_after_the_acknowledgement() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        let start = client.emit(WATCH, r#""O""#);
        let list = json!([session("A", "O", "ready")]).to_string();
        harness.broker.inject(&[(SESSION_STATUSES, &list)]);
        quiet().await;
        let heard = client.heard();
        let acknowledged = heard.iter().position(|h| h.starts_with(&start)).unwrap();
        let told = heard.iter().filter(|h| h.contains(r#""id":"A""#)).count();
        assert_eq!(told, 1, "{heard:?}");
        let event = heard.iter().position(|h| h.starts_with(r#"42["orga_"#));
        assert!(event.is_none_or(|event| event > acknowledged), "{heard:?}");
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn an_event_is_encoded_once_and_its_bytes_are_shared_by_all_watchers() {
    paused(async {
        let harness = Harness::start().await;
        let wires = [0, 1, 2].map(|_| Arc::new(Addresses::default()));
        for (id, wire) in wires.iter().enumerate() {
            let socket = Socket::new(1_000 + id as u64);
            let outbox = Outbox::new(OutboxLimits::default(), Metrics::default());
            outbox.attach(wire.clone());
            let socket = Socket { outbox, ..socket };
            let watched = ask_registry(&harness, &socket, "O").await.unwrap();
            watched.watcher.send(Begin(socket.id)).await.unwrap();
        }
        publish(&harness, &json!([session("A", "O", "ready")])).await;
        let [first, second, third] = wires.each_ref().map(|w| w.0.lock().unwrap().clone());
        assert_eq!(first.len(), 1);
        assert_eq!((&first, &first), (&second, &third));
    });
}

#[test]
fn organizations_on_other_threads_are_told_in_order_and_leave_nothing() {
    paused(async {
        let arbiters = [Arbiter::new(), Arbiter::new()];
        let setup = Setup {
            threads: arbiters.iter().map(Arbiter::handle).collect(),
            ..Setup::default()
        };
        let harness = Harness::start_with(setup).await;
        let client = harness.connected("alice").await;
        for organization in ["O", "P", "Q"] {
            watch(&client, organization).await;
        }
        for n in 0..100 {
            let of = |organization| session(organization, organization, &n.to_string());
            publish(&harness, &json!([of("O"), of("P"), of("Q")])).await;
        }
        for organization in ["O", "P", "Q"] {
            let all = |updates: &Vec<Value>| updates.len() == 100;
            let told = eventually(|| updates(&client, organization), all).await;
            for (n, update) in told.iter().enumerate() {
                let kind = if n == 0 { "added" } else { "updated" };
                assert_eq!(update[kind][0]["status"], n.to_string());
            }
        }
        client.hang_up();
        harness.assert_nothing_left().await;
        arbiters.iter().for_each(|arbiter| {
            arbiter.stop();
        });
    });
}
