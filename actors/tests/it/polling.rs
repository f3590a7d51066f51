//! A session over polling, and its move to a WebSocket.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use actix::Addr;
use bytestring::ByteString;
use futures_util::StreamExt;
use switchboard_actors::limits::PENDING_EVENTS;
use switchboard_actors::outbox::{Outbox, OutboxLimits};
use switchboard_actors::session::{Close, CloseReason, Posted, Probed, Session, Upgraded};
use switchboard_actors::testing::{FakeWire, Harness, Setup, pass, paused, quiet};
use switchboard_protocol::engineio::Packet;
use tokio::sync::mpsc::UnboundedSender;

use crate::support::counts;

/// A client that polls.
struct Poller {
    session: Addr<Session>,
    outbox: Arc<Outbox>,
}

impl Poller {
    async fn connected(harness: &Harness) -> Self {
        let (session, outbox) = harness.polling();
        let poller = Self { session, outbox };
        assert_eq!(poller.poll().await.unwrap(), [r#"0{"sid":"sid"}"#]);
        let connect = [r#"40{"token":"user:alice"}"#];
        poller.post(&connect).await.unwrap();
        assert!(poller.poll().await.unwrap()[0].starts_with("40{"));
        poller
    }

    /// One GET: the packets that it got, or `None` from a session that has ended.
    async fn poll(&self) -> Option<Vec<String>> {
        let frames = poll_fn(|cx| self.outbox.poll_take(cx)).await?;
        let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
        Some(frames.iter().map(|f| text(f.payload())).collect())
    }

    /// One POST, which is answered once few enough packets wait.
    fn post(&self, packets: &[&str]) -> actix::dev::Request<Session, Posted> {
        let packets = packets
            .iter()
            .map(|p| Packet::decode(ByteString::from(*p)).unwrap());
        self.session.send(Posted(packets.collect()))
    }

    /// Moves to a WebSocket: what the server writes to it, and what its client sends.
    async fn upgrade(&self) -> (Arc<FakeWire>, UnboundedSender<Packet>) {
        let wire = FakeWire::new();
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let packets = futures_util::stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|packet| (Ok(packet), receiver))
        });
        let incoming = packets.boxed();
        let upgraded = Upgraded {
            wire: wire.clone(),
            incoming,
        };
        self.session.send(upgraded).await.unwrap();
        (wire, sender)
    }
}

/// What a WebSocket's client got.
fn heard(wire: &FakeWire) -> Vec<String> {
    wire.frames().iter().map(ToString::to_string).collect()
}

#[test]
fn a_polling_client_joins_and_hears_and_says_goodbye() {
    paused(async {
        let harness = Harness::start().await;
        let poller = Poller::connected(&harness).await;
        poller.post(&[r#"421["join_room","S/1"]"#]).await.unwrap();
        assert_eq!(poller.poll().await.unwrap(), [r#"431[{"ok":true}]"#]);
        let topic = "transcriber/out/S/1/final";
        assert!(harness.broker.publish(&[(topic, "1"), (topic, "2")]));
        quiet().await;
        let finals = [r#"42["final",1]"#, r#"42["final",2]"#];
        assert_eq!(poller.poll().await.unwrap(), finals);
        poller.post(&["1"]).await.unwrap();
        assert_eq!(counts(&harness).await, (0, 0, 0));
        let last = poller.poll().await.unwrap();
        assert_eq!(last, ["6"], "ends a poll that the goodbye has overtaken");
        assert_eq!(poller.poll().await, None);
        drop(poller);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_poll_that_waits_is_told_when_the_session_ends() {
    for (reason, last) in [
        (CloseReason::ClientClosed, "6"),
        (CloseReason::Protocol("x"), "1"),
        // Official clients come back after a lost link, and never after a close packet.
        (CloseReason::Draining, "6"),
    ] {
        paused(async {
            let harness = Harness::start().await;
            let poller = Poller::connected(&harness).await;
            let (told, _) = futures_util::future::join(poller.poll(), async {
                quiet().await;
                poller.session.do_send(Close(reason));
            })
            .await;
            assert_eq!(told.unwrap(), [last], "{reason:?}");
            assert_eq!(poller.poll().await, None);
            drop(poller);
            harness.assert_nothing_left().await;
        });
    }
}

#[test]
fn the_polls_after_a_denial_are_told_of_it_and_then_of_the_end() {
    paused(async {
        let harness = Harness::start().await;
        harness.access.deny("secret");
        let poller = Poller::connected(&harness).await;
        let packets = [r#"42["join_room","secret/1"]"#];
        poller.post(&packets).await.unwrap();
        quiet().await;
        let told = poller.poll().await.unwrap();
        assert_eq!(told, [r#"42["unauthorized"]"#, "41"]);
        assert_eq!(poller.poll().await.unwrap(), ["1"]);
        assert_eq!(poller.poll().await, None);
        drop(poller);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_client_that_polls_no_more_is_gone_after_the_ping_timeout() {
    paused(async {
        let harness = Harness::start().await;
        let poller = Poller::connected(&harness).await;
        poller.post(&[r#"42["join_room","S/1"]"#]).await.unwrap();
        pass(Duration::from_secs(46)).await;
        assert_eq!(counts(&harness).await, (0, 0, 0));
        assert_eq!(poller.poll().await, None);
        drop(poller);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_client_that_polls_no_more_ends_as_soon_as_too_much_waits() {
    paused(async {
        let outbox = OutboxLimits {
            frames: 8,
            ..OutboxLimits::default()
        };
        let harness = Harness::start_with(Setup {
            outbox,
            ..Setup::default()
        })
        .await;
        let poller = Poller::connected(&harness).await;
        let join = [r#"42["join_room","S/1"]"#];
        poller.post(&join).await.unwrap();
        quiet().await;
        let batch = [("transcriber/out/S/1/final", "1"); 9];
        assert!(harness.broker.publish(&batch));
        quiet().await;
        assert_eq!(counts(&harness).await, (0, 0, 0));
        assert_eq!(poller.poll().await, None);
        drop(poller);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_post_is_answered_once_few_enough_packets_wait() {
    paused(async {
        let harness = Harness::start().await;
        let poller = Poller::connected(&harness).await;
        harness.access.hold("slow");
        let slow = [r#"42["join_room","slow/1"]"#];
        poller.post(&slow).await.unwrap();
        let leaves = [r#"42["leave_room","S/1"]"#; PENDING_EVENTS];
        poller.post(&leaves[1..]).await.unwrap();
        let last = poller.post(&leaves[..1]);
        tokio::pin!(last);
        let early = tokio::time::timeout(Duration::from_secs(5), &mut last).await;
        assert!(early.is_err(), "too many wait");
        harness.access.release("slow", true);
        let in_time = tokio::time::timeout(Duration::from_secs(5), last).await;
        in_time.expect("an answer").unwrap();
        poller.post(&["1"]).await.unwrap();
        assert_eq!(
            poller.poll().await.unwrap(),
            ["6"],
            "the client's poll is ended"
        );
        drop(poller);
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_move_to_a_websocket_keeps_rooms_and_order_and_ends_the_poll() {
    paused(async {
        let harness = Harness::start().await;
        let poller = Poller::connected(&harness).await;
        poller.post(&[r#"42["join_room","S/1"]"#]).await.unwrap();
        quiet().await;
        let topic = "transcriber/out/S/1/final";
        poller.session.send(Probed).await.unwrap();
        assert!(harness.broker.publish(&[(topic, "1")]));
        quiet().await;
        let (wire, sender) = poller.upgrade().await;
        assert!(harness.broker.publish(&[(topic, "2")]));
        quiet().await;
        assert_eq!(poller.poll().await.unwrap(), ["6"]);
        let heard = || heard(&wire);
        assert_eq!(heard(), [r#"42["final",1]"#, r#"42["final",2]"#]);
        sender.send(Packet::Close).unwrap();
        quiet().await;
        assert_eq!(heard().last().unwrap(), "close 1000 client_closed");
        drop((sender, poller));
        harness.assert_nothing_left().await;
    });
}

#[test]
fn a_denial_while_the_client_moves_to_a_websocket_is_told_there() {
    paused(async {
        let harness = Harness::start().await;
        harness.access.deny("secret");
        let poller = Poller::connected(&harness).await;
        poller.session.send(Probed).await.unwrap();
        let packets = [r#"42["join_room","secret/1"]"#];
        poller.post(&packets).await.unwrap();
        quiet().await;
        let (wire, sender) = poller.upgrade().await;
        quiet().await;
        assert_eq!(heard(&wire), [r#"42["unauthorized"]"#, "41", "1"]);
        drop((sender, poller));
        harness.assert_nothing_left().await;
    });
}
