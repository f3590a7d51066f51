//! What goes past the rooms: publications that concern organizations and sessions, handed on by channels, and what
//! others have to publish.

use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use switchboard_protocol::events::ACCESS_CHANGED;
use switchboard_protocol::topics;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::{BrokerActor, BrokerStatus};
use crate::limits::PUBLISHES_WAITING;
use crate::metrics::Reason;
use crate::mqtt_client::Ask;

/// Publishes at QoS 1. While the broker is away it waits, with up to [`PUBLISHES_WAITING`] others; what is on its way when
/// the link breaks is lost with it.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct Publish {
    /// A topic without wildcards.
    pub topic: String,
    /// What to say.
    pub payload: Bytes,
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

/// What comes out of a BrokerActor. The feeds are unbounded channels: the links' credit bounds what is in them.
pub struct Outlets {
    /// Whether the broker is up.
    pub status: watch::Receiver<BrokerStatus>,
    /// The list of sessions ([`SESSION_STATUSES`](switchboard_protocol::topics::SESSION_STATUSES)) and organizations' events ([`ORGANIZATION_EVENTS`](switchboard_protocol::topics::ORGANIZATION_EVENTS)).
    pub organization: mpsc::UnboundedReceiver<Fed>,
    /// Projects' events ([`PROJECT_EVENTS`](switchboard_protocol::topics::PROJECT_EVENTS)).
    pub project: mpsc::UnboundedReceiver<Fed>,
    /// That rights may have changed ([`ACCESS_CHANGED`]).
    pub access: mpsc::UnboundedReceiver<Fed>,
    /// Session management ([`SESSION_COMMANDS`](switchboard_protocol::topics::SESSION_COMMANDS)).
    pub session: mpsc::UnboundedReceiver<Fed>,
}

impl BrokerActor {
    /// Passes on what is for no room.
    pub(super) fn feed(
        &self,
        topic: String,
        payload: Bytes,
        credit: Option<Arc<OwnedSemaphorePermit>>,
    ) {
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
            credit,
        };
        if feed.send(fed).is_err() {
            self.drop_publication("nobody_listens");
        }
    }

    pub(super) fn drop_publication(&self, reason: &'static str) {
        self.metrics
            .publications_dropped
            .get_or_create(&Reason { reason })
            .inc();
    }

    /// Publishes what waits, once this node hears organizations' events itself again.
    pub(super) fn publish_waiting(&mut self) {
        let link = self.links.organization();
        if link.is_ready() {
            for publish in self.unpublished.drain(..) {
                self.metrics.events_published.inc();
                link.client.do_send(Ask::Publish(publish));
            }
        }
        let waiting = self.unpublished.len() as i64;
        self.metrics.events_waiting.set(waiting);
    }
}

impl Handler<Publish> for BrokerActor {
    type Result = ();

    fn handle(&mut self, publish: Publish, _: &mut Self::Context) {
        if self.unpublished.len() >= PUBLISHES_WAITING {
            return self.drop_publication("broker_away");
        }
        self.unpublished.push_back(publish);
        self.publish_waiting();
        let events = self.unpublished.len();
        if events == PUBLISHES_WAITING {
            log::warn!(
                "no more events can wait for the broker, the next are dropped and counted events={events}"
            );
        }
    }
}
