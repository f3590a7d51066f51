//! From a setting's text to its value, one function for each kind. Errors say what is wrong without
//! repeating text that could hold a password.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use switchboard_actors::limits::DELIVERY_LINKS;
use url::Url;

use super::secret::{Secret, WebAddress, mask_url};

/// Longest of all times that are given in milliseconds: a day.
const LONGEST_MS: u64 = 86_400_000;
/// Longest time over which connections are closed when the program stops, so that it ends within 15 s.
const LONGEST_DRAIN_MS: u64 = 10_000;
/// Longest retention: ten years, so that sums of times stay in range.
const LONGEST_RETENTION: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Largest `max_payload_bytes`: a gibibyte.
const LARGEST_PAYLOAD: usize = 1 << 30;
/// Smallest and largest `max_header_bytes`.
const SMALLEST_HEADER: usize = 1024;
const LARGEST_HEADER: usize = 131_072;
/// Most connections.
const MOST_COUNTED: usize = 100_000_000;
/// Most of anything in a second.
const HIGHEST_RATE: usize = 1_000_000;
/// Most worker threads.
const MOST_WORKERS: usize = 1024;
/// Shortest HS256 key in bytes: the hash's own length, as RFC 7518 section 3.2 asks.
const SHORTEST_KEY: usize = 32;

/// Reads one `IP:PORT`.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    text.parse().map_err(|_| {
        format!("`{text}` is no address; wanted is IP:PORT, such as 127.0.0.1:8080 or [::1]:8080")
    })
}

/// Reads comma-separated addresses. None may come twice, except with port 0: each of those gets its own port.
pub fn addresses(text: &str) -> Result<Vec<SocketAddr>, String> {
    let mut seen = BTreeSet::new();
    let addresses: Vec<SocketAddr> = text.split(',').map(address).collect::<Result<_, _>>()?;
    for address in &addresses {
        if address.port() != 0 && !seen.insert(*address) {
            return Err(format!("{address} is there twice"));
        }
    }
    Ok(addresses)
}

/// Returns where to connect to what listens on `listen`: where that means all interfaces, this machine's own.
pub fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// Reads a positive number of milliseconds, at most a day.
pub fn millis(text: &str) -> Result<Duration, String> {
    match text.trim().parse() {
        Ok(ms) if (1..=LONGEST_MS).contains(&ms) => Ok(Duration::from_millis(ms)),
        _ => Err(format!(
            "`{text}` is no number of milliseconds between 1 and {LONGEST_MS}"
        )),
    }
}

/// Reads a number of milliseconds, at most a day; `0` is none at all.
pub fn millis_or_none(text: &str) -> Result<Duration, String> {
    match text.trim() {
        "0" => Ok(Duration::ZERO),
        text => millis(text).map_err(|fault| format!("{fault}, nor 0")),
    }
}

/// Reads how long closing all connections may take when the program stops, in milliseconds; `0` is at once.
pub fn drain(text: &str) -> Result<Duration, String> {
    match text.trim().parse() {
        Ok(ms) if ms <= LONGEST_DRAIN_MS => Ok(Duration::from_millis(ms)),
        _ => Err(format!(
            "`{text}` is no number of milliseconds between 0 and {LONGEST_DRAIN_MS}"
        )),
    }
}

/// Reads the size of the largest message.
pub fn payload_bytes(text: &str) -> Result<usize, String> {
    whole(text, LARGEST_PAYLOAD)
}

/// Reads how many bytes a request's target and header fields may have: at least those of an ordinary request, at most what
/// actix-http keeps of one.
pub fn header_bytes(text: &str) -> Result<usize, String> {
    between(text, SMALLEST_HEADER, LARGEST_HEADER)
}

/// Reads how many there may be; `0` is no limit.
pub fn count(text: &str) -> Result<usize, String> {
    between(text, 0, MOST_COUNTED)
}

/// Reads how many a second there may be; `0` is no limit.
pub fn rate(text: &str) -> Result<u32, String> {
    let rate = between(text, 0, HIGHEST_RATE)?;
    Ok(u32::try_from(rate).expect("within the range"))
}

/// Reads the number of worker threads.
pub fn workers(text: &str) -> Result<usize, String> {
    whole(text, MOST_WORKERS)
}

/// Reads the number of connections that transcripts come by.
pub fn delivery_links(text: &str) -> Result<usize, String> {
    whole(text, DELIVERY_LINKS)
}

fn whole(text: &str, most: usize) -> Result<usize, String> {
    between(text, 1, most)
}

/// Reads names with commas between them.
pub fn names(text: &str) -> Result<Vec<String>, String> {
    let names = text.split(',').map(|name| match name.trim() {
        "" => Err("a name is empty".to_owned()),
        name => Ok(name.to_owned()),
    });
    names.collect()
}

/// Reads a number from 0 to `MOST`.
pub fn up_to<const MOST: u8>(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=f64::from(MOST)).contains(&number) => Ok(number),
        _ => Err(format!("must be a number from 0 to {MOST}")),
    }
}

/// Reads the length of an answer in tokens.
pub fn tokens(text: &str) -> Result<u32, String> {
    let tokens = between(text, 1, 1_000_000)?;
    Ok(tokens.try_into().expect("a million fits"))
}

/// Reads the size of a document.
pub fn document_bytes(text: &str) -> Result<usize, String> {
    between(text, 1, 100_000_000)
}

fn between(text: &str, least: usize, most: usize) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!(
            "`{text}` is no whole number between {least} and {most}"
        )),
    }
}

/// Reads how long finals are kept; `0` is none at all.
pub fn retention(text: &str) -> Result<Option<Duration>, String> {
    if text.trim() == "0" {
        return Ok(None);
    }
    match humantime::parse_duration(text.trim()) {
        Ok(time) if time.is_zero() => Ok(None),
        Ok(time) if time <= LONGEST_RETENTION => Ok(Some(time)),
        Ok(_) => Err("ten years are the most".to_owned()),
        Err(error) => Err(format!("`{text}` is no time such as 12h or 7d: {error}")),
    }
}

/// Reads one of a few words.
pub fn choice<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text.trim());
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        format!("`{text}` is not {}", known.join(" or "))
    })
}

/// Reads an HS256 key.
pub fn jwt_secret(text: &str) -> Result<Secret, String> {
    if text.len() < SHORTEST_KEY {
        let bytes = text.len();
        return Err(format!(
            "{bytes} bytes are too short, at least {SHORTEST_KEY} are needed"
        ));
    }
    Ok(Secret::new(text))
}

/// Reads any other key.
pub fn secret(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

/// Takes any text.
pub fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Reads comma-separated web origins into the form that browsers send. `*` stands alone.
pub fn origins(text: &str) -> Result<Vec<String>, String> {
    if text.trim() == "*" {
        return Ok(vec!["*".to_owned()]);
    }
    text.split(',').map(|item| origin(item.trim())).collect()
}

fn origin(text: &str) -> Result<String, String> {
    let wanted = || {
        format!(
            "`{}` is no origin; wanted is https://host or https://host:port, or `*` alone",
            mask_url(text)
        )
    };
    let url = Url::parse(text).map_err(|_| wanted())?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let anonymous = url.username().is_empty() && url.password().is_none();
    // `https://*.example.org` is a URL, and no browser's origin.
    let whole = !text.contains('*');
    if !matches!(url.scheme(), "http" | "https") || !bare || !anonymous || !whole {
        return Err(wanted());
    }
    Ok(url.origin().ascii_serialization())
}

/// Reads a web address; a slash at its end is taken off.
pub fn http_url(text: &str) -> Result<WebAddress, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => {
            Ok(WebAddress::new(text.trim_end_matches('/')))
        }
        Ok(url) => Err(format!(
            "the scheme is `{}`, not http or https",
            url.scheme()
        )),
        Err(error) => Err(format!("no URL ({error})")),
    }
}

/// Reads a web address that is used as it is: nothing is taken off, and keys do not belong into it.
pub fn endpoint(text: &str) -> Result<String, String> {
    http_url(text)?;
    let url = Url::parse(text).map_err(|error| format!("no URL ({error})"))?;
    match url.username().is_empty() && url.password().is_none() {
        true => Ok(text.to_owned()),
        false => Err("user and password do not belong into it".to_owned()),
    }
}

/// Reads where a JWKS is: a web address, or else a file.
pub fn jwks(text: &str) -> Result<WebAddress, String> {
    if text.contains("://") {
        http_url(text)
    } else {
        Ok(WebAddress::new(text))
    }
}

/// Reads a database address: `sqlite://` or `postgres://`. What follows is for the store to say.
pub fn database_url(text: &str) -> Result<Secret, String> {
    let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
    match scheme {
        "sqlite" | "postgres" | "postgresql" if rest.trim_matches('/').is_empty() => {
            Err("wanted is sqlite://FILE or postgres://HOST/NAME".to_owned())
        }
        "sqlite" => Ok(Secret::new(text)),
        "postgres" | "postgresql" => match Url::parse(text) {
            Ok(_) => Ok(Secret::new(text)),
            Err(error) => Err(format!("no URL ({error})")),
        },
        _ => Err("it begins neither with sqlite:// nor with postgres://".to_owned()),
    }
}

/// Reads a node name: one MQTT topic level.
pub fn node(text: &str) -> Result<String, String> {
    let fits = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if fits && (1..=64).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err("1 to 64 letters, digits, dots, dashes and underscores are wanted".to_owned())
}

/// Reads a log filter.
pub fn log_filter(text: &str) -> Result<String, String> {
    match env_filter::Builder::new().try_parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(format!("`{text}` is no log filter: {error}")),
    }
}
