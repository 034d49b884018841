//! What a plan gave for a month and was not used, where the operator lets it be carried into the next month: up to so many credits, once, until
//! that month ends. What was carried before and is left counts with it, so that nobody saves up more than that.

use easel_store::{
    Credits, Timestamp, Tx,
    ledger::{self, RollOver},
    users::{self, User},
};

use super::{CreditDesk, month_of};
use crate::{PlatformError, context::retry};

/// How much is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rollover {
    /// Whole credits at most; `None` is what the plan gives in a month.
    pub max: Option<i64>,
}

impl CreditDesk {
    /// Carries over what is left of somebody's last month, if they may keep it. Done again, it changes nothing.
    pub(super) async fn roll_over(&self, user: &User) -> Result<(), PlatformError> {
        if self.carried(user, self.context.now()).is_none() {
            return Ok(());
        }
        retry!(self.roll_over_once(user))
    }

    async fn roll_over_once(&self, user: &User) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        self.roll_over_in(&mut tx, user).await?;
        Ok(tx.commit().await?)
    }

    /// Books what has lapsed of somebody's, and carries over what they may keep of it.
    pub(super) async fn lapse(&self, tx: &mut Tx, user_id: &str) -> Result<(), PlatformError> {
        // Without their row, because they were forgotten, there is nobody to keep anything.
        match users::lock(tx, user_id).await? {
            Some(user) => self.roll_over_in(tx, &user).await,
            None => {
                ledger::expire(tx, &self.context.moment(), user_id).await?;
                Ok(())
            }
        }
    }

    async fn roll_over_in(&self, tx: &mut Tx, user: &User) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        match self.carried(user, moment.now) {
            Some((max, began, ends)) => {
                let roll = RollOver { user_id: &user.id, ended: began, until: ends, max };
                ledger::roll_over(tx, &moment, roll).await?;
            }
            None => {
                ledger::expire(tx, &moment, &user.id).await?;
            }
        }
        Ok(())
    }

    /// How much somebody may keep, and when this month began and ends; `None` where nothing is carried over, as by who has no plan with credits
    /// of a month any more.
    fn carried(&self, user: &User, now: Timestamp) -> Option<(Credits, Timestamp, Timestamp)> {
        let rollover = self.catalogue.rollover()?;
        let monthly = self.catalogue.of(user, now).monthly_credits;
        let max = Credits::whole(rollover.max.unwrap_or(monthly)).filter(|&max| monthly > 0 && max > Credits::ZERO)?;
        let month = month_of(now)?;
        Some((max, month.began, month.ends))
    }
}
