//! Wanted filters against those the broker has granted: a pure table that says what to send next.
//!
//! One table per MQTT connection. An outage forgets what was granted and keeps what is wanted, so that
//! a reconnect subscribes everything once. An operation on a filter waits for the answer to the one before
//! it: the broker never sees a SUBSCRIBE overtake an UNSUBSCRIBE.

#[cfg(test)]
mod tests;

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
    /// Filters whose wanted and actual state may differ, each in one of the two queues once; empty while
    /// disconnected. Somebody waits for what is wanted, so it goes first.
    to_subscribe: VecDeque<String>,
    to_unsubscribe: VecDeque<String>,
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
            match entry.wanted {
                true => self.to_subscribe.push_back(filter),
                false => self.to_unsubscribe.push_back(filter),
            }
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
        self.to_subscribe.clear();
        self.to_unsubscribe.clear();
        self.entries.retain(|_, entry| entry.wanted);
        for entry in self.entries.values_mut() {
            entry.actual = Actual::Absent;
            entry.is_dirty = false;
        }
    }

    /// The next packet to send, or `None` when nothing differs or enough packets wait for their answer. What is
    /// wanted goes before what is not.
    pub fn next_operation(&mut self) -> Option<Operation> {
        if !self.connected || self.unanswered >= PACKETS_UNANSWERED {
            return None;
        }
        let operation = self.next_subscribe().or_else(|| self.next_unsubscribe());
        self.unanswered += usize::from(operation.is_some());
        operation
    }

    fn next_subscribe(&mut self) -> Option<Operation> {
        let mut filters = Vec::new();
        while filters.len() < FILTERS_PER_PACKET
            && let Some(filter) = self.to_subscribe.pop_front()
        {
            let Some(entry) = self.entries.get_mut(&filter) else {
                continue;
            };
            entry.is_dirty = false;
            match (entry.wanted, entry.actual) {
                (true, Actual::Absent) => {
                    entry.actual = Actual::Subscribing;
                    filters.push(filter);
                }
                (false, _) => self.touch(filter),
                // As wanted, or an answer is awaited, which makes it dirty again if need be.
                _ => {}
            }
        }
        (!filters.is_empty()).then_some(Operation::Subscribe(filters))
    }

    fn next_unsubscribe(&mut self) -> Option<Operation> {
        while let Some(filter) = self.to_unsubscribe.pop_front() {
            let Some(entry) = self.entries.get_mut(&filter) else {
                continue;
            };
            entry.is_dirty = false;
            match (entry.wanted, entry.actual) {
                (false, Actual::Granted) => {
                    entry.actual = Actual::Unsubscribing;
                    return Some(Operation::Unsubscribe(filter));
                }
                (false, Actual::Absent | Actual::Refused) => {
                    self.entries.remove(&filter);
                }
                // Wanted again meanwhile.
                (true, Actual::Absent) => {
                    entry.actual = Actual::Subscribing;
                    return Some(Operation::Subscribe(vec![filter]));
                }
                _ => {}
            }
        }
        None
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
        self.connected
            && self.unanswered == 0
            && self.to_subscribe.is_empty()
            && self.to_unsubscribe.is_empty()
    }

    /// Filters wanted now.
    pub fn wanted(&self) -> usize {
        self.wanted
    }
}
