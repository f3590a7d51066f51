//! The way of a publication through the BrokerActor to the rooms.

use std::sync::Arc;

use bytes::Bytes;
use switchboard_actors::broker::Publish;
use switchboard_actors::limits::PUBLISHES_WAITING;
use switchboard_actors::mqtt_client::{Ask, LinkRole};
use switchboard_actors::testing::{Harness, paused, quiet};
use tokio::sync::Semaphore;

use crate::support::{Socket, dropped};

#[test]
fn publications_of_one_batch_keep_their_order_in_each_room() {
    paused(async {
        let harness = Harness::start().await;
        let (one, both) = (Socket::open(&harness).await, Socket::open(&harness).await);
        one.join(&harness, "S/1").await.unwrap();
        both.join(&harness, "S/1").await.unwrap();
        both.join(&harness, "S/2").await.unwrap();
        quiet().await;
        let (first, second) = ("transcriber/out/S/1/partial", "transcriber/out/S/2/final");
        let last = "transcriber/out/S/1/final";
        let sent =
            harness
                .broker
                .publish(&[(first, "1"), (second, "2"), (first, "3"), (last, "4")]);
        assert!(sent);
        quiet().await;
        let of_first = [
            r#"42["partial",1]"#,
            r#"42["partial",3]"#,
            r#"42["final",4]"#,
        ];
        assert_eq!(one.heard(), of_first);
        let (of_second, others): (Vec<_>, Vec<_>) =
            both.heard().into_iter().partition(|h| h.ends_with("2]"));
        assert_eq!(of_second, [r#"42["final",2]"#]);
        assert_eq!(others, of_first);
        assert_eq!(harness.metrics.publications.get(), 4);
        assert_eq!(harness.metrics.deliveries.get(), 7);
    });
}

#[test]
fn publications_for_no_room_are_dropped_and_counted() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        socket.join(&harness, "S/1").await.unwrap();
        quiet().await;
        harness.broker.inject(&[
            ("transcriber/out/S/2/final", "1"),
            ("something/else", "2"),
            ("transcriber/out/S/1/final", "3"),
            ("transcriber/out/S/1/finally", "4"),
        ]);
        quiet().await;
        assert_eq!(socket.heard(), [r#"42["final",3]"#]);
        assert_eq!(dropped(&harness.metrics, "no_room"), 1);
    });
}

#[test]
fn the_link_reads_on_once_every_room_of_a_batch_has_dealt_with_it() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        socket.join(&harness, "S/1").await.unwrap();
        socket.join(&harness, "S/2").await.unwrap();
        quiet().await;
        let semaphore = Arc::new(Semaphore::new(1));
        for topics in [
            &["transcriber/out/S/1/final", "transcriber/out/S/2/final"][..],
            &["transcriber/out/nobody/1/final"],
            &[],
        ] {
            let payload = Bytes::from_static(b"1");
            let publications = topics.iter().map(|t| (t.to_string(), payload.clone()));
            let credit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
            let router = harness.broker.outbound().router;
            router.route(publications, tokio::time::Instant::now(), Some(credit));
            quiet().await;
            assert_eq!(semaphore.available_permits(), 1, "{topics:?}");
        }
        assert_eq!(socket.heard().len(), 2);
    });
}

#[test]
fn what_is_published_while_the_broker_is_away_goes_out_once_in_order_and_no_more_than_so_much() {
    paused(async {
        let harness = Harness::start().await;
        harness.broker.down();
        quiet().await;
        let publish = |n: usize| Publish {
            topic: format!("switchboard/organizations/O/events/e{n}"),
            payload: Bytes::from_static(b"1"),
        };
        for n in 0..PUBLISHES_WAITING + 2 {
            harness.broker_actor.do_send(publish(n));
        }
        quiet().await;
        assert_eq!(harness.metrics.events_published.get(), 0);
        assert_eq!(dropped(&harness.metrics, "broker_away"), 2);
        let waiting = harness.metrics.events_waiting.clone();
        assert_eq!(waiting.get(), PUBLISHES_WAITING as i64);
        harness.broker.up();
        quiet().await;
        assert_eq!(waiting.get(), 0);
        let asked = harness.broker.asked();
        let published = asked.iter().filter_map(|(role, ask)| match ask {
            Ask::Publish(publish) => Some((*role, publish.topic.clone())),
            _ => None,
        });
        let expected = (0..PUBLISHES_WAITING).map(|n| (LinkRole::Organization, publish(n).topic));
        assert!(published.eq(expected));
        harness.assert_nothing_left().await;
    });
}
