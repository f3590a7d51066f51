//! Access by somebody else's backend: rights and sessions that switchboard knows nothing of.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use crate::support::server::TestServer;
use crate::support::tokens;
use crate::support::viewer::{End, Viewer};

/// A backend where `ann` may join `theirs`, and administers nothing.
struct Backend {
    url: String,
    /// Whether it fails.
    fails: Arc<AtomicBool>,
    /// Whether `ann` may nothing any more.
    withdrawn: Arc<AtomicBool>,
}

impl Backend {
    fn start(ann: String) -> Self {
        let fails = Arc::new(AtomicBool::new(false));
        let withdrawn = Arc::new(AtomicBool::new(false));
        let (failing, without) = (Arc::clone(&fails), Arc::clone(&withdrawn));
        let answer = move |question: web::Json<Value>| {
            let theirs = json!({ "token": ann, "action": "join_session", "resource": "theirs" });
            let allowed = question.into_inner() == theirs && !without.load(Ordering::Relaxed);
            let fails = failing.load(Ordering::Relaxed);
            async move {
                match allowed {
                    _ if fails => HttpResponse::BadGateway().finish(),
                    true => HttpResponse::Ok().finish(),
                    false => HttpResponse::Forbidden().finish(),
                }
            }
        };
        let app = move || App::new().default_service(web::to(answer.clone()));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        actix_rt::spawn(server.run());
        Self {
            url,
            fails,
            withdrawn,
        }
    }

    fn fail(&self) {
        self.fails.store(true, Ordering::Relaxed);
    }

    async fn serve(&self) -> TestServer {
        let settings = [
            ("access", "http"),
            ("access_url", &self.url),
            ("access_cache_ms", "0"),
        ];
        TestServer::start_with(&settings).await
    }
}

#[actix_web::test]
async fn a_session_that_only_the_backend_knows_is_joined_by_whom_it_lets_in() {
    let ann = tokens::user("ann");
    let backend = Backend::start(ann.clone());
    let server = backend.serve().await;
    let mut viewer = Viewer::connect(server.address, &ann).await;
    viewer.join("theirs/1").await;
    let publisher = server.publisher().await;
    publisher.send("transcriber/out/theirs/1/final", "1").await;
    viewer.expect("final", "1").await;

    // Public in the store, and refused all the same: the backend alone decides.
    let mut other = server.viewer().await;
    other.send(r#"421["join_room","S/1"]"#).await;
    let denied = [r#"42["unauthorized"]"#, "41"].map(ToOwned::to_owned);
    assert_eq!(other.ended().await, (denied.to_vec(), End::Closed(1000)));
    drop((viewer, other));
    server.stop().await;
}

#[actix_web::test]
async fn a_backend_that_fails_lets_nobody_in_and_turns_nobody_out() {
    let ann = tokens::user("ann");
    let backend = Backend::start(ann.clone());
    let server = backend.serve().await;
    let mut viewer = Viewer::connect(server.address, &ann).await;
    viewer.join("theirs/1").await;
    backend.fail();

    let answer = viewer.ask("join_room", r#""theirs/2""#).await;
    assert_eq!(
        (&answer["ok"], &answer["code"]),
        (&json!(false), &json!("ACCESS_UNAVAILABLE"))
    );
    let read = server.rest("GET", "/sessions/S", &ann, Value::Null).await;
    assert_eq!(read.status, 503, "{}", read.text());
    assert_eq!(read.json()["error"]["code"], "unavailable");
    let publisher = server.publisher().await;
    publisher.send("transcriber/out/theirs/1/final", "1").await;
    viewer.expect("final", "1").await;
    drop(viewer);
    server.stop().await;
}

#[actix_web::test]
async fn what_the_backend_withdraws_and_says_so_is_lost_at_once_and_nothing_while_it_fails() {
    let ann = tokens::user("ann");
    let backend = Backend::start(ann.clone());
    let settings = [
        ("access", "http"),
        ("access_url", &backend.url),
        ("access_cache_ms", "600000"),
    ];
    let server = TestServer::start_with(&settings).await;
    let mut viewer = Viewer::connect(server.address, &ann).await;
    viewer.join("theirs/1").await;
    let publisher = server.publisher().await;
    let topic = "switchboard/organizations/their-own/events/access_changed";
    backend.fail();
    publisher.send(topic, r#"{"user":"ann"}"#).await;
    let unknown = r#"rights_rechecked_total{reason="unknown"}"#;
    server.metric_becomes(unknown, 1).await;
    viewer.expect_silence().await;

    backend.fails.store(false, Ordering::Relaxed);
    backend.withdrawn.store(true, Ordering::Relaxed);
    publisher.send(topic, r#"{"session":"theirs"}"#).await;
    let denied = [r#"42["unauthorized"]"#, "41"].map(ToOwned::to_owned);
    assert_eq!(viewer.ended().await, (denied.to_vec(), End::Closed(1000)));
    server.stop().await;
}

#[actix_web::test]
async fn an_administrator_administers_without_the_backend() {
    let backend = Backend::start(tokens::user("ann"));
    let server = backend.serve().await;
    backend.fail();
    let (admin, name) = (tokens::admin(), json!({ "name": "Renamed" }));
    let renamed = server.rest("PATCH", "/sessions/S", &admin, name).await;
    assert_eq!(renamed.json()["name"], "Renamed");
    server.stop().await;
}
