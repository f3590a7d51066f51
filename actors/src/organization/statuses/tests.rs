//! Lists against the lists before them.

use super::*;

fn list(sessions: &[String]) -> Bytes {
    Bytes::from(format!("[{}]", sessions.join(",")))
}

fn session(id: &str, name: &str) -> String {
    format!(r#"{{"id":"{id}","name":"{name}","channels":[{{"id":1,"key":"k"}}]}}"#)
}

fn sessions(count: usize) -> Vec<String> {
    (0..count).map(|n| session(&n.to_string(), "a")).collect()
}

/// Reads a list that must be good; changed and gone ids, and how many sessions were parsed.
fn read(statuses: &mut Statuses, payload: &Bytes) -> (Vec<String>, Vec<String>, usize) {
    let read = statuses.read(payload).unwrap();
    let changed = read.changed.iter().map(|s| s.id.to_string()).collect();
    let gone = read.gone.iter().map(SessionId::to_string).collect();
    (changed, gone, read.parsed)
}

fn nothing() -> (Vec<String>, Vec<String>, usize) {
    (vec![], vec![], 0)
}

#[test]
fn the_first_list_is_all_new_and_the_same_again_costs_nothing() {
    let (mut statuses, payload) = (Statuses::default(), list(&sessions(3)));
    let (mut changed, gone, parsed) = read(&mut statuses, &payload);
    changed.sort();
    assert_eq!(
        (changed, gone, parsed),
        (vec!["0".into(), "1".into(), "2".into()], vec![], 3)
    );
    assert_eq!(read(&mut statuses, &payload.clone()), nothing());
    let spaced = Bytes::from(format!(" {} ", std::str::from_utf8(&payload).unwrap()));
    assert_eq!(read(&mut statuses, &spaced), nothing());
}

#[test]
fn only_what_is_new_in_the_bytes_is_parsed() {
    let mut statuses = Statuses::default();
    let mut all = sessions(1_000);
    read(&mut statuses, &list(&all));
    all[500] = session("500", "b");
    assert_eq!(
        read(&mut statuses, &list(&all)),
        (vec!["500".into()], vec![], 1)
    );
    all.remove(300);
    assert_eq!(
        read(&mut statuses, &list(&all)),
        (vec![], vec!["300".into()], 0)
    );
    all.insert(700, session("new", "a"));
    assert_eq!(
        read(&mut statuses, &list(&all)),
        (vec!["new".into()], vec![], 1)
    );
    all.reverse();
    assert_eq!(read(&mut statuses, &list(&all)), nothing());
    all.swap(1, 900);
    all.remove(0);
    assert_eq!(
        read(&mut statuses, &list(&all)),
        (vec![], vec!["999".into()], 0)
    );
    assert_eq!(statuses.len(), 999);
}

#[test]
fn other_bytes_of_the_same_value_are_no_change() {
    let mut statuses = Statuses::default();
    read(&mut statuses, &list(&[session("S", "a")]));
    let turned = r#"{ "channels":[{"key":"other","id":1}], "name":"\u0061", "id":"S" }"#;
    let payload = list(&[turned.to_owned()]);
    assert_eq!(read(&mut statuses, &payload), (vec![], vec![], 1));
    // And these bytes are known from now on.
    let payload = list(&[turned.to_owned(), session("T", "a")]);
    assert_eq!(read(&mut statuses, &payload), (vec!["T".into()], vec![], 1));
}

#[test]
fn a_session_that_moves_and_changes_is_changed_once() {
    let mut statuses = Statuses::default();
    let mut all = sessions(10);
    read(&mut statuses, &list(&all));
    all.swap(2, 7);
    all[2] = session("7", "b");
    assert_eq!(
        read(&mut statuses, &list(&all)),
        (vec!["7".into()], vec![], 1)
    );
}

#[test]
fn an_empty_list_empties_everything() {
    let mut statuses = Statuses::default();
    read(&mut statuses, &list(&sessions(2)));
    let (_, gone, parsed) = read(&mut statuses, &Bytes::from_static(b"[]"));
    assert_eq!((gone.len(), parsed), (2, 0));
    assert!(statuses.is_empty());
    assert_eq!(read(&mut statuses, &list(&sessions(2))).0.len(), 2);
}

#[test]
fn a_refused_list_leaves_the_last_good_one() {
    let mut statuses = Statuses::default();
    let good = list(&sessions(3));
    read(&mut statuses, &good);
    let twice = [sessions(3), sessions(1)].concat();
    let of = |last: &str| list(&[sessions(3), vec![last.to_owned()]].concat());
    let mut large = vec![b' '; SNAPSHOT_BYTES];
    large.extend_from_slice(&good);
    for (payload, fault) in [
        (list(&twice), Fault::Duplicate),
        (
            of(r#"{"id":"x","organizationId":"a/b"}"#),
            Fault::InvalidOrganization,
        ),
        (of(r#"{"name":"x"}"#), Fault::InvalidId),
        (of("7"), Fault::NotAnObject),
        (of(r#"{"id":"x",}"#), Fault::NotJson),
        (of(r#"{"id":"x"]"#), Fault::NotJson),
        (good.slice(..good.len() - 1), Fault::NotJson),
        (Bytes::from_static(b"{}"), Fault::NotAnArray),
        (Bytes::from_static(b""), Fault::NotAnArray),
        (Bytes::from_static(b"\xff"), Fault::NotAnArray),
        (Bytes::from_static(b"[{\"id\":\"\xff\"}]"), Fault::NotJson),
        (large.into(), Fault::TooLarge),
    ] {
        assert_eq!(statuses.read(&payload).err(), Some(fault));
        assert_eq!(statuses.len(), 3);
        assert_eq!(read(&mut statuses, &good), nothing());
    }
}

#[test]
fn the_same_bytes_twice_are_a_duplicate_too() {
    let mut statuses = Statuses::default();
    let one = sessions(1);
    read(&mut statuses, &list(&one));
    let twice = list(&[one.clone(), one].concat());
    assert_eq!(statuses.read(&twice).err(), Some(Fault::Duplicate));
}
