//! The list of all sessions, as `system/out/sessions/statuses` brings it: read, compared with the one before, and
//! sorted by organization. Pure: no I/O and no clock.
//!
//! Lists come often and differ little, so that only what is new in the bytes is parsed. Whatever is kept of a session
//! is public: secrets are left behind where it is parsed.

mod board;
mod list;
mod lookups;
mod public;
mod session;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use switchboard_protocol::ids::SessionId;

use crate::limits::SNAPSHOT_BYTES;
pub use board::{Board, Change};
use list::List;
pub use lookups::{Found, Lookups};
pub use session::Session;

/// Why a whole list is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Larger than [`SNAPSHOT_BYTES`].
    #[error("it is larger than {SNAPSHOT_BYTES} bytes")]
    TooLarge,
    /// Not JSON, or nested too deep.
    #[error("it is not JSON, or nested too deep")]
    NotJson,
    /// Something else than an array.
    #[error("it is not an array")]
    NotAnArray,
    /// An element that is no object.
    #[error("an element is not an object")]
    NotAnObject,
    /// A session without an id, or with one that is none.
    #[error("a session has no valid id")]
    InvalidId,
    /// A session whose organization is no id.
    #[error("a session's organization is no valid id")]
    InvalidOrganization,
    /// Two sessions of the same id.
    #[error("two sessions have the same id")]
    Duplicate,
}

impl Fault {
    /// A stable word for a metric's label.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::NotAnArray => "not_an_array",
            Self::NotAnObject => "not_an_object",
            Self::InvalidId => "invalid_id",
            Self::InvalidOrganization => "invalid_organization",
            Self::Duplicate => "duplicate_id",
        }
    }
}

/// What a list says that the one before did not.
#[derive(Debug, Default)]
pub struct Read {
    /// Sessions that are new, or whose public part has another value than before.
    pub changed: Vec<Arc<Session>>,
    /// Sessions that are no longer listed.
    pub gone: Vec<SessionId>,
    /// How many sessions had to be parsed: what a list costs.
    pub parsed: usize,
}

struct Entry {
    /// Where the session stands in the payload.
    place: Range<usize>,
    session: Arc<Session>,
}

/// The last good list.
#[derive(Default)]
pub struct Statuses {
    payload: Bytes,
    entries: Vec<Entry>,
    positions: HashMap<SessionId, usize>,
}

impl Statuses {
    /// Reads the next list. One that is refused changes nothing.
    pub fn read(&mut self, payload: &Bytes) -> Result<Read, Fault> {
        if payload.len() > SNAPSHOT_BYTES {
            return Err(Fault::TooLarge);
        }
        if *payload == self.payload && !payload.is_empty() {
            return Ok(Read::default());
        }
        let mut next = Self {
            payload: payload.clone(),
            entries: Vec::with_capacity(self.entries.len()),
            positions: HashMap::with_capacity(self.entries.len()),
        };
        let mut read = Read::default();
        let mut list = List::open(payload)?;
        // Where the next session stood in the list before, as long as the order is the same.
        let mut expected = 0;
        while list.has_next()? {
            let known = self.raw(expected).and_then(|raw| list.take_known(raw));
            let (place, known) = match known {
                Some(place) => (place, Some(expected)),
                None => {
                    let place = list.take()?;
                    let raw = &payload[place.clone()];
                    let hinted = list::hint(raw).and_then(|id| self.positions.get(id).copied());
                    (place, hinted.filter(|&n| self.raw(n) == Some(raw)))
                }
            };
            let session = match known {
                Some(position) => Arc::clone(&self.entries[position].session),
                None => {
                    read.parsed += 1;
                    self.keep_equal(Session::parse(&payload[place.clone()])?)
                }
            };
            let before = self.positions.get(&session.id).copied();
            expected = before.map_or(expected, |position| position + 1);
            if before.is_none_or(|n| !Arc::ptr_eq(&self.entries[n].session, &session)) {
                read.changed.push(Arc::clone(&session));
            }
            next.add(Entry { place, session })?;
        }
        let gone = self.entries.iter().map(|entry| &entry.session.id);
        let gone = gone.filter(|id| !next.positions.contains_key(*id));
        read.gone = gone.cloned().collect();
        *self = next;
        Ok(read)
    }

    /// How many sessions are listed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn raw(&self, position: usize) -> Option<&[u8]> {
        let entry = self.entries.get(position)?;
        Some(&self.payload[entry.place.clone()])
    }

    /// The session as it was, if its public part has the same value now.
    fn keep_equal(&self, session: Session) -> Arc<Session> {
        let before = self.positions.get(&session.id);
        let before = before.map(|position| &self.entries[*position].session);
        match before {
            Some(before) if **before == session => Arc::clone(before),
            _ => Arc::new(session),
        }
    }

    fn add(&mut self, entry: Entry) -> Result<(), Fault> {
        let id = entry.session.id.clone();
        if self.positions.insert(id, self.entries.len()).is_some() {
            return Err(Fault::Duplicate);
        }
        self.entries.push(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
