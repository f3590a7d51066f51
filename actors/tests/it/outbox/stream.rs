//! Over a stream: written at once, or as soon as the stream takes bytes.

use proptest::prelude::*;
use switchboard_actors::limits::SLICES_PER_WRITE;
use switchboard_actors::testing::FakeWire;
use switchboard_protocol::frame::Frame;

use super::{ROOMY, bytes_of, numbered, on, outbox};

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
fn attaching_a_stream_writes_what_waits_first() {
    let (outbox, _) = outbox(ROOMY);
    outbox.send_all(&numbered(0..20));
    let wire = FakeWire::new();
    outbox.attach(wire.clone());
    outbox.send(Frame::text("420"));
    assert_eq!(wire.written(), bytes_of(&numbered(0..21)));
}
