//! When to ask for the organizations of sessions whose list does not name them: a few at a time, again after a while
//! when asking failed or nothing is known, as long as the session is listed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use switchboard_protocol::ids::SessionId;
use tokio::time::Instant;

use super::Session;
use crate::limits::{LOOKUP_RETRY_FIRST, LOOKUP_RETRY_LONGEST, LOOKUPS_AT_ONCE};

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The organization is known now.
    Yes,
    /// Nothing is known of the session.
    Unknown,
    /// The source could not be asked.
    Failed,
}

#[derive(Debug)]
struct Wanted {
    /// When to ask; `None`: asked, and not answered yet.
    due: Option<Instant>,
    /// Failures in a row.
    failures: u32,
    /// Whether the last answer was that nothing is known.
    is_unknown: bool,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Lookups {
    wanted: HashMap<SessionId, Wanted>,
    /// Those of `wanted` that are to be asked, by the time.
    due: BTreeSet<(Instant, SessionId)>,
    /// Questions without an answer yet, also those that nobody wants any more.
    asked: usize,
}

impl Lookups {
    /// A list has come, after which these are the sessions without an organization. What nothing was known of is asked
    /// again at once: a list is often the first sign of a session that has just been stored.
    pub fn listed(&mut self, unplaced: &HashMap<SessionId, Arc<Session>>, now: Instant) {
        let Self { wanted, due, .. } = self;
        wanted.retain(|id, state| {
            let is_wanted = unplaced.contains_key(id);
            if let Some(at) = state.due
                && (!is_wanted || state.is_unknown)
            {
                due.remove(&(at, id.clone()));
                if is_wanted {
                    state.due = Some(now);
                    due.insert((now, id.clone()));
                }
            }
            is_wanted
        });
        for id in unplaced
            .keys()
            .filter(|id| !wanted.contains_key(*id))
            .cloned()
            .collect::<Vec<_>>()
        {
            due.insert((now, id.clone()));
            let state = Wanted {
                due: Some(now),
                failures: 0,
                is_unknown: false,
            };
            wanted.insert(id, state);
        }
    }

    /// The next session to ask for, unless as many are being asked for as may be.
    pub fn next(&mut self, now: Instant) -> Option<SessionId> {
        if self.asked >= LOOKUPS_AT_ONCE || self.due.first()?.0 > now {
            return None;
        }
        let (_, id) = self.due.pop_first()?;
        self.asked += 1;
        if let Some(state) = self.wanted.get_mut(&id) {
            state.due = None;
        }
        Some(id)
    }

    /// A question was answered.
    pub fn answered(&mut self, id: &SessionId, found: Found, now: Instant) {
        self.asked -= 1;
        // It may be asked for anew already, after it was gone and came back.
        let Some(state) = self.wanted.get_mut(id) else {
            return;
        };
        if found == Found::Yes {
            if let Some(at) = state.due {
                self.due.remove(&(at, id.clone()));
            }
            self.wanted.remove(id);
            return;
        }
        if state.due.is_some() {
            return;
        }
        state.is_unknown = found == Found::Unknown;
        state.failures = if state.is_unknown {
            0
        } else {
            state.failures + 1
        };
        let at = now + pause(state.failures);
        state.due = Some(at);
        self.due.insert((at, id.clone()));
    }

    /// When the next session is due; `None` while answers have to be waited for first, or nothing is wanted.
    pub fn wake_at(&self) -> Option<Instant> {
        let (at, _) = self.due.first()?;
        (self.asked < LOOKUPS_AT_ONCE).then_some(*at)
    }
}

/// How long to wait before asking again: longer after every failure, longest for what is not known.
fn pause(failures: u32) -> Duration {
    match failures {
        0 => LOOKUP_RETRY_LONGEST,
        n => (LOOKUP_RETRY_FIRST * 2_u32.saturating_pow((n - 1).min(16))).min(LOOKUP_RETRY_LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(ids: &[&str]) -> HashMap<SessionId, Arc<Session>> {
        let session = |id: &&str| {
            let json = format!(r#"{{"id":"{id}"}}"#);
            (
                id.parse().unwrap(),
                Arc::new(Session::parse(json.as_bytes()).unwrap()),
            )
        };
        ids.iter().map(session).collect()
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    /// What is asked at `now`, all at once.
    fn asked(lookups: &mut Lookups, now: Instant) -> Vec<String> {
        let ids = std::iter::from_fn(|| lookups.next(now));
        ids.map(|id| id.to_string()).collect()
    }

    #[test]
    fn a_session_is_asked_for_once_until_there_is_an_answer() {
        let (mut lookups, now) = (Lookups::default(), Instant::now());
        let listed = sessions(&["A"]);
        lookups.listed(&listed, now);
        assert_eq!(asked(&mut lookups, now), ["A"]);
        lookups.listed(&listed, now);
        assert_eq!(
            asked(&mut lookups, now + seconds(100)),
            Vec::<String>::new()
        );
        lookups.answered(&"A".parse().unwrap(), Found::Yes, now);
        assert!(lookups.wanted.is_empty() && lookups.due.is_empty());
        assert_eq!((lookups.wake_at(), lookups.asked), (None, 0));
    }

    #[test]
    fn failures_are_retried_after_growing_pauses_up_to_a_longest() {
        let (mut lookups, mut now) = (Lookups::default(), Instant::now());
        let (listed, id) = (sessions(&["A"]), "A".parse().unwrap());
        lookups.listed(&listed, now);
        for pause in [1, 2, 4, 8, 16, 30, 30, 30] {
            assert_eq!(asked(&mut lookups, now), ["A"]);
            lookups.answered(&id, Found::Failed, now);
            // Another list is no reason to hurry.
            lookups.listed(&listed, now);
            assert_eq!(lookups.wake_at(), Some(now + seconds(pause)));
            assert_eq!(
                lookups.next(now + seconds(pause) - Duration::from_millis(1)),
                None
            );
            now += seconds(pause);
        }
    }

    #[test]
    fn what_nothing_is_known_of_is_asked_for_after_a_while_and_at_each_list() {
        let (mut lookups, now) = (Lookups::default(), Instant::now());
        let (listed, id) = (sessions(&["A"]), "A".parse().unwrap());
        lookups.listed(&listed, now);
        assert_eq!(asked(&mut lookups, now), ["A"]);
        lookups.answered(&id, Found::Unknown, now);
        assert_eq!(lookups.wake_at(), Some(now + seconds(30)));
        assert_eq!(asked(&mut lookups, now + seconds(30)), ["A"]);
        lookups.answered(&id, Found::Unknown, now + seconds(30));
        lookups.listed(&listed, now + seconds(31));
        assert_eq!(asked(&mut lookups, now + seconds(31)), ["A"]);
    }

    #[test]
    fn so_many_are_asked_for_at_a_time_and_no_more() {
        let (mut lookups, now) = (Lookups::default(), Instant::now());
        let ids: Vec<_> = (10..40).map(|n| n.to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        lookups.listed(&sessions(&ids), now);
        let mut under_way = asked(&mut lookups, now);
        assert_eq!(
            (under_way.len(), lookups.wake_at()),
            (LOOKUPS_AT_ONCE, None)
        );
        let mut all = under_way.clone();
        while let Some(id) = under_way.pop() {
            lookups.answered(&id.parse().unwrap(), Found::Yes, now);
            let more = asked(&mut lookups, now);
            all.extend_from_slice(&more);
            under_way.extend(more);
            assert!(under_way.len() <= LOOKUPS_AT_ONCE);
        }
        assert_eq!(all, ids);
    }

    #[test]
    fn a_session_that_is_no_longer_listed_is_not_asked_for() {
        let (mut lookups, now) = (Lookups::default(), Instant::now());
        let (a, b) = ("A".parse().unwrap(), "B".parse().unwrap());
        lookups.listed(&sessions(&["A", "B"]), now);
        assert_eq!(asked(&mut lookups, now), ["A", "B"]);
        lookups.answered(&a, Found::Failed, now);
        lookups.listed(&sessions(&[]), now);
        lookups.answered(&b, Found::Failed, now);
        assert_eq!((lookups.wake_at(), lookups.asked), (None, 0));
        assert!(lookups.wanted.is_empty() && lookups.due.is_empty());
    }

    #[test]
    fn one_that_comes_back_while_it_is_asked_for_is_settled_by_either_answer() {
        let (mut lookups, now) = (Lookups::default(), Instant::now());
        let id = "A".parse().unwrap();
        lookups.listed(&sessions(&["A"]), now);
        assert_eq!(asked(&mut lookups, now), ["A"]);
        lookups.listed(&sessions(&[]), now);
        lookups.listed(&sessions(&["A"]), now);
        lookups.answered(&id, Found::Yes, now);
        assert!(lookups.wanted.is_empty() && lookups.due.is_empty());
        assert_eq!(lookups.asked, 0);
    }
}
