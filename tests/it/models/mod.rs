//! Language models over HTTP: both protocols, and whatever may go wrong with them.

mod dialects;
mod faults;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use serde_json::json;
use switchboard::config::{Llm, LlmProvider, Secret, WebAddress};
use switchboard::model::language_model;
use switchboard_actors::ports::{
    LanguageModel, ModelError, ModelStage, Prompt, Source, Speaker, Turn, Wishes,
};

use crate::support::http;
use crate::support::model_server::{Ending, ModelServer, Script, Steps};
use crate::support::within;

/// Each test is about both, unless it says so.
const BOTH: [LlmProvider; 2] = [LlmProvider::OpenAi, LlmProvider::Anthropic];
const KEY: &str = "sk-hush-hush";
/// What a short answer is cut out of: letters of one to four bytes, quotes, line ends.
const TOKENS: [&str; 5] = ["Größe ", "\"日本\" ", "🦀", "\r\n", "e\u{301}nd"];

/// A model at the fake server, with defaults.
fn model_at(url: &str, provider: LlmProvider) -> Arc<dyn LanguageModel> {
    let config = Llm {
        url: WebAddress::new(url),
        model: Some("default-model".to_owned()),
        models: Vec::new(),
        max_temperature: 2.0,
        max_tokens: 321,
        key: Some(Secret::new(KEY)),
        provider,
        timeout: Duration::from_secs(30),
    };
    language_model(Some(&config)).unwrap()
}

fn source(filename: &str, page: Option<u32>, content: &str) -> Source {
    let metadata =
        json!({ "document_id": 7, "filename": filename, "chunk_index": 0, "page": page });
    let source = json!({ "id": "chunk_1", "content": content, "metadata": metadata, "score": 0.5 });
    serde_json::from_value(source).unwrap()
}

fn prompt(model: &dyn LanguageModel, wishes: &Wishes, question: &str) -> Prompt {
    Prompt {
        settled: model.settle(wishes).unwrap(),
        sources: Vec::new(),
        history: Vec::new(),
        question: question.to_owned(),
    }
}

type Pieces = BoxStream<'static, Result<String, ModelError>>;

/// Asks with defaults.
fn ask(model: &dyn LanguageModel, question: &str) -> Pieces {
    model.answer(prompt(model, &Wishes::default(), question))
}

/// All that comes: pieces, and the error after them. Nothing may come behind an error.
async fn all_of(mut pieces: Pieces) -> (Vec<String>, Option<ModelError>) {
    let mut said = Vec::new();
    let mut error = None;
    while let Some(piece) = within("the end of an answer", pieces.next()).await {
        assert_eq!(error, None, "{piece:?} behind the error");
        match piece {
            Ok(piece) => said.push(piece),
            Err(why) => error = Some(why),
        }
    }
    (said, error)
}

/// What is said by a model that plays `script`.
async fn played(provider: LlmProvider, script: Script) -> (Vec<String>, Option<ModelError>) {
    let server = ModelServer::start().await;
    server.next(script);
    all_of(ask(&*model_at(&server.url(), provider), "?")).await
}

/// The error that ends a model's answer to this script.
async fn error_of(provider: LlmProvider, script: Script) -> Option<ModelError> {
    played(provider, script).await.1
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[actix_web::test]
async fn u38_openai_is_asked_with_a_bearer_token_and_its_deltas_come_in_order() {
    let server = ModelServer::start().await;
    server.next(Script::answer(TOKENS));
    let model = model_at(&server.url(), LlmProvider::OpenAi);
    let answer = all_of(ask(&*model, "How large?")).await;
    assert_eq!(answer, (texts(&TOKENS), None));
    let asked = server.asked().await;
    assert_eq!(asked.path, "/v1/chat/completions");
    let bearer = format!("Bearer {KEY}");
    assert_eq!(asked.header("authorization"), Some(&bearer[..]));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.body["stream"], true);
    assert_eq!(asked.body["max_tokens"], 321);
    let messages = asked.body["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["role"], "system");
    assert_eq!(
        messages[1],
        json!({ "role": "user", "content": "How large?" })
    );
    assert_eq!(asked.ending().await, Ending::Played);
}

#[actix_web::test]
async fn u40_anthropic_is_asked_with_its_headers_and_the_text_of_its_deltas_comes_in_order() {
    let server = ModelServer::start().await;
    server.next(
        Script::begun()
            .ping()
            .token("One ")
            .ping()
            .token("two")
            .end(),
    );
    let model = model_at(&server.url(), LlmProvider::Anthropic);
    let answer = all_of(ask(&*model, "How large?")).await;
    assert_eq!(answer, (texts(&["One ", "two"]), None));
    let asked = server.asked().await;
    assert_eq!(asked.path, "/v1/messages");
    assert_eq!(asked.header("x-api-key"), Some(KEY));
    assert_eq!(asked.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(asked.header("authorization"), None);
    assert_eq!(asked.body["stream"], true);
    assert_eq!(asked.body["max_tokens"], 321);
    assert!(asked.body["system"].as_str().unwrap().contains("documents"));
    let turns = json!([{ "role": "user", "content": "How large?" }]);
    assert_eq!(asked.body["messages"], turns);
}

#[actix_web::test]
async fn u39_the_answer_is_the_same_when_the_stream_is_cut_at_every_byte() {
    for provider in BOTH {
        let answer = played(provider, Script::answer(TOKENS).cut_at_every_byte()).await;
        assert_eq!(answer, (texts(&TOKENS), None), "{provider:?}");
    }
}

#[actix_web::test]
async fn u41_429_is_a_rate_limit_with_the_time_to_wait() {
    for provider in BOTH {
        let script = Script::status(429, "application/json", "{}").header("retry-after", "7");
        let retry_after = Some(Duration::from_secs(7));
        let expected = ModelError::RateLimited { retry_after };
        assert_eq!(
            error_of(provider, script).await,
            Some(expected),
            "{provider:?}"
        );
        let script = Script::status(429, "text/plain", "slow down");
        let expected = ModelError::RateLimited { retry_after: None };
        assert_eq!(
            error_of(provider, script).await,
            Some(expected),
            "{provider:?}"
        );
    }
}

#[actix_web::test]
async fn u41_529_is_anthropics_rate_limit_and_nobody_elses() {
    let overloaded = || Script::status(529, "application/json", "{}");
    let limited = ModelError::RateLimited { retry_after: None };
    let anthropic = error_of(LlmProvider::Anthropic, overloaded()).await;
    assert_eq!(anthropic, Some(limited));
    let openai = error_of(LlmProvider::OpenAi, overloaded()).await;
    assert_eq!(openai, Some(ModelError::Refused { status: 529 }));
}

#[actix_web::test]
async fn u41_an_error_event_in_the_middle_ends_the_answer_behind_what_was_said() {
    let limited = ModelError::RateLimited { retry_after: None };
    for (provider, kind, expected) in [
        (LlmProvider::OpenAi, "server_error", ModelError::Failed),
        (LlmProvider::Anthropic, "api_error", ModelError::Failed),
        (LlmProvider::Anthropic, "overloaded_error", limited),
    ] {
        let script = Script::begun()
            .token("One ")
            .error(kind)
            .token("never")
            .end();
        let answer = played(provider, script).await;
        assert_eq!(answer, (texts(&["One "]), Some(expected)), "{kind}");
    }
}

#[actix_web::test]
async fn other_statuses_are_refusals_and_no_redirect_is_followed() {
    for provider in BOTH {
        for status in [201, 204, 302, 400, 401, 404, 500, 503] {
            let script = Script::status(status, "application/json", "{\"error\":\"no\"}");
            let script = script.header("location", "/v1/messages");
            let expected = ModelError::Refused { status };
            assert_eq!(error_of(provider, script).await, Some(expected));
        }
    }
}

#[actix_web::test]
async fn d07_the_model_sees_the_wished_model_and_temperature_and_else_the_defaults() {
    let server = ModelServer::start().await;
    for provider in BOTH {
        let model = model_at(&server.url(), provider);
        for (wished_model, wished_temperature, seen) in [
            (None, None, json!(["default-model", 0.7])),
            (Some("other"), Some(0.0), json!(["other", 0.0])),
            (None, Some(0.25), json!(["default-model", 0.25])),
        ] {
            let wishes = Wishes {
                model: wished_model.map(ToOwned::to_owned),
                temperature: wished_temperature,
            };
            all_of(model.answer(prompt(&*model, &wishes, "?"))).await;
            let body = server.asked().await.body;
            assert_eq!(
                json!([body["model"], body["temperature"]]),
                seen,
                "{provider:?}"
            );
        }
    }
}

#[actix_web::test]
async fn d07_without_a_configured_model_the_provider_chooses() {
    let server = ModelServer::start().await;
    let model = model_at(&server.url(), LlmProvider::OpenAi);
    let mut prompt = prompt(&*model, &Wishes::default(), "?");
    prompt.settled.model = String::new();
    all_of(model.answer(prompt)).await;
    assert_eq!(server.asked().await.body.get("model"), None);
}

#[actix_web::test]
async fn d14_the_model_sees_sources_history_and_question() {
    let server = ModelServer::start().await;
    for provider in BOTH {
        let model = model_at(&server.url(), provider);
        let turn = |speaker, content: &str| Turn {
            speaker,
            content: content.to_owned(),
        };
        let mut prompt = prompt(&*model, &Wishes::default(), "And how wide?");
        prompt.sources = vec![source("plan.pdf", Some(4), "It is 3 m wide.")];
        prompt.history = vec![
            turn(Speaker::User, "How long?"),
            turn(Speaker::Assistant, "5 m [1]."),
        ];
        all_of(model.answer(prompt)).await;
        let mut body = server.asked().await.body;
        let mut messages = body["messages"].take();
        let system = match provider {
            LlmProvider::OpenAi => messages.as_array_mut().unwrap().remove(0)["content"].take(),
            LlmProvider::Anthropic => body["system"].take(),
        };
        let system = system.as_str().unwrap();
        assert!(
            system.contains("[1] plan.pdf, page 4:\n> It is 3 m wide."),
            "{system}"
        );
        let turns = json!([
            { "role": "user", "content": "How long?" },
            { "role": "assistant", "content": "5 m [1]." },
            { "role": "user", "content": "And how wide?" },
        ]);
        assert_eq!(messages, turns);
    }
}

#[actix_web::test]
async fn each_piece_comes_as_soon_as_the_model_says_it() {
    for provider in BOTH {
        let server = ModelServer::start().await;
        let steps = Steps::default();
        server.next(Script::answer(["One ", "two ", "three"]).stepping(&steps));
        let mut pieces = ask(&*model_at(&server.url(), provider), "?");
        for expected in ["One ", "two "] {
            steps.one();
            let piece = within("a piece", pieces.next()).await;
            assert_eq!(piece, Some(Ok(expected.to_owned())));
        }
        steps.all();
        assert_eq!(all_of(pieces).await, (texts(&["three"]), None));
    }
}

#[actix_web::test]
async fn nothing_is_asked_before_the_answer_is_looked_at() {
    let server = ModelServer::start().await;
    let model = model_at(&server.url(), LlmProvider::OpenAi);
    let never_looked_at = ask(&*model, "One?");
    all_of(ask(&*model, "Two?")).await;
    drop(never_looked_at);
    let asked = server.asked().await;
    assert_eq!(asked.body["messages"][1]["content"], "Two?");
    assert!(server.is_asked_nothing_more().await);
}

#[actix_web::test]
async fn dropping_the_answer_hangs_up_on_the_model() {
    for provider in BOTH {
        let server = ModelServer::start().await;
        // Before its head, and in the middle.
        server.next(Script::silent());
        server.next(Script::begun().token("One ").stall());
        let model = model_at(&server.url(), provider);
        let waiting = tokio::spawn(all_of(ask(&*model, "?")));
        let asked = server.asked().await;
        waiting.abort();
        assert_eq!(asked.ending().await, Ending::HungUp);
        let mut pieces = ask(&*model, "?");
        assert_eq!(
            within("a piece", pieces.next()).await,
            Some(Ok("One ".to_owned()))
        );
        drop(pieces);
        assert_eq!(server.asked().await.ending().await, Ending::HungUp);
    }
}

#[actix_web::test]
async fn many_answers_at_once_do_not_mix() {
    let server = ModelServer::start().await;
    server.usually(Script::answer(["One ", "two ", "three"]));
    let model = model_at(&server.url(), LlmProvider::OpenAi);
    let answers: Vec<_> = (0..50)
        .map(|_| tokio::spawn(all_of(ask(&*model, "?"))))
        .collect();
    for answer in answers {
        let answer = answer.await.unwrap();
        assert_eq!(answer, (texts(&["One ", "two ", "three"]), None));
    }
}

#[actix_web::test]
async fn the_tests_embeddings_are_close_for_texts_that_share_words() {
    let server = ModelServer::start().await;
    let address = server.address;
    let body = json!({ "model": "e", "input": ["The blue cat", "blue CAT", "a red dog"] });
    let ask =
        async || http::request(address, "POST", "/v1/embeddings", &[], body.to_string()).await;
    let answer = ask().await.json();
    let vector = |index: usize| -> Vec<f64> {
        let vector = answer["data"][index]["embedding"].clone();
        serde_json::from_value(vector).unwrap()
    };
    let likeness = |one: usize, other: usize| -> f64 {
        vector(one)
            .iter()
            .zip(vector(other))
            .map(|(a, b)| a * b)
            .sum()
    };
    assert_eq!(vector(0).len(), 64);
    assert!(likeness(0, 1) > likeness(0, 2) + 0.3);
    assert_eq!(ask().await.json(), answer);
    assert_eq!(server.embeddings_asked().await.body, body);
    server.answer_embeddings_by(503);
    assert_eq!(ask().await.status, 503);
    assert_eq!(http::get(address, "/elsewhere").await.status, 404);
}
