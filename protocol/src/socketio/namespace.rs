//! Namespaces: several conversations over one connection.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::DecodeError;

/// A namespace, `/` or `/chat/v1`: at most 256 bytes, no comma and no control characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Namespace(
    /// `None` for `/`, which nearly all sockets use.
    Option<Arc<str>>,
);

impl Namespace {
    /// The longest namespace, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// `/`, the one that clients use by default.
    pub const fn root() -> Self {
        Self(None)
    }

    /// The namespace as text: `/`, `/voice`.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or("/")
    }

    /// Whether it is `/`.
    pub fn is_root(&self) -> bool {
        self.0.is_none()
    }

    /// What a packet has of it: nothing for the root, else the text and a comma.
    pub(crate) fn prefix(&self) -> [&[u8]; 2] {
        match &self.0 {
            None => [b"", b""],
            Some(path) => [path.as_bytes(), b","],
        }
    }
}

impl FromStr for Namespace {
    type Err = DecodeError;

    fn from_str(path: &str) -> Result<Self, DecodeError> {
        if path == "/" {
            return Ok(Self::root());
        }
        let allowed = |c: char| c != ',' && !c.is_control();
        let fits = path.starts_with('/') && path.len() <= Self::MAX_BYTES;
        if fits && path.chars().all(allowed) {
            Ok(Self(Some(Arc::from(path))))
        } else {
            Err(DecodeError::Namespace)
        }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_and_paths_are_namespaces() {
        assert_eq!("/".parse(), Ok(Namespace::root()));
        let voice: Namespace = "/chat/v1".parse().expect("a namespace");
        assert_eq!((voice.as_str(), voice.is_root()), ("/chat/v1", false));
        assert_eq!(Namespace::default().to_string(), "/");
        assert!(Namespace::root().is_root());
    }

    #[test]
    fn anything_else_is_none() {
        let long = "/".repeat(Namespace::MAX_BYTES + 1);
        assert!(long[1..].parse::<Namespace>().is_ok());
        for path in ["", "x", " /x", "/x,", "/\n", "/\0", &long[..]] {
            assert_eq!(
                path.parse::<Namespace>(),
                Err(DecodeError::Namespace),
                "{path:?}"
            );
        }
    }
}
