//! The frames that wait in an outbox, in order. Pure.
//!
//! Who does not keep up is shown less, not later: a frame that a newer one of its stream makes worthless (a `partial`)
//! is dropped when that one comes. What is left stays in the order in which it was published.

use std::collections::VecDeque;

use switchboard_protocol::frame::Frame;

use super::stream::Stream;

struct Queued {
    frame: Frame,
    /// What it may be replaced in; none: it is never dropped.
    stream: Option<Stream>,
}

/// See the module's documentation. Nothing but a pointer while nothing waits, which is nearly always.
#[derive(Default)]
pub(super) struct Queue(Option<Box<Waiting>>);

#[derive(Default)]
struct Waiting {
    frames: VecDeque<Queued>,
    /// Bytes of all of them.
    bytes: usize,
    /// Bytes of the first one that the stream has taken already.
    written: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| waiting.frames.len())
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| waiting.bytes)
    }

    /// Bytes of the first frame that the stream has taken.
    pub(super) fn written(&self) -> usize {
        self.0.as_ref().map_or(0, |waiting| waiting.written)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Frame> {
        let frames = self.0.iter().flat_map(|waiting| &waiting.frames);
        frames.map(|queued| &queued.frame)
    }

    /// Appends a frame; `stream` says what it replaces, and is replaced in. Returns whether an older one of that stream was dropped.
    pub(super) fn push(&mut self, frame: Frame, stream: Option<Stream>) -> bool {
        let waiting = self.0.get_or_insert_default();
        let replaces = stream.is_some() && waiting.drop_stale(stream);
        waiting.bytes += frame.len();
        waiting.frames.push_back(Queued { frame, stream });
        replaces
    }

    /// Appends a frame that `written` bytes of have left; the queue must be empty.
    pub(super) fn push_begun(&mut self, frame: Frame, stream: Option<Stream>, written: usize) {
        debug_assert!(self.is_empty());
        self.push(frame, stream);
        self.advance(written);
    }

    /// Takes the first `count` frames out.
    pub(super) fn take(&mut self, count: usize) -> Vec<Frame> {
        let Some(waiting) = &mut self.0 else {
            return Vec::new();
        };
        let taken = waiting.frames.drain(..count).map(|queued| queued.frame);
        let taken: Vec<Frame> = taken.collect();
        waiting.bytes -= taken.iter().map(Frame::len).sum::<usize>();
        self.settle();
        taken
    }

    /// Removes `n` written bytes from the front.
    pub(super) fn advance(&mut self, n: usize) {
        let Some(waiting) = &mut self.0 else {
            return;
        };
        waiting.written += n;
        while let Some(front) = waiting.frames.front()
            && waiting.written >= front.frame.len()
        {
            waiting.written -= front.frame.len();
            waiting.bytes -= front.frame.len();
            waiting.frames.pop_front();
        }
        self.settle();
    }

    /// Drops all but the frame that is half written: a stream cannot end within one.
    pub(super) fn keep_begun(&mut self) {
        let written = self.written();
        let first = self.0.take().and_then(|mut it| it.frames.pop_front());
        if let Some(kept) = first.filter(|_| written > 0) {
            self.push_begun(kept.frame, None, written);
        }
    }

    /// Gives the memory back once nothing waits: a burst must not leave every viewer with its largest queue for ever.
    fn settle(&mut self) {
        self.0.take_if(|waiting| waiting.frames.is_empty());
    }
}

impl Waiting {
    /// Drops the frame of `stream`: there is one at most. The client has begun to read the first one if it is half
    /// written, so that one stays.
    fn drop_stale(&mut self, stream: Option<Stream>) -> bool {
        let begun = usize::from(self.written > 0);
        let stale = |queued: &Queued| queued.stream == stream;
        let Some(at) = self.frames.iter().skip(begun).rposition(stale) else {
            return false;
        };
        let dropped = self.frames.remove(at + begun).expect("it was found there");
        self.bytes -= dropped.frame.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(frames: &[(&str, Option<u64>)]) -> Queue {
        let mut queue = Queue::default();
        for (text, stream) in frames {
            queue.push(Frame::text(text), stream.map(Stream));
        }
        queue
    }

    fn texts(queue: &Queue) -> Vec<&str> {
        let texts = queue.iter().map(Frame::payload);
        texts.map(|t| std::str::from_utf8(t).unwrap()).collect()
    }

    fn bytes(queue: &Queue) -> usize {
        queue.iter().map(Frame::len).sum()
    }

    #[test]
    fn a_newer_frame_of_a_stream_replaces_the_one_that_waits_and_nothing_else() {
        let mut queue = queue(&[("a1", Some(1)), ("A", None), ("b1", Some(2)), ("B", None)]);
        assert!(queue.push(Frame::text("a2"), Some(Stream(1))));
        assert_eq!(texts(&queue), ["A", "b1", "B", "a2"]);
        assert!(
            !queue.push(Frame::text("A"), None),
            "equal, but not of a stream"
        );
        assert!(queue.push(Frame::text("b2"), Some(Stream(2))));
        assert_eq!(texts(&queue), ["A", "B", "a2", "A", "b2"]);
        assert_eq!(queue.bytes(), bytes(&queue));
    }

    #[test]
    fn a_frame_that_is_half_written_is_not_replaced() {
        let mut queue = queue(&[("partial 1", Some(1)), ("final", None)]);
        queue.advance(3);
        assert!(!queue.push(Frame::text("partial 2"), Some(Stream(1))));
        assert_eq!(texts(&queue), ["partial 1", "final", "partial 2"]);
        assert!(queue.push(Frame::text("partial 3"), Some(Stream(1))));
        assert_eq!(texts(&queue), ["partial 1", "final", "partial 3"]);
        queue.advance(bytes(&queue) - 3);
        assert_eq!((queue.len(), queue.bytes(), queue.written()), (0, 0, 0));
    }

    #[test]
    fn bytes_are_those_of_the_frames_that_wait() {
        let mut queue = queue(&[("one", None), ("two", Some(1)), ("three", None)]);
        assert_eq!(queue.bytes(), bytes(&queue));
        assert_eq!(queue.take(2).len(), 2);
        assert_eq!(
            (queue.bytes(), texts(&queue)),
            (bytes(&queue), vec!["three"])
        );
    }

    #[test]
    fn only_a_half_written_frame_is_kept_at_the_end() {
        let mut whole = queue(&[("one", None), ("two", None)]);
        whole.keep_begun();
        assert_eq!((whole.len(), whole.bytes()), (0, 0));
        let mut begun = queue(&[("one", None), ("two", None)]);
        begun.advance(2);
        begun.keep_begun();
        assert_eq!((texts(&begun), begun.written()), (vec!["one"], 2));
        assert_eq!(begun.bytes(), bytes(&begun));
    }
}
