//! What is not drawn is refused before anything is charged, and leaves no trace of its words.

use crate::common::{World, job_for};
use easel_platform::{
    PlatformError,
    accounts::Actor,
    gallery::{Action, Applied},
    jobs::NewJob,
    orders::{Drawing, Order, Output, Work},
    safety::{Filter, Guard},
};
use easel_store::users::Role;
use easel_testing::on_both_engines;

on_both_engines! {
    async fn a_refused_prompt_costs_nothing_and_is_nowhere(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 50).await?;
        let before = world.balance(&ada.id).await?;
        let request = r#"{"prompt":"a r@pe scene at canaryplace","negative_prompt":"x"}"#;
        let refused = world.jobs.submit(NewJob { request, idempotency_key: Some("k"), ..job_for(&ada.id, 1) }).await;
        let Err(error @ PlatformError::ContentBlocked { category }) = &refused else { panic!("{refused:?}") };
        assert_eq!((category.as_str(), error.code()), ("sexual_violence", "content_blocked"));
        assert!(!format!("{refused:?}").contains("canaryplace"));
        assert_eq!(world.balance(&ada.id).await?, before);
        assert_eq!(world.jobs.list(&ada.id, None, 10).await?.len(), 0);
        let mut dump = Vec::new();
        easel_store::backup::dump(&world.context.db, &mut dump).await?;
        assert!(!String::from_utf8(dump)?.contains("canaryplace"));
        // What is to be avoided is not asked for, and the key is free.
        let request = r#"{"prompt":"a cat","negative_prompt":"nude, gang rape"}"#;
        world.jobs.submit(NewJob { request, idempotency_key: Some("k"), ..job_for(&ada.id, 1) }).await?;
        world.assert_clean().await?;
    }

    async fn masked_words_are_left_out_of_what_is_drawn_and_kept_nowhere(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 50).await?;
        let moderator = world.user("mod", 0).await?;
        world.accounts.set_role(&Actor::operator(), &moderator.id, Role::Moderator).await?;
        let moderator = Actor::user(&world.accounts.get(&moderator.id).await?);
        let lists = database.dir().join("lists");
        std::fs::create_dir_all(&lists)?;
        let list = "[[category]]\nname = \"brands\"\naction = \"mask\"\nterms = [\"canaryco\"]\n\
                    [[category]]\nname = \"fruit\"\naction = \"refuse\"\nterms = [\"forbidden fruit\"]\n";
        std::fs::write(lists.join("en.toml"), list)?;
        let jobs = world.jobs.clone().with_guard(Guard::new(world.context.clone(), Filter::from_folder(&lists)?));
        let order = |prompt: &str| {
            let drawing = Drawing { negative_prompt: Some("a logo".to_owned()), ..Drawing::new("builtin", prompt) };
            Order { work: Work::Draw(Box::new(drawing)), output: Output::default() }.to_json()
        };
        let request = order("a CanaryCo truck by c a n a r y c o, red");
        let new = NewJob { request: &request, idempotency_key: Some("k"), ..job_for(&ada.id, 1) };
        let job = jobs.submit(new).await?.job;
        let Some(Order { work: Work::Draw(kept), .. }) = Order::from_json(&job.request) else { panic!("{}", job.request) };
        assert_eq!((kept.prompt.as_str(), kept.masked), ("a truck by , red", vec!["brands".to_owned()]));
        let again = jobs.submit(new).await?;
        assert!(again.repeated && again.job.id == job.id, "the same request is the same job");
        let found = world.moderation.findings(&moderator, Some(&ada.id), None, 10).await?.items;
        assert_eq!((found.len(), found[0].decision.as_str(), found[0].job_id.as_deref()), (1, "mask", Some(job.id.as_str())));
        // What stands together only now is refused.
        let request = order("forbidden canaryco fruit");
        let refused = jobs.submit(NewJob { request: &request, ..job_for(&ada.id, 1) }).await;
        assert!(matches!(&refused, Err(PlatformError::ContentBlocked { category }) if category == "fruit"), "{refused:?}");
        let mut dump = Vec::new();
        easel_store::backup::dump(&world.context.db, &mut dump).await?;
        assert!(!String::from_utf8(dump)?.to_lowercase().contains("canary"));
        world.assert_clean().await?;
    }

    async fn the_gravest_count_as_strikes(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 50).await?;
        let boss = world.user("boss", 50).await?;
        world.accounts.set_role(&Actor::operator(), &boss.id, Role::Admin).await?;
        let request = r#"{"prompt":"child porn"}"#;
        for user in [&ada, &boss] {
            for _ in 0..3 {
                let refused = world.jobs.submit(NewJob { request, ..job_for(&user.id, 1) }).await;
                assert!(matches!(refused, Err(PlatformError::ContentBlocked { .. })), "{refused:?}");
            }
        }
        assert!(!world.accounts.get(&ada.id).await?.is_active);
        assert!(world.accounts.get(&boss.id).await?.is_active, "who has a rank is left to people");
    }

    async fn what_is_flagged_is_drawn_and_a_moderator_looks_when_it_is_shown(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 50).await?;
        let moderator = world.user("mod", 0).await?;
        world.accounts.set_role(&Actor::operator(), &moderator.id, Role::Moderator).await?;
        let moderator = Actor::user(&world.accounts.get(&moderator.id).await?);
        let ids = world.pictures(&ada, "a nude, oil painting", 1).await?;
        let found = world.moderation.findings(&moderator, Some(&ada.id), None, 10).await?.items;
        assert_eq!((found.len(), found[0].decision.as_str(), found[0].stage.as_str()), (1, "flag", "prompt"));
        assert!(found[0].job_id.is_some());
        assert_eq!(world.moderation.queue(&moderator, None, 10).await?.items.len(), 0, "what one keeps to oneself is nobody's business");
        world.gallery.apply_to(&ada.id, &ids[0], &Action::Publish { shows_prompt: false }).await?;
        let queue = world.moderation.queue(&moderator, None, 10).await?.items;
        assert_eq!((queue[0].target_id.as_str(), queue[0].category.as_str()), (ids[0].as_str(), "sexual"));
        // A title that is not taken, and one that became so.
        let refused = world.gallery.apply_to(&ada.id, &ids[0], &Action::Title("Heil Hitler".to_owned())).await;
        assert!(matches!(refused, Err(PlatformError::ContentBlocked { .. })), "{refused:?}");
        crate::common::raw(database, "UPDATE images SET title = 'heil hitler'").await?;
        let applied = world.gallery.apply(&ada.id, &[&ids[0]], &Action::Publish { shows_prompt: false }).await?;
        assert_eq!(applied, [Applied::Blocked]);
    }
}
