//! The way of publications: to their rooms, looked up by a slice of the topic, or past the rooms, by channels.
//!
//! The links' tasks walk it themselves, each on its own thread, so that no mailbox stands between what is read and the
//! room; the BrokerActor says which rooms there are.

use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use indexmap::IndexMap;
use smallvec::SmallVec;
use switchboard_protocol::events::ACCESS_CHANGED;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::topics;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use crate::metrics::Metrics;
use crate::room::{Arrival, Publication, Publications, RoomAddr};

/// A room's id, within the map's own memory where it is no longer than a UUID and a channel: a name elsewhere would be one
/// more place that is not in the processor's cache.
type Name = SmallVec<[u8; 40]>;

/// The map keeps std's hash: whoever creates sessions chooses these keys, and its protection against colliding ones
/// costs a hundredth of a publication's way.
type Rooms = IndexMap<Name, RoomAddr>;

/// See the module's documentation.
pub struct Router {
    /// Written by the BrokerActor alone, when a room opens or closes.
    rooms: RwLock<Rooms>,
    organization_feed: mpsc::UnboundedSender<Fed>,
    session_feed: mpsc::UnboundedSender<Fed>,
    project_feed: mpsc::UnboundedSender<Fed>,
    access_feed: mpsc::UnboundedSender<Fed>,
    metrics: Metrics,
}

/// A publication that is for no room.
pub struct Fed {
    /// Where it was published.
    pub topic: String,
    /// As it was published.
    pub payload: Bytes,
    /// Lets the link read on once everything of its batch has been dealt with.
    pub credit: Option<Arc<OwnedSemaphorePermit>>,
}

/// What goes past the rooms. Unbounded channels: the links' credit bounds what is in them.
pub struct Feeds {
    /// The list of sessions ([`SESSION_STATUSES`](topics::SESSION_STATUSES)) and organizations' events
    /// ([`ORGANIZATION_EVENTS`](topics::ORGANIZATION_EVENTS)).
    pub organization: mpsc::UnboundedReceiver<Fed>,
    /// Projects' events ([`PROJECT_EVENTS`](topics::PROJECT_EVENTS)).
    pub project: mpsc::UnboundedReceiver<Fed>,
    /// That rights may have changed ([`ACCESS_CHANGED`]).
    pub access: mpsc::UnboundedReceiver<Fed>,
    /// Session management ([`SESSION_COMMANDS`](topics::SESSION_COMMANDS)).
    pub session: mpsc::UnboundedReceiver<Fed>,
}

impl Router {
    /// A router that knows no room, and what comes out of it beside publications for rooms.
    pub fn new(metrics: Metrics) -> (Arc<Self>, Feeds) {
        let (organization_feed, organization) = mpsc::unbounded_channel();
        let (session_feed, session) = mpsc::unbounded_channel();
        let (project_feed, project) = mpsc::unbounded_channel();
        let (access_feed, access) = mpsc::unbounded_channel();
        let router = Self {
            rooms: RwLock::default(),
            organization_feed,
            session_feed,
            project_feed,
            access_feed,
            metrics,
        };
        let feeds = Feeds {
            organization,
            project,
            access,
            session,
        };
        (Arc::new(router), feeds)
    }

    pub(super) fn add(&self, room: &RoomId, address: RoomAddr) {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        rooms.insert(Name::from(room.as_str().as_bytes()), address);
    }

    pub(super) fn remove(&self, room: &RoomId) {
        let mut rooms = self.rooms.write().unwrap_or_else(PoisonError::into_inner);
        rooms.swap_remove(room.as_str().as_bytes());
    }

    /// Hands publications (topic and payload, in the broker's order) to their rooms, those of one room together and in order.
    /// The link reads on when all of them are dealt with: so long somebody holds `credit`.
    pub fn route(
        &self,
        publications: impl ExactSizeIterator<Item = (String, Bytes)>,
        received: Instant,
        credit: Option<OwnedSemaphorePermit>,
    ) {
        let mut arrival = Arrival::new(received, credit);
        self.metrics.publications.inc_by(publications.len() as u64);
        let rooms = self.rooms.read().unwrap_or_else(PoisonError::into_inner);
        // A publication that comes alone, as most do, goes its way at once; those of a burst are sorted.
        let is_alone = publications.len() == 1;
        let mut gathered = Vec::with_capacity(if is_alone { 0 } else { publications.len() });
        let mut bytes = 0;
        for (topic, payload) in publications {
            bytes += payload.len() as u64;
            let Some((room, kind)) = topics::parse_transcript(&topic) else {
                self.feed(topic, payload, &mut arrival);
                continue;
            };
            let Some((place, _, address)) = rooms.get_full(room.as_bytes()) else {
                self.metrics.drop_publication("no_room");
                continue;
            };
            let publication = Publication { kind, payload };
            match is_alone {
                true => address.deliver(Publications::from([publication]), &mut arrival),
                false => gathered.push((place, publication)),
            }
        }
        self.metrics.publication_bytes.inc_by(bytes);
        // Stable: those of a room stay in order.
        gathered.sort_by_key(|(place, _)| *place);
        let mut gathered = gathered.into_iter().peekable();
        while let Some((place, first)) = gathered.next() {
            let mut publications = Publications::from([first]);
            while let Some((_, next)) = gathered.next_if(|(next, _)| *next == place) {
                publications.push(next);
            }
            rooms[place].deliver(publications, &mut arrival);
        }
    }

    /// Passes on what is for no room.
    fn feed(&self, topic: String, payload: Bytes, arrival: &mut Arrival) {
        let event = topics::parse_organization_event(&topic).map(|(_, event)| event);
        let feed = match event {
            Some(ACCESS_CHANGED) => &self.access_feed,
            None if topic.starts_with("session/") => &self.session_feed,
            None if topic.starts_with("switchboard/projects/") => &self.project_feed,
            _ => &self.organization_feed,
        };
        let fed = Fed {
            topic,
            payload,
            credit: arrival.credit(),
        };
        if feed.send(fed).is_err() {
            self.metrics.drop_publication("nobody_listens");
        }
    }
}
