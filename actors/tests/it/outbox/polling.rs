//! Over polling: the next poll takes what waits.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use switchboard_actors::limits::PACKETS_PER_POLL;
use switchboard_actors::testing::FakeWire;
use switchboard_protocol::frame::Frame;

use super::{ROOMY, Wakes, has_ended, numbered, outbox, poll, poll_once};

#[test]
fn a_poll_takes_at_most_sixteen_packets_and_in_order() {
    let (outbox, _) = outbox(ROOMY);
    let frames = numbered(0..40);
    outbox.send_all(&frames);
    for expected in [&frames[..16], &frames[16..32], &frames[32..]] {
        assert!(expected.len() <= PACKETS_PER_POLL);
        assert_eq!(poll_once(&outbox), Poll::Ready(Some(expected.to_vec())));
    }
    assert_eq!(poll_once(&outbox), Poll::Pending);
}

#[test]
fn a_poll_that_waits_is_woken_by_a_frame() {
    let (outbox, _) = outbox(ROOMY);
    let wakes = Arc::new(Wakes::default());
    assert_eq!(poll(&outbox, &wakes), Poll::Pending);
    assert!(outbox.is_polled());
    outbox.send(Frame::text("4"));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert!(!outbox.is_polled());
    assert_eq!(
        poll(&outbox, &wakes),
        Poll::Ready(Some(vec![Frame::text("4")]))
    );
}

#[test]
fn the_last_frame_of_a_polling_socket_has_a_poll_of_its_own_and_the_next_is_told_the_end() {
    for waiting in [0, 1, 15, 16, 17] {
        let (outbox, _) = outbox(ROOMY);
        let mut expected = numbered(0..waiting);
        outbox.send_all(&expected);
        let last = Frame::text("1");
        outbox.finish(std::slice::from_ref(&last));
        expected.push(last.clone());
        let mut polled = Vec::new();
        let mut final_poll = Vec::new();
        while let Poll::Ready(Some(frames)) = poll_once(&outbox) {
            assert!(frames.len() <= PACKETS_PER_POLL);
            polled.extend(frames.iter().cloned());
            final_poll = frames;
        }
        assert_eq!((polled, final_poll), (expected, vec![last]), "{waiting}");
        assert!(has_ended(&outbox));
        assert_eq!(poll_once(&outbox), Poll::Ready(None));
    }
}

#[test]
fn attaching_a_stream_ends_a_waiting_poll_with_a_noop() {
    let (outbox, _) = outbox(ROOMY);
    let wakes = Arc::new(Wakes::default());
    assert_eq!(poll(&outbox, &wakes), Poll::Pending);
    outbox.attach(FakeWire::new());
    assert_eq!(
        wakes.0.load(Ordering::Relaxed),
        1,
        "nothing else would wake it"
    );
    assert_eq!(
        poll(&outbox, &wakes),
        Poll::Ready(Some(vec![Frame::text("6")]))
    );
    assert!(!outbox.is_polled());
}

#[test]
fn closing_ends_a_waiting_poll() {
    let (outbox, _) = outbox(ROOMY);
    let wakes = Arc::new(Wakes::default());
    assert_eq!(poll(&outbox, &wakes), Poll::Pending);
    outbox.close();
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    assert_eq!(poll(&outbox, &wakes), Poll::Ready(None));
}
