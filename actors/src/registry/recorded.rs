//! Rooms that are recorded whoever is in them: a hold on a room, counted apart from its members.

use actix::prelude::*;
use switchboard_protocol::ids::RoomId;

use super::RoomRegistry;
use super::table::{Join, Leave};

/// Has a room's finals kept even while nobody is in it. A second time changes nothing, unless the broker has refused
/// the room's topics: then it is asked again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Record(pub RoomId);

/// Ends [`Record`]; it is no error when there was none.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopRecording(pub RoomId);

impl Handler<Record> for RoomRegistry {
    type Result = ();

    fn handle(&mut self, Record(room): Record, ctx: &mut Self::Context) {
        if self.memberships.hold(&room) == Join::First {
            self.open_room(room, ctx);
        }
        self.count();
    }
}

impl Handler<StopRecording> for RoomRegistry {
    type Result = ();

    fn handle(&mut self, StopRecording(room): StopRecording, _: &mut Self::Context) {
        if self.memberships.let_go(&room) == Leave::Last {
            self.close_room(&room);
        }
        self.count();
    }
}
