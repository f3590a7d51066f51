//! `switchboard token`: prints one token on stdout and nothing else.

use anyhow::{Context, bail};
use switchboard_protocol::ids::{OrganizationId, SessionId};

use super::args::TokenFor;
use crate::config::{Config, Secret};
use crate::store::{Store, Visibility};
use crate::tokens::TokenIssuer;

pub(super) async fn run(config: &Config, whom: TokenFor) -> anyhow::Result<()> {
    let secret = config.jwt_secret.as_ref().map(Secret::expose);
    let secret = secret.context(
        "tokens are signed with a secret: set SWITCHBOARD_JWT_SECRET (at least 32 bytes)",
    )?;
    let issuer = TokenIssuer::new(secret)?;
    let token = match whom {
        TokenFor::User { id, life } => issuer.issue_user(&id, life.ttl),
        TokenFor::Admin { life } => issuer.issue_admin(life.ttl),
        TokenFor::Guest { session, life } => {
            let organization = organization_of(config, &session).await?;
            issuer.issue_guest(&session, &organization, life.ttl)
        }
    };
    super::print(&token)
}

async fn organization_of(config: &Config, session: &SessionId) -> anyhow::Result<OrganizationId> {
    let store = Store::connect(config.database_url.expose()).await?;
    let found = store.session(session).await?;
    store.close().await;
    let found = found.with_context(|| format!("session {session} is not in the database"))?;
    if found.visibility != Visibility::Public {
        bail!("session {session} is not public: guests may not join it");
    }
    Ok(found.organization.clone())
}
