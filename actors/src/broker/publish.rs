//! What others have to publish.

use actix::prelude::*;
use bytes::Bytes;

use super::BrokerActor;
use crate::limits::PUBLISHES_WAITING;
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

impl BrokerActor {
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
            return self.metrics.drop_publication("broker_away");
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
