//! The BrokerActor: what is wanted from the MQTT broker against what it has granted, and the way of a
//! publication to its room.
//!
//! Hears the RoomRegistry (`Subscribe`, `Unsubscribe`), whoever has something to say (`Publish`) and, as streams, the
//! three MqttClients. Says to them which filters to subscribe, to the rooms what arrived, by channels what
//! concerns organizations, sessions and rights, and to everybody, by a watch channel, whether the broker is up. Never
//! knows a socket.

mod feeds;
mod filters;
mod routes;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use actix::prelude::*;
use switchboard_protocol::ids::RoomId;
use switchboard_protocol::topics;
use tokio::sync::{mpsc, oneshot, watch};

use crate::limits::BROKER_SETTLE;
use crate::metrics::Metrics;
use crate::mqtt_client::{Arrived, Ask, Inbound, LinkEvent, LinkRole, Links};
use crate::room::Room;
use filters::{FilterTable, Operation};
use routes::Routes;

pub use feeds::{Fed, Outlets, Publish};

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
    /// Its actor.
    pub address: Addr<Room>,
    /// Told once the broker has answered or is found to be away.
    pub granted: oneshot::Sender<Grant>,
}

/// Unsubscribes a room's topics.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Unsubscribe(pub RoomId);

struct Link {
    client: Recipient<Ask>,
    filters: FilterTable,
    up: bool,
}

/// See the module's documentation.
pub struct BrokerActor {
    delivery: Link,
    session: Link,
    organization: Link,
    /// Taken when the actor starts.
    inbound: Option<Inbound>,
    routes: Routes,
    /// Rooms whose members wait for the broker's answer.
    grants: HashMap<RoomId, oneshot::Sender<Grant>>,
    status: watch::Sender<BrokerStatus>,
    organization_feed: mpsc::UnboundedSender<Fed>,
    session_feed: mpsc::UnboundedSender<Fed>,
    access_feed: mpsc::UnboundedSender<Fed>,
    /// What waits for the broker to come back.
    unpublished: VecDeque<Publish>,
    /// Runs while all links are up but viewers have not been told yet.
    settling: Option<SpawnHandle>,
    /// The first time up needs no settling: nobody has heard of an outage.
    was_up: bool,
    metrics: Metrics,
}

impl BrokerActor {
    /// Makes the actor over three MQTT clients, and the channels that come out of it.
    pub fn new(links: Links, metrics: Metrics) -> (Self, Outlets) {
        let (status, receiver) = watch::channel(BrokerStatus::Down);
        let (organization_feed, organization) = mpsc::unbounded_channel();
        let (session_feed, session) = mpsc::unbounded_channel();
        let (access_feed, access) = mpsc::unbounded_channel();
        let outlets = Outlets {
            status: receiver,
            organization,
            access,
            session,
        };
        let link = |client| Link {
            client,
            filters: FilterTable::default(),
            up: false,
        };
        let mut actor = Self {
            delivery: link(links.delivery),
            session: link(links.session),
            organization: link(links.organization),
            inbound: Some(links.inbound),
            routes: Routes::default(),
            grants: HashMap::new(),
            status,
            organization_feed,
            session_feed,
            access_feed,
            unpublished: VecDeque::new(),
            settling: None,
            was_up: false,
            metrics,
        };
        actor
            .session
            .filters
            .want(topics::SESSION_COMMANDS.to_owned());
        actor
            .organization
            .filters
            .want(topics::SESSION_STATUSES.to_owned());
        actor
            .organization
            .filters
            .want(topics::ORGANIZATION_EVENTS.to_owned());
        (actor, outlets)
    }

    fn link(&mut self, role: LinkRole) -> &mut Link {
        match role {
            LinkRole::Delivery => &mut self.delivery,
            LinkRole::Session => &mut self.session,
            LinkRole::Organization => &mut self.organization,
        }
    }

    /// Sends what the table of `role` asks for.
    fn reconcile(&mut self, role: LinkRole) {
        let metrics = self.metrics.clone();
        let link = self.link(role);
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
        let wanted = [&self.delivery, &self.session, &self.organization]
            .map(|link| link.filters.wanted() as i64);
        self.metrics.filters_wanted.set(wanted.iter().sum());
    }

    /// Tells the waiting members of `room` once the broker has answered for all its topics.
    fn tell_granted(&mut self, room: &str) {
        let Some((id, _)) = self.grants.get_key_value(room) else {
            return;
        };
        let answers = topics::room_filters(id).map(|f| self.delivery.filters.answer(&f));
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

    fn link_down(&mut self, role: LinkRole, cause: &str, ctx: &mut Context<Self>) {
        let link = self.link(role);
        link.up = false;
        link.filters.disconnected();
        if role == LinkRole::Delivery {
            for (_, waiting) in self.grants.drain() {
                let _ = waiting.send(Grant::BrokerDown);
            }
        }
        if let Some(settling) = self.settling.take() {
            ctx.cancel_future(settling);
        }
        if self
            .status
            .send_if_modified(|s| std::mem::replace(s, BrokerStatus::Down) == BrokerStatus::Up)
        {
            log::warn!("broker is away link={} reason={cause:?}", role.word());
            self.metrics.broker_up.set(0);
            self.metrics.broker_outages.inc();
        }
    }

    /// Tells that the broker is up once everything wanted is subscribed and has held for a moment.
    fn consider_up(&mut self, ctx: &mut Context<Self>) {
        let ready = [&self.delivery, &self.session, &self.organization]
            .iter()
            .all(|link| link.up && link.filters.is_settled());
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
        let inbound = self.inbound.take().expect("an actor starts once");
        ctx.add_stream(inbound.events);
        ctx.add_stream(inbound.arrivals);
        for link in [&self.delivery, &self.session, &self.organization] {
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
        for filter in topics::room_filters(&room) {
            self.delivery.filters.want(filter);
        }
        if self.delivery.up {
            self.grants.insert(room.clone(), granted);
        } else {
            let _ = granted.send(Grant::BrokerDown);
        }
        self.routes.add(room.clone(), address);
        self.reconcile(LinkRole::Delivery);
        // A room that came back before its UNSUBSCRIBE was sent is granted already.
        self.tell_granted(room.as_str());
    }
}

impl Handler<Unsubscribe> for BrokerActor {
    type Result = ();

    fn handle(&mut self, Unsubscribe(room): Unsubscribe, _: &mut Self::Context) {
        self.routes.remove(&room);
        self.grants.remove(&room);
        for filter in topics::room_filters(&room) {
            self.delivery.filters.unwant(&filter);
        }
        self.reconcile(LinkRole::Delivery);
    }
}

impl StreamHandler<LinkEvent> for BrokerActor {
    fn handle(&mut self, event: LinkEvent, ctx: &mut Self::Context) {
        match event {
            LinkEvent::Up(role) => {
                self.metrics.broker_connects.inc();
                let link = self.link(role);
                link.up = true;
                link.filters.connected();
                self.reconcile(role);
            }
            LinkEvent::Down(role, cause) => {
                self.metrics.broker_connect_failures.inc();
                self.link_down(role, &cause, ctx);
            }
            LinkEvent::Subscribed(role, answers) => {
                self.link(role).filters.subscribed(&answers);
                for (filter, _) in answers.iter().filter(|(_, granted)| !granted) {
                    log::warn!(
                        "broker refused a filter link={} filter={filter:?}",
                        role.word()
                    );
                }
                for (filter, _) in &answers {
                    if let Some((room, _)) = topics::parse_transcript(filter) {
                        self.tell_granted(room);
                    }
                }
                self.reconcile(role);
            }
            LinkEvent::Unpublished(_) => self.drop_publication("broker_busy"),
            LinkEvent::Unsubscribed(role, filter) => {
                self.link(role).filters.unsubscribed(filter);
                self.reconcile(role);
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

impl StreamHandler<Arrived> for BrokerActor {
    fn handle(&mut self, arrived: Arrived, _: &mut Self::Context) {
        self.route(arrived);
    }

    fn finished(&mut self, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
