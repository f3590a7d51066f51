//! Everything the broker knows: who is connected, who subscribed what, what is retained.
//!
//! Pure: no I/O and no waiting. One lock guards it, and the connections' tasks call it; what it has
//! to say goes into the outboxes of the connections.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::Arc;

use rumqttc::mqttbytes::QoS;
use rumqttc::mqttbytes::v4::{
    LastWill, Packet, Publish, SubAck, Subscribe, SubscribeReasonCode, UnsubAck, Unsubscribe,
};

use super::Limits;
use super::frame::Frame;
use super::outbox::Outbox;
use super::retained::Retained;
use super::subscriptions::{ConnectionId, Subscriptions, refused_filter};

/// What is granted at most: QoS 2 outwards would buy nothing without sessions that last.
const HIGHEST_QOS: QoS = QoS::AtLeastOnce;

/// The broker's state.
pub(super) struct Router {
    last_id: u64,
    connections: HashMap<ConnectionId, Connection>,
    /// Which connection has a client id, for takeover.
    by_client_id: HashMap<String, ConnectionId>,
    subscriptions: Subscriptions,
    retained: Retained,
    max_filters: usize,
    /// Whom the current publication goes to; kept for its capacity.
    found: Vec<(ConnectionId, QoS)>,
}

struct Connection {
    client_id: String,
    outbox: Arc<Outbox>,
    /// To remove them from the tree when the connection ends.
    filters: HashSet<String>,
    /// What to publish unless the client says goodbye.
    will: Option<LastWill>,
}

impl Router {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            last_id: 0,
            connections: HashMap::new(),
            by_client_id: HashMap::new(),
            subscriptions: Subscriptions::default(),
            retained: Retained::new(limits),
            max_filters: limits.filters_per_connection,
            found: Vec::new(),
        }
    }

    /// Registers a connection; one that has the same client id ends. An empty id is nobody's.
    pub(super) fn connect(
        &mut self,
        client_id: String,
        will: Option<LastWill>,
        outbox: Arc<Outbox>,
    ) -> ConnectionId {
        if let Some(&old) = self.by_client_id.get(&client_id) {
            self.disconnect(old);
        }
        self.last_id += 1;
        let id = ConnectionId(self.last_id);
        if !client_id.is_empty() {
            self.by_client_id.insert(client_id.clone(), id);
        }
        let connection = Connection {
            client_id,
            outbox,
            filters: HashSet::new(),
            will,
        };
        self.connections.insert(id, connection);
        id
    }

    /// Removes a connection, if it is still there, and publishes its will, if it still has one.
    pub(super) fn disconnect(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        self.by_client_id.remove(&connection.client_id);
        for filter in &connection.filters {
            self.subscriptions.remove(filter, id);
        }
        connection.outbox.close();
        if let Some(will) = connection.will {
            let mut publication = Publish::from_bytes(will.topic, will.qos, will.message);
            publication.retain = will.retain;
            self.publish(publication);
        }
    }

    /// The client says goodbye: its will is void.
    pub(super) fn forget_will(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.will = None;
        }
    }

    /// Subscribes well-formed filters, answers, and sends what is retained for them.
    pub(super) fn subscribe(&mut self, id: ConnectionId, request: Subscribe) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mut codes = Vec::with_capacity(request.filters.len());
        let mut retained = Vec::new();
        for filter in request.filters {
            let known = connection.filters.contains(&filter.path);
            let room = known || connection.filters.len() < self.max_filters;
            if !room || refused_filter(&filter.path) {
                codes.push(SubscribeReasonCode::Failure);
                continue;
            }
            let granted = lower(filter.qos, HIGHEST_QOS);
            codes.push(SubscribeReasonCode::Success(granted));
            self.subscriptions.insert(&filter.path, id, granted);
            let found = self.retained.matching(&filter.path).into_iter();
            retained.extend(found.map(|publication| (publication, granted)));
            connection.filters.insert(filter.path);
        }
        connection
            .outbox
            .push(Frame::reply(&Packet::SubAck(SubAck::new(
                request.pkid,
                codes,
            ))));
        for (mut publication, granted) in retained {
            let qos = lower(publication.qos, granted);
            connection
                .outbox
                .push(Frame::publication(&mut publication, qos, true));
        }
    }

    /// Unsubscribes and answers; nothing for these filters follows the answer.
    pub(super) fn unsubscribe(&mut self, id: ConnectionId, request: &Unsubscribe) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        for filter in &request.topics {
            if connection.filters.remove(filter) {
                self.subscriptions.remove(filter, id);
            }
        }
        connection
            .outbox
            .push(Frame::reply(&Packet::UnsubAck(UnsubAck::new(request.pkid))));
    }

    /// Puts a publication with a valid topic into the outbox of each subscriber, encoded once for
    /// each QoS, and retains it if it says so.
    pub(super) fn publish(&mut self, mut publication: Publish) {
        if publication.retain {
            self.retained.store(&publication);
        }
        let published = publication.qos;
        let mut at_most_once = None;
        let mut at_least_once = None;
        let mut found = mem::take(&mut self.found);
        self.subscriptions.find(&publication.topic, &mut found);
        for &(id, granted) in &found {
            let Some(subscriber) = self.connections.get(&id) else {
                continue;
            };
            let qos = lower(published, granted);
            let encoded = match qos {
                QoS::AtMostOnce => &mut at_most_once,
                _ => &mut at_least_once,
            };
            let encode = || Frame::publication(&mut publication, qos, false);
            subscriber
                .outbox
                .push(encoded.get_or_insert_with(encode).clone());
        }
        self.found = found;
    }
}

fn lower(a: QoS, b: QoS) -> QoS {
    if a <= b { a } else { b }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use rumqttc::mqttbytes::v4::SubscribeFilter;

    use super::*;

    fn connect(router: &mut Router, client_id: &str) -> (ConnectionId, Arc<Outbox>) {
        connect_with_will(router, client_id, None)
    }

    fn connect_with_will(
        router: &mut Router,
        client_id: &str,
        will: Option<LastWill>,
    ) -> (ConnectionId, Arc<Outbox>) {
        let outbox = Arc::new(Outbox::new(client_id, &Limits::default()));
        (
            router.connect(client_id.to_owned(), will, Arc::clone(&outbox)),
            outbox,
        )
    }

    fn subscribe(router: &mut Router, id: ConnectionId, filters: &[(&str, QoS)]) {
        let filter = |&(path, qos): &(&str, QoS)| SubscribeFilter::new(path.to_owned(), qos);
        router.subscribe(id, Subscribe::new_many(filters.iter().map(filter)));
    }

    fn publish(router: &mut Router, topic: &str, payload: &str, qos: QoS, retain: bool) {
        let mut publication = Publish::new(topic, qos, payload);
        publication.retain = retain;
        router.publish(publication);
    }

    /// What waits in an outbox, written like `t=payload/qos`, with `/r` if retained.
    async fn waiting(outbox: &Outbox) -> Vec<String> {
        outbox.push(Frame::reply(&Packet::PingResp));
        let mut bytes = BytesMut::new();
        outbox.next_batch(&mut bytes).await;
        let mut waiting = Vec::new();
        loop {
            match Packet::read(&mut bytes, usize::MAX).expect("a packet") {
                Packet::PingResp => return waiting,
                Packet::Publish(p) => waiting.push(format!(
                    "{}={}/{}{}",
                    p.topic,
                    String::from_utf8_lossy(&p.payload),
                    p.qos as u8,
                    if p.retain { "/r" } else { "" }
                )),
                Packet::SubAck(ack) => waiting.push(format!("{:?}", ack.return_codes)),
                other => waiting.push(format!("{other:?}")),
            }
        }
    }

    #[tokio::test]
    async fn a_publication_comes_with_the_lower_of_both_qos_and_at_most_one() {
        let mut router = Router::new(&Limits::default());
        let (zero, zero_box) = connect(&mut router, "zero");
        let (two, two_box) = connect(&mut router, "two");
        subscribe(&mut router, zero, &[("t", QoS::AtMostOnce)]);
        subscribe(&mut router, two, &[("t", QoS::ExactlyOnce)]);
        for (payload, qos) in [
            ("a", QoS::AtMostOnce),
            ("b", QoS::AtLeastOnce),
            ("c", QoS::ExactlyOnce),
        ] {
            publish(&mut router, "t", payload, qos, false);
        }
        let granted_0 = ["[Success(AtMostOnce)]", "t=a/0", "t=b/0", "t=c/0"];
        assert_eq!(waiting(&zero_box).await, granted_0);
        let granted_1 = ["[Success(AtLeastOnce)]", "t=a/0", "t=b/1", "t=c/1"];
        assert_eq!(waiting(&two_box).await, granted_1);
    }

    #[tokio::test]
    async fn retained_messages_follow_the_answer_and_are_marked() {
        let mut router = Router::new(&Limits::default());
        publish(&mut router, "t", "old", QoS::AtLeastOnce, true);
        let (id, outbox) = connect(&mut router, "");
        subscribe(&mut router, id, &[("#", QoS::AtMostOnce)]);
        publish(&mut router, "t", "new", QoS::AtLeastOnce, true);
        let expected = ["[Success(AtMostOnce)]", "t=old/0/r", "t=new/0"];
        assert_eq!(waiting(&outbox).await, expected);
    }

    #[tokio::test]
    async fn shared_and_too_many_filters_are_refused_one_by_one() {
        let limits = Limits {
            filters_per_connection: 1,
            ..Limits::default()
        };
        let mut router = Router::new(&limits);
        let (id, outbox) = connect(&mut router, "");
        let zero = QoS::AtMostOnce;
        subscribe(
            &mut router,
            id,
            &[("$share/g/a", zero), ("a", zero), ("b", zero), ("a", zero)],
        );
        let expected = "[Failure, Success(AtMostOnce), Failure, Success(AtMostOnce)]";
        assert_eq!(waiting(&outbox).await, [expected]);
    }

    #[tokio::test]
    async fn takeover_ends_the_old_connection_and_leaves_the_new_one_alone() {
        let mut router = Router::new(&Limits::default());
        let (watcher, watcher_box) = connect(&mut router, "watcher");
        subscribe(&mut router, watcher, &[("will", QoS::AtMostOnce)]);
        let will = LastWill::new("will", "gone", QoS::AtMostOnce, false);
        let (old, old_box) = connect_with_will(&mut router, "same", Some(will));
        subscribe(&mut router, old, &[("t", QoS::AtMostOnce)]);
        let (new, new_box) = connect(&mut router, "same");
        old_box.closed().await;
        router.disconnect(old);
        subscribe(&mut router, new, &[("t", QoS::AtMostOnce)]);
        publish(&mut router, "t", "1", QoS::AtMostOnce, false);
        assert_eq!(waiting(&new_box).await, ["[Success(AtMostOnce)]", "t=1/0"]);
        assert_eq!(
            waiting(&watcher_box).await,
            ["[Success(AtMostOnce)]", "will=gone/0"]
        );
        router.disconnect(new);
        assert!(!router.by_client_id.contains_key("same"));
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_connection_that_said_goodbye() {
        let mut router = Router::new(&Limits::default());
        let will = LastWill::new("t", "gone", QoS::AtMostOnce, true);
        let (id, _outbox) = connect_with_will(&mut router, "client", Some(will));
        subscribe(
            &mut router,
            id,
            &[("t", QoS::AtMostOnce), ("a/+", QoS::AtMostOnce)],
        );
        router.forget_will(id);
        router.disconnect(id);
        assert!(router.connections.is_empty() && router.by_client_id.is_empty());
        router.subscriptions.find("a/b", &mut router.found);
        assert!(router.found.is_empty() && router.retained.matching("t").is_empty());
    }
}
