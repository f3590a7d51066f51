//! The task that polls one rumqttc connection until it fails, and nothing else.
//!
//! Publications go straight to the router, as many together as the socket had ready.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures_util::FutureExt;
use rumqttc::{
    AsyncClient, Event, EventLoop, LastWill, MqttOptions, NetworkOptions, Outgoing, Packet,
    Publish, QoS, SubscribeReasonCode, TlsConfiguration, Transport,
};
use switchboard_protocol::topics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use super::{LinkId, LinkRole, MqttSettings, Polled};
use crate::broker::Router;
use crate::limits;
use crate::metrics::Metrics;

/// A client and its event loop for one connection; nothing happens before the loop is polled.
pub(super) fn client(link: LinkId, settings: &MqttSettings) -> (AsyncClient, EventLoop) {
    // Unique, so that two switchboards (or a restarted one) never throw each other out.
    let id = format!(
        "switchboard-{}-{link}-{:08x}",
        settings.node,
        rand::random::<u32>()
    );
    let mut options = MqttOptions::new(id, settings.host.clone(), settings.port);
    options
        .set_clean_session(true)
        .set_keep_alive(limits::MQTT_KEEP_ALIVE)
        .set_max_packet_size(limits::MQTT_PACKET_BYTES, limits::MQTT_PACKET_BYTES)
        .set_inflight(1_000);
    if let Some((user, password)) = &settings.credentials {
        options.set_credentials(user, password);
    }
    if let Some(tls) = &settings.tls {
        let tls = TlsConfiguration::Rustls(Arc::clone(tls));
        options.set_transport(Transport::tls_with_config(tls));
    }
    if link.role == LinkRole::Session && settings.online.is_some() {
        let topic = topics::status(&settings.node);
        options.set_last_will(LastWill::new(
            topic,
            r#"{"online":false}"#,
            QoS::AtLeastOnce,
            true,
        ));
    }
    let (client, mut event_loop) = AsyncClient::new(options, limits::MQTT_REQUESTS);
    let mut network = NetworkOptions::new();
    network.set_connection_timeout(limits::MQTT_CONNECT_SECONDS);
    network.set_tcp_nodelay(true);
    event_loop.set_network_options(network);
    (client, event_loop)
}

/// The polling task; dropping it ends the connection.
pub(super) struct Task(tokio::task::JoinHandle<()>);

impl Task {
    pub(super) fn spawn(poller: Poller) -> Self {
        Self(tokio::task::spawn_local(poller.run()))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) struct Poller {
    pub(super) event_loop: EventLoop,
    pub(super) polled: mpsc::Sender<Polled>,
    pub(super) router: Arc<Router>,
    pub(super) credit: Arc<Semaphore>,
    /// Whether retained publications are passed on: a stale partial of an old speech is not news to a room, and a
    /// session that was created long ago must not come back at each reconnect.
    pub(super) keeps_retained: bool,
    pub(super) metrics: Metrics,
}

/// Publications that have been read and not yet passed on.
struct Gathered {
    publications: Vec<(String, Bytes)>,
    /// When the first of them was read.
    received: Instant,
}

impl Gathered {
    fn new() -> Self {
        Self {
            publications: Vec::new(),
            received: Instant::now(),
        }
    }

    fn push(&mut self, publish: Publish) {
        if self.publications.is_empty() {
            self.received = Instant::now();
        }
        self.publications.push((publish.topic, publish.payload));
    }

    /// What these take of the credit.
    fn kib(&self) -> u32 {
        let bytes = |(topic, payload): &(String, Bytes)| topic.len() + payload.len();
        let bytes: usize = self.publications.iter().map(bytes).sum();
        (bytes / 1024 + 1).min(limits::PUBLICATION_KIB_IN_FLIGHT) as u32
    }

    /// Hands them over, if there is credit for them now; says whether none are left.
    fn hand_over_now(&mut self, router: &Router, credit: &Arc<Semaphore>) -> bool {
        if self.publications.is_empty() {
            return true;
        }
        let Ok(credit) = Arc::clone(credit).try_acquire_many_owned(self.kib()) else {
            return false;
        };
        self.route(router, credit);
        true
    }

    /// Hands them over, once there is credit for them.
    async fn hand_over(&mut self, router: &Router, credit: &Arc<Semaphore>) {
        if !self.publications.is_empty() {
            let credit = Arc::clone(credit).acquire_many_owned(self.kib()).await;
            self.route(router, credit.expect("nobody closes it"));
        }
    }

    fn route(&mut self, router: &Router, credit: OwnedSemaphorePermit) {
        router.route(self.publications.drain(..), self.received, Some(credit));
    }
}

impl Poller {
    async fn run(mut self) {
        let mut batch = Gathered::new();
        loop {
            let event = {
                // The same future is kept, because dropping a connecting one would start over.
                let mut poll = pin!(self.event_loop.poll());
                let ready = std::future::poll_fn(|cx| match poll.poll_unpin(cx) {
                    Poll::Ready(event) => Poll::Ready(Some(event)),
                    // Nothing more is ready: what has been gathered goes on before we wait.
                    Poll::Pending if batch.hand_over_now(&self.router, &self.credit) => {
                        Poll::Pending
                    }
                    Poll::Pending => Poll::Ready(None),
                });
                match ready.await {
                    Some(event) => event,
                    None => {
                        batch.hand_over(&self.router, &self.credit).await;
                        poll.await
                    }
                }
            };
            let polled = match event {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    self.gather(publish, &mut batch);
                    if batch.publications.len() >= limits::PUBLICATIONS_PER_BATCH {
                        batch.hand_over(&self.router, &self.credit).await;
                        // There may be no end to what is ready: rooms have their turn before more is read.
                        tokio::task::yield_now().await;
                    }
                    continue;
                }
                Ok(event) => match translate(event) {
                    Some(polled) => polled,
                    None => continue,
                },
                Err(e) => {
                    // rumqttc tells of the end before it has given out all that came before it.
                    for event in std::mem::take(&mut self.event_loop.state.events) {
                        if let Event::Incoming(Packet::Publish(publish)) = event {
                            self.gather(publish, &mut batch);
                        }
                    }
                    Polled::Lost(e.to_string())
                }
            };
            // An answer must not overtake what was published before it.
            batch.hand_over(&self.router, &self.credit).await;
            let lost = matches!(polled, Polled::Lost(_));
            if self.polled.send(polled).await.is_err() || lost {
                return;
            }
        }
    }

    fn gather(&self, publish: Publish, batch: &mut Gathered) {
        if !publish.retain || self.keeps_retained {
            return batch.push(publish);
        }
        self.metrics.drop_publication("retained");
    }
}

fn translate(event: Event) -> Option<Polled> {
    match event {
        Event::Incoming(Packet::ConnAck(_)) => Some(Polled::Connected),
        Event::Incoming(Packet::SubAck(ack)) => {
            let granted = ack
                .return_codes
                .iter()
                .map(|c| matches!(c, SubscribeReasonCode::Success(_)));
            Some(Polled::Subscribed(ack.pkid, granted.collect()))
        }
        Event::Incoming(Packet::UnsubAck(ack)) => Some(Polled::Unsubscribed(ack.pkid)),
        Event::Outgoing(Outgoing::Subscribe(id) | Outgoing::Unsubscribe(id)) => {
            Some(Polled::Numbered(id))
        }
        _ => None,
    }
}
