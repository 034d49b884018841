//! What may be spent with each account in a day and in a month. It fails closed: without a limit, without a known state, or where a sum does
//! not fit, nothing is spent.
//!
//! Money is set aside before a request is sent and settled when it is over; what nobody can tell counts as spent. Periods are days and
//! months of UTC, by the microseconds since 1970. A clock that goes back starts no period anew.

use chrono::{DateTime, Datelike};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Accepted, Micros};

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// In a day of UTC.
    pub day: Micros,
    /// In a month of UTC.
    pub month: Micros,
}

/// A day or a month, counted from 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Periods {
    day: u64,
    month: u64,
}

/// What was spent, in a form that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Spent {
    periods: Periods,
    /// Today.
    pub day: Micros,
    /// This month.
    pub month: Micros,
    /// Set aside for what is under way.
    pub reserved: Micros,
}

impl Spent {
    /// What is known to have been spent in the day and the month of this time.
    pub fn at(micros_utc: u64, day: Micros, month: Micros, reserved: Micros) -> Self {
        Self { periods: periods(micros_utc), day, month, reserved }
    }
}

/// The day and the month of a time, since 1970 UTC: what money is counted by.
pub fn periods_of(micros_utc: u64) -> (u64, u64) {
    let Periods { day, month } = periods(micros_utc);
    (day, month)
}

/// Money that was set aside.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[must_use = "it must be settled"]
pub struct Reservation(Micros);

impl Reservation {
    /// How much.
    pub fn amount(&self) -> Micros {
        self.0
    }
}

/// Why nothing may be spent.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverBudget {
    /// What was spent is not known.
    #[error("what was spent with this provider is not known")]
    Unknown,
    /// The day's is used up.
    #[error("the provider's budget of the day is used up")]
    Day,
    /// The month's is used up.
    #[error("the provider's budget of the month is used up")]
    Month,
}

/// One account's budget.
#[derive(Debug, Clone)]
pub struct Budget {
    limit: Limit,
    spent: Option<Spent>,
}

impl Budget {
    /// With what is known to have been spent; `None` if that cannot be told, and then nothing is.
    pub fn new(limit: Limit, spent: Option<Spent>) -> Self {
        Self { limit, spent }
    }

    /// The limits.
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// What was spent, to be stored.
    pub fn spent(&self) -> Option<Spent> {
        self.spent
    }

    /// What was spent in the periods that it is now, to be shown.
    pub fn spent_at(&self, micros_utc: u64) -> Option<Spent> {
        self.spent.map(|spent| current(spent, micros_utc))
    }

    /// What is now known to have been spent.
    pub fn learn(&mut self, spent: Spent) {
        self.spent = Some(spent);
    }

    /// Whether so much could be set aside. `micros_utc` is the time since 1970.
    pub fn check(&self, amount: Micros, micros_utc: u64) -> Result<(), OverBudget> {
        let spent = current(self.spent.ok_or(OverBudget::Unknown)?, micros_utc);
        let with = |spent_before: Micros| spent_before.0.checked_add(spent.reserved.0)?.checked_add(amount.0);
        if with(spent.day).is_none_or(|sum| sum > self.limit.day.0) {
            return Err(OverBudget::Day);
        }
        if with(spent.month).is_none_or(|sum| sum > self.limit.month.0) {
            return Err(OverBudget::Month);
        }
        Ok(())
    }

    /// Sets money aside.
    pub fn reserve(&mut self, amount: Micros, micros_utc: u64) -> Result<Reservation, OverBudget> {
        self.check(amount, micros_utc)?;
        let mut spent = current(self.spent.ok_or(OverBudget::Unknown)?, micros_utc);
        spent.reserved = spent.reserved.plus(amount);
        self.spent = Some(spent);
        Ok(Reservation(amount))
    }

    /// What came of it: `cost` is what the pictures that were delivered cost, or nothing if it failed; what may have been taken on counts as
    /// paid in full.
    pub fn settle(&mut self, reservation: Reservation, outcome: Result<Micros, Accepted>, micros_utc: u64) {
        let Reservation(amount) = reservation;
        let cost = match outcome {
            Ok(cost) => cost,
            Err(Accepted::No) => Micros::ZERO,
            Err(Accepted::Unknown | Accepted::Yes) => amount,
        };
        let Some(spent) = self.spent else { return };
        let mut spent = current(spent, micros_utc);
        spent.reserved = spent.reserved.minus(amount);
        spent.day = spent.day.plus(cost);
        spent.month = spent.month.plus(cost);
        self.spent = Some(spent);
    }
}

/// What was spent in the periods that it is now.
fn current(mut spent: Spent, micros_utc: u64) -> Spent {
    let now = periods(micros_utc);
    if now.day > spent.periods.day {
        (spent.periods.day, spent.day) = (now.day, Micros::ZERO);
    }
    if now.month > spent.periods.month {
        (spent.periods.month, spent.month) = (now.month, Micros::ZERO);
    }
    spent
}

/// Day and month since 1970. A time that no calendar has is in the last month there is.
fn periods(micros_utc: u64) -> Periods {
    let time = i64::try_from(micros_utc).ok().and_then(DateTime::from_timestamp_micros);
    let month = time.map(|time| i64::from(time.year()) * 12 + i64::from(time.month0()) - 1970 * 12);
    Periods { day: micros_utc / 86_400_000_000, month: month.and_then(|month| u64::try_from(month).ok()).unwrap_or(u64::MAX) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000_000;

    #[test]
    fn months_are_those_of_the_calendar() {
        // Days since 1970 of known dates.
        for (days, month) in [
            (0, 0),
            (30, 0),
            (31, 1),
            (58, 1),
            (59, 2),
            (789, 25),
            (790, 26),
            (11_016, 361),
            (11_017, 362),
            (20_757, 681),
            (20_758, 682),
        ] {
            assert_eq!(periods(days * DAY).month, month, "day {days}");
        }
    }

    #[test]
    fn what_is_set_aside_counts_and_what_nobody_can_tell_is_spent() {
        let limit = Limit { day: Micros(100), month: Micros(150) };
        let mut budget = Budget::new(limit, Some(Spent::default()));
        let first = budget.reserve(Micros(60), 0).unwrap();
        assert_eq!(budget.reserve(Micros(41), 0), Err(OverBudget::Day));
        let second = budget.reserve(Micros(40), 0).unwrap();
        budget.settle(first, Err(Accepted::Unknown), 0);
        budget.settle(second, Err(Accepted::No), 0);
        assert_eq!(budget.spent().map(|spent| (spent.day, spent.reserved)), Some((Micros(60), Micros(0))));
        // The next day has its own, the month goes on.
        let third = budget.reserve(Micros(90), DAY).unwrap();
        budget.settle(third, Ok(Micros(30)), DAY);
        assert_eq!(budget.reserve(Micros(61), DAY), Err(OverBudget::Month));
        // A clock that goes back gives nothing back.
        assert_eq!(budget.reserve(Micros(71), 0), Err(OverBudget::Day));
        let next_month = budget.reserve(Micros(100), 40 * DAY).unwrap();
        budget.settle(next_month, Ok(Micros(100)), 40 * DAY);
    }

    #[test]
    fn it_fails_closed() {
        let limit = Limit { day: Micros(u64::MAX), month: Micros(u64::MAX) };
        assert_eq!(Budget::new(limit, None).reserve(Micros(1), 0), Err(OverBudget::Unknown));
        let mut budget = Budget::new(limit, Some(Spent::default()));
        let all = budget.reserve(Micros(u64::MAX), 0).unwrap();
        assert_eq!(budget.check(Micros(1), 0), Err(OverBudget::Day), "a sum that does not fit");
        budget.settle(all, Ok(Micros(u64::MAX)), 0);
        assert_eq!(budget.check(Micros(1), 0), Err(OverBudget::Day));
        let none = Budget::new(Limit { day: Micros::ZERO, month: Micros::ZERO }, Some(Spent::default()));
        assert_eq!(none.check(Micros(1), 0), Err(OverBudget::Day));
    }
}
