//! What questions may wish, and how much of an answer is held.

use std::time::Duration;

use switchboard_actors::ports::Wishes;

use super::super::gauge::{Gauge, MAX_EVENT_BYTES, TooLong};
use super::super::settle::Bounds;
use crate::config::{Llm, LlmProvider, WebAddress};

fn bounds(provider: LlmProvider, model: Option<&str>, models: &[&str], most: f64) -> Bounds {
    Bounds::new(&Llm {
        url: WebAddress::new("http://a/v1"),
        model: model.map(ToOwned::to_owned),
        models: models.iter().map(|name| (*name).to_owned()).collect(),
        max_temperature: most,
        max_tokens: 10,
        key: None,
        provider,
        timeout: Duration::from_secs(30),
    })
}

/// What comes of a wished model, or why nothing.
fn model(bounds: &Bounds, wished: Option<&str>) -> Result<String, String> {
    let wishes = Wishes {
        model: wished.map(ToOwned::to_owned),
        temperature: None,
    };
    let settled = bounds.settle(&wishes);
    settled
        .map(|settled| settled.model)
        .map_err(|refused| refused.0)
}

fn temperature(bounds: &Bounds, wished: Option<f64>) -> Result<f64, String> {
    let wishes = Wishes {
        model: None,
        temperature: wished,
    };
    let settled = bounds.settle(&wishes);
    settled
        .map(|settled| settled.temperature)
        .map_err(|refused| refused.0)
}

#[test]
fn d07_a_wished_model_must_be_the_default_or_a_configured_one() {
    let bounds = bounds(LlmProvider::OpenAi, Some("a"), &["b", "a", "c"], 2.0);
    assert_eq!(model(&bounds, None).unwrap(), "a");
    assert_eq!(model(&bounds, Some("a")).unwrap(), "a");
    assert_eq!(model(&bounds, Some("c")).unwrap(), "c");
    let refused = Err("model must be one of: a, b, c".to_owned());
    assert_eq!(model(&bounds, Some("d")), refused);
    assert_eq!(model(&bounds, Some("")), refused);
}

#[test]
fn d07_any_model_may_be_wished_where_none_are_configured_if_its_name_is_one() {
    let bounds = bounds(LlmProvider::OpenAi, None, &[], 2.0);
    assert_eq!(model(&bounds, None).unwrap(), "");
    assert_eq!(model(&bounds, Some("llama3:8b")).unwrap(), "llama3:8b");
    assert!(model(&bounds, Some(&"m".repeat(128))).is_ok());
    let refused = Err("model must be 1 to 128 bytes, no control characters".to_owned());
    for odd in ["", "a\nb", "a\u{7f}", "a\0", &"m".repeat(129)] {
        assert_eq!(model(&bounds, Some(odd)), refused, "{odd:?}");
    }
}

#[test]
fn d07_the_temperature_is_0_7_unless_wished_and_0_stays_0() {
    let bounds = bounds(LlmProvider::OpenAi, None, &[], 1.5);
    for (wished, expected) in [
        (None, 0.7),
        (Some(0.0), 0.0),
        (Some(-0.0), 0.0),
        (Some(1.5), 1.5),
    ] {
        let settled = temperature(&bounds, wished).unwrap();
        assert_eq!(settled.to_bits(), f64::to_bits(expected), "{wished:?}");
    }
    let refused = Err("temperature must be 0 to 1.5".to_owned());
    for odd in [-0.1, 1.6, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(temperature(&bounds, Some(odd)), refused, "{odd}");
    }
}

#[test]
fn d07_anthropic_takes_a_temperature_of_at_most_1() {
    let wide = bounds(LlmProvider::Anthropic, Some("a"), &[], 2.0);
    let refused = Err("temperature must be 0 to 1".to_owned());
    assert_eq!(temperature(&wide, Some(1.1)), refused);
    assert_eq!(temperature(&wide, Some(1.0)), Ok(1.0));
    let narrow = bounds(LlmProvider::Anthropic, Some("a"), &[], 0.5);
    assert_eq!(temperature(&narrow, None), Ok(0.5));
    assert!(temperature(&narrow, Some(0.6)).is_err());
}

#[test]
fn events_may_follow_one_another_for_ever_but_none_may_be_longer_than_the_bound() {
    for end in ["\n\n", "\r\r", "\r\n\r\n"] {
        let mut gauge = Gauge::default();
        let long = vec![b'x'; MAX_EVENT_BYTES - end.len()];
        for _ in 0..3 {
            assert_eq!(gauge.measure(&long), Ok(()), "{end:?}");
            assert_eq!(gauge.measure(end.as_bytes()), Ok(()), "{end:?}");
        }
        assert_eq!(gauge.measure(&[b'x'; MAX_EVENT_BYTES + 1]), Err(TooLong));
    }
}

#[test]
fn an_event_of_many_lines_is_measured_as_one() {
    for end in ["\n", "\r", "\r\n"] {
        let mut gauge = Gauge::default();
        let line = [b"data: x", end.as_bytes()].concat();
        let most = MAX_EVENT_BYTES / line.len();
        for _ in 0..most {
            assert_eq!(gauge.measure(&line), Ok(()), "{end:?}");
        }
        assert_eq!(gauge.measure(&line), Err(TooLong), "{end:?}");
    }
}

#[test]
fn a_stream_that_never_ends_does_at_its_bound() {
    let mut gauge = Gauge::default();
    let events = b": ping\n\n".repeat(1 << 17);
    let taken = (0..100)
        .take_while(|_| gauge.measure(&events).is_ok())
        .count();
    assert_eq!(taken, 64);
}
