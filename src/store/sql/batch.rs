//! Statements over many rows: how many at a time, and their text.

use std::sync::Arc;

use sqlx::AssertSqlSafe;

use super::engine::Kind;

/// Rows of one statement: few statements to run, each of which SQLite's thread is woken for, and four only to prepare.
const ROWS_AT_ONCE: [usize; 4] = [64, 16, 4, 1];

/// Cuts `rows` into the largest pieces possible.
pub(super) fn pieces<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = rows;
    ROWS_AT_ONCE.into_iter().flat_map(move |size| {
        let (these, fewer) = rest.split_at(rest.len() - rest.len() % size);
        rest = fewer;
        these.chunks(size)
    })
}

/// A statement's texts, one for each size of [`pieces`], made once.
pub(super) struct Texts {
    sqlite: [Arc<str>; ROWS_AT_ONCE.len()],
    postgres: [Arc<str>; ROWS_AT_ONCE.len()],
}

impl Texts {
    /// Of the statement over so many rows, into whose text goes nothing that anybody said.
    pub(super) fn new(statement: impl Fn(Kind, usize) -> String) -> Self {
        Self {
            sqlite: ROWS_AT_ONCE.map(|rows| statement(Kind::Sqlite, rows).into()),
            postgres: ROWS_AT_ONCE.map(|rows| statement(Kind::Postgres, rows).into()),
        }
    }

    /// The text for a piece of `rows` rows.
    pub(super) fn of(&self, kind: Kind, rows: usize) -> AssertSqlSafe<Arc<str>> {
        let at = ROWS_AT_ONCE.iter().position(|size| *size == rows);
        let texts = match kind {
            Kind::Sqlite => &self.sqlite,
            Kind::Postgres => &self.postgres,
        };
        let text = &texts[at.expect("pieces have these sizes")];
        AssertSqlSafe(Arc::clone(text))
    }
}

/// The places of `rows` rows of `columns` parameters: `($1, $2), ($3, $4)`. SQLite's are `?`, because a number is a name to
/// it: it would be asked for each, and go through all of them to tell.
pub(super) fn places(kind: Kind, rows: usize, columns: usize) -> String {
    let place = |number: usize| match kind {
        Kind::Sqlite => "?".to_owned(),
        Kind::Postgres => format!("${number}"),
    };
    let row = |row: usize| {
        let first = row * columns + 1;
        let places: Vec<String> = (first..first + columns).map(place).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    rows.join(", ")
}
