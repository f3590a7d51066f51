//! What viewers hear when the broker goes and comes: `broker_ko` once, `broker_ok` once.

use std::time::Duration;

use switchboard_actors::limits::BROKER_SETTLE;
use switchboard_actors::mqtt_client::LinkRole;
use switchboard_actors::testing::{Harness, Setup, pass, paused, quiet};

use crate::support::Socket;

const KO: &str = r#"42["broker_ko"]"#;
const OK: &str = r#"42["broker_ok"]"#;

/// Longer than the broker has to hold.
async fn settle() {
    pass(BROKER_SETTLE + Duration::from_millis(10)).await;
}

#[test]
fn an_outage_and_its_end_are_told_once_to_every_socket() {
    paused(async {
        let harness = Harness::start().await;
        let sockets = [Socket::open(&harness).await, Socket::open(&harness).await];
        for outage in 1..=3 {
            harness.broker.down();
            settle().await;
            harness.broker.up();
            settle().await;
            for socket in &sockets {
                assert_eq!(socket.heard(), [KO, OK].repeat(outage));
            }
            assert_eq!(harness.metrics.broker_outages.get(), outage as u64);
        }
    });
}

#[test]
fn a_socket_that_connects_during_an_outage_is_told_at_once_and_once() {
    paused(async {
        let harness = Harness::start().await;
        harness.broker.down();
        quiet().await;
        let socket = Socket::open(&harness).await;
        assert_eq!(socket.heard(), [KO]);
        harness.broker.link_down(LinkRole::Session);
        settle().await;
        assert_eq!(socket.heard(), [KO]);
        harness.broker.up();
        settle().await;
        assert_eq!(socket.heard(), [KO, OK]);
    });
}

#[test]
fn a_socket_that_connects_before_the_broker_was_ever_up_hears_when_it_is() {
    paused(async {
        let harness = Harness::start_down(Setup::default()).await;
        let socket = Socket::open(&harness).await;
        assert_eq!(socket.heard(), [KO]);
        harness.broker.up();
        quiet().await;
        assert_eq!(
            socket.heard(),
            [KO, OK],
            "nobody flapped yet, so nothing has to settle"
        );
    });
}

#[test]
fn nothing_is_told_while_the_broker_holds() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        for channel in 0..10 {
            let room = format!("S/{channel}");
            socket.join(&harness, &room).await.unwrap();
            settle().await;
            socket.leave(&harness, &room).await;
            settle().await;
        }
        assert_eq!(socket.heard(), Vec::<String>::new());
    });
}

#[test]
fn joins_during_an_outage_and_after_it_tell_no_broker_ok() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        harness.broker.down();
        socket.join(&harness, "S/1").await.unwrap();
        settle().await;
        assert_eq!(socket.heard(), [KO]);
        harness.broker.up();
        for channel in 2..5 {
            socket
                .join(&harness, &format!("S/{channel}"))
                .await
                .unwrap();
            settle().await;
        }
        assert_eq!(socket.heard(), [KO, OK]);
    });
}

#[test]
fn a_flapping_broker_is_told_once_until_it_holds() {
    paused(async {
        let harness = Harness::start().await;
        let early = Socket::open(&harness).await;
        for _ in 0..30 {
            harness.broker.down();
            pass(Duration::from_millis(50)).await;
            harness.broker.up();
            pass(Duration::from_millis(50)).await;
        }
        let late = Socket::open(&harness).await;
        assert_eq!(
            (early.heard(), late.heard()),
            (vec![KO.to_owned()], vec![KO.to_owned()])
        );
        settle().await;
        assert_eq!(early.heard(), [KO, OK]);
        assert_eq!(late.heard(), [KO, OK]);
        assert_eq!(harness.metrics.broker_outages.get(), 1);
    });
}

#[test]
fn one_lost_link_is_an_outage_until_all_three_are_up() {
    for role in [
        LinkRole::Delivery,
        LinkRole::Session,
        LinkRole::Organization,
    ] {
        paused(async {
            let harness = Harness::start().await;
            let socket = Socket::open(&harness).await;
            harness.broker.link_down(role);
            settle().await;
            assert_eq!(socket.heard(), [KO], "{role:?}");
            assert_eq!(harness.metrics.broker_up.get(), 0);
            harness.broker.link_up(role);
            settle().await;
            assert_eq!(socket.heard(), [KO, OK], "{role:?}");
            assert_eq!(harness.metrics.broker_up.get(), 1);
        });
    }
}

#[test]
fn the_broker_is_not_up_before_everything_wanted_is_subscribed() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        socket.join(&harness, "S/1").await.unwrap();
        harness.broker.down();
        harness.broker.set_answering(false);
        harness.broker.up();
        settle().await;
        assert_eq!(socket.heard(), [KO]);
        for role in [
            LinkRole::Session,
            LinkRole::Organization,
            LinkRole::Delivery,
        ] {
            assert_eq!(harness.metrics.broker_up.get(), 0);
            assert_eq!(harness.broker.unanswered(role), 1);
            harness.broker.answer(role, 1);
            settle().await;
        }
        assert_eq!(socket.heard(), [KO, OK]);
    });
}

#[test]
fn a_closed_socket_is_told_nothing_more() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        socket.close(&harness).await;
        harness.broker.down();
        settle().await;
        assert_eq!(socket.heard(), Vec::<String>::new());
        assert_eq!(
            std::sync::Arc::strong_count(&socket.outbox),
            1,
            "nobody else holds it"
        );
    });
}
