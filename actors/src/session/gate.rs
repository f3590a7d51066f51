//! Backpressure from a session to its client: while the gate is closed nothing more is read.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use futures_util::Stream;
use futures_util::stream::BoxStream;

use super::Incoming;

/// Shared by a session and what reads for it. Open at first.
#[derive(Clone, Default)]
pub(super) struct Gate(Rc<Inner>);

#[derive(Default)]
struct Inner {
    closed: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Gate {
    /// Whether it was open before.
    pub(super) fn set_closed(&self, closed: bool) -> bool {
        let was_closed = self.0.closed.replace(closed);
        if was_closed && !closed {
            self.0.waiting.take().into_iter().for_each(Waker::wake);
        }
        !was_closed
    }

    /// Resolves while the gate is open.
    pub(super) fn poll_open(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.0.closed.get() {
            return Poll::Ready(());
        }
        let mut waiting = self.0.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Reads from `stream` only while the gate is open.
    pub(super) fn guard(&self, stream: BoxStream<'static, Incoming>) -> Guarded {
        Guarded {
            gate: self.clone(),
            stream,
        }
    }
}

/// See [`Gate::guard`].
pub(super) struct Guarded {
    gate: Gate,
    stream: BoxStream<'static, Incoming>,
}

impl Stream for Guarded {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        std::task::ready!(self.gate.poll_open(cx));
        self.stream.as_mut().poll_next(cx)
    }
}
