//! Publications that find their room idle on their own thread: a call, and in the order of everything else.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use actix::prelude::*;
use bytes::Bytes;
use switchboard_actors::limits::{SLICES_PER_WRITE, WRITES_PER_TURN};
use switchboard_actors::metrics::Metrics;
use switchboard_actors::outbox::{Outbox, OutboxLimits, Wire};
use switchboard_actors::room::{
    AddMember, Arrival, Publication, Publications, RemoveMember, Room, RoomAddr,
};
use switchboard_actors::testing::{eventually, paused, quiet};
use switchboard_protocol::topics::CaptionKind;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::support::{Socket, dropped, room};

/// A room on this thread, or another, whose actor has begun.
async fn start(name: &str, thread: Option<&ArbiterHandle>) -> RoomAddr {
    let address = RoomAddr::start(Room::new(room(name), None, Metrics::default()), thread);
    let nobody = RemoveMember(Socket::new(u64::MAX).id);
    address.ask(nobody).await.unwrap();
    address
}

fn join(socket: &Socket) -> AddMember {
    AddMember {
        socket: socket.id,
        outbox: Arc::clone(&socket.outbox).into(),
        history: None,
    }
}

async fn crowd(address: &RoomAddr, ids: Range<usize>) -> Vec<Socket> {
    let sockets: Vec<Socket> = ids.map(|id| Socket::new(id as u64)).collect();
    for socket in &sockets {
        address.ask(join(socket)).await.unwrap();
    }
    sockets
}

fn arrival() -> Arrival {
    Arrival::new(Instant::now(), None)
}

fn finals(texts: &[&str]) -> Publications {
    let final_of = |text: &&str| Publication {
        kind: CaptionKind::Final,
        payload: Bytes::copy_from_slice(text.as_bytes()),
    };
    texts.iter().map(final_of).collect()
}

fn heard(texts: &[&str]) -> Vec<String> {
    let event = |text: &&str| format!(r#"42["final",{text}]"#);
    texts.iter().map(event).collect()
}

#[test]
fn an_idle_room_on_this_thread_has_delivered_when_the_call_returns() {
    paused(async {
        let address = start("S/1", None).await;
        let members = crowd(&address, 0..3).await;
        address.deliver(finals(&["1", "2"]), &mut arrival());
        for member in &members {
            assert_eq!(member.heard(), heard(&["1", "2"]));
        }
    });
}

#[test]
fn what_a_room_was_told_before_is_dealt_with_first() {
    paused(async {
        let address = start("S/1", None).await;
        let [stays, leaves] = <[Socket; 2]>::try_from(crowd(&address, 0..2).await)
            .ok()
            .unwrap();
        let newcomer = Socket::new(2);
        address.tell(join(&newcomer));
        address.deliver(finals(&["1"]), &mut arrival());
        address.tell(RemoveMember(leaves.id));
        address.deliver(finals(&["2"]), &mut arrival());
        assert_eq!(stays.heard(), heard(&[]), "the newcomer comes first");
        quiet().await;
        assert_eq!(stays.heard(), heard(&["1", "2"]));
        assert_eq!(newcomer.heard(), heard(&["1", "2"]));
        assert_eq!(leaves.heard(), heard(&["1"]));
        address.deliver(finals(&["3"]), &mut arrival());
        assert_eq!(stays.heard(), heard(&["1", "2", "3"]), "it is idle again");
    });
}

#[test]
fn a_room_that_is_in_the_midst_of_its_turns_ends_them_first() {
    paused(async {
        let address = start("S/1", None).await;
        let members = crowd(&address, 0..WRITES_PER_TURN).await;
        // Two writes for each member, which are two turns; the one after them would be few enough for a call.
        let texts: Vec<String> = (0..=2 * SLICES_PER_WRITE).map(|n| n.to_string()).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (last, run) = texts.split_last().unwrap();
        address.deliver(finals(run), &mut arrival());
        let is_begun = || !members[0].heard().is_empty();
        while !is_begun() {
            tokio::task::yield_now().await;
        }
        assert!(members[WRITES_PER_TURN - 1].heard().is_empty());
        address.deliver(finals(&[last]), &mut arrival());
        quiet().await;
        for member in &members {
            assert_eq!(member.heard(), heard(&texts));
        }
    });
}

#[test]
fn one_arrival_has_so_many_writes_made_at_once_and_the_rest_in_the_rooms_own_turns() {
    paused(async {
        let half = WRITES_PER_TURN / 2;
        let mut rooms = Vec::new();
        for n in 0..3 {
            let address = start(&format!("S/{n}"), None).await;
            let first = n * half;
            let members = crowd(&address, first..first + half).await;
            rooms.push((address, members));
        }
        let semaphore = Arc::new(Semaphore::new(1));
        let credit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
        let mut arrival = Arrival::new(Instant::now(), Some(credit));
        for (address, _) in &rooms {
            address.deliver(finals(&["1"]), &mut arrival);
        }
        drop(arrival);
        let served = |members: &[Socket]| members.iter().filter(|m| !m.heard().is_empty()).count();
        let at_once: Vec<usize> = rooms.iter().map(|(_, members)| served(members)).collect();
        assert_eq!(at_once, [half, half, 0]);
        assert_eq!(
            semaphore.available_permits(),
            0,
            "the last has not dealt with it"
        );
        quiet().await;
        let (_, members) = &rooms[2];
        assert!(members.iter().all(|m| m.heard() == heard(&["1"])));
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// A stream with a fault.
struct Faulty;

impl Wire for Faulty {
    fn try_write(&self, _: &[IoSlice<'_>]) -> io::Result<usize> {
        panic!("the test's own");
    }

    fn resume_when_writable(self: Arc<Self>, _: Arc<Outbox>) {}

    fn shutdown(&self, _: Shutdown) {}
}

#[test]
fn a_fault_in_a_room_is_nobody_elses() {
    paused(async {
        let metrics = Metrics::default();
        let faulty = RoomAddr::start(Room::new(room("F/1"), None, metrics.clone()), None);
        let healthy = start("S/1", None).await;
        let outbox = Outbox::new(OutboxLimits::default(), Metrics::default());
        outbox.attach(Arc::new(Faulty));
        let socket = Socket::new(1);
        faulty
            .ask(join(&Socket { outbox, ..socket }))
            .await
            .unwrap();
        let members = crowd(&healthy, 2..3).await;
        let mut arrival = arrival();
        faulty.deliver(finals(&["1"]), &mut arrival);
        healthy.deliver(finals(&["2"]), &mut arrival);
        assert_eq!(members[0].heard(), heard(&["2"]));
        assert_eq!(dropped(&metrics, "fault"), 1);
    });
}

/// A stream that remembers which threads wrote to it, once for each write.
#[derive(Default)]
struct Writers(Mutex<Vec<ThreadId>>);

impl Wire for Writers {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.lock().unwrap().push(thread::current().id());
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn resume_when_writable(self: Arc<Self>, _: Arc<Outbox>) {
        unreachable!("it takes everything");
    }

    fn shutdown(&self, _: Shutdown) {}
}

#[test]
fn a_room_of_another_thread_delivers_there() {
    System::new().block_on(async {
        let arbiter = Arbiter::new();
        let address = start("S/1", Some(&arbiter.handle())).await;
        let (member, writers) = (Socket::new(1), Arc::new(Writers::default()));
        let outbox = Outbox::new(OutboxLimits::default(), Metrics::default());
        outbox.attach(Arc::clone(&writers) as Arc<dyn Wire>);
        address
            .ask(join(&Socket { outbox, ..member }))
            .await
            .unwrap();
        for _ in 0..10 {
            address.deliver(finals(&["1"]), &mut arrival());
        }
        let written = || writers.0.lock().unwrap().clone();
        let written = eventually(written, |written| written.len() == 10).await;
        let own = thread::current().id();
        assert!(
            written
                .iter()
                .all(|thread| *thread == written[0] && *thread != own)
        );
        arbiter.stop();
    });
}
