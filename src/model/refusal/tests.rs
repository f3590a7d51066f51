//! What is read out of refusals, and what of them reaches the log.

use reqwest::header::HeaderValue;

use super::*;

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date_and_is_bounded() {
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
    let now = date - Duration::from_secs(60);
    let seconds = |text: &str| {
        let value = HeaderValue::from_str(text).unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
        retry_after(&headers, now).map(|wait| wait.as_secs())
    };
    assert_eq!(seconds("7"), Some(7));
    assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(60));
    assert_eq!(seconds("Sun, 06 Nov 1993 08:49:37 GMT"), None);
    assert_eq!(seconds("Sat, 06 Nov 1993 08:49:37 GMT"), Some(0));
    assert_eq!(seconds("999999999"), Some(24 * 3600));
    assert_eq!(seconds("soon"), None);
    assert_eq!(seconds("-1"), None);
    assert_eq!(retry_after(&HeaderMap::new(), now), None);
}

#[test]
fn what_is_logged_of_a_refusal_is_bounded_and_without_the_key() {
    let key = Secret::new("sk-hush");
    let said = format!("no such key: sk-hush, sk-hush! {}", "é".repeat(1000));
    let logged = loggable(&said, Some(&key));
    assert!(logged.starts_with("no such key: ***, ***! é"));
    assert_eq!(logged.chars().count(), MAX_LOGGED);
    // A key that the cut goes through is not shown in part.
    let said = format!("{}sk-hush", "x".repeat(MAX_LOGGED - 3));
    assert!(!loggable(&said, Some(&key)).contains("sk-"));
    assert_eq!(loggable("as it is", None), "as it is");
}
