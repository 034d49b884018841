//! Holds, captures, releases, grants that end: each booked once, all of it summing to zero.

use std::time::Duration;

use crate::common::{NOON, at, open};
use easel_store::{
    Credits, Db, RandomIds, StoreError, Timestamp, Tx, check,
    ledger::{self, AccountKind, Booked, Event, LedgerError, NewGrant, NewHold},
};
use easel_testing::on_both_engines;

fn event(key: &str) -> Event<'_> {
    Event { key, job_id: None, actor: None, reason: "test" }
}

fn hold_of(amount: i64) -> NewHold<'static> {
    NewHold { user_id: "u", account: AccountKind::Credits, amount: Credits(amount) }
}

fn grant_of(amount: i64, expires_at: Option<Timestamp>) -> NewGrant<'static> {
    NewGrant { user_id: "u", amount: Credits(amount), source: "purchase", expires_at }
}

/// Nothing in the ledger is off.
pub async fn assert_clean(db: &Db) -> Result<(), StoreError> {
    let mut tx = db.begin_read().await?;
    let empty: Vec<check::Off> = Vec::new();
    assert_eq!(check::unbalanced_transfers(&mut tx).await?, empty);
    assert_eq!(check::wrong_posted(&mut tx).await?, empty);
    assert_eq!(check::wrong_pending(&mut tx).await?, empty);
    assert_eq!(check::wrong_grants(&mut tx).await?, empty);
    assert_eq!(check::negative(&mut tx).await?, empty);
    Ok(())
}

async fn available(db: &Db) -> Result<(i64, i64), StoreError> {
    let balance = ledger::balance(db, "u").await?;
    Ok((balance.available.0, balance.pending.0))
}

on_both_engines! {
    async fn a_hold_is_captured_in_part_and_the_rest_is_free(database: &Database) {
        let (db, ids) = (open(database).await?, RandomIds::seeded(1));
        let now = at(NOON, &ids);
        let mut tx = db.begin().await?;
        ledger::grant(&mut tx, &now, grant_of(100, None), event("g")).await?;
        let held = ledger::hold(&mut tx, &now, hold_of(60), event("h")).await?;
        tx.commit().await?;
        assert_eq!(available(&db).await?, (40, 60));

        let mut tx = db.begin().await?;
        let refused = ledger::hold(&mut tx, &now, hold_of(41), event("h2")).await;
        assert!(matches!(refused, Err(LedgerError::Insufficient { needed: Credits(41), available: Credits(40) })), "{refused:?}");
        drop(tx);

        let mut tx = db.begin().await?;
        let above = ledger::capture(&mut tx, &now, &held.transfer.id, Credits(61), event("c")).await;
        assert!(matches!(above, Err(LedgerError::AboveHold)), "{above:?}");
        let captured = ledger::capture(&mut tx, &now, &held.transfer.id, Credits(45), event("c")).await?;
        assert!(!captured.repeated);
        let again = ledger::capture(&mut tx, &now, &held.transfer.id, Credits(45), event("c")).await?;
        assert_eq!((again.repeated, &again.transfer), (true, &captured.transfer));
        let other = ledger::release(&mut tx, &now, &held.transfer.id, event("r")).await;
        assert!(matches!(other, Err(LedgerError::Resolved)), "{other:?}");
        tx.commit().await?;
        assert_eq!(available(&db).await?, (55, 0));
        let balance = ledger::balance(&db, "u").await?;
        assert_eq!((balance.earned, balance.spent), (Credits(100), Credits(45)));
        assert_clean(&db).await?;
    }

    async fn an_event_is_booked_once_and_its_key_is_its_own(database: &Database) {
        let (db, ids) = (open(database).await?, RandomIds::seeded(2));
        let now = at(NOON, &ids);
        for round in 0..3 {
            let mut tx = db.begin().await?;
            let granted = ledger::grant(&mut tx, &now, grant_of(10, None), event("invoice-7")).await?;
            assert_eq!(granted.repeated, round > 0);
            tx.commit().await?;
        }
        let mut tx = db.begin().await?;
        let other = ledger::grant(&mut tx, &now, grant_of(11, None), event("invoice-7")).await;
        assert!(matches!(other, Err(LedgerError::KeyReused)), "{other:?}");
        drop(tx);
        assert_eq!(available(&db).await?, (10, 0));
        for amount in [0, -1, i64::MIN] {
            let mut tx = db.begin().await?;
            assert!(matches!(ledger::hold(&mut tx, &now, hold_of(amount), event("n")).await, Err(LedgerError::Amount)));
            assert!(matches!(ledger::grant(&mut tx, &now, grant_of(amount, None), event("n")).await, Err(LedgerError::Amount)));
        }
        let mut tx = db.begin().await?;
        let too_much = ledger::grant(&mut tx, &now, grant_of(i64::MAX, None), event("n")).await;
        assert!(matches!(too_much, Err(LedgerError::Amount)), "more than fits: {too_much:?}");
    }

    async fn what_ends_first_is_spent_first_and_lapses(database: &Database) {
        let (db, ids) = (open(database).await?, RandomIds::seeded(3));
        let hour = Duration::from_secs(3600);
        let mut tx = db.begin().await?;
        ledger::grant(&mut tx, &at(NOON, &ids), grant_of(50, None), event("bought")).await?;
        ledger::grant(&mut tx, &at(NOON, &ids), grant_of(10, Some(NOON.after(hour))), event("daily")).await?;
        ledger::grant(&mut tx, &at(NOON, &ids), grant_of(20, Some(NOON.after(hour * 24))), event("monthly")).await?;
        let held = ledger::hold(&mut tx, &at(NOON, &ids), hold_of(15), event("h")).await?;
        tx.commit().await?;
        let left: Vec<i64> = ledger::grants(&db, "u").await?.iter().map(|grant| grant.remaining.0).collect();
        assert_eq!(left, [15, 50], "all of the daily and five of the monthly are set aside");

        // Half is spent: the part that ends first; the rest goes back to what ends last.
        let late = NOON.after(hour * 2);
        let mut tx = db.begin().await?;
        ledger::capture(&mut tx, &at(late, &ids), &held.transfer.id, Credits(7), event("c")).await?;
        tx.commit().await?;
        assert_eq!(available(&db).await?, (73, 0));
        assert_eq!(ledger::accounts_with_expired_grants(&db, late, 10).await?, ["u"]);
        let mut tx = db.begin().await?;
        assert_eq!(ledger::expire(&mut tx, &at(late, &ids), "u").await?, Credits(3), "three of the daily came back too late");
        tx.commit().await?;
        assert!(ledger::accounts_with_expired_grants(&db, late, 10).await?.is_empty());

        // A hold takes no lapsed credits, sweep or not.
        let mut tx = db.begin().await?;
        let refused = ledger::hold(&mut tx, &at(NOON.after(hour * 48), &ids), hold_of(51), event("h2")).await;
        assert!(matches!(refused, Err(LedgerError::Insufficient { available: Credits(50), .. })), "{refused:?}");
        drop(tx);
        assert_clean(&db).await?;
    }

    async fn what_is_only_counted_never_runs_out(database: &Database) {
        let (db, ids) = (open(database).await?, RandomIds::seeded(4));
        let now = at(NOON, &ids);
        let mut tx = db.begin().await?;
        let metered = NewHold { account: AccountKind::Metered, ..hold_of(1000) };
        let held = ledger::hold(&mut tx, &now, metered, event("h")).await?;
        ledger::capture(&mut tx, &now, &held.transfer.id, Credits(1000), event("c")).await?;
        tx.commit().await?;
        let balance = ledger::balance(&db, "u").await?;
        assert_eq!((balance.metered, balance.posted), (Credits(1000), Credits(0)));
        assert_eq!(ledger::history(&db, "u", &ledger::Page { before: None, limit: 10 }).await?.len(), 2);
        assert_clean(&db).await?;
    }

    async fn corrections_go_down_to_zero_and_no_further(database: &Database) {
        let (db, ids) = (open(database).await?, RandomIds::seeded(5));
        let now = at(NOON, &ids);
        let by = |change| ledger::Adjustment { user_id: "u", change: Credits(change) };
        let mut tx = db.begin().await?;
        ledger::adjust(&mut tx, &now, by(30), event("up")).await?;
        ledger::hold(&mut tx, &now, hold_of(10), event("h")).await?;
        let refused = ledger::adjust(&mut tx, &now, by(-21), event("down")).await;
        assert!(matches!(refused, Err(LedgerError::Insufficient { available: Credits(20), .. })), "{refused:?}");
        ledger::adjust(&mut tx, &now, by(-20), event("down")).await?;
        assert!(ledger::adjust(&mut tx, &now, by(-20), event("down")).await?.repeated);
        ledger::refund(&mut tx, &now, "u", Credits(3), event("back")).await?;
        tx.commit().await?;
        assert_eq!(available(&db).await?, (3, 10));
        assert_clean(&db).await?;
    }

    async fn random_bookings_agree_with_a_model(database: &Database) {
        let db = open(database).await?;
        let sequences = std::env::var("EASEL_TEST_LEDGER_SEQUENCES").ok().and_then(|text| text.parse().ok()).unwrap_or(25);
        for seed in 0..sequences {
            model::run(&db, seed).await.map_err(|error| format!("seed {seed}: {error}"))?;
        }
        assert_clean(&db).await?;
    }
}

/// A reference in memory that keeps no sums: what can be spent is what its grants have left.
mod model {
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    /// A hold's name and its parts of grants (number, amount) in spending order.
    type Open = (String, Vec<(usize, i64)>);

    #[derive(Default)]
    struct Model {
        /// (ends, number, remaining)
        grants: Vec<(i64, usize, i64)>,
        /// `None` once it is resolved.
        holds: Vec<Option<Open>>,
        spent: i64,
    }

    impl Model {
        fn available(&self) -> i64 {
            self.grants.iter().map(|grant| grant.2).sum()
        }

        fn pending(&self) -> i64 {
            self.holds.iter().flatten().flat_map(|(_, parts)| parts).map(|part| part.1).sum()
        }

        fn lapse(&mut self, now: i64) {
            self.grants.iter_mut().filter(|grant| grant.0 <= now).for_each(|grant| grant.2 = 0);
        }

        fn take(&mut self, mut amount: i64) -> Vec<(usize, i64)> {
            let mut order: Vec<usize> = (0..self.grants.len()).collect();
            order.sort_by_key(|&at| (self.grants[at].0, self.grants[at].1));
            let mut parts = Vec::new();
            for at in order {
                let part = amount.min(self.grants[at].2);
                if part > 0 {
                    self.grants[at].2 -= part;
                    amount -= part;
                    parts.push((at, part));
                }
            }
            parts
        }

        fn resolve(&mut self, hold: usize, spent: i64) {
            let (_, parts) = self.holds[hold].take().expect("open");
            let mut to_spend = spent;
            for (grant, part) in parts {
                let used = to_spend.min(part);
                to_spend -= used;
                self.grants[grant].2 += part - used;
            }
            self.spent += spent;
        }
    }

    pub async fn run(db: &Db, seed: u64) -> Result<(), Box<dyn std::error::Error>> {
        let user = format!("model-{seed}");
        let (mut random, ids) = (StdRng::seed_from_u64(seed), RandomIds::seeded(seed ^ 0xabcd));
        let (mut model, mut now) = (Model::default(), NOON.0);
        for step in 0..40_usize {
            let key = format!("{user}:{step}");
            // Time moves, so that names, and with them equal ends, sort as they were made.
            now += random.random_range(1_000..3_000_000);
            let mut tx = db.begin().await?;
            let moment = at(Timestamp(now), &ids);
            match random.random_range(0..10) {
                0..=2 => grant(&mut tx, &moment, &user, &key, &mut random, &mut model).await?,
                3..=5 => hold(&mut tx, &moment, &user, &key, &mut random, &mut model).await?,
                6..=8 => resolve(&mut tx, &moment, &key, &mut random, &mut model).await?,
                _ => {
                    ledger::expire(&mut tx, &moment, &user).await?;
                    model.lapse(now);
                }
            }
            tx.commit().await?;
            let balance = ledger::balance(db, &user).await?;
            let told = (balance.available.0, balance.pending.0, balance.spent.0);
            assert_eq!(told, (model.available(), model.pending(), model.spent), "seed {seed}, step {step}");
        }
        Ok(())
    }

    async fn grant(
        tx: &mut Tx,
        at: &easel_store::Moment<'_>,
        user: &str,
        key: &str,
        random: &mut StdRng,
        model: &mut Model,
    ) -> Result<(), LedgerError> {
        let amount = random.random_range(1..50);
        let ends = random.random_bool(0.7).then(|| at.now.0 + random.random_range(1..40_000_000));
        let new = NewGrant { user_id: user, amount: Credits(amount), source: "daily", expires_at: ends.map(Timestamp) };
        let booked = ledger::grant(tx, at, new, event(key)).await?;
        assert!(!booked.repeated);
        assert!(ledger::grant(tx, at, new, event(key)).await?.repeated);
        model.grants.push((ends.unwrap_or(i64::MAX), model.grants.len(), amount));
        Ok(())
    }

    async fn hold(
        tx: &mut Tx,
        at: &easel_store::Moment<'_>,
        user: &str,
        key: &str,
        random: &mut StdRng,
        model: &mut Model,
    ) -> Result<(), LedgerError> {
        let amount = random.random_range(1..60);
        model.lapse(at.now.0);
        let new = NewHold { user_id: user, account: AccountKind::Credits, amount: Credits(amount) };
        match ledger::hold(tx, at, new, event(key)).await {
            Ok(Booked { transfer, repeated }) => {
                assert!(!repeated && amount <= model.available(), "held {amount} of {}", model.available());
                let parts = model.take(amount);
                model.holds.push(Some((transfer.id, parts)));
            }
            Err(LedgerError::Insufficient { available, .. }) => {
                assert_eq!(available.0, model.available());
                assert!(amount > model.available());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn resolve(
        tx: &mut Tx,
        at: &easel_store::Moment<'_>,
        key: &str,
        random: &mut StdRng,
        model: &mut Model,
    ) -> Result<(), LedgerError> {
        let open: Vec<usize> = (0..model.holds.len()).filter(|&at| model.holds[at].is_some()).collect();
        let Some(&hold) = open.get(random.random_range(0..open.len().max(1))) else { return Ok(()) };
        let (id, parts) = model.holds[hold].clone().expect("open");
        let held: i64 = parts.iter().map(|part| part.1).sum();
        let spent = random.random_range(0..=held);
        let booked = ledger::capture(tx, at, &id, Credits(spent), event(key)).await?;
        assert_eq!(booked.transfer.kind, if spent == 0 { "release" } else { "capture" });
        assert!(ledger::capture(tx, at, &id, Credits(spent), event(key)).await?.repeated);
        model.resolve(hold, spent);
        Ok(())
    }
}
