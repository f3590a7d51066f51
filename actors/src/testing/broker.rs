//! An MQTT broker in memory, behind the three links of a BrokerActor.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::prelude::*;
use bytes::Bytes;
use tokio::time::Instant;

use crate::mqtt_client::{Arrived, Ask, LinkEvent, LinkRole, Links, Outbound, channels};

const ROLES: [LinkRole; 3] = [
    LinkRole::Delivery,
    LinkRole::Session,
    LinkRole::Organization,
];

/// Holds subscriptions, answers requests at once or when told, publishes, comes and goes.
///
/// It also watches manners: see [`FakeBroker::faults`]. Down at first.
#[derive(Clone)]
pub struct FakeBroker(Arc<Mutex<State>>);

struct State {
    outbound: Outbound,
    links: [Link; 3],
    /// Whether requests are answered as they come.
    answers_at_once: bool,
    refused: HashSet<String>,
    asked: Vec<(LinkRole, Ask)>,
    faults: Vec<String>,
}

#[derive(Default)]
struct Link {
    is_up: bool,
    held: BTreeSet<String>,
    unanswered: VecDeque<Ask>,
}

/// One link's client.
struct Probe(LinkRole, FakeBroker);

impl Actor for Probe {
    type Context = Context<Self>;
}

impl Handler<Ask> for Probe {
    type Result = ();

    fn handle(&mut self, ask: Ask, _: &mut Self::Context) {
        self.1.hear(self.0, ask);
    }
}

impl FakeBroker {
    /// Starts the three links' clients on the current thread.
    pub fn start() -> (Self, Links) {
        let (outbound, inbound) = channels();
        let broker = Self(Arc::new(Mutex::new(State {
            outbound,
            links: Default::default(),
            answers_at_once: true,
            refused: HashSet::new(),
            asked: Vec::new(),
            faults: Vec::new(),
        })));
        let link = |role| Probe(role, broker.clone()).start().recipient();
        let links = Links {
            delivery: link(LinkRole::Delivery),
            session: link(LinkRole::Session),
            organization: link(LinkRole::Organization),
            inbound,
        };
        (broker, links)
    }

    /// All three links come up, and what is asked is answered.
    pub fn up(&self) {
        ROLES.into_iter().for_each(|role| self.link_up(role));
    }

    /// All three links are lost.
    pub fn down(&self) {
        ROLES.into_iter().for_each(|role| self.link_down(role));
    }

    /// One link comes up; the broker knows nothing of it.
    pub fn link_up(&self, role: LinkRole) {
        let mut state = self.lock();
        state.links[role as usize] = Link {
            is_up: true,
            ..Link::default()
        };
        state.tell(LinkEvent::Up(role));
    }

    /// One link is lost, and with it its subscriptions and what was not answered.
    pub fn link_down(&self, role: LinkRole) {
        let mut state = self.lock();
        state.links[role as usize] = Link::default();
        state.tell(LinkEvent::Down(role, "told so".to_owned()));
    }

    /// Whether requests are answered as they come; else they wait for [`FakeBroker::answer`].
    pub fn set_answering(&self, at_once: bool) {
        self.lock().answers_at_once = at_once;
    }

    /// Refuses `filter` from now on.
    pub fn refuse(&self, filter: &str) {
        self.lock().refused.insert(filter.to_owned());
    }

    /// Answers up to `count` of the requests that wait on `role`, oldest first.
    pub fn answer(&self, role: LinkRole, count: usize) {
        for _ in 0..count {
            self.lock().answer_one(role);
        }
    }

    /// Requests of `role` that wait for an answer.
    pub fn unanswered(&self, role: LinkRole) -> usize {
        self.lock().links[role as usize].unanswered.len()
    }

    /// Everything asked so far, in order.
    pub fn asked(&self) -> Vec<(LinkRole, Ask)> {
        self.lock().asked.clone()
    }

    /// What is subscribed on `role`.
    pub fn subscribed(&self, role: LinkRole) -> BTreeSet<String> {
        self.lock().links[role as usize].held.clone()
    }

    /// How often `filter` was in a SUBSCRIBE.
    pub fn subscriptions_of(&self, filter: &str) -> usize {
        let is_meant = |ask: &Ask| matches!(ask, Ask::Subscribe(filters) if filters.iter().any(|f| f == filter));
        self.count(is_meant)
    }

    /// How often `filter` was in an UNSUBSCRIBE.
    pub fn unsubscriptions_of(&self, filter: &str) -> usize {
        self.count(|ask| matches!(ask, Ask::Unsubscribe(f) if f == filter))
    }

    /// Publishes, as one batch, what is subscribed on the delivery link; false when nothing of it is.
    pub fn publish(&self, publications: &[(&str, &str)]) -> bool {
        let state = self.lock();
        let held = &state.links[LinkRole::Delivery as usize].held;
        let of_interest = |(topic, _): &&(&str, &str)| held.contains(*topic);
        let batch: Vec<_> = publications.iter().filter(of_interest).copied().collect();
        drop(state);
        if batch.is_empty() {
            return false;
        }
        self.inject(&batch);
        true
    }

    /// Hands over a batch whether subscribed or not, as one that was on its way.
    pub fn inject(&self, publications: &[(&str, &str)]) {
        let publications = publications
            .iter()
            .map(|(topic, payload)| (topic.to_string(), Bytes::from(payload.to_string())));
        let arrived = Arrived {
            publications: publications.collect(),
            received: Instant::now(),
            credit: None,
        };
        let arrivals = self.lock().outbound.arrivals.clone();
        let sent = arrivals.try_send(arrived);
        assert!(sent.is_ok(), "the BrokerActor takes batches");
    }

    /// The actors' end of the link, for what the methods above cannot say.
    pub fn outbound(&self) -> Outbound {
        self.lock().outbound.clone()
    }

    /// Bad manners seen so far: a filter subscribed that was subscribed already, unsubscribed that was not, or
    /// asked about again before the answer to the request before it.
    pub fn faults(&self) -> Vec<String> {
        self.lock().faults.clone()
    }

    fn count(&self, is_meant: impl Fn(&Ask) -> bool) -> usize {
        let asked = &self.lock().asked;
        asked.iter().filter(|(_, ask)| is_meant(ask)).count()
    }

    fn hear(&self, role: LinkRole, ask: Ask) {
        let mut state = self.lock();
        state.asked.push((role, ask.clone()));
        // A link without a connection drops requests.
        if ask == Ask::Connect || !state.links[role as usize].is_up {
            return;
        }
        if let Ask::Publish(publish) = ask {
            // Organizations' events come back to whoever published them, as they do from a real broker.
            let arrivals = state.outbound.arrivals.clone();
            let echo = Arrived {
                publications: vec![(publish.topic, publish.payload)],
                received: Instant::now(),
                credit: None,
            };
            // Nobody listens once the BrokerActor is gone.
            actix::spawn(async move { arrivals.send(echo).await });
            return;
        }
        state.watch_manners(role, &ask);
        state.links[role as usize].unanswered.push_back(ask);
        if state.answers_at_once {
            state.answer_one(role);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn filters_of(ask: &Ask) -> &[String] {
    match ask {
        Ask::Connect | Ask::Publish(_) => &[],
        Ask::Subscribe(filters) => filters,
        Ask::Unsubscribe(filter) => std::slice::from_ref(filter),
    }
}

impl State {
    fn tell(&self, event: LinkEvent) {
        // Nobody listens once the BrokerActor is gone.
        let _ = self.outbound.events.send(event);
    }

    fn watch_manners(&mut self, role: LinkRole, ask: &Ask) {
        let link = &mut self.links[role as usize];
        for filter in filters_of(ask) {
            if link
                .unanswered
                .iter()
                .any(|a| filters_of(a).contains(filter))
            {
                self.faults.push(format!("{filter} asked about again"));
            }
            let is_subscribe = matches!(ask, Ask::Subscribe(_));
            if link.held.contains(filter) == is_subscribe {
                self.faults.push(format!("{filter} in vain: {ask:?}"));
            }
        }
    }

    fn answer_one(&mut self, role: LinkRole) {
        let link = &mut self.links[role as usize];
        let event = match link.unanswered.pop_front() {
            Some(Ask::Subscribe(filters)) => {
                let answers: Vec<_> = filters
                    .into_iter()
                    .map(|filter| {
                        let is_granted = !self.refused.contains(&filter);
                        (filter, is_granted)
                    })
                    .collect();
                let granted = answers.iter().filter(|(_, granted)| *granted);
                link.held.extend(granted.map(|(filter, _)| filter.clone()));
                LinkEvent::Subscribed(role, answers)
            }
            Some(Ask::Unsubscribe(filter)) => {
                link.held.remove(&filter);
                LinkEvent::Unsubscribed(role, filter)
            }
            Some(Ask::Connect | Ask::Publish(_)) | None => return,
        };
        self.tell(event);
    }
}
