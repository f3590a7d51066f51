//! The board: the sessions of each organization as they are now.
//!
//! A session whose organization is not known yet is in nobody's picture. Once it is, it is new there, as it is then.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use switchboard_protocol::ids::{OrganizationId, SessionId};

use super::{Read, Session};

/// What happened to one session in an organization's picture. At least one of the two is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// As it was; `None`: it has been added.
    pub old: Option<Arc<Session>>,
    /// As it is; `None`: it has been removed.
    pub new: Option<Arc<Session>>,
}

impl Change {
    /// The session's id.
    pub fn id(&self) -> &SessionId {
        let session = self.new.as_ref().or(self.old.as_ref());
        &session.expect("a change is one of something").id
    }

    /// The change as the session's guests see it; `None`: not at all.
    pub fn seen_by_guests(&self) -> Option<Self> {
        let open = |session: &Option<Arc<Session>>| session.clone().filter(|s| s.is_open);
        let seen = Self {
            old: open(&self.old),
            new: open(&self.new),
        };
        (seen.old.is_some() || seen.new.is_some()).then_some(seen)
    }
}

/// What happened, by organization.
pub type Changes = HashMap<OrganizationId, Vec<Change>>;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Board {
    /// Where each session is, of those whose organization is known.
    places: HashMap<SessionId, OrganizationId>,
    pictures: HashMap<OrganizationId, BTreeMap<SessionId, Arc<Session>>>,
    unplaced: HashMap<SessionId, Arc<Session>>,
}

impl Board {
    /// Takes over what a list says.
    pub fn apply(&mut self, read: Read) -> Changes {
        let mut changes = Changes::new();
        for id in read.gone {
            self.unplaced.remove(&id);
            if let Some(organization) = self.places.remove(&id) {
                self.take(&organization, &id, &mut changes);
            }
        }
        for session in read.changed {
            let known = self.places.get(&session.id);
            match session.organization.as_ref().or(known).cloned() {
                Some(organization) => self.put(session, organization, &mut changes),
                None => {
                    self.unplaced.insert(session.id.clone(), session);
                }
            }
        }
        changes
    }

    /// A session's organization has become known. Nothing happens if the session is gone, or has a place already.
    pub fn place(&mut self, session: &SessionId, organization: OrganizationId) -> Changes {
        let mut changes = Changes::new();
        if let Some(session) = self.unplaced.remove(session) {
            self.put(session, organization, &mut changes);
        }
        changes
    }

    /// The sessions of an organization.
    pub fn picture(&self, organization: &OrganizationId) -> BTreeMap<SessionId, Arc<Session>> {
        self.pictures.get(organization).cloned().unwrap_or_default()
    }

    /// Sessions whose organization is not known.
    pub fn unplaced(&self) -> &HashMap<SessionId, Arc<Session>> {
        &self.unplaced
    }

    fn put(&mut self, session: Arc<Session>, organization: OrganizationId, changes: &mut Changes) {
        let id = session.id.clone();
        self.unplaced.remove(&id);
        let before = self.places.insert(id.clone(), organization.clone());
        if let Some(before) = before.filter(|before| *before != organization) {
            self.take(&before, &id, changes);
        }
        let picture = self.pictures.entry(organization.clone()).or_default();
        let change = Change {
            old: picture.insert(id, Arc::clone(&session)),
            new: Some(session),
        };
        changes.entry(organization).or_default().push(change);
    }

    fn take(&mut self, organization: &OrganizationId, id: &SessionId, changes: &mut Changes) {
        let Some(picture) = self.pictures.get_mut(organization) else {
            return;
        };
        let old = picture.remove(id);
        if picture.is_empty() {
            self.pictures.remove(organization);
        }
        let change = Change { old, new: None };
        changes
            .entry(organization.clone())
            .or_default()
            .push(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(json: &str) -> Arc<Session> {
        Arc::new(Session::parse(json.as_bytes()).unwrap())
    }

    fn changed(sessions: &[&Arc<Session>]) -> Read {
        Read {
            changed: sessions.iter().map(|s| Arc::clone(s)).collect(),
            ..Read::default()
        }
    }

    fn gone(id: &str) -> Read {
        Read {
            gone: vec![id.parse().unwrap()],
            ..Read::default()
        }
    }

    fn change(old: Option<&Arc<Session>>, new: Option<&Arc<Session>>) -> Change {
        Change {
            old: old.cloned(),
            new: new.cloned(),
        }
    }

    fn one(organization: &str, change: Change) -> Changes {
        Changes::from([(organization.parse().unwrap(), vec![change])])
    }

    #[test]
    fn sessions_are_added_updated_and_removed_in_their_own_organization_only() {
        let mut board = Board::default();
        let (a, b) = (
            session(r#"{"id":"A","organizationId":"1"}"#),
            session(r#"{"id":"B","organizationId":"2"}"#),
        );
        let mut expected = one("1", change(None, Some(&a)));
        expected.extend(one("2", change(None, Some(&b))));
        assert_eq!(board.apply(changed(&[&a, &b])), expected);
        let again = session(r#"{"id":"A","organizationId":"1","x":1}"#);
        let expected = one("1", change(Some(&a), Some(&again)));
        assert_eq!(board.apply(changed(&[&again])), expected);
        assert_eq!(board.apply(gone("A")), one("1", change(Some(&again), None)));
        assert!(board.picture(&"1".parse().unwrap()).is_empty());
        assert_eq!(board.picture(&"2".parse().unwrap()).len(), 1);
        assert_eq!((board.places.len(), board.pictures.len()), (1, 1));
    }

    #[test]
    fn a_session_of_unknown_organization_is_added_once_it_is_known_with_its_value_of_then() {
        let mut board = Board::default();
        let id: SessionId = "A".parse().unwrap();
        let (first, second) = (session(r#"{"id":"A"}"#), session(r#"{"id":"A","x":1}"#));
        assert_eq!(board.apply(changed(&[&first])), Changes::new());
        assert_eq!(board.apply(changed(&[&second])), Changes::new());
        let placed = board.place(&id, "1".parse().unwrap());
        assert_eq!(placed, one("1", change(None, Some(&second))));
        assert!(board.unplaced().is_empty());
        assert_eq!(board.place(&id, "2".parse().unwrap()), Changes::new());
        // From now on the organization is known without being named.
        let third = session(r#"{"id":"A","x":2}"#);
        let expected = one("1", change(Some(&second), Some(&third)));
        assert_eq!(board.apply(changed(&[&third])), expected);
    }

    #[test]
    fn a_session_that_goes_before_its_organization_is_known_was_never_there() {
        let mut board = Board::default();
        board.apply(changed(&[&session(r#"{"id":"A"}"#)]));
        assert_eq!(board.apply(gone("A")), Changes::new());
        let placed = board.place(&"A".parse().unwrap(), "1".parse().unwrap());
        assert_eq!(placed, Changes::new());
    }

    #[test]
    fn what_the_list_names_ends_the_wait_for_an_organization() {
        let mut board = Board::default();
        board.apply(changed(&[&session(r#"{"id":"A"}"#)]));
        let named = session(r#"{"id":"A","organizationId":"1"}"#);
        assert_eq!(
            board.apply(changed(&[&named])),
            one("1", change(None, Some(&named)))
        );
        assert!(board.unplaced().is_empty());
    }

    #[test]
    fn a_session_that_changes_its_organization_is_removed_here_and_added_there() {
        let mut board = Board::default();
        let (here, there) = (
            session(r#"{"id":"A","organizationId":"1"}"#),
            session(r#"{"id":"A","organizationId":"2"}"#),
        );
        board.apply(changed(&[&here]));
        let mut expected = one("1", change(Some(&here), None));
        expected.extend(one("2", change(None, Some(&there))));
        assert_eq!(board.apply(changed(&[&there])), expected);
        assert_eq!(board.pictures.len(), 1);
    }

    #[test]
    fn guests_see_a_session_come_and_go_with_its_visibility() {
        let public = session(r#"{"id":"A","visibility":"public"}"#);
        let silent = session(r#"{"id":"A"}"#);
        let private = session(r#"{"id":"A","visibility":"private"}"#);
        for (old, new, seen) in [
            (None, Some(&public), Some((None, Some(&public)))),
            (None, Some(&private), None),
            (
                Some(&public),
                Some(&silent),
                Some((Some(&public), Some(&silent))),
            ),
            (Some(&public), Some(&private), Some((Some(&public), None))),
            (Some(&private), Some(&public), Some((None, Some(&public)))),
            (Some(&private), Some(&private), None),
            (Some(&public), None, Some((Some(&public), None))),
            (Some(&private), None, None),
        ] {
            let expected = seen.map(|(old, new)| change(old, new));
            assert_eq!(change(old, new).seen_by_guests(), expected);
        }
    }
}
