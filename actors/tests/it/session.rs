//! A session's life over a WebSocket: every way to end.

use std::net::Shutdown;
use std::time::Duration;

use switchboard_actors::limits::{CLOSE_LINGER, Limit};
use switchboard_actors::outbox::OutboxLimits;
use switchboard_actors::session::{Close, CloseReason};
use switchboard_actors::testing::{FakeWire, Harness, Setup, pass, paused, quiet};

use crate::script::scripted;
use crate::support::{closed, counts, ended, goodbye};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn packets_that_break_the_protocol_close_with_1002() {
    paused(async {
        let harness = Harness::start().await;
        let connect = r#"40{"token":"user:alice"}"#;
        for (packets, word) in [
            (&[r#"42["join_room","S/1"]"#][..], "not_connected"),
            (&[connect, connect], "connected_twice"),
            (&[connect, r#"44{"message":"no"}"#], "socket_type"),
            (&["0{}"], "unexpected_packet"),
            (&["2"], "unexpected_packet"),
            (&["5"], "unexpected_packet"),
            (&["6"], "unexpected_packet"),
        ] {
            let client = harness.client();
            packets.iter().for_each(|p| client.say(p));
            quiet().await;
            let expected = format!("close 1002 {word}");
            assert_eq!(goodbye(&client).unwrap(), expected, "{packets:?}");
            ended(&harness, client).await;
        }
        let client = harness.client();
        client.say("4?");
        quiet().await;
        assert!(goodbye(&client).unwrap().starts_with("close 1002 "));
        ended(&harness, client).await;
    });
}

#[test]
fn an_ack_that_nobody_asked_for_is_ignored() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.say("435[1]");
        client.join("S/1").await;
        ended(&harness, client).await;
    });
}

#[test]
fn each_reason_to_close_has_its_code_and_is_counted() {
    paused(async {
        let harness = Harness::start().await;
        for (reason, frame, label) in [
            (CloseReason::Draining, "close 1012 draining", "draining"),
            (CloseReason::Framing("mask"), "close 1002 mask", "framing"),
            (CloseReason::Protocol("x"), "close 1002 x", "protocol"),
            (CloseReason::NotUtf8, "close 1007 not_utf8", "not_utf8"),
            (
                CloseReason::TooBusy(Limit::PendingAcks),
                "close 1008 pending_acks",
                "too_busy",
            ),
            (CloseReason::Overlap, "close 1008 overlap", "overlap"),
            (CloseReason::TooLarge, "close 1009 too_large", "too_large"),
            (
                CloseReason::ClientClosed,
                "close 1000 client_closed",
                "client_closed",
            ),
        ] {
            let (told, found) = (harness.connected("a").await, harness.connected("b").await);
            told.session.send(Close(reason)).await.unwrap();
            // The same from the reading side, and a later reason changes nothing.
            found.fail(reason);
            found.fail(CloseReason::Denied);
            quiet().await;
            for client in [told, found] {
                assert_eq!(goodbye(&client).unwrap(), frame);
                assert_eq!(client.wire.shutdowns(), [Shutdown::Write]);
                client.hang_up();
            }
            assert_eq!(closed(&harness.metrics, label), 2, "{label}");
        }
        assert_eq!(closed(&harness.metrics, "denied"), 0);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_client_that_says_goodbye_is_answered_and_leaves_its_rooms() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        client.say("1");
        quiet().await;
        assert_eq!(goodbye(&client).unwrap(), "close 1000 client_closed");
        assert_eq!(counts(&harness).await, (0, 0, 0));
        ended(&harness, client).await;
    });
}

#[test]
fn a_stream_that_ends_without_a_word_leaves_nothing_behind() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        client.hang_up();
        harness.assert_nothing_left().await;
        assert_eq!(closed(&harness.metrics, "transport_closed"), 1);
    });
}

#[test]
fn leaving_the_namespace_leaves_its_rooms_and_the_connection_may_join_anew() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        client.say("41");
        quiet().await;
        assert_eq!(counts(&harness).await, (0, 0, 0));
        client.say(r#"40{"token":"user:alice"}"#);
        client.join("S/2").await;
        assert_eq!(counts(&harness).await, (1, 1, 1));
        ended(&harness, client).await;
    });
}

#[test]
fn a_client_that_does_not_answer_the_close_frame_is_cut_after_a_moment() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.say("1");
        pass(CLOSE_LINGER - SECOND).await;
        assert_eq!(harness.metrics.connections.get(), 1);
        pass(SECOND).await;
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_client_that_does_not_read_its_goodbye_is_cut_after_a_moment() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.wire.block();
        client.say("1");
        quiet().await;
        assert_eq!(client.wire.shutdowns(), []);
        pass(CLOSE_LINGER).await;
        assert_eq!(client.wire.shutdowns(), [Shutdown::Both]);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_viewer_that_does_not_read_loses_itself_and_leaves_its_rooms() {
    paused(async {
        let outbox = OutboxLimits {
            frames: 8,
            ..OutboxLimits::default()
        };
        let setup = Setup {
            outbox,
            ..Setup::default()
        };
        let harness = Harness::start_with(setup).await;
        let (reads, stalls) = (harness.connected("a").await, harness.connected("b").await);
        reads.join("S/1").await;
        stalls.join("S/1").await;
        stalls.wire.block();
        for _ in 0..9 {
            harness
                .broker
                .publish(&[("transcriber/out/S/1/final", "1")]);
        }
        quiet().await;
        assert_eq!(stalls.wire.shutdowns(), [Shutdown::Read]);
        assert_eq!(counts(&harness).await, (1, 1, 1));
        assert_eq!(reads.times(r#"42["final""#), 9);
        assert_eq!(goodbye(&stalls), None, "it would have to read to see it");
        pass(CLOSE_LINGER).await;
        ended(&harness, reads).await;
    });
}

#[test]
fn a_panic_in_a_service_takes_its_socket_out_of_its_rooms_and_cuts_the_stream() {
    for event in ["panic", "panic_later"] {
        paused(async {
            let harness = Harness::start_with(scripted()).await;
            let (bystander, unlucky) = (harness.connected("a").await, harness.connected("b").await);
            bystander.join("S/1").await;
            unlucky.join("S/1").await;
            unlucky.say(&format!(r#"42["{event}"]"#));
            quiet().await;
            assert_eq!(unlucky.wire.shutdowns(), [Shutdown::Both]);
            assert_eq!(counts(&harness).await, (1, 1, 1));
            assert_eq!(closed(&harness.metrics, "dropped"), 1);
            bystander.join("S/2").await;
            ended(&harness, bystander).await;
        });
    }
}

#[test]
fn a_broken_stream_ends_the_session() {
    paused(async {
        let harness = Harness::start().await;
        let wire = FakeWire::new();
        let client = harness.client_on(wire.clone());
        client.connect("user:alice").await;
        wire.break_down();
        client.emit("join_room", "1");
        harness.assert_nothing_left().await;
    });
}
