//! Lists of sessions: bad ones, those that leave organizations open, and what they cost.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard_actors::metrics::Reason;
use switchboard_actors::testing::{Client, Harness, Setup, pass, paused, quiet};
use switchboard_protocol::topics::SESSION_STATUSES;

use crate::organization_sessions::{publish, session, updates, watch};
use crate::support::{logged, record_log};

fn refused(harness: &Harness, reason: &'static str) -> u64 {
    let refused = &harness.metrics.session_lists_refused;
    refused.get_or_create(&Reason { reason }).get()
}

async fn inject(harness: &Harness, payload: &str) {
    harness.broker.inject(&[(SESSION_STATUSES, payload)]);
    quiet().await;
}

async fn watching(harness: &Harness, organization: &str) -> Client {
    let client = harness.connected("alice").await;
    watch(&client, organization).await;
    client
}

fn added(session: &Value) -> Value {
    json!({"added": [session], "removed": [], "updated": []})
}

#[test]
fn bad_lists_are_refused_counted_and_leave_the_last_good_one() {
    paused(async {
        let harness = Harness::start().await;
        let list = json!([session("A", "O", "ready")]);
        publish(&harness, &list).await;
        let client = watching(&harness, "O").await;
        let large = format!("[{}]", " ".repeat(10 * 1024 * 1024));
        let deep = format!(
            r#"[{{"id":"A","a":{}{}}}]"#,
            "[".repeat(200),
            "]".repeat(200)
        );
        let bad = [
            ("not_an_array", r#"{"id":"A"}"#),
            ("not_an_array", "null"),
            ("not_an_array", ""),
            ("not_json", "[{]"),
            ("not_json", r#"[{"id":"A"}"#),
            ("not_json", &deep),
            ("not_an_object", r#"["A"]"#),
            ("invalid_id", r#"[{"organizationId":"O"}]"#),
            ("invalid_id", r#"[{"id":"A/1","organizationId":"O"}]"#),
            (
                "invalid_organization",
                r#"[{"id":"A","organizationId":"+"}]"#,
            ),
            ("duplicate_id", r#"[{"id":"A"},{"id":"B"},{"id":"A"}]"#),
            ("too_large", &large),
        ];
        for (reason, payload) in bad {
            let before = refused(&harness, reason);
            inject(&harness, payload).await;
            assert_eq!(refused(&harness, reason), before + 1, "{reason}");
        }
        assert_eq!(harness.metrics.session_lists.get(), 1 + bad.len() as u64);
        assert_eq!(updates(&client, "O"), Vec::<Value>::new());
        assert_eq!(watch(&client, "O").await, list);
        publish(&harness, &json!([session("A", "O", "active")])).await;
        assert_eq!(updates(&client, "O").len(), 1);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn each_kind_of_fault_is_logged_once() {
    record_log();
    paused(async {
        let harness = Harness::start().await;
        // A size that no other test has.
        let payload = format!("{{}}{}", " ".repeat(4_321));
        for _ in 0..3 {
            inject(&harness, &payload).await;
        }
        assert_eq!(refused(&harness, "not_an_array"), 3);
        assert_eq!(logged("bytes=4323").len(), 1);
    });
}

#[test]
fn a_list_of_a_thousand_sessions_costs_only_what_is_new_in_it() {
    paused(async {
        let harness = Harness::start().await;
        let of = |n: usize, status: &str| session(&n.to_string(), &format!("o{}", n % 50), status);
        let mut list: Vec<Value> = (0..1_000).map(|n| of(n, "ready")).collect();
        publish(&harness, &json!(list)).await;
        assert_eq!(harness.metrics.sessions_parsed.get(), 1_000);
        assert_eq!(harness.metrics.sessions_listed.get(), 1_000);
        let (client, other) = (
            watching(&harness, "o7").await,
            watching(&harness, "o8").await,
        );
        list[507] = of(507, "active");
        publish(&harness, &json!(list)).await;
        publish(&harness, &json!(list)).await;
        assert_eq!(harness.metrics.sessions_parsed.get(), 1_001);
        assert_eq!(harness.metrics.session_changes.get(), 1_001);
        let expected = json!({"added": [], "removed": [], "updated": [list[507]]});
        assert_eq!(updates(&client, "o7"), [expected]);
        assert_eq!(updates(&other, "o8"), Vec::<Value>::new());
        client.hang_up();
        other.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_session_moves_from_one_organization_to_the_other() {
    paused(async {
        let harness = Harness::start().await;
        let (here, there) = (session("A", "O", "ready"), session("A", "P", "ready"));
        publish(&harness, &json!([here])).await;
        let (left, entered) = (watching(&harness, "O").await, watching(&harness, "P").await);
        publish(&harness, &json!([there])).await;
        let removed = json!({"added": [], "removed": [here], "updated": []});
        assert_eq!(updates(&left, "O"), [removed]);
        assert_eq!(updates(&entered, "P"), [added(&there)]);
        left.hang_up();
        entered.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_session_without_organization_is_found_in_the_directory() {
    paused(async {
        let harness = Harness::start().await;
        harness.directory.add("A", "O");
        let client = watching(&harness, "O").await;
        let (bare, changed) = (json!({"id": "A"}), json!({"id": "A", "status": "active"}));
        publish(&harness, &json!([bare])).await;
        publish(&harness, &json!([changed])).await;
        let updated = json!({"added": [], "removed": [], "updated": [changed]});
        assert_eq!(updates(&client, "O"), [added(&bare), updated]);
        assert_eq!(
            harness.directory.asked(),
            ["A"],
            "what is known is not asked again"
        );
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn lists_that_overtake_a_look_up_are_told_once_and_as_it_is_then() {
    paused(async {
        let harness = Harness::start().await;
        harness.directory.add("A", "O");
        harness.directory.add("gone", "O");
        harness.directory.hold();
        let client = watching(&harness, "O").await;
        let at = |n: u32| json!({"id": "A", "status": n});
        let named = session("B", "O", "ready");
        publish(&harness, &json!([at(1), {"id": "gone"}])).await;
        publish(&harness, &json!([at(2), {"id": "gone"}, named])).await;
        publish(&harness, &json!([at(3), named])).await;
        assert_eq!(harness.directory.waiting(), 2);
        assert_eq!(
            updates(&client, "O"),
            [added(&named)],
            "the others are nobody's yet"
        );
        harness.directory.release();
        quiet().await;
        assert_eq!(updates(&client, "O"), [added(&named), added(&at(3))]);
        assert_eq!(watch(&client, "O").await, json!([at(3), named]));
        publish(&harness, &json!([at(3), named])).await;
        assert_eq!(updates(&client, "O").len(), 2);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_look_up_that_fails_is_tried_again_until_it_succeeds() {
    paused(async {
        let setup = Setup {
            // Time goes by here, and the client answers no ping.
            ping_interval: Duration::from_secs(3_600),
            ..Setup::default()
        };
        let harness = Harness::start_with(setup).await;
        harness.directory.add("A", "O");
        harness.directory.set_away(true);
        let client = watching(&harness, "O").await;
        let bare = json!({"id": "A"});
        publish(&harness, &json!([bare])).await;
        // 1, 2, 4, 8, 16, then 30 s and 30 s.
        for (seconds, asked) in [(2, 2), (2, 3), (4, 4), (8, 5), (16, 6), (30, 7), (30, 8)] {
            pass(Duration::from_secs(seconds)).await;
            assert_eq!(harness.directory.asked().len(), asked);
        }
        assert_eq!(harness.metrics.organization_lookups_failed.get(), 8);
        assert_eq!(updates(&client, "O"), Vec::<Value>::new());
        harness.directory.set_away(false);
        pass(Duration::from_secs(30)).await;
        assert_eq!(updates(&client, "O"), [added(&bare)]);
        pass(Duration::from_secs(300)).await;
        assert_eq!(harness.directory.asked().len(), 9);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_session_that_nobody_knows_is_looked_up_every_thirty_seconds_and_at_each_list() {
    paused(async {
        let harness = Harness::start().await;
        let client = watching(&harness, "O").await;
        let bare = json!({"id": "A"});
        publish(&harness, &json!([bare])).await;
        pass(Duration::from_secs(29)).await;
        assert_eq!(harness.directory.asked().len(), 1);
        pass(Duration::from_secs(1)).await;
        assert_eq!(harness.directory.asked().len(), 2);
        harness.directory.add("A", "O");
        let changed = json!({"id": "A", "status": "active"});
        publish(&harness, &json!([changed])).await;
        assert_eq!(updates(&client, "O"), [added(&changed)]);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_session_that_leaves_the_list_is_not_looked_up_any_more() {
    paused(async {
        let harness = Harness::start().await;
        harness.directory.set_away(true);
        publish(&harness, &json!([{"id": "A"}])).await;
        publish(&harness, &json!([])).await;
        pass(Duration::from_secs(120)).await;
        assert_eq!(harness.directory.asked().len(), 1);
    });
}

#[test]
fn eight_sessions_are_looked_up_at_a_time() {
    paused(async {
        let harness = Harness::start().await;
        harness.directory.hold();
        let ids: Vec<String> = (0..30).map(|n| n.to_string()).collect();
        ids.iter().for_each(|id| harness.directory.add(id, "O"));
        let list: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        publish(&harness, &json!(list)).await;
        assert_eq!(harness.directory.waiting(), 8);
        let client = watching(&harness, "O").await;
        harness.directory.release();
        quiet().await;
        assert_eq!(harness.directory.asked().len(), 30);
        assert_eq!(watch(&client, "O").await.as_array().unwrap().len(), 30);
        client.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_directory_that_never_answers_is_asked_again() {
    paused(async {
        let harness = Harness::start().await;
        harness.directory.hold();
        publish(&harness, &json!([{"id": "A"}])).await;
        pass(Duration::from_secs(12)).await;
        assert_eq!(harness.metrics.organization_lookups_failed.get(), 1);
        assert_eq!(harness.directory.asked(), ["A", "A"]);
    });
}
