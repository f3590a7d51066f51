//! A room's fan-out.

use std::net::Shutdown;
use std::sync::Arc;

use bytes::Bytes;
use switchboard_actors::limits::WRITES_PER_TURN;
use switchboard_actors::metrics::Metrics;
use switchboard_actors::outbox::{Outbox, OutboxLimits};
use switchboard_actors::room::{AddMember, Deliver, Publication, RemoveMember, Room, RoomAddr};
use switchboard_actors::testing::{FakeWire, paused, quiet};
use switchboard_protocol::topics::CaptionKind;
use tokio::sync::Semaphore;

use crate::support::{Addresses, Socket, dropped, logged, record_log, room};

struct Stage {
    room: RoomAddr,
    metrics: Metrics,
}

impl Stage {
    fn new(name: &str) -> Self {
        let metrics = Metrics::default();
        let room = Room::new(room(name), None, metrics.clone());
        let room = RoomAddr::start(room, None);
        Self { room, metrics }
    }

    async fn add(&self, id: u64) -> Socket {
        let socket = Socket::new(id);
        self.add_socket(&socket).await;
        socket
    }

    async fn add_socket(&self, socket: &Socket) {
        let outbox = Arc::clone(&socket.outbox).into();
        let socket = socket.id;
        self.room
            .ask(AddMember {
                socket,
                outbox,
                history: None,
            })
            .await
            .unwrap();
    }

    async fn remove(&self, socket: &Socket) {
        self.room.ask(RemoveMember(socket.id)).await.unwrap();
    }

    async fn deliver(&self, publications: &[(CaptionKind, &[u8])]) {
        let publications = publications.iter().map(|(kind, payload)| Publication {
            kind: *kind,
            payload: Bytes::copy_from_slice(payload),
        });
        let deliver = Deliver {
            publications: publications.collect(),
            received: tokio::time::Instant::now(),
            credit: None,
        };
        self.room.ask(deliver).await.unwrap();
    }

    async fn deliver_finals(&self, payloads: &[&str]) {
        let finals = payloads.iter().map(|p| (CaptionKind::Final, p.as_bytes()));
        self.deliver(&finals.collect::<Vec<_>>()).await;
    }
}

#[test]
fn every_member_gets_the_same_bytes_and_the_payload_untouched() {
    paused(async {
        let stage = Stage::new("same/1");
        let members = [stage.add(1).await, stage.add(2).await, stage.add(3).await];
        let payload = r#" { "text":"\u00e9  /\/", "start":1.50, "start":1.5e0 }"#;
        stage.deliver_finals(&[payload]).await;
        for member in &members {
            assert_eq!(member.heard(), [format!(r#"42["final",{payload}]"#)]);
            assert_eq!(member.wire.written(), members[0].wire.written());
        }
        assert_eq!(stage.metrics.deliveries.get(), 3);
    });
}

#[test]
fn a_publication_is_encoded_once_and_its_bytes_are_shared_by_all_members() {
    paused(async {
        let stage = Stage::new("shared/1");
        let wires = [0, 1, 2].map(|_| Arc::new(Addresses::default()));
        for (id, wire) in wires.iter().enumerate() {
            let socket = Socket::new(id as u64);
            let outbox = Outbox::new(OutboxLimits::default(), Metrics::default());
            outbox.attach(wire.clone());
            stage.add_socket(&Socket { outbox, ..socket }).await;
        }
        stage.deliver_finals(&["1", "2"]).await;
        let [first, second, third] = wires.each_ref().map(|w| w.0.lock().unwrap().clone());
        assert_eq!(first.len(), 2);
        assert_eq!((&first, &first), (&second, &third));
    });
}

#[test]
fn each_kind_of_caption_is_an_event_of_its_own() {
    paused(async {
        let stage = Stage::new("kinds/1");
        let member = stage.add(1).await;
        stage
            .deliver(&CaptionKind::ALL.map(|kind| (kind, &b"1"[..])))
            .await;
        let events = [
            r#"42["partial",1]"#,
            r#"42["final",1]"#,
            r#"42["translation",1]"#,
            r#"42["translation",1]"#,
        ];
        assert_eq!(member.heard(), events);
    });
}

#[test]
fn a_long_run_of_publications_keeps_its_order() {
    paused(async {
        let stage = Stage::new("run/1");
        let member = stage.add(1).await;
        let payloads: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
        stage.deliver_finals(&payloads).await;
        let expected: Vec<String> = (0..200).map(|n| format!(r#"42["final",{n}]"#)).collect();
        assert_eq!(member.heard(), expected);
        assert!(member.wire.writes() < 10, "frames of a run share a write");
    });
}

#[test]
fn a_payload_that_is_not_json_is_dropped_and_counted_and_logged_once_and_the_members_stay() {
    record_log();
    paused(async {
        let stage = Stage::new("broken-payloads/1");
        let member = stage.add(1).await;
        let broken = ["", "{", "1 2", "{\"a\":}", "nul"];
        stage.deliver_finals(&broken).await;
        stage.deliver(&[(CaptionKind::Partial, b"\"\xff\"")]).await;
        assert_eq!(member.heard(), Vec::<String>::new());
        assert_eq!(dropped(&stage.metrics, "not_json"), 6);
        assert_eq!(stage.metrics.deliveries.get(), 0);
        assert_eq!(logged("broken-payloads/1").len(), 1);
        stage.deliver_finals(&["{", "1"]).await;
        assert_eq!(member.heard(), [r#"42["final",1]"#]);
        assert_eq!(logged("broken-payloads/1").len(), 1);
    });
}

#[test]
fn a_payload_cannot_break_out_of_its_event() {
    paused(async {
        let stage = Stage::new("escape/1");
        let member = stage.add(1).await;
        stage.deliver_finals(&["1],[2", "1,2", "1]"]).await;
        assert_eq!(member.heard(), Vec::<String>::new());
    });
}

#[test]
fn a_removed_member_gets_nothing_and_all_others_still_do() {
    paused(async {
        let stage = Stage::new("removed/1");
        let mut members = Vec::new();
        for id in 0..5 {
            members.push(stage.add(id).await);
        }
        // First, middle and last place, each of which moves others.
        for removed in [0, 2, 4] {
            stage.remove(&members[removed]).await;
            stage.remove(&members[removed]).await;
        }
        stage.deliver_finals(&["1"]).await;
        let heard: Vec<usize> = members.iter().map(|m| m.heard().len()).collect();
        assert_eq!(heard, [0, 1, 0, 1, 0]);
        stage.remove(&members[1]).await;
        stage.deliver_finals(&["2"]).await;
        let heard: Vec<usize> = members.iter().map(|m| m.heard().len()).collect();
        assert_eq!(heard, [0, 1, 0, 2, 0]);
    });
}

#[test]
fn a_member_added_twice_hears_everything_once() {
    paused(async {
        let stage = Stage::new("twice/1");
        let member = stage.add(1).await;
        stage.add_socket(&member).await;
        stage.deliver_finals(&["1"]).await;
        assert_eq!(member.heard().len(), 1);
        stage.remove(&member).await;
        stage.deliver_finals(&["2"]).await;
        assert_eq!(member.heard().len(), 1);
    });
}

#[test]
fn a_stalled_member_loses_itself_and_holds_up_nobody() {
    paused(async {
        let stage = Stage::new("stalled/1");
        let (before, after) = (stage.add(1).await, Socket::new(3));
        let limits = OutboxLimits {
            bytes: 1 << 20,
            frames: 10,
        };
        let (wire, metrics) = (FakeWire::with_room(5), Metrics::default());
        let outbox = Outbox::new(limits, metrics.clone());
        outbox.attach(wire.clone());
        let stalled = Socket {
            outbox,
            wire,
            ..Socket::new(2)
        };
        stage.add_socket(&stalled).await;
        stage.add_socket(&after).await;
        for count in 1..=20 {
            stage.deliver_finals(&["1"]).await;
            assert_eq!((before.heard().len(), after.heard().len()), (count, count));
        }
        assert_eq!(stalled.wire.shutdowns(), [Shutdown::Read]);
        assert_eq!(stalled.heard(), Vec::<String>::new());
        assert_eq!(
            (before.wire.shutdowns(), after.wire.shutdowns()),
            (vec![], vec![])
        );
    });
}

#[test]
fn the_credit_of_a_batch_comes_back_once_it_is_delivered() {
    paused(async {
        let stage = Stage::new("credit/1");
        let semaphore = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&semaphore).try_acquire_owned().unwrap();
        let deliver = Deliver {
            publications: Default::default(),
            received: tokio::time::Instant::now(),
            credit: Some(Arc::new(permit)),
        };
        assert_eq!(semaphore.available_permits(), 0);
        stage.room.ask(deliver).await.unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// A room that takes three turns for one batch, and its members.
async fn large(name: &str) -> (Stage, Vec<Socket>) {
    let stage = Stage::new(name);
    let mut members = Vec::new();
    for id in 0..2 * WRITES_PER_TURN as u64 + 10 {
        members.push(stage.add(id).await);
    }
    (stage, members)
}

/// A batch of one final, which lets go of the only permit of its semaphore once it is dealt with.
async fn one_final(text: &str) -> (Deliver, Arc<Semaphore>) {
    let semaphore = Arc::new(Semaphore::new(1));
    let credit = Arc::clone(&semaphore).acquire_owned().await.unwrap();
    let publication = Publication {
        kind: CaptionKind::Final,
        payload: Bytes::copy_from_slice(text.as_bytes()),
    };
    let deliver = Deliver {
        publications: [publication].into(),
        credit: Some(Arc::new(credit)),
        received: tokio::time::Instant::now(),
    };
    (deliver, semaphore)
}

#[test]
fn a_large_room_lets_others_have_their_turn_and_keeps_its_credit_until_all_are_served() {
    paused(async {
        let (crowd, members) = large("large/1").await;
        let small = Stage::new("small/1");
        let neighbour = small.add(1).await;
        let (deliver, credit) = one_final("1").await;
        crowd.room.tell(deliver);
        let (deliver, _) = one_final("2").await;
        small.room.ask(deliver).await.unwrap();
        assert_eq!(neighbour.heard(), [r#"42["final",2]"#]);
        let served = members.iter().filter(|m| !m.heard().is_empty()).count();
        assert!(served < members.len(), "the small room had to wait for all");
        assert_eq!(credit.available_permits(), 0, "{served} are served");
        quiet().await;
        assert!(members.iter().all(|m| m.heard() == [r#"42["final",1]"#]));
        assert_eq!(credit.available_permits(), 1);
        assert_eq!(crowd.metrics.deliveries.get(), members.len() as u64);
    });
}

#[test]
fn who_joins_or_leaves_while_a_large_room_is_served_gets_exactly_what_was_published_in_its_time() {
    paused(async {
        let (crowd, members) = large("turns/1").await;
        let newcomer = Socket::new(members.len() as u64);
        // The first has been served by then, the other has not; the first's leaving moves the last to its place.
        let leavers = [0, members.len() - 2];
        crowd.room.tell(one_final("1").await.0);
        for leaver in leavers {
            crowd.room.tell(RemoveMember(members[leaver].id));
        }
        crowd.room.tell(AddMember {
            socket: newcomer.id,
            outbox: Arc::clone(&newcomer.outbox).into(),
            history: None,
        });
        crowd.room.tell(one_final("2").await.0);
        quiet().await;
        let (first, second) = (r#"42["final",1]"#, r#"42["final",2]"#);
        assert_eq!(newcomer.heard(), [second]);
        for (place, member) in members.iter().enumerate() {
            let expected = match leavers.contains(&place) {
                true => vec![first],
                false => vec![first, second],
            };
            assert_eq!(member.heard(), expected, "member {place}");
        }
    });
}

#[test]
fn a_long_run_for_a_large_room_reaches_each_member_in_order() {
    paused(async {
        let (crowd, members) = large("long/1").await;
        let payloads: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
        crowd.deliver_finals(&payloads).await;
        quiet().await;
        let expected: Vec<String> = (0..200).map(|n| format!(r#"42["final",{n}]"#)).collect();
        assert!(members.iter().all(|member| member.heard() == expected));
    });
}
