//! An MQTT broker in memory, behind the links of a BrokerActor.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::prelude::*;
use bytes::Bytes;
use tokio::time::Instant;

use crate::broker::Router;
use crate::mqtt_client::{Ask, LinkEvent, LinkId, LinkRole, Links, Outbound, channel};

/// Holds subscriptions, answers requests at once or when told, publishes, comes and goes.
///
/// It also watches manners: see [`FakeBroker::faults`]. Down at first.
#[derive(Clone)]
pub struct FakeBroker(Arc<Mutex<State>>);

struct State {
    outbound: Outbound,
    links: HashMap<LinkId, Link>,
    /// Whether requests are answered as they come.
    answers_at_once: bool,
    refused: HashSet<String>,
    asked: Vec<(LinkId, Ask)>,
    faults: Vec<String>,
}

#[derive(Default)]
struct Link {
    is_up: bool,
    held: BTreeSet<String>,
    unanswered: VecDeque<Ask>,
}

/// One link's client.
struct Probe(LinkId, FakeBroker);

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
    /// Starts the links' clients on the current thread; of delivery, as many as told. What is published goes to `router`.
    pub fn start(delivery_links: usize, router: Arc<Router>) -> (Self, Links) {
        let (outbound, events) = channel(Arc::clone(&router));
        let broker = Self(Arc::new(Mutex::new(State {
            outbound,
            links: HashMap::new(),
            answers_at_once: true,
            refused: HashSet::new(),
            asked: Vec::new(),
            faults: Vec::new(),
        })));
        let link = |id: LinkId| {
            broker.lock().links.insert(id, Link::default());
            Probe(id, broker.clone()).start().recipient()
        };
        let role = LinkRole::Delivery;
        let links = Links {
            delivery: (0..delivery_links)
                .map(|number| link(LinkId { role, number }))
                .collect(),
            session: link(LinkRole::Session.into()),
            organization: link(LinkRole::Organization.into()),
            events,
            router,
        };
        (broker, links)
    }

    /// All links come up, and what is asked is answered.
    pub fn up(&self) {
        self.ids().into_iter().for_each(|id| self.link_up(id));
    }

    /// All links are lost.
    pub fn down(&self) {
        self.ids().into_iter().for_each(|id| self.link_down(id));
    }

    /// One link comes up; the broker knows nothing of it.
    pub fn link_up(&self, link: impl Into<LinkId>) {
        let (id, mut state) = (link.into(), self.lock());
        let link = Link {
            is_up: true,
            ..Link::default()
        };
        state.links.insert(id, link);
        state.tell(LinkEvent::Up(id));
    }

    /// One link is lost, and with it its subscriptions and what was not answered.
    pub fn link_down(&self, link: impl Into<LinkId>) {
        let (id, mut state) = (link.into(), self.lock());
        state.links.insert(id, Link::default());
        state.tell(LinkEvent::Down(id, "told so".to_owned()));
    }

    /// Whether requests are answered as they come; else they wait for [`FakeBroker::answer`].
    pub fn set_answering(&self, at_once: bool) {
        self.lock().answers_at_once = at_once;
    }

    /// Refuses `filter` from now on.
    pub fn refuse(&self, filter: &str) {
        self.lock().refused.insert(filter.to_owned());
    }

    /// Answers up to `count` of the requests that wait on `link`, oldest first.
    pub fn answer(&self, link: impl Into<LinkId>, count: usize) {
        let id = link.into();
        for _ in 0..count {
            self.lock().answer_one(id);
        }
    }

    /// Requests of `link` that wait for an answer.
    pub fn unanswered(&self, link: impl Into<LinkId>) -> usize {
        self.lock().link(link.into()).unanswered.len()
    }

    /// Everything asked so far, in order.
    pub fn asked(&self) -> Vec<(LinkRole, Ask)> {
        let asked = self.lock().asked.clone();
        asked.into_iter().map(|(id, ask)| (id.role, ask)).collect()
    }

    /// What is subscribed on the links of `role`.
    pub fn subscribed(&self, role: LinkRole) -> BTreeSet<String> {
        let state = self.lock();
        let links = state.links.iter().filter(|(id, _)| id.role == role);
        links.flat_map(|(_, link)| link.held.clone()).collect()
    }

    /// What is subscribed on one of them.
    pub fn subscribed_on(&self, link: LinkId) -> BTreeSet<String> {
        self.lock().link(link).held.clone()
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

    /// Publishes, as one batch, what is subscribed on a delivery link; false when nothing of it is.
    pub fn publish(&self, publications: &[(&str, &str)]) -> bool {
        let state = self.lock();
        let of_interest = |(topic, _): &&(&str, &str)| {
            let mut links = state.links.iter();
            links.any(|(id, link)| id.role == LinkRole::Delivery && link.held.contains(*topic))
        };
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
        let router = Arc::clone(&self.lock().outbound.router);
        router.route(publications, Instant::now(), None);
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

    fn ids(&self) -> Vec<LinkId> {
        self.lock().links.keys().copied().collect()
    }

    fn count(&self, is_meant: impl Fn(&Ask) -> bool) -> usize {
        let asked = &self.lock().asked;
        asked.iter().filter(|(_, ask)| is_meant(ask)).count()
    }

    fn hear(&self, id: LinkId, ask: Ask) {
        let mut state = self.lock();
        state.asked.push((id, ask.clone()));
        // A link without a connection drops requests.
        if ask == Ask::Connect || !state.link(id).is_up {
            return;
        }
        if let Ask::Publish(publish) = ask {
            // Organizations' events come back to whoever published them, as they do from a real broker.
            let router = Arc::clone(&state.outbound.router);
            let echo = std::iter::once((publish.topic, publish.payload));
            actix::spawn(async move { router.route(echo, Instant::now(), None) });
            return;
        }
        state.watch_manners(id, &ask);
        state.link(id).unanswered.push_back(ask);
        if state.answers_at_once {
            state.answer_one(id);
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

    fn link(&mut self, id: LinkId) -> &mut Link {
        self.links.get_mut(&id).expect("one of those it started")
    }

    fn watch_manners(&mut self, id: LinkId, ask: &Ask) {
        let link = self.links.get_mut(&id).expect("one of those it started");
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

    fn answer_one(&mut self, id: LinkId) {
        let link = self.links.get_mut(&id).expect("one of those it started");
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
                LinkEvent::Subscribed(id, answers)
            }
            Some(Ask::Unsubscribe(filter)) => {
                link.held.remove(&filter);
                LinkEvent::Unsubscribed(id, filter)
            }
            Some(Ask::Connect | Ask::Publish(_)) | None => return,
        };
        self.tell(event);
    }
}
