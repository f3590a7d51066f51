//! What one connection may send and hold.

use tokio_tungstenite::tungstenite::Message;

use super::reached;
use crate::support::neighbour::Neighbour;
use crate::support::server::TestServer;
use crate::support::viewer::{End, Viewer};
use crate::support::{DEADLINE, eventually, tokens};

/// Reads on to the close frame: its code and its reason.
async fn close_frame(viewer: &mut Viewer) -> (u16, String) {
    loop {
        if let Message::Close(Some(frame)) = viewer.message().await.expect("a close frame") {
            return (frame.code.into(), frame.reason.to_string());
        }
    }
}

/// So many acknowledged events that change nothing, sent without waiting.
async fn burst(viewer: &mut Viewer, count: usize) {
    for n in 0..count {
        let event = format!(r#"42{}["leave_room","S/1"]"#, 1_000 + n);
        viewer.send(&event).await;
    }
}

#[actix_web::test]
async fn events_that_come_too_fast_are_refused_as_retryable_and_later_ones_are_served() {
    let server = TestServer::start_with(&[("max_events_per_second", "5")]).await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut viewer = server.viewer().await;
    burst(&mut viewer, 40).await;
    let (mut served, mut refused) = (0, 0);
    for _ in 0..40 {
        let answer = viewer.packet().await;
        match answer.contains(r#"{"ok":true}"#) {
            true => served += 1,
            false => {
                assert!(answer.contains(r#""code":"RATE_LIMITED""#), "{answer}");
                assert!(answer.contains("more than 5 events a second"), "{answer}");
                refused += 1;
            }
        }
    }
    assert!(
        served >= 24 && refused >= 1,
        "{served} served, {refused} refused"
    );
    assert_eq!(reached(&server, "events_per_second").await, refused);
    let counted = r#"events_refused_total{reason="RATE_LIMITED"}"#;
    assert_eq!(server.metric(counted).await, refused);
    // Without an acknowledgement it is an `error` event, of the shape of all.
    let error = loop {
        viewer.emit("leave_room", r#""S/1""#).await;
        viewer.emit("leave_room", r#""S/1""#).await;
        let event = viewer.event().await;
        if event.name == "error" {
            break serde_json::from_str::<serde_json::Value>(&event.arguments).unwrap();
        }
    };
    assert_eq!(error["errorCode"], "RATE_LIMITED");
    assert_eq!(
        (&error["retryable"], &error["recoverable"]),
        (&true.into(), &true.into())
    );
    let later = async || viewer.ask("join_room", r#""S/1""#).await;
    eventually("to be served again", DEADLINE, later, |a| a["ok"] == true).await;
    neighbour.noticed_nothing().await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn a_flood_of_events_closes_its_connection_with_the_limits_name() {
    let server = TestServer::start_with(&[("max_events_per_second", "1")]).await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut viewer = server.viewer().await;
    burst(&mut viewer, 500).await;
    let end = close_frame(&mut viewer).await;
    assert_eq!(end, (1008, "events_per_second".to_owned()));
    let closed = r#"connections_closed_total{reason="too_busy"}"#;
    assert_eq!(server.metric(closed).await, 1);
    neighbour.noticed_nothing().await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn one_who_connects_and_disconnects_in_circles_is_refused_too() {
    let server = TestServer::start_with(&[("max_events_per_second", "1")]).await;
    let mut viewer = Viewer::open(server.address, "", &[]).await;
    let auth = format!(r#"{{"token":"{}"}}"#, tokens::guest("S"));
    let mut refusal = None;
    for _ in 0..15 {
        match viewer.enter(&auth).await {
            Ok(()) => viewer.send("41").await,
            Err(message) => refusal = Some(message),
        }
    }
    assert_eq!(refusal.as_deref(), Some("Too many events a second"));
    assert!(reached(&server, "events_per_second").await > 0);
    let refused = r#"connects_refused_total{reason="events_per_second"}"#;
    assert!(server.metric(refused).await > 0);
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn a_socket_that_comes_back_may_join_all_of_its_rooms_at_once_and_no_more_than_that() {
    let server = TestServer::start().await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut viewer = server.viewer().await;
    for channel in 0..100 {
        let join = format!(r#"42{channel}["join_room","S/{channel}"]"#);
        viewer.send(&join).await;
    }
    for _ in 0..100 {
        let answer = viewer.packet().await;
        assert!(answer.ends_with(r#"[{"ok":true}]"#), "{answer}");
    }
    let refused = viewer.ask("join_room", r#""S/100""#).await;
    assert_eq!(refused["error"], "a socket may be in 100 rooms at most");
    assert_eq!(reached(&server, "rooms_per_socket").await, 1);
    viewer.leave("S/0").await;
    viewer.join("S/100").await;
    neighbour.noticed_nothing().await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn a_message_beyond_the_limit_closes_its_connection() {
    let server = TestServer::start_with(&[("max_payload_bytes", "1000")]).await;
    let mut neighbour = Neighbour::of(&server).await;
    let mut viewer = server.viewer().await;
    viewer.send(&format!("42[\"{}\"]", "n".repeat(1_000))).await;
    assert_eq!(
        close_frame(&mut viewer).await,
        (1009, "too_large".to_owned())
    );
    assert_eq!(reached(&server, "message_bytes").await, 1);
    neighbour.noticed_nothing().await;
    drop((viewer, neighbour));
    server.stop().await;
}

#[actix_web::test]
async fn a_connection_without_a_socket_is_closed_after_its_time() {
    let server = TestServer::start_with(&[("connect_timeout_ms", "200")]).await;
    let mut viewer = Viewer::open(server.address, "", &[]).await;
    assert_eq!(viewer.ended().await, (Vec::new(), End::Closed(1008)));
    assert_eq!(reached(&server, "connect_time").await, 1);
    drop(viewer);
    server.stop().await;
}
