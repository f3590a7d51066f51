//! Finals, append only: written a batch at a time, read by their numbers, removed by age or with their session.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;
use switchboard_actors::ports::Final;
use switchboard_protocol::ids::{RoomId, SessionId};

use super::batch::{Texts, pieces, places};
use super::engine::Kind;
use super::{Database, commit, corrupt, now_ms, stored};
use crate::store::error::StoreError;

/// Columns of a row.
const COLUMNS: usize = 7;

const SELECT_LAST: &str = "SELECT number, occurrence, payload FROM finals \
     WHERE session_id = $1 AND channel_id = $2 AND number < $3 ORDER BY number DESC LIMIT $4";

const SELECT_AFTER: &str = "SELECT number, occurrence, payload FROM finals \
     WHERE session_id = $1 AND channel_id = $2 AND number > $3 ORDER BY number LIMIT $4";

/// Bytes of a payload's SHA-256 that are its digest. All of them would be a third of what an index has to hold of a final.
const DIGEST_BYTES: usize = 12;

/// Nothing but numbers goes into the text. By default SQLite keeps a journal of each such statement, to undo it alone, and of a
/// large one in a file; but who fails here undoes the whole transaction.
static INSERT: LazyLock<Texts> = LazyLock::new(|| {
    Texts::new(|kind, rows| {
        let insert = match kind {
            Kind::Sqlite => "INSERT OR FAIL",
            Kind::Postgres => "INSERT",
        };
        format!(
            "{insert} INTO finals (session_id, channel_id, number, occurrence, digest, stored_at, payload) \
             VALUES {} ON CONFLICT DO NOTHING",
            places(kind, rows, COLUMNS)
        )
    })
});

/// A final to insert.
struct Insertion<'a> {
    room: &'a RoomId,
    digest: String,
    occurrence: i64,
    number: i64,
    payload: &'a str,
}

/// A final that was read, without its room.
#[derive(sqlx::FromRow)]
struct Row {
    number: i64,
    occurrence: i64,
    payload: String,
}

impl Database {
    /// Stores finals; those that are there already, by number or by digest and occurrence, are passed over.
    pub(in crate::store) async fn append_finals(&self, finals: &[Final]) -> Result<(), StoreError> {
        let operation = format!("store {} finals", finals.len());
        let mut rows = insertions(finals, &operation)?;
        // In one order everywhere, so that two switchboards that store the same finals never wait for each other.
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        let mut transaction = self.begin(&operation).await?;
        let now = now_ms();
        for rows in pieces(&rows) {
            insert(&mut transaction, self.engine.kind(), rows, now)
                .await
                .map_err(|error| StoreError::query(&operation, error))?;
        }
        commit(transaction, &operation).await
    }

    /// The last `limit` finals below `before`, ascending.
    pub(in crate::store) async fn last_finals(
        &self,
        room: &RoomId,
        before: u64,
        limit: u32,
    ) -> Result<Vec<Final>, StoreError> {
        let mut finals = self.finals(SELECT_LAST, room, before, limit).await?;
        finals.reverse();
        Ok(finals)
    }

    /// The first `limit` finals above `after`, ascending.
    pub(in crate::store) async fn finals_after(
        &self,
        room: &RoomId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Final>, StoreError> {
        self.finals(SELECT_AFTER, room, after, limit).await
    }

    /// The highest number of all finals.
    pub(in crate::store) async fn highest_number(&self) -> Result<Option<u64>, StoreError> {
        let operation = "read the highest number of a final";
        let highest: Option<i64> = sqlx::query_scalar("SELECT MAX(number) FROM finals")
            .fetch_one(&self.reader)
            .await
            .map_err(|error| StoreError::query(operation, error))?;
        let read = |number| u64::try_from(number).map_err(|_| corrupt(operation, "number", number));
        highest.map(read).transpose()
    }

    async fn finals(
        &self,
        query: &'static str,
        room: &RoomId,
        number: u64,
        limit: u32,
    ) -> Result<Vec<Final>, StoreError> {
        let operation = format!("read the finals of room {room}");
        let rows: Vec<Row> = sqlx::query_as(query)
            .bind(room.session_str())
            .bind(room.channel_str())
            .bind(stored(number))
            .bind(i64::from(limit))
            .fetch_all(&self.reader)
            .await
            .map_err(|error| StoreError::query(&operation, error))?;
        rows.into_iter()
            .map(|row| row.read(room, &operation))
            .collect()
    }

    /// Removes at most `limit` of the finals that were stored before `before_ms`, oldest first; says how many.
    pub(in crate::store) async fn purge_finals(
        &self,
        before_ms: u64,
        limit: u32,
    ) -> Result<u64, StoreError> {
        sqlx::query(
            "DELETE FROM finals WHERE (session_id, channel_id, number) IN \
             (SELECT session_id, channel_id, number FROM finals WHERE stored_at < $1 \
              ORDER BY stored_at LIMIT $2)",
        )
        .bind(stored(before_ms))
        .bind(i64::from(limit))
        .execute(&self.writer)
        .await
        .map(|done| done.rows_affected())
        .map_err(|error| StoreError::query("remove old finals", error))
    }
}

/// Removes a session's finals, inside a write.
pub(super) async fn delete(
    connection: &mut AnyConnection,
    session: &SessionId,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM finals WHERE session_id = $1")
        .bind(session.as_str())
        .execute(connection)
        .await
        .map(drop)
}

impl Insertion<'_> {
    fn key(&self) -> (&str, &str, i64) {
        (self.room.as_str(), &self.digest, self.occurrence)
    }
}

impl Row {
    fn read(self, room: &RoomId, operation: &str) -> Result<Final, StoreError> {
        Ok(Final {
            room: room.clone(),
            number: u64::try_from(self.number)
                .map_err(|_| corrupt(operation, "number", self.number))?,
            occurrence: u32::try_from(self.occurrence)
                .map_err(|_| corrupt(operation, "occurrence", self.occurrence))?,
            payload: Bytes::from(self.payload),
        })
    }
}

fn insertions<'a>(finals: &'a [Final], operation: &str) -> Result<Vec<Insertion<'a>>, StoreError> {
    let insertion = |new: &'a Final| {
        // JSON is text; what is none never came out of a room.
        let payload = std::str::from_utf8(&new.payload);
        Ok(Insertion {
            room: &new.room,
            digest: digest(&new.payload),
            occurrence: i64::from(new.occurrence),
            number: stored(new.number),
            payload: payload.map_err(|error| corrupt(operation, "payload", error))?,
        })
    };
    finals.iter().map(insertion).collect()
}

/// What tells a payload from others of its room and its time.
fn digest(payload: &[u8]) -> String {
    let digest = Sha256::digest(payload);
    URL_SAFE_NO_PAD.encode(&digest[..DIGEST_BYTES])
}

async fn insert(
    connection: &mut AnyConnection,
    kind: Kind,
    rows: &[Insertion<'_>],
    now: i64,
) -> Result<(), sqlx::Error> {
    let mut insert = sqlx::query(INSERT.of(kind, rows.len()));
    for row in rows {
        insert = insert
            .bind(row.room.session_str())
            .bind(row.room.channel_str())
            .bind(row.number)
            .bind(row.occurrence)
            .bind(&row.digest)
            .bind(now)
            .bind(row.payload);
    }
    insert.execute(connection).await.map(drop)
}
