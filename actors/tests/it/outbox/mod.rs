//! The outbox: what goes in comes out, whole and in order, or the socket is cut.

mod bounds;
mod polling;
mod slow;
mod stream;
mod threads;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use switchboard_actors::metrics::{Metrics, Reason};
use switchboard_actors::outbox::{Outbox, OutboxLimits};
use switchboard_actors::testing::FakeWire;
use switchboard_protocol::frame::Frame;

pub(super) const ROOMY: OutboxLimits = OutboxLimits {
    bytes: 1 << 20,
    frames: 4_096,
};

pub(super) fn outbox(limits: OutboxLimits) -> (Arc<Outbox>, Metrics) {
    let metrics = Metrics::default();
    (Outbox::new(limits, metrics.clone()), metrics)
}

pub(super) fn on(wire: &Arc<FakeWire>, limits: OutboxLimits) -> (Arc<Outbox>, Metrics) {
    let (outbox, metrics) = outbox(limits);
    outbox.attach(wire.clone());
    (outbox, metrics)
}

pub(super) fn numbered(numbers: std::ops::Range<usize>) -> Vec<Frame> {
    numbers.map(|n| Frame::text(format!("4{n}"))).collect()
}

pub(super) fn bytes_of(frames: &[Frame]) -> Vec<u8> {
    let all: Vec<&[u8]> = frames.iter().map(|f| &f.websocket()[..]).collect();
    all.concat()
}

pub(super) fn stalled(metrics: &Metrics, bound: &'static str) -> u64 {
    let reason = Reason { reason: bound };
    metrics.sockets_stalled.get_or_create(&reason).get()
}

/// Counts how often it is woken.
#[derive(Default)]
pub(super) struct Wakes(pub(super) AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub(super) fn poll(outbox: &Outbox, wakes: &Arc<Wakes>) -> Poll<Option<Vec<Frame>>> {
    let waker = Waker::from(Arc::clone(wakes));
    outbox.poll_take(&mut Context::from_waker(&waker))
}

pub(super) fn poll_once(outbox: &Outbox) -> Poll<Option<Vec<Frame>>> {
    outbox.poll_take(&mut Context::from_waker(Waker::noop()))
}

pub(super) fn has_ended(outbox: &Outbox) -> bool {
    outbox
        .poll_ended(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}
