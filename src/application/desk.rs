//! What answers are made with, from the configuration.

use std::sync::Arc;

use switchboard_actors::chat::answers::Desk;

use crate::config::Config;
use crate::documents::{DocumentSearch, Meaning};
use crate::model::language_model;
use crate::store::Store;

/// Makes it over `store`; documents are searched by `meaning` where there is one.
pub(super) fn desk(
    config: &Config,
    store: &Store,
    meaning: Option<Meaning>,
) -> anyhow::Result<Desk> {
    let search = DocumentSearch::new(store.clone(), config.documents.min_score, meaning);
    Ok(Desk {
        chats: Arc::new(store.clone()),
        retrieval: Arc::new(search),
        model: language_model(config.llm.as_ref())?,
    })
}
