//! Senders on several threads at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use switchboard_actors::metrics::Metrics;
use switchboard_actors::outbox::{Outbox, OutboxLimits};
use switchboard_actors::testing::{FakeWire, ServerFrame};
use switchboard_protocol::frame::Frame;

const SENDERS: usize = 4;
const BATCHES: usize = 500;
const FRAMES: usize = 3;

fn outbox(wire: &Arc<FakeWire>) -> Arc<Outbox> {
    let limits = OutboxLimits {
        bytes: usize::MAX,
        frames: usize::MAX,
    };
    let outbox = Outbox::new(limits, Metrics::default());
    outbox.attach(wire.clone());
    outbox
}

fn send_batches(outbox: &Arc<Outbox>, sender: usize) {
    for batch in 0..BATCHES {
        let frame = |index| Frame::text(format!("{sender} {batch} {index}"));
        let frames: Vec<Frame> = (0..FRAMES).map(frame).collect();
        outbox.send_all(&frames);
    }
}

/// Takes a few bytes, then some more, until all senders are done and nothing waits.
fn trickle(wire: &FakeWire, outbox: &Outbox, is_over: &AtomicBool) {
    for bytes in (1..100).cycle() {
        if is_over.load(Ordering::Acquire) && outbox.waiting() == 0 {
            return;
        }
        wire.take(bytes);
    }
}

#[test]
fn concurrent_senders_never_interleave_a_batch_nor_lose_their_order() {
    let wire = FakeWire::with_room(0);
    let outbox = outbox(&wire);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| trickle(&wire, &outbox, &is_over));
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let outbox = &outbox;
                scope.spawn(move || send_batches(outbox, sender))
            })
            .collect();
        senders
            .into_iter()
            .for_each(|s| s.join().expect("a sender"));
        is_over.store(true, Ordering::Release);
        reader.join().expect("the reader");
    });
    let frames = wire.frames();
    assert_eq!(frames.len(), SENDERS * BATCHES * FRAMES);
    let mut next_batch: HashMap<String, usize> = HashMap::new();
    for batch in frames.chunks(FRAMES) {
        let ServerFrame::Text(first) = &batch[0] else {
            panic!("{:?} was sent by nobody", batch[0])
        };
        let sender = first.split(' ').next().expect("a sender's number");
        let number = next_batch.entry(sender.to_owned()).or_default();
        let expected: Vec<_> = (0..FRAMES)
            .map(|index| ServerFrame::Text(format!("{sender} {number} {index}")))
            .collect();
        assert_eq!(batch, expected);
        *number += 1;
    }
}
