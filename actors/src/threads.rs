//! The threads that actors of a kind are spread over.

use actix::prelude::*;

/// Starts actors on its threads in turn; without any, on the thread of whoever starts them.
pub struct Threads {
    handles: Vec<ArbiterHandle>,
    started: usize,
}

impl Threads {
    /// Of these threads.
    pub fn new(handles: Vec<ArbiterHandle>) -> Self {
        Self {
            handles,
            started: 0,
        }
    }

    /// Starts an actor.
    pub fn start<A: Actor<Context = Context<A>> + Send>(&mut self, actor: A) -> Addr<A> {
        self.started += 1;
        match self.handles.len() {
            0 => actor.start(),
            threads => {
                let thread = &self.handles[self.started % threads];
                A::start_in_arbiter(thread, move |_| actor)
            }
        }
    }
}
