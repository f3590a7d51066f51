//! `switchboard migrate`: brings the database's schema up to date and exits.

use crate::config::{Config, mask_url};
use crate::store::Store;

pub(super) async fn run(config: &Config) -> anyhow::Result<()> {
    let url = config.database_url.expose();
    let store = Store::connect(url).await?;
    let migrated = store.migrate().await;
    store.close().await;
    migrated?;
    super::print(&format!("{} is up to date", mask_url(url)))
}
