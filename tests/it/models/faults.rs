//! Whatever may go wrong with a language model.

use super::*;

#[actix_web::test]
async fn a_model_that_stalls_is_given_up_and_the_error_says_where() {
    for provider in BOTH {
        for (script, stage, said) in [
            (Script::silent(), ModelStage::Connect, &[][..]),
            (Script::raw_stream().stall(), ModelStage::FirstToken, &[]),
            (Script::begun().ping().stall(), ModelStage::FirstToken, &[]),
            (
                Script::begun().token("One ").stall(),
                ModelStage::NextToken,
                &["One "],
            ),
        ] {
            let server = ModelServer::start().await;
            server.next(script);
            let mut pieces = ask(&*model_at(&server.url(), provider), "?");
            for expected in said {
                let piece = within("a piece", pieces.next()).await;
                assert_eq!(piece, Some(Ok((*expected).to_owned())));
            }
            let rest = tokio::spawn(all_of(pieces));
            let asked = server.asked().await;
            // An exchange on the same thread: what the model sent before it has been read.
            http::get(server.address, "/elsewhere").await;
            tokio::time::pause();
            let error = Some(ModelError::TimedOut(stage));
            assert_eq!(rest.await.unwrap(), (vec![], error), "{provider:?}");
            tokio::time::resume();
            assert_eq!(asked.ending().await, Ending::HungUp);
        }
    }
}

#[actix_web::test]
async fn a_stream_that_ends_before_the_answer_does_broke_off() {
    for provider in BOTH {
        for script in [
            Script::begun().token("One "),
            Script::begun().token("One ").reset(),
        ] {
            let answer = played(provider, script).await;
            let expected = (texts(&["One "]), Some(ModelError::BrokeOff));
            assert_eq!(answer, expected, "{provider:?}");
        }
    }
}

#[actix_web::test]
async fn a_finish_reason_is_the_end_of_openais_answer_even_without_done() {
    let script = || Script::begun().token("One").finish();
    let answer = played(LlmProvider::OpenAi, script()).await;
    assert_eq!(answer, (texts(&["One"]), None));
    let answer = played(LlmProvider::Anthropic, script()).await;
    assert_eq!(answer, (texts(&["One"]), Some(ModelError::BrokeOff)));
}

#[actix_web::test]
async fn an_answer_without_a_word_is_an_empty_one() {
    for provider in BOTH {
        assert_eq!(played(provider, Script::answer([])).await, (vec![], None));
    }
}

#[actix_web::test]
async fn garbage_is_garbled() {
    let plain = json!({ "choices": [{ "message": { "content": "all at once" } }] }).to_string();
    for provider in BOTH {
        for script in [
            Script::raw_stream().raw("data: {\"choices\":[{\"del\n\n"),
            Script::raw_stream().raw(b"data: \xc3\x28\n\n"),
            Script::begun().raw("data: <html>\n\n"),
            Script::status(200, "application/json", &plain),
            Script::status(200, "text/html; charset=utf-8", "<html>Log in</html>"),
        ] {
            assert_eq!(error_of(provider, script).await, Some(ModelError::Garbled));
        }
    }
}

#[actix_web::test]
async fn a_line_of_10_mb_is_given_up_before_it_is_whole() {
    for provider in BOTH {
        let server = ModelServer::start().await;
        server.next(
            Script::begun()
                .token("One ")
                .raw("data: ")
                .raw(vec![b'x'; 10_000_000])
                .end(),
        );
        let answer = all_of(ask(&*model_at(&server.url(), provider), "?")).await;
        assert_eq!(answer, (texts(&["One "]), Some(ModelError::TooLong)));
        assert_eq!(server.asked().await.ending().await, Ending::HungUp);
    }
}

#[actix_web::test]
async fn a_model_that_is_not_there_is_unreachable_until_it_is() {
    let server = ModelServer::start().await;
    let url = server.url();
    drop(server);
    for provider in BOTH {
        let answer = all_of(ask(&*model_at(&url, provider), "?")).await;
        assert_eq!(answer, (vec![], Some(ModelError::Unreachable)));
    }
}

#[actix_web::test]
async fn errors_name_no_address_and_no_key() {
    let said = format!("no such key {KEY}");
    for provider in BOTH {
        let server = ModelServer::start().await;
        server.next(Script::status(401, "text/plain", &said));
        server.next(Script::begun().error(&said));
        let model = model_at(&server.url(), provider);
        for _ in 0..2 {
            let (_, error) = all_of(ask(&*model, "?")).await;
            let error = error.unwrap();
            let told = format!("{error} {error:?} {}", error.code());
            assert!(
                !told.contains("hush") && !told.contains("127.0.0.1"),
                "{told}"
            );
        }
    }
}
