//! Which model answers and how freely: what a question wishes, within what is configured.

use switchboard_actors::ports::{Settled, WishRefused, Wishes};

use crate::config::{Llm, LlmProvider};

/// Where a question has no wish.
const TEMPERATURE: f64 = 0.7;
/// The provider's own bound.
const MAX_ANTHROPIC_TEMPERATURE: f64 = 1.0;
/// Longest name of a model that is passed on, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// What questions may wish.
#[derive(Debug)]
pub(super) struct Bounds {
    /// None: the provider's choice.
    default: Option<String>,
    /// The default one first; empty: any.
    allowed: Vec<String>,
    max_temperature: f64,
}

impl Bounds {
    pub(super) fn new(config: &Llm) -> Self {
        let mut allowed = config.models.clone();
        if let Some(default) = &config.model
            && !allowed.is_empty()
        {
            allowed.retain(|name| name != default);
            allowed.insert(0, default.clone());
        }
        let most = match config.provider {
            LlmProvider::OpenAi => config.max_temperature,
            LlmProvider::Anthropic => config.max_temperature.min(MAX_ANTHROPIC_TEMPERATURE),
        };
        Self {
            default: config.model.clone(),
            allowed,
            max_temperature: most,
        }
    }

    pub(super) fn settle(&self, wishes: &Wishes) -> Result<Settled, WishRefused> {
        Ok(Settled {
            model: self.model(wishes.model.as_deref())?,
            temperature: self.temperature(wishes.temperature)?,
        })
    }

    fn model(&self, wished: Option<&str>) -> Result<String, WishRefused> {
        let Some(wished) = wished else {
            return Ok(self.default.clone().unwrap_or_default());
        };
        let is_configured = self.default.as_deref() == Some(wished)
            || self.allowed.iter().any(|name| name == wished);
        let is_name =
            (1..=MAX_NAME_BYTES).contains(&wished.len()) && !wished.chars().any(char::is_control);
        match is_configured || (self.allowed.is_empty() && is_name) {
            true => Ok(wished.to_owned()),
            false => Err(WishRefused(self.model_rule())),
        }
    }

    fn model_rule(&self) -> String {
        match self.allowed.is_empty() {
            true => format!("model must be 1 to {MAX_NAME_BYTES} bytes, no control characters"),
            false => format!("model must be one of: {}", self.allowed.join(", ")),
        }
    }

    fn temperature(&self, wished: Option<f64>) -> Result<f64, WishRefused> {
        let most = self.max_temperature;
        match wished {
            None => Ok(TEMPERATURE.min(most)),
            // Not a number lies in no range. A negative zero is sent as the plain one.
            Some(wished) if (0.0..=most).contains(&wished) => Ok(wished.abs()),
            Some(_) => Err(WishRefused(format!("temperature must be 0 to {most}"))),
        }
    }
}
