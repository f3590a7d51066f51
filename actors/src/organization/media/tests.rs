//! The tracker's promises, without an actor and without time.

use super::tracker::{Findings, Tracker};
use super::*;
use crate::limits::CONVERSATIONS_TRACKED;
use TranscriptionState::{Done, Error, Processing};
use switchboard_protocol::ids::ConversationId;

fn id(id: &str) -> ConversationId {
    id.parse().unwrap()
}

fn item(name: &str, state: TranscriptionState) -> Item {
    Item::from(Conversation {
        id: id(name),
        name: name.to_owned(),
        organization: "O".parse().unwrap(),
        state,
        progress: 0,
    })
}

/// Asks, and has this answered.
fn poll(tracker: &mut Tracker, answer: &[(&str, TranscriptionState)]) -> Findings {
    tracker.ask();
    answered(tracker, answer)
}

fn answered(tracker: &mut Tracker, answer: &[(&str, TranscriptionState)]) -> Findings {
    tracker.answered(
        answer
            .iter()
            .map(|(name, state)| item(name, *state))
            .collect(),
    )
}

fn active(findings: &Findings) -> Vec<&str> {
    findings
        .active
        .iter()
        .map(|item| item.id.as_str())
        .collect()
}

#[test]
fn an_end_is_found_once() {
    let mut tracker = Tracker::default();
    let findings = poll(&mut tracker, &[("a", Processing), ("b", Processing)]);
    assert_eq!(active(&findings), ["a", "b"]);
    let findings = poll(&mut tracker, &[("a", Done), ("b", Error)]);
    assert_eq!(findings.over, [(id("a"), Done), (id("b"), Error)]);
    assert_eq!(active(&findings), Vec::<&str>::new());
    assert_eq!(tracker.ask(), [], "nobody asks about what has ended");
    assert_eq!(answered(&mut tracker, &[("a", Done)]), Findings::default());
}

#[test]
fn what_was_over_before_anybody_watched_is_no_news() {
    let mut tracker = Tracker::default();
    assert_eq!(poll(&mut tracker, &[("a", Done)]), Findings::default());
}

#[test]
fn a_conversation_that_is_begun_anew_ends_anew() {
    let mut tracker = Tracker::default();
    poll(&mut tracker, &[("a", Processing)]);
    poll(&mut tracker, &[("a", Error)]);
    assert_eq!(active(&poll(&mut tracker, &[("a", Processing)])), ["a"]);
    assert_eq!(poll(&mut tracker, &[("a", Done)]).over, [(id("a"), Done)]);
}

#[test]
fn what_is_created_while_an_answer_is_under_way_is_not_lost_by_it() {
    let mut tracker = Tracker::default();
    tracker.ask();
    tracker.created(&id("a"));
    answered(&mut tracker, &[]);
    assert_eq!(tracker.ask(), [id("a")]);
    assert_eq!(
        answered(&mut tracker, &[("a", Done)]).over,
        [(id("a"), Done)]
    );
}

#[test]
fn an_end_told_by_an_event_is_not_told_again_by_a_poll_nor_taken_back() {
    let mut tracker = Tracker::default();
    poll(&mut tracker, &[("a", Processing)]);
    tracker.ask();
    assert!(tracker.over(&id("a")));
    assert!(!tracker.over(&id("a")));
    let stale = answered(&mut tracker, &[("a", Processing)]);
    assert_eq!(stale, Findings::default());
    let lagging = poll(&mut tracker, &[("a", Processing)]);
    assert_eq!(
        lagging,
        Findings::default(),
        "the source has yet to hear of it"
    );
    assert_eq!(poll(&mut tracker, &[("a", Done)]), Findings::default());
    assert!(!tracker.over(&id("a")));
}

#[test]
fn an_end_told_by_a_poll_is_not_told_again_by_an_event() {
    let mut tracker = Tracker::default();
    poll(&mut tracker, &[("a", Processing)]);
    poll(&mut tracker, &[("a", Done)]);
    assert!(!tracker.over(&id("a")));
}

#[test]
fn an_end_told_by_an_event_is_told_once_even_if_the_source_does_not_know_of_it() {
    let mut tracker = Tracker::default();
    assert!(tracker.over(&id("a")));
    poll(&mut tracker, &[]);
    assert!(!tracker.over(&id("a")));
}

#[test]
fn of_what_was_deleted_nothing_is_told_any_more() {
    let mut tracker = Tracker::default();
    poll(&mut tracker, &[("a", Processing)]);
    tracker.ask();
    tracker.deleted(&id("a"));
    for state in [Processing, Processing, Done] {
        assert_eq!(answered(&mut tracker, &[("a", state)]), Findings::default());
        tracker.ask();
    }
    assert!(!tracker.over(&id("a")));
    assert_eq!(tracker.processing(vec![item("a", Processing)]), []);
    answered(&mut tracker, &[]);
    assert_eq!(
        tracker.ask(),
        [],
        "the source agrees: there is nothing to ask"
    );
}

#[test]
fn what_others_say_is_in_processing_is_asked_about_and_its_end_is_told() {
    let mut tracker = Tracker::default();
    let listed = vec![item("a", Processing), item("b", Done)];
    assert_eq!(tracker.processing(listed.clone()), listed);
    assert_eq!(tracker.ask(), [id("a")]);
    assert_eq!(
        answered(&mut tracker, &[("a", Done)]).over,
        [(id("a"), Done)]
    );
    assert_eq!(tracker.processing(listed), [item("b", Done)]);
}

#[test]
fn a_conversation_that_a_source_names_twice_counts_once() {
    let mut tracker = Tracker::default();
    let findings = poll(&mut tracker, &[("a", Processing), ("a", Done)]);
    assert_eq!((active(&findings), findings.over.len()), (vec!["a"], 0));
}

#[test]
fn what_is_remembered_is_bounded_and_what_has_ended_makes_room_first() {
    let mut tracker = Tracker::default();
    assert!(tracker.over(&id("ended")));
    for n in 1..CONVERSATIONS_TRACKED {
        tracker.created(&id(&format!("c{n}")));
    }
    tracker.created(&id("one-more"));
    assert!(
        tracker.over(&id("ended")),
        "it made room, so it is told as if for the first time"
    );
    let asked = tracker.ask();
    assert_eq!(asked.len(), CONVERSATIONS_TRACKED);
    assert!(asked.contains(&id("one-more")) && !asked.contains(&id("ended")));
}
