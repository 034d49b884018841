//! What is kept for the next request that needs it: least recently used first out, bounded in bytes.
//!
//! Of encoded prompts an entry is one branch's text, so a negative prompt that everybody uses is encoded once. The key is what the text encoders are given,
//! after chunking and after padding to the other branch's length, with the layers left out: everything the result depends on besides the
//! model's weights. Owned by the backend's thread.

use std::{collections::HashMap, hash::Hash};

use easel_types::ModelId;

use super::{TextKey, TextStates};

/// How the cache has done so far, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheCounts {
    /// Uses that were found.
    pub hits: u64,
    /// Uses that had to be made.
    pub misses: u64,
    /// Entries now.
    pub entries: usize,
    /// Their bytes.
    pub bytes: u64,
}

struct Entry<V> {
    value: V,
    bytes: u64,
    used: u64,
}

/// Encoded prompts of all models of a backend.
pub type TextCache<T> = Cache<TextKey, TextStates<T>>;

/// Things of all models of a backend.
pub struct Cache<K, V> {
    limit: u64,
    /// By model first, so that a model's entries go with it.
    entries: HashMap<ModelId, HashMap<K, Entry<V>>>,
    counts: CacheCounts,
    /// Grows with every use.
    now: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// An empty cache of at most `limit` bytes; 0 keeps nothing.
    pub fn new(limit: u64) -> Self {
        Self { limit, entries: HashMap::new(), counts: CacheCounts::default(), now: 0 }
    }

    /// How it has done so far.
    pub fn counts(&self) -> CacheCounts {
        self.counts
    }

    /// What is kept under the key.
    pub(crate) fn get(&mut self, model: &ModelId, key: &K) -> Option<V> {
        self.now += 1;
        let found = self.entries.get_mut(model).and_then(|entries| entries.get_mut(key));
        match found {
            None => {
                self.counts.misses += 1;
                None
            }
            Some(entry) => {
                self.counts.hits += 1;
                entry.used = self.now;
                Some(entry.value.clone())
            }
        }
    }

    /// Keeps something of `bytes` bytes, and makes room for it.
    pub(crate) fn put(&mut self, model: &ModelId, key: &K, value: &V, bytes: u64) {
        if bytes > self.limit {
            return;
        }
        self.now += 1;
        let entry = Entry { value: value.clone(), bytes, used: self.now };
        if let Some(replaced) = self.entries.entry(model.clone()).or_default().insert(key.clone(), entry) {
            self.forget(replaced.bytes);
        }
        self.counts.entries += 1;
        self.counts.bytes += bytes;
        while self.counts.bytes > self.limit && self.drop_oldest() {}
    }

    /// Drops a model's entries.
    pub(crate) fn drop_model(&mut self, model: &ModelId) {
        for (_, entry) in self.entries.remove(model).unwrap_or_default() {
            self.forget(entry.bytes);
        }
    }

    fn drop_oldest(&mut self) -> bool {
        let all =
            self.entries.iter().flat_map(|(model, entries)| entries.iter().map(move |(key, entry)| (entry.used, model, key)));
        let Some((_, model, key)) = all.min_by_key(|(used, ..)| *used) else { return false };
        let (model, key) = (model.clone(), key.clone());
        if let Some(entry) = self.entries.get_mut(&model).and_then(|entries| entries.remove(&key)) {
            self.forget(entry.bytes);
        }
        true
    }

    fn forget(&mut self, bytes: u64) {
        self.counts.entries -= 1;
        self.counts.bytes -= bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(tokens: usize) -> TextStates<u8> {
        TextStates { context: 0, tokens, pooled: None }
    }

    fn key(n: u32) -> TextKey {
        TextKey::of_numbers(vec![n; 5])
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let (a, b) = (ModelId::from("a"), ModelId::from("b"));
        let mut cache = TextCache::new(360);
        for n in 0..3 {
            cache.put(&a, &key(n), &states(n as usize), 120);
        }
        assert_eq!(cache.counts(), CacheCounts { hits: 0, misses: 0, entries: 3, bytes: 360 });
        assert_eq!(cache.get(&a, &key(0)).map(|s| s.tokens), Some(0), "now the newest");
        cache.put(&b, &key(9), &states(9), 120);
        assert!(cache.get(&a, &key(1)).is_none(), "the oldest had to go");
        assert!(cache.get(&a, &key(0)).is_some() && cache.get(&a, &key(2)).is_some() && cache.get(&b, &key(9)).is_some());
        assert!(cache.get(&b, &key(2)).is_none(), "another model's");
        assert_eq!(cache.counts(), CacheCounts { hits: 4, misses: 2, entries: 3, bytes: 360 });
        cache.drop_model(&a);
        assert_eq!(cache.counts(), CacheCounts { hits: 4, misses: 2, entries: 1, bytes: 120 });
    }

    #[test]
    fn what_is_larger_than_the_cache_is_not_kept_and_a_key_is_kept_once() {
        let model = ModelId::from("a");
        let mut cache = TextCache::new(300);
        cache.put(&model, &key(1), &states(1), 301);
        assert_eq!(cache.counts(), CacheCounts::default());
        cache.put(&model, &key(1), &states(1), 120);
        cache.put(&model, &key(1), &states(2), 220);
        assert_eq!((cache.counts().entries, cache.counts().bytes), (1, 220));
        assert_eq!(cache.get(&model, &key(1)).map(|s| s.tokens), Some(2));
    }
}
