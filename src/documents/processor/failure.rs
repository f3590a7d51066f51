//! Why a document is not indexed, and what is done about it.

use std::time::Duration;

use crate::documents::extract::ExtractError;
use crate::documents::meaning::MeaningError;
use crate::store::StoreError;

/// How often a document is tried.
pub(super) const MAX_TRIES: u32 = 3;
/// Between two tries.
const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// Why a document is not indexed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It never will be: a sentence for people.
    Refused(String),
    /// It may be another time: a sentence for people.
    Again(String),
    /// The store failed, or the lease is lost.
    Store(StoreError),
    /// The program ends.
    Stopped,
}

/// What is done about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The document fails.
    Fail(String),
    /// It is given back, after a pause, and whether it counts as a try.
    Release(Duration, bool),
    /// It is left to whoever has the lease next.
    Leave,
}

impl Verdict {
    /// The word of metrics for it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Fail(_) => "failed",
            Self::Release(_, true) => "again",
            Self::Release(_, false) => "stopped",
            Self::Leave => "left",
        }
    }
}

impl Failure {
    pub(super) fn verdict(self, tries: u32) -> Verdict {
        match self {
            Self::Refused(why) => Verdict::Fail(why),
            Self::Again(why) if tries >= MAX_TRIES => Verdict::Fail(why),
            Self::Again(_) => Verdict::Release(RETRY_PAUSE, true),
            Self::Stopped => Verdict::Release(Duration::ZERO, false),
            Self::Store(error @ StoreError::TooManyChunks(_)) => Verdict::Fail(error.to_string()),
            Self::Store(_) => Verdict::Leave,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<MeaningError> for Failure {
    fn from(error: MeaningError) -> Self {
        match error {
            MeaningError::Store(error) => Self::Store(error),
            MeaningError::Embed(error) if !error.is_retryable() => Self::Refused(error.to_string()),
            MeaningError::Embed(_) | MeaningError::TooLate(_) => {
                Self::Again("the embeddings server could not be asked".to_owned())
            }
        }
    }
}

impl From<ExtractError> for Failure {
    fn from(error: ExtractError) -> Self {
        match error.is_retryable() {
            true => Self::Again(error.to_string()),
            false => Self::Refused(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_may_pass_fails_the_document_at_the_third_try() {
        let again = |tries| Failure::Again("busy".to_owned()).verdict(tries);
        assert_eq!(again(1), Verdict::Release(RETRY_PAUSE, true));
        assert_eq!(again(2), Verdict::Release(RETRY_PAUSE, true));
        assert_eq!(again(3), Verdict::Fail("busy".to_owned()));
        let refused = Failure::Refused("empty".to_owned());
        assert_eq!(refused.verdict(1), Verdict::Fail("empty".to_owned()));
    }
}
