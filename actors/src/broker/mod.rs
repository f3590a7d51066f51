//! The BrokerActor: what is wanted from the MQTT broker against what it has granted.
//!
//! Hears the RoomRegistry (`Subscribe`, `Unsubscribe`), whoever has something to say (`Publish`) and, as a stream, the
//! MqttClients. Says to them which filters to subscribe, to the [`Router`], to which they hand what they read, where the
//! rooms are, and to everybody, by a watch channel, whether the broker is up. Never knows a socket.

mod filters;
mod links;
mod publish;
mod router;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use actix::prelude::*;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::topics;
use tokio::sync::{oneshot, watch};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::limits::BROKER_SETTLE;
use crate::metrics::Metrics;
use crate::mqtt_client::{Ask, LinkEvent, LinkId, LinkRole, Links};
use crate::room::RoomAddr;
use filters::Operation;
use links::{Link, LinkSet};

pub use publish::Publish;
pub use router::{Fed, Feeds, Router};

/// What became of a room's subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// What is published from now on arrives.
    Granted,
    /// The broker refused a filter.
    Refused,
    /// The broker is away; the room is subscribed as soon as it is back.
    BrokerDown,
}

/// Whether the broker can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerStatus {
    /// All links are up and everything wanted is subscribed.
    Up,
    /// At least one link is down, or was never up.
    Down,
}

/// Subscribes a room's topics; their publications go to `address`.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Subscribe {
    /// The room.
    pub room: RoomId,
    /// How it is reached.
    pub address: RoomAddr,
    /// Told once the broker has answered or is found to be away.
    pub granted: oneshot::Sender<Grant>,
}

/// Unsubscribes a room's topics.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unsubscribe(pub RoomId);

/// See the module's documentation.
pub struct BrokerActor {
    links: LinkSet,
    /// Of the links; taken when the actor starts.
    events: Option<UnboundedReceiverStream<LinkEvent>>,
    /// Where the links hand over what they read.
    router: Arc<Router>,
    /// Rooms whose members wait for the broker's answer.
    grants: HashMap<RoomId, oneshot::Sender<Grant>>,
    status: watch::Sender<BrokerStatus>,
    /// What waits for the broker to come back.
    unpublished: VecDeque<Publish>,
    /// Runs while all links are up but viewers have not been told yet.
    settling: Option<SpawnHandle>,
    /// The first time up needs no settling: nobody has heard of an outage.
    was_up: bool,
    metrics: Metrics,
}

impl BrokerActor {
    /// Makes the actor over the MQTT clients; by the channel it tells whether the broker is up.
    pub fn new(links: Links, metrics: Metrics) -> (Self, watch::Receiver<BrokerStatus>) {
        let (status, receiver) = watch::channel(BrokerStatus::Down);
        let mut actor = Self {
            links: LinkSet::new(links.delivery, links.session, links.organization),
            events: Some(links.events),
            router: links.router,
            grants: HashMap::new(),
            status,
            unpublished: VecDeque::new(),
            settling: None,
            was_up: false,
            metrics,
        };
        for (role, filter) in [
            (LinkRole::Session, topics::SESSION_COMMANDS),
            (LinkRole::Organization, topics::SESSION_STATUSES),
            (LinkRole::Organization, topics::ORGANIZATION_EVENTS),
            (LinkRole::Organization, topics::PROJECT_EVENTS),
        ] {
            let link = actor.links.get_mut(role);
            link.filters.want(filter.to_owned());
        }
        (actor, receiver)
    }

    /// Sends what the table of this link asks for.
    fn reconcile(&mut self, id: LinkId) {
        let metrics = &self.metrics;
        let link = self.links.get_mut(id);
        while let Some(operation) = link.filters.next_operation() {
            link.client.do_send(match operation {
                Operation::Subscribe(filters) => {
                    metrics.filters_subscribed.inc_by(filters.len() as u64);
                    Ask::Subscribe(filters)
                }
                Operation::Unsubscribe(filter) => {
                    metrics.filters_unsubscribed.inc();
                    Ask::Unsubscribe(filter)
                }
            });
        }
        self.count_wanted();
    }

    fn count_wanted(&self) {
        let wanted = self.links.iter().map(|link| link.filters.wanted() as i64);
        self.metrics.filters_wanted.set(wanted.sum());
    }

    /// Tells the waiting members of `room` once the broker has answered for all its topics.
    fn tell_granted(&mut self, room: &str) {
        let Some((id, _)) = self.grants.get_key_value(room) else {
            return;
        };
        let link = self.links.get(self.links.of_room(room));
        let answers = topics::room_filters(id).map(|f| link.filters.answer(&f));
        if answers.contains(&None) {
            return;
        }
        let grant = match answers.contains(&Some(false)) {
            true => Grant::Refused,
            false => Grant::Granted,
        };
        if let Some(waiting) = self.grants.remove(room) {
            // The registry may have lost interest; then nobody waits.
            let _ = waiting.send(grant);
        }
    }

    fn link_down(&mut self, id: LinkId, cause: &str, ctx: &mut Context<Self>) {
        let link = self.links.get_mut(id);
        link.up = false;
        link.filters.disconnected();
        let links = &self.links;
        let lost = |room: &RoomId| links.of_room(room.as_str()) == id;
        for (_, waiting) in self.grants.extract_if(|room, _| lost(room)) {
            let _ = waiting.send(Grant::BrokerDown);
        }
        if let Some(settling) = self.settling.take() {
            ctx.cancel_future(settling);
        }
        if self
            .status
            .send_if_modified(|s| std::mem::replace(s, BrokerStatus::Down) == BrokerStatus::Up)
        {
            log::warn!("broker is away link={id} reason={cause:?}");
            self.metrics.broker_up.set(0);
            self.metrics.broker_outages.inc();
        }
    }

    /// Tells that the broker is up once everything wanted is subscribed and has held for a moment.
    fn consider_up(&mut self, ctx: &mut Context<Self>) {
        let ready = self.links.iter().all(Link::is_ready);
        if !ready || self.settling.is_some() || *self.status.borrow() == BrokerStatus::Up {
            return;
        }
        if !std::mem::replace(&mut self.was_up, true) {
            return self.tell_up();
        }
        self.settling = Some(ctx.run_later(BROKER_SETTLE, |actor, _| {
            actor.settling = None;
            actor.tell_up();
        }));
    }

    fn tell_up(&mut self) {
        let filters = self.metrics.filters_wanted.get();
        log::info!("broker is there filters={filters}");
        self.metrics.broker_up.set(1);
        self.status.send_replace(BrokerStatus::Up);
    }
}

impl Actor for BrokerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let events = self.events.take().expect("an actor starts once");
        ctx.add_stream(events);
        for link in self.links.iter() {
            link.client.do_send(Ask::Connect);
        }
        self.count_wanted();
    }
}

impl Handler<Subscribe> for BrokerActor {
    type Result = ();

    fn handle(&mut self, subscribe: Subscribe, _: &mut Self::Context) {
        let Subscribe {
            room,
            address,
            granted,
        } = subscribe;
        let id = self.links.of_room(room.as_str());
        let link = self.links.get_mut(id);
        for filter in topics::room_filters(&room) {
            link.filters.want(filter);
        }
        if link.up {
            self.grants.insert(room.clone(), granted);
        } else {
            let _ = granted.send(Grant::BrokerDown);
        }
        self.router.add(&room, address);
        self.reconcile(id);
        // A room that came back before its UNSUBSCRIBE was sent is granted already.
        self.tell_granted(room.as_str());
    }
}

impl Handler<Unsubscribe> for BrokerActor {
    type Result = ();

    fn handle(&mut self, Unsubscribe(room): Unsubscribe, _: &mut Self::Context) {
        self.router.remove(&room);
        self.grants.remove(&room);
        let id = self.links.of_room(room.as_str());
        let link = self.links.get_mut(id);
        for filter in topics::room_filters(&room) {
            link.filters.unwant(&filter);
        }
        self.reconcile(id);
    }
}

impl StreamHandler<LinkEvent> for BrokerActor {
    fn handle(&mut self, event: LinkEvent, ctx: &mut Self::Context) {
        match event {
            LinkEvent::Up(id) => {
                self.metrics.broker_connects.inc();
                let link = self.links.get_mut(id);
                link.up = true;
                link.filters.connected();
                self.reconcile(id);
            }
            LinkEvent::Down(id, cause) => {
                self.metrics.broker_connect_failures.inc();
                self.link_down(id, &cause, ctx);
            }
            LinkEvent::Subscribed(id, answers) => {
                self.links.get_mut(id).filters.subscribed(&answers);
                for (filter, _) in answers.iter().filter(|(_, granted)| !granted) {
                    log::warn!("broker refused a filter link={id} filter={filter:?}");
                }
                for (filter, _) in &answers {
                    if let Some((room, _)) = topics::parse_transcript(filter) {
                        self.tell_granted(room);
                    }
                }
                self.reconcile(id);
            }
            LinkEvent::Unpublished(_) => self.metrics.drop_publication("broker_busy"),
            LinkEvent::Unsubscribed(id, filter) => {
                self.links.get_mut(id).filters.unsubscribed(filter);
                self.reconcile(id);
            }
        }
        self.publish_waiting();
        self.consider_up(ctx);
    }

    // The clients outlive the stream only when the whole system stops.
    fn finished(&mut self, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
