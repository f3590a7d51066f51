//! Viewers that do not keep up: fewer partial lines, never fewer of anything else.

use std::sync::Arc;
use std::task::Poll;

use switchboard_actors::limits::PACKETS_PER_POLL;
use switchboard_actors::outbox::{Batch, Note, Outbox};
use switchboard_actors::testing::FakeWire;
use switchboard_protocol::frame::Frame;

use super::{ROOMY, bytes_of, on, outbox, poll_once};

fn partial(text: usize) -> Frame {
    Frame::text(format!(
        r#"42["partial",{{"segmentId":1,"text":"{text}"}}]"#
    ))
}

fn last_word(text: usize) -> Frame {
    Frame::text(format!(r#"42["final",{{"segmentId":1,"text":"{text}"}}]"#))
}

/// Sends one frame as a room does.
fn send(outbox: &Arc<Outbox>, frame: Frame, is_partial: bool) {
    let note = Note {
        stamp: 1,
        last_final: 0,
        is_partial,
    };
    outbox.send_batch(&Batch::of_room(7, &[frame], &[note]));
}

#[test]
fn while_its_stream_is_full_a_viewer_is_kept_the_newest_partial_line_and_all_finals() {
    let wire = FakeWire::with_room(0);
    let (outbox, metrics) = on(&wire, ROOMY);
    for line in 0..3 {
        (0..10).for_each(|text| send(&outbox, partial(10 * line + text), true));
        send(&outbox, last_word(line), false);
    }
    send(&outbox, partial(30), true);
    assert_eq!(
        (outbox.waiting(), metrics.partials_superseded.get()),
        (4, 30)
    );
    wire.take(None);
    let expected = [last_word(0), last_word(1), last_word(2), partial(30)];
    assert_eq!(wire.written(), bytes_of(&expected));
}

#[test]
fn a_poller_that_keeps_up_gets_every_partial_line_and_one_that_does_not_the_newest() {
    let (outbox, metrics) = outbox(ROOMY);
    (0..3).for_each(|text| send(&outbox, partial(text), true));
    let all: Vec<Frame> = (0..3).map(partial).collect();
    assert_eq!(poll_once(&outbox), Poll::Ready(Some(all)));
    let finals: Vec<Frame> = (0..PACKETS_PER_POLL).map(last_word).collect();
    outbox.send_all(&finals);
    (0..9).for_each(|text| send(&outbox, partial(text), true));
    assert_eq!(metrics.partials_superseded.get(), 8);
    assert_eq!(poll_once(&outbox), Poll::Ready(Some(finals)));
    assert_eq!(poll_once(&outbox), Poll::Ready(Some(vec![partial(8)])));
}
