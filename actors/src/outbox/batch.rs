//! Frames for many sockets, prepared once.

use std::cell::OnceCell;
use std::io::IoSlice;

use smallvec::SmallVec;
use switchboard_protocol::frame::Frame;

use super::stream::Stream;
use crate::limits;

/// What a room knows of one of its frames beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    /// Where it stands in time; see [`stamp`](crate::stamp).
    pub stamp: u64,
    /// Tells the room's last final, this frame or one before it, from others; 0 where there is none.
    pub last_final: u32,
    /// Whether a later one makes it worthless.
    pub is_partial: bool,
}

/// See the module's documentation. The slices are shared by all writes of it.
pub struct Batch<'a> {
    frames: &'a [Frame],
    /// Most often there is one.
    slices: SmallVec<[IoSlice<'a>; 4]>,
    bytes: usize,
    /// One for each frame, or none at all.
    notes: &'a [Note],
    /// Tells the room from others.
    room: u64,
    /// Looked for once a client does not keep up.
    streams: OnceCell<Vec<Option<Stream>>>,
}

impl<'a> Batch<'a> {
    /// Prepares at most [`limits::SLICES_PER_WRITE`] frames; callers chunk longer runs.
    pub fn new(frames: &'a [Frame]) -> Self {
        Self::of_room(0, frames, &[])
    }

    /// The same for the frames of a room, which has a number of its own, with a note on each.
    pub fn of_room(room: u64, frames: &'a [Frame], notes: &'a [Note]) -> Self {
        debug_assert!(frames.len() <= limits::SLICES_PER_WRITE);
        debug_assert!(notes.is_empty() || notes.len() == frames.len());
        let slices: SmallVec<[_; 4]> = frames.iter().map(|f| IoSlice::new(f.websocket())).collect();
        let bytes = slices.iter().map(|s| s.len()).sum();
        Self {
            frames,
            slices,
            bytes,
            notes,
            room,
            streams: OnceCell::new(),
        }
    }

    pub(super) fn frames(&self) -> &'a [Frame] {
        self.frames
    }

    pub(super) fn notes(&self) -> &'a [Note] {
        self.notes
    }

    pub(super) fn slices(&self) -> &[IoSlice<'a>] {
        &self.slices
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What the frame at `at` may be replaced in while it waits.
    pub(super) fn stream(&self, at: usize) -> Option<Stream> {
        if self.notes.is_empty() {
            return None;
        }
        let stream =
            |(frame, note): (&Frame, &Note)| note.is_partial.then(|| Stream::of(self.room, frame));
        let streams = || self.frames.iter().zip(self.notes).map(stream).collect();
        self.streams.get_or_init(streams)[at]
    }
}
