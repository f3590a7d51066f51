//! Registry, BrokerActor and broker: when a room is subscribed, and what a join waits for.

use switchboard_actors::broker::Grant;
use switchboard_actors::limits::ROOMS_PER_SOCKET;
use switchboard_actors::mqtt_client::{Ask, LinkRole};
use switchboard_actors::registry::{Join, JoinRefused, Joined, Leave};
use switchboard_actors::testing::{Harness, Setup, paused, quiet};
use switchboard_protocol::topics;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use crate::support::{Socket, counts, room};

fn filters(name: &str) -> Vec<String> {
    let mut filters = topics::room_filters(&room(name)).to_vec();
    filters.sort();
    filters
}

fn held(harness: &Harness) -> Vec<String> {
    let held = harness.broker.subscribed(LinkRole::Delivery);
    held.into_iter().collect()
}

/// What the delivery link was asked, without Connect.
fn asked(harness: &Harness) -> Vec<Ask> {
    let asked = harness.broker.asked().into_iter();
    asked
        .filter(|(role, ask)| *role == LinkRole::Delivery && *ask != Ask::Connect)
        .map(|(_, ask)| ask)
        .collect()
}

fn soon(joined: Result<Joined, JoinRefused>) -> oneshot::Receiver<Grant> {
    match joined {
        Ok(Joined::Soon(granted)) => granted,
        other => panic!("the join does not wait: {other:?}"),
    }
}

fn is_now(joined: &Result<Joined, JoinRefused>) -> bool {
    matches!(joined, Ok(Joined::Now))
}

#[test]
fn first_member_subscribes_the_four_topics_and_last_member_leaving_unsubscribes_them() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        socket.join(&harness, "S/1").await.unwrap();
        quiet().await;
        assert_eq!(held(&harness), filters("S/1"));
        socket.leave(&harness, "S/1").await;
        quiet().await;
        assert_eq!(held(&harness), Vec::<String>::new());
        assert_eq!(counts(&harness).await, (1, 0, 0));
    });
}

#[test]
fn members_between_the_first_and_the_last_tell_the_broker_nothing() {
    paused(async {
        let harness = Harness::start().await;
        let mut sockets = Vec::new();
        for _ in 0..5 {
            let socket = Socket::open(&harness).await;
            socket.join(&harness, "S/1").await.unwrap();
            socket.join(&harness, "S/1").await.unwrap();
            sockets.push(socket);
        }
        quiet().await;
        let after_joins = asked(&harness);
        assert_eq!(after_joins.len(), 1, "{after_joins:?}");
        // The first of them may go before the others.
        sockets[0].leave(&harness, "S/1").await;
        sockets[1].close(&harness).await;
        sockets[2].leave(&harness, "S/1").await;
        sockets[2].leave(&harness, "S/1").await;
        sockets[2].close(&harness).await;
        sockets[3].leave(&harness, "S/1").await;
        quiet().await;
        assert_eq!(asked(&harness), after_joins);
        sockets[4].close(&harness).await;
        quiet().await;
        assert_eq!(asked(&harness).len(), 1 + 4);
        assert_eq!(counts(&harness).await, (2, 0, 0));
    });
}

#[test]
fn a_join_waits_until_all_topics_are_granted_and_so_do_those_after_it() {
    paused(async {
        let harness = Harness::start().await;
        let (first, second) = (Socket::open(&harness).await, Socket::open(&harness).await);
        harness.broker.set_answering(false);
        let mut granted = soon(first.join(&harness, "S/1").await);
        let mut further = soon(second.join(&harness, "S/1").await);
        quiet().await;
        assert_eq!(granted.try_recv(), Err(TryRecvError::Empty));
        harness.broker.answer(LinkRole::Delivery, 1);
        assert_eq!(granted.await, Ok(Grant::Granted));
        assert_eq!(further.try_recv(), Ok(Grant::Granted));
        let third = Socket::open(&harness).await;
        assert!(is_now(&third.join(&harness, "S/1").await));
    });
}

#[test]
fn a_join_is_immediate_while_the_broker_is_down_and_subscribed_when_it_is_back() {
    paused(async {
        let harness = Harness::start_down(Setup::default()).await;
        let socket = Socket::open(&harness).await;
        let granted = soon(socket.join(&harness, "S/1").await);
        assert_eq!(granted.await, Ok(Grant::BrokerDown));
        assert!(is_now(
            &Socket::open(&harness).await.join(&harness, "S/1").await
        ));
        harness.broker.up();
        quiet().await;
        assert_eq!(held(&harness), filters("S/1"));
        assert_eq!(harness.broker.faults(), Vec::<String>::new());
    });
}

#[test]
fn losing_the_broker_ends_the_wait_for_its_grant() {
    paused(async {
        let harness = Harness::start().await;
        harness.broker.set_answering(false);
        let granted = soon(Socket::open(&harness).await.join(&harness, "S/1").await);
        harness.broker.link_down(LinkRole::Delivery);
        assert_eq!(granted.await, Ok(Grant::BrokerDown));
    });
}

#[test]
fn leaving_before_the_grant_fails_the_waiting_join() {
    paused(async {
        let harness = Harness::start().await;
        harness.broker.set_answering(false);
        let socket = Socket::open(&harness).await;
        let granted = soon(socket.join(&harness, "S/1").await);
        socket.leave(&harness, "S/1").await;
        assert!(granted.await.is_err());
    });
}

#[test]
fn leaving_before_the_grant_fails_the_waiting_join_also_when_others_wait_on() {
    paused(async {
        let harness = Harness::start().await;
        harness.broker.set_answering(false);
        let [leaves, closes, stays] = [
            Socket::open(&harness).await,
            Socket::open(&harness).await,
            Socket::open(&harness).await,
        ];
        let left = soon(leaves.join(&harness, "S/1").await);
        let closed = soon(closes.join(&harness, "S/1").await);
        let stayed = soon(stays.join(&harness, "S/1").await);
        leaves.leave(&harness, "S/1").await;
        closes.close(&harness).await;
        harness.broker.answer(LinkRole::Delivery, 1);
        assert!(left.await.is_err(), "it is no member");
        assert!(closed.await.is_err(), "it is gone");
        assert_eq!(stayed.await, Ok(Grant::Granted));
    });
}

#[test]
fn a_refused_topic_fails_the_join_and_a_later_join_asks_the_broker_again() {
    paused(async {
        let harness = Harness::start().await;
        let refused = &filters("S/1")[2];
        harness.broker.refuse(refused);
        let (first, second) = (Socket::open(&harness).await, Socket::open(&harness).await);
        for (attempt, socket) in [(1, &first), (2, &first), (3, &second)] {
            let granted = soon(socket.join(&harness, "S/1").await);
            assert_eq!(granted.await, Ok(Grant::Refused), "attempt {attempt}");
            quiet().await;
            assert_eq!(
                counts(&harness).await,
                (2, 0, 0),
                "who was refused is no member"
            );
            assert_eq!(held(&harness), Vec::<String>::new());
            assert_eq!(harness.broker.subscriptions_of(refused), attempt);
        }
        assert_eq!(harness.broker.faults(), Vec::<String>::new());
    });
}

#[test]
fn a_room_that_comes_back_is_subscribed_after_its_unsubscribe_was_answered() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        socket.join(&harness, "S/1").await.unwrap();
        quiet().await;
        harness.broker.set_answering(false);
        socket.leave(&harness, "S/1").await;
        let mut granted = soon(socket.join(&harness, "S/1").await);
        quiet().await;
        // The one filter whose UNSUBSCRIBE was sent before the room came back.
        let given_up = "transcriber/out/S/1/partial";
        assert_eq!(harness.broker.unsubscriptions_of(given_up), 1);
        let subscribed = || harness.broker.subscriptions_of(given_up);
        assert_eq!(
            subscribed(),
            1,
            "the SUBSCRIBE would overtake the UNSUBSCRIBE"
        );
        harness.broker.answer(LinkRole::Delivery, 1);
        quiet().await;
        assert_eq!(subscribed(), 2);
        assert_eq!(granted.try_recv(), Err(TryRecvError::Empty));
        harness.broker.answer(LinkRole::Delivery, 1);
        assert_eq!(granted.await, Ok(Grant::Granted));
        assert_eq!(held(&harness), filters("S/1"));
        assert_eq!(harness.broker.faults(), Vec::<String>::new());
    });
}

#[test]
fn an_earlier_wait_does_not_answer_for_a_later_room_of_the_same_name() {
    paused(async {
        let harness = Harness::start().await;
        harness.broker.set_answering(false);
        let Socket { id: socket, .. } = Socket::open(&harness).await;
        // All three wait in the mailbox before the BrokerActor hears of the first.
        let room = room("S/1");
        let join = || {
            let room = room.clone();
            harness.registry.send(Join {
                socket,
                room,
                history: None,
            })
        };
        let earlier = join();
        let left = harness.registry.send(Leave {
            socket,
            room: room.clone(),
        });
        let later = join();
        let earlier = soon(earlier.await.unwrap());
        left.await.unwrap();
        let mut later = soon(later.await.unwrap());
        assert!(earlier.await.is_err());
        quiet().await;
        assert_eq!(later.try_recv(), Err(TryRecvError::Empty));
        harness.broker.answer(LinkRole::Delivery, 1);
        assert_eq!(later.await, Ok(Grant::Granted));
    });
}

#[test]
fn a_late_leave_or_close_of_an_old_socket_does_not_remove_a_newcomer() {
    paused(async {
        let harness = Harness::start().await;
        let (old, new) = (Socket::open(&harness).await, Socket::open(&harness).await);
        old.join(&harness, "S/1").await.unwrap();
        old.close(&harness).await;
        new.join(&harness, "S/1").await.unwrap();
        old.leave(&harness, "S/1").await;
        old.close(&harness).await;
        quiet().await;
        assert_eq!(counts(&harness).await, (1, 1, 1));
        assert!(harness.broker.publish(&[(&filters("S/1")[0], "1")]));
        quiet().await;
        assert_eq!((old.heard().len(), new.heard().len()), (0, 1));
    });
}

#[test]
fn a_closed_socket_cannot_join() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        socket.close(&harness).await;
        let joined = socket.join(&harness, "S/1").await;
        assert_eq!(joined.unwrap_err(), JoinRefused::Gone);
        quiet().await;
        assert_eq!(counts(&harness).await, (0, 0, 0));
        assert_eq!(asked(&harness), []);
    });
}

#[test]
fn a_socket_that_is_in_too_many_rooms_is_refused_another_and_keeps_the_rest() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        for channel in 0..ROOMS_PER_SOCKET {
            socket
                .join(&harness, &format!("S/{channel}"))
                .await
                .unwrap();
        }
        let refused = socket.join(&harness, "S/one-more").await;
        assert_eq!(refused.unwrap_err(), JoinRefused::TooManyRooms);
        assert_eq!(
            counts(&harness).await,
            (1, ROOMS_PER_SOCKET, ROOMS_PER_SOCKET)
        );
        socket.leave(&harness, "S/0").await;
        socket.join(&harness, "S/one-more").await.unwrap();
    });
}

#[test]
fn a_reconnect_subscribes_each_wanted_topic_exactly_once() {
    paused(async {
        let harness = Harness::start().await;
        let socket = Socket::open(&harness).await;
        for room in ["S/1", "S/2", "S/3"] {
            socket.join(&harness, room).await.unwrap();
        }
        quiet().await;
        harness.broker.down();
        quiet().await;
        socket.leave(&harness, "S/2").await;
        socket.join(&harness, "S/4").await.unwrap();
        let before = asked(&harness).len();
        harness.broker.up();
        quiet().await;
        let [Ask::Subscribe(again)] = &asked(&harness)[before..] else {
            panic!("{:?}", asked(&harness))
        };
        let mut again = again.clone();
        again.sort();
        assert_eq!(
            again,
            [filters("S/1"), filters("S/3"), filters("S/4")].concat()
        );
        assert_eq!(held(&harness), again);
    });
}
