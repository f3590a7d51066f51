//! Who may do what, asked of somebody else's backend: one POST of token, action and resource, answered by a
//! status. Only 200 is a yes; what is no clear answer is an outage, never a yes and never a no. Answers are
//! remembered for a moment, by a digest: no token is kept here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Response, Url};
use serde::Serialize;
use sha2::{Digest, Sha256};
use switchboard_actors::ports::{Access, Action, BoxFuture, Identity, Unavailable};
use switchboard_actors::rights::AccessChanged;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinError;
use tokio::time::timeout;

use crate::cache::ReadCache;
use crate::config::{AccessBackend, Secret};
use crate::outgoing::{self, describe};

/// Questions that are out at once; others wait for their turn, within the deadline.
const MAX_QUESTIONS: usize = 256;
/// Answers that are remembered.
const CACHED_ANSWERS: usize = 16_384;
/// How much of an answer's body is read, so that its connection can be used again; a longer one costs it.
const MAX_ANSWER_BYTES: usize = 16 * 1024;
/// Idle connections are closed before the backend does so: Node.js keeps them for 5 s by default.
const IDLE: Duration = Duration::from_secs(4);

/// What is asked.
#[derive(Serialize)]
struct Question<'a> {
    token: &'a str,
    action: &'a str,
    resource: &'a str,
}

impl<'a> Question<'a> {
    fn new(token: &'a str, action: &'a Action) -> Self {
        let (action, resource) = match action {
            Action::JoinSession(session) => ("join_session", session.as_str()),
            Action::WatchSessions(organization) => ("watch_sessions", organization.as_str()),
            Action::WatchMedia(organization) => ("watch_media", organization.as_str()),
            Action::FollowJobs(organization) => ("follow_jobs", organization.as_str()),
            Action::ManageSessions(organization) => ("manage_sessions", organization.as_str()),
            Action::ManageMedia(organization) => ("manage_media", organization.as_str()),
            Action::UseProjects(organization) => ("use_projects", organization.as_str()),
            Action::ManageProjects(organization) => ("manage_projects", organization.as_str()),
        };
        Self {
            token,
            action,
            resource,
        }
    }

    /// What an answer is remembered by.
    fn digest(&self) -> [u8; 32] {
        let parts = [self.token, self.action, self.resource];
        let digest = parts.iter().fold(Sha256::new(), |digest, part| {
            // With its length, so that no two questions run together.
            digest
                .chain_update((part.len() as u64).to_be_bytes())
                .chain_update(part)
        });
        digest.finalize().into()
    }

    fn json(&self) -> Bytes {
        let json = serde_json::to_vec(self).expect("three texts are JSON");
        Bytes::from(json)
    }
}

/// Why there is no answer, in one line.
#[derive(Clone, Debug)]
struct NoAnswer(String);

impl From<JoinError> for NoAnswer {
    fn from(error: JoinError) -> Self {
        Self(error.to_string())
    }
}

/// Access by somebody else's backend.
pub struct HttpAccess {
    backend: Arc<Backend>,
    answers: ReadCache<[u8; 32], bool, NoAnswer>,
}

impl HttpAccess {
    /// Asks the backend of `config`. Nothing is sent yet.
    pub fn new(config: &AccessBackend) -> anyhow::Result<Self> {
        let client = outgoing::client(config.timeout).pool_idle_timeout(IDLE);
        let backend = Backend {
            client: client.build().context("no HTTP client")?,
            url: Url::parse(&config.url).context("access_url")?,
            key: config.key.clone(),
            deadline: config.timeout,
            permits: Arc::new(Semaphore::new(MAX_QUESTIONS)),
            is_away: AtomicBool::new(false),
        };
        Ok(Self {
            backend: Arc::new(backend),
            answers: ReadCache::new(CACHED_ANSWERS, config.cache),
        })
    }

    /// Asks about nobody and nothing, past the cache: whether the backend answers at all, and then what.
    pub async fn probe(&self) -> Result<bool, Unavailable> {
        let action = Action::JoinSession("switchboard-check".parse().expect("a session id"));
        let answer = self.backend.ask(Question::new("", &action).json()).await;
        answer.map_err(|NoAnswer(why)| Unavailable(why))
    }
}

impl Access for HttpAccess {
    fn may(&self, who: Identity, action: Action) -> BoxFuture<Result<bool, Unavailable>> {
        let (backend, answers) = (Arc::clone(&self.backend), self.answers.clone());
        Box::pin(async move {
            let Some(token) = &who.token else {
                return Err(Unavailable("identities carry no token".to_owned()));
            };
            let question = Question::new(token.expose(), &action);
            let (digest, json) = (question.digest(), question.json());
            let answer = answers.get(digest, || async move { backend.ask(json).await });
            answer
                .await
                .map_err(|NoAnswer(why)| Unavailable(format!("the access backend: {why}")))
        })
    }

    /// Whose rights an answer was about cannot be told from its digest.
    fn forget(&self, _: &AccessChanged) {
        self.answers.clear();
    }
}

struct Backend {
    client: Client,
    url: Url,
    key: Option<Secret>,
    /// For waiting, asking and the answer's status together.
    deadline: Duration,
    /// One for each question that is out.
    permits: Arc<Semaphore>,
    /// Whether the last question had no answer, so that an outage is logged once.
    is_away: AtomicBool,
}

impl Backend {
    /// Asks, and tells the log when the backend goes or comes back.
    async fn ask(&self, question: Bytes) -> Result<bool, NoAnswer> {
        let answer = match timeout(self.deadline, self.exchange(question)).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer(format!("no answer within {:?}", self.deadline))),
        };
        let was_away = self.is_away.swap(answer.is_err(), Ordering::Relaxed);
        match &answer {
            Err(NoAnswer(why)) if !was_away => log::warn!("access backend is away reason={why:?}"),
            Ok(_) if was_away => log::info!("access backend is back"),
            _ => {}
        }
        answer
    }

    async fn exchange(&self, question: Bytes) -> Result<bool, NoAnswer> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        let json = HeaderValue::from_static("application/json");
        let mut request = self.client.post(self.url.clone());
        request = request.header(CONTENT_TYPE, json).body(question);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        let sent = request.send().await;
        let response = sent.map_err(|error| NoAnswer(describe(error)))?;
        let status = response.status().as_u16();
        release(response, permit);
        match status {
            200 => Ok(true),
            401 | 403 | 404 => Ok(false),
            status => Err(NoAnswer(format!("it answered {status}"))),
        }
    }
}

/// Reads what is left of the answer, unseen, so that its connection can be used again; the client's deadline
/// holds here, too.
fn release(mut response: Response, permit: OwnedSemaphorePermit) {
    tokio::spawn(async move {
        let _permit = permit;
        let mut read = 0;
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > MAX_ANSWER_BYTES {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests;
