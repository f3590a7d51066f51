//! Who is in which room: a pure, reference-counted table whose answers say what changed.

use std::collections::{HashMap, HashSet};

use switchboard_protocol::ids::RoomId;

use crate::SocketId;
use crate::limits::ROOMS_PER_SOCKET;

/// What a join did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// The room had no member before: its topics are wanted from now on.
    First,
    /// The room had members already.
    Further,
    /// The socket was a member already.
    Already,
    /// The socket is in as many rooms as it may be.
    TooManyRooms,
    /// No such socket (any more).
    Gone,
}

/// What a leave did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leave {
    /// The room has no member left: its topics are no longer wanted.
    Last,
    /// Others remain.
    Others,
    /// The socket was no member.
    NoMember,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Memberships {
    sockets: HashMap<SocketId, HashSet<RoomId>>,
    rooms: HashMap<RoomId, usize>,
    /// The sum over `rooms`.
    members: usize,
}

impl Memberships {
    /// A socket exists from now on.
    pub fn open(&mut self, socket: SocketId) {
        self.sockets.entry(socket).or_default();
    }

    /// Adds a membership.
    pub fn join(&mut self, socket: SocketId, room: &RoomId) -> Join {
        let Some(rooms) = self.sockets.get_mut(&socket) else {
            return Join::Gone;
        };
        if rooms.contains(room) {
            return Join::Already;
        }
        if rooms.len() >= ROOMS_PER_SOCKET {
            return Join::TooManyRooms;
        }
        rooms.insert(room.clone());
        let members = self.rooms.entry(room.clone()).or_insert(0);
        *members += 1;
        self.members += 1;
        if *members == 1 {
            Join::First
        } else {
            Join::Further
        }
    }

    /// Ends a membership.
    pub fn leave(&mut self, socket: SocketId, room: &RoomId) -> Leave {
        let was_member = self
            .sockets
            .get_mut(&socket)
            .is_some_and(|rooms| rooms.remove(room));
        if was_member {
            self.release(room)
        } else {
            Leave::NoMember
        }
    }

    /// Forgets a socket; each room it was in, and what its leaving did. A second time returns nothing.
    pub fn close(&mut self, socket: SocketId) -> Vec<(RoomId, Leave)> {
        let rooms = self.sockets.remove(&socket).unwrap_or_default();
        rooms
            .into_iter()
            .map(|room| {
                let leave = self.release(&room);
                (room, leave)
            })
            .collect()
    }

    /// Rooms with a member, and memberships over all rooms.
    pub fn counts(&self) -> (usize, usize) {
        (self.rooms.len(), self.members)
    }

    fn release(&mut self, room: &RoomId) -> Leave {
        let Some(members) = self.rooms.get_mut(room) else {
            return Leave::NoMember;
        };
        *members -= 1;
        self.members -= 1;
        if *members > 0 {
            return Leave::Others;
        }
        self.rooms.remove(room);
        Leave::Last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomId {
        name.parse().unwrap()
    }

    fn table(sockets: u64) -> Memberships {
        let mut table = Memberships::default();
        (1..=sockets).for_each(|n| table.open(SocketId(n)));
        table
    }

    #[test]
    fn only_the_first_join_and_the_last_leave_change_what_is_wanted() {
        let mut table = table(2);
        assert_eq!(table.join(SocketId(1), &room("s/1")), Join::First);
        assert_eq!(table.join(SocketId(2), &room("s/1")), Join::Further);
        assert_eq!(table.join(SocketId(2), &room("s/1")), Join::Already);
        assert_eq!(table.leave(SocketId(1), &room("s/1")), Leave::Others);
        assert_eq!(table.leave(SocketId(1), &room("s/1")), Leave::NoMember);
        assert_eq!(table.leave(SocketId(2), &room("s/1")), Leave::Last);
        assert_eq!(table.counts(), (0, 0));
    }

    #[test]
    fn leaving_a_room_never_joined_changes_no_count() {
        let mut table = table(2);
        table.join(SocketId(1), &room("s/1"));
        assert_eq!(table.leave(SocketId(2), &room("s/1")), Leave::NoMember);
        assert_eq!(table.leave(SocketId(9), &room("s/1")), Leave::NoMember);
        assert_eq!(table.counts(), (1, 1));
    }

    #[test]
    fn a_closed_socket_leaves_all_its_rooms_once() {
        let mut table = table(2);
        table.join(SocketId(1), &room("s/1"));
        table.join(SocketId(1), &room("s/2"));
        table.join(SocketId(2), &room("s/2"));
        let mut left = table.close(SocketId(1));
        left.sort();
        assert_eq!(
            left,
            [(room("s/1"), Leave::Last), (room("s/2"), Leave::Others)]
        );
        assert_eq!(table.close(SocketId(1)), []);
        assert_eq!(table.counts(), (1, 1));
    }

    #[test]
    fn a_join_of_a_socket_that_is_gone_leaves_no_trace() {
        let mut table = table(1);
        table.close(SocketId(1));
        assert_eq!(table.join(SocketId(1), &room("s/1")), Join::Gone);
        assert_eq!(table.counts(), (0, 0));
    }

    #[test]
    fn a_socket_may_be_in_so_many_rooms_and_no_more() {
        let mut table = table(1);
        for n in 0..ROOMS_PER_SOCKET {
            assert_eq!(
                table.join(SocketId(1), &room(&format!("s/{n}"))),
                Join::First
            );
        }
        assert_eq!(
            table.join(SocketId(1), &room("s/one-more")),
            Join::TooManyRooms
        );
        assert_eq!(table.join(SocketId(1), &room("s/0")), Join::Already);
    }
}
