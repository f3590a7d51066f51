//! What answers are made with, from the configuration.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use switchboard_actors::chat::answers::Desk;
use switchboard_actors::ports::{
    BoxFuture, LanguageModel, ModelError, Prompt, Retrieval, Settled, Source, Unavailable,
    WishRefused, Wishes,
};
use switchboard_protocol::ids::ProjectId;

use crate::config::Config;
use crate::store::Store;

/// Makes it over `store`.
pub(super) fn desk(_: &Config, store: &Store) -> Desk {
    Desk {
        chats: Arc::new(store.clone()),
        retrieval: Arc::new(Nobody),
        model: Arc::new(Nobody),
    }
}

struct Nobody;

impl Retrieval for Nobody {
    fn search(&self, _: ProjectId, _: String) -> BoxFuture<Result<Vec<Source>, Unavailable>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

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
