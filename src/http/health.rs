//! `/healthz` (the process runs), `/readyz` (broker and database answer, and it does not stop) and `/metrics` (Prometheus).

use std::time::Duration;

use actix_web::{HttpResponse, web};
use prometheus_client::registry::Registry;
use serde::Serialize;
use switchboard_actors::broker::BrokerStatus;
use tokio::sync::watch;

use crate::store::Store;
use crate::transport::Endpoint;

/// How long the database may take to answer a readiness check.
const DATABASE_DEADLINE: Duration = Duration::from_secs(2);

/// What the checks look at.
pub struct Health {
    /// Whether the broker is up.
    pub broker: watch::Receiver<BrokerStatus>,
    /// The database.
    pub store: Store,
    /// Where sockets come in.
    pub endpoint: Endpoint,
    /// Every metric of the program.
    pub metrics: Registry,
}

/// Mounts the three routes. The application must have `web::Data<Health>`.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route(
            "/healthz",
            web::get().to(async || HttpResponse::Ok().body("ok\n")),
        )
        .route("/readyz", web::get().to(ready))
        .route("/metrics", web::get().to(metrics));
}

/// `{"ready":bool,"reasons":[…]}`; 503 unless it is ready.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<&'static str>,
}

async fn ready(health: web::Data<Health>) -> HttpResponse {
    let mut reasons = Vec::new();
    if health.endpoint.is_draining() {
        reasons.push("draining");
    }
    if *health.broker.borrow() == BrokerStatus::Down {
        reasons.push("broker is away");
    }
    let ping = tokio::time::timeout(DATABASE_DEADLINE, health.store.ping()).await;
    match ping {
        Ok(Ok(())) => {}
        Ok(Err(e)) => {
            log::debug!("readiness: {e}");
            reasons.push("database fails");
        }
        Err(_) => reasons.push("database does not answer"),
    }
    let ready = reasons.is_empty();
    let mut response = if ready {
        HttpResponse::Ok()
    } else {
        HttpResponse::ServiceUnavailable()
    };
    response.json(Readiness { ready, reasons })
}

async fn metrics(health: web::Data<Health>) -> HttpResponse {
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &health.metrics) {
        Ok(()) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(text),
        Err(e) => {
            log::error!("metrics: {e}");
            HttpResponse::InternalServerError().finish()
        }
    }
}
