//! Chats of the whole program with a language model over HTTP: what the model is told, what is stored, and its faults.

use serde_json::{Value, json};

use crate::support::DEADLINE;
use crate::support::http;
use crate::support::model_server::{Ending, ModelServer, Script, Steps};
use crate::support::postgres::Postgres;
use crate::support::server::TestServer;
use crate::support::viewer::{GREETING, Viewer};
use crate::support::{eventually, tokens};

/// A server with a model, a chat of the project 1 in it, and a member.
struct Scene {
    model: ModelServer,
    server: TestServer,
    chat: u64,
    member: Viewer,
}

impl Scene {
    async fn start(settings: &[(&str, &str)]) -> Self {
        let model = ModelServer::start().await;
        let url = model.url();
        let every = [("llm_url", url.as_str()), ("llm_model", "tiny")];
        let server = TestServer::start_with(&[&every[..], settings].concat()).await;
        let token = tokens::user("member");
        let project = json!({ "id": 1, "name": "Handbook", "organization": "acme" });
        let created = server.rest("POST", "/projects", &token, project).await;
        assert_eq!(created.status, 201, "{}", created.text());
        let chat = server
            .rest("POST", "/projects/1/chats", &token, json!({}))
            .await;
        let member = server.user("member").await;
        Self {
            chat: chat.json()["id"].as_u64().expect("a chat's id"),
            model,
            server,
            member,
        }
    }

    /// Asks, with more fields.
    async fn ask(&mut self, message: &str, more: Value) {
        let mut question = json!({ "chat_id": self.chat, "message": message });
        let more = more.as_object().expect("fields").clone();
        question.as_object_mut().expect("an object").extend(more);
        self.member
            .emit("send_message", &question.to_string())
            .await;
    }

    /// The next event and its data, which are of this chat.
    async fn told(&mut self) -> (String, Value) {
        let event = self.member.event_within(DEADLINE).await;
        let data: Value = serde_json::from_str(&event.arguments).expect("JSON");
        assert_eq!(data["chat_id"], self.chat, "{data}");
        (event.name, data)
    }

    /// Waits for the end of the answer: its pieces, the event that ended it, and its data.
    async fn answer(&mut self) -> (Vec<String>, String, Value) {
        let mut pieces = Vec::new();
        loop {
            let (name, data) = self.told().await;
            match name.as_str() {
                "message_received" | "message_sources" => {}
                "message_token" => pieces.push(data["token"].as_str().unwrap().to_owned()),
                _ => return (pieces, name, data),
            }
        }
    }

    /// What is stored of the chat.
    async fn stored(&self) -> Vec<Value> {
        let path = format!("/projects/1/chats/{}/messages", self.chat);
        let answer = self
            .server
            .rest("GET", &path, &tokens::user("member"), Value::Null)
            .await;
        answer.json()["items"].as_array().unwrap().clone()
    }

    async fn stop(self) {
        self.member.reset();
        self.server.stop().await;
    }
}

async fn an_answer_of_a_model_is_stored_before_its_end_is_told(settings: &[(&str, &str)]) {
    let mut scene = Scene::start(settings).await;
    let steps = Steps::default();
    scene
        .model
        .next(Script::answer(["Be", "cause", " é😀"]).stepping(&steps));
    scene.ask("Why?", json!({})).await;
    let (name, received) = scene.told().await;
    assert_eq!(
        (name.as_str(), &received["status"]),
        ("message_received", &json!("processing"))
    );
    assert_eq!(scene.stored().await[0]["content"], "Why?");
    steps.all();
    let (pieces, end, data) = scene.answer().await;
    assert_eq!(
        (pieces.concat().as_str(), end.as_str()),
        ("Because é😀", "message_complete")
    );
    assert_eq!(
        data["metadata"],
        json!({ "model": "tiny", "sources_count": 0 })
    );
    let stored = scene.stored().await;
    assert_eq!(stored.len(), 2);
    assert_eq!(
        (&stored[1]["content"], &stored[1]["id"]),
        (&json!("Because é😀"), &data["answer_id"])
    );
    assert_eq!(
        (&stored[1]["role"], &stored[1]["metadata"]),
        (&json!("assistant"), &data["metadata"])
    );
    let asked = scene.model.asked().await;
    assert_eq!(
        (&asked.body["model"], &asked.body["temperature"]),
        (&json!("tiny"), &json!(0.7))
    );
    // The next question has what was said before it, unless it wants none; its wishes are passed on.
    scene
        .ask("And then?", json!({ "model": "small", "temperature": 0 }))
        .await;
    scene.answer().await;
    let asked = scene.model.asked().await;
    assert_eq!(
        (&asked.body["model"], &asked.body["temperature"]),
        (&json!("small"), &json!(0.0))
    );
    let prompt = asked.body["messages"].to_string();
    assert!(
        prompt.contains("Why?") && prompt.contains("Because é😀"),
        "{prompt}"
    );
    scene.ask("So?", json!({ "include_history": false })).await;
    scene.answer().await;
    let prompt = scene.model.asked().await.body["messages"].to_string();
    assert!(
        prompt.contains("So?") && !prompt.contains("Why?"),
        "{prompt}"
    );
    scene.stop().await;
}

#[actix_web::test]
async fn an_answer_of_a_model_is_stored_before_its_end_is_told_on_sqlite() {
    an_answer_of_a_model_is_stored_before_its_end_is_told(&[]).await;
}

#[actix_web::test]
async fn an_answer_of_a_model_is_stored_before_its_end_is_told_on_postgresql() {
    if let Some(postgres) = Postgres::start() {
        let url = postgres.database();
        an_answer_of_a_model_is_stored_before_its_end_is_told(&[("database_url", &url)]).await;
    }
}

#[actix_web::test]
async fn cancelling_hangs_up_on_the_model_and_keeps_what_was_said() {
    let mut scene = Scene::start(&[("llm_provider", "anthropic")]).await;
    let steps = Steps::default();
    scene
        .model
        .next(Script::answer(["Be", "cause"]).stepping(&steps));
    scene.ask("Why?", json!({})).await;
    steps.one();
    loop {
        if scene.told().await.0 == "message_token" {
            break;
        }
    }
    let cancel = json!({ "chat_id": scene.chat }).to_string();
    let answer = scene.member.ask("cancel_message", &cancel).await;
    assert_eq!(answer["was_running"], true);
    let (pieces, end, data) = scene.answer().await;
    assert_eq!((pieces.len(), end.as_str()), (0, "message_complete"));
    assert_eq!(data["metadata"]["partial"], true);
    let asked = scene.model.asked().await;
    assert_eq!(asked.ending().await, Ending::HungUp);
    let stored = scene.stored().await;
    assert_eq!(
        (&stored[1]["content"], &stored[1]["partial"]),
        (&json!("Be"), &json!(true))
    );
    scene.stop().await;
}

#[actix_web::test]
async fn a_disconnect_hangs_up_on_the_model_and_keeps_what_was_said() {
    let mut scene = Scene::start(&[]).await;
    let steps = Steps::default();
    scene
        .model
        .next(Script::answer(["Be", "cause"]).stepping(&steps));
    scene.ask("Why?", json!({})).await;
    steps.one();
    while scene.told().await.0 != "message_token" {}
    let Scene {
        model,
        server,
        chat,
        member,
    } = scene;
    member.reset();
    assert_eq!(model.asked().await.ending().await, Ending::HungUp);
    let path = format!("/projects/1/chats/{chat}/messages");
    let look = async || {
        let member = tokens::user("member");
        let answer = server.rest("GET", &path, &member, Value::Null).await;
        answer.json()["items"].as_array().unwrap().clone()
    };
    let stored = eventually("the answer", DEADLINE, look, |items| items.len() == 2).await;
    assert_eq!(
        (&stored[1]["content"], &stored[1]["partial"]),
        (&json!("Be"), &json!(true))
    );
    server.stop().await;
}

#[actix_web::test]
async fn every_fault_of_a_model_is_one_error_and_the_chat_goes_on() {
    let mut scene = Scene::start(&[("llm_timeout_ms", "1500"), ("llm_key", "hush-hush")]).await;
    let faults = [
        (
            Script::status(429, "application/json", "{}").header("retry-after", "7"),
            "MODEL_RATE_LIMITED",
            true,
        ),
        (
            Script::status(401, "application/json", r#"{"error":"bad key hush-hush"}"#),
            "MODEL_REFUSED",
            false,
        ),
        (
            Script::status(500, "text/html", "<h1>no</h1>"),
            "MODEL_REFUSED",
            true,
        ),
        (Script::silent(), "MODEL_TIMED_OUT", true),
        (Script::begun().token("Be").stall(), "MODEL_TIMED_OUT", true),
        (
            Script::begun().token("Be").error("server_error"),
            "MODEL_FAILED",
            true,
        ),
        (Script::begun().token("Be").reset(), "MODEL_BROKE_OFF", true),
        (
            Script::raw_stream().raw("data: {nonsense\n\n"),
            "MODEL_GARBLED",
            false,
        ),
        (
            Script::raw_stream().raw(format!("data: {}\n\n", "a".repeat(10_000_000))),
            "ANSWER_TOO_LONG",
            false,
        ),
    ];
    for (n, (script, code, retryable)) in faults.into_iter().enumerate() {
        scene.model.next(script);
        scene.ask("Why?", json!({})).await;
        let (_, end, error) = scene.answer().await;
        assert_eq!(
            (end.as_str(), &error["errorCode"]),
            ("error", &json!(code)),
            "fault {n}: {error}"
        );
        assert_eq!(error["retryable"], retryable, "fault {n}");
        assert!(!error.to_string().contains("hush"), "{error}");
    }
    scene.ask("Why?", json!({})).await;
    let (_, end, _) = scene.answer().await;
    assert_eq!(end, "message_complete");
    scene.stop().await;
}

#[actix_web::test]
async fn a_wish_beyond_the_bounds_is_refused_in_words_and_nothing_is_stored() {
    let settings = [("llm_models", "small"), ("llm_max_temperature", "1")];
    let mut scene = Scene::start(&settings).await;
    for (wish, word) in [
        (json!({ "model": "huge" }), "small"),
        (json!({ "temperature": 1.5 }), "0 to 1"),
        (json!({ "temperature": -0.1 }), "0 to 1"),
    ] {
        scene.ask("Why?", wish).await;
        let (name, error) = scene.told().await;
        assert_eq!(name, "error");
        assert!(error["message"].as_str().unwrap().contains(word), "{error}");
    }
    assert_eq!(scene.stored().await, [] as [Value; 0]);
    assert!(scene.model.is_asked_nothing_more().await);
    scene.stop().await;
}

#[actix_web::test]
async fn administrators_see_who_chats_until_they_have_gone() {
    let mut scene = Scene::start(&[]).await;
    scene
        .member
        .ask("join_project", r#"{"project_id":1}"#)
        .await;
    scene.ask("Why?", json!({})).await;
    let sockets = async |token: String| {
        scene
            .server
            .rest("GET", "/chat-sockets", &token, Value::Null)
            .await
    };
    assert_eq!(sockets(tokens::user("member")).await.status, 403);
    let look = async || sockets(tokens::admin()).await.json()["items"].clone();
    let items = eventually("the chat", DEADLINE, look, |i| i[0]["chat_id"].is_u64()).await;
    assert_eq!(
        (&items[0]["project_id"], &items[0]["chat_id"]),
        (&json!(1), &json!(scene.chat))
    );
    let second = Viewer::connect(scene.server.address, &tokens::user("member")).await;
    second.reset();
    let Scene { server, member, .. } = scene;
    member.reset();
    let look = async || {
        server
            .rest("GET", "/chat-sockets", &tokens::admin(), Value::Null)
            .await
            .json()
    };
    eventually("nobody", DEADLINE, look, |page| page["items"] == json!([])).await;
    server.stop().await;
}

#[actix_web::test]
async fn a_socket_is_greeted_once_over_a_websocket_and_over_polling() {
    let server = TestServer::start().await;
    let mut viewer = Viewer::open(server.address, "", &[]).await;
    viewer
        .send(&format!(r#"40{{"token":"{}"}}"#, tokens::user("member")))
        .await;
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let message = viewer.message().await.expect("a frame");
        heard.push(message.into_text().expect("text").as_str().to_owned());
    }
    assert!(heard[0].starts_with("40{"), "{heard:?}");
    assert_eq!(heard[1], GREETING);
    viewer.expect_silence().await;
    viewer.reset();
    let poller = http::Poller::open(server.address, "/socket.io/").await;
    let connect = format!(r#"40{{"token":"{}"}}"#, tokens::user("member"));
    assert_eq!(poller.post(connect).await.status, 200);
    let answer = poller.poll().await.text();
    let packets: Vec<&str> = answer.split('\x1e').collect();
    assert_eq!((packets.len(), packets[1]), (2, GREETING), "{answer}");
    poller.close().await;
    server.stop().await;
}
