//! Who may do what: decided from the store, or asked of somebody else's backend. One of the two for the whole
//! program, behind [`Access`].

mod http;
mod open_chat;
mod store;

use std::sync::Arc;

use switchboard_actors::ports::Access;

pub use http::HttpAccess;
pub use store::StoreAccess;

use open_chat::OpenChat;

use crate::config::{AccessSource, Config};
use crate::store::Store;

/// The configured source of rights.
pub fn source(config: &Config, store: &Store) -> anyhow::Result<Arc<dyn Access>> {
    let source: Arc<dyn Access> = match &config.access {
        AccessSource::Store => Arc::new(StoreAccess::new(store.clone())),
        AccessSource::Http(backend) => Arc::new(HttpAccess::new(backend)?),
    };
    if !config.anonymous_chat {
        return Ok(source);
    }
    log::warn!(
        "anonymous chat is on: whoever reaches this server may read and ask in every project of every organization"
    );
    Ok(Arc::new(OpenChat { others: source }))
}
