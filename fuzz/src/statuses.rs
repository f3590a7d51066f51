//! Lists of all sessions, one after the other: reading what is new leads where reading everything leads, and nothing
//! secret is kept. The input is lists with 0x1e between them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use switchboard_actors::organization::statuses::{Board, Change, Read, Session, Statuses};
use switchboard_protocol::ids::{OrganizationId, SessionId};

/// What a session's name may not contain, nor end with; a list of its own, so that a slip in the other shows.
const SECRET_PARTS: [&str; 6] = [
    "password",
    "secret",
    "token",
    "apikey",
    "credential",
    "streamendpoint",
];
const SECRET_ENDS: [&str; 3] = ["key", "psw", "salt"];
/// How much longer JSON of the same value may be: `1e15` is written out.
const GROWTH: usize = 6;

type Sessions = BTreeMap<SessionId, Arc<Session>>;

/// The lists.
pub fn lists(input: &[u8]) {
    let mut statuses = Statuses::default();
    let mut board = Board::default();
    let mut known = Sessions::new();
    for list in super::parts(input) {
        let payload = Bytes::copy_from_slice(list);
        match statuses.read(&payload) {
            Ok(read) => {
                check_secrets(&read, list.len());
                take_over(&mut known, &read);
                check_changes(&board.apply(read));
            }
            Err(fault) => assert!(!fault.reason().is_empty()),
        }
        assert_eq!(statuses.len(), known.len());
        check_board(&board, &known);
        let fresh = Statuses::default().read(&payload);
        if let Ok(fresh) = fresh {
            let mut everything = Sessions::new();
            take_over(&mut everything, &fresh);
            assert_eq!(known, everything, "changes, and everything");
            let again = statuses.read(&payload).expect("it was good before");
            assert!(again.changed.is_empty() && again.gone.is_empty());
        }
    }
}

fn take_over(sessions: &mut Sessions, read: &Read) {
    for id in &read.gone {
        assert!(sessions.remove(id).is_some(), "gone, but never there");
    }
    for session in &read.changed {
        sessions.insert(session.id.clone(), Arc::clone(session));
    }
}

fn check_secrets(read: &Read, list: usize) {
    let mut total = 0;
    for session in &read.changed {
        total += session.json.len();
        let value: Value = serde_json::from_str(&session.json).expect("what is sent is JSON");
        assert!(!names_a_secret(&value), "{}", session.json);
        assert_eq!(value["id"], session.id.as_str());
    }
    assert!(total <= GROWTH * list);
}

fn names_a_secret(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let plain = name.to_ascii_lowercase().replace(['_', '-', ' '], "");
            SECRET_PARTS.iter().any(|part| plain.contains(part))
                || SECRET_ENDS.iter().any(|end| plain.ends_with(end))
                || names_a_secret(value)
        }),
        Value::Array(items) => items.iter().any(names_a_secret),
        _ => false,
    }
}

/// Guests hear nothing of a session that is not open.
fn check_changes(changes: &HashMap<OrganizationId, Vec<Change>>) {
    for change in changes.values().flatten() {
        if let Some(seen) = change.seen_by_guests() {
            assert!(seen.old.is_none_or(|session| session.is_open));
            assert!(seen.new.is_none_or(|session| session.is_open));
        }
    }
}

/// Each session is in one place: in the picture of its organization, or it waits for one.
fn check_board(board: &Board, known: &Sessions) {
    for (id, session) in known {
        let waits = board.unplaced().contains_key(id);
        if let Some(organization) = &session.organization {
            let picture = board.picture(organization);
            assert_eq!(picture.get(id), Some(session));
            assert!(!waits);
        }
    }
    assert!(board.unplaced().keys().all(|id| known.contains_key(id)));
}
