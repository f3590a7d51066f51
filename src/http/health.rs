//! `/healthz` (the process runs), `/readyz` (broker and database answer, and it does not stop) and `/metrics` (Prometheus).

use std::time::Duration;

use actix_web::{HttpResponse, web};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use serde::Serialize;
use switchboard_actors::broker::BrokerStatus;
use switchboard_actors::metrics::Metrics;
use switchboard_actors::mqtt_client::Load;
use tokio::sync::watch;

use super::process::Process;
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
    /// What is counted.
    pub metrics: Metrics,
    /// What is on its way from the broker, looked up at each scrape.
    pub load: Load,
    /// Every metric of the program.
    registry: Registry,
}

impl Health {
    /// Checks and metrics of a program that begins now.
    pub fn new(
        broker: watch::Receiver<BrokerStatus>,
        store: Store,
        endpoint: Endpoint,
        metrics: Metrics,
        load: Load,
    ) -> Self {
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        let switchboard = registry.sub_registry_with_prefix("switchboard");
        switchboard.register("build", "The version that runs", Info::new(version));
        registry.register_collector(Box::new(Process));
        Self {
            broker,
            store,
            endpoint,
            metrics,
            load,
            registry,
        }
    }
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
            log::debug!("not ready reason={:?}", e.to_string());
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
    health.load.sample(&health.metrics);
    let is_there = health.store.is_there();
    health.metrics.database_up.set(i64::from(is_there));
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &health.registry) {
        Ok(()) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(text),
        Err(e) => {
            log::error!("metrics cannot be written reason={:?}", e.to_string());
            HttpResponse::InternalServerError().finish()
        }
    }
}
