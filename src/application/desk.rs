//! What answers are made with, from the configuration.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use switchboard_actors::chat::answers::Desk;
use switchboard_actors::ports::{LanguageModel, ModelError, Prompt, Settled, WishRefused, Wishes};

use crate::config::Config;
use crate::documents::DocumentSearch;
use crate::store::Store;

/// Makes it over `store`.
pub(super) fn desk(config: &Config, store: &Store) -> Desk {
    Desk {
        chats: Arc::new(store.clone()),
        retrieval: Arc::new(DocumentSearch::new(
            store.clone(),
            config.documents.min_score,
        )),
        model: Arc::new(Nobody),
    }
}

struct Nobody;

impl LanguageModel for Nobody {
    fn settle(&self, wishes: &Wishes) -> Result<Settled, WishRefused> {
        Ok(Settled {
            model: wishes.model.clone().unwrap_or_default(),
            temperature: wishes.temperature.unwrap_or(0.7),
        })
    }

    fn answer(&self, _: Prompt) -> BoxStream<'static, Result<String, ModelError>> {
        stream::once(std::future::ready(Err(ModelError::Unreachable))).boxed()
    }
}
