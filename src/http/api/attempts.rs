//! Bounds the guessing of session passwords: a few attempts per address and session, then a pause. An attempt
//! counts when it begins, so that a thousand at once do not pass, and is given back when it was right.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use switchboard_protocol::ids::SessionId;

/// Wrong attempts that are answered in one window.
const MAX_ATTEMPTS: u32 = 5;
/// How long attempts are remembered, from the first one.
const WINDOW: Duration = Duration::from_secs(120);
/// Windows that are remembered at once; the oldest goes first.
const MAX_WINDOWS: usize = 10_000;

/// Who tries, and what.
pub(super) type Key = (IpAddr, SessionId);

/// The attempts of the last minutes. Loopback is counted as any other address.
#[derive(Default)]
pub(super) struct Attempts {
    windows: Mutex<HashMap<Key, Window>>,
}

struct Window {
    attempts: u32,
    since: Instant,
}

impl Attempts {
    /// Counts an attempt, or returns how long to wait before the next one is looked at.
    pub(super) fn begin(&self, key: &Key, now: Instant) -> Result<(), Duration> {
        let mut windows = self.lock();
        match windows.get_mut(key) {
            Some(window) if left(window, now).is_zero() => {
                *window = Window {
                    attempts: 1,
                    since: now,
                };
            }
            Some(window) if window.attempts < MAX_ATTEMPTS => window.attempts += 1,
            Some(window) => return Err(left(window, now)),
            None => {
                make_room(&mut windows, now);
                windows.insert(
                    key.clone(),
                    Window {
                        attempts: 1,
                        since: now,
                    },
                );
            }
        }
        Ok(())
    }

    /// Gives an attempt back: the password was right.
    pub(super) fn succeeded(&self, key: &Key) {
        if let Some(window) = self.lock().get_mut(key) {
            window.attempts = window.attempts.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Window>> {
        // Nothing panics while holding the lock.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The origin that attempts from `address` are counted for: a whole /64 of IPv6, which one host has for itself.
pub(super) fn origin(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(
            address.to_bits() & !u128::from(u64::MAX),
        )),
        address => address,
    }
}

fn left(window: &Window, now: Instant) -> Duration {
    WINDOW.saturating_sub(now.saturating_duration_since(window.since))
}

fn make_room(windows: &mut HashMap<Key, Window>, now: Instant) {
    if windows.len() < MAX_WINDOWS {
        return;
    }
    windows.retain(|_, window| !left(window, now).is_zero());
    if windows.len() < MAX_WINDOWS {
        return;
    }
    let oldest = windows.iter().min_by_key(|(_, window)| window.since);
    if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
        windows.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: &str, session: &str) -> Key {
        (origin(address.parse().unwrap()), session.parse().unwrap())
    }

    #[test]
    fn the_sixth_attempt_waits_until_two_minutes_after_the_first() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let key = key("127.0.0.1", "s");
        for second in 0..5 {
            assert_eq!(
                attempts.begin(&key, start + Duration::from_secs(second)),
                Ok(())
            );
        }
        let minute = start + Duration::from_secs(60);
        assert_eq!(attempts.begin(&key, minute), Err(Duration::from_secs(60)));
        assert_eq!(attempts.begin(&key, start + WINDOW), Ok(()));
    }

    #[test]
    fn other_addresses_and_other_sessions_are_not_held_up() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let stopped = key("2001:db8::1", "s");
        for _ in 0..5 {
            attempts.begin(&stopped, now).unwrap();
        }
        assert!(
            attempts.begin(&key("2001:db8::ffff:2", "s"), now).is_err(),
            "the same /64"
        );
        assert!(attempts.begin(&key("2001:db8:0:1::1", "s"), now).is_ok());
        assert!(attempts.begin(&key("2001:db8::1", "t"), now).is_ok());
        assert_eq!(key("::ffff:10.0.0.1", "s"), key("10.0.0.1", "s"));
    }

    #[test]
    fn right_passwords_do_not_use_attempts_up() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        let key = key("10.0.0.1", "s");
        for _ in 0..100 {
            attempts.begin(&key, now).unwrap();
            attempts.succeeded(&key);
        }
        assert!(attempts.begin(&key, now).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_is_forgotten_first() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let session: SessionId = "s".parse().unwrap();
        let keys: Vec<Key> = (0..=MAX_WINDOWS as u32)
            .map(|number| (IpAddr::V4(number.into()), session.clone()))
            .collect();
        for (number, key) in keys.iter().enumerate() {
            let now = start + Duration::from_millis(number as u64);
            attempts.begin(key, now).unwrap();
        }
        let windows = attempts.lock();
        assert_eq!(windows.len(), MAX_WINDOWS);
        assert!(!windows.contains_key(&keys[0]) && windows.contains_key(&keys[1]));
    }
}
