//! What is not fit to be seen goes, by people's word and with a record; owners may object once.

use std::time::Duration;

use crate::common::{Outcome, World};
use easel_platform::{
    PlatformError,
    accounts::Actor,
    gallery::Action,
    moderation::{Category, Decision, Subject},
    social::List,
};
use easel_store::users::{Role, User};
use easel_testing::on_both_engines;

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn of_rank(world: &World, name: &str, role: Role) -> Outcome<Actor> {
    let user = world.user(name, 0).await?;
    world.accounts.set_role(&Actor::operator(), &user.id, role).await?;
    Ok(Actor::user(&world.accounts.get(&user.id).await?))
}

/// Somebody's published pictures.
async fn shown(world: &World, user: &User, count: i64) -> Outcome<Vec<String>> {
    let ids = world.pictures(user, "a cat", count).await?;
    for id in &ids {
        world.gallery.apply_to(&user.id, id, &Action::Publish { shows_prompt: true }).await?;
    }
    Ok(ids)
}

async fn recent(world: &World) -> Outcome<usize> {
    Ok(world.social.list(None, List::Recent, None, 50).await?.items.len())
}

/// A case about it, opened by the moderator and decided.
async fn decided(world: &World, moderator: &Actor, subject: Subject<'_>, decision: Decision) -> Outcome<String> {
    let case = world.moderation.open(moderator, subject, Category::Other).await?;
    world.moderation.decide(moderator, &case, decision, "against the rules").await?;
    Ok(case)
}

on_both_engines! {
    async fn reports_make_one_case_and_the_most_reported_comes_first(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve, bob) = (world.user("ada", 50).await?, world.user("eve", 0).await?, world.user("bob", 0).await?);
        let ids = shown(&world, &ada, 3).await?;
        let hidden = world.pictures(&ada, "a cat", 1).await?;
        let moderation = &world.moderation;
        moderation.report(&eve.id, Subject::Image(&ids[0]), Category::Spam, None).await?;
        world.clock.advance(Duration::from_secs(60));
        for reporter in [&eve, &bob, &eve] {
            moderation.report(&reporter.id, Subject::Image(&ids[1]), Category::Violence, Some("blood")).await?;
        }
        let comment = world.social.comment(&ada, &ids[0], "rude").await?;
        moderation.report(&eve.id, Subject::Comment(&comment.id), Category::Harassment, None).await?;
        moderation.report(&eve.id, Subject::User("ada"), Category::Spam, None).await?;
        assert!(matches!(moderation.report(&ada.id, Subject::Image(&ids[0]), Category::Spam, None).await, Err(PlatformError::Forbidden(_))));
        for unseen in [Subject::Image(&hidden[0]), Subject::Image("x"), Subject::Comment("x"), Subject::User("x")] {
            assert!(matches!(moderation.report(&eve.id, unseen, Category::Spam, None).await, Err(PlatformError::NotFound(_))), "{unseen:?}");
        }
        assert!(matches!(moderation.queue(&Actor::user(&eve), None, 10).await, Err(PlatformError::Forbidden(_))));
        let moderator = of_rank(&world, "mod", Role::Moderator).await?;
        let first = moderation.queue(&moderator, None, 1).await?;
        assert_eq!((first.items[0].target_id.as_str(), first.items[0].report_count), (ids[1].as_str(), 2), "each says it once");
        assert_eq!(moderation.queue(&moderator, first.next.as_deref(), 10).await?.items.len(), 3);
        let (_, reports) = moderation.case(&moderator, &first.items[0].id).await?;
        assert_eq!((reports.len(), reports[0].note.as_deref()), (2, Some("blood")));
        // What is approved can be reported anew; it was not told to its owner.
        moderation.decide(&moderator, &first.items[0].id, Decision::Approve, "").await?;
        assert!(matches!(moderation.decide(&moderator, &first.items[0].id, Decision::Hide, "x").await, Err(PlatformError::NotFound("case"))), "once");
        assert_eq!(moderation.own_cases(&ada.id, None, 10).await?.items.len(), 0);
        moderation.report(&eve.id, Subject::Image(&ids[1]), Category::Violence, None).await?;
        for _ in 0..60 {
            if let Err(PlatformError::Limit { code, .. }) = moderation.report(&bob.id, Subject::Image(&ids[2]), Category::Other, None).await {
                assert_eq!(code, "too_many_reports");
            }
        }
    }

    async fn a_person_reports_only_so_much_in_a_day(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 100).await?, world.user("eve", 0).await?);
        let ids = shown(&world, &ada, 51).await?;
        for id in &ids[..50] {
            world.moderation.report(&eve.id, Subject::Image(id), Category::Spam, None).await?;
        }
        let refused = world.moderation.report(&eve.id, Subject::Image(&ids[50]), Category::Spam, None).await;
        assert!(matches!(refused, Err(PlatformError::Limit { code: "too_many_reports", .. })), "{refused:?}");
        world.clock.advance(DAY);
        world.moderation.report(&eve.id, Subject::Image(&ids[50]), Category::Spam, None).await?;
    }

    async fn what_is_hidden_leaves_at_once_and_its_owner_reads_why(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 50).await?, world.user("eve", 0).await?);
        let ids = shown(&world, &ada, 2).await?;
        let moderator = of_rank(&world, "mod", Role::Moderator).await?;
        world.social.like(&eve.id, &ids[0]).await?;
        let comment = world.social.comment(&eve, &ids[0], "nice").await?;
        let link = world.social.share(&ada.id, &ids[0], None, true).await?;
        let case = decided(&world, &moderator, Subject::Image(&ids[0]), Decision::Hide).await?;
        assert_eq!(recent(&world).await?, 1);
        for list in [List::Trending, List::OfUser("ada"), List::OfModel("drawn"), List::Words("cat")] {
            assert_eq!(world.social.list(None, list, None, 10).await?.items.len(), 1, "{list:?}");
        }
        assert!(world.social.view(None, &ids[0], "x").await.is_err() && world.social.open_share(&link.token, "x").await.is_err());
        assert!(world.social.comments(None, &ids[0], None, 5).await.is_err() && world.gallery.template(None, &ids[0]).await.is_err());
        assert_eq!(world.gallery.get(&ada.id, &ids[0]).await?.hidden_reason.as_deref(), Some("against the rules"));
        let told = world.moderation.own_cases(&ada.id, None, 10).await?.items;
        assert_eq!((told[0].id.as_str(), told[0].decision.as_deref(), told[0].decided_by.as_deref()), (case.as_str(), Some("hide"), None));
        for action in [Action::Publish { shows_prompt: false }, Action::Publish { shows_prompt: true }] {
            assert!(matches!(world.gallery.apply_to(&ada.id, &ids[0], &action).await, Err(PlatformError::Forbidden(_))), "{action:?}");
        }
        assert!(world.social.share(&ada.id, &ids[0], None, false).await.is_err());
        world.social.unlike(&eve.id, &ids[0]).await?;
        // A comment likewise, and what it counts for.
        world.moderation.close(&moderator, &case, true).await?;
        assert_eq!((recent(&world).await?, world.social.view(None, &ids[0], "x").await?.comment_count), (2, 1));
        let case = decided(&world, &moderator, Subject::Comment(&comment.id), Decision::Hide).await?;
        assert_eq!(world.social.comments(None, &ids[0], None, 5).await?.items.len(), 0);
        assert_eq!(world.social.view(None, &ids[0], "x").await?.comment_count, 0);
        world.moderation.close(&moderator, &case, true).await?;
        assert_eq!(world.social.comments(None, &ids[0], None, 5).await?.items.len(), 1);
        let actions: Vec<String> = easel_store::audit::list(&world.context.db, 0, 100).await?.into_iter().map(|record| record.action).collect();
        assert_eq!(actions.iter().filter(|action| action.starts_with("moderation.")).count(), 4, "{actions:?}");
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn owners_object_once_and_an_admin_has_the_last_word(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 50).await?, world.user("eve", 0).await?);
        let ids = shown(&world, &ada, 3).await?;
        let moderator = of_rank(&world, "mod", Role::Moderator).await?;
        let (admin, other) = (of_rank(&world, "boss", Role::Admin).await?, of_rank(&world, "chief", Role::Admin).await?);
        let moderation = &world.moderation;
        let case = decided(&world, &admin, Subject::Image(&ids[0]), Decision::Remove).await?;
        assert!(matches!(world.gallery.apply_to(&ada.id, &ids[0], &Action::Restore).await, Err(PlatformError::Forbidden(_))), "the trash does not give it back");
        assert!(matches!(world.gallery.apply_to(&ada.id, &ids[0], &Action::Delete).await, Err(PlatformError::Forbidden(_))));
        assert!(matches!(moderation.appeal(&eve.id, &case, "not mine").await, Err(PlatformError::NotFound("case"))));
        moderation.appeal(&ada.id, &case, "it is a cat").await?;
        assert!(matches!(moderation.appeal(&ada.id, &case, "again").await, Err(PlatformError::Forbidden(_))), "once");
        assert_eq!(moderation.queue(&moderator, None, 10).await?.items[0].appeal.as_deref(), Some("it is a cat"));
        assert!(matches!(moderation.close(&moderator, &case, true).await, Err(PlatformError::Forbidden(_))), "it needs an admin");
        assert!(matches!(moderation.close(&admin, &case, false).await, Err(PlatformError::Forbidden(_))), "and another one");
        moderation.close(&other, &case, true).await?;
        assert!(matches!(moderation.close(&other, &case, true).await, Err(PlatformError::NotFound("case"))), "for good");
        let back = world.gallery.get(&ada.id, &ids[0]).await?;
        assert!(!back.is_public && back.hidden_at.is_none(), "it is there, and its owner may publish it");
        world.gallery.apply_to(&ada.id, &ids[0], &Action::Publish { shows_prompt: true }).await?;
        // One that stands, and one whose time is over.
        let stands = decided(&world, &moderator, Subject::Image(&ids[1]), Decision::Hide).await?;
        moderation.appeal(&ada.id, &stands, "please").await?;
        moderation.close(&other, &stands, false).await?;
        assert_eq!(recent(&world).await?, 2);
        let late = decided(&world, &moderator, Subject::Image(&ids[2]), Decision::Hide).await?;
        world.clock.advance(DAY * 30);
        assert!(matches!(moderation.appeal(&ada.id, &late, "late").await, Err(PlatformError::Forbidden(_))));
    }

    async fn strikes_suspend_and_ranks_protect(database: &Database) {
        let world = World::open(database).await?;
        let (ada, bob) = (world.user("ada", 50).await?, world.user("bob", 50).await?);
        let (cats, dogs) = (shown(&world, &ada, 4).await?, shown(&world, &bob, 1).await?);
        let moderator = of_rank(&world, "mod", Role::Moderator).await?;
        let colleague = of_rank(&world, "mod2", Role::Moderator).await?;
        let admin = of_rank(&world, "boss", Role::Admin).await?;
        let case = world.moderation.open(&moderator, Subject::User("mod2"), Category::Spam).await?;
        for (actor, decision) in [(&moderator, Decision::Warn), (&colleague, Decision::Warn), (&moderator, Decision::Ban)] {
            let refused = world.moderation.decide(actor, &case, decision, "x").await;
            assert!(matches!(refused, Err(PlatformError::Forbidden(_))), "{refused:?}");
        }
        assert!(world.moderation.decide(&admin, &case, Decision::Hide, "").await.is_err(), "a reason is for its owner to read");
        let first = decided(&world, &moderator, Subject::Image(&cats[0]), Decision::Warn).await?;
        decided(&world, &moderator, Subject::Image(&cats[1]), Decision::Remove).await?;
        world.moderation.close(&moderator, &first, true).await?;
        decided(&world, &moderator, Subject::Image(&cats[2]), Decision::Warn).await?;
        assert!(world.accounts.get(&ada.id).await?.is_active, "one was taken back");
        let third = decided(&world, &moderator, Subject::Image(&cats[3]), Decision::Warn).await?;
        assert!(!world.accounts.get(&ada.id).await?.is_active, "three are too many");
        assert_eq!(recent(&world).await?, 1, "and nothing of theirs is shown");
        let findings = world.moderation.findings(&moderator, Some(&ada.id), None, 10).await?;
        assert_eq!(findings.items.iter().filter(|found| found.lifted_at.is_none()).map(|found| found.strikes).sum::<i64>(), 3);
        assert_eq!(world.moderation.findings(&moderator, None, None, 10).await?.items.len(), 4);
        world.moderation.close(&admin, &third, true).await?;
        // A ban goes by an admin, and is taken back by one.
        let banned = decided(&world, &admin, Subject::Image(&dogs[0]), Decision::Ban).await?;
        assert!(!world.accounts.get(&bob.id).await?.is_active);
        assert!(matches!(world.moderation.close(&moderator, &banned, true).await, Err(PlatformError::Forbidden(_))));
        world.moderation.close(&admin, &banned, true).await?;
        assert!(world.accounts.get(&bob.id).await?.is_active && world.gallery.get(&bob.id, &dogs[0]).await.is_ok());
        world.deliver_events().await?;
        world.assert_clean().await?;
    }
}
