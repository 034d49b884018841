//! How many requests somebody may make: by address, by user and by key, for each class of requests.
//!
//! Every node counts by itself, always (`local.rs`). Where there is a Redis all nodes count together too, in one script (`easel_redis`); when
//! it is away or slow the nodes' own counting goes on alone, which is said once in the log. So a Redis that is down lets nobody in who would
//! have been kept out by one node, and keeps nobody out. Each node's own limit is the whole one divided by the nodes, and half as much again,
//! because load is never spread evenly.
//!
//! A limit is a leaky bucket (GCRA): its maximum may come at once, and is there again when its time has passed. A request that one bucket
//! refuses is not counted by Redis in any; the node's own buckets count it in those that were asked before, which errs on the strict side.

mod caller;
mod decision;
mod local;
mod shared;

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use easel_redis::Redis;
use serde::{Deserialize, Serialize};

use crate::Context;

pub use caller::Caller;
pub use decision::Decision;

use local::Local;
use shared::Shared;

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Guesses a password, or could.
    Login,
    /// Makes an account, or sends a mail.
    Register,
    /// Asks for pictures.
    Generate,
    /// Sends a picture, or has one fetched.
    Upload,
    /// Everything else.
    Read,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Login, Self::Register, Self::Generate, Self::Upload, Self::Read];

    fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Register => "register",
            Self::Generate => "generate",
            Self::Upload => "upload",
            Self::Read => "read",
        }
    }
}

/// So many in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    /// How many, all of which may come at once.
    pub max: NonZeroU32,
    /// Seconds after which they are there again.
    pub seconds: NonZeroU32,
}

impl Rate {
    fn per(self) -> Duration {
        Duration::from_secs(self.seconds.get().into())
    }
}

/// The limits of a class; all of them hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// For each address; a /64 of IPv6 counts as one.
    pub by_ip: Vec<Rate>,
    /// For each user.
    pub by_user: Vec<Rate>,
    /// For each API key.
    pub by_key: Vec<Rate>,
}

/// All limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Of each class; one that is missing has none.
    pub classes: BTreeMap<Class, Rates>,
    /// How many nodes share the load.
    pub nodes: NonZeroU32,
}

const fn rate(max: u32, seconds: u32) -> Rate {
    match (NonZeroU32::new(max), NonZeroU32::new(seconds)) {
        (Some(max), Some(seconds)) => Rate { max, seconds },
        _ => panic!("a rate is more than nothing"),
    }
}

impl Default for Settings {
    /// 100 a minute by address, 1,000 an hour and 10,000 a day by user; fewer where it costs more.
    fn default() -> Self {
        let everybody =
            Rates { by_ip: vec![rate(100, 60)], by_user: vec![rate(1000, 3600), rate(10_000, 86_400)], by_key: Vec::new() };
        let generate = Rates { by_user: vec![rate(60, 60), rate(1000, 3600)], by_key: vec![rate(60, 60)], ..everybody.clone() };
        let login = Rates { by_ip: vec![rate(20, 60), rate(200, 3600)], ..Rates::default() };
        let register = Rates { by_ip: vec![rate(5, 60), rate(20, 3600)], ..Rates::default() };
        let classes = [
            (Class::Login, login),
            (Class::Register, register),
            (Class::Generate, generate.clone()),
            (Class::Upload, generate),
            (Class::Read, everybody),
        ];
        Self { classes: classes.into(), nodes: NonZeroU32::MIN }
    }
}

/// The limits. Cheap to clone; clones count together.
#[derive(Debug, Clone)]
pub struct Limits {
    settings: std::sync::Arc<Settings>,
    local: Local,
    shared: Option<Shared>,
}

impl Limits {
    /// With these limits; together with other nodes where there is a Redis.
    pub fn new(context: &Context, settings: Settings, redis: Option<Redis>) -> Self {
        Self {
            local: Local::new(context.clock.clone(), &settings),
            shared: redis.map(|redis| Shared::new(context.clock.clone(), redis)),
            settings: settings.into(),
        }
    }

    /// Counts a request and says whether it may be made. `None` where nothing is limited.
    pub async fn check(&self, class: Class, caller: Caller<'_>) -> Option<Decision> {
        let rates = self.settings.classes.get(&class)?;
        let asked: Vec<_> = caller.buckets(class, rates).collect();
        let local = self.local.check(&asked);
        if local.as_ref().is_none_or(|decision| !decision.allowed()) {
            return local;
        }
        let shared = match &self.shared {
            Some(shared) => shared.check(&asked).await,
            None => None,
        };
        // What all nodes counted is nearer to the truth than what this one did.
        shared.or(local)
    }
}
