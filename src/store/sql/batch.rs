//! Statements over many rows: how many at a time, and their text.

/// Rows of one statement: few statements to run, and three only to prepare. Not more, because SQLite finds the name of a
/// parameter by going through all of them, and is asked for each.
const ROWS_AT_ONCE: [usize; 3] = [16, 4, 1];

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
pub(super) struct Texts([String; ROWS_AT_ONCE.len()]);

impl Texts {
    /// Of the statement over so many rows.
    pub(super) fn new(statement: impl Fn(usize) -> String) -> Self {
        Self(ROWS_AT_ONCE.map(statement))
    }

    /// The text for a piece of `rows` rows.
    pub(super) fn of(&self, rows: usize) -> &str {
        let at = ROWS_AT_ONCE.iter().position(|size| *size == rows);
        &self.0[at.expect("pieces have these sizes")]
    }
}

/// The places of `rows` rows of `columns` parameters, `($1, $2), ($3, $4)`.
pub(super) fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let first = row * columns + 1;
        let places: Vec<String> = (first..first + columns).map(|n| format!("${n}")).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(row).collect();
    rows.join(", ")
}
