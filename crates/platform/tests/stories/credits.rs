//! Credits of a plan's day and month, corrections, and credits that end.

use std::time::Duration;

use crate::common::{Outcome, World, job_for};
use easel_platform::{
    PlatformError,
    accounts::Actor,
    credits::{CreditDesk, Grant, Rollover},
    jobs::Jobs,
    plans::Catalogue,
};
use easel_store::{Credits, ledger::Page};
use easel_testing::on_both_engines;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Into the first minute of the next month.
fn until_next_month(world: &World) -> Duration {
    use chrono::{Datelike, Months, NaiveTime};
    let now = world.context.now();
    let today = chrono::DateTime::from_timestamp_micros(now.0).expect("a time").date_naive();
    let next = today.with_day(1).and_then(|first| first.checked_add_months(Months::new(1))).expect("a month");
    let next = next.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
    Duration::from_micros(u64::try_from(next - now.0).expect("it is later")) + Duration::from_secs(60)
}

on_both_engines! {
    async fn a_plans_credits_come_once_and_end(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let text = include_str!("../../src/plans.toml").replacen("signup_credits = 100", "signup_credits = 100\ndaily_credits = 10", 1);
        let desk = CreditDesk::new(world.context.clone(), Catalogue::parse(&text)?);
        let calls: Vec<_> = (0..6).map(|_| {
            let (desk, user) = (desk.clone(), user.clone());
            tokio::spawn(async move { desk.grant_periods(&user).await })
        }).collect();
        for call in calls {
            call.await??;
        }
        assert_eq!(world.balance(&user.id).await?, (110, 0));
        let rest = desk.until_midnight();
        assert!(rest <= DAY && rest > Duration::ZERO);
        world.clock.advance(rest);
        assert_eq!(desk.expire().await?, 1);
        assert_eq!(world.balance(&user.id).await?, (100, 0), "yesterday's are gone");
        desk.grant_periods(&user).await?;
        assert_eq!((world.balance(&user.id).await?, desk.expire().await?), ((110, 0), 0));

        world.accounts.set_plan(&Actor::operator(), &user.id, "basic", None).await?;
        assert_eq!(world.balance(&user.id).await?, (410, 0), "a month's worth at once");
        world.desk.grant_periods(&world.accounts.get(&user.id).await?).await?;
        assert_eq!(world.balance(&user.id).await?, (410, 0), "and once");
        world.clock.advance(DAY * 32);
        world.desk.expire().await?;
        assert_eq!(world.balance(&user.id).await?, (100, 0));
        world.desk.grant_periods(&world.accounts.get(&user.id).await?).await?;
        assert_eq!(world.balance(&user.id).await?, (400, 0), "the next month's");
        assert_eq!(world.desk.grants(&user.id).await?.len(), 2);
        world.assert_clean().await?;
    }

    async fn what_is_left_of_a_month_is_carried_over_once_and_not_without_end(database: &Database) {
        let world = World::open(database).await?;
        let rolling = |max| -> Outcome<CreditDesk> {
            Ok(CreditDesk::new(world.context.clone(), world.catalogue.clone().with_rollover(Rollover { max })?))
        };
        assert!(world.catalogue.clone().with_rollover(Rollover { max: Some(-1) }).is_err());
        let (whole, capped) = (rolling(None)?, rolling(Some(50))?);
        let ada = world.user("ada", 0).await?;
        world.accounts.set_plan(&Actor::operator(), &ada.id, "basic", None).await?;
        let ada = world.accounts.get(&ada.id).await?;
        assert_eq!(world.balance(&ada.id).await?, (400, 0), "100 for ever and 300 a month");
        // A job that is open when the month ends holds 4 of them.
        let held = world.jobs.submit(job_for(&ada.id, 4)).await?.job;
        world.clock.advance(until_next_month(&world));
        // Six at once, and the sweep besides.
        let calls: Vec<_> = (0..6).map(|_| {
            let (desk, user) = (whole.clone(), ada.clone());
            tokio::spawn(async move { desk.grant_periods(&user).await })
        }).collect();
        for call in calls {
            call.await??;
        }
        while whole.expire().await? > 0 {}
        whole.grant_periods(&ada).await?;
        assert_eq!(world.balance(&ada.id).await?, (100 + 296 + 300, 4));
        let grants = whole.grants(&ada.id).await?;
        let carried = grants.iter().find(|grant| grant.source == "rollover").ok_or("a rollover")?;
        let monthly = grants.iter().find(|grant| grant.source == "monthly").ok_or("a month's")?;
        assert_eq!((carried.remaining.0 / Credits::UNIT, carried.expires_at), (296, monthly.expires_at));
        // What the job lets go later is of the last month too, and is carried over when it lapses.
        world.jobs.cancel(&ada.id, &held.id).await?;
        while whole.expire().await? > 0 {}
        assert_eq!(world.balance(&ada.id).await?, (700, 0));
        world.deliver_events().await?;
        // Of 600 that are left of the second month, a month's worth is kept.
        world.clock.advance(until_next_month(&world));
        while whole.expire().await? > 0 {}
        whole.grant_periods(&ada).await?;
        assert_eq!(world.balance(&ada.id).await?, (100 + 300 + 300, 0));
        // The operator may say how much.
        let bob = world.user("bob", 0).await?;
        world.accounts.set_plan(&Actor::operator(), &bob.id, "basic", None).await?;
        let bob = world.accounts.get(&bob.id).await?;
        world.clock.advance(until_next_month(&world));
        for _ in 0..2 {
            while capped.expire().await? > 0 {}
            capped.grant_periods(&bob).await?;
        }
        assert_eq!(world.balance(&bob.id).await?, (100 + 50 + 300, 0));
        // Without a plan of that kind there is nothing to keep, and without the setting nothing is kept.
        world.accounts.set_plan(&Actor::operator(), &bob.id, "free", None).await?;
        world.clock.advance(until_next_month(&world));
        while capped.expire().await? > 0 {}
        assert_eq!(world.balance(&bob.id).await?, (100, 0));
        world.assert_clean().await?;
    }

    async fn corrections_need_a_rank_a_reason_and_happen_once(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let by = |change: i64| Credits::whole(change).expect("fits");
        let operator = Actor::operator();
        assert!(matches!(world.desk.adjust(&Actor::user(&user), &user.id, by(5), "k", "please").await, Err(PlatformError::Forbidden(_))));
        assert!(matches!(world.desk.adjust(&operator, &user.id, by(5), "k", " ").await, Err(PlatformError::Invalid { .. })));
        assert!(matches!(world.desk.adjust(&operator, "nobody", by(5), "k", "why").await, Err(PlatformError::NotFound("user"))));
        for _ in 0..3 {
            world.desk.adjust(&operator, &user.id, by(5), "ticket-7", "an outage").await?;
        }
        assert_eq!(world.balance(&user.id).await?, (105, 0));
        let too_much = world.desk.adjust(&operator, &user.id, by(-106), "ticket-8", "a mistake").await;
        assert!(matches!(too_much, Err(PlatformError::InsufficientCredits { .. })), "{too_much:?}");
        world.desk.adjust(&operator, &user.id, by(-105), "ticket-9", "a mistake").await?;
        assert_eq!(world.balance(&user.id).await?, (0, 0));
        let history = world.desk.history(&user.id, &Page { before: None, limit: 10 }).await?;
        let mut reasons: Vec<_> = history.iter().map(|transfer| (transfer.reason.as_str(), transfer.posted_after.0 / Credits::UNIT)).collect();
        reasons.sort_unstable();
        assert_eq!(reasons, [("a mistake", 0), ("an outage", 105), ("welcome", 100)]);
        world.assert_clean().await?;
    }

    async fn a_refund_is_at_most_what_the_job_cost(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        world.jobs.submit(job_for(&user.id, 4)).await?;
        let job = world.jobs.claim("w", None, 1).await?.remove(0);
        let operator = Actor::operator();
        let by = |credits: i64| Credits::whole(credits).expect("fits");
        let early = world.desk.refund(&operator, &job.id, by(1), "early", "not done yet").await;
        assert!(matches!(early, Err(PlatformError::Invalid { field: "amount", .. })), "{early:?}");
        world.jobs.finish(&Jobs::lease_of(&job).ok_or("a lease")?, &world.draw(&job, 4).await?).await?;
        for _ in 0..2 {
            world.desk.refund(&operator, &job.id, by(3), "ticket-1", "three were blurred").await?;
        }
        let more = world.desk.refund(&operator, &job.id, by(2), "ticket-2", "the others too").await;
        assert!(matches!(more, Err(PlatformError::Invalid { field: "amount", .. })), "{more:?}");
        world.desk.refund(&operator, &job.id, by(1), "ticket-2", "the other too").await?;
        assert_eq!(world.balance(&user.id).await?, (100, 0));
        let refused = world.desk.refund(&Actor::user(&user), &job.id, by(1), "k", "please").await;
        assert!(matches!(refused, Err(PlatformError::Forbidden(_))), "{refused:?}");
        world.assert_clean().await?;
    }

    async fn a_payment_is_credited_once_however_often_it_is_told(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let calls: Vec<_> = (0..10).map(|_| {
            let (desk, user_id) = (world.desk.clone(), user.id.clone());
            tokio::spawn(async move {
                let amount = Credits::whole(500).expect("fits");
                let grant = Grant { user_id: &user_id, amount, source: "purchase", key: "pay:stripe:pi_1", expires_at: None, reason: "500 credits" };
                desk.grant(grant).await.map(|transfer| transfer.id)
            })
        }).collect();
        let mut ids = std::collections::BTreeSet::new();
        for call in calls {
            ids.insert(call.await??);
        }
        assert_eq!((ids.len(), world.balance(&user.id).await?), (1, (600, 0)));
    }
}
