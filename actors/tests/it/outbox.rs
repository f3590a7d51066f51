//! The outbox: what goes in comes out, whole and in order, or the socket is cut.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use proptest::prelude::*;
use switchboard_actors::limits::{PACKETS_PER_POLL, SLICES_PER_WRITE};
use switchboard_actors::metrics::{Metrics, Reason};
use switchboard_actors::outbox::{Outbox, OutboxLimits};
use switchboard_actors::testing::FakeWire;
use switchboard_protocol::frame::Frame;

const ROOMY: OutboxLimits = OutboxLimits {
    bytes: 1 << 20,
    frames: 4_096,
};

fn outbox(limits: OutboxLimits) -> (Arc<Outbox>, Metrics) {
    let metrics = Metrics::default();
    (Outbox::new(limits, metrics.clone()), metrics)
}

fn on(wire: &Arc<FakeWire>, limits: OutboxLimits) -> (Arc<Outbox>, Metrics) {
    let (outbox, metrics) = outbox(limits);
    outbox.attach(wire.clone());
    (outbox, metrics)
}

fn numbered(numbers: std::ops::Range<usize>) -> Vec<Frame> {
    numbers.map(|n| Frame::text(format!("4{n}"))).collect()
}

fn bytes_of(frames: &[Frame]) -> Vec<u8> {
    let all: Vec<&[u8]> = frames.iter().map(|f| &f.websocket()[..]).collect();
    all.concat()
}

fn stalled(metrics: &Metrics, bound: &'static str) -> u64 {
    let reason = Reason { reason: bound };
    metrics.sockets_stalled.get_or_create(&reason).get()
}

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll(outbox: &Outbox, wakes: &Arc<Wakes>) -> Poll<Option<Vec<Frame>>> {
    let waker = Waker::from(Arc::clone(wakes));
    outbox.poll_take(&mut Context::from_waker(&waker))
}

fn poll_once(outbox: &Outbox) -> Poll<Option<Vec<Frame>>> {
    outbox.poll_take(&mut Context::from_waker(Waker::noop()))
}

fn has_ended(outbox: &Outbox) -> bool {
    outbox
        .poll_ended(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}

#[test]
fn frames_are_written_at_once_while_the_stream_takes_bytes() {
    let wire = FakeWire::new();
    let (outbox, _) = on(&wire, ROOMY);
    for (count, frame) in numbered(0..3).into_iter().enumerate() {
        outbox.send(frame);
        assert_eq!((wire.writes(), outbox.waiting()), (count + 1, 0));
    }
    assert_eq!(wire.written(), bytes_of(&numbered(0..3)));
}

#[test]
fn what_waited_leaves_in_few_writes_and_in_order() {
    let wire = FakeWire::with_room(0);
    let (outbox, _) = on(&wire, ROOMY);
    let frames = numbered(0..2 * SLICES_PER_WRITE);
    frames.iter().for_each(|f| outbox.send(f.clone()));
    assert_eq!((wire.writes(), outbox.waiting()), (0, frames.len()));
    wire.take(None);
    assert_eq!((wire.writes(), outbox.waiting()), (2, 0));
    assert_eq!(wire.written(), bytes_of(&frames));
}

#[test]
fn a_frame_that_was_taken_in_part_goes_on_where_it_stopped() {
    let wire = FakeWire::with_room(3);
    let (outbox, _) = on(&wire, ROOMY);
    let frames = [Frame::text("4first"), Frame::text("4second")];
    outbox.send(frames[0].clone());
    outbox.send(frames[1].clone());
    assert_eq!(wire.written(), bytes_of(&frames)[..3]);
    assert!(wire.is_awaited());
    wire.take(6);
    assert_eq!(wire.written(), bytes_of(&frames)[..9]);
    assert!(wire.is_awaited());
    wire.take(None);
    assert_eq!(wire.written(), bytes_of(&frames));
    assert!(!wire.is_awaited());
}

#[test]
fn a_frame_does_not_overtake_those_that_wait_when_the_stream_takes_bytes_again() {
    let wire = FakeWire::with_room(0);
    let (outbox, _) = on(&wire, ROOMY);
    outbox.send(Frame::text("4first"));
    wire.unblock();
    outbox.send(Frame::text("4second"));
    wire.take(None);
    outbox.send(Frame::text("4third"));
    let all = ["4first", "4second", "4third"].map(Frame::text);
    assert_eq!(wire.written(), bytes_of(&all));
}

#[derive(Clone, Debug)]
enum Step {
    /// Sends a run of frames with payloads of these sizes.
    Send(Vec<usize>),
    /// The stream takes so many bytes more.
    Take(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        proptest::collection::vec(0..300usize, 1..5).prop_map(Step::Send),
        (0..500usize).prop_map(Step::Take),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_byte_leaves_once_and_in_order_however_the_stream_takes_them(
        steps in proptest::collection::vec(step(), 1..40),
        attach_after in 0..5usize,
    ) {
        let wire = FakeWire::with_room(0);
        let (outbox, _) = outbox(ROOMY);
        let mut sent = Vec::new();
        for (index, step) in steps.into_iter().enumerate() {
            if index == attach_after {
                outbox.attach(wire.clone());
            }
            match step {
                Step::Send(sizes) => {
                    let frames: Vec<Frame> = sizes
                        .into_iter()
                        .map(|size| Frame::text(format!("4{index}{}", "x".repeat(size))))
                        .collect();
                    outbox.send_all(&frames);
                    sent.extend(bytes_of(&frames));
                }
                Step::Take(bytes) => wire.take(bytes),
            }
            let written = wire.written();
            prop_assert_eq!(&written[..], &sent[..written.len()]);
        }
        outbox.attach(wire.clone());
        wire.take(None);
        prop_assert_eq!(wire.written(), sent);
        prop_assert_eq!(outbox.waiting(), 0);
    }
}

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
    assert_eq!(wire.shutdowns(), [Shutdown::Both]);
    assert_eq!(outbox.waiting(), 0);
    assert!(has_ended(&outbox));
    assert_eq!(
        (stalled(&metrics, "bytes"), stalled(&metrics, "frames")),
        (1, 0)
    );
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
    assert_eq!(wire.shutdowns(), [Shutdown::Both]);
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
        bytes: 1 << 20,
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
fn the_last_frame_of_a_polling_socket_is_polled_and_the_next_poll_is_told_the_end() {
    let (outbox, _) = outbox(ROOMY);
    outbox.send(Frame::text("4"));
    outbox.finish(&[Frame::text("1")]);
    assert!(!has_ended(&outbox));
    let both = vec![Frame::text("4"), Frame::text("1")];
    assert_eq!(poll_once(&outbox), Poll::Ready(Some(both)));
    assert!(has_ended(&outbox));
    assert_eq!(poll_once(&outbox), Poll::Ready(None));
}

#[test]
fn attaching_a_stream_writes_what_waits_first() {
    let (outbox, _) = outbox(ROOMY);
    outbox.send_all(&numbered(0..20));
    let wire = FakeWire::new();
    outbox.attach(wire.clone());
    outbox.send(Frame::text("420"));
    assert_eq!(wire.written(), bytes_of(&numbered(0..21)));
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
