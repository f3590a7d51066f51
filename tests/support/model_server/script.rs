//! What the model does, step by step. The same script is played in the form in which it is asked.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// What happens to one request, in order. Without [`end`](Self::end) the body ends whole, but before the protocol's end.
#[derive(Clone)]
pub struct Script {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) acts: Vec<Act>,
    pub(super) steps: Option<Steps>,
    pub(super) is_cut_at_every_byte: bool,
}

/// One thing that the model does.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Sends the answer's head. Before it, only `Stall` is played.
    Head,
    /// Sends the events in front of the first token.
    Begin,
    Token(String),
    /// Sends a mid-stream error of this type.
    Error(String),
    Ping,
    /// Says why the answer ends: the last event but one.
    Finish,
    /// Sends `[DONE]` or `message_stop`.
    Done,
    Raw(Vec<u8>),
    /// Does nothing until the client hangs up.
    Stall,
    /// Closes the connection in the middle of the body.
    Reset,
}

/// Lets a script's tokens go, one for each step.
#[derive(Clone)]
pub struct Steps(pub(super) Arc<Semaphore>);

impl Default for Steps {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl Steps {
    /// Lets one more token go.
    pub fn one(&self) {
        self.0.add_permits(1);
    }

    /// Lets all tokens go.
    pub fn all(&self) {
        self.0.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

impl Script {
    /// A whole answer of these tokens.
    pub fn answer<const N: usize>(tokens: [&str; N]) -> Self {
        tokens.into_iter().fold(Self::begun(), Self::token).end()
    }

    /// The head and the events in front of the first token; what follows is said by the methods, in order.
    pub fn begun() -> Self {
        Self::of(200, vec![Act::Head, Act::Begin])
    }

    /// The head of a stream alone; [`raw`](Self::raw) bytes may follow.
    pub fn raw_stream() -> Self {
        Self::of(200, vec![Act::Head])
    }

    /// Reads the request and never answers.
    pub fn silent() -> Self {
        Self::of(200, vec![Act::Stall])
    }

    /// Another HTTP status, or another kind of body.
    pub fn status(status: u16, content_type: &str, body: &str) -> Self {
        let script = Self::of(status, vec![Act::Head]).raw(body);
        script.header("content-type", content_type)
    }

    fn of(status: u16, acts: Vec<Act>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            acts,
            steps: None,
            is_cut_at_every_byte: false,
        }
    }

    fn then(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }

    /// Adds a header to the answer; a `content-type` replaces the usual one.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One more token.
    pub fn token(self, token: &str) -> Self {
        self.then(Act::Token(token.to_owned()))
    }

    /// The end of the answer in whole.
    pub fn end(self) -> Self {
        self.finish().then(Act::Done)
    }

    /// The last event but one, which says why the answer ends.
    pub fn finish(self) -> Self {
        self.then(Act::Finish)
    }

    /// What keeps the connection open without a token: a comment, or Anthropic's `ping`.
    pub fn ping(self) -> Self {
        self.then(Act::Ping)
    }

    /// An error in the middle of the answer, of a type such as `overloaded_error`.
    pub fn error(self, kind: &str) -> Self {
        self.then(Act::Error(kind.to_owned()))
    }

    /// Bytes as they are.
    pub fn raw(self, bytes: impl AsRef<[u8]>) -> Self {
        self.then(Act::Raw(bytes.as_ref().to_vec()))
    }

    /// Nothing more until the client hangs up.
    pub fn stall(self) -> Self {
        self.then(Act::Stall)
    }

    /// The connection's end in the middle of the body.
    pub fn reset(self) -> Self {
        self.then(Act::Reset)
    }

    /// Waits for one of these steps before each token.
    pub fn stepping(mut self, steps: &Steps) -> Self {
        self.steps = Some(steps.clone());
        self
    }

    /// Sends each byte of the body as a chunk of its own.
    pub fn cut_at_every_byte(mut self) -> Self {
        self.is_cut_at_every_byte = true;
        self
    }
}
