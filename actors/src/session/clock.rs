//! The clock of a thread: the deadlines of all its sessions, and one timer for them.
//!
//! A session has at most one entry, the earliest of its deadlines, and hears [`Due`] when that has come. The entry goes
//! with the session. One task a thread waits for the first entry, so that an idle connection has no timer of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use actix::{WeakAddr, prelude::*};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Session;
use crate::limits::LONGEST_TIMER;

thread_local! {
    static CLOCK: RefCell<Clock> = RefCell::default();
}

/// A deadline of the session has come; it knows which.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Due;

#[derive(Default)]
struct Clock {
    /// The earliest first; sessions with the same deadline by their numbers.
    entries: BTreeMap<(Instant, u64), WeakAddr<Session>>,
    /// Tells the task that waits of an entry before all others; none: there is no task.
    news: Option<Rc<Notify>>,
}

/// A session's entry in the clock of its thread.
pub(super) struct Alarm {
    number: u64,
    session: WeakAddr<Session>,
    /// What it is set to.
    at: Option<Instant>,
}

impl Alarm {
    /// One that is not set. `number` is that of the session.
    pub(super) fn new(number: u64, session: WeakAddr<Session>) -> Self {
        Self {
            number,
            session,
            at: None,
        }
    }

    /// Has the session hear [`Due`] at that time, and at no earlier one; `None`: not at all.
    pub(super) fn set(&mut self, at: Option<Instant>) {
        if self.at == at {
            return;
        }
        let before = std::mem::replace(&mut self.at, at);
        let to_start = CLOCK.with_borrow_mut(|clock| {
            if let Some(before) = before {
                clock.entries.remove(&(before, self.number));
            }
            at.and_then(|at| clock.insert((at, self.number), self.session.clone()))
        });
        if let Some(news) = to_start {
            tokio::task::spawn_local(run(Runner(news)));
        }
    }

    /// The session has heard [`Due`]: what is set next counts, even if it is the same.
    pub(super) fn rang(&mut self) {
        self.set(None);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(at) = self.at {
            // The thread may end, and its clock before it.
            let _ = CLOCK.try_with(|clock| {
                clock.borrow_mut().entries.remove(&(at, self.number));
            });
        }
    }
}

impl Clock {
    /// Returns what the task that waits is to be told by, when it has to be started.
    fn insert(&mut self, key: (Instant, u64), session: WeakAddr<Session>) -> Option<Rc<Notify>> {
        self.entries.insert(key, session);
        let Some(news) = &self.news else {
            return Some(Rc::clone(self.news.insert(Rc::default())));
        };
        if self.entries.keys().next() == Some(&key) {
            news.notify_one();
        }
        None
    }

    /// Takes the first entry if its time has come.
    fn take_due(&mut self, now: Instant) -> Option<WeakAddr<Session>> {
        let first = self.entries.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }
}

/// Of the task that waits: with it, at the end of its runtime, the clock's entries lose their meaning.
struct Runner(Rc<Notify>);

impl Drop for Runner {
    fn drop(&mut self) {
        let _ = CLOCK.try_with(|clock| clock.take());
    }
}

/// Rings whoever is due, for as long as the thread runs.
async fn run(runner: Runner) {
    let timer = sleep_until(Instant::now());
    let mut timer = std::pin::pin!(timer);
    loop {
        let now = Instant::now();
        // One at a time: a message is not sent while the clock is borrowed.
        while let Some(session) = CLOCK.with_borrow_mut(|clock| clock.take_due(now)) {
            if let Some(session) = session.upgrade() {
                session.do_send(Due);
            }
        }
        let next = CLOCK.with_borrow(|clock| clock.entries.keys().next().copied());
        let next = next.map_or(now + LONGEST_TIMER, |(at, _)| at.min(now + LONGEST_TIMER));
        timer.as_mut().reset(next);
        tokio::select! {
            () = &mut timer => {}
            () = runner.0.notified() => {}
        }
    }
}

/// How many entries the clock of this thread has, and how many timers.
#[cfg(test)]
pub(super) fn entries_and_timers() -> (usize, usize) {
    CLOCK.with_borrow(|clock| (clock.entries.len(), usize::from(clock.news.is_some())))
}
