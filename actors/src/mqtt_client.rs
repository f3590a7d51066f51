//! One MQTT connection: session, organization, or (one of) delivery.
//!
//! The actor owns what is asked of the connection and when to try again; a task of its own does nothing but
//! poll rumqttc and pass on, because a request awaited there would wait for itself. Every connection gets a
//! fresh client, so that nothing of an outage is sent twice. Talks to the BrokerActor through channels:
//! two actors that hold each other's address never stop.

mod link;
mod links;
mod load;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use rumqttc::{AsyncClient, QoS, SubscribeFilter};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use crate::broker::Publish;
use crate::limits;
use crate::metrics::Metrics;

pub use links::{LinkId, LinkRole, Links, Outbound, channel};
pub use load::Load;

/// Where the broker is and how to speak to it.
#[derive(Clone)]
pub struct MqttSettings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name and password.
    pub credentials: Option<(String, String)>,
    /// TLS configuration for `mqtts`.
    pub tls: Option<Arc<rumqttc::tokio_rustls::rustls::ClientConfig>>,
    /// This switchboard's name: part of the client ids and of its status topic.
    pub node: String,
    /// Connections that transcripts come by, [`DELIVERY_LINKS`](limits::DELIVERY_LINKS) at most. Zero counts as one.
    pub delivery_links: usize,
    /// What is published, retained, at the status topic once the session link is up; none: this node is nobody's business,
    /// and leaves no will either.
    pub online: Option<String>,
}

/// What the broker link tells the BrokerActor.
#[derive(Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// Connected; nothing is subscribed yet.
    Up(LinkId),
    /// Lost, or not reached.
    Down(LinkId, String),
    /// A SUBSCRIBE was answered: each filter and whether it was granted.
    Subscribed(LinkId, Vec<(String, bool)>),
    /// An UNSUBSCRIBE was answered.
    Unsubscribed(LinkId, String),
    /// A publication was dropped: too many wait for the broker.
    Unpublished(LinkId),
}

/// What the BrokerActor asks of a client. Requests are dropped while there is no connection: the BrokerActor
/// asks again after a reconnect.
#[derive(Clone, Debug, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum Ask {
    /// Start connecting; once.
    Connect,
    /// Send one SUBSCRIBE.
    Subscribe(Vec<String>),
    /// Send one UNSUBSCRIBE; rumqttc takes one filter to a packet.
    Unsubscribe(String),
    /// Publish at QoS 1, not retained.
    Publish(Publish),
}

/// What the polling task saw.
#[derive(Debug)]
enum Polled {
    Connected,
    /// A SUBSCRIBE or UNSUBSCRIBE was written under this packet id; they leave in the order of the requests.
    Numbered(u16),
    Subscribed(u16, Vec<bool>),
    Unsubscribed(u16),
    Lost(String),
}

/// See the module's documentation.
pub struct MqttClient {
    id: LinkId,
    settings: MqttSettings,
    outbound: Outbound,
    metrics: Metrics,
    /// What may be under way from it, and from those that it shares this with, in KiB.
    credit: Arc<Semaphore>,
    /// Why the broker is away, as the log was told last; none while it is there.
    told: Option<String>,
    connection: Option<Connection>,
    pause: Duration,
}

struct Connection {
    client: AsyncClient,
    /// Ends the polling task, and with it the TCP connection, when dropped.
    _task: link::Task,
    /// Requests that have no packet id yet.
    unnumbered: VecDeque<Vec<String>>,
    /// Requests that wait for the broker's answer.
    unanswered: HashMap<u16, Vec<String>>,
    /// When it came up.
    since: Option<Instant>,
}

impl MqttClient {
    fn connect(&mut self, ctx: &mut Context<Self>) {
        let (polled, receiver) = mpsc::channel(limits::MQTT_REQUESTS);
        let (client, event_loop) = link::client(self.id, &self.settings);
        let task = link::Task::spawn(link::Poller {
            event_loop,
            polled,
            router: Arc::clone(&self.outbound.router),
            credit: Arc::clone(&self.credit),
            keeps_retained: self.id.role == LinkRole::Organization,
            metrics: self.metrics.clone(),
        });
        self.connection = Some(Connection {
            client,
            _task: task,
            unnumbered: VecDeque::new(),
            unanswered: HashMap::new(),
            since: None,
        });
        ctx.add_stream(ReceiverStream::new(receiver));
    }

    /// The connection is gone: tells so and tries again after a pause that grows with each failure.
    fn lost(&mut self, cause: String, ctx: &mut Context<Self>) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if connection
            .since
            .is_some_and(|since| since.elapsed() >= limits::LINK_STEADY)
        {
            self.pause = limits::RECONNECT_FIRST;
        }
        // Between half and all of the pause, so that many switchboards do not knock at once.
        let pause = self.pause.mul_f64(rand::random_range(0.5..=1.0));
        self.pause = (self.pause * 2).min(limits::RECONNECT_LONGEST);
        self.log_lost(&cause, pause);
        self.tell(LinkEvent::Down(self.id, cause));
        ctx.run_later(pause, |actor, ctx| actor.connect(ctx));
    }

    /// A reason is news once: the attempts that fail by it, too, are for whoever debugs.
    fn log_lost(&mut self, cause: &str, pause: Duration) {
        let level = match self.told.as_deref() == Some(cause) {
            true => log::Level::Debug,
            false => log::Level::Warn,
        };
        let (link, pause_ms) = (self.id, pause.as_millis());
        log::log!(
            level,
            "broker link is down link={link} reason={cause:?} pause_ms={pause_ms}"
        );
        self.told = Some(cause.to_owned());
    }

    fn tell(&self, event: LinkEvent) {
        // Fails only when the BrokerActor is gone; then this actor is about to stop, too.
        let _ = self.outbound.events.send(event);
    }

    /// Says, retained, that this switchboard is online; the broker tells the contrary by the will.
    fn announce(&self, connection: &Connection) {
        let Some(online) = self.settings.online.clone() else {
            return;
        };
        let topic = switchboard_protocol::topics::status(&self.settings.node);
        if let Err(e) = connection
            .client
            .try_publish(topic, QoS::AtLeastOnce, true, online)
        {
            log::warn!(
                "this node was not announced at the broker reason={:?}",
                e.to_string()
            );
        }
    }
}

impl Actor for MqttClient {
    type Context = Context<Self>;
}

impl Handler<Ask> for MqttClient {
    type Result = ();

    fn handle(&mut self, ask: Ask, ctx: &mut Self::Context) {
        let Some(connection) = &mut self.connection else {
            if ask == Ask::Connect {
                self.connect(ctx);
            }
            return;
        };
        let (filters, sent) = match ask {
            Ask::Connect => return,
            Ask::Publish(Publish { topic, payload }) => {
                let client = &connection.client;
                if client
                    .try_publish(topic, QoS::AtLeastOnce, false, payload)
                    .is_err()
                {
                    // More than the broker takes just now: no reason to give up the link, and what is on it.
                    self.tell(LinkEvent::Unpublished(self.id));
                }
                return;
            }
            Ask::Subscribe(filters) => {
                let wanted = filters
                    .iter()
                    .map(|f| SubscribeFilter::new(f.clone(), QoS::AtLeastOnce));
                let sent = connection.client.try_subscribe_many(wanted);
                (filters, sent)
            }
            Ask::Unsubscribe(filter) => {
                let sent = connection.client.try_unsubscribe(filter.clone());
                (vec![filter], sent)
            }
        };
        match sent {
            Ok(()) => connection.unnumbered.push_back(filters),
            // The table bounds what is under way far below the queue, so the link itself is broken.
            Err(e) => self.lost(format!("request refused: {e}"), ctx),
        }
    }
}

impl StreamHandler<Polled> for MqttClient {
    fn handle(&mut self, polled: Polled, ctx: &mut Self::Context) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        match polled {
            Polled::Connected => {
                connection.since = Some(Instant::now());
                self.told = None;
                log::info!("broker link is up link={}", self.id);
                let connection = self.connection.as_ref().expect("checked above");
                if self.id.role == LinkRole::Session {
                    self.announce(connection);
                }
                self.tell(LinkEvent::Up(self.id));
            }
            Polled::Numbered(id) => {
                if let Some(filters) = connection.unnumbered.pop_front() {
                    connection.unanswered.insert(id, filters);
                }
            }
            Polled::Subscribed(id, granted) => {
                if let Some(filters) = connection.unanswered.remove(&id) {
                    let answers = filters.into_iter().zip(granted).collect();
                    self.tell(LinkEvent::Subscribed(self.id, answers));
                }
            }
            Polled::Unsubscribed(id) => {
                if let Some(mut filters) = connection.unanswered.remove(&id)
                    && let Some(filter) = filters.pop()
                {
                    self.tell(LinkEvent::Unsubscribed(self.id, filter));
                }
            }
            Polled::Lost(cause) => self.lost(cause, ctx),
        }
    }

    // A connection's stream ends with it; the actor goes on to the next connection.
    fn finished(&mut self, _: &mut Self::Context) {}
}
