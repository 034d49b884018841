//! API keys: shown once, for what they say, and no more in a month than they may.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    accounts::is_unauthenticated,
    common::{World, job_for},
};
use easel_platform::{
    PlatformError,
    accounts::{Actor, Caps, NewKey, Scope},
    jobs::NewJob,
};
use easel_store::Credits;
use easel_testing::on_both_engines;

const MINUTE: Duration = Duration::from_secs(60);

on_both_engines! {
    async fn keys_are_shown_once_and_allow_what_they_say(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let new = NewKey { name: "laptop", scopes: &[Scope::Generate, Scope::ImagesRead], expires_at: None, caps: Caps::default() };
        let refused = world.accounts.create_key(&user, new).await;
        assert!(matches!(refused, Err(PlatformError::PlanRequired("API access"))), "{refused:?}");
        world.accounts.set_plan(&Actor::operator(), &user.id, "pro", None).await?;
        let user = world.accounts.get(&user.id).await?;
        let shown = world.accounts.create_key(&user, new).await?;
        let entered = world.accounts.authenticate_key(&shown.text).await?;
        let scopes: BTreeSet<_> = entered.scopes.ok_or("scopes")?.into_iter().collect();
        assert_eq!(scopes, BTreeSet::from([Scope::Generate, Scope::ImagesRead]));
        let kept = world.accounts.keys(&user).await?.remove(0);
        assert!(shown.text.starts_with(&kept.prefix) && kept.last_used_at.is_some());
        assert!(!format!("{shown:?}{kept:?}").contains(&shown.text));
        // Any other text, however like it.
        let mut likes: Vec<String> = (0..shown.text.len()).map(|at| {
            let mut bytes = shown.text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            String::from_utf8(bytes).expect("ASCII")
        }).collect();
        likes.extend(["".to_owned(), "ik_".to_owned(), "ключ".to_owned(), shown.key.prefix.clone(), shown.text[..shown.text.len() - 1].to_owned()]);
        for like in likes {
            assert!(is_unauthenticated(&world.accounts.authenticate_key(&like).await), "{like}");
        }
        let past = NewKey { expires_at: Some(world.context.now()), ..new };
        assert!(matches!(world.accounts.create_key(&user, past).await, Err(PlatformError::Invalid { .. })));
        let short = world.accounts.create_key(&user, NewKey { expires_at: Some(world.context.now().after(MINUTE)), ..new }).await?;
        world.clock.advance(MINUTE);
        assert!(is_unauthenticated(&world.accounts.authenticate_key(&short.text).await));
        let others = world.user("bob", 0).await?;
        assert!(matches!(world.accounts.revoke_key(&others, &kept.id).await, Err(PlatformError::NotFound(_))));
        world.accounts.revoke_key(&user, &kept.id).await?;
        assert!(is_unauthenticated(&world.accounts.authenticate_key(&shown.text).await));
        // A plan that ended takes the access with it.
        let last = world.accounts.create_key(&user, new).await?;
        let ends = world.context.now().after(MINUTE);
        world.accounts.set_plan(&Actor::operator(), &user.id, "premium", Some(ends)).await?;
        world.accounts.authenticate_key(&last.text).await?;
        world.clock.advance(MINUTE);
        assert!(matches!(world.accounts.authenticate_key(&last.text).await, Err(PlatformError::PlanRequired(_))));
    }

    async fn a_key_spends_no_more_than_it_may_in_a_month(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 900).await?;
        world.accounts.set_plan(&Actor::operator(), &user.id, "pro", None).await?;
        let user = world.accounts.get(&user.id).await?;
        let (before, _) = world.balance(&user.id).await?;
        let wrong = NewKey { name: "k", scopes: &[Scope::Generate], expires_at: None, caps: Caps { jobs: Some(-1), credits: None } };
        assert!(matches!(world.accounts.create_key(&user, wrong).await, Err(PlatformError::Invalid { field: "jobs_monthly_max", .. })));
        let new = NewKey { caps: Caps { jobs: Some(3), credits: Some(5) }, ..wrong };
        let key = world.accounts.create_key(&user, new).await?;
        assert_eq!(world.accounts.authenticate_key(&key.text).await?.key_id.as_deref(), Some(key.key.id.as_str()));
        let by_key = |images| NewJob { key_id: Some(&key.key.id), ..job_for(&user.id, images) };
        let refused = async |images: i64| -> bool {
            matches!(world.jobs.submit(by_key(images)).await, Err(PlatformError::Limit { code: "key_limit_reached", .. }))
        };
        let first = world.jobs.submit(by_key(4)).await?.job;
        assert!(refused(2).await, "4 of 5 credits are set aside");
        world.jobs.submit(by_key(1)).await?;
        assert!(refused(1).await, "nothing is left");
        assert_eq!(world.balance(&user.id).await?, (before - 5, 5), "what was refused sets nothing aside");
        world.jobs.submit(job_for(&user.id, 10)).await?;
        // What is cancelled costs nothing, and was asked for all the same.
        world.jobs.cancel(&user.id, &first.id).await?;
        world.jobs.submit(by_key(1)).await?;
        assert!(refused(1).await, "three jobs");
        // What is told of it is what is counted: three jobs, of which the first was cancelled and costs nothing.
        let used = world.accounts.keys_used(&user).await?;
        let told: Vec<_> = used.iter().map(|used| (used.api_key_id.as_str(), used.jobs, used.credits)).collect();
        assert_eq!(told, [(key.key.id.as_str(), 3, Credits::whole(2).ok_or("fits")?)]);
        let more = world.accounts.set_key_caps(&user, &key.key.id, Caps { jobs: None, credits: Some(5) }).await?;
        assert_eq!((more.jobs_monthly_max, more.credits_monthly_max), (None, Credits::whole(5)));
        world.jobs.submit(by_key(3)).await?;
        assert!(refused(1).await, "five credits");
        world.assert_clean().await?;
        world.clock.advance(MINUTE * 60 * 24 * 31);
        assert!(world.accounts.keys_used(&user).await?.is_empty(), "another month");
        world.jobs.submit(by_key(5)).await?;
        let bob = world.user("bob", 0).await?;
        let others = world.accounts.set_key_caps(&bob, &key.key.id, Caps::default()).await;
        assert!(matches!(others, Err(PlatformError::NotFound(_))), "{others:?}");
        let stolen = world.jobs.submit(NewJob { key_id: Some(&key.key.id), ..job_for(&bob.id, 1) }).await;
        assert!(matches!(stolen, Err(PlatformError::Unauthenticated)), "{stolen:?}");
        world.accounts.revoke_key(&user, &key.key.id).await?;
        assert!(matches!(world.jobs.submit(by_key(1)).await, Err(PlatformError::Unauthenticated)), "one that was ended counts as none");
    }
}
