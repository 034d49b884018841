//! How much one person may have waiting, make and send, whatever their plan; and how long things are kept.

use std::time::Duration;

use easel_platform::{housekeeping::Retention, images::UploadLimits, jobs};

use super::{ConfigError, Fallback, Setting, Values};

/// Megabytes that a body may bring, and so the most that can be set.
const MEGABYTES_MAX: usize = 100;
const MEGABYTE: usize = 1024 * 1024;
const DAY: u64 = 24 * 3600;
/// A month's jobs are what limits of a month are counted from.
const JOB_DAYS_MIN: u64 = 31;
/// Strikes of three months count.
const FINDING_DAYS_MIN: u64 = 90;

/// The largest picture that is taken.
pub const FILE_MB: Setting = Setting {
    key: "uploads.max_mb",
    flag: "upload-max-mb",
    env: &["EASEL_UPLOAD_MAX_MB", "MAX_FILE_SIZE_MB"],
    placeholder: "N",
    help: "Megabytes of a picture that is sent, at most 100",
    default: Fallback::Fixed("10"),
    ..Setting::BASE
};

/// Pictures of one form.
pub const FILES: Setting = Setting {
    key: "uploads.files_max",
    flag: "upload-files-max",
    env: &["EASEL_UPLOAD_FILES_MAX", "MAX_FILES_PER_TASK"],
    placeholder: "N",
    help: "Pictures that are taken in at once; of more the first are",
    default: Fallback::Fixed("5"),
    ..Setting::BASE
};

/// Jobs that have not ended.
pub const JOBS_OPEN: Setting = Setting {
    key: "jobs.open_max",
    flag: "jobs-open-max",
    env: &["EASEL_JOBS_OPEN_MAX", "MAX_TASKS_PER_USER"],
    placeholder: "N",
    help: "Jobs of one person that have not ended, where their plan does not say; 0 is any number",
    default: Fallback::Fixed("100"),
    ..Setting::BASE
};

/// How long the device may take.
pub const DEVICE_SECONDS: Setting = Setting {
    key: "jobs.device_seconds",
    flag: "jobs-device-seconds",
    env: &["EASEL_JOBS_DEVICE_SECONDS", "GENERATION_TIMEOUT_S"],
    placeholder: "SECONDS",
    help: "How long the device may take for a job that it has begun. Unset: as long as `server.timeout_seconds` allows",
    ..Setting::BASE
};

/// Pictures a day.
pub const IMAGES_DAILY: Setting = Setting {
    key: "jobs.images_daily_max",
    flag: "images-daily-max",
    env: &["EASEL_IMAGES_DAILY_MAX", "MAX_TASKS_PER_DAY"],
    placeholder: "N",
    help: "Pictures of one person a day (UTC); their plan may allow fewer. Unset: what the plan says",
    ..Setting::BASE
};

/// Waiting for a worker.
pub const QUEUE_SECONDS: Setting = Setting {
    key: "jobs.queue_seconds",
    flag: "queue-seconds",
    env: &["EASEL_QUEUE_SECONDS", "QUEUE_TTL_S"],
    placeholder: "SECONDS",
    help: "How long a job may wait for a worker",
    default: Fallback::Fixed("300"),
    ..Setting::BASE
};

/// Keeping what was sent.
pub const UPLOAD_DAYS: Setting = Setting {
    key: "keep.uploads_days",
    flag: "keep-uploads-days",
    env: &["EASEL_KEEP_UPLOADS_DAYS"],
    placeholder: "DAYS",
    help: "How long pictures that were sent are kept",
    default: Fallback::Fixed("7"),
    ..Setting::BASE
};

/// Keeping what never came.
pub const TEMP_DAYS: Setting = Setting {
    key: "keep.temp_days",
    flag: "keep-temp-days",
    env: &["EASEL_KEEP_TEMP_DAYS"],
    placeholder: "DAYS",
    help: "How long pictures that were sent to an address of their own wait to be asked for, at least 1",
    default: Fallback::Fixed("1"),
    ..Setting::BASE
};

/// Keeping who came from where.
pub const LOG_DAYS: Setting = Setting {
    key: "keep.logs_days",
    flag: "keep-logs-days",
    env: &["EASEL_KEEP_LOGS_DAYS"],
    placeholder: "DAYS",
    help: "How long sessions and links that have ended are kept, and what addresses in the audit log can be checked with",
    default: Fallback::Fixed("30"),
    ..Setting::BASE
};

/// Keeping what moderators decided.
pub const FINDING_DAYS: Setting = Setting {
    key: "keep.findings_days",
    flag: "keep-findings-days",
    env: &["EASEL_KEEP_FINDINGS_DAYS"],
    placeholder: "DAYS",
    help: "How long is kept what filters found and moderators decided, at least 90",
    default: Fallback::Fixed("365"),
    ..Setting::BASE
};

/// Keeping messages.
pub const MESSAGE_DAYS: Setting = Setting {
    key: "keep.messages_days",
    flag: "keep-messages-days",
    env: &["EASEL_KEEP_MESSAGES_DAYS"],
    placeholder: "DAYS",
    help: "How long mails, webhooks and events that were dealt with are kept",
    default: Fallback::Fixed("90"),
    ..Setting::BASE
};

/// Keeping jobs.
pub const JOB_DAYS: Setting = Setting {
    key: "keep.jobs_days",
    flag: "keep-jobs-days",
    env: &["EASEL_KEEP_JOBS_DAYS"],
    placeholder: "DAYS",
    help: "How long jobs that have ended are kept once none of their pictures is left; 31 at least, 0 is for ever",
    default: Fallback::Fixed("365"),
    ..Setting::BASE
};

/// Forgetting people.
pub const ERASE_DAYS: Setting = Setting {
    key: "keep.regret_days",
    flag: "regret-days",
    env: &["EASEL_REGRET_DAYS"],
    placeholder: "DAYS",
    help: "How long somebody who asked to be forgotten may change their mind",
    default: Fallback::Fixed("30"),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[
    &FILE_MB,
    &FILES,
    &JOBS_OPEN,
    &DEVICE_SECONDS,
    &IMAGES_DAILY,
    &QUEUE_SECONDS,
    &UPLOAD_DAYS,
    &TEMP_DAYS,
    &MESSAGE_DAYS,
    &LOG_DAYS,
    &FINDING_DAYS,
    &JOB_DAYS,
    &ERASE_DAYS,
];

/// How much one person may have, and how long things are kept.
#[derive(Debug)]
pub struct Quotas {
    /// Of pictures that are sent.
    pub uploads: UploadLimits,
    /// Jobs of one person that have not ended.
    pub jobs_open: Option<i64>,
    /// How long the device may take for a job that it has begun.
    pub device: Option<Duration>,
    /// Pictures of one person a day.
    pub images_daily: Option<i64>,
    /// How long a job may wait.
    pub queue: Duration,
    /// How long things are kept after their time.
    pub retention: Retention,
    /// How long somebody may change their mind.
    pub regret: Duration,
}

impl Quotas {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let megabytes: usize = values.require(&FILE_MB)?;
        if !(1..=MEGABYTES_MAX).contains(&megabytes) {
            return Err(ConfigError::new(format!("`{}` is between 1 and {MEGABYTES_MAX}", FILE_MB.key)));
        }
        let mut uploads = UploadLimits::default();
        uploads.decode.bytes_max = megabytes * MEGABYTE;
        uploads.files_max = values.require::<std::num::NonZeroUsize>(&FILES)?.get();
        let positive = |setting: &Setting, value: Option<i64>| match value {
            Some(value) if value < 0 => Err(ConfigError::new(format!("`{}` is not negative", setting.key))),
            value => Ok(value),
        };
        let days = |setting: &Setting| -> Result<Duration, ConfigError> {
            let days: u32 = values.require(setting)?;
            Ok(Duration::from_secs(u64::from(days) * DAY))
        };
        let jobs = days(&JOB_DAYS)?;
        if !jobs.is_zero() && jobs < Duration::from_secs(JOB_DAYS_MIN * DAY) {
            return Err(ConfigError::new(format!("`{}` is 0 or at least {JOB_DAYS_MIN}", JOB_DAYS.key)));
        }
        let at_least = |setting: &Setting, least: u64| {
            let kept = days(setting)?;
            if kept < Duration::from_secs(least * DAY) {
                return Err(ConfigError::new(format!("`{}` is at least {least}", setting.key)));
            }
            Ok(kept)
        };
        let jobs_open = positive(&JOBS_OPEN, Some(values.require(&JOBS_OPEN)?))?;
        let queue: u32 = values.require(&QUEUE_SECONDS)?;
        Ok(Self {
            uploads,
            jobs_open: jobs_open.filter(|&max| max > 0),
            device: values.get::<u32>(&DEVICE_SECONDS)?.map(|seconds| Duration::from_secs(u64::from(seconds).max(1))),
            images_daily: positive(&IMAGES_DAILY, values.get(&IMAGES_DAILY)?)?,
            queue: Duration::from_secs(u64::from(queue).max(1)),
            retention: Retention {
                uploads: days(&UPLOAD_DAYS)?,
                awaited: at_least(&TEMP_DAYS, 1)?,
                messages: days(&MESSAGE_DAYS)?,
                sessions: days(&LOG_DAYS)?,
                findings: at_least(&FINDING_DAYS, FINDING_DAYS_MIN)?,
                jobs: Some(jobs).filter(|jobs| !jobs.is_zero()),
                ..Retention::default()
            },
            regret: days(&ERASE_DAYS)?,
        })
    }

    /// Over the defaults of jobs.
    pub fn jobs(&self, charging: bool) -> jobs::Settings {
        jobs::Settings {
            charging,
            jobs_open_max: self.jobs_open,
            images_daily_max: self.images_daily,
            queue_ttl: self.queue,
            ..jobs::Settings::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn read(setting: &Setting, days: &str) -> Result<Retention, ConfigError> {
        let flags = BTreeMap::from([(setting.key, days.to_owned())]);
        Ok(Quotas::read(&Values::collect(flags, None, &BTreeMap::new())?)?.retention)
    }

    #[test]
    fn how_long_things_are_kept_can_be_set_within_reason() {
        let days = |days: u64| Duration::from_secs(days * DAY);
        assert_eq!(read(&LOG_DAYS, "30").ok(), Some(Retention::default()), "the defaults are those of the rules");
        assert_eq!(read(&LOG_DAYS, "7").ok().map(|keep| keep.sessions), Some(days(7)));
        assert_eq!(read(&TEMP_DAYS, "2").ok().map(|keep| keep.awaited), Some(days(2)));
        assert_eq!(read(&FINDING_DAYS, "90").ok().map(|keep| keep.findings), Some(days(90)));
        assert_eq!(read(&MESSAGE_DAYS, "8").ok().map(|keep| keep.messages), Some(days(8)));
        assert_eq!(read(&JOB_DAYS, "0").ok().map(|keep| keep.jobs), Some(None));
        for (setting, bad) in [(&TEMP_DAYS, "0"), (&FINDING_DAYS, "89"), (&JOB_DAYS, "30"), (&LOG_DAYS, "-1")] {
            assert!(read(setting, bad).is_err(), "{}", setting.key);
        }
    }
}
