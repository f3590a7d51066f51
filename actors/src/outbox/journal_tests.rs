use super::*;
use crate::metrics::Metrics;
use crate::outbox::{OutboxLimits, WayOut};
use crate::testing::FakeWire;

fn connection() -> (Arc<FakeWire>, Arc<Outbox>) {
    let wire = FakeWire::new();
    let outbox = Outbox::new(OutboxLimits::default(), Metrics::default());
    outbox.attach(wire.clone());
    (wire, outbox)
}

/// The journal of a socket that has its first connection.
fn on(outbox: Arc<Outbox>) -> Arc<Journal> {
    let journal = Journal::new();
    journal.own(1);
    assert!(journal.attach(1, outbox));
    journal
}

fn heard(wire: &FakeWire) -> Vec<String> {
    wire.frames().iter().map(ToString::to_string).collect()
}

fn send(journal: &Journal, stamp: u64, is_partial: bool) {
    let frames = [Frame::text(format!("42[\"e\",{stamp}]"))];
    let notes = [Note {
        stamp,
        last_final: 0,
        is_partial,
    }];
    let frames = with_offsets(&frames, &notes);
    journal.send_batch(&Batch::of_room(1, &frames, &notes));
}

fn offset(stamp: u64) -> Option<Offset> {
    Some(Offset {
        stamp,
        last_final: 0,
    })
}

/// What a client that saw `offset` last is sent when it returns.
fn missed(journal: &Journal, offset: Option<Offset>) -> Result<Vec<String>, NotResumed> {
    let (wire, outbox) = connection();
    journal.resume(1, offset, outbox)?;
    Ok(heard(&wire))
}

#[test]
fn events_get_an_offset_and_nothing_else_does() {
    let (wire, outbox) = connection();
    let journal = on(outbox);
    for text in [
        "42[\"a\",1]",
        "42/voice,[\"b\"]",
        "430[1]",
        "40{}",
        "41",
        "2",
    ] {
        journal.send(Frame::text(text));
    }
    let heard = heard(&wire);
    let (a, b) = (&heard[0], &heard[1]);
    assert!(
        a.starts_with("42[\"a\",1,\"") && b.starts_with("42/voice,[\"b\",\""),
        "{heard:?}"
    );
    assert_eq!(heard[2..], ["430[1]", "40{}", "41", "2"]);
    let stamp = |event: &str| {
        let text = event.rsplit('"').nth(1).unwrap();
        Offset::parse(text).unwrap().stamp
    };
    assert!(stamp(a) < stamp(b));
}

#[test]
fn whoever_returns_gets_what_came_after_the_last_event_that_it_saw() {
    let (_, outbox) = connection();
    let journal = on(Arc::clone(&outbox));
    (1..=3).for_each(|stamp| send(&journal, stamp, false));
    journal.leave(&outbox);
    (4..=5).for_each(|stamp| send(&journal, stamp, false));
    assert_eq!(missed(&journal, offset(5)).unwrap(), [""; 0]);
    assert_eq!(missed(&journal, offset(4)).unwrap(), ["42[\"e\",5,\"5\"]"]);
    assert_eq!(missed(&journal, offset(1)).unwrap().len(), 4);
    assert_eq!(
        missed(&journal, None).unwrap().len(),
        5,
        "it saw nothing yet"
    );
    assert_eq!(missed(&journal, offset(9)), Err(NotResumed::Forgotten));
}

#[test]
fn partial_lines_are_not_said_again_but_their_offsets_are_known() {
    let (_, outbox) = connection();
    let journal = on(Arc::clone(&outbox));
    send(&journal, 1, false);
    send(&journal, 2, true);
    send(&journal, 3, false);
    journal.leave(&outbox);
    send(&journal, 4, true);
    assert_eq!(missed(&journal, offset(1)).unwrap(), ["42[\"e\",3,\"3\"]"]);
    assert_eq!(missed(&journal, offset(2)).unwrap().len(), 1);
    assert_eq!(
        missed(&journal, offset(4)),
        Err(NotResumed::Forgotten),
        "nobody saw that one"
    );
}

#[test]
fn a_pong_confirms_what_was_sent_before_its_ping_and_no_more() {
    let (_, outbox) = connection();
    let journal = on(Arc::clone(&outbox));
    (1..=3).for_each(|stamp| send(&journal, stamp, false));
    journal.mark();
    send(&journal, 4, false);
    journal.confirm();
    assert_eq!(missed(&journal, offset(2)), Err(NotResumed::Forgotten));
    assert_eq!(
        missed(&journal, offset(3)).unwrap().len(),
        1,
        "an hour later, too"
    );
    assert_eq!(missed(&journal, None), Err(NotResumed::Forgotten));
    journal.confirm();
    assert!(journal.knows(offset(3)), "one pong confirms once");
}

#[test]
fn a_ping_after_which_the_client_moved_confirms_nothing() {
    let (_, first) = connection();
    let journal = on(Arc::clone(&first));
    (1..=3).for_each(|stamp| send(&journal, stamp, false));
    journal.mark();
    journal.leave(&first);
    missed(&journal, offset(1)).unwrap();
    journal.confirm();
    assert!(journal.knows(offset(1)));
}

#[test]
fn a_journal_is_bounded_in_events_and_in_bytes() {
    let (_, outbox) = connection();
    let journal = on(Arc::clone(&outbox));
    journal.leave(&outbox);
    let events = JOURNAL_FRAMES as u64;
    (1..=events + 1).for_each(|stamp| send(&journal, stamp, false));
    assert_eq!(
        (journal.knows(None), journal.knows(offset(1))),
        (false, false)
    );
    assert!(journal.knows(offset(2)));
    let large = format!("42[\"e\",\"{}\"]", "x".repeat(JOURNAL_BYTES));
    journal.send(Frame::text(large));
    assert!(!journal.knows(offset(events + 1)));
}

#[test]
fn the_connection_that_was_replaced_takes_nothing_with_it() {
    let (_, first) = connection();
    let journal = on(Arc::clone(&first));
    let (wire, second) = connection();
    journal.own(2);
    journal.resume(2, None, second).unwrap();
    journal.leave(&first);
    assert!(
        !journal.attach(1, Arc::clone(&first)),
        "the newest connection has it"
    );
    let late = journal.resume(1, None, first);
    assert_eq!(late, Err(NotResumed::Superseded));
    WayOut::Recoverable(journal).send(Frame::text("42[\"a\"]"));
    assert_eq!(heard(&wire).len(), 1);
}

#[test]
fn offsets_are_read_as_they_are_written_and_nothing_else_is_one() {
    let note = Note {
        stamp: 0x5f_1234,
        last_final: 0xab,
        is_partial: false,
    };
    let frames = with_offsets(&[Frame::text("42[\"a\"]")], &[note]);
    assert_eq!(frames[0], Frame::text("42[\"a\",\"5f1234-ab\"]"));
    assert_eq!(Offset::parse("5f1234-ab"), Some(note.into()));
    assert_eq!(Offset::parse("7"), offset(7));
    for text in [
        "",
        "-",
        "1-",
        "-1",
        "+1",
        "g",
        "1-2-3",
        "'; DROP",
        "11111111111111111",
        "1-111111111",
    ] {
        assert_eq!(Offset::parse(text), None, "{text}");
    }
}
