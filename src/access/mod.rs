//! Who may do what: decided from the store, or asked of somebody else's backend. One of the two for the whole
//! program, behind [`Access`].

mod http;
mod store;

use std::sync::Arc;

use switchboard_actors::ports::Access;

pub use http::HttpAccess;
pub use store::StoreAccess;

use crate::config::AccessSource;
use crate::store::Store;

/// The configured source of rights.
pub fn source(config: &AccessSource, store: &Store) -> anyhow::Result<Arc<dyn Access>> {
    Ok(match config {
        AccessSource::Store => Arc::new(StoreAccess::new(store.clone())),
        AccessSource::Http(backend) => Arc::new(HttpAccess::new(backend)?),
    })
}
