//! Texts to a real HTTP server, well-behaved or not.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::{Value, json};

use super::*;
use crate::config::WebAddress;

/// Answers the request of this number, from 0, with this body.
type Respond = dyn Fn(usize, &Value) -> HttpResponse + Send + Sync;

/// A server on a free port.
struct Theirs {
    url: String,
    /// `Authorization` and body of each request.
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Theirs {
    fn start(respond: impl Fn(usize, &Value) -> HttpResponse + Send + Sync + 'static) -> Self {
        let asked: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let (log, respond): (_, Arc<Respond>) = (Arc::clone(&asked), Arc::new(respond));
        let handler = move |request: HttpRequest, body: web::Json<Value>| {
            let key = request.headers().get(AUTHORIZATION);
            let key = key.map_or("", |key| key.to_str().unwrap()).to_owned();
            let mut log = log.lock().unwrap();
            let answer = respond(log.len(), &body);
            log.push((key, body.into_inner()));
            drop(log);
            async move { answer }
        };
        let app = move || App::new().route("/v1/embeddings", web::post().to(handler.clone()));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}/v1", server.addrs()[0]);
        actix_rt::spawn(server.run());
        Self { url, asked }
    }

    /// Always answers with this.
    fn saying(answer: Value) -> Self {
        Self::start(move |_, _| HttpResponse::Ok().json(&answer))
    }

    fn embedder(&self) -> Embedder {
        embedder(&self.url, Some("small"))
    }

    fn asked(&self) -> Vec<(String, Value)> {
        self.asked.lock().unwrap().clone()
    }
}

fn embedder(url: &str, model: Option<&str>) -> Embedder {
    let config = Embeddings {
        url: WebAddress::new(url),
        model: model.map(str::to_owned),
        key: Some(Secret::new("our key")),
    };
    Embedder::new(&config).unwrap()
}

/// What a good server says: the vector of a text is its length and 1, and the last comes first.
fn good(question: &Value) -> HttpResponse {
    let texts = question["input"].as_array().unwrap();
    let vector = |(index, text): (usize, &Value)| json!({ "object": "embedding", "index": index, "embedding": [text.as_str().unwrap().len(), 1] });
    let data: Vec<Value> = texts.iter().enumerate().map(vector).rev().collect();
    HttpResponse::Ok().json(json!({ "data": data, "usage": { "total_tokens": 1 } }))
}

fn texts(count: usize) -> Vec<String> {
    (0..count).map(|length| "x".repeat(length)).collect()
}

#[actix_web::test]
async fn each_text_has_its_vector_whatever_the_order_of_the_answer() {
    let theirs = Theirs::start(|_, question| good(question));
    let vectors = theirs.embedder().embed(texts(150)).await.unwrap();
    let expected: Vec<Vec<f32>> = (0..150u8)
        .map(|length| vec![f32::from(length), 1.0])
        .collect();
    assert_eq!(vectors, expected);
    let asked = theirs.asked();
    let sizes: Vec<usize> = asked
        .iter()
        .map(|(_, body)| body["input"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [64, 64, 22]);
    assert!(
        asked
            .iter()
            .all(|(key, body)| key == "Bearer our key" && body["model"] == "small")
    );
    assert_eq!(theirs.embedder().embed(Vec::new()).await, Ok(Vec::new()));
    assert_eq!(theirs.asked().len(), 3);
}

#[actix_web::test]
async fn without_a_model_the_server_chooses() {
    let theirs = Theirs::start(|_, question| good(question));
    let embedder = embedder(&theirs.url, None);
    assert_eq!(embedder.model_name(), "default");
    assert!(embedder.embed(texts(1)).await.is_ok());
    assert_eq!(theirs.asked()[0].1.get("model"), None);
    assert_eq!(theirs.embedder().model_name(), "small");
}

#[actix_web::test]
async fn an_answer_that_are_no_vectors_is_refused_at_once() {
    let one = |embedding: Value| json!({ "data": [{ "index": 0, "embedding": embedding }] });
    for answer in [
        json!({}),
        json!({ "data": [] }),
        json!({ "data": [{ "index": 1, "embedding": [1] }] }),
        json!({ "data": [{ "index": 0, "embedding": [1] }, { "index": 0, "embedding": [1] }] }),
        one(json!([])),
        one(json!([1e300, 1])),
        one(json!([0, 0.0])),
        one(json!(["1"])),
        one(json!([null])),
        one(json!("AACAPw==")),
        one(json!(vec![1; MAX_DIMENSIONS + 1])),
    ] {
        let theirs = Theirs::saying(answer.clone());
        let error = theirs.embedder().embed(texts(1)).await.unwrap_err();
        assert!(matches!(error, EmbedError::Garbled(_)), "{answer}: {error}");
        assert_eq!(theirs.asked().len(), 1, "{answer}");
    }
    let two =
        json!({ "data": [{ "index": 0, "embedding": [1] }, { "index": 0, "embedding": [1] }] });
    let error = Theirs::saying(two)
        .embedder()
        .embed(texts(2))
        .await
        .unwrap_err();
    assert!(matches!(error, EmbedError::Garbled(_)), "{error}");
}

#[actix_web::test]
async fn vectors_of_two_lengths_are_refused() {
    let theirs = Theirs::start(|number, question| {
        let texts = question["input"].as_array().unwrap().len();
        let data = vec![json!({ "embedding": vec![1; number + 1] }); texts];
        HttpResponse::Ok().json(json!({ "data": data }))
    });
    let error = theirs.embedder().embed(texts(65)).await.unwrap_err();
    assert!(matches!(error, EmbedError::Garbled(_)), "{error}");
    assert!(
        theirs.embedder().embed(texts(64)).await.is_ok(),
        "without an index, by their place"
    );
}

#[actix_web::test]
async fn an_answer_that_does_not_end_is_cut() {
    let theirs = Theirs::start(|_, _| HttpResponse::Ok().body(vec![b' '; MAX_ANSWER_BYTES + 1]));
    assert_eq!(
        theirs.embedder().embed(texts(1)).await,
        Err(EmbedError::TooLong)
    );
}

#[actix_web::test]
async fn a_server_that_is_busy_is_asked_again_and_then_given_up() {
    let theirs = Theirs::start(|number, question| match number {
        0 => HttpResponse::TooManyRequests()
            .insert_header((RETRY_AFTER.as_str(), "0"))
            .finish(),
        1 => HttpResponse::ServiceUnavailable().finish(),
        _ => good(question),
    });
    assert!(theirs.embedder().embed(texts(1)).await.is_ok());
    assert_eq!(theirs.asked().len(), 3);
    for (status, error) in [
        (429, EmbedError::RateLimited),
        (500, EmbedError::Refused(500)),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let busy = Theirs::start(move |_, _| {
            HttpResponse::build(status)
                .insert_header((RETRY_AFTER.as_str(), "0"))
                .finish()
        });
        assert_eq!(busy.embedder().embed(texts(1)).await, Err(error.clone()));
        assert!(error.is_retryable());
        assert_eq!(busy.asked().len(), TRIES as usize);
    }
}

#[actix_web::test]
async fn what_is_refused_is_not_asked_again() {
    for status in [301, 400, 401, 404, 413] {
        let answered = StatusCode::from_u16(status).unwrap();
        let theirs = Theirs::start(move |_, _| HttpResponse::build(answered).body("key: our key"));
        let error = theirs.embedder().embed(texts(1)).await.unwrap_err();
        assert_eq!(error, EmbedError::Refused(status));
        assert!(
            !error.is_retryable() && theirs.asked().len() == 1,
            "{status}"
        );
    }
}

#[actix_web::test]
async fn a_server_that_is_away_is_told_without_its_address() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let place = listener.local_addr().unwrap();
    drop(listener);
    let embedder = embedder(&format!("http://user:pass@{place}/v1"), None);
    let error = embedder.embed(texts(1)).await.unwrap_err();
    assert!(
        matches!(error, EmbedError::Unreachable(_)) && error.is_retryable(),
        "{error}"
    );
    let told = format!("{error} {error:?} {embedder:?}");
    for secret in ["our key", "pass", "/v1/"] {
        assert!(!error.to_string().contains(secret), "{told}");
    }
}
