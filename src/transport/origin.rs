//! Which web pages may connect: the `Origin` check of polling and WebSocket alike (CORS and CSWSH).
//!
//! A request without an `Origin` comes from no browser and passes; tokens guard it, not this check.

use actix_http::RequestHead;
use actix_http::header::{HOST, HeaderValue, ORIGIN};

use super::tls::Scheme;

/// The origins whose pages may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Pages that this server itself serves.
    Same,
    /// Every page.
    Any,
    /// Pages of these origins (`https://example.org`) and this server's own.
    List(Vec<String>),
}

/// What the check found.
pub(super) enum Verdict<'a> {
    /// The request names no origin.
    NotABrowser,
    /// Allowed; answers name the origin.
    Allowed(&'a HeaderValue),
    /// To be refused.
    Refused,
}

impl AllowedOrigins {
    /// `scheme` is what the request came by.
    pub(super) fn check<'a>(&self, head: &'a RequestHead, scheme: Scheme) -> Verdict<'a> {
        let Some(value) = head.headers().get(ORIGIN) else {
            return Verdict::NotABrowser;
        };
        let allowed = match (value.to_str(), self) {
            (Err(_), _) => false,
            (Ok(_), Self::Any) => true,
            (Ok(origin), Self::Same) => is_same(origin, head, scheme),
            (Ok(origin), Self::List(list)) => {
                list.iter().any(|allowed| allowed == origin) || is_same(origin, head, scheme)
            }
        };
        if allowed {
            Verdict::Allowed(value)
        } else {
            Verdict::Refused
        }
    }
}

/// Whether scheme, host and port are those of the request itself.
///
/// Behind a proxy that ends TLS the page is `https` while the request is not; such a proxy says so, and
/// no page can set that header on a WebSocket.
fn is_same(origin: &str, head: &RequestHead, scheme: Scheme) -> bool {
    let header = |name: &str| {
        head.headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let scheme = header("x-forwarded-proto").unwrap_or(scheme.as_str());
    let Some(host) = header(HOST.as_str()) else {
        return false;
    };
    origin
        .strip_prefix(scheme)
        .and_then(|rest| rest.strip_prefix("://"))
        == Some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_http::test::TestRequest;

    fn allows(origins: &AllowedOrigins, origin: &str, extra: &[(&str, &str)]) -> bool {
        allows_by(Scheme::Http, origins, origin, extra)
    }

    fn allows_by(
        scheme: Scheme,
        origins: &AllowedOrigins,
        origin: &str,
        extra: &[(&str, &str)],
    ) -> bool {
        let mut request = TestRequest::default();
        request
            .insert_header(("host", "good.com:8080"))
            .insert_header(("origin", origin));
        for header in extra {
            request.insert_header(*header);
        }
        let request = request.finish();
        matches!(origins.check(request.head(), scheme), Verdict::Allowed(_))
    }

    #[test]
    fn only_the_very_same_origin_is_allowed_by_default() {
        let same = AllowedOrigins::Same;
        assert!(allows(&same, "http://good.com:8080", &[]));
        for evil in [
            "null",
            "https://evil.com",
            "http://good.com:8080.evil.com",
            "http://good.com",
            "https://good.com:8080",
            "http://good.com:80801",
            "http://evil.com/good.com:8080",
            "",
        ] {
            assert!(!allows(&same, evil, &[]), "{evil}");
        }
    }

    #[test]
    fn over_tls_the_same_origin_is_https() {
        let allows = |origin| allows_by(Scheme::Https, &AllowedOrigins::Same, origin, &[]);
        assert!(allows("https://good.com:8080"));
        assert!(!allows("http://good.com:8080"));
    }

    #[test]
    fn a_proxy_that_ends_tls_makes_the_same_origin_https() {
        let https = [("x-forwarded-proto", "https")];
        assert!(allows(
            &AllowedOrigins::Same,
            "https://good.com:8080",
            &https
        ));
        assert!(!allows(
            &AllowedOrigins::Same,
            "http://good.com:8080",
            &https
        ));
    }

    #[test]
    fn listed_origins_are_allowed_to_the_letter() {
        let list = AllowedOrigins::List(vec!["https://studio.example".into()]);
        assert!(allows(&list, "https://studio.example", &[]));
        assert!(allows(&list, "http://good.com:8080", &[]));
        assert!(!allows(&list, "https://studio.example.evil.com", &[]));
        assert!(!allows(&list, "http://studio.example", &[]));
        assert!(allows(
            &AllowedOrigins::Any,
            "https://anything.example",
            &[]
        ));
    }
}
