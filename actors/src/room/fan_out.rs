//! A batch on its way to a room's members: some of them in one turn of the room's thread, the next ones in a later turn, so
//! that a very large room does not hold up what else has to be done on that thread.

use std::cell::{LazyCell, OnceCell};

use smallvec::SmallVec;
use switchboard_protocol::frame::Frame;
use tokio::time::Instant;

use crate::SocketId;
use crate::limits::{SLICES_PER_WRITE, WRITES_PER_TURN};
use crate::outbox::{Batch, Note, WayOut, with_offsets};

use super::recent::Entry;

/// Publications, ready for the members.
pub(super) struct FanOut {
    pub(super) frames: SmallVec<[Frame; 1]>,
    /// One for each frame.
    pub(super) notes: SmallVec<[Note; 1]>,
    /// The finals among them, where finals are kept, with how many of the same bytes came before each.
    pub(super) finals: Vec<(Entry, u32)>,
    /// When the first of them came.
    pub(super) received: Instant,
    /// The frames for recoverable members; made when the first is met.
    with_offsets: OnceCell<Vec<Frame>>,
    /// How many members have been served.
    served: usize,
}

/// Writes that each member takes for so many frames.
pub(super) fn writes_each(frames: usize) -> usize {
    frames.div_ceil(SLICES_PER_WRITE)
}

impl FanOut {
    /// Of so many publications, none of which is in it yet.
    pub(super) fn new(capacity: usize, received: Instant) -> Self {
        Self {
            frames: SmallVec::with_capacity(capacity),
            notes: SmallVec::with_capacity(capacity),
            finals: Vec::new(),
            received,
            with_offsets: OnceCell::new(),
            served: 0,
        }
    }

    /// Serves the members of one turn, of the room with this number; says whether that were the last ones.
    pub(super) fn turn(&mut self, room: u64, members: &[(SocketId, WayOut)]) -> bool {
        if self.frames.is_empty() {
            return true;
        }
        let count = (WRITES_PER_TURN / writes_each(self.frames.len())).max(1);
        let end = members.len().min(self.served + count);
        self.serve(room, &members[self.served..end]);
        self.served = end;
        end == members.len()
    }

    fn serve(&self, room: u64, members: &[(SocketId, WayOut)]) {
        for start in (0..self.frames.len()).step_by(SLICES_PER_WRITE) {
            let range = start..self.frames.len().min(start + SLICES_PER_WRITE);
            let notes = &self.notes[range.clone()];
            let plain = Batch::of_room(room, &self.frames[range.clone()], notes);
            let recoverable =
                LazyCell::new(|| Batch::of_room(room, &self.with_offsets()[range], notes));
            for (_, outbox) in members {
                outbox.send_batch(&plain, || &recoverable);
            }
        }
    }

    fn with_offsets(&self) -> &[Frame] {
        self.with_offsets
            .get_or_init(|| with_offsets(&self.frames, &self.notes))
    }
}
