//! Sockets that get the same frames, each from the moment on at which its acknowledgement is out.

use std::collections::HashMap;

use switchboard_protocol::frame::Frame;

use crate::SocketId;
use crate::limits::HELD_FRAMES;
use crate::outbox::WayOut;

struct Member {
    outbox: WayOut,
    /// What must not overtake the member's acknowledgement; `None` once that is out.
    held: Option<Vec<Frame>>,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Audience(HashMap<SocketId, Member>);

impl Audience {
    /// Adds a member, or has one wait anew: what is sent from now on is held until [`Audience::begin`].
    pub fn add(&mut self, socket: SocketId, outbox: WayOut) {
        let held = Some(Vec::new());
        self.0.insert(socket, Member { outbox, held });
    }

    /// Lets go what is held for a member, and holds nothing more.
    pub fn begin(&mut self, socket: SocketId) {
        if let Some(member) = self.0.get_mut(&socket) {
            let held = member.held.take().unwrap_or_default();
            member.outbox.send_all(&held);
        }
    }

    /// Ends a membership; what is held is dropped.
    pub fn remove(&mut self, socket: SocketId) {
        self.0.remove(&socket);
    }

    /// Whether nobody is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends to every member. One that has not begun after so many frames is cut off, as any that does not read.
    pub fn send(&mut self, frame: &Frame) {
        for member in self.0.values_mut() {
            match &mut member.held {
                None => member.outbox.send(frame.clone()),
                Some(held) if held.len() < HELD_FRAMES => held.push(frame.clone()),
                Some(_) => member.outbox.close(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metrics::Metrics;
    use crate::outbox::{Outbox, OutboxLimits};
    use crate::testing::FakeWire;

    const SOCKET: SocketId = SocketId(1);

    fn outbox() -> (Arc<FakeWire>, WayOut) {
        let wire = FakeWire::new();
        let outbox = Outbox::new(OutboxLimits::default(), Metrics::default());
        outbox.attach(wire.clone());
        (wire, outbox.into())
    }

    fn heard(wire: &FakeWire) -> Vec<String> {
        wire.frames().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn frames_wait_in_order_until_the_member_begins() {
        let (wire, outbox) = outbox();
        let mut audience = Audience::default();
        audience.add(SOCKET, outbox);
        audience.send(&Frame::text("1"));
        audience.send(&Frame::text("2"));
        assert_eq!(heard(&wire), Vec::<String>::new());
        audience.begin(SOCKET);
        audience.send(&Frame::text("3"));
        assert_eq!(heard(&wire), ["1", "2", "3"]);
    }

    #[test]
    fn whoever_is_removed_gets_nothing_of_what_was_held() {
        let (wire, outbox) = outbox();
        let mut audience = Audience::default();
        audience.add(SOCKET, outbox);
        audience.send(&Frame::text("1"));
        audience.remove(SOCKET);
        audience.begin(SOCKET);
        audience.send(&Frame::text("2"));
        assert!(audience.is_empty());
        assert_eq!(heard(&wire), Vec::<String>::new());
    }

    #[test]
    fn a_member_that_never_begins_is_cut_off_at_its_bound() {
        let (wire, outbox) = outbox();
        let mut audience = Audience::default();
        audience.add(SOCKET, outbox);
        for _ in 0..HELD_FRAMES {
            audience.send(&Frame::text("1"));
        }
        assert_eq!(wire.shutdowns(), []);
        audience.send(&Frame::text("1"));
        assert_eq!(wire.shutdowns(), [std::net::Shutdown::Both]);
    }
}
