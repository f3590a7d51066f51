//! `switchboard check-config`: prints what would be used and from where, secrets masked, and tries what the
//! server needs: certificate, signing key, source of rights, database, broker.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::bail;

use crate::access::HttpAccess;
use crate::config::{AccessSource, Config, Mqtt, Secret, Settings, mask_url};
use crate::store::Store;
use crate::tokens::TokenVerifier;
use crate::transcript::BrokerLink;
use crate::transport::Certificate;

/// How long the broker may take to accept.
const BROKER_DEADLINE: Duration = Duration::from_secs(5);

pub(super) async fn run(settings: &Settings, config: &Config) -> anyhow::Result<()> {
    for setting in settings.iter() {
        super::print(&setting.to_string())?;
    }
    let checks = [
        ("tls", tls(config)),
        ("tokens", tokens(config).await),
        ("access", access(config).await),
        ("database", database(config).await),
        ("broker", broker(config).await),
    ];
    let mut faults = Vec::new();
    for (what, result) in checks {
        match result {
            Ok(found) => super::print(&format!("{what}: {found}"))?,
            Err(error) => faults.push(format!("{what}: {}", super::one_line(&error))),
        }
    }
    if !faults.is_empty() {
        bail!(faults.join("; "));
    }
    Ok(())
}

fn tls(config: &Config) -> anyhow::Result<String> {
    let Some(files) = &config.tls else {
        return Ok("none, plain HTTP".to_owned());
    };
    let certificate = Certificate::read(files)?;
    let fingerprint = certificate.fingerprint();
    Ok(format!("HTTPS, certificate with SHA-256 {fingerprint}"))
}

async fn tokens(config: &Config) -> anyhow::Result<String> {
    let secret = config.jwt_secret.as_ref().map(Secret::expose);
    let verifier = TokenVerifier::start(secret, config.jwks.as_deref()).await?;
    Ok(match (secret, verifier.jwks_keys()) {
        (Some(_), 0) => "by a secret".to_owned(),
        (Some(_), keys) => format!("by a secret and {keys} keys of the JWKS"),
        (None, 0) => "none yet, the JWKS does not answer".to_owned(),
        (None, keys) => format!("by {keys} keys of the JWKS"),
    })
}

/// Asks about a token that is none: a backend that answers at all is there.
pub(super) async fn access(config: &Config) -> anyhow::Result<String> {
    let AccessSource::Http(backend) = &config.access else {
        return Ok("by the database".to_owned());
    };
    let url = mask_url(&backend.url);
    match HttpAccess::new(backend)?.probe().await {
        Ok(false) => Ok(format!("{url} answers")),
        Ok(true) => bail!("{url} says yes to a question without a token"),
        Err(error) => bail!("{url}: {error}"),
    }
}

async fn database(config: &Config) -> anyhow::Result<String> {
    let store = Store::connect(config.database_url.expose()).await?;
    let answer = store.ping().await;
    store.close().await;
    answer?;
    Ok("answers".to_owned())
}

async fn broker(config: &Config) -> anyhow::Result<String> {
    match &config.mqtt {
        Mqtt::External(url) => {
            BrokerLink::connect(url, &config.mqtt_tls, BROKER_DEADLINE).await?;
            Ok(format!("{url} accepts"))
        }
        Mqtt::Embedded { listen } => match TcpListener::bind(listen) {
            Ok(_) => Ok(format!("embedded, {listen} is free")),
            Err(error) => bail!("embedded, cannot listen on {listen}: {error}"),
        },
    }
}
