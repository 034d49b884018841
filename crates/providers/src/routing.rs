//! Where a job runs. A pure function: what is known goes in, a decision with its reason comes out.
//!
//! Here first. Elsewhere only if all of these hold: the operator has configured a provider and switched falling back on, the tenant allows
//! it, the job allows it, and there is a reason: the model is not here, no device is healthy, the wait is too long, the device ran out of
//! memory, or the engine failed. A provider's refusal or a user's error ends the job wherever it comes from. What may have been taken on and
//! paid is not tried again anywhere.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Accepted, FailureClass, Micros, OverBudget, Owner, ProviderId, Quote, Refusal, Unfit};

/// What the operator says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Whether anything may leave this host. Off unless switched on.
    pub enabled: bool,
    /// The longest wait here before somebody else is asked.
    pub max_wait: Duration,
    /// How many providers are tried for one job.
    pub attempts_max: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self { enabled: false, max_wait: Duration::from_secs(60), attempts_max: 3 }
    }
}

/// What the tenant says. Nothing is allowed unless it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    /// Whether their prompts may leave this host.
    pub allow_external: bool,
    /// If not empty, only these providers.
    pub providers: Vec<ProviderId>,
    /// If not empty, only providers of these regions.
    pub regions: Vec<String>,
}

/// What the job says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRules {
    /// Whether it may be sent to somebody else.
    pub allow_fallback: bool,
    /// How long there is for it.
    pub time_left: Duration,
    /// The most it may cost elsewhere, as was settled when it was accepted.
    pub cost_max: Micros,
}

/// How things are here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Local {
    /// It can run here, after this wait.
    Ready {
        /// Until it begins.
        wait: Duration,
    },
    /// The model is not here.
    ModelMissing,
    /// No device works.
    NoDevice,
    /// It was tried here, and memory did not do.
    OutOfMemory,
    /// It was tried here, and the engine failed.
    EngineFailed,
    /// It was tried here, and what was asked for is wrong.
    UserError,
    /// What was asked for is not allowed here.
    Moderated,
}

/// Why somebody else was asked; stored with the job and shown to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackReason {
    /// The model is not here.
    ModelMissing,
    /// No device works.
    NoDevice,
    /// The wait was too long.
    QueueWait,
    /// Memory did not do.
    OutOfMemory,
    /// The engine failed.
    EngineFailed,
}

impl FallbackReason {
    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::ModelMissing, Self::NoDevice, Self::QueueWait, Self::OutOfMemory, Self::EngineFailed];

    /// The name in metrics and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::ModelMissing => "model_missing",
            Self::NoDevice => "no_device",
            Self::QueueWait => "queue_wait",
            Self::OutOfMemory => "out_of_memory",
            Self::EngineFailed => "engine_failed",
        }
    }
}

/// A provider that might serve, and what keeps it from doing so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The account.
    pub provider: ProviderId,
    /// Whose it is: an account of the job's own user is theirs to use.
    pub owner: Owner,
    /// Its region.
    pub region: Option<String>,
    /// The model there.
    pub model: String,
    /// What it would cost, or why it is no choice.
    pub quote: Result<Quote, Unfit>,
    /// What its breaker says.
    pub breaker: Option<Refusal>,
    /// What its budget says.
    pub budget: Result<(), OverBudget>,
}

/// An attempt elsewhere that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// With whom.
    pub provider: ProviderId,
    /// How.
    pub class: FailureClass,
    /// Whether it may have been paid.
    pub accepted: Accepted,
}

/// All that a decision depends on.
#[derive(Debug, Clone)]
pub struct Situation<'a> {
    /// What the operator says.
    pub rules: &'a Rules,
    /// What the tenant says.
    pub tenant: &'a Tenant,
    /// What the job says.
    pub job: &'a JobRules,
    /// How things are here.
    pub local: Local,
    /// Who there is, in the order in which they are tried.
    pub candidates: &'a [Candidate],
    /// Who was tried already.
    pub tried: &'a [Tried],
}

/// Where a job runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Here, now or when its turn comes.
    Local,
    /// With this candidate, by its place in the list.
    External {
        /// Its place.
        candidate: usize,
        /// Why not here.
        reason: FallbackReason,
    },
    /// Nowhere.
    Fail(Failure),
}

/// Why a job runs nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// What was asked for is wrong.
    UserError,
    /// What was asked for is not allowed.
    Moderated,
    /// It may have been taken on and paid: nobody else is asked.
    OutcomeUnknown,
    /// It cannot run here, and nobody else may be asked or is left.
    Unavailable,
    /// There is no time left.
    Timeout,
}

/// Decides where a job runs.
pub fn route(situation: &Situation<'_>) -> Decision {
    let reason = match situation.local {
        Local::UserError => return Decision::Fail(Failure::UserError),
        Local::Moderated => return Decision::Fail(Failure::Moderated),
        Local::Ready { wait } if wait <= situation.rules.max_wait && situation.tried.is_empty() => return Decision::Local,
        Local::Ready { .. } => FallbackReason::QueueWait,
        Local::ModelMissing => FallbackReason::ModelMissing,
        Local::NoDevice => FallbackReason::NoDevice,
        Local::OutOfMemory => FallbackReason::OutOfMemory,
        Local::EngineFailed => FallbackReason::EngineFailed,
    };
    if let Some(failure) = situation.tried.iter().find_map(ends_job) {
        return Decision::Fail(failure);
    }
    if situation.job.time_left.is_zero() {
        return Decision::Fail(Failure::Timeout);
    }
    let next = || situation.candidates.iter().position(|candidate| serves(situation, candidate));
    let candidate = if may_leave(situation) { next() } else { None };
    match (candidate, situation.local) {
        (Some(candidate), _) => Decision::External { candidate, reason },
        // A long wait is better than none.
        (None, Local::Ready { .. }) => Decision::Local,
        (None, _) => Decision::Fail(Failure::Unavailable),
    }
}

fn ends_job(tried: &Tried) -> Option<Failure> {
    match (tried.class, tried.accepted) {
        (FailureClass::UserError, _) => Some(Failure::UserError),
        (FailureClass::Moderated, _) => Some(Failure::Moderated),
        (_, Accepted::Unknown) => Some(Failure::OutcomeUnknown),
        (_, Accepted::Yes | Accepted::No) => None,
    }
}

fn may_leave(situation: &Situation<'_>) -> bool {
    let Situation { rules, tenant, job, tried, .. } = situation;
    rules.enabled && tenant.allow_external && job.allow_fallback && tried.len() < rules.attempts_max
}

fn serves(situation: &Situation<'_>, candidate: &Candidate) -> bool {
    let Situation { tenant, job, tried, .. } = situation;
    let named = tenant.providers.is_empty() || tenant.providers.contains(&candidate.provider);
    let near = tenant.regions.is_empty() || candidate.region.as_ref().is_some_and(|region| tenant.regions.contains(region));
    let fresh = !tried.iter().any(|tried| tried.provider == candidate.provider);
    let works = candidate.breaker.is_none() && candidate.budget.is_ok();
    // What a user's own account costs is between the user and the provider.
    let paid = candidate.quote.as_ref().is_ok_and(|quote| candidate.owner == Owner::User || quote.total <= job.cost_max);
    named && near && fresh && works && paid
}
