//! The way of publications to their rooms: looked up by a slice of the topic, and those of one room together.
//!
//! A publication that comes alone, as most do, costs a look into the map and what actix needs to send a message. A burst
//! is sorted by room in one pass, however many rooms it is for.

use indexmap::IndexMap;
use smallvec::SmallVec;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::topics;

use super::BrokerActor;
use crate::mqtt_client::Arrived;
use crate::room::{Arrival, Publication, Publications, RoomAddr};

/// A room that publications go to.
struct Route {
    address: RoomAddr,
    /// Where it stands among those that the present batch is for. What earlier batches have left here is not true, which
    /// shows there.
    in_batch: usize,
}

/// The rooms, and what the present batch has for them.
///
/// The map keeps std's hash: whoever creates sessions chooses these keys, and its protection against colliding ones
/// costs a hundredth of a publication's way.
#[derive(Default)]
pub(super) struct Routes {
    rooms: IndexMap<RoomId, Route>,
    /// By the rooms' places in the map, in the order in which they were first met. Empty between batches; kept for its
    /// memory.
    batch: Vec<(usize, Publications)>,
}

impl Routes {
    pub(super) fn add(&mut self, room: RoomId, address: RoomAddr) {
        let route = Route {
            address,
            in_batch: 0,
        };
        self.rooms.insert(room, route);
    }

    pub(super) fn remove(&mut self, room: &RoomId) {
        self.rooms.swap_remove(room);
    }

    /// Puts a publication with the others of its room; false where nobody is in it.
    fn gather(&mut self, room: &str, publication: Publication) -> bool {
        let Some((place, _, route)) = self.rooms.get_full_mut(room) else {
            return false;
        };
        match self.batch.get_mut(route.in_batch) {
            Some((of, publications)) if *of == place => publications.push(publication),
            _ => {
                route.in_batch = self.batch.len();
                self.batch.push((place, SmallVec::from([publication])));
            }
        }
        true
    }

    /// Hands on what was gathered.
    fn deliver(&mut self, arrival: &mut Arrival) {
        for (place, publications) in self.batch.drain(..) {
            self.rooms[place].address.deliver(publications, arrival);
        }
    }
}

impl BrokerActor {
    /// Hands publications to their rooms, those of one room together and in order.
    pub(super) fn route(&mut self, arrived: Arrived) {
        let Arrived {
            publications,
            received,
            credit,
        } = arrived;
        let mut arrival = Arrival::new(received, credit);
        let bytes: usize = publications.iter().map(|(_, payload)| payload.len()).sum();
        self.metrics.publication_bytes.inc_by(bytes as u64);
        self.metrics.publications.inc_by(publications.len() as u64);
        for (topic, payload) in publications {
            let Some((room, kind)) = topics::parse_transcript(&topic) else {
                self.feed(topic, payload, arrival.credit());
                continue;
            };
            if !self.routes.gather(room, Publication { kind, payload }) {
                self.drop_publication("no_room");
            }
        }
        self.routes.deliver(&mut arrival);
    }
}
