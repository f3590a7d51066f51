//! Trying again while the database is away: it waits as long as it takes, so that no command is lost and none
//! overtakes another. A database that answers and refuses the same command again and again will not take it.

use std::time::Duration;

use tokio::time::sleep;

use crate::store::StoreError;

/// The first pause; each is twice the one before it.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Failures of one command at a database that answers, after which it is given up: a good half minute.
const MAX_FAILURES: u32 = 12;

/// Makes attempts until one succeeds, or fails by what the command says. `answers` tells whether the database is
/// there at all.
pub(super) async fn until_answered<T>(
    attempt: impl AsyncFn() -> Result<T, StoreError>,
    answers: impl AsyncFn() -> bool,
) -> Result<T, StoreError> {
    let (mut pause, mut failures) = (FIRST_PAUSE, 0);
    let mut waits = false;
    loop {
        let error = match attempt().await {
            Err(error) if !matches!(error, StoreError::UnknownOrganization(_)) => error,
            answered => {
                if waits {
                    log::info!("database is back, session commands go on");
                }
                return answered;
            }
        };
        if !std::mem::replace(&mut waits, true) {
            log::warn!(
                "session commands wait for the database reason={:?}",
                error.to_string()
            );
        }
        if answers().await {
            failures += 1;
            if failures == MAX_FAILURES {
                return Err(error);
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use tokio::time::Instant;

    use super::*;

    fn away() -> StoreError {
        StoreError::Ended("away".to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_is_away_is_waited_for_with_growing_pauses() {
        let (start, tries) = (Instant::now(), RefCell::new(Vec::new()));
        let attempt = async || {
            let mut tries = tries.borrow_mut();
            tries.push(start.elapsed());
            if tries.len() > 100 {
                Ok(())
            } else {
                Err(away())
            }
        };
        until_answered(attempt, async || false).await.unwrap();
        let tries = tries.into_inner();
        let pauses: Vec<Duration> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(pauses.len(), 100);
        for (pause, next) in pauses.iter().zip(&pauses[1..]) {
            assert_eq!(*next, (*pause * 2).min(LONGEST_PAUSE));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_answering_database_refuses_again_and_again_is_given_up() {
        let tries = Cell::new(0);
        let attempt = async || {
            tries.set(tries.get() + 1);
            Err::<(), _>(away())
        };
        assert!(until_answered(attempt, async || true).await.is_err());
        assert_eq!(tries.get(), MAX_FAILURES);
    }

    #[tokio::test]
    async fn an_unknown_organization_is_an_answer() {
        let attempt = async || {
            let organization = "acme".parse().unwrap();
            Err::<(), _>(StoreError::UnknownOrganization(organization))
        };
        let refused = until_answered(attempt, async || panic!("not asked")).await;
        assert!(matches!(refused, Err(StoreError::UnknownOrganization(_))));
    }
}
