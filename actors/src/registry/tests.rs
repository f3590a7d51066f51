//! What only the registry can see of its rooms.

use actix::WeakAddr;
use actix::prelude::*;
use switchboard_protocol::ids::RoomId;

use super::{Join, Leave, RoomRegistry, SocketClosed, SocketConnected};
use crate::SocketId;
use crate::metrics::Metrics;
use crate::outbox::{Outbox, OutboxLimits};
use crate::room::Room;
use crate::testing::{Harness, paused, quiet};

/// Asks for a room's actor without keeping it alive.
#[derive(Message)]
#[rtype(result = "Option<WeakAddr<Room>>")]
struct GetRoom(RoomId);

impl Handler<GetRoom> for RoomRegistry {
    type Result = MessageResult<GetRoom>;

    fn handle(&mut self, GetRoom(room): GetRoom, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.rooms.get(&room).map(|entry| entry.address.downgrade()))
    }
}

async fn room_of(harness: &Harness) -> Option<WeakAddr<Room>> {
    let room = "S/1".parse().unwrap();
    harness.registry.send(GetRoom(room)).await.unwrap()
}

async fn open(harness: &Harness, id: u64) -> SocketId {
    let socket = SocketId(id);
    let outbox = Outbox::new(OutboxLimits::default(), Metrics::default()).into();
    let connected = SocketConnected { socket, outbox };
    harness.registry.send(connected).await.unwrap();
    socket
}

async fn join(harness: &Harness, socket: SocketId) {
    let room = "S/1".parse().unwrap();
    let joined = harness
        .registry
        .send(Join {
            socket,
            room,
            history: None,
        })
        .await
        .unwrap();
    joined.unwrap();
}

#[test]
fn a_room_without_members_stops_and_one_with_members_does_not() {
    paused(async {
        let harness = Harness::start().await;
        let (first, second) = (open(&harness, 1).await, open(&harness, 2).await);
        join(&harness, first).await;
        join(&harness, second).await;
        let room = room_of(&harness).await.unwrap();
        let name: RoomId = "S/1".parse().unwrap();
        let leave = Leave {
            socket: first,
            room: name,
        };
        harness.registry.send(leave).await.unwrap();
        quiet().await;
        assert!(room.upgrade().is_some());
        harness.registry.send(SocketClosed(second)).await.unwrap();
        quiet().await;
        assert!(room_of(&harness).await.is_none());
        assert!(room.upgrade().is_none(), "nobody holds it any more");
    });
}

#[test]
fn a_room_that_comes_back_is_an_actor_of_its_own() {
    paused(async {
        let harness = Harness::start().await;
        let socket = open(&harness, 1).await;
        join(&harness, socket).await;
        let earlier = room_of(&harness).await.unwrap();
        harness.registry.send(SocketClosed(socket)).await.unwrap();
        let socket = open(&harness, 2).await;
        join(&harness, socket).await;
        quiet().await;
        assert!(earlier.upgrade().is_none());
        assert!(room_of(&harness).await.unwrap().upgrade().is_some());
    });
}
