//! Rights that end while somebody uses them: at every switchboard, and for nobody else.

use serde_json::{Value, json};
use switchboard::store::{Role, Visibility};

use crate::on_both_brokers;
use crate::support::broker::Broker;
use crate::support::mqtt::Client;
use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::{End, Viewer};

on_both_brokers! {
    a_removed_member_loses_its_rooms_and_watches_at_every_switchboard
    viewers_of_a_deleted_session_are_unauthorized_at_every_switchboard
    a_session_made_private_loses_its_outsiders_at_every_switchboard
    a_command_over_mqtt_ends_what_it_takes_away_at_every_switchboard
}

/// Two switchboards on one broker and one database, with the session `inner` for members alone, and a transcriber.
async fn two(broker: &Broker) -> ([TestServer; 2], Client) {
    let url = broker.url();
    let one = TestServer::start_with(&[("mqtt_url", &url)]).await;
    one.add_session("inner", Visibility::Organization).await;
    let acme = "acme".parse().unwrap();
    let other = "other".parse().unwrap();
    let put = one.store.put_member(&acme, &other, Role::Member).await;
    put.unwrap();
    let two = one.beside(&[("mqtt_url", &url), ("node", "it-2")]).await;
    let publisher = Client::connect(broker.address(), "transcriber").await;
    ([one, two], publisher)
}

/// The user `id` in a room.
async fn in_room(server: &TestServer, id: &str, room: &str) -> Viewer {
    let mut viewer = server.user(id).await;
    viewer.join(room).await;
    viewer
}

/// Asserts that each is told `unauthorized`, and nothing else, and disconnected.
async fn assert_denied(viewers: impl IntoIterator<Item = Viewer>) {
    for mut viewer in viewers {
        let denied = [r#"42["unauthorized"]"#, "41"].map(ToOwned::to_owned);
        assert_eq!(viewer.ended().await, (denied.to_vec(), End::Closed(1000)));
    }
}

/// Asserts that these have heard nothing, and hear the next final of their room.
async fn assert_unaffected(publisher: &Client, room: &str, viewers: &mut [Viewer]) {
    publisher
        .send(&format!("transcriber/out/{room}/final"), "1")
        .await;
    for viewer in viewers {
        viewer.expect("final", "1").await;
    }
}

async fn change(server: &TestServer, method: &str, path: &str, body: Value, status: u16) {
    let answer = server.rest(method, path, &tokens::admin(), body).await;
    assert_eq!(answer.status, status, "{}", answer.text());
}

async fn stop(servers: [TestServer; 2]) {
    for server in servers {
        server.stop().await;
    }
}

async fn a_removed_member_loses_its_rooms_and_watches_at_every_switchboard(broker: Broker) {
    let (servers, publisher) = two(&broker).await;
    let (mut gone, mut stay) = (Vec::new(), Vec::new());
    for server in &servers {
        gone.push(in_room(server, "member", "inner/1").await);
        for event in ["watch_organization_session", "watch_organization_media"] {
            let mut watcher = server.user("member").await;
            assert_eq!(watcher.ask(event, r#""acme""#).await["ok"], true);
            if event == "watch_organization_media" {
                watcher.expect("conversation_processing", "[]").await;
            }
            gone.push(watcher);
        }
        stay.push(in_room(server, "other", "inner/1").await);
    }
    // In a room that is open to everybody a former member may stay.
    let mut public = [in_room(&servers[1], "member", "S/1").await];
    let member = "/organizations/acme/members/member";
    change(&servers[0], "DELETE", member, Value::Null, 204).await;
    assert_denied(gone).await;
    assert_unaffected(&publisher, "inner/1", &mut stay).await;
    assert_unaffected(&publisher, "S/1", &mut public).await;
    drop((stay, public));
    stop(servers).await;
}

async fn viewers_of_a_deleted_session_are_unauthorized_at_every_switchboard(broker: Broker) {
    let (servers, publisher) = two(&broker).await;
    let (mut gone, mut stay) = (Vec::new(), Vec::new());
    for server in &servers {
        gone.push(in_room(server, "member", "inner/1").await);
        gone.push(in_room(server, "other", "inner/2").await);
        stay.push(in_room(server, "member", "S/1").await);
    }
    change(&servers[1], "DELETE", "/sessions/inner", Value::Null, 204).await;
    assert_denied(gone).await;
    assert_unaffected(&publisher, "S/1", &mut stay).await;
    drop(stay);
    stop(servers).await;
}

async fn a_session_made_private_loses_its_outsiders_at_every_switchboard(broker: Broker) {
    let (servers, publisher) = two(&broker).await;
    let (mut gone, mut stay) = (Vec::new(), Vec::new());
    for server in &servers {
        gone.push(in_room(server, "outsider", "S/1").await);
        let mut guest = server.viewer().await;
        guest.join("S/2").await;
        gone.push(guest);
        stay.push(in_room(server, "member", "S/1").await);
        stay.push(in_room(server, "owner", "S/1").await);
    }
    // What takes no rights away is not even asked about.
    change(
        &servers[0],
        "PATCH",
        "/sessions/S",
        json!({ "name": "Talk" }),
        200,
    )
    .await;
    let private = json!({ "visibility": "private" });
    change(&servers[0], "PATCH", "/sessions/S", private, 200).await;
    assert_denied(gone).await;
    assert_unaffected(&publisher, "S/1", &mut stay).await;
    drop(stay);
    stop(servers).await;
}

async fn a_command_over_mqtt_ends_what_it_takes_away_at_every_switchboard(broker: Broker) {
    let (servers, publisher) = two(&broker).await;
    let (mut outsiders, mut members) = (Vec::new(), Vec::new());
    for server in &servers {
        outsiders.push(in_room(server, "outsider", "S/1").await);
        members.push(in_room(server, "member", "S/1").await);
    }
    let private = r#"{"visibility":"private"}"#;
    publisher.send("session/in/S/update", private).await;
    assert_denied(outsiders).await;
    assert_unaffected(&publisher, "S/1", &mut members).await;
    publisher.send("session/in/S/delete", "").await;
    assert_denied(members).await;
    stop(servers).await;
}

#[actix_web::test]
async fn what_nobody_was_told_of_is_found_out_after_a_while() {
    let server = TestServer::start_with(&[("recheck_ms", "200")]).await;
    server.add_session("inner", Visibility::Organization).await;
    let publisher = server.publisher().await;
    let gone = in_room(&server, "member", "inner/1").await;
    let mut stay = [in_room(&server, "member", "S/1").await];
    // As another program would that writes the database.
    let (acme, member) = ("acme".parse().unwrap(), "member".parse().unwrap());
    assert!(server.store.delete_member(&acme, &member).await.unwrap());
    assert_denied([gone]).await;
    assert_unaffected(&publisher, "S/1", &mut stay).await;
    drop(stay);
    server.stop().await;
}

#[actix_web::test]
async fn nobody_raises_by_rest_what_switchboards_say_to_one_another() {
    let server = TestServer::start().await;
    let event = json!({ "event": "access_changed", "data": {} });
    change(&server, "POST", "/organizations/acme/events", event, 422).await;
    server.stop().await;
}
