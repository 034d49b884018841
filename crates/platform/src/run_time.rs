//! Settings that a superuser changes while the server runs: rows of the database, over what file, environment and options say.
//!
//! Every node holds them in memory and reads them anew every few seconds, so that asking costs nothing; the node that changes one has it at once.
//! Whoever knows plans and prices has them ([`crate::plans::Catalogue::run_time`]).

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{Arc, PoisonError, RwLock},
};

use easel_store::{audit, system_config};

use crate::{
    Context, PlatformError,
    accounts::{Actor, Permission},
    context::retry,
};

pub use system_config::SystemSetting;

/// What can be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Whole credits for who registers.
    NewUserCredits,
    /// Whole credits of a picture by a model without a price of its own.
    TaskCostCredits,
    /// Megabytes of a picture that is sent.
    MaxFileSizeMb,
    /// Pictures that are taken in at once.
    MaxFilesPerTask,
    /// Pictures of one person a day.
    MaxTasksPerDay,
}

impl Key {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NewUserCredits, Self::TaskCostCredits, Self::MaxFileSizeMb, Self::MaxFilesPerTask, Self::MaxTasksPerDay];

    /// As it is stored and written.
    pub fn name(self) -> &'static str {
        match self {
            Self::NewUserCredits => "new_user_credits",
            Self::TaskCostCredits => "task_cost_credits",
            Self::MaxFileSizeMb => "max_file_size_mb",
            Self::MaxFilesPerTask => "max_files_per_task",
            Self::MaxTasksPerDay => "max_tasks_per_day",
        }
    }

    /// By its name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// What it may be.
    pub fn range(self) -> RangeInclusive<i64> {
        match self {
            Self::NewUserCredits | Self::TaskCostCredits | Self::MaxTasksPerDay => 0..=1_000_000_000,
            Self::MaxFileSizeMb | Self::MaxFilesPerTask => 1..=100,
        }
    }
}

/// The values as this node knows them. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct RunTime(Arc<RwLock<BTreeMap<Key, i64>>>);

impl PartialEq for RunTime {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.values() == other.values()
    }
}

impl Eq for RunTime {}

impl RunTime {
    /// What a setting is, if it is set.
    pub fn get(&self, key: Key) -> Option<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).copied()
    }

    fn values(&self) -> BTreeMap<Key, i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads them anew. What this version does not know, or could not be set today, is passed over.
    pub async fn refresh(&self, context: &Context) -> Result<Vec<SystemSetting>, PlatformError> {
        let rows = system_config::all(&context.db).await?;
        let known = rows.iter().filter_map(|row| {
            let key = Key::named(&row.key)?;
            let value: i64 = row.value.as_deref()?.parse().ok()?;
            key.range().contains(&value).then_some((key, value))
        });
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known.collect();
        Ok(rows)
    }

    /// Changes one; `None` is as file, environment and options say again.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`], [`PlatformError::Invalid`] for a number that it cannot be, [`PlatformError::Forbidden`].
    pub async fn set(&self, context: &Context, actor: &Actor, name: &str, value: Option<i64>) -> Result<(), PlatformError> {
        actor.require(Permission::ManageServer.least_role())?;
        let key = Key::named(name).ok_or(PlatformError::NotFound("setting"))?;
        if value.is_some_and(|value| !key.range().contains(&value)) {
            return Err(PlatformError::Invalid { field: "value", problem: "is out of range" });
        }
        retry!(set_once(context, actor, key, value))?;
        self.refresh(context).await.map(drop)
    }
}

async fn set_once(context: &Context, actor: &Actor, key: Key, value: Option<i64>) -> Result<(), PlatformError> {
    let moment = context.moment();
    let mut tx = context.db.begin().await?;
    let before = system_config::lock(&mut tx, key.name()).await?.ok_or(PlatformError::NotFound("setting"))?;
    system_config::set(&mut tx, key.name(), value.map(|value| value.to_string()).as_deref(), moment.now).await?;
    let from = before.value.and_then(|value| value.parse::<i64>().ok());
    let detail = serde_json::json!({ "from": from, "to": value }).to_string();
    audit::append(&mut tx, &moment, actor.record("setting.change", Some(("setting", key.name())), &detail)).await?;
    Ok(tx.commit().await?)
}
