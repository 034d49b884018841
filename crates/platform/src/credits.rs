//! Credits that people get, and what an operator puts right. What jobs cost is booked by `jobs`. What of a month is kept is `credits/rollover.rs`.

mod rollover;

use std::time::Duration;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime};
use easel_store::{
    Credits, Timestamp, audit, jobs,
    ledger::{self, Adjustment, Balance, Event, GrantRow, NewGrant, Page, Transfer},
    users::{self, User},
};

pub use rollover::Rollover;

use crate::{Context, PlatformError, accounts::Actor, context::retry, plans::Catalogue};

/// Users the sweep looks at in one turn.
const SWEEP_USERS: i64 = 100;

/// Grants, corrections and expiry.
#[derive(Debug, Clone)]
pub struct CreditDesk {
    context: Context,
    catalogue: Catalogue,
}

/// Credits that somebody bought or was given.
#[derive(Debug, Clone, Copy)]
pub struct Grant<'a> {
    /// Whose.
    pub user_id: &'a str,
    /// How many.
    pub amount: Credits,
    /// `purchase`, `monthly`, …
    pub source: &'a str,
    /// Which real event it is, such as `pay:<provider>:<object>`: booked once.
    pub key: &'a str,
    /// Until when they are good.
    pub expires_at: Option<Timestamp>,
    /// Why, for people.
    pub reason: &'a str,
}

impl CreditDesk {
    /// Over this database with these plans.
    pub fn new(context: Context, catalogue: Catalogue) -> Self {
        Self { context, catalogue }
    }

    /// What somebody has.
    pub async fn balance(&self, user_id: &str) -> Result<Balance, PlatformError> {
        Ok(ledger::balance(&self.context.db, user_id).await?)
    }

    /// Where what they have came from.
    pub async fn grants(&self, user_id: &str) -> Result<Vec<GrantRow>, PlatformError> {
        Ok(ledger::grants(&self.context.db, user_id).await?)
    }

    /// Their bookings, newest first.
    pub async fn history(&self, user_id: &str, page: &Page) -> Result<Vec<Transfer>, PlatformError> {
        Ok(ledger::history(&self.context.db, user_id, page).await?)
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Gives credits; the same event a second time changes nothing and returns the first booking.
    pub async fn grant(&self, grant: Grant<'_>) -> Result<Transfer, PlatformError> {
        retry!(self.grant_once(grant))
    }

    async fn grant_once(&self, grant: Grant<'_>) -> Result<Transfer, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let Grant { user_id, amount, source, key, expires_at, reason } = grant;
        let event = Event { key, job_id: None, actor: None, reason };
        let new = NewGrant { user_id, amount, source, expires_at };
        let booked = ledger::grant(&mut tx, &self.context.moment(), new, event).await?;
        tx.commit().await?;
        Ok(booked.transfer)
    }

    /// Changes a balance by hand, down at most to zero. `key` makes the same correction happen once; the reason is kept.
    pub async fn adjust(
        &self,
        actor: &Actor,
        user_id: &str,
        change: Credits,
        key: &str,
        reason: &str,
    ) -> Result<Transfer, PlatformError> {
        retry!(self.adjust_once(actor, user_id, change, key, reason))
    }

    async fn adjust_once(
        &self,
        actor: &Actor,
        user_id: &str,
        change: Credits,
        key: &str,
        reason: &str,
    ) -> Result<Transfer, PlatformError> {
        actor.require(users::Role::Admin)?;
        if reason.trim().is_empty() {
            return Err(PlatformError::Invalid { field: "reason", problem: "is missing" });
        }
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        let key = format!("adjust:{user_id}:{key}");
        let event = Event { key: &key, job_id: None, actor: Some(actor.id()), reason };
        let booked = ledger::adjust(&mut tx, &moment, Adjustment { user_id, change }, event).await?;
        if !booked.repeated {
            let detail = serde_json::json!({ "change": change, "transfer": booked.transfer.id }).to_string();
            audit::append(&mut tx, &moment, actor.record("credits.adjust", Some(("user", user_id)), &detail)).await?;
        }
        tx.commit().await?;
        Ok(booked.transfer)
    }

    /// Gives back a part of what a job cost, or all of it; together never more than it cost. `key` makes the same refund happen once.
    pub async fn refund(
        &self,
        actor: &Actor,
        job_id: &str,
        amount: Credits,
        key: &str,
        reason: &str,
    ) -> Result<Transfer, PlatformError> {
        retry!(self.refund_once(actor, job_id, amount, key, reason))
    }

    async fn refund_once(
        &self,
        actor: &Actor,
        job_id: &str,
        amount: Credits,
        key: &str,
        reason: &str,
    ) -> Result<Transfer, PlatformError> {
        actor.require(users::Role::Admin)?;
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let job = jobs::lock(&mut tx, job_id).await?.ok_or(PlatformError::NotFound("job"))?;
        let key = format!("refund:{job_id}:{key}");
        let event = Event { key: &key, job_id: Some(job_id), actor: Some(actor.id()), reason };
        let booked = ledger::refund(&mut tx, &moment, &job.user_id, amount, event).await?;
        if !booked.repeated {
            if ledger::refundable(&mut tx, job_id).await? < Credits::ZERO {
                return Err(PlatformError::Invalid { field: "amount", problem: "is more than the job cost" });
            }
            let detail = serde_json::json!({ "amount": amount, "transfer": booked.transfer.id }).to_string();
            audit::append(&mut tx, &moment, actor.record("credits.refund", Some(("job", job_id)), &detail)).await?;
        }
        tx.commit().await?;
        Ok(booked.transfer)
    }

    /// What somebody's plan gives them for today and this month, if they do not have it yet. To be called when they come; the day and the
    /// month are part of the key, so that it is given once.
    pub async fn grant_periods(&self, user: &User) -> Result<(), PlatformError> {
        let now = self.context.now();
        let plan = self.catalogue.of(user, now);
        let day = now.day();
        let Month { name: month, ends: month_ends, .. } =
            month_of(now).ok_or_else(|| PlatformError::Settings("the clock is beyond the calendar".to_owned()))?;
        let periods = [
            (plan.daily_credits, "daily", format!("daily:{}:{day}", user.id), Timestamp::of_day(day + 1)),
            (plan.monthly_credits, "monthly", format!("monthly:{}:{month}", user.id), month_ends),
        ];
        for (credits, source, key, ends) in periods {
            let Some(amount) = Credits::whole(credits).filter(|&amount| amount > Credits::ZERO) else { continue };
            if ledger::transfer_by_key(&self.context.db, &key).await?.is_none() {
                if source == "monthly" {
                    // What is left of the last one first, while it can be told.
                    self.roll_over(user).await?;
                }
                let reason = format!("{} credits of the plan {}", source, plan.title);
                let grant = Grant { user_id: &user.id, amount, source, key: &key, expires_at: Some(ends), reason: &reason };
                match self.grant(grant).await {
                    // Another request was first, and the plan changed in between: what was given stays.
                    Err(PlatformError::Ledger(ledger::LedgerError::KeyReused)) => {}
                    done => drop(done?),
                }
            }
        }
        Ok(())
    }

    /// Books what has lapsed, of at most a hundred users. Returns of how many; to be called again until none is left.
    pub async fn expire(&self) -> Result<usize, PlatformError> {
        let over = ledger::accounts_with_expired_grants(&self.context.db, self.context.now(), SWEEP_USERS).await?;
        for user_id in &over {
            retry!(self.expire_once(user_id))?;
        }
        Ok(over.len())
    }

    async fn expire_once(&self, user_id: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        self.lapse(&mut tx, user_id).await?;
        Ok(tx.commit().await?)
    }

    /// How long until the daily credits of now are over.
    pub fn until_midnight(&self) -> Duration {
        let now = self.context.now();
        now.until(Timestamp::of_day(now.day() + 1))
    }
}

/// A calendar month (UTC).
#[derive(Debug, PartialEq, Eq)]
struct Month {
    /// `2028-02`.
    name: String,
    began: Timestamp,
    /// When the next one begins.
    ends: Timestamp,
}

/// The month of a time.
fn month_of(now: Timestamp) -> Option<Month> {
    let today = DateTime::from_timestamp_micros(now.0)?;
    let first = today.date_naive().with_day(1)?;
    let at = |day: NaiveDate| Timestamp(day.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
    let ends = at(first.checked_add_months(Months::new(1))?);
    Some(Month { name: today.format("%Y-%m").to_string(), began: at(first), ends })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_where_calendars_say() {
        // 2028-02-29 12:00 UTC, 2027-12-31 23:59:59.999999 UTC.
        let month =
            |name: &str, began, ends| Some(Month { name: name.to_owned(), began: Timestamp(began), ends: Timestamp(ends) });
        let february = month("2028-02", 1_832_976_000_000_000, 1_835_481_600_000_000);
        assert_eq!(month_of(Timestamp(1_835_438_400_000_000)), february);
        let december = month("2027-12", 1_827_619_200_000_000, 1_830_297_600_000_000);
        assert_eq!(month_of(Timestamp(1_830_297_599_999_999)), december);
        assert_eq!(month_of(Timestamp(i64::MAX)), None);
    }
}
