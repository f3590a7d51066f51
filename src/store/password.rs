//! Session passwords: argon2id, hashed off the async threads, a few at a time (each takes 19 MiB).
//! Neither a password nor its hash is ever serialized or printed.

use std::fmt;
use std::sync::Arc;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::password_hash::{Error, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::error::StoreError;

/// Hashings at once: two keep 38 MiB and two cores busy at most, whoever asks.
const CONCURRENT_HASHINGS: usize = 2;

/// A password's argon2id hash as a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a stored PHC string; one that is none fails when it is checked.
    pub(super) fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string to store.
    pub(super) fn stored(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Hashes and checks passwords. Clones share the bound.
#[derive(Clone, Debug)]
pub(super) struct Passwords {
    /// One permit per hashing that may run.
    permits: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            permits: Arc::new(Semaphore::new(CONCURRENT_HASHINGS)),
        }
    }

    /// Hashes `password` with a fresh salt.
    pub(super) async fn hash(&self, password: String) -> Result<PasswordHash, StoreError> {
        self.off_thread(move || {
            let phc = Argon2::default().hash_password(password.as_bytes())?;
            Ok(PasswordHash(phc.to_string()))
        })
        .await
    }

    /// Whether `password` is the one behind `hash`, in constant time.
    pub(super) async fn check(
        &self,
        hash: PasswordHash,
        password: String,
    ) -> Result<bool, StoreError> {
        self.off_thread(move || {
            let phc = Phc::new(&hash.0).map_err(|_| Error::EncodingInvalid)?;
            match Argon2::default().verify_password(password.as_bytes(), &phc) {
                Ok(()) => Ok(true),
                Err(Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.expect("the semaphore is never closed");
        spawn_blocking(move || {
            // Held by the work, not by the caller: a request that goes away must not free its place early.
            let _permit = permit;
            work()
        })
        .await
        .map_err(|error| StoreError::Password(error.to_string()))?
        .map_err(|error| StoreError::Password(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_passes_and_salts_differ() {
        let passwords = Passwords::new();
        let hash = passwords.hash("open sesame".into()).await.unwrap();
        let again = passwords.hash("open sesame".into()).await.unwrap();
        assert_ne!(hash, again);
        assert!(
            passwords
                .check(hash.clone(), "open sesame".into())
                .await
                .unwrap()
        );
        assert!(
            !passwords
                .check(hash.clone(), "open sesame ".into())
                .await
                .unwrap()
        );
        assert!(!passwords.check(hash, String::new()).await.unwrap());
    }

    #[tokio::test]
    async fn a_broken_stored_hash_is_an_error_not_a_pass() {
        let broken = PasswordHash::from_stored("not a phc string".into());
        assert!(Passwords::new().check(broken, "x".into()).await.is_err());
    }

    #[tokio::test]
    async fn a_hash_does_not_print_itself() {
        let hash = Passwords::new().hash("open sesame".into()).await.unwrap();
        assert!(!format!("{hash:?}").contains("argon2"));
    }
}
