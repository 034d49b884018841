//! How many requests somebody may make, and what nodes share.

use std::num::NonZeroU32;

use easel_platform::limits::{self, Class, Rate, Rates};

use super::{ConfigError, Fallback, Setting, Values};

/// By address.
pub const PER_MINUTE: Setting = Setting {
    key: "limits.per_minute",
    flag: "rate-limit-per-minute",
    env: &["EASEL_RATE_LIMIT_PER_MINUTE", "RATE_LIMIT_PER_MINUTE"],
    placeholder: "N",
    help: "Requests a minute by address; 0 is any number",
    default: Fallback::Fixed("100"),
    ..Setting::BASE
};

/// By user.
pub const PER_HOUR: Setting = Setting {
    key: "limits.per_hour",
    flag: "rate-limit-per-hour",
    env: &["EASEL_RATE_LIMIT_PER_HOUR", "RATE_LIMIT_PER_HOUR"],
    placeholder: "N",
    help: "Requests an hour by user; 0 is any number",
    default: Fallback::Fixed("1000"),
    ..Setting::BASE
};

/// By user.
pub const PER_DAY: Setting = Setting {
    key: "limits.per_day",
    flag: "rate-limit-per-day",
    env: &["EASEL_RATE_LIMIT_PER_DAY", "RATE_LIMIT_PER_DAY"],
    placeholder: "N",
    help: "Requests a day by user; 0 is any number",
    default: Fallback::Fixed("10000"),
    ..Setting::BASE
};

/// Guesses of passwords.
pub const LOGIN: Setting = Setting {
    key: "limits.login_per_minute",
    flag: "rate-limit-login",
    env: &["EASEL_RATE_LIMIT_LOGIN"],
    placeholder: "N",
    help: "Logins a minute by address; 0 is any number",
    default: Fallback::Fixed("20"),
    ..Setting::BASE
};

/// New accounts.
pub const REGISTER: Setting = Setting {
    key: "limits.register_per_hour",
    flag: "rate-limit-register",
    env: &["EASEL_RATE_LIMIT_REGISTER"],
    placeholder: "N",
    help: "New accounts and mails asked for an hour by address; 0 is any number",
    default: Fallback::Fixed("20"),
    ..Setting::BASE
};

/// Pictures.
pub const GENERATE: Setting = Setting {
    key: "limits.generate_per_minute",
    flag: "rate-limit-generate",
    env: &["EASEL_RATE_LIMIT_GENERATE"],
    placeholder: "N",
    help: "Requests for pictures a minute by user and by API key; 0 is any number",
    default: Fallback::Fixed("60"),
    ..Setting::BASE
};

/// Pictures that are sent.
pub const UPLOAD: Setting = Setting {
    key: "limits.upload_per_minute",
    flag: "rate-limit-upload",
    env: &["EASEL_RATE_LIMIT_UPLOAD"],
    placeholder: "N",
    help: "Pictures that are sent or fetched from an address, a minute by user and by API key; 0 is any number",
    default: Fallback::Fixed("60"),
    ..Setting::BASE
};

/// Redis.
pub const REDIS: Setting = Setting {
    key: "redis.url",
    flag: "redis-url",
    env: &["EASEL_REDIS_URL", "REDIS_URL"],
    placeholder: "URL",
    help: "Redis that nodes share: requests are counted together and jobs' progress, previews too, is told everywhere. Unset: each node counts \
           by itself, and progress crosses by PostgreSQL",
    secret: true,
    ..Setting::BASE
};

/// Nodes.
pub const NODES: Setting = Setting {
    key: "nodes",
    flag: "nodes",
    env: &["EASEL_NODES"],
    placeholder: "N",
    help: "How many nodes share the load: each lets through its share of a limit and half as much again",
    default: Fallback::Fixed("1"),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&PER_MINUTE, &PER_HOUR, &PER_DAY, &LOGIN, &REGISTER, &GENERATE, &UPLOAD, &REDIS, &NODES];

/// How many requests somebody may make, and what nodes share.
pub struct Limits {
    /// The limits.
    pub rates: limits::Settings,
    /// Redis' address, which may hold a password.
    pub redis: Option<String>,
}

impl std::fmt::Debug for Limits {
    /// Without what may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").field("rates", &self.rates).finish_non_exhaustive()
    }
}

impl Limits {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let rate = |setting: &'static Setting, seconds: u32| -> Result<Option<Rate>, ConfigError> {
            let max = NonZeroU32::new(values.require(setting)?);
            Ok(max.zip(NonZeroU32::new(seconds)).map(|(max, seconds)| Rate { max, seconds }))
        };
        let by_ip: Vec<Rate> = rate(&PER_MINUTE, 60)?.into_iter().collect();
        let by_user: Vec<Rate> = rate(&PER_HOUR, 3600)?.into_iter().chain(rate(&PER_DAY, 86_400)?).collect();
        let one = |setting| -> Result<Vec<Rate>, ConfigError> { Ok(rate(setting, 60)?.into_iter().collect()) };
        let (generate, upload) = (one(&GENERATE)?, one(&UPLOAD)?);
        let only = |by_ip: Option<Rate>| Rates { by_ip: by_ip.into_iter().collect(), ..Rates::default() };
        let read = Rates { by_ip, by_user, by_key: Vec::new() };
        let with =
            |more: Vec<Rate>| Rates { by_user: [more.clone(), read.by_user.clone()].concat(), by_key: more, ..read.clone() };
        let classes = [
            (Class::Login, only(rate(&LOGIN, 60)?)),
            (Class::Register, only(rate(&REGISTER, 3600)?)),
            (Class::Generate, with(generate)),
            (Class::Upload, with(upload)),
            (Class::Read, read.clone()),
        ];
        let nodes = NonZeroU32::new(values.require(&NODES)?).ok_or_else(|| ConfigError::new("`nodes` is at least 1"))?;
        Ok(Self { rates: limits::Settings { classes: classes.into(), nodes }, redis: values.get(&REDIS)? })
    }
}
