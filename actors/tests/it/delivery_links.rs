//! Several connections that transcripts come by: each room on one of them, and together one broker for the viewers.

use std::collections::BTreeSet;
use std::time::Duration;

use switchboard_actors::limits::BROKER_SETTLE;
use switchboard_actors::mqtt_client::{LinkId, LinkRole};
use switchboard_actors::registry::Joined;
use switchboard_actors::testing::{Harness, Setup, pass, paused, quiet};
use switchboard_protocol::topics::room_filters;

use crate::support::{Socket, room};

const LINKS: usize = 4;
const ROOMS: usize = 40;

fn link(number: usize) -> LinkId {
    let role = LinkRole::Delivery;
    LinkId { role, number }
}

fn name(n: usize) -> String {
    format!("S-{n}/0")
}

fn filters_of(n: usize) -> [String; 4] {
    room_filters(&room(&name(n)))
}

async fn start() -> Harness {
    let setup = Setup {
        delivery_links: LINKS,
        ..Setup::default()
    };
    Harness::start_with(setup).await
}

/// A socket in all of the rooms.
async fn member_of_all(harness: &Harness) -> Socket {
    let socket = Socket::open(harness).await;
    for n in 0..ROOMS {
        socket.join(harness, &name(n)).await.unwrap();
    }
    quiet().await;
    socket
}

/// The link that has this room's topics, all four of them.
fn link_of(harness: &Harness, n: usize) -> LinkId {
    let filters = BTreeSet::from(filters_of(n));
    let of_room = |number: &usize| {
        let held = harness.broker.subscribed_on(link(*number));
        assert!(held.is_superset(&filters) || held.is_disjoint(&filters));
        held.is_superset(&filters)
    };
    let links: Vec<usize> = (0..LINKS).filter(of_room).collect();
    assert_eq!(links.len(), 1, "{} is on {links:?}", name(n));
    link(links[0])
}

async fn settle() {
    pass(BROKER_SETTLE + Duration::from_millis(10)).await;
}

#[test]
fn rooms_are_spread_over_the_links_and_all_topics_of_one_are_on_the_same() {
    paused(async {
        let harness = start().await;
        let socket = member_of_all(&harness).await;
        let links: Vec<LinkId> = (0..ROOMS).map(|n| link_of(&harness, n)).collect();
        for number in 0..LINKS {
            let rooms = links.iter().filter(|id| id.number == number).count();
            assert!(rooms >= ROOMS / LINKS / 4, "{rooms} rooms on link {number}");
        }
        // Whoever leaves and comes back finds each where it was.
        for n in 0..ROOMS {
            socket.leave(&harness, &name(n)).await;
        }
        quiet().await;
        assert!(harness.broker.subscribed(LinkRole::Delivery).is_empty());
        for n in 0..ROOMS {
            socket.join(&harness, &name(n)).await.unwrap();
        }
        quiet().await;
        let again: Vec<LinkId> = (0..ROOMS).map(|n| link_of(&harness, n)).collect();
        assert_eq!(again, links);
        socket.close(&harness).await;
        harness.assert_nothing_left().await;
    });
}

#[test]
fn one_lost_delivery_link_is_told_once_and_its_rooms_are_granted_anew() {
    paused(async {
        let harness = start().await;
        let socket = member_of_all(&harness).await;
        let lost = link_of(&harness, 0);
        for outage in 1..=2 {
            harness.broker.link_down(lost);
            settle().await;
            let told = [r#"42["broker_ko"]"#, r#"42["broker_ok"]"#].repeat(outage);
            assert_eq!(socket.heard(), told[..told.len() - 1]);
            harness.broker.link_up(lost);
            settle().await;
            assert_eq!(socket.heard(), told);
            assert_eq!(harness.metrics.broker_outages.get(), outage as u64);
        }
        for n in 0..ROOMS {
            let is_lost = link_of(&harness, n) == lost;
            let subscriptions = if is_lost { 3 } else { 1 };
            for filter in filters_of(n) {
                let asked = harness.broker.subscriptions_of(&filter);
                assert_eq!(asked, subscriptions, "{filter}");
            }
        }
        assert_eq!(harness.broker.faults(), Vec::<String>::new());
    });
}

#[test]
fn the_broker_is_not_up_before_every_delivery_link_is() {
    paused(async {
        let setup = Setup {
            delivery_links: LINKS,
            ..Setup::default()
        };
        let harness = Harness::start_down(setup).await;
        harness.broker.link_up(LinkRole::Session);
        harness.broker.link_up(LinkRole::Organization);
        for number in 0..LINKS {
            settle().await;
            assert_eq!(harness.metrics.broker_up.get(), 0, "{number} links are up");
            harness.broker.link_up(link(number));
        }
        settle().await;
        assert_eq!(harness.metrics.broker_up.get(), 1);
    });
}

#[test]
fn a_join_waits_for_the_answer_on_its_rooms_own_link_and_no_other() {
    paused(async {
        let harness = start().await;
        let socket = member_of_all(&harness).await;
        let (of_first, other) = (0..ROOMS)
            .map(|n| (link_of(&harness, 0), n, link_of(&harness, n)))
            .find_map(|(first, n, id)| (id != first).then_some((first, n)))
            .expect("rooms are spread");
        socket.leave(&harness, &name(0)).await;
        socket.leave(&harness, &name(other)).await;
        quiet().await;
        harness.broker.set_answering(false);
        let mut waiting = Vec::new();
        for n in [0, other] {
            let Joined::Soon(granted) = socket.join(&harness, &name(n)).await.unwrap() else {
                panic!("granted before the broker was asked");
            };
            waiting.push(granted);
        }
        quiet().await;
        // The end of the one's link ends its wait alone.
        harness.broker.link_down(of_first);
        quiet().await;
        assert!(waiting[0].try_recv().is_ok());
        assert!(waiting[1].try_recv().is_err());
        for number in 0..LINKS {
            harness.broker.answer(link(number), 1);
        }
        quiet().await;
        assert!(waiting[1].try_recv().is_ok());
    });
}
