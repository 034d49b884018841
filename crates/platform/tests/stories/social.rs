//! Everybody's pictures: who sees them, in which order, and what is done with them.

use std::time::Duration;

use crate::common::{Outcome, World};
use easel_platform::{
    PlatformError,
    accounts::Actor,
    gallery::Action,
    images::{Images, UploadLimits},
    social::List,
};
use easel_store::users::{Role, User};
use easel_testing::on_both_engines;

const HOUR: Duration = Duration::from_secs(3600);

async fn listed(world: &World, list: List<'_>) -> Outcome<Vec<String>> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = world.social.list(None, list, cursor.as_deref(), 2).await?;
        all.extend(page.items.into_iter().map(|image| image.id));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

async fn publish(world: &World, user: &User, ids: &[String], shows_prompt: bool) -> Outcome {
    for id in ids {
        world.gallery.apply_to(&user.id, id, &Action::Publish { shows_prompt }).await?;
        world.clock.advance(Duration::from_secs(1));
    }
    Ok(())
}

on_both_engines! {
    async fn everybody_sees_what_is_shown_and_nothing_else(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 50).await?, world.user("eve", 50).await?);
        let mine = world.pictures(&ada, "a red cat", 4).await?;
        let hers = world.pictures(&eve, "a red dog", 2).await?;
        assert_eq!(listed(&world, List::Recent).await?, Vec::<String>::new());
        publish(&world, &ada, &mine[..3], true).await?;
        publish(&world, &eve, &hers[..1], false).await?;
        let recent = vec![hers[0].clone(), mine[2].clone(), mine[1].clone(), mine[0].clone()];
        assert_eq!(listed(&world, List::Recent).await?, recent);
        assert_eq!(listed(&world, List::OfUser("ada")).await?, recent[1..]);
        assert_eq!(listed(&world, List::OfModel("drawn")).await?, recent);
        assert_eq!(listed(&world, List::Words("RED")).await?, recent[1..], "her prompt is her own");
        assert_eq!(listed(&world, List::Words("red dog")).await?, Vec::<String>::new());
        world.gallery.apply_to(&ada.id, &mine[1], &Action::Tag(vec!["cats".to_owned()])).await?;
        world.gallery.apply_to(&ada.id, &mine[3], &Action::Tag(vec!["cats".to_owned()])).await?;
        assert_eq!(listed(&world, List::Tagged("Cats")).await?, [mine[1].clone()], "private ones have tags too");

        let page = world.social.list(None, List::Recent, None, 10).await?;
        assert_eq!((page.items[0].prompt.as_deref(), page.items[1].prompt.as_deref()), (None, Some("a red cat")));
        assert_eq!(page.items[0].author.username, "eve");
        let told = serde_json::to_string(&page)?;
        for private in ["example.org", "output/", "init_image", "seed"] {
            assert!(!told.contains(private), "{private}: {told}");
        }
        // Turned off and on again within a day it keeps its place; the next day it is new.
        world.gallery.apply_to(&ada.id, &mine[0], &Action::Withdraw).await?;
        assert_eq!(listed(&world, List::Recent).await?, recent[..3]);
        assert_eq!(listed(&world, List::Words("cat")).await?.len(), 2, "the index follows");
        assert!(matches!(world.social.view(None, &mine[0], "x").await, Err(PlatformError::NotFound(_))));
        publish(&world, &ada, &mine[..1], true).await?;
        assert_eq!(listed(&world, List::Recent).await?, recent);
        world.gallery.apply_to(&ada.id, &mine[0], &Action::Withdraw).await?;
        world.clock.advance(HOUR * 25);
        publish(&world, &ada, &mine[..1], true).await?;
        assert_eq!(listed(&world, List::Recent).await?[0], mine[0]);
        world.gallery.apply_to(&ada.id, &mine[0], &Action::Trash).await?;
        assert_eq!(listed(&world, List::Recent).await?, recent[..3]);
        world.gallery.apply_to(&ada.id, &mine[0], &Action::Restore).await?;
        assert_eq!(listed(&world, List::Recent).await?, recent[..3], "as private as before");
        // Who is suspended or asks to be forgotten shows nothing.
        world.accounts.set_active(&Actor::operator(), &eve.id, false).await?;
        world.privacy.request_erasure(&Actor::user(&ada), &ada.id).await?;
        assert_eq!(listed(&world, List::Recent).await?, Vec::<String>::new());
        assert!(matches!(world.social.profile(None, "eve").await, Err(PlatformError::NotFound("user"))));
    }

    async fn likes_are_counted_once_and_make_trends(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 50).await?;
        let ids = world.pictures(&ada, "a cat", 3).await?;
        publish(&world, &ada, &ids[..1], false).await?;
        world.clock.advance(HOUR * 30);
        publish(&world, &ada, &ids[1..], false).await?;
        let mut people = Vec::new();
        for name in ["bob", "eve", "joe"] {
            people.push(world.user(name, 0).await?);
        }
        assert_eq!(listed(&world, List::Trending).await?, [ids[2].clone(), ids[1].clone(), ids[0].clone()], "without likes the newest");
        assert_eq!(world.social.like(&people[0].id, &ids[0]).await?, 1);
        assert_eq!(world.social.like(&people[0].id, &ids[0]).await?, 1, "once");
        assert_eq!(listed(&world, List::Trending).await?[2], ids[0], "one like is worth a day, and it is older");
        for person in &people[1..] {
            world.social.like(&person.id, &ids[0]).await?;
        }
        assert_eq!(listed(&world, List::Trending).await?[0], ids[0], "four times the worth are worth two days");
        assert_eq!(world.social.unlike(&people[2].id, &ids[0]).await?, 2);
        assert_eq!(world.social.unlike(&people[2].id, &ids[0]).await?, 2);
        world.clock.advance(HOUR);
        world.social.like(&people[0].id, &ids[1]).await?;
        let liked = world.social.liked(&people[0].id, None, 1).await?;
        assert_eq!((liked.items[0].id.as_str(), liked.items[0].is_liked), (ids[1].as_str(), true));
        assert_eq!(world.social.liked(&people[0].id, liked.next.as_deref(), 1).await?.items[0].id, ids[0]);
        world.gallery.apply_to(&ada.id, &ids[1], &Action::Withdraw).await?;
        assert!(matches!(world.social.like(&people[1].id, &ids[1]).await, Err(PlatformError::NotFound(_))), "what is not shown is not liked");
        assert_eq!(world.social.liked(&people[0].id, None, 5).await?.items.len(), 1);
        // Many at once.
        let everybody: Vec<_> = people.iter().flat_map(|person| (0..4).map(|_| {
            let (social, person, image) = (world.social.clone(), person.id.clone(), ids[2].clone());
            tokio::spawn(async move { social.like(&person, &image).await })
        })).collect();
        for like in everybody {
            like.await??;
        }
        assert_eq!(world.social.view(Some(&people[0].id), &ids[2], "x").await?.like_count, 3);
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn comments_are_few_and_removed_by_whose_they_are(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve, bob) = (world.user("ada", 50).await?, world.user("eve", 0).await?, world.user("bob", 0).await?);
        let ids = world.pictures(&ada, "a cat", 2).await?;
        publish(&world, &ada, &ids[..1], false).await?;
        let social = &world.social;
        assert!(matches!(social.comment(&eve, &ids[1], "hello").await, Err(PlatformError::NotFound(_))));
        for bad in ["", " \n ", &"x".repeat(1001), "a\0b", "a\u{7}b"] {
            assert!(matches!(social.comment(&eve, &ids[0], bad).await, Err(PlatformError::Invalid { .. })), "{bad:?}");
        }
        assert!(matches!(social.comment(&eve, &ids[0], "heil hitler").await, Err(PlatformError::ContentBlocked { .. })));
        let mut said = Vec::new();
        for number in 0..5 {
            said.push(social.comment(&eve, &ids[0], &format!("comment {number}\nline")).await?);
        }
        let refused = social.comment(&eve, &ids[0], "one more").await;
        assert!(matches!(refused, Err(PlatformError::Limit { code: "too_many_comments", .. })), "{refused:?}");
        world.clock.advance(Duration::from_secs(61));
        said.push(social.comment(&bob, &ids[0], "mine").await?);
        let page = social.comments(None, &ids[0], None, 4).await?;
        assert_eq!(page.items[0].username, "bob");
        assert_eq!(social.comments(None, &ids[0], page.next.as_deref(), 4).await?.items.len(), 2);
        assert!(matches!(social.delete_comment(&Actor::user(&bob), &said[0].id).await, Err(PlatformError::Forbidden(_))));
        social.delete_comment(&Actor::user(&eve), &said[0].id).await?;
        social.delete_comment(&Actor::user(&ada), &said[1].id).await?;
        world.accounts.set_role(&Actor::operator(), &bob.id, Role::Moderator).await?;
        let bob = world.accounts.get(&bob.id).await?;
        social.delete_comment(&Actor::user(&bob), &said[2].id).await?;
        assert!(matches!(social.delete_comment(&Actor::user(&bob), &said[2].id).await, Err(PlatformError::NotFound(_))));
        assert_eq!(social.view(None, &ids[0], "x").await?.comment_count, 3);
        assert_eq!(easel_store::audit::list(&world.context.db, 0, 100).await?.last().map(|record| record.action.clone()).as_deref(), Some("comment.delete"));
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn follows_make_a_feed(database: &Database) {
        let world = World::open(database).await?;
        let (ada, bob, eve) = (world.user("ada", 50).await?, world.user("bob", 50).await?, world.user("eve", 0).await?);
        let (cats, dogs) = (world.pictures(&ada, "a cat", 2).await?, world.pictures(&bob, "a dog", 2).await?);
        publish(&world, &ada, &cats, false).await?;
        publish(&world, &bob, &dogs, false).await?;
        let social = &world.social;
        social.follow(&eve.id, "ada").await?;
        social.follow(&eve.id, "ada").await?;
        assert!(matches!(social.follow(&eve.id, "eve").await, Err(PlatformError::Invalid { .. })));
        assert!(matches!(social.follow(&eve.id, "nobody").await, Err(PlatformError::NotFound("user"))));
        let feed = social.feed(&eve.id, None, 10).await?;
        assert_eq!(feed.items.iter().map(|image| &image.id).collect::<Vec<_>>(), [&cats[1], &cats[0]]);
        social.follow(&eve.id, "bob").await?;
        social.follow(&ada.id, "bob").await?;
        let first = social.feed(&eve.id, None, 3).await?;
        assert_eq!(first.items.iter().map(|image| &image.id).collect::<Vec<_>>(), [&dogs[1], &dogs[0], &cats[1]]);
        assert_eq!(social.feed(&eve.id, first.next.as_deref(), 3).await?.items[0].id, cats[0]);
        let page = social.profile(Some(&eve.id), "bob").await?;
        assert_eq!((page.profile.follower_count, page.profile.following_count, page.image_count, page.is_followed), (2, 0, 2, true));
        assert!(!serde_json::to_string(&page)?.contains("example.org"), "no address");
        let followers = social.followers(&bob.id, None, 1).await?;
        assert_eq!(social.followers(&bob.id, followers.next.as_deref(), 5).await?.items.len(), 1);
        assert_eq!(social.following(&eve.id, None, 5).await?.items.len(), 2);
        social.unfollow(&eve.id, "bob").await?;
        social.unfollow(&eve.id, "bob").await?;
        assert_eq!(social.profile(Some(&eve.id), "bob").await?.profile.follower_count, 1);
        // Two who follow one another at once, again and again.
        let rounds = (0..10).flat_map(|_| [(ada.id.clone(), "eve"), (eve.id.clone(), "ada")]).map(|(who, whom)| {
            let social = world.social.clone();
            tokio::spawn(async move {
                social.follow(&who, whom).await?;
                social.unfollow(&who, whom).await
            })
        });
        for round in rounds.collect::<Vec<_>>() {
            round.await??;
        }
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn links_show_one_picture_until_they_end(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 50).await?, world.user("eve", 50).await?);
        let ids = world.pictures(&ada, "a secret cat", 1).await?;
        let social = &world.social;
        assert!(matches!(social.share(&eve.id, &ids[0], None, true).await, Err(PlatformError::NotFound(_))));
        let plain = social.share(&ada.id, &ids[0], Some(HOUR), false).await?;
        let whole = social.share(&ada.id, &ids[0], None, true).await?;
        assert!(plain.token.starts_with("is_") && plain.token.len() > 40 && plain.token != whole.token);
        let mut dump = Vec::new();
        easel_store::backup::dump(&world.context.db, &mut dump).await?;
        assert!(!String::from_utf8(dump)?.contains(&plain.token[3..]), "only its hash is kept");
        assert_eq!(social.open_share(&plain.token, "a").await?.image.prompt, None);
        let opened = social.open_share(&whole.token, "a").await?;
        assert_eq!(opened.image.prompt.as_deref(), Some("a secret cat"));
        social.open_share(&whole.token, "a").await?;
        social.open_share(&whole.token, "b").await?;
        assert_eq!(social.views().write().await?, 2);
        let views: Vec<i64> = social.shares(&ada.id, Some(&ids[0])).await?.iter().map(|share| share.view_count).collect();
        assert_eq!(views.iter().sum::<i64>(), 3, "each who looks once in an hour");
        for bad in ["is_nonsense", "", &whole.token[..40], &plain.share.id] {
            assert!(matches!(social.open_share(bad, "a").await, Err(PlatformError::NotFound("link"))), "{bad}");
        }
        world.clock.advance(HOUR);
        assert!(social.open_share(&plain.token, "a").await.is_err(), "its time is up");
        assert!(matches!(social.revoke_share(&eve.id, &whole.share.id).await, Err(PlatformError::NotFound("link"))));
        social.revoke_share(&ada.id, &whole.share.id).await?;
        social.revoke_share(&ada.id, &whole.share.id).await?;
        assert!(social.open_share(&whole.token, "a").await.is_err());
        let third = social.share(&ada.id, &ids[0], None, false).await?;
        world.gallery.apply_to(&ada.id, &ids[0], &Action::Trash).await?;
        assert!(social.open_share(&third.token, "a").await.is_err(), "what is thrown away is not shown");
        world.gallery.apply_to(&ada.id, &ids[0], &Action::Restore).await?;
        for _ in 0..19 {
            social.share(&ada.id, &ids[0], None, false).await?;
        }
        let refused = social.share(&ada.id, &ids[0], None, false).await;
        assert!(matches!(refused, Err(PlatformError::Limit { code: "too_many_links", .. })), "{refused:?}");
        assert!(social.open_share(&third.token, "a").await.is_ok(), "it was taken back, and its link is good again");
        world.accounts.set_active(&Actor::operator(), &ada.id, false).await?;
        assert!(social.open_share(&third.token, "a").await.is_err(), "who is suspended shows nothing");
    }

    async fn looking_is_counted_once_in_an_hour_and_not_ones_own(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 50).await?, world.user("eve", 0).await?);
        let ids = world.pictures(&ada, "a cat", 1).await?;
        publish(&world, &ada, &ids, false).await?;
        let social = &world.social;
        for looker in ["a", "a", "b"] {
            social.view(None, &ids[0], looker).await?;
        }
        social.view(Some(&ada.id), &ids[0], &ada.id).await?;
        social.view(Some(&eve.id), &ids[0], &eve.id).await?;
        assert_eq!(social.views().write().await?, 1);
        assert_eq!(social.views().write().await?, 0);
        assert_eq!(social.view(None, &ids[0], "a").await?.view_count, 3);
        world.clock.advance(HOUR);
        social.view(None, &ids[0], "a").await?;
        social.views().write().await?;
        assert_eq!(social.view(None, &ids[0], "a").await?.view_count, 4);
    }

    async fn a_profile_is_ones_own_to_fill(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let social = &world.social;
        social.set_bio(&ada.id, " draws cats\nand dogs ").await?;
        assert_eq!(social.profile(None, "ada").await?.profile.bio.as_deref(), Some("draws cats\nand dogs"));
        assert!(social.set_bio(&ada.id, &"x".repeat(501)).await.is_err());
        assert!(matches!(social.set_bio(&ada.id, "sieg heil").await, Err(PlatformError::ContentBlocked { .. })));
        social.set_bio(&ada.id, "").await?;
        assert_eq!(social.profile(None, "ada").await?.profile.bio, None);
        let images = Images::new(world.context.clone(), world.catalogue.clone(), world.blobs.clone(), UploadLimits::default());
        for grey in [10, 200] {
            let picture = easel_types::Rgb8::new(40, 20, vec![grey; 40 * 20 * 3])?;
            let bytes = easel_imaging::encode(&picture, &easel_imaging::EncodeOptions::new(easel_imaging::Format::Png))?;
            images.set_avatar(&ada.id, bytes.into()).await?;
        }
        assert_eq!(world.blobs.usage(Some(easel_blobs::Folder::Avatar)).await?.files, 1, "the one before is gone");
        let kept = images.avatar_of_side(&images.avatar(None, "ada").await?, 64).await?;
        let kept = easel_imaging::decode(&kept, &easel_imaging::DecodeLimits::default())?.rgb;
        assert_eq!((kept.width(), kept.height()), (64, 64));
        assert!(kept.pixels().iter().all(|&value| value.abs_diff(200) < 3));
        assert!(matches!(images.set_avatar(&ada.id, "no picture".into()).await, Err(PlatformError::Picture(_))));
        world.assert_clean().await?;
        world.privacy.request_erasure(&Actor::user(&ada), &ada.id).await?;
        world.clock.advance(HOUR * 24 * 30);
        assert!(matches!(images.avatar(None, "ada").await, Err(PlatformError::NotFound(_))), "at once");
        assert_eq!(world.privacy.erase_due().await?, 1);
        assert_eq!(world.blobs.usage(None).await?.files, 0, "their picture goes too");
    }
}
