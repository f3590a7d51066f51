//! Who is in which room, how each is reached, and which rooms are held without a member: a pure, counting table whose
//! answers say what changed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use switchboard_protocol::ids::RoomId;

use crate::SocketId;
use crate::limits::ROOMS_PER_SOCKET;

/// What a join, or a hold, did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// The room had neither a member nor a hold before: its topics are wanted from now on.
    First,
    /// It had.
    Further,
    /// The socket was a member already, or the room held.
    Already,
    /// The socket is in as many rooms as it may be.
    TooManyRooms,
    /// No such socket (any more).
    Gone,
}

/// What a leave, or the end of a hold, did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leave {
    /// The room has neither a member nor a hold left: its topics are no longer wanted.
    Last,
    /// Others remain.
    Others,
    /// The socket was no member, or the room not held.
    NoMember,
}

/// Why a room is there.
#[derive(Debug, Default)]
struct Use {
    members: usize,
    is_held: bool,
}

/// A socket.
#[derive(Debug)]
struct Row<W> {
    way_out: W,
    /// No more than [`ROOMS_PER_SOCKET`], and mostly one: no set takes less room, or time.
    rooms: Vec<RoomId>,
}

/// See the module's documentation. `W` is how a socket is reached.
#[derive(Debug)]
pub struct Memberships<W> {
    sockets: HashMap<SocketId, Row<W>>,
    rooms: HashMap<RoomId, Use>,
    /// Rooms with a member.
    joined: usize,
    /// Memberships over all rooms.
    members: usize,
    /// Rooms that are held.
    held: usize,
}

impl<W> Default for Memberships<W> {
    fn default() -> Self {
        Self {
            sockets: HashMap::new(),
            rooms: HashMap::new(),
            joined: 0,
            members: 0,
            held: 0,
        }
    }
}

impl<W> Memberships<W> {
    /// A socket exists from now on; one that did already is reached by another way.
    pub fn open(&mut self, socket: SocketId, way_out: W) {
        match self.sockets.entry(socket) {
            Entry::Occupied(mut row) => row.get_mut().way_out = way_out,
            Entry::Vacant(place) => {
                let rooms = Vec::new();
                place.insert(Row { way_out, rooms });
            }
        }
    }

    /// Adds a membership.
    pub fn join(&mut self, socket: SocketId, room: &RoomId) -> Join {
        let Some(Row { rooms, .. }) = self.sockets.get_mut(&socket) else {
            return Join::Gone;
        };
        if rooms.contains(room) {
            return Join::Already;
        }
        if rooms.len() >= ROOMS_PER_SOCKET {
            return Join::TooManyRooms;
        }
        let of_room = self.rooms.entry(room.clone());
        if rooms.is_empty() {
            rooms.reserve_exact(1);
        }
        // The name that all members share, not one of each.
        rooms.push(of_room.key().clone());
        let of_room = of_room.or_default();
        of_room.members += 1;
        self.members += 1;
        if of_room.members > 1 {
            return Join::Further;
        }
        self.joined += 1;
        match of_room.is_held {
            true => Join::Further,
            false => Join::First,
        }
    }

    /// Holds a room, with or without members.
    pub fn hold(&mut self, room: &RoomId) -> Join {
        let of_room = self.rooms.entry(room.clone()).or_default();
        if std::mem::replace(&mut of_room.is_held, true) {
            return Join::Already;
        }
        self.held += 1;
        match of_room.members {
            0 => Join::First,
            _ => Join::Further,
        }
    }

    /// Ends a hold.
    pub fn let_go(&mut self, room: &RoomId) -> Leave {
        let Some(of_room) = self.rooms.get_mut(room).filter(|r| r.is_held) else {
            return Leave::NoMember;
        };
        of_room.is_held = false;
        self.held -= 1;
        self.forget_unused(room)
    }

    /// Ends a membership.
    pub fn leave(&mut self, socket: SocketId, room: &RoomId) -> Leave {
        let was_member = self
            .sockets
            .get_mut(&socket)
            .is_some_and(|row| take(&mut row.rooms, room));
        if was_member {
            self.release(room)
        } else {
            Leave::NoMember
        }
    }

    /// Forgets a socket; each room it was in, and what its leaving did. A second time returns nothing.
    pub fn close(&mut self, socket: SocketId) -> Vec<(RoomId, Leave)> {
        let row = self.sockets.remove(&socket);
        row.into_iter()
            .flat_map(|row| row.rooms)
            .map(|room| {
                let leave = self.release(&room);
                (room, leave)
            })
            .collect()
    }

    /// The rooms that a socket is in.
    pub fn rooms_of(&self, socket: SocketId) -> impl Iterator<Item = &RoomId> {
        self.sockets
            .get(&socket)
            .into_iter()
            .flat_map(|row| &row.rooms)
    }

    /// How a socket is reached; none: it is gone.
    pub fn way_out(&self, socket: SocketId) -> Option<&W> {
        self.sockets.get(&socket).map(|row| &row.way_out)
    }

    /// How all of them are.
    pub fn ways_out(&self) -> impl Iterator<Item = &W> {
        self.sockets.values().map(|row| &row.way_out)
    }

    /// How many sockets there are.
    pub fn sockets(&self) -> usize {
        self.sockets.len()
    }

    /// Every membership.
    pub fn members(&self) -> impl Iterator<Item = (SocketId, &RoomId)> {
        let sockets = self.sockets.iter();
        sockets.flat_map(|(socket, row)| row.rooms.iter().map(|room| (*socket, room)))
    }

    /// Rooms with a member, and memberships over all rooms.
    pub fn counts(&self) -> (usize, usize) {
        (self.joined, self.members)
    }

    /// Rooms that are held.
    pub fn held(&self) -> usize {
        self.held
    }

    fn release(&mut self, room: &RoomId) -> Leave {
        let Some(of_room) = self.rooms.get_mut(room) else {
            return Leave::NoMember;
        };
        of_room.members -= 1;
        self.members -= 1;
        if of_room.members == 0 {
            self.joined -= 1;
        }
        self.forget_unused(room)
    }

    fn forget_unused(&mut self, room: &RoomId) -> Leave {
        let is_unused = |of_room: &Use| of_room.members == 0 && !of_room.is_held;
        match self.rooms.get(room).is_some_and(is_unused) {
            true => {
                self.rooms.remove(room);
                Leave::Last
            }
            false => Leave::Others,
        }
    }
}

/// Removes a room; false when it is not there.
fn take(rooms: &mut Vec<RoomId>, room: &RoomId) -> bool {
    let position = rooms.iter().position(|one| one == room);
    position.map(|at| rooms.swap_remove(at)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomId {
        name.parse().unwrap()
    }

    fn table(sockets: u64) -> Memberships<char> {
        let mut table = Memberships::default();
        (1..=sockets).for_each(|n| table.open(SocketId(n), 'a'));
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
    fn members_and_holds_are_counted_apart_and_the_last_of_both_ends_the_room() {
        let mut table = table(1);
        let name = room("s/1");
        assert_eq!(table.let_go(&name), Leave::NoMember);
        assert_eq!(table.hold(&name), Join::First);
        assert_eq!(table.hold(&name), Join::Already);
        assert_eq!(table.join(SocketId(1), &name), Join::Further);
        assert_eq!((table.counts(), table.held()), ((1, 1), 1));
        assert_eq!(table.leave(SocketId(1), &name), Leave::Others);
        assert_eq!((table.counts(), table.held()), ((0, 0), 1));
        assert_eq!(table.let_go(&name), Leave::Last);

        assert_eq!(table.join(SocketId(1), &name), Join::First);
        assert_eq!(table.hold(&name), Join::Further);
        assert_eq!(table.let_go(&name), Leave::Others);
        assert_eq!(table.let_go(&name), Leave::NoMember);
        assert_eq!(table.close(SocketId(1)), [(name, Leave::Last)]);
        assert_eq!((table.counts(), table.held()), ((0, 0), 0));
    }

    #[test]
    fn a_join_of_a_socket_that_is_gone_leaves_no_trace() {
        let mut table = table(1);
        table.close(SocketId(1));
        assert_eq!(table.join(SocketId(1), &room("s/1")), Join::Gone);
        assert_eq!(table.counts(), (0, 0));
    }

    #[test]
    fn a_socket_that_is_reached_otherwise_stays_in_its_rooms() {
        let mut table = table(1);
        table.join(SocketId(1), &room("s/1"));
        table.open(SocketId(1), 'b');
        assert_eq!(
            (table.sockets(), table.way_out(SocketId(1))),
            (1, Some(&'b'))
        );
        assert_eq!(table.close(SocketId(1)), [(room("s/1"), Leave::Last)]);
        assert_eq!((table.sockets(), table.way_out(SocketId(1))), (0, None));
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
