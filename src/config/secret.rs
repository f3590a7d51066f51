//! Text that must never be printed: the `Secret` type, and URLs with their passwords masked.

use std::fmt;
use std::ops::Deref;

use url::Url;

/// What stands in for hidden text.
pub const MASK: &str = "***";

/// A key or password. Printing it in any form shows `***`; reading it takes an explicit [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the hidden text, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// A web address, or what else may stand in its place. Printed, it is masked by [`mask_url`]; it is read as a `str`.
#[derive(Clone, PartialEq, Eq)]
pub struct WebAddress(String);

impl WebAddress {
    /// Takes `text` as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl Deref for WebAddress {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mask_url(self))
    }
}

/// Returns `text` fit for printing: where it is a URL, its password and any query value that looks like a
/// credential are masked. A URL that cannot be read is masked whole.
pub fn mask_url(text: &str) -> String {
    // Not every URL has `://`: web addresses are read without, `http:ann:hush@host`.
    let mut url = match Url::parse(text) {
        Ok(url) => url,
        Err(_) if text.contains("://") => return MASK.to_owned(),
        Err(_) => return text.to_owned(),
    };
    let is_open =
        url.password().is_none() && !url.query_pairs().any(|(name, _)| is_credential(&name));
    if is_open {
        return text.to_owned();
    }
    if url.password().is_some() && url.set_password(Some(MASK)).is_err() {
        return MASK.to_owned();
    }
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    if pairs.iter().any(|(name, _)| is_credential(name)) {
        let mut query = url.query_pairs_mut();
        query.clear();
        for (name, value) in &pairs {
            query.append_pair(name, if is_credential(name) { MASK } else { value });
        }
    }
    url.to_string()
}

fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "token", "key"]
        .iter()
        .any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_in_any_form() {
        let secret = Secret::new("correct horse battery staple");
        assert_eq!(
            format!("{secret} {secret:?} {:?}", Some(&secret)),
            "*** *** Some(***)"
        );
    }

    #[test]
    fn passwords_inside_urls_are_masked_and_the_rest_stays() {
        assert_eq!(
            mask_url("mqtt://ann:hush@host:1883"),
            "mqtt://ann:***@host:1883"
        );
        assert_eq!(
            mask_url("postgres://host/db?sslmode=require&password=hush"),
            "postgres://host/db?sslmode=require&password=***"
        );
        assert_eq!(
            mask_url("sqlite://switchboard.db"),
            "sqlite://switchboard.db"
        );
        assert_eq!(mask_url("127.0.0.1:8080"), "127.0.0.1:8080");
        assert_eq!(mask_url("warn,a=debug"), "warn,a=debug");
        assert_eq!(mask_url("C:\\data dir"), "C:\\data dir");
        assert_eq!(mask_url("mqtt://ann:hu/sh@[bad"), "***");
    }

    #[test]
    fn a_password_is_masked_however_lazily_its_url_is_written() {
        for text in [
            "http:ann:hush@host/v1",
            "https:/ann:hush@host",
            r"http:\\ann:hush@host",
            "http:////ann:hush@host",
        ] {
            assert!(!mask_url(text).contains("hush"), "{text}");
            let address = WebAddress::new(text);
            assert_eq!(&*address, text);
            assert!(!format!("{:?}", Some(address)).contains("hush"), "{text}");
        }
    }
}
