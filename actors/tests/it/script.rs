//! Services that do what a test's events say.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use switchboard_actors::ports::Action;
use switchboard_actors::rights::Verdict;
use switchboard_actors::root::Root;
use switchboard_actors::service::{
    Accepted, ConnectRequest, Ending, Outcome, Refusal, Service, SocketService,
};
use switchboard_actors::testing::{Setup, pass};
use switchboard_protocol::socketio::Event;

/// The live captions, whose sockets also understand `panic`, `panic_later` and `never`.
struct Scripted(Arc<Root>);

struct ScriptedSocket(Rc<dyn SocketService>);

impl Service for Scripted {
    fn connect(
        self: Arc<Self>,
        request: ConnectRequest,
    ) -> LocalBoxFuture<'static, Result<Accepted, Refusal>> {
        let decision = Arc::clone(&self.0).connect(request);
        let scripted = |accepted: Accepted| Accepted {
            service: Rc::new(ScriptedSocket(accepted.service)),
            ..accepted
        };
        decision.map(move |d| d.map(scripted)).boxed_local()
    }
}

impl SocketService for ScriptedSocket {
    fn connected(&self) {
        self.0.connected();
    }

    fn event(self: Rc<Self>, event: Event) -> LocalBoxFuture<'static, Outcome> {
        match event.name.as_str() {
            "panic" => panic!("told so"),
            "panic_later" => async { panic!("told so") }.boxed_local(),
            "never" => {
                let never = std::future::pending().boxed_local();
                std::future::ready(Outcome::Later(never)).boxed_local()
            }
            "binary" => {
                let args = event.args;
                let attachments = event.attachments;
                std::future::ready(Outcome::DoneBinary(args, attachments)).boxed_local()
            }
            _ => Rc::clone(&self.0).event(event),
        }
    }

    fn still_may(self: Rc<Self>, held: Vec<Action>) -> LocalBoxFuture<'static, Verdict> {
        Rc::clone(&self.0).still_may(held)
    }

    fn closed(&self, ending: Ending) {
        self.0.closed(ending);
    }
}

/// Live captions with the additional events.
pub fn scripted() -> Setup {
    Setup {
        service: |captions| Arc::new(Scripted(Arc::new(captions))),
        ..Setup::default()
    }
}

/// Lets everybody into every namespace; refuses `/no` after long thought.
struct Open;

/// How long it thinks about `/no`.
pub const THOUGHT: Duration = Duration::from_secs(55);

struct OpenSocket;

impl Service for Open {
    fn connect(
        self: Arc<Self>,
        request: ConnectRequest,
    ) -> LocalBoxFuture<'static, Result<Accepted, Refusal>> {
        async move {
            if request.socket.namespace.as_str() == "/no" {
                pass(THOUGHT).await;
                return Err(Refusal::ConnectError("no"));
            }
            Ok(Accepted::new(request.socket, Rc::new(OpenSocket), None))
        }
        .boxed_local()
    }
}

impl SocketService for OpenSocket {
    fn event(self: Rc<Self>, event: Event) -> LocalBoxFuture<'static, Outcome> {
        let args = event
            .args
            .iter()
            .map(|arg| Bytes::from(arg.get().to_owned()));
        std::future::ready(Outcome::Done(args.collect())).boxed_local()
    }
}

/// A service that echoes, in any namespace.
pub fn open() -> Setup {
    Setup {
        service: |_| Arc::new(Open),
        ping_interval: Duration::from_secs(3600),
        ..Setup::default()
    }
}
