//! Search by meaning, with an embeddings server of our own. PostgreSQL's tests are skipped on a server without pgvector.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};

use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use switchboard_actors::ports::{Retrieval, Source};
use switchboard_protocol::ids::ProjectId;

use super::documents::{completed, with_projects};
use super::*;
use crate::config::{Embeddings, WebAddress};
use crate::documents::{DocumentSearch, Meaning};

on_both_databases! {
    a_question_finds_what_means_the_same_in_other_words
    a_question_of_any_length_is_embedded_from_its_start
    what_the_embeddings_server_refuses_keeps_no_other_chunk_from_its_vector
    chunks_wait_for_an_embeddings_server_that_is_away
}

/// An embeddings server that knows animals and money. It answers with this status, if that is not 200, and refuses
/// long texts, and a word that is not to be said.
struct Theirs {
    url: String,
    status: Arc<AtomicU16>,
}

impl Theirs {
    fn start() -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let current = Arc::clone(&status);
        let handler = move |question: web::Json<Value>| {
            let answer = answer(&question, current.load(Ordering::Relaxed));
            async move { answer }
        };
        let app = move || App::new().route("/embeddings", web::post().to(handler.clone()));
        let server = HttpServer::new(app).workers(1).disable_signals();
        let server = server.bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { url, status }
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// None where the database has no vectors.
    async fn meaning(&self, store: &Store, database: &Fixture) -> Option<Meaning> {
        let config = Embeddings {
            url: WebAddress::new(&*self.url),
            model: None,
            key: None,
        };
        match Meaning::prepare(&config, store).await {
            Ok(meaning) => Some(meaning),
            Err(error) if database.is_postgres() && error.to_string().contains("pgvector") => {
                eprintln!("skipped: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn answer(question: &Value, status: u16) -> HttpResponse {
    let texts = question["input"].as_array().unwrap().iter();
    let texts: Vec<&str> = texts.map(|text| text.as_str().unwrap()).collect();
    let is_refused = |text: &&str| text.len() > 2_000 || text.contains("unspeakable");
    if texts.iter().any(is_refused) {
        return HttpResponse::BadRequest().finish();
    }
    if status != 200 {
        let mut answer = HttpResponse::build(StatusCode::from_u16(status).unwrap());
        return answer.insert_header(("Retry-After", "0")).finish();
    }
    let about = |text: &str, words: [&str; 3]| words.iter().any(|word| text.contains(word));
    let vector = |text: &&str| {
        let animals = about(text, ["cat", "kitten", "dog"]);
        let money = about(text, ["budget", "euros", "costs"]);
        json!({ "embedding": [f32::from(u8::from(animals)), f32::from(u8::from(money)), 0.1] })
    };
    let data: Vec<Value> = texts.iter().map(vector).collect();
    HttpResponse::Ok().json(json!({ "data": data }))
}

async fn search(
    store: &Store,
    meaning: &Meaning,
    project: ProjectId,
    question: &str,
) -> Vec<Source> {
    let search = DocumentSearch::new(store.clone(), 0.3, Some(meaning.clone()));
    search.search(project, question.to_owned()).await.unwrap()
}

fn contents(sources: &[Source]) -> Vec<&str> {
    let contents = sources.iter().map(|source| source.content.as_str());
    contents.collect()
}

async fn caught_up(meaning: &Meaning) {
    while meaning.catch_up().await.unwrap() {}
}

async fn a_question_finds_what_means_the_same_in_other_words(database: &Fixture) {
    let (store, project, other) = with_projects(database).await;
    let Some(meaning) = Theirs::start().meaning(&store, database).await else {
        return;
    };
    let chunks = ["A cat.", "It costs much.", "The budget of cats", "Rain"];
    let document = completed(&store, project, &chunks).await;
    completed(&store, other, &["Another cat."]).await;
    caught_up(&meaning).await;
    let found = search(&store, &meaning, project, "Who has a kitten?").await;
    assert_eq!(contents(&found), ["A cat.", "The budget of cats"]);
    assert!(
        found[0].score > 0.99 && (0.6..0.8).contains(&found[1].score),
        "{found:?}"
    );
    assert_eq!(found[1].metadata.document_id, document);
    assert_eq!(found[1].metadata.chunk_index, 2);
    assert!(found[1].id.starts_with("chunk_"));
}

async fn a_question_of_any_length_is_embedded_from_its_start(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let Some(meaning) = Theirs::start().meaning(&store, database).await else {
        return;
    };
    completed(&store, project, &["A cat.", "It costs much."]).await;
    caught_up(&meaning).await;
    let long = format!("How many euros?{}", " and so on".repeat(1_000));
    let found = search(&store, &meaning, project, &long).await;
    assert_eq!(contents(&found), ["It costs much."]);
}

async fn what_the_embeddings_server_refuses_keeps_no_other_chunk_from_its_vector(
    database: &Fixture,
) {
    let (store, project, _) = with_projects(database).await;
    let Some(meaning) = Theirs::start().meaning(&store, database).await else {
        return;
    };
    let mut many = vec!["rain"; 64];
    many[10] = "unspeakable";
    completed(&store, project, &many).await;
    completed(&store, project, &["A cat."]).await;
    caught_up(&meaning).await;
    let found = search(&store, &meaning, project, "kitten").await;
    assert_eq!(contents(&found), ["A cat."]);
}

async fn chunks_wait_for_an_embeddings_server_that_is_away(database: &Fixture) {
    let (store, project, _) = with_projects(database).await;
    let theirs = Theirs::start();
    let Some(meaning) = theirs.meaning(&store, database).await else {
        return;
    };
    completed(&store, project, &["A cat."]).await;
    for status in [429, 503] {
        theirs.answers(status);
        assert!(meaning.catch_up().await.is_err(), "{status}");
    }
    theirs.answers(200);
    caught_up(&meaning).await;
    let found = search(&store, &meaning, project, "kitten").await;
    assert_eq!(contents(&found), ["A cat."]);
}
