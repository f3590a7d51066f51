//! All connections to the broker, started together, and the channel between them and the BrokerActor.

use std::fmt;
use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::UnboundedReceiverStream;

use super::{Ask, LinkEvent, Load, MqttClient, MqttSettings};
use crate::broker::Router;
use crate::limits;
use crate::metrics::Metrics;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkRole {
    /// Transcripts, subscribed per room.
    Delivery,
    /// Session management.
    Session,
    /// The retained list of sessions.
    Organization,
}

impl LinkRole {
    /// Its name.
    fn word(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Session => "session",
            Self::Organization => "organization",
        }
    }
}

/// Which of the connections it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId {
    /// What it is for.
    pub role: LinkRole,
    /// Which one of those that are for this, from 0; only delivery has more than one.
    pub number: usize,
}

impl From<LinkRole> for LinkId {
    /// The first, or only, one.
    fn from(role: LinkRole) -> Self {
        Self { role, number: 0 }
    }
}

impl fmt::Display for LinkId {
    /// Its name in logs and client ids: `delivery`, `delivery-2`, …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.role.word())?;
        match self.number {
            0 => Ok(()),
            number => write!(f, "-{}", number + 1),
        }
    }
}

/// The clients and where they report to.
pub struct Links {
    /// See [`LinkRole::Delivery`]; at least one.
    pub delivery: Vec<Recipient<Ask>>,
    /// See [`LinkRole::Session`].
    pub session: Recipient<Ask>,
    /// See [`LinkRole::Organization`].
    pub organization: Recipient<Ask>,
    /// What they tell the BrokerActor: changes. Unbounded, but each is the answer to one of a bounded number of packets or a
    /// change of state.
    pub events: UnboundedReceiverStream<LinkEvent>,
    /// Where they hand over publications.
    pub router: Arc<Router>,
}

/// The clients' way to the BrokerActor, and to the rooms.
#[derive(Clone)]
pub struct Outbound {
    /// Changes of the links.
    pub events: mpsc::UnboundedSender<LinkEvent>,
    /// What was published.
    pub router: Arc<Router>,
}

/// The clients' end of the channel to the BrokerActor, and its own.
pub fn channel(router: Arc<Router>) -> (Outbound, UnboundedReceiverStream<LinkEvent>) {
    let (events, receiver) = mpsc::unbounded_channel();
    let receiver = UnboundedReceiverStream::new(receiver);
    (Outbound { events, router }, receiver)
}

impl Links {
    /// Starts the clients, which hand over to `router`; they connect when the BrokerActor asks them to. They run on the caller's thread, but for the
    /// second delivery link and those after it: these are spread over `threads`, where there are any.
    pub fn start(
        settings: &MqttSettings,
        threads: &[ArbiterHandle],
        router: Arc<Router>,
        metrics: &Metrics,
    ) -> (Self, Load) {
        let (outbound, events) = channel(Arc::clone(&router));
        let mut load = Load::default();
        let client = |id, credit: &Arc<Semaphore>| MqttClient {
            id,
            settings: settings.clone(),
            outbound: outbound.clone(),
            metrics: metrics.clone(),
            told: None,
            credit: Arc::clone(credit),
            connection: None,
            pause: limits::RECONNECT_FIRST,
        };
        let mut credit = || {
            let credit = Arc::new(Semaphore::new(limits::PUBLICATION_KIB_IN_FLIGHT));
            load.watch(&credit);
            credit
        };
        // However many they are, no more than one's bytes are under way.
        let shared = credit();
        let delivery =
            (0..settings.delivery_links.clamp(1, limits::DELIVERY_LINKS)).map(|number| {
                let role = LinkRole::Delivery;
                let client = client(LinkId { role, number }, &shared);
                let further = number.checked_sub(1);
                match further.and_then(|further| threads.iter().cycle().nth(further)) {
                    Some(thread) => MqttClient::start_in_arbiter(thread, |_| client).recipient(),
                    None => client.start().recipient(),
                }
            });
        let links = Self {
            delivery: delivery.collect(),
            session: client(LinkRole::Session.into(), &credit())
                .start()
                .recipient(),
            organization: client(LinkRole::Organization.into(), &credit())
                .start()
                .recipient(),
            events,
            router,
        };
        (links, load)
    }
}
