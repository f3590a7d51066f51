//! A small cache for questions that are asked at every join, of the database or of somebody else's backend: an
//! answer is remembered for a short while, concurrent reads of one key share one question and its outcome, and
//! a local write drops the key, so that not even a read that was under way can bring the old value back.
//! Failures are shared by those who waited, never remembered.

use std::collections::HashMap;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::Shared;
use tokio::task::JoinError;
use tokio::time::Instant;

type Load<V, E> = Shared<Pin<Box<dyn Future<Output = Result<V, E>> + Send>>>;

/// One remembered or running read.
struct Entry<V, E> {
    load: Load<V, E>,
    /// When it was started: what it returns is at least as new as this.
    started: Instant,
}

/// A bounded cache of reads; clones share it.
pub(crate) struct ReadCache<K, V, E> {
    entries: Arc<Mutex<HashMap<K, Entry<V, E>>>>,
    capacity: usize,
    ttl: Duration,
}

impl<K, V, E> Clone for ReadCache<K, V, E> {
    fn clone(&self) -> Self {
        Self {
            entries: Arc::clone(&self.entries),
            capacity: self.capacity,
            ttl: self.ttl,
        }
    }
}

impl<K, V, E> ReadCache<K, V, E>
where
    K: Clone + Eq + Hash,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + From<JoinError> + 'static,
{
    /// A cache of at most `capacity` keys, each answered from memory for `ttl` after its read began.
    pub(crate) fn new(capacity: usize, ttl: Duration) -> Self {
        Self {
            entries: Arc::default(),
            capacity,
            ttl,
        }
    }

    /// Returns what `read` returns, or what it returned for this key less than the time to live ago.
    pub(crate) async fn get<F>(&self, key: K, read: impl FnOnce() -> F) -> Result<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let load = self.load_of(&key, read);
        let result = load.clone().await;
        if result.is_err() {
            self.forget_load(&key, &load);
        }
        result
    }

    /// Has one read bring the values of those keys that are not remembered, in their order, and waits for it. What fails
    /// is read again by whoever asks for it.
    pub(crate) async fn expect<F>(&self, mut keys: Vec<K>, read: impl FnOnce(Vec<K>) -> F)
    where
        F: Future<Output = Result<Vec<V>, E>> + Send + 'static,
    {
        let loads = self.loads_of(&mut keys, read);
        let first = loads.first().cloned();
        if let Some(first) = first
            && first.await.is_err()
        {
            for (key, load) in keys.iter().zip(&loads) {
                self.forget_load(key, load);
            }
        }
    }

    /// Drops a key after a write.
    pub(crate) fn invalidate(&self, key: &K) {
        self.lock().remove(key);
    }

    /// Drops all keys.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn load_of<F>(&self, key: &K, read: impl FnOnce() -> F) -> Load<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let mut entries = self.lock();
        let now = Instant::now();
        if let Some(entry) = entries.get(key)
            && now.duration_since(entry.started) < self.ttl
        {
            return entry.load.clone();
        }
        self.make_room(&mut entries, 1, now);
        // A task of its own: a caller that goes away must neither stop the read nor sit on its connection.
        let task = tokio::spawn(read());
        let load = async move { task.await? };
        let load = load.boxed().shared();
        entries.insert(
            key.clone(),
            Entry {
                load: load.clone(),
                started: now,
            },
        );
        load
    }

    /// One read for those of the keys that are not remembered, which alone stay in `keys`.
    fn loads_of<F>(&self, keys: &mut Vec<K>, read: impl FnOnce(Vec<K>) -> F) -> Vec<Load<V, E>>
    where
        F: Future<Output = Result<Vec<V>, E>> + Send + 'static,
    {
        let mut entries = self.lock();
        let now = Instant::now();
        keys.retain(|key| {
            let known = entries.get(key);
            known.is_none_or(|entry| now.duration_since(entry.started) >= self.ttl)
        });
        keys.truncate(self.capacity);
        if keys.is_empty() {
            return Vec::new();
        }
        self.make_room(&mut entries, keys.len(), now);
        let task = tokio::spawn(read(keys.clone()));
        let all = async move { task.await?.map(Arc::new) };
        let all = all.boxed().shared();
        let load = |(place, key): (usize, &K)| {
            let all = all.clone();
            let load = async move { all.await.map(|values| values[place].clone()) };
            let load: Load<V, E> = load.boxed().shared();
            let entry = Entry {
                load: load.clone(),
                started: now,
            };
            entries.insert(key.clone(), entry);
            load
        };
        keys.iter().enumerate().map(load).collect()
    }

    /// Sees to it that so many keys more are within the bound.
    fn make_room(&self, entries: &mut HashMap<K, Entry<V, E>>, more: usize, now: Instant) {
        let is_full =
            |entries: &HashMap<K, Entry<V, E>>| entries.len().saturating_add(more) > self.capacity;
        if is_full(entries) {
            entries.retain(|_, entry| now.duration_since(entry.started) < self.ttl);
            if is_full(entries) {
                // A flood of distinct keys; what is really in demand is back after one query each.
                entries.clear();
            }
        }
    }

    /// Drops `load`, unless another read took its place.
    fn forget_load(&self, key: &K, load: &Load<V, E>) {
        let mut entries = self.lock();
        if entries
            .get(key)
            .is_some_and(|entry| entry.load.ptr_eq(load))
        {
            entries.remove(key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Entry<V, E>>> {
        // Nothing panics while holding the lock, and the map is consistent between statements anyway.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Notify;

    use super::*;

    const TTL: Duration = Duration::from_secs(2);

    type Cache = ReadCache<u32, usize, Failed>;

    #[derive(Clone, Debug, PartialEq)]
    struct Failed(&'static str);

    impl From<JoinError> for Failed {
        fn from(_: JoinError) -> Self {
            Self("stopped")
        }
    }

    /// Counts reads; each returns how many there were.
    #[derive(Clone, Default)]
    struct Source {
        reads: Arc<AtomicUsize>,
    }

    impl Source {
        fn read(&self) -> impl Future<Output = Result<usize, Failed>> + Send + use<> {
            let reads = Arc::clone(&self.reads);
            async move { Ok(reads.fetch_add(1, Ordering::SeqCst) + 1) }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_read_again_only_after_its_time_to_live() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        assert_eq!(cache.get(1, || source.read()).await, Ok(1));
        tokio::time::advance(TTL - Duration::from_millis(1)).await;
        assert_eq!(cache.get(1, || source.read()).await, Ok(1));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(cache.get(1, || source.read()).await, Ok(2));
    }

    #[tokio::test]
    async fn a_thousand_concurrent_misses_are_one_read() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        let gate = Arc::new(Notify::new());
        let read = || {
            let (gate, read) = (Arc::clone(&gate), source.read());
            async move {
                gate.notified().await;
                read.await
            }
        };
        let all = futures_util::future::join_all((0..1000).map(|_| cache.get(1, read)));
        let (results, ()) = tokio::join!(all, async { gate.notify_one() });
        assert!(results.iter().all(|result| *result == Ok(1)));
        assert_eq!(source.reads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_is_expected_is_read_together_and_what_is_remembered_is_not() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        assert_eq!(cache.get(2, || source.read()).await, Ok(1));
        let read = async |keys: Vec<u32>| {
            assert_eq!(keys, [1, 3]);
            Ok(vec![10, 30])
        };
        cache
            .expect(vec![1, 2, 3], |keys| async move { read(keys).await })
            .await;
        for (key, value) in [(1, 10), (2, 1), (3, 30)] {
            assert_eq!(cache.get(key, || source.read()).await, Ok(value));
        }
        // All is remembered now.
        cache
            .expect(vec![3, 1], |_| async { panic!("read again") })
            .await;
    }

    #[tokio::test]
    async fn a_write_while_it_is_expected_keeps_the_old_value_out() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        let expected = cache.expect(vec![7, 8], |_| async { Ok(vec![70, 80]) });
        let ((), ()) = tokio::join!(expected, async { cache.invalidate(&7) });
        assert_eq!(cache.get(7, || source.read()).await, Ok(1));
        assert_eq!(cache.get(8, || source.read()).await, Ok(80));
    }

    #[tokio::test]
    async fn a_failure_of_what_is_expected_is_not_remembered() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        cache
            .expect(vec![1, 2], |_| async { Err(Failed("down")) })
            .await;
        assert_eq!(cache.get(1, || source.read()).await, Ok(1));
        assert_eq!(cache.get(2, || source.read()).await, Ok(2));
    }

    #[tokio::test]
    async fn a_write_during_a_read_keeps_the_old_value_out() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        let gate = Arc::new(Notify::new());
        let slow = cache.get(1, || {
            let (gate, read) = (Arc::clone(&gate), source.read());
            async move {
                let old = read.await;
                gate.notified().await;
                old
            }
        });
        let (old, ()) = tokio::join!(slow, async {
            cache.invalidate(&1);
            gate.notify_one();
        });
        assert_eq!(
            old,
            Ok(1),
            "the reader that began before the write may see the old value"
        );
        assert_eq!(
            cache.get(1, || source.read()).await,
            Ok(2),
            "nobody after it does"
        );
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        assert_eq!(
            cache.get(1, || async { Err(Failed("down")) }).await,
            Err(Failed("down"))
        );
        assert_eq!(cache.get(1, || source.read()).await, Ok(1));
    }

    #[tokio::test]
    async fn a_read_that_panics_fails_its_callers_and_is_forgotten() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        let failed = cache.get(1, || async { panic!("a defect") }).await;
        assert_eq!(failed, Err(Failed("stopped")));
        assert_eq!(cache.get(1, || source.read()).await, Ok(1));
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_does_not_stall_the_read() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        let gate = Arc::new(Notify::new());
        let read = || {
            let (gate, read) = (Arc::clone(&gate), source.read());
            async move {
                gate.notified().await;
                read.await
            }
        };
        assert_eq!(cache.get(1, read).now_or_never(), None);
        gate.notify_one();
        assert_eq!(
            cache
                .get(1, || async { Err(Failed("a second read")) })
                .await,
            Ok(1)
        );
    }

    #[tokio::test]
    async fn the_number_of_keys_is_bounded() {
        let (cache, source) = (Cache::new(10, TTL), Source::default());
        for key in 0..1000 {
            cache.get(key, || source.read()).await.unwrap();
            assert!(cache.lock().len() <= 10);
        }
        for keys in [0..7, 7..14, 14..1014] {
            let read = |keys: Vec<u32>| async move { Ok(vec![1; keys.len()]) };
            cache.expect(keys.collect(), read).await;
            assert!(cache.lock().len() <= 10);
        }
    }
}
