//! What a publication allocates between the link that read it and the wires of a room's members, counted. This guards the hot
//! path: no delivery allocates, and a publication no more than is said here.
//!
//! The counter is the binary's allocator and counts for each thread by itself; all actors of a test are on its own.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the message")]

use std::hint::black_box;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix::prelude::*;
use allocation_counter::measure;
use bytes::Bytes;
use switchboard_actors::SocketId;
use switchboard_actors::broker::{BrokerActor, Router, Subscribe};
use switchboard_actors::limits::{JOURNAL_FRAMES, RECENT_FINALS, WRITES_PER_TURN};
use switchboard_actors::metrics::Metrics;
use switchboard_actors::outbox::{Journal, Outbox, OutboxLimits, WayOut, Wire};
use switchboard_actors::room::{AddMember, Room, RoomAddr};
use switchboard_actors::testing::{FakeBroker, eventually};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

/// Publications that one count is taken over.
const PUBLICATIONS: usize = 64;
/// Allocations of one: the frame.
const OF_A_PUBLICATION: usize = 1;
/// What a final has beside: its frame is shared with the room's memory.
const OF_A_FINAL: usize = OF_A_PUBLICATION + 1;
/// What recoverable members cost together: their frame with an offset, shared with their journals; the
/// offset's text, and the list of such frames.
const OF_OFFSETS: usize = 4;
/// What a publication has beside that is not delivered at once, as in a room of more than [`WRITES_PER_TURN`] members: the batch's
/// credit, the message to the room, and its place in the mailbox.
const OF_A_MESSAGE: usize = 3;
/// What such a room has for each further turn: what waits.
const OF_A_TURN: usize = 1;

const PARTIAL: &str = "transcriber/out/S/1/partial";
const FINAL: &str = "transcriber/out/S/1/final";

/// A stream that takes everything and keeps nothing.
#[derive(Default)]
struct Sink {
    writes: Arc<AtomicUsize>,
    /// Whether each write allocates, as none should.
    is_wasteful: bool,
}

impl Wire for Sink {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if self.is_wasteful {
            drop(black_box(Box::new(1_u8)));
        }
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn resume_when_writable(self: Arc<Self>, _: Arc<Outbox>) {
        unreachable!("it takes everything");
    }

    fn shutdown(&self, _: Shutdown) {}
}

/// A room with members on an actix system of this thread.
struct Scene {
    system: SystemRunner,
    router: Arc<Router>,
    members: usize,
    writes: Arc<AtomicUsize>,
    _broker: (FakeBroker, Addr<BrokerActor>),
}

#[derive(Clone, Copy, PartialEq)]
enum Members {
    Plain,
    Recoverable,
    Wasteful,
}

impl Scene {
    fn new(members: usize, kind: Members) -> Self {
        let system = System::new();
        let writes = Arc::<AtomicUsize>::default();
        let broker = system.block_on(async {
            let metrics = Metrics::default();
            let (router, _) = Router::new(metrics.clone());
            let (broker, links) = FakeBroker::start(1, router);
            let (actor, _) = BrokerActor::new(links, metrics.clone());
            let actor = actor.start();
            broker.up();
            let room = Room::new("S/1".parse().unwrap(), None, metrics.clone());
            let room = RoomAddr::start(room, None);
            for n in 0..members {
                let outbox = Outbox::new(OutboxLimits::default(), metrics.clone());
                outbox.attach(Arc::new(Sink {
                    writes: Arc::clone(&writes),
                    is_wasteful: kind == Members::Wasteful,
                }));
                let outbox = match kind {
                    Members::Recoverable => {
                        let journal = Journal::new();
                        assert!(journal.attach(0, outbox));
                        WayOut::Recoverable(journal)
                    }
                    Members::Plain | Members::Wasteful => outbox.into(),
                };
                let socket = SocketId(n as u64);
                let member = AddMember {
                    socket,
                    outbox,
                    history: None,
                };
                room.ask(member).await.unwrap();
            }
            let (granted, answer) = oneshot::channel();
            let subscribe = Subscribe {
                room: "S/1".parse().unwrap(),
                address: room,
                granted,
            };
            actor.send(subscribe).await.unwrap();
            answer.await.unwrap();
            (broker, actor)
        });
        Self {
            system,
            router: broker.0.outbound().router,
            members,
            writes,
            _broker: broker,
        }
    }

    /// Allocations of so many publications, one after the other, from their arrival to the last member's wire.
    fn allocations(&self, topic: &str, publications: usize) -> usize {
        let credit = Arc::new(Semaphore::new(publications));
        let arrived = |n: usize| (topic.to_owned(), Bytes::from(format!(r#"{{"n":{n}}}"#)));
        let arrived: Vec<_> = (0..publications).map(arrived).collect();
        let all = async {
            for publication in arrived {
                let written = self.writes.load(Ordering::Relaxed) + self.members;
                let credit = Arc::clone(&credit).try_acquire_owned().unwrap();
                let one = std::iter::once(publication);
                self.router.route(one, Instant::now(), Some(credit));
                let writes = || self.writes.load(Ordering::Relaxed);
                eventually(writes, |writes| *writes == written).await;
            }
        };
        let counted = measure(|| self.system.block_on(all));
        counted.count_total as usize
    }

    /// The same for each publication, once all that only grows at first has its size.
    fn steady(&self, topic: &str) -> usize {
        self.allocations(topic, RECENT_FINALS + 1);
        self.allocations(topic, PUBLICATIONS) / PUBLICATIONS
    }
}

/// As [`OF_A_PUBLICATION`], and what it is of these.
const TOPICS: [(&str, usize); 2] = [(PARTIAL, OF_A_PUBLICATION), (FINAL, OF_A_FINAL)];

#[test]
fn a_delivery_allocates_nothing_and_a_publication_no_more_than_it_ever_did() {
    for (topic, most) in TOPICS {
        for members in [1, 100] {
            let counted = Scene::new(members, Members::Plain).steady(topic);
            assert!(counted <= most, "{topic} to {members}: {counted}");
        }
    }
}

#[test]
fn a_thousand_members_cost_a_publication_no_more_than_the_rooms_further_turns() {
    let further_turns = 1_000_usize.div_ceil(WRITES_PER_TURN) - 1;
    for (topic, most) in TOPICS {
        let counted = Scene::new(1_000, Members::Plain).steady(topic);
        let most = most + OF_A_MESSAGE + further_turns * OF_A_TURN;
        assert!(counted <= most, "{topic}: {counted}, more than {most}");
    }
}

#[test]
fn a_delivery_to_a_recoverable_member_allocates_nothing_but_the_growth_of_its_journal() {
    for (topic, most) in TOPICS {
        let scenes = [1, 101].map(|members| Scene::new(members, Members::Recoverable));
        let [one, many] = scenes.each_ref().map(|scene| {
            // Until it drops its first, a journal doubles now and then.
            scene.allocations(topic, JOURNAL_FRAMES + 1)
        });
        let doublings = JOURNAL_FRAMES.ilog2() as usize;
        let growth = (many - one).div_ceil(100);
        assert!(growth <= doublings, "{topic}: {growth} for each journal");
        for scene in &scenes {
            let counted = scene.steady(topic);
            let most = most + OF_OFFSETS;
            let members = scene.members;
            assert!(counted <= most, "{topic} to {members}: {counted}");
        }
    }
}

#[test]
fn an_allocation_for_each_delivery_does_not_go_unseen() {
    let counted = Scene::new(100, Members::Wasteful).steady(PARTIAL);
    assert!(counted >= 100, "{counted}");
}
