//! Where questions go, and that the key goes nowhere else.

use super::*;

fn config(provider: LlmProvider, url: &str, key: &str) -> Llm {
    Llm {
        url: crate::config::WebAddress::new(url),
        model: None,
        models: Vec::new(),
        max_temperature: 2.0,
        max_tokens: 10,
        key: Some(Secret::new(key)),
        provider,
        timeout: Duration::from_secs(30),
    }
}

#[test]
fn the_path_goes_behind_the_base_url_and_in_front_of_its_query() {
    let of = |provider, url| address(&config(provider, url, "k")).unwrap().to_string();
    let (openai, anthropic) = (LlmProvider::OpenAi, LlmProvider::Anthropic);
    assert_eq!(of(openai, "http://a/v1"), "http://a/v1/chat/completions");
    assert_eq!(of(openai, "http://a/v1/"), "http://a/v1/chat/completions");
    assert_eq!(of(anthropic, "http://a/v1?x=1"), "http://a/v1/messages?x=1");
}

#[test]
fn a_key_that_no_header_takes_stops_the_start_without_being_shown() {
    for provider in [LlmProvider::OpenAi, LlmProvider::Anthropic] {
        let refused = HttpModel::new(&config(provider, "http://a/v1", "hu\nsh"))
            .err()
            .unwrap();
        let text = format!("{refused:#} {refused:?}");
        assert!(
            text.contains("llm_key") && !text.contains("sh\"") && !text.contains("hu"),
            "{text}"
        );
    }
}

#[test]
fn headers_do_not_show_the_key() {
    for provider in [LlmProvider::OpenAi, LlmProvider::Anthropic] {
        let headers = headers(&config(provider, "http://a/v1", "hush")).unwrap();
        assert!(!format!("{headers:?}").contains("hush"), "{headers:?}");
    }
}

#[test]
fn the_log_gets_one_line_without_the_key_and_without_passwords() {
    let config = config(
        LlmProvider::OpenAi,
        "http://ann:hush@a/v1?api_key=hush",
        "hush-key",
    );
    let endpoint = HttpModel::new(&config).unwrap().endpoint;
    let why = "HTTP 401: no key\nhush-key\u{1b}[31m\r\nfake line";
    let line = endpoint.report(&ModelError::Refused { status: 401 }, why);
    assert!(
        !line.contains("hush") && !line.chars().any(char::is_control),
        "{line}"
    );
    assert!(line.contains("HTTP 401: no key"), "{line}");
}
