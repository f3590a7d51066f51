//! Models that do not take what others need.

use super::*;

#[actix_web::test]
async fn what_a_model_does_not_take_is_asked_otherwise_and_from_then_on_at_once() {
    let refused = |message: &str| {
        let body = json!({ "error": { "message": message, "type": "invalid_request_error" } });
        Script::status(400, "application/json", &body.to_string())
    };
    let server = ModelServer::start().await;
    let model = model_at(&server.url(), LlmProvider::OpenAi);
    server.next(refused(
        "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    ));
    server.next(refused("'temperature' does not support 0.7"));
    for _ in 0..2 {
        server.next(Script::answer(TOKENS));
        let answer = all_of(ask(&*model, "?")).await;
        assert_eq!(answer, (texts(&TOKENS), None));
    }
    let mut asked = Vec::new();
    for _ in 0..4 {
        let body = server.asked().await.body;
        let fields = ["max_tokens", "max_completion_tokens", "temperature"];
        asked.push(fields.map(|field| body.get(field).is_some()));
    }
    let newest = [false, true, false];
    let expected = [[true, false, true], [false, true, true], newest, newest];
    assert_eq!(asked, expected);
    // Another refusal stays one, and another model is asked as before.
    server.next(refused("the messages are too long"));
    let wishes = Wishes {
        model: Some("older".to_owned()),
        ..Wishes::default()
    };
    let (said, error) = all_of(model.answer(prompt(&*model, &wishes, "?"))).await;
    let error = error.unwrap();
    assert_eq!(
        (said.len(), error),
        (0, ModelError::Refused { status: 400 })
    );
    assert_eq!(server.asked().await.body["max_tokens"], 321);
    assert!(server.is_asked_nothing_more().await);

    let claude = model_at(&server.url(), LlmProvider::Anthropic);
    server.next(refused("`temperature` is deprecated for this model"));
    server.next(Script::answer(TOKENS));
    let answer = all_of(ask(&*claude, "?")).await;
    assert_eq!(answer, (texts(&TOKENS), None));
    assert_eq!(server.asked().await.body["temperature"], 0.7);
    let asked = server.asked().await.body;
    assert_eq!(
        (asked.get("temperature"), &asked["max_tokens"]),
        (None, &json!(321))
    );
}
