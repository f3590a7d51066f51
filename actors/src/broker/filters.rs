//! Wanted filters against those the broker has granted: a pure table that says what to send next.
//!
//! One table per MQTT connection. An outage forgets what was granted and keeps what is wanted, so that
//! a reconnect subscribes everything once. An operation on a filter waits for the answer to the one before
//! it: the broker never sees a SUBSCRIBE overtake an UNSUBSCRIBE.

use std::collections::{HashMap, VecDeque};

use crate::limits::{FILTERS_PER_PACKET, PACKETS_UNANSWERED};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actual {
    Absent,
    Subscribing,
    Granted,
    /// The broker said no; asked again after a reconnect.
    Refused,
    Unsubscribing,
}

#[derive(Debug)]
struct Entry {
    wanted: bool,
    actual: Actual,
    /// Whether it stands in the queue of the dirty.
    is_dirty: bool,
}

/// What to send to the broker: one packet each.
#[derive(Debug, PartialEq, Eq)]
pub enum Operation {
    /// Filters for one SUBSCRIBE.
    Subscribe(Vec<String>),
    /// The filter of one UNSUBSCRIBE.
    Unsubscribe(String),
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct FilterTable {
    entries: HashMap<String, Entry>,
    /// Filters whose wanted and actual state may differ, each once; empty while disconnected.
    dirty: VecDeque<String>,
    unanswered: usize,
    connected: bool,
    wanted: usize,
}

impl FilterTable {
    /// From now on `filter` is wanted.
    pub fn want(&mut self, filter: String) {
        let entry = self.entries.entry(filter.clone()).or_insert(Entry {
            wanted: false,
            actual: Actual::Absent,
            is_dirty: false,
        });
        if !entry.wanted {
            entry.wanted = true;
            self.wanted += 1;
            self.touch(filter);
        }
    }

    /// From now on `filter` is not wanted.
    pub fn unwant(&mut self, filter: &str) {
        if let Some(entry) = self.entries.get_mut(filter)
            && entry.wanted
        {
            entry.wanted = false;
            self.wanted -= 1;
            match self.connected {
                true => self.touch(filter.to_owned()),
                false => drop(self.entries.remove(filter)),
            }
        }
    }

    /// Has `filter` looked at when the next packet is made.
    fn touch(&mut self, filter: String) {
        if self.connected
            && let Some(entry) = self.entries.get_mut(&filter)
            && !std::mem::replace(&mut entry.is_dirty, true)
        {
            self.dirty.push_back(filter);
        }
    }

    /// The connection is up and the broker knows nothing of us.
    pub fn connected(&mut self) {
        self.disconnected();
        self.connected = true;
        let wanted: Vec<String> = self.entries.keys().cloned().collect();
        wanted.into_iter().for_each(|filter| self.touch(filter));
    }

    /// The connection is gone, and with it everything granted.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.unanswered = 0;
        self.dirty.clear();
        self.entries.retain(|_, entry| entry.wanted);
        for entry in self.entries.values_mut() {
            entry.actual = Actual::Absent;
            entry.is_dirty = false;
        }
    }

    /// The next packet to send, or `None` when nothing differs or enough packets wait for their answer.
    pub fn next_operation(&mut self) -> Option<Operation> {
        if !self.connected || self.unanswered >= PACKETS_UNANSWERED {
            return None;
        }
        let mut subscribe = Vec::new();
        while subscribe.len() < FILTERS_PER_PACKET
            && let Some(filter) = self.dirty.pop_front()
        {
            let Some(entry) = self.entries.get_mut(&filter) else {
                continue;
            };
            entry.is_dirty = false;
            match (entry.wanted, entry.actual) {
                (true, Actual::Absent) => {
                    entry.actual = Actual::Subscribing;
                    subscribe.push(filter);
                }
                (false, Actual::Granted) if subscribe.is_empty() => {
                    entry.actual = Actual::Unsubscribing;
                    self.unanswered += 1;
                    return Some(Operation::Unsubscribe(filter));
                }
                (false, Actual::Granted) => {
                    entry.is_dirty = true;
                    self.dirty.push_front(filter);
                    break;
                }
                (false, Actual::Absent | Actual::Refused) => {
                    self.entries.remove(&filter);
                }
                // As wanted, or an answer is awaited, which makes it dirty again if need be.
                _ => {}
            }
        }
        if subscribe.is_empty() {
            return None;
        }
        self.unanswered += 1;
        Some(Operation::Subscribe(subscribe))
    }

    /// The broker answered a SUBSCRIBE: for each filter, whether it was granted.
    pub fn subscribed(&mut self, answers: &[(String, bool)]) {
        self.unanswered = self.unanswered.saturating_sub(1);
        for (filter, granted) in answers {
            if let Some(entry) = self.entries.get_mut(filter) {
                entry.actual = if *granted {
                    Actual::Granted
                } else {
                    Actual::Refused
                };
                if !entry.wanted {
                    self.touch(filter.clone());
                }
            }
        }
    }

    /// The broker answered an UNSUBSCRIBE.
    pub fn unsubscribed(&mut self, filter: String) {
        self.unanswered = self.unanswered.saturating_sub(1);
        if let Some(entry) = self.entries.get_mut(&filter) {
            entry.actual = Actual::Absent;
            self.touch(filter);
        }
    }

    /// Whether the broker has answered for `filter`: `Some(true)` granted, `Some(false)` refused.
    pub fn answer(&self, filter: &str) -> Option<bool> {
        match self.entries.get(filter)?.actual {
            Actual::Granted => Some(true),
            Actual::Refused => Some(false),
            _ => None,
        }
    }

    /// Whether the broker has answered for everything wanted.
    pub fn is_settled(&self) -> bool {
        self.connected && self.unanswered == 0 && self.dirty.is_empty()
    }

    /// Filters wanted now.
    pub fn wanted(&self) -> usize {
        self.wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations(table: &mut FilterTable) -> Vec<Operation> {
        std::iter::from_fn(|| table.next_operation()).collect()
    }

    fn subscribe(filters: &[&str]) -> Operation {
        Operation::Subscribe(filters.iter().map(|f| f.to_string()).collect())
    }

    #[test]
    fn nothing_is_sent_before_the_connection_is_up() {
        let mut table = FilterTable::default();
        table.want("a".into());
        assert_eq!(operations(&mut table), []);
        table.connected();
        assert_eq!(operations(&mut table), [subscribe(&["a"])]);
    }

    #[test]
    fn a_filter_is_subscribed_once_however_often_it_is_wanted() {
        let mut table = FilterTable::default();
        table.connected();
        table.want("a".into());
        table.want("a".into());
        assert_eq!(operations(&mut table), [subscribe(&["a"])]);
        table.subscribed(&[("a".into(), true)]);
        table.want("a".into());
        assert_eq!(operations(&mut table), []);
        assert!(table.is_settled());
    }

    #[test]
    fn an_unsubscribe_waits_for_the_answer_to_the_subscribe() {
        let mut table = FilterTable::default();
        table.connected();
        table.want("a".into());
        operations(&mut table);
        table.unwant("a");
        assert_eq!(operations(&mut table), []);
        table.subscribed(&[("a".into(), true)]);
        assert_eq!(operations(&mut table), [Operation::Unsubscribe("a".into())]);
        table.want("a".into());
        assert_eq!(
            operations(&mut table),
            [],
            "the SUBSCRIBE would overtake the UNSUBSCRIBE"
        );
        table.unsubscribed("a".into());
        assert_eq!(operations(&mut table), [subscribe(&["a"])]);
    }

    #[test]
    fn wanting_again_before_anything_was_sent_sends_nothing_twice() {
        let mut table = FilterTable::default();
        table.connected();
        table.want("a".into());
        operations(&mut table);
        table.subscribed(&[("a".into(), true)]);
        table.unwant("a");
        table.want("a".into());
        assert_eq!(operations(&mut table), []);
        assert_eq!(table.answer("a"), Some(true));
    }

    #[test]
    fn a_reconnect_subscribes_everything_wanted_once_and_nothing_else() {
        let mut table = FilterTable::default();
        table.connected();
        for filter in ["a", "b", "c"] {
            table.want(filter.into());
        }
        operations(&mut table);
        table.disconnected();
        table.unwant("b");
        table.connected();
        let sent = operations(&mut table);
        let [Operation::Subscribe(filters)] = &sent[..] else {
            panic!("{sent:?}")
        };
        let mut filters = filters.clone();
        filters.sort();
        assert_eq!(filters, ["a", "c"]);
        assert_eq!(table.wanted(), 2);
    }

    #[test]
    fn packets_are_bounded_in_size_and_in_number() {
        let mut table = FilterTable::default();
        table.connected();
        let total = FILTERS_PER_PACKET * (PACKETS_UNANSWERED + 2);
        for i in 0..total {
            table.want(format!("f/{i}"));
        }
        let first = operations(&mut table);
        assert_eq!(first.len(), PACKETS_UNANSWERED);
        let mut sent = 0;
        let mut queue = VecDeque::from(first);
        while let Some(Operation::Subscribe(filters)) = queue.pop_front() {
            assert!(filters.len() <= FILTERS_PER_PACKET);
            sent += filters.len();
            let answers: Vec<_> = filters.into_iter().map(|f| (f, true)).collect();
            table.subscribed(&answers);
            queue.extend(operations(&mut table));
        }
        assert_eq!(sent, total);
        assert!(table.is_settled());
    }

    #[test]
    fn a_refused_filter_is_asked_for_again_only_after_a_reconnect() {
        let mut table = FilterTable::default();
        table.connected();
        table.want("a".into());
        operations(&mut table);
        table.subscribed(&[("a".into(), false)]);
        assert_eq!(table.answer("a"), Some(false));
        assert_eq!(operations(&mut table), []);
        table.connected();
        assert_eq!(operations(&mut table), [subscribe(&["a"])]);
    }

    #[test]
    fn coming_and_going_while_nothing_can_be_sent_leaves_nothing_behind() {
        let mut table = FilterTable::default();
        let churn = |table: &mut FilterTable| {
            for n in 0..1_000 {
                let filter = format!("f/{}", n % 10);
                table.want(filter.clone());
                table.unwant(&filter);
            }
        };
        churn(&mut table);
        assert_eq!((table.entries.len(), table.dirty.len()), (0, 0), "outage");
        table.connected();
        for n in 0..PACKETS_UNANSWERED {
            table.want(format!("silent/{n}"));
            operations(&mut table);
        }
        churn(&mut table);
        assert!(table.dirty.len() <= 10, "a broker that does not answer");
        assert_eq!(table.wanted(), PACKETS_UNANSWERED);
    }
}
