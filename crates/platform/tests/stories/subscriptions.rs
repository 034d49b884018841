//! What is paid for gives a plan, once and for as long as it is paid.

use std::time::Duration;

use crate::common::World;
use easel_platform::{
    PlatformError,
    accounts::Actor,
    housekeeping::{Housekeeping, Retention},
    subscriptions::NewSubscription,
};
use easel_store::Timestamp;
use easel_testing::on_both_engines;

const DAY: Duration = Duration::from_secs(24 * 3600);

on_both_engines! {
    async fn a_plan_lasts_as_long_as_it_is_paid(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 0).await?, world.user("eve", 0).await?);
        let month = |number: u32| (world.context.now().after(DAY * 30 * number), world.context.now().after(DAY * 30 * (number + 1)));
        let (first, second) = (month(0), month(1));
        let new = NewSubscription { user_id: &ada.id, plan: "basic", provider: "pay", provider_ref: Some("sub_1"), period: first };
        let subscriptions = &world.subscriptions;
        let actor = Actor::user(&ada);
        let begun = subscriptions.begin(&actor, new).await?;
        assert_eq!(subscriptions.begin(&actor, new).await?.id, begun.id, "told twice, begun once");
        assert!(matches!(subscriptions.begin(&actor, NewSubscription { provider_ref: Some("sub_2"), ..new }).await, Err(PlatformError::Taken(_))));
        assert!(matches!(subscriptions.begin(&actor, NewSubscription { user_id: &eve.id, ..new }).await, Err(PlatformError::Taken(_))));
        assert!(matches!(subscriptions.begin(&actor, NewSubscription { plan: "gold", ..new }).await, Err(PlatformError::NotFound("plan"))));
        let plan = async |user: &str| -> crate::common::Outcome<String> {
            let user = world.accounts.get(user).await?;
            Ok(world.catalogue.of(&user, world.context.now()).name.clone())
        };
        assert_eq!(plan(&ada.id).await?, "basic");
        assert_eq!(world.balance(&ada.id).await?.0, 400, "a welcome and a month");
        // Late, then paid; told again, and of the month before.
        world.clock.advance(DAY * 31);
        subscriptions.payment_failed("pay", "sub_1").await?;
        assert_eq!((subscriptions.end_due().await?, plan(&ada.id).await?.as_str()), (0, "basic"), "a few days of grace");
        for period in [second, second, first] {
            let renewed = subscriptions.renewed("pay", "sub_1", period).await?;
            assert_eq!((renewed.period_ends_at, renewed.state.as_str()), (second.1, "active"));
        }
        world.clock.advance(DAY * 33);
        assert_eq!(plan(&ada.id).await?, "free", "by itself, even before anybody looks");
        let keeping = Housekeeping::new(world.context.clone(), world.desk.clone(), world.privacy.clone(), Retention::default());
        assert_eq!((keeping.run().await?.subscriptions_ended, subscriptions.end_due().await?), (1, 0));
        assert_eq!(subscriptions.of(&ada.id).await?[0].state, "expired");
        assert_eq!(subscriptions.renewed("pay", "sub_1", (second.1, Timestamp(i64::MAX))).await?.state, "expired", "what is over stays over");
        assert!(matches!(subscriptions.payment_failed("pay", "other").await, Err(PlatformError::NotFound("subscription"))));
        world.assert_clean().await?;
    }

    async fn dearer_at_once_cheaper_with_the_next_period(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 0).await?, world.user("eve", 0).await?);
        let now = world.context.now();
        let (first, second) = ((now, now.after(DAY * 30)), (now.after(DAY * 30), now.after(DAY * 60)));
        let new = NewSubscription { user_id: &ada.id, plan: "basic", provider: "pay", provider_ref: Some("sub_1"), period: first };
        let (subscriptions, actor) = (&world.subscriptions, Actor::user(&ada));
        subscriptions.begin(&actor, new).await?;
        assert!(matches!(subscriptions.change_plan(&Actor::user(&eve), &ada.id, "pro").await, Err(PlatformError::Forbidden(_))));
        assert_eq!(subscriptions.change_plan(&actor, &ada.id, "premium").await?.plan, "pro");
        assert_eq!(world.accounts.get(&ada.id).await?.plan, "pro");
        let cheaper = subscriptions.change_plan(&actor, &ada.id, "basic").await?;
        assert_eq!((cheaper.plan.as_str(), cheaper.next_plan.as_deref()), ("pro", Some("basic")));
        assert_eq!(subscriptions.change_plan(&actor, &ada.id, "pro").await?.next_plan, None, "taken back");
        subscriptions.change_plan(&actor, &ada.id, "basic").await?;
        let renewed = subscriptions.renewed("pay", "sub_1", second).await?;
        assert_eq!((renewed.plan.as_str(), renewed.next_plan), ("basic", None));
        assert_eq!(world.accounts.get(&ada.id).await?.plan, "basic");
        assert!(subscriptions.set_cancelled(&actor, &ada.id, true).await?.cancel_at_period_end);
        assert!(!subscriptions.set_cancelled(&actor, &ada.id, false).await?.cancel_at_period_end);
        subscriptions.set_cancelled(&actor, &ada.id, true).await?;
        world.clock.advance(DAY * 59);
        assert_eq!(subscriptions.end_due().await?, 0);
        world.clock.advance(DAY);
        assert_eq!(subscriptions.end_due().await?, 1, "without grace");
        assert_eq!((subscriptions.of(&ada.id).await?[0].state.as_str(), world.accounts.get(&ada.id).await?.plan.as_str()), ("cancelled", "free"));
        assert!(matches!(subscriptions.set_cancelled(&actor, &ada.id, true).await, Err(PlatformError::NotFound("subscription"))));
        let actions: Vec<String> = easel_store::audit::list(&world.context.db, 0, 100).await?.into_iter().map(|record| record.action).collect();
        assert_eq!(actions.iter().filter(|action| action.starts_with("subscription.")).count(), 10, "{actions:?}");
    }
}
