//! Requests counted for all nodes together: one script, run by Redis in one go (`throttle.lua`).

use std::{sync::LazyLock, time::Duration};

use redis::Script;

use crate::{Redis, RedisError};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("throttle.lua")));

/// Something that fills up with requests and empties evenly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Whose, and for what; unique.
    pub name: String,
    /// How many may come at once.
    pub max: u32,
    /// How long it takes until it is as new.
    pub per: Duration,
}

/// What a bucket says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// How many more may come now.
    pub remaining: u32,
    /// After how long it is as new.
    pub reset: Duration,
    /// How long to wait; nothing if this bucket lets it through.
    pub wait: Duration,
}

impl Redis {
    /// Counts a request in all of these buckets, or in none if one of them is full. Whether it was counted, and what each bucket says, in
    /// their order.
    pub async fn throttle(&self, buckets: &[Bucket]) -> Result<(bool, Vec<Verdict>), RedisError> {
        let mut invocation = SCRIPT.prepare_invoke();
        for bucket in buckets {
            let each = bucket.per.as_micros() as f64 / f64::from(bucket.max.max(1));
            // One tag, so that a cluster keeps the keys of one request on one node.
            invocation.key(format!("{{{}}}:rate:{}", self.settings.prefix, bucket.name));
            invocation.arg(each).arg(bucket.max.max(1));
        }
        let mut manager = self.manager.clone();
        let answer: Vec<i64> = self.in_time(invocation.invoke_async(&mut manager)).await?;
        let verdicts = answer.get(1..).unwrap_or_default().chunks_exact(3).map(|three| Verdict {
            remaining: u32::try_from(three[0]).unwrap_or(0),
            reset: micros(three[1]),
            wait: micros(three[2]),
        });
        Ok((answer.first() == Some(&1), verdicts.collect()))
    }
}

fn micros(count: i64) -> Duration {
    Duration::from_micros(u64::try_from(count).unwrap_or(0))
}
