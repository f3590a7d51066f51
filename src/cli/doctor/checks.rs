//! The checks that need neither broker nor database: configuration, this machine, tokens, and who decides rights.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use switchboard_actors::ports::Authenticator;

use super::super::{check_config, one_line};
use super::report::Finding;
use crate::config::{AccessSource, CertificateFiles, Config, Secret, Settings, Source, reachable};
use crate::tokens::{TokenIssuer, TokenVerifier};
use crate::transport::Certificate;
use crate::{descriptors, outgoing};

/// Fewer connections than that are soon used up.
const FEW_DESCRIPTORS: u64 = 10_000;
/// When this was written, in seconds since 1970: a clock that shows less is wrong.
const WRITTEN: u64 = 1_760_000_000;
/// How long a server that listens already may take to say what it is.
const ANSWER_DEADLINE: Duration = Duration::from_secs(5);
/// A certificate that ends sooner should have been renewed.
const RENEW_BEFORE: Duration = Duration::from_secs(14 * 86_400);
/// How long the token lives that is signed to try the key.
const TOKEN_LIFE: Duration = Duration::from_secs(60);

pub(super) fn configuration(settings: &Settings) -> Finding {
    let set = settings
        .iter()
        .filter(|setting| setting.source != Source::Default);
    let names: Vec<&str> = set.map(|setting| setting.key.name).collect();
    match &names[..] {
        [] => Finding::ok("all defaults"),
        names => Finding::ok(format!("set: {}", names.join(", "))),
    }
}

pub(super) fn descriptors() -> Finding {
    match descriptors::most() {
        most if most < FEW_DESCRIPTORS => Finding::warning(
            format!("{most}, and each connection is one"),
            "raise the hard limit (`ulimit -Hn`, `LimitNOFILE=`)",
        ),
        most => Finding::ok(format!("up to {most}, each connection is one")),
    }
}

pub(super) fn clock() -> Finding {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = humantime::format_rfc3339_seconds(SystemTime::now());
    match since {
        Ok(since) if since.as_secs() > WRITTEN => Finding::ok(now.to_string()),
        _ => Finding::failed(format!("shows {now}"), "set this machine's clock"),
    }
}

/// Whether the address is free, or served by a switchboard already.
pub(super) async fn listen(address: SocketAddr, is_encrypted: bool) -> Finding {
    let error = match TcpListener::bind(address) {
        Ok(_) => return Finding::ok(format!("{address} is free")),
        Err(error) => error,
    };
    if error.kind() != ErrorKind::AddrInUse {
        let advice = "choose another SWITCHBOARD_LISTEN, or allow this user to listen there";
        return Finding::failed(format!("{address}: {error}"), advice);
    }
    match readiness(reachable(address), is_encrypted).await {
        Some(answer) if answer["ready"] == true => Finding::ok(format!(
            "{address} is served by a switchboard that is ready"
        )),
        Some(answer) => Finding::warning(
            format!(
                "{address} is served by a switchboard that is not ready: {}",
                answer["reasons"]
            ),
            "see its log",
        ),
        None => Finding::failed(
            format!("{address} is taken by another program"),
            "stop it, or choose another SWITCHBOARD_LISTEN",
        ),
    }
}

/// What a switchboard at that address says to `/readyz`; nothing where there is none.
async fn readiness(address: SocketAddr, is_encrypted: bool) -> Option<Value> {
    let scheme = if is_encrypted { "https" } else { "http" };
    // Its certificate is for its name, not for this address; it is told nothing, and nothing that it says is trusted.
    let client = outgoing::client(ANSWER_DEADLINE).tls_danger_accept_invalid_certs(true);
    let client = client.build().ok()?;
    let response = client
        .get(format!("{scheme}://{address}/readyz"))
        .send()
        .await
        .ok()?;
    let answer: Value = serde_json::from_str(&response.text().await.ok()?).ok()?;
    answer.get("ready").is_some().then_some(answer)
}

pub(super) fn embedded_broker(listen: SocketAddr) -> Finding {
    match TcpListener::bind(listen) {
        Ok(_) => Finding::ok(format!(
            "{listen} is free; a broker of the doctor's own is tried"
        )),
        Err(error) => Finding::warning(
            format!("cannot listen on {listen}: {error}"),
            "no fault if a switchboard runs here; else choose another SWITCHBOARD_MQTT_LISTEN",
        ),
    }
}

/// Whether HTTPS can be served by the pair, and for how long.
pub(super) fn certificate(files: &CertificateFiles) -> Finding {
    let certificate = match Certificate::read(files) {
        Ok(certificate) => certificate,
        Err(error) => {
            let advice = "without a good pair the server does not start";
            return Finding::failed(error.to_string(), advice);
        }
    };
    let advice = "renew it; a running server takes the new files by itself";
    let Some(expires) = certificate.expires() else {
        return Finding::warning("its validity cannot be read", advice);
    };
    let shown = humantime::format_rfc3339_seconds(expires);
    match expires.duration_since(SystemTime::now()) {
        Ok(left) if left >= RENEW_BEFORE => Finding::ok(format!("good until {shown}")),
        Ok(_) => Finding::warning(format!("good until {shown} only"), advice),
        Err(_) => Finding::failed(format!("has ended at {shown}"), advice),
    }
}

/// Signs a token and verifies it, or looks for keys in the JWKS.
pub(super) async fn tokens(config: &Config) -> Finding {
    let secret = config.jwt_secret.as_ref().map(Secret::expose);
    let verifier = match TokenVerifier::start(secret, config.jwks.as_deref()).await {
        Ok(verifier) => verifier,
        Err(error) => {
            let advice = "without a key the server does not start";
            return Finding::failed(error.to_string(), advice);
        }
    };
    let keys = verifier.jwks_keys();
    if config.jwks.is_some() && keys == 0 {
        let advice =
            "see that SWITCHBOARD_JWKS can be read from here and has RS256, ES256 or EdDSA keys";
        return Finding::failed("the JWKS has no key that can be used", advice);
    }
    let Some(secret) = secret else {
        return Finding::ok(format!("{keys} keys in the JWKS"));
    };
    let user = "doctor".parse().expect("a user id");
    let signed = TokenIssuer::new(secret).map(|issuer| issuer.issue_user(&user, TOKEN_LIFE));
    match signed.map(|token| verifier.authenticate(&token).is_ok()) {
        Ok(true) if keys > 0 => Finding::ok(format!("by the secret, and {keys} keys in the JWKS")),
        Ok(true) => Finding::ok("a token signed by the secret is verified"),
        Ok(false) => Finding::failed(
            "a token signed by the secret is not verified",
            "set this machine's clock",
        ),
        Err(error) => Finding::failed(error.to_string(), "choose a longer SWITCHBOARD_JWT_SECRET"),
    }
}

pub(super) async fn access(config: &Config) -> Finding {
    match check_config::access(config).await {
        Ok(found) => Finding::ok(found),
        Err(error) => {
            let advice = match config.access {
                AccessSource::Http(_) => {
                    "see that SWITCHBOARD_ACCESS_URL is right and its server runs"
                }
                AccessSource::Store => "see the database",
            };
            Finding::failed(one_line(&error), advice)
        }
    }
}
