//! The application as `switchboard doctor` tries it: complete, and unnoticed.

use std::sync::Arc;

use switchboard_actors::ports::Access;

use super::{Application, RunOptions, THIS_PROGRAM};
use crate::config::Config;

impl Application {
    /// Builds it as [`build`](Self::build) does, with the database's schema left as it is, with `access` in place of the
    /// configured source of rights, and without a word about it at the broker. Leaves nothing behind when it is gone.
    pub async fn rehearse(config: &Config, access: Arc<dyn Access>) -> anyhow::Result<Self> {
        let options = RunOptions {
            migrate: false,
            demo: false,
            program: THIS_PROGRAM,
        };
        Self::assemble(config, options, Some(access)).await
    }
}
