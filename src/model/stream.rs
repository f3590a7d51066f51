//! An answer that comes: bytes to events to pieces, each waited for with a deadline.
//!
//! A piece, or a sign that the model thinks, is progress; comments, pings and empty events are none: a server that only keeps
//! its connection open does not answer.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, Stream, StreamExt as _};
use sse_stream::{Sse, SseByteStream};
use switchboard_actors::ports::{ModelError, ModelStage};
use tokio::time::{Instant, timeout_at};

use super::gauge::{Gauge, TooLong};
use super::said::{self, End, Fault, Said};
use crate::config::LlmProvider;

/// Why no more bytes are read.
#[derive(Debug)]
pub(super) enum Unread {
    TooLong,
    /// The connection's fault, in one line.
    Broken(String),
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("an event or the whole stream is longer than its bound"),
            Self::Broken(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Unread {}

impl From<TooLong> for Unread {
    fn from(TooLong: TooLong) -> Self {
        Self::TooLong
    }
}

/// An answer that comes. Dropped, it gives up the connection.
pub(super) struct Answering {
    provider: LlmProvider,
    events: SseByteStream<BoxStream<'static, Result<Bytes, Unread>>>,
    /// Longest time without progress.
    patience: Duration,
    /// What is waited for.
    stage: ModelStage,
    /// What the model last said of it.
    end: End,
}

impl Answering {
    /// Reads the answer of which these are the bytes; the fault in them is the connection's, in one line.
    pub(super) fn new(
        provider: LlmProvider,
        bytes: impl Stream<Item = Result<Bytes, String>> + Send + 'static,
        patience: Duration,
    ) -> Self {
        let mut gauge = Gauge::default();
        let measured = bytes.map(move |bytes| {
            let bytes = bytes.map_err(Unread::Broken)?;
            gauge.measure(&bytes)?;
            Ok(bytes)
        });
        Self {
            provider,
            events: SseByteStream::new(measured.boxed()),
            patience,
            stage: ModelStage::FirstToken,
            end: End::NotYet,
        }
    }

    /// The next piece, never empty; none when the answer has ended.
    pub(super) async fn piece(&mut self) -> Result<Option<String>, Fault> {
        // From now: what the receiver took its time for is not held against the model.
        let mut deadline = Instant::now() + self.patience;
        while self.end != End::Now {
            let Some(said) = self.next_by(deadline).await? else {
                break;
            };
            if said.end != End::NotYet {
                self.end = said.end;
            }
            if !said.text.is_empty() {
                self.stage = ModelStage::NextToken;
                return Ok(Some(said.text));
            }
            if said.is_thought {
                deadline = Instant::now() + self.patience;
            }
        }
        Ok(None)
    }

    /// What the next event says; none behind the last one.
    async fn next_by(&mut self, deadline: Instant) -> Result<Option<Said>, Fault> {
        let event = timeout_at(deadline, self.events.next()).await;
        match event.map_err(|_| self.late())? {
            Some(Ok(event)) => self.read(&event).map(Some),
            Some(Err(error)) => Err(unreadable(error)),
            None if self.end == End::May => Ok(None),
            None => {
                let why = "the stream ended before the answer's end";
                Err(Fault::new(ModelError::BrokeOff, why))
            }
        }
    }

    fn read(&self, event: &Sse) -> Result<Said, Fault> {
        said::read(self.provider, event)
    }

    fn late(&self) -> Fault {
        let why = format!("no token within {:?}", self.patience);
        Fault::new(ModelError::TimedOut(self.stage), why)
    }
}

fn unreadable(error: sse_stream::Error) -> Fault {
    let sse_stream::Error::Body(cause) = &error else {
        return Fault::new(ModelError::Garbled, error.to_string());
    };
    let error = match cause.downcast_ref() {
        Some(Unread::TooLong) => ModelError::TooLong,
        _ => ModelError::BrokeOff,
    };
    Fault::new(error, cause.to_string())
}
