//! What is known of an organization's conversations between polls: a pure table that decides what a poll's answer,
//! or an event, has to say.
//!
//! An answer counts only for what was known before its question: what an event said meanwhile is newer.

use std::collections::{HashMap, HashSet};

use switchboard_protocol::ids::ConversationId;

use super::super::events::Item;
use crate::limits::CONVERSATIONS_TRACKED;
use crate::ports::TranscriptionState;

/// What a conversation was when it was last heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Its end has been announced, and the source agrees.
    Ended,
    /// Its end has been announced by an event that the source has not confirmed.
    EndedBeforeSource,
    /// An event said that it is gone, and the source has not confirmed it.
    Deleted,
    /// It was in processing, or was just created: its end is still to be announced.
    Tracked,
}

struct Entry {
    phase: Phase,
    /// The number of the last question asked before the phase began.
    since: u64,
}

/// What an answer has to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What has ended, and how; each is found once.
    pub over: Vec<(ConversationId, TranscriptionState)>,
    /// What is in processing.
    pub active: Vec<Item>,
}

/// See the module's documentation.
#[derive(Default)]
pub struct Tracker {
    known: HashMap<ConversationId, Entry>,
    /// How many questions have been asked.
    asked: u64,
}

impl Tracker {
    /// The conversations to ask about now, beyond those that are in processing anyway.
    pub fn ask(&mut self) -> Vec<ConversationId> {
        self.asked += 1;
        let open = |entry: &Entry| entry.phase != Phase::Ended;
        let known = self.known.iter();
        known
            .filter(|(_, entry)| open(entry))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The answer to the last question.
    pub fn answered(&mut self, items: Vec<Item>) -> Findings {
        let mut findings = Findings::default();
        let mut seen = HashSet::new();
        for item in items {
            if seen.insert(item.id.clone()) {
                self.found(item, &mut findings);
            }
        }
        self.forget_what_is_gone(&seen);
        findings
    }

    /// Forgets what was asked about and is not in the answer; that an end was announced is remembered.
    fn forget_what_is_gone(&mut self, seen: &HashSet<ConversationId>) {
        self.known.retain(|id, entry| {
            if entry.since >= self.asked || seen.contains(id) {
                return true;
            }
            if entry.phase == Phase::EndedBeforeSource {
                entry.phase = Phase::Ended;
            }
            entry.phase == Phase::Ended
        });
    }

    fn found(&mut self, item: Item, findings: &mut Findings) {
        let is_over = item.is_over();
        let Some(entry) = self.known.get_mut(&item.id) else {
            if !is_over && self.set(&item.id, Phase::Tracked) {
                findings.active.push(item);
            }
            return;
        };
        let is_stale = entry.since >= self.asked;
        match (entry.phase, is_over) {
            (Phase::Tracked, false) => findings.active.push(item),
            (Phase::Tracked, true) => {
                entry.phase = Phase::Ended;
                findings.over.push((item.id.clone(), item.state()));
            }
            // Begun anew.
            (Phase::Ended, false) if !is_stale => {
                entry.phase = Phase::Tracked;
                findings.active.push(item);
            }
            (Phase::EndedBeforeSource, true) => entry.phase = Phase::Ended,
            (Phase::Ended | Phase::EndedBeforeSource | Phase::Deleted, _) => {}
        }
    }

    /// An event said that this conversation is new: its end is to be announced, and whatever was before is past.
    pub fn created(&mut self, id: &ConversationId) {
        self.set(id, Phase::Tracked);
    }

    /// An event said that this conversation is gone: it is not spoken of any more.
    pub fn deleted(&mut self, id: &ConversationId) {
        self.set(id, Phase::Deleted);
    }

    /// An event said that this conversation has ended: whether that is to be passed on.
    pub fn over(&mut self, id: &ConversationId) -> bool {
        let phase = self.known.get(id).map(|entry| entry.phase);
        if phase.is_some_and(|phase| phase != Phase::Tracked) {
            return false;
        }
        self.set(id, Phase::EndedBeforeSource);
        true
    }

    /// An event said that these are in processing: those that are to be spoken of.
    pub fn processing(&mut self, items: Vec<Item>) -> Vec<Item> {
        let mut passed = Vec::new();
        for item in items {
            let phase = self.known.get(&item.id).map(|entry| entry.phase);
            if phase.is_some_and(|phase| phase != Phase::Tracked) {
                continue;
            }
            if !item.is_over() {
                self.set(&item.id, Phase::Tracked);
            }
            passed.push(item);
        }
        passed
    }

    /// Remembers; false when there is no room for one more. The oldest of those least needed makes room.
    fn set(&mut self, id: &ConversationId, phase: Phase) -> bool {
        if !self.known.contains_key(id) && self.known.len() >= CONVERSATIONS_TRACKED {
            let oldest = self.known.iter().min_by_key(|(_, e)| (e.phase, e.since));
            let Some((oldest, _)) = oldest.filter(|(_, e)| e.phase != Phase::Tracked) else {
                return false;
            };
            let oldest = oldest.clone();
            self.known.remove(&oldest);
        }
        let since = self.asked;
        self.known.insert(id.clone(), Entry { phase, since });
        true
    }
}
