//! How an outbox ends: at a bound, with its last frame, or cut.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

use switchboard_actors::outbox::OutboxLimits;
use switchboard_actors::testing::FakeWire;
use switchboard_protocol::frame::Frame;

use super::{ROOMY, Wakes, bytes_of, has_ended, numbered, on, outbox, poll_once, stalled};

#[test]
fn a_socket_beyond_its_bound_in_bytes_is_cut_and_counted() {
    let frame = Frame::text("4123456");
    let limits = OutboxLimits {
        bytes: 3 * frame.len(),
        frames: 100,
    };
    let wire = FakeWire::with_room(0);
    let (outbox, metrics) = on(&wire, limits);
    (0..3).for_each(|_| outbox.send(frame.clone()));
    assert_eq!((outbox.waiting(), wire.shutdowns()), (3, vec![]));
    outbox.send(Frame::text(""));
    // Only why it is closed still leaves, should the client read again.
    assert_eq!(wire.shutdowns(), [Shutdown::Read]);
    assert_eq!((outbox.waiting(), outbox.is_stalled()), (1, true));
    wire.take(None);
    let goodbye = Frame::close(1013, "does not keep up");
    assert_eq!(wire.written(), bytes_of(&[goodbye]));
    assert!(has_ended(&outbox));
    assert_eq!(
        (stalled(&metrics, "bytes"), stalled(&metrics, "frames")),
        (1, 0)
    );
}

#[test]
fn one_frame_larger_than_the_bound_reaches_a_viewer_for_whom_nothing_else_waits() {
    let large = Frame::text(format!("4{}", "x".repeat(100)));
    let limits = OutboxLimits {
        bytes: 50,
        frames: 100,
    };
    let wire = FakeWire::with_room(10);
    let (outbox, metrics) = on(&wire, limits);
    outbox.send(large.clone());
    assert_eq!((outbox.waiting(), wire.shutdowns()), (1, vec![]));
    wire.take(None);
    assert_eq!(wire.written(), bytes_of(std::slice::from_ref(&large)));
    wire.block();
    outbox.send(large.clone());
    outbox.send(large);
    assert_eq!(wire.shutdowns(), [Shutdown::Read]);
    assert_eq!(stalled(&metrics, "bytes"), 1);
}

#[test]
fn a_socket_beyond_its_bound_in_frames_is_cut_and_counted() {
    let limits = OutboxLimits {
        bytes: 1 << 20,
        frames: 3,
    };
    let wire = FakeWire::with_room(0);
    let (outbox, metrics) = on(&wire, limits);
    numbered(0..3).into_iter().for_each(|f| outbox.send(f));
    assert_eq!(wire.shutdowns(), []);
    outbox.send(Frame::text("4"));
    assert_eq!(wire.shutdowns(), [Shutdown::Read]);
    assert_eq!(
        (stalled(&metrics, "bytes"), stalled(&metrics, "frames")),
        (0, 1)
    );
    outbox.send(Frame::text("4"));
    assert_eq!(stalled(&metrics, "frames"), 1, "a socket is cut once");
}

#[test]
fn a_polling_socket_that_stops_polling_meets_the_same_bound() {
    let limits = OutboxLimits {
        bytes: 1 << 20,
        frames: 3,
    };
    let (outbox, metrics) = outbox(limits);
    numbered(0..4).into_iter().for_each(|f| outbox.send(f));
    assert_eq!(stalled(&metrics, "frames"), 1);
    assert_eq!(poll_once(&outbox), Poll::Ready(None));
}

#[test]
fn what_has_left_makes_room_for_more() {
    let limits = OutboxLimits {
        bytes: 3 * Frame::text("40").len(),
        frames: 3,
    };
    let wire = FakeWire::with_room(0);
    let (outbox, _) = on(&wire, limits);
    for _ in 0..5 {
        numbered(0..3).into_iter().for_each(|f| outbox.send(f));
        wire.take(None);
        wire.block();
    }
    assert_eq!(wire.shutdowns(), []);
    let (outbox, _) = self::outbox(limits);
    for _ in 0..5 {
        numbered(0..3).into_iter().for_each(|f| outbox.send(f));
        assert_eq!(poll_once(&outbox), Poll::Ready(Some(numbered(0..3))));
    }
}

#[test]
fn a_stream_that_fails_ends_its_socket_without_counting_it_as_stalled() {
    for fails_when_resumed in [false, true] {
        let wire = FakeWire::with_room(if fails_when_resumed { 0 } else { 100 });
        let (outbox, metrics) = on(&wire, ROOMY);
        if fails_when_resumed {
            outbox.send(Frame::text("4"));
        }
        wire.break_down();
        wire.take(None);
        outbox.send(Frame::text("4"));
        assert!(has_ended(&outbox));
        assert_eq!(wire.shutdowns(), [Shutdown::Both]);
        assert_eq!(
            (stalled(&metrics, "bytes"), stalled(&metrics, "frames")),
            (0, 0)
        );
    }
}

#[test]
fn the_last_frame_leaves_after_all_that_waits_and_nothing_is_accepted_after_it() {
    let wire = FakeWire::with_room(0);
    let (outbox, _) = on(&wire, ROOMY);
    let last = Frame::close(1000, "denied");
    outbox.send(Frame::text("4waits"));
    outbox.finish(std::slice::from_ref(&last));
    outbox.send(Frame::text("4too late"));
    outbox.finish(&[Frame::text("4too late")]);
    assert!(!has_ended(&outbox));
    wire.take(None);
    assert_eq!(wire.written(), bytes_of(&[Frame::text("4waits"), last]));
    assert!(has_ended(&outbox));
    assert_eq!(
        wire.shutdowns(),
        [Shutdown::Write],
        "the client may still answer"
    );
}

#[test]
fn finishing_a_stream_that_takes_bytes_ends_it_at_once() {
    let wire = FakeWire::new();
    let (outbox, _) = on(&wire, ROOMY);
    outbox.finish(&[Frame::close(1000, "")]);
    assert!(has_ended(&outbox));
    assert_eq!(wire.shutdowns(), [Shutdown::Write]);
}

#[test]
fn the_end_wakes_whoever_waits_for_it() {
    let wire = FakeWire::with_room(0);
    let (outbox, _) = on(&wire, ROOMY);
    outbox.finish(&[Frame::close(1000, "")]);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(Arc::clone(&wakes));
    assert!(
        outbox
            .poll_ended(&mut Context::from_waker(&waker))
            .is_pending()
    );
    wire.take(None);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
}

#[test]
fn closing_drops_what_waits_and_cuts_the_stream() {
    let wire = FakeWire::with_room(0);
    let (outbox, _) = on(&wire, ROOMY);
    outbox.send(Frame::text("4"));
    outbox.close();
    assert_eq!(
        (outbox.waiting(), wire.shutdowns()),
        (0, vec![Shutdown::Both])
    );
    outbox.close();
    assert_eq!(
        wire.shutdowns(),
        [Shutdown::Both],
        "a second time changes nothing"
    );
}

#[test]
fn a_stream_attached_too_late_is_cut() {
    let (outbox, _) = outbox(ROOMY);
    outbox.close();
    let wire = FakeWire::new();
    outbox.attach(wire.clone());
    assert_eq!(wire.shutdowns(), [Shutdown::Both]);
}
