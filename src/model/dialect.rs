//! What a model does not take of a question: newer ones know the bound on an answer by another name, or choose their
//! temperature themselves, and refuse what older ones need. It is found out from their refusals and remembered.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use crate::config::LlmProvider;

/// Models that are remembered; where a question may ask for any, their names are the clients' choice.
const REMEMBERED: usize = 64;

/// How a model is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dialect {
    /// The bound on an answer is called `max_completion_tokens`, as OpenAI's reasoning models want it.
    pub(super) renames_bound: bool,
    /// No temperature is said.
    pub(super) leaves_temperature: bool,
}

impl Dialect {
    /// How to ask instead of a question that was refused with these words; `None` where they name nothing that can be asked
    /// otherwise. After two of them there is nothing more.
    pub(super) fn instead(self, provider: LlmProvider, refusal: &str) -> Option<Self> {
        let mut other = self;
        if provider == LlmProvider::OpenAi && refusal.contains("max_completion_tokens") {
            other.renames_bound = true;
        } else if refusal.contains("temperature") {
            other.leaves_temperature = true;
        }
        (other != self).then_some(other)
    }
}

/// How each model is asked, by its name.
#[derive(Debug, Default)]
pub(super) struct Dialects(Mutex<HashMap<String, Dialect>>);

impl Dialects {
    pub(super) fn of(&self, model: &str) -> Dialect {
        self.lock().get(model).copied().unwrap_or_default()
    }

    /// Remembers how a model answered.
    pub(super) fn learn(&self, model: &str, dialect: Dialect) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED && !known.contains_key(model) {
            // Found out again by a refused question each.
            known.clear();
        }
        known.insert(model.to_owned(), dialect);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Dialect>> {
        // Whole after every statement.
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: &str = r#"HTTP 400: {"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}}"#;
    const TEMPERATURE: &str = r#"HTTP 400: {"error":{"message":"Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}"#;

    #[test]
    fn what_a_refusal_names_is_asked_otherwise_once() {
        let asked = Dialect::default();
        let renamed = asked.instead(LlmProvider::OpenAi, BOUND).unwrap();
        assert!(renamed.renames_bound && !renamed.leaves_temperature);
        assert_eq!(renamed.instead(LlmProvider::OpenAi, BOUND), None);
        let both = renamed.instead(LlmProvider::OpenAi, TEMPERATURE).unwrap();
        assert!(both.renames_bound && both.leaves_temperature);
        assert_eq!(both.instead(LlmProvider::OpenAi, TEMPERATURE), None);
        let unknown = "HTTP 400: the messages are too long";
        assert_eq!(asked.instead(LlmProvider::OpenAi, unknown), None);
        // Anthropic's bound has one name.
        assert_eq!(asked.instead(LlmProvider::Anthropic, BOUND), None);
    }

    #[test]
    fn so_many_models_are_remembered_and_no_more() {
        let dialects = Dialects::default();
        let dialect = Dialect {
            renames_bound: true,
            ..Dialect::default()
        };
        for number in 0..=REMEMBERED {
            dialects.learn(&format!("model-{number}"), dialect);
        }
        assert_eq!(dialects.of("model-64"), dialect);
        assert_eq!(dialects.of("model-0"), Dialect::default());
        assert_eq!(dialects.lock().len(), 1);
    }
}
