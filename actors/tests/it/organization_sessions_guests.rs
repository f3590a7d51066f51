//! Guests: each follows the one session of its token.

use serde_json::{Value, json};
use switchboard_actors::testing::{Client, Harness, paused};

use crate::organization_sessions::{publish, session, unwatch, updates, watch, watches};

async fn guest(harness: &Harness, of: &str) -> Client {
    let client = harness.client();
    client.connect(&format!("guest:{of}")).await;
    client
}

fn with_visibility(id: &str, visibility: &str) -> Value {
    json!({"id": id, "organizationId": "O", "visibility": visibility})
}

#[test]
fn a_guest_gets_its_own_session_and_no_other() {
    paused(async {
        let harness = Harness::start().await;
        let guest = guest(&harness, "A@O").await;
        let (a, b) = (session("A", "O", "ready"), session("B", "O", "ready"));
        publish(&harness, &json!([a, b])).await;
        assert_eq!(watch(&guest, "O").await, json!([a]));
        let (a, b) = (session("A", "O", "active"), session("B", "O", "active"));
        publish(&harness, &json!([a, b, session("C", "O", "ready")])).await;
        publish(&harness, &json!([a])).await;
        let expected = json!({"added": [], "removed": [], "updated": [a]});
        assert_eq!(updates(&guest, "O"), [expected]);
        guest.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_guest_is_told_of_the_removal_and_the_return_of_its_session() {
    paused(async {
        let harness = Harness::start().await;
        let (guest, member) = (guest(&harness, "A@O").await, harness.connected("1").await);
        let (a, b) = (session("A", "O", "ready"), session("B", "O", "ready"));
        publish(&harness, &json!([a, b])).await;
        watch(&guest, "O").await;
        watch(&member, "O").await;
        publish(&harness, &json!([])).await;
        publish(&harness, &json!([a, b])).await;
        let of_a = [
            json!({"added": [], "removed": [a], "updated": []}),
            json!({"added": [a], "removed": [], "updated": []}),
        ];
        assert_eq!(updates(&guest, "O"), of_a);
        let of_both = [
            json!({"added": [], "removed": [a, b], "updated": []}),
            json!({"added": [a, b], "removed": [], "updated": []}),
        ];
        let by_id = |mut update: Value| {
            for kind in ["added", "removed"] {
                let sessions = update[kind].as_array_mut().unwrap();
                sessions.sort_by_key(|s| s["id"].to_string());
            }
            update
        };
        let told: Vec<_> = updates(&member, "O").into_iter().map(by_id).collect();
        assert_eq!(told, of_both);
        guest.hang_up();
        member.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_session_that_is_no_longer_public_is_removed_for_guests_and_updated_for_members() {
    paused(async {
        let harness = Harness::start().await;
        let (guest, member) = (guest(&harness, "A@O").await, harness.connected("1").await);
        let (public, private) = (
            with_visibility("A", "public"),
            with_visibility("A", "private"),
        );
        publish(&harness, &json!([public])).await;
        assert_eq!(watch(&guest, "O").await, json!([public]));
        watch(&member, "O").await;
        publish(&harness, &json!([private])).await;
        assert_eq!(watch(&guest, "O").await, json!([]));
        let organization = with_visibility("A", "organization");
        publish(&harness, &json!([organization])).await;
        publish(&harness, &json!([public])).await;
        let for_guests = [
            json!({"added": [], "removed": [public], "updated": []}),
            json!({"added": [public], "removed": [], "updated": []}),
        ];
        assert_eq!(updates(&guest, "O"), for_guests);
        let updated = |session| json!({"added": [], "removed": [], "updated": [session]});
        let for_members = [private, organization, public].map(updated);
        assert_eq!(updates(&member, "O"), for_members);
        guest.hang_up();
        member.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_guest_that_is_let_watch_another_organization_sees_nothing_of_it() {
    paused(async {
        let harness = Harness::start().await;
        // The rights of these tests let everybody in.
        let guest = guest(&harness, "A@O").await;
        publish(
            &harness,
            &json!([session("A", "O", "ready"), session("B", "P", "ready")]),
        )
        .await;
        assert_eq!(watch(&guest, "P").await, json!([]));
        publish(
            &harness,
            &json!([session("A", "O", "active"), session("B", "P", "active")]),
        )
        .await;
        assert_eq!(guest.times(r#"42["orga_"#), 0);
        guest.hang_up();
        harness.assert_nothing_left().await;
    });
}

#[test]
fn guests_of_one_session_come_and_go_apart() {
    paused(async {
        let harness = Harness::start().await;
        let (first, second) = (guest(&harness, "A@O").await, guest(&harness, "A@O").await);
        let other = guest(&harness, "B@O").await;
        for guest in [&first, &second, &other] {
            assert_eq!(watch(guest, "O").await, json!([]));
        }
        unwatch(&first, "O").await;
        assert_eq!(watches(&harness).await, (1, 2));
        publish(&harness, &json!([session("A", "O", "ready")])).await;
        let events = [&first, &second, &other].map(|guest| updates(guest, "O").len());
        assert_eq!(events, [0, 1, 0]);
        [first, second, other].iter().for_each(Client::hang_up);
        harness.assert_nothing_left().await;
    });
}
