//! Thousands of random joins, leaves, closes, answers and outages against the simplest model there is.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use switchboard_actors::broker::Unsubscribe;
use switchboard_actors::mqtt_client::LinkRole;
use switchboard_actors::testing::{Harness, paused, quiet};
use switchboard_protocol::topics;

use crate::support::{Socket, counts, room};

const STEPS: usize = 10_000;
const ROOMS: usize = 12;
const SOCKETS: usize = 20;

/// A socket with the rooms that it is in, as the model has it.
struct Modelled {
    socket: Socket,
    rooms: BTreeSet<String>,
}

struct Play {
    harness: Harness,
    random: StdRng,
    sockets: Vec<Modelled>,
    is_down: bool,
}

impl Play {
    async fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..8 if self.sockets.len() < SOCKETS => {
                let socket = Socket::open(&self.harness).await;
                let rooms = BTreeSet::new();
                self.sockets.push(Modelled { socket, rooms });
            }
            8..12 => self.close().await,
            12..50 => self.join().await,
            50..82 => self.leave().await,
            82..98 => {
                let count = self.random.random_range(1..6);
                self.harness.broker.answer(LinkRole::Delivery, count);
            }
            98 => self.outage().await,
            _ => {}
        }
    }

    fn any_socket(&mut self) -> Option<usize> {
        (!self.sockets.is_empty()).then(|| self.random.random_range(0..self.sockets.len()))
    }

    fn any_room(&mut self) -> String {
        format!("S/{}", self.random.random_range(0..ROOMS))
    }

    async fn join(&mut self) {
        let (Some(index), room) = (self.any_socket(), self.any_room()) else {
            return;
        };
        let modelled = &mut self.sockets[index];
        modelled.socket.join(&self.harness, &room).await.unwrap();
        modelled.rooms.insert(room);
    }

    async fn leave(&mut self) {
        let (Some(index), room) = (self.any_socket(), self.any_room()) else {
            return;
        };
        let modelled = &mut self.sockets[index];
        modelled.socket.leave(&self.harness, &room).await;
        modelled.rooms.remove(&room);
    }

    async fn close(&mut self) {
        let Some(index) = self.any_socket() else {
            return;
        };
        let closed = self.sockets.swap_remove(index);
        closed.socket.close(&self.harness).await;
    }

    /// The broker goes, or comes back.
    async fn outage(&mut self) {
        self.is_down = !self.is_down;
        match self.is_down {
            true => self.harness.broker.down(),
            false => self.harness.broker.up(),
        }
        quiet().await;
    }

    /// Each room of the model with its number of members.
    fn rooms(&self) -> BTreeMap<&str, usize> {
        let mut rooms = BTreeMap::new();
        for name in self.sockets.iter().flat_map(|s| &s.rooms) {
            *rooms.entry(name.as_str()).or_default() += 1;
        }
        rooms
    }

    async fn assert_as_modelled(&self, step: usize) {
        let rooms = self.rooms();
        let expected = (self.sockets.len(), rooms.len(), rooms.values().sum());
        assert_eq!(counts(&self.harness).await, expected, "step {step}");
        // Through the BrokerActor's mailbox, after all that the registry has told it.
        let fence = Unsubscribe(room("nobody/0"));
        self.harness.broker_actor.send(fence).await.unwrap();
        let wanted = self.harness.metrics.filters_wanted.get() - 4;
        assert_eq!(wanted as usize, 4 * rooms.len(), "step {step}");
        assert_eq!(
            self.harness.broker.faults(),
            Vec::<String>::new(),
            "step {step}"
        );
    }
}

#[test]
fn wanted_topics_are_always_those_of_rooms_with_members_and_are_asked_for_in_turns() {
    for seed in [1, 2] {
        paused(async {
            let mut play = Play {
                harness: Harness::start().await,
                random: StdRng::seed_from_u64(seed),
                sockets: Vec::new(),
                is_down: false,
            };
            play.harness.broker.set_answering(false);
            for step in 0..STEPS / 2 {
                play.step().await;
                play.assert_as_modelled(step).await;
            }
            play.harness.broker.set_answering(true);
            if play.is_down {
                play.outage().await;
            }
            play.harness.broker.answer(LinkRole::Delivery, STEPS);
            quiet().await;
            let rooms = play.rooms();
            let filters = rooms
                .keys()
                .flat_map(|name| topics::room_filters(&room(name)));
            let expected: BTreeSet<String> = filters.collect();
            assert_eq!(play.harness.broker.subscribed(LinkRole::Delivery), expected);
            for modelled in &play.sockets {
                modelled.socket.close(&play.harness).await;
            }
            play.harness.assert_nothing_left().await;
        });
    }
}
