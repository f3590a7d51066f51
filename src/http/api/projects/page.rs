//! Pages of what has a number for its id.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::error::ApiError;

/// Items in a page, unless asked otherwise.
const PAGE: u32 = 50;
/// Items in a page at most.
const MAX_PAGE: u32 = 200;

/// Which page.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::http::api) struct PageQuery<Id> {
    /// The `next` of the page before; the first page if absent.
    after: Option<Id>,
    /// Items in the page; 50 if absent.
    limit: Option<u32>,
}

impl<Id: Copy> PageQuery<Id> {
    pub(in crate::http::api) fn after(&self) -> Option<Id> {
        self.after
    }

    /// How many items to show.
    pub(in crate::http::api) fn limit(&self) -> Result<u32, ApiError> {
        match self.limit.unwrap_or(PAGE) {
            limit @ 1..=MAX_PAGE => Ok(limit),
            _ => Err(ApiError::Invalid(format!("limit must be 1 to {MAX_PAGE}"))),
        }
    }
}

/// A page, by ascending id.
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct Page<View, Id> {
    items: Vec<View>,
    /// What to give as `after` for the page behind it; null at the end.
    next: Option<Id>,
}

impl<View, Id> Page<View, Id> {
    /// Shows the first `limit` of `found`; one more of them says that there is another page.
    pub(in crate::http::api) fn new<'a, T>(
        found: &'a [T],
        limit: u32,
        id: impl Fn(&T) -> Id,
        view: impl Fn(&'a T) -> View,
    ) -> Self {
        let shown = &found[..found.len().min(limit as usize)];
        let is_last = shown.len() == found.len();
        Self {
            items: shown.iter().map(view).collect(),
            next: shown.last().filter(|_| !is_last).map(id),
        }
    }
}
