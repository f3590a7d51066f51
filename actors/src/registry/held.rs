//! What a socket has of a session, for whoever sees to it that it may.

use std::collections::HashSet;

use actix::prelude::*;
use switchboard_protocol::ids::SessionId;

use super::RoomRegistry;
use crate::SocketId;

/// Asks in which sessions' rooms a socket is.
#[derive(Message)]
#[rtype(result = "HashSet<SessionId>")]
pub struct GetSessionsOf(pub SocketId);

/// Asks which sockets are in a session's rooms.
#[derive(Message)]
#[rtype(result = "HashSet<SocketId>")]
pub struct GetSocketsIn(pub SessionId);

impl Handler<GetSessionsOf> for RoomRegistry {
    type Result = MessageResult<GetSessionsOf>;

    fn handle(
        &mut self,
        GetSessionsOf(socket): GetSessionsOf,
        _: &mut Self::Context,
    ) -> Self::Result {
        let rooms = self.memberships.rooms_of(socket);
        MessageResult(rooms.map(|room| room.session()).collect())
    }
}

impl Handler<GetSocketsIn> for RoomRegistry {
    type Result = MessageResult<GetSocketsIn>;

    fn handle(
        &mut self,
        GetSocketsIn(session): GetSocketsIn,
        _: &mut Self::Context,
    ) -> Self::Result {
        let members = self.memberships.members();
        let inside = members.filter(|(_, room)| room.session() == session);
        MessageResult(inside.map(|(socket, _)| socket).collect())
    }
}
