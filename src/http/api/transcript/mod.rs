//! The transcript of a session's channel, for whoever may join it, in four forms. Read and sent a page at a time, so
//! that its length costs no memory.

mod format;
mod spoken;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use switchboard_actors::ports::Action;
use switchboard_protocol::ids::{RoomId, SessionId};
use utoipa::ToSchema;

use super::ApiState;
use super::caller::Caller;
use super::error::{ApiError, ErrorBody};
use super::organizations::parse;
use crate::recording::room;
use crate::store::{Store, StoreError};
use format::Writer;

pub(super) use format::Format;

/// Finals read from the store at a time.
const PAGE: u32 = 100;
/// Finals in one answer at most, where a limit is asked for.
const MAX_LIMIT: u32 = 1_000;
/// What an unknown session or channel is called; also one that the caller may not have.
const UNKNOWN: ApiError = ApiError::NotFound("transcript");

/// What of a transcript, and how.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    format: Option<String>,
    after: Option<u64>,
    limit: Option<u32>,
}

impl Query {
    /// The form, where to begin, and how many finals at most.
    fn check(&self) -> Result<(Format, u64, Option<u32>), ApiError> {
        let malformed = |rule: &str| ApiError::Malformed(rule.to_owned());
        let word = self.format.as_deref().unwrap_or("json");
        let format = Format::parse(word);
        let format = format.ok_or_else(|| malformed("format must be json, txt, srt or vtt"))?;
        let is_part = self.after.is_some() || self.limit.is_some();
        if is_part && format != Format::Json {
            // A part of a transcript would have times of its own.
            return Err(malformed("after and limit are for the format json"));
        }
        if self
            .limit
            .is_some_and(|limit| !(1..=MAX_LIMIT).contains(&limit))
        {
            return Err(malformed("limit must be 1 to 1000"));
        }
        Ok((format, self.after.unwrap_or(0), self.limit))
    }
}

/// A transcript as JSON.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is written as text, this describes it")]
pub(super) struct Transcript {
    /// The session's id.
    session: String,
    /// The channel's index.
    channel: u16,
    /// The finals' payloads, in order, byte for byte as they were published.
    #[schema(value_type = Vec<Object>)]
    items: Vec<()>,
    /// What to ask for as `after` to go on; null at the end.
    next: Option<u64>,
}

/// Reads the transcript of a channel.
#[utoipa::path(
    get, path = "/sessions/{id}/channels/{index}/transcript", tag = "sessions",
    params(
        ("id" = String, Path, description = "The session's id"),
        ("index" = u16, Path, description = "The channel's index"),
        ("format" = Option<Format>, Query, description = "json if absent"),
        ("after" = Option<u64>, Query, description = "The `next` of the answer before; json only"),
        ("limit" = Option<u32>, Query, description = "Finals in the answer, all if absent; json only", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, description = "The transcript", content(
            (Transcript = "application/json"),
            (String = "text/plain"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
        )),
        (status = "4XX", description = "Refused", body = ErrorBody),
    ),
)]
pub(super) async fn read(
    caller: Caller,
    state: web::Data<ApiState>,
    path: web::Path<(String, String)>,
    query: web::Query<Query>,
) -> Result<HttpResponse, ApiError> {
    let (format, after, left) = query.check()?;
    let (session, index) = path.into_inner();
    let session: SessionId = parse(&session)?;
    let channel = channel(&index).ok_or(UNKNOWN)?;
    let join = Action::JoinSession(session.clone());
    if !(caller.may(&state, join).await? && is_there(&state.store, &session, channel).await?) {
        return Err(UNKNOWN);
    }
    let mut reading = Reading {
        store: state.store.clone(),
        room: room(&session, channel),
        writer: Writer::new(format),
        after,
        left,
        is_over: false,
    };
    let mut beginning = String::new();
    reading.writer.begin(&session, channel, &mut beginning);
    // Until something is sent, a store that is away is a fault of its own.
    reading.page(&mut beginning).await?;
    while beginning.is_empty() && !reading.is_over {
        reading.page(&mut beginning).await?;
    }
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, format.content_type()));
    if reading.is_over {
        return Ok(answer.body(beginning));
    }
    let beginning = stream::iter([Ok(Bytes::from(beginning))]);
    let rest = stream::try_unfold(reading, Reading::next);
    Ok(answer.streaming(beginning.chain(rest)))
}

/// The channel of an index as rooms name it.
fn channel(index: &str) -> Option<u16> {
    let channel: u16 = index.parse().ok()?;
    // Neither `+1` nor `01` is one.
    (channel.to_string() == index).then_some(channel)
}

/// Whether the session has the channel. One that only another system knows may have any.
async fn is_there(store: &Store, session: &SessionId, channel: u16) -> Result<bool, StoreError> {
    let session = store.session(session).await?;
    Ok(session.is_none_or(|known| known.channels.iter().any(|c| c.index == channel)))
}

/// An answer that is being written.
struct Reading {
    store: Store,
    room: RoomId,
    writer: Writer,
    /// The number of the last final read.
    after: u64,
    /// Finals that may still be read; none: all.
    left: Option<u32>,
    is_over: bool,
}

impl Reading {
    /// Writes the next page, and the end after the last one.
    async fn page(&mut self, out: &mut String) -> Result<(), StoreError> {
        let wanted = self.left.map_or(PAGE, |left| left.min(PAGE));
        let page = self
            .store
            .finals_after(&self.room, self.after, wanted)
            .await?;
        for one in &page {
            self.writer.write(&one.payload, out);
            self.after = one.number;
        }
        self.left = self.left.map(|left| left - page.len() as u32);
        let is_short = page.len() < wanted as usize;
        if is_short || self.left == Some(0) {
            let next = match is_short {
                true => None,
                false => self.next_after().await?,
            };
            self.writer.end(next, out);
            self.is_over = true;
        }
        Ok(())
    }

    /// Where to go on, if there is anything.
    async fn next_after(&self) -> Result<Option<u64>, StoreError> {
        let more = self.store.finals_after(&self.room, self.after, 1).await?;
        Ok(more.first().map(|_| self.after))
    }

    /// The next piece of the body. An error cuts the answer off, so that nobody takes it for whole.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        let mut out = String::new();
        while out.is_empty() {
            if self.is_over {
                return Ok(None);
            }
            if let Err(error) = self.page(&mut out).await {
                log::error!("a transcript was cut off reason={:?}", error.to_string());
                return Err(error);
            }
        }
        Ok(Some((Bytes::from(out), self)))
    }
}
