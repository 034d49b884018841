//! Money of the operator's: set aside before anything is sent, settled with the attempt, counted in the database for all nodes together.

use easel_providers::{Accepted, Micros, ProviderError, ProviderId, Spent, Step, periods_of};
use easel_store::{
    Moment, Timestamp, Tx,
    jobs::Job,
    leases::Lease,
    provider_answers,
    provider_attempts::{self, Attempt, NewAttempt, Settling},
    provider_spend::{self, Period},
    provider_switches,
};

use super::{Away, Fallback, story::Terms};
use crate::{PlatformError, context::retry};

/// An attempt that is to be begun.
#[derive(Clone, Copy)]
pub(super) struct Beginning<'a> {
    pub key: &'a str,
    pub provider: &'a ProviderId,
    pub part: i64,
    pub terms: &'a Terms,
    /// Set aside; nothing for people's own accounts.
    pub amount: Micros,
    /// What the job's row says from now on.
    pub away: &'a str,
    pub free: i64,
}

/// What came of setting money aside.
pub(super) enum Reserved {
    /// It is.
    Yes,
    /// The budget does not allow it: other nodes may have spent it since it was looked at.
    Over,
}

impl Fallback {
    /// Sets money aside and writes the attempt down, of which nothing is sent yet.
    pub(super) async fn reserve(&self, lease: &Lease, begin: Beginning<'_>) -> Result<Reserved, PlatformError> {
        retry!(self.reserve_once(lease, begin))
    }

    async fn reserve_once(&self, lease: &Lease, begin: Beginning<'_>) -> Result<Reserved, PlatformError> {
        let now = self.context.now();
        let (day, month) = periods(now);
        let mut tx = self.context.db.begin().await?;
        easel_store::leases::lock(&mut tx, lease).await?.ok_or(PlatformError::LeaseLost)?;
        if !begin.terms.own {
            let limit = self.inner.fleet.registry().get(begin.provider).map(|registered| registered.budget);
            let limit = limit.ok_or(PlatformError::NotFound("provider"))?;
            for (period, number, limit) in [("day", day, limit.day), ("month", month, limit.month)] {
                let of = Period { provider: begin.provider.as_str(), period, number };
                if !provider_spend::reserve(&mut tx, of, whole(begin.amount), whole(limit)).await? {
                    return Ok(Reserved::Over);
                }
            }
        }
        let terms = serde_json::to_string(begin.terms).expect("terms are plain data. This is a bug.");
        let new = NewAttempt {
            attempt_key: begin.key,
            job_id: &lease.job_id,
            provider: begin.provider.as_str(),
            part: begin.part,
            terms: &terms,
            reserved: if begin.terms.own { 0 } else { whole(begin.amount) },
            day,
            month,
        };
        provider_attempts::insert(&mut tx, now, new).await?;
        easel_store::jobs::set_away(&mut tx, &lease.job_id, Some(begin.provider.as_str()), begin.away, begin.free).await?;
        tx.commit().await?;
        Ok(Reserved::Yes)
    }

    /// Notes that a job is done here after all.
    pub(super) async fn stays(&self, lease: &Lease, away: &Away) -> Result<(), PlatformError> {
        let away = Away { cost_max: away.cost_max, cost: away.cost, ..Away::default() }.to_json();
        let mut tx = self.context.db.begin().await?;
        easel_store::leases::lock(&mut tx, lease).await?.ok_or(PlatformError::LeaseLost)?;
        easel_store::jobs::set_away(&mut tx, &lease.job_id, None, &away, 0).await?;
        Ok(tx.commit().await?)
    }

    /// Gives back what was set aside for an attempt of which nothing was sent.
    pub(super) async fn take_back(&self, lease: &Lease, attempt: &Attempt) -> Result<(), PlatformError> {
        retry!(self.take_back_once(lease, attempt))
    }

    async fn take_back_once(&self, lease: &Lease, attempt: &Attempt) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        easel_store::leases::lock(&mut tx, lease).await?.ok_or(PlatformError::LeaseLost)?;
        if provider_attempts::forget(&mut tx, &attempt.attempt_key).await? {
            book(&mut tx, attempt, 0).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Reads what was spent and what the operator has set by hand, before a decision.
    pub(super) async fn refresh(&self) -> Result<(), PlatformError> {
        let now = self.now();
        let (day, month) = periods(self.context.now());
        let rows = provider_spend::of_periods(&self.context.db, day, month).await?;
        let of = |id: &ProviderId, period: &str| rows.iter().find(|row| row.provider == id.as_str() && row.period == period);
        let micros = |amount: i64| Micros(u64::try_from(amount).unwrap_or(u64::MAX));
        for registered in self.inner.fleet.registry().iter() {
            let id = registered.provider.id();
            let (today, this_month) = (of(id, "day"), of(id, "month"));
            let spent = |row: Option<&provider_spend::Spend>| micros(row.map_or(0, |row| row.spent));
            let reserved = today.iter().chain(&this_month).map(|row| row.reserved).max().unwrap_or(0);
            self.inner.fleet.learn(id, Spent::at(now.0, spent(today), spent(this_month), micros(reserved)));
        }
        for switch in provider_switches::all(&self.context.db).await? {
            self.follow(&switch);
        }
        Ok(())
    }
}

/// What an attempt costs that came to nothing: what nobody can tell counts as paid.
pub(super) fn cost_of_failure(attempt: &Attempt, failure: Option<&ProviderError>) -> i64 {
    if failure.is_some_and(|failure| failure.accepted == Accepted::No) { 0 } else { attempt.reserved }
}

/// Settles an attempt that is under way, and its money.
pub(super) async fn settle(
    tx: &mut Tx,
    now: Timestamp,
    attempt: &Attempt,
    step: &Step,
    spent: i64,
    kept: Option<&str>,
) -> Result<(), PlatformError> {
    let step = serde_json::to_string(step).expect("a step is plain data. This is a bug.");
    // Never more than was set aside: the rest would be nobody's.
    let spent = spent.min(attempt.reserved);
    // What was answered is stored by now, or nobody's.
    provider_answers::forget(tx, &attempt.attempt_key).await?;
    if provider_attempts::settle(tx, &attempt.attempt_key, now, Settling { step: &step, spent, kept }).await? {
        book(tx, attempt, spent).await?;
    }
    Ok(())
}

/// Ends what is under way for a locked job that ends: what was sent counts as paid. What came of its attempts has rows of its own now, or is
/// nobody's.
pub(crate) async fn close(tx: &mut Tx, moment: &Moment<'_>, job: &Job) -> Result<(), PlatformError> {
    for attempt in provider_attempts::open_of_job(tx, &job.id).await? {
        let spent = if attempt.step.is_none() { 0 } else { attempt.reserved };
        settle(tx, moment.now, &attempt, &Step::Ended { failure: None }, spent, None).await?;
    }
    provider_attempts::forget_kept(tx, &job.id).await?;
    Ok(())
}

async fn book(tx: &mut Tx, attempt: &Attempt, spent: i64) -> Result<(), PlatformError> {
    for (period, number) in [("day", attempt.day), ("month", attempt.month)] {
        let of = Period { provider: &attempt.provider, period, number };
        provider_spend::settle(tx, of, attempt.reserved, spent).await?;
    }
    Ok(())
}

fn periods(now: Timestamp) -> (i64, i64) {
    let (day, month) = periods_of(u64::try_from(now.0).unwrap_or(0));
    (i64::try_from(day).unwrap_or(i64::MAX), i64::try_from(month).unwrap_or(i64::MAX))
}

fn whole(amount: Micros) -> i64 {
    i64::try_from(amount.0).unwrap_or(i64::MAX)
}
