//! A language model for tests: real HTTP on a free port in both forms, OpenAI's `/v1/chat/completions` and Anthropic's
//! `/v1/messages`, and `/v1/embeddings` beside them. What it answers is a [`Script`]; it plays one for each request, in the order
//! that they were given, and after those the [usual](ModelServer::usually) one. It keeps what it was asked. Dropped, it is gone.
//!
//! ```ignore
//! let model = ModelServer::start().await;                            // settings: ("llm_url", &model.url())
//! let steps = Steps::default();
//! model.next(Script::answer(["Two ", "words"]).stepping(&steps));    // waits before each token
//! let mut asked = model.asked().await;                               // asked.path, .header("x-api-key"), .body["model"]
//! steps.one();                                                       // lets one token go
//! assert_eq!(asked.ending().await, Ending::HungUp);
//! ```

mod embeddings;
mod player;
mod script;
mod wire;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::within;
pub use script::{Script, Steps};

/// A running server.
pub struct ModelServer {
    pub address: SocketAddr,
    desk: Arc<Desk>,
    asked: tokio::sync::Mutex<mpsc::UnboundedReceiver<Asked>>,
    embeddings_asked: tokio::sync::Mutex<mpsc::UnboundedReceiver<Asked>>,
    serving: JoinHandle<()>,
}

/// What the connections share with the test.
struct Desk {
    scripts: Mutex<VecDeque<Script>>,
    usual: Mutex<Script>,
    /// The HTTP status of embeddings; 200 for vectors.
    embeddings_status: AtomicU16,
    asked: mpsc::UnboundedSender<Asked>,
    embeddings_asked: mpsc::UnboundedSender<Asked>,
}

/// A request, and what becomes of it.
#[derive(Debug)]
pub struct Asked {
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The JSON that was sent.
    pub body: Value,
    ending: oneshot::Receiver<Ending>,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All of the script was sent.
    Played,
    /// The client closed its connection before.
    HungUp,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| &value[..])
    }

    /// Waits until the script is played or the client has closed its connection.
    pub async fn ending(self) -> Ending {
        let ended = within("the end of the model's answer", self.ending).await;
        ended.expect("the model server runs")
    }
}

impl ModelServer {
    /// Starts on a free port; what is not scripted is answered by `A short answer.`, in three tokens.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let (asked_tx, asked) = mpsc::unbounded_channel();
        let (embeddings_tx, embeddings_asked) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk {
            scripts: Mutex::default(),
            usual: Mutex::new(Script::answer(["A ", "short ", "answer."])),
            embeddings_status: AtomicU16::new(200),
            asked: asked_tx,
            embeddings_asked: embeddings_tx,
        });
        Self {
            address: listener.local_addr().expect("a bound listener"),
            serving: tokio::spawn(serve(listener, Arc::clone(&desk))),
            desk,
            asked: asked.into(),
            embeddings_asked: embeddings_asked.into(),
        }
    }

    /// The base URL, for `llm_url` and `embeddings_url`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Queues what the next unscripted request is answered by.
    pub fn next(&self, script: Script) {
        self.desk.scripts.lock().unwrap().push_back(script);
    }

    /// What is answered when nothing is queued.
    pub fn usually(&self, script: Script) {
        *self.desk.usual.lock().unwrap() = script;
    }

    /// Answers embeddings by this HTTP status; 200 for vectors.
    pub fn answer_embeddings_by(&self, status: u16) {
        self.desk.embeddings_status.store(status, Ordering::Relaxed);
    }

    /// Waits for a question that was not looked at yet.
    pub async fn asked(&self) -> Asked {
        let mut asked = self.asked.lock().await;
        let next = within("a question to the model", asked.recv()).await;
        next.expect("the model server runs")
    }

    /// Waits for a request for embeddings that was not looked at yet.
    pub async fn embeddings_asked(&self) -> Asked {
        let mut asked = self.embeddings_asked.lock().await;
        let next = within("a request for embeddings", asked.recv()).await;
        next.expect("the model server runs")
    }

    /// Whether all questions were looked at.
    pub async fn is_asked_nothing_more(&self) -> bool {
        self.asked.lock().await.is_empty()
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Accepts for ever; its connections end with it.
async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(attend(stream, Arc::clone(&desk)));
        while connections.try_join_next().is_some() {}
    }
}

/// One connection: one request, one answer.
async fn attend(mut stream: TcpStream, desk: Arc<Desk>) {
    let _ = stream.set_nodelay(true);
    let Some((asked, ended)) = wire::read_request(&mut stream).await else {
        return;
    };
    let form = wire::Form::of(&asked.path);
    let script = match form {
        Some(_) => desk.scripts.lock().unwrap().pop_front(),
        None => Some(embeddings::answer(
            &asked,
            desk.embeddings_status.load(Ordering::Relaxed),
        )),
    };
    let script = script.unwrap_or_else(|| desk.usual.lock().unwrap().clone());
    let looked_at_by = match form {
        Some(_) => &desk.asked,
        None => &desk.embeddings_asked,
    };
    let _ = looked_at_by.send(asked);
    let ending = player::play(stream, script, form.unwrap_or(wire::Form::OpenAi)).await;
    let _ = ended.send(ending);
}
