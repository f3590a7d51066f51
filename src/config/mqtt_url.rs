//! The address of an MQTT broker, read from a URL such as `mqtts://user:pass@host:8883`.

use std::fmt;
use std::net::SocketAddr;

use percent_encoding::percent_decode_str;
use url::Url;

use super::Secret;

/// Where a broker is and how to log in. Its `Display` form leaves the password out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttUrl {
    /// Host name or address, IPv6 without brackets.
    pub host: String,
    /// TCP port; 1883, or 8883 with TLS, where the URL names none.
    pub port: u16,
    /// Whether the link is encrypted (`mqtts`, `ssl`).
    pub tls: bool,
    /// User name, percent-decoded.
    pub username: Option<String>,
    /// Password, percent-decoded.
    pub password: Option<Secret>,
}

impl MqttUrl {
    /// Returns the unencrypted, anonymous broker at `address`.
    pub fn plain(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
            tls: false,
            username: None,
            password: None,
        }
    }

    /// Reads `text`. The error says what is wrong without repeating `text`, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("no URL ({error})"))?;
        let tls = match url.scheme() {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" => true,
            other => return Err(format!("the scheme is `{other}`, not mqtt or mqtts")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("nothing may follow the port".to_owned());
        }
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or("the host is missing")?;
        let username = decode(url.username())?;
        let password = url.password().map(decode).transpose()?;
        if username.is_empty() && password.is_some() {
            return Err("a password without a user".to_owned());
        }
        let port = url.port().unwrap_or(if tls { 8883 } else { 1883 });
        if port == 0 {
            return Err("port 0 cannot be connected to".to_owned());
        }
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            tls,
            username: (!username.is_empty()).then_some(username),
            password: password.map(Secret::new),
        })
    }
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| "user and password must be percent-encoded UTF-8".to_owned())?;
    if decoded.contains('\0') {
        return Err("user and password may not contain NUL".to_owned());
    }
    Ok(decoded.into_owned())
}

impl fmt::Display for MqttUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> MqttUrl {
        MqttUrl::parse(text).unwrap()
    }

    #[test]
    fn the_scheme_decides_encryption_and_default_port() {
        for (text, port, tls) in [
            ("mqtt://broker", 1883, false),
            ("tcp://broker", 1883, false),
            ("mqtts://broker", 8883, true),
            ("ssl://broker/", 8883, true),
            ("mqtt://broker:42", 42, false),
        ] {
            let url = parse(text);
            assert_eq!(
                (url.host.as_str(), url.port, url.tls),
                ("broker", port, tls),
                "{text}"
            );
        }
    }

    #[test]
    fn credentials_are_percent_decoded_and_not_displayed() {
        let url = parse("mqtt://an%20n:p%40ss%3A@[::1]:1884");
        assert_eq!(url.username.as_deref(), Some("an n"));
        assert_eq!(url.password.as_ref().map(Secret::expose), Some("p@ss:"));
        assert_eq!(url.host, "::1");
        assert_eq!(url.to_string(), "mqtt://[::1]:1884");
        assert!(!format!("{url:?}").contains("p@ss"));
    }

    #[test]
    fn a_url_that_is_no_broker_is_refused_without_repeating_it() {
        for text in [
            "",
            "broker:1883",
            "http://broker",
            "mqtt://",
            "mqtt://broker:0",
            "mqtt://broker:99999",
            "mqtt://:hush@broker",
            "mqtt://ann:%ff@broker",
            "mqtt://a%00:hush@broker",
            "mqtt://ann:hush@broker/topic",
            "mqtt://ann:hush@broker?x=1",
        ] {
            let error = MqttUrl::parse(text).unwrap_err();
            assert!(!error.contains("hush"), "{text}: {error}");
        }
    }
}
