//! A server that stops: its sockets are told when their connection will be closed, and are served until then.

use std::future::poll_fn;
use std::time::Duration;

use switchboard_actors::outbox::Outbox;
use switchboard_actors::session::{Close, CloseReason, Drain};
use switchboard_actors::testing::{Client, Harness, pass, paused, quiet};

use crate::support::{closed, counts, ended, goodbye};

const FINAL: &str = "transcriber/out/S/1/final";

async fn drain(client: &Client, closes_in: Duration) {
    client.session.send(Drain { closes_in }).await.unwrap();
}

#[test]
fn a_socket_is_told_its_moment_and_hears_everything_until_it_comes() {
    paused(async {
        let harness = Harness::start().await;
        let (first, second) = (harness.connected("a").await, harness.connected("b").await);
        first.join("S/1").await;
        second.join("S/1").await;
        drain(&first, Duration::from_millis(100)).await;
        drain(&second, Duration::from_millis(2_000)).await;
        for (client, told) in [(&first, "100"), (&second, "2000")] {
            let told = format!(r#"42["draining",{{"reconnect_in_ms":{told}}}]"#);
            assert_eq!(client.heard().last(), Some(&told));
        }
        assert!(harness.broker.publish(&[(FINAL, "1")]));
        quiet().await;
        first
            .session
            .send(Close(CloseReason::Draining))
            .await
            .unwrap();
        // The other is served as ever: it may even join.
        second.join("S/2").await;
        assert!(harness.broker.publish(&[(FINAL, "2")]));
        quiet().await;
        let heard = [first.times(r#"42["final""#), second.times(r#"42["final""#)];
        assert_eq!(heard, [1, 2]);
        assert_eq!(goodbye(&first).unwrap(), "close 1012 draining");
        assert_eq!(first.times("41"), 0, "after a DISCONNECT clients stay away");
        assert_eq!(closed(&harness.metrics, "draining"), 1);
        assert_eq!(goodbye(&second), None);
        first.hang_up();
        ended(&harness, second).await;
    });
}

#[test]
fn what_waits_for_a_slow_socket_still_leaves_before_the_close_frame() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.connected("alice").await;
        client.join("S/1").await;
        client.wire.block();
        assert!(harness.broker.publish(&[(FINAL, "1"), (FINAL, "2")]));
        quiet().await;
        drain(&client, Duration::ZERO).await;
        let closing = Close(CloseReason::Draining);
        client.session.send(closing).await.unwrap();
        quiet().await;
        assert_eq!(goodbye(&client), None);
        client.wire.take(None);
        quiet().await;
        let heard = client.heard();
        let expected = [
            r#"42["final",1]"#,
            r#"42["final",2]"#,
            r#"42["draining",{"reconnect_in_ms":0}]"#,
            "close 1012 draining",
        ];
        assert_eq!(heard[heard.len() - 4..], expected);
        ended(&harness, client).await;
    });
}

#[test]
fn a_socket_that_connects_while_its_session_drains_is_told_what_is_left() {
    paused(async {
        let harness = Harness::start().await;
        let client = harness.client();
        drain(&client, Duration::from_secs(5)).await;
        pass(Duration::from_secs(2)).await;
        client.connect("user:alice").await;
        let told = client.hears(r#"42["draining""#).await;
        assert_eq!(told, r#"42["draining",{"reconnect_in_ms":3000}]"#);
        ended(&harness, client).await;
    });
}

/// One GET: the packets that it got, or `None` from a session that has ended.
async fn poll(outbox: &Outbox) -> Option<Vec<String>> {
    let frames = poll_fn(|cx| outbox.poll_take(cx)).await?;
    let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
    Some(frames.iter().map(|f| text(f.payload())).collect())
}

#[test]
fn a_polling_session_ends_with_what_waits_and_without_a_close_packet() {
    paused(async {
        let harness = Harness::start().await;
        let (idle, idle_outbox) = harness.polling();
        let (full, full_outbox) = harness.polling();
        assert_eq!(poll(&idle_outbox).await.unwrap().len(), 1);
        for session in [&idle, &full] {
            session.send(Close(CloseReason::Draining)).await.unwrap();
        }
        // It does not linger for a client that finds the listener closed.
        assert_eq!(poll(&idle_outbox).await, None);
        quiet().await;
        assert!(!idle.connected());
        assert_eq!(poll(&full_outbox).await.unwrap(), [r#"0{"sid":"sid"}"#]);
        assert_eq!(poll(&full_outbox).await, None);
        drop((idle, idle_outbox, full, full_outbox));
        assert_eq!(counts(&harness).await, (0, 0, 0));
        harness.assert_nothing_left().await;
    });
}
