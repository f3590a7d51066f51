//! HTTP to servers of others, which are asked politely and distrusted: no redirects, a deadline for
//! the whole exchange or for each of its steps, faults in one line that repeats no address.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// A client whose exchanges take at most `timeout`, the answer's body included.
pub(crate) fn client(timeout: Duration) -> ClientBuilder {
    endless_client().timeout(timeout)
}

/// A client for answers that come for as long as they come: whoever uses it sets the deadlines.
pub(crate) fn endless_client() -> ClientBuilder {
    // Fails only if the process has chosen its TLS implementation before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().redirect(Policy::none())
}

/// A fault with its causes, the innermost of which says what happened (`connection refused`). The address is
/// left out: it may hold a key.
pub(crate) fn describe(error: reqwest::Error) -> String {
    let error: &dyn std::error::Error = &error.without_url();
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}
