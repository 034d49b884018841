//! On a server that divides people they see one another within their organisation, and nobody else.

use crate::common::{Outcome, World};
use easel_platform::{
    PlatformError,
    accounts::Actor,
    gallery::{Action, Gallery},
    images::{Images, UploadLimits},
    moderation::{Category, Decision, Moderation, Subject},
    organizations::Organizations,
    social::{List, Social},
};
use easel_store::users::{Role, User};
use easel_testing::on_both_engines;

/// The services of a server that divides people, over the database of one that does not.
struct Divided {
    organizations: Organizations,
    social: Social,
    gallery: Gallery,
    moderation: Moderation,
    images: Images,
}

impl Divided {
    fn of(world: &World) -> Self {
        let (context, catalogue, blobs) = (world.context.clone(), world.catalogue.clone(), world.blobs.clone());
        Self {
            organizations: Organizations::new(context.clone()),
            social: world.social.clone().with_multi_tenant(true),
            gallery: world.gallery.clone().with_multi_tenant(true),
            moderation: world.moderation.clone().with_multi_tenant(true),
            images: Images::new(context, catalogue, blobs, UploadLimits::default()).with_multi_tenant(true),
        }
    }

    async fn organization(&self, slug: &str) -> Outcome<String> {
        Ok(self.organizations.create(&Actor::operator(), slug, slug).await?.id)
    }

    async fn put(&self, user: &User, organization: Option<&str>) -> Outcome {
        Ok(self.organizations.move_user(&Actor::operator(), &user.id, organization).await?)
    }

    async fn listed(&self, viewer: Option<&User>, list: List<'_>) -> Outcome<Vec<String>> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = self.social.list(viewer.map(|viewer| viewer.id.as_str()), list, cursor.as_deref(), 1).await?;
            all.extend(page.items.into_iter().map(|image| image.id));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }
}

/// Pictures of somebody's that are shown with their prompts and a tag.
async fn shown(world: &World, user: &User, count: i64) -> Outcome<Vec<String>> {
    let ids = world.pictures(user, "a red cat", count).await?;
    for id in &ids {
        world.gallery.apply_to(&user.id, id, &Action::Tag(vec!["cats".to_owned()])).await?;
        world.gallery.apply_to(&user.id, id, &Action::Publish { shows_prompt: true }).await?;
    }
    Ok(ids)
}

fn is_unknown<T>(outcome: Result<T, PlatformError>) -> bool {
    matches!(outcome, Err(PlatformError::NotFound(_)))
}

async fn of_rank(world: &World, name: &str, role: Role) -> Outcome<User> {
    let user = world.user(name, 0).await?;
    world.accounts.set_role(&Actor::operator(), &user.id, role).await?;
    Ok(world.accounts.get(&user.id).await?)
}

on_both_engines! {
    async fn lists_hold_what_is_of_ones_own_organisation(database: &Database) {
        let world = World::open(database).await?;
        let divided = Divided::of(&world);
        let (ada, bob, eve) = (world.user("ada", 50).await?, world.user("bob", 50).await?, world.user("eve", 50).await?);
        let amy = world.user("amy", 0).await?;
        // What is there moves with its owner, and what comes later is where they are.
        let before = shown(&world, &ada, 1).await?;
        let (left, right) = (divided.organization("left").await?, divided.organization("right").await?);
        divided.put(&ada, Some(&left)).await?;
        divided.put(&amy, Some(&left)).await?;
        divided.put(&bob, Some(&right)).await?;
        let after = shown(&world, &ada, 1).await?;
        let (bobs, eves) = (shown(&world, &bob, 2).await?, shown(&world, &eve, 1).await?);
        let adas = vec![after[0].clone(), before[0].clone()];
        let bobs = vec![bobs[1].clone(), bobs[0].clone()];
        for list in [List::Recent, List::Trending, List::OfModel("drawn"), List::Words("red cat"), List::Tagged("cats")] {
            assert_eq!(divided.listed(Some(&ada), list).await?, adas, "{list:?}");
            assert_eq!(divided.listed(Some(&amy), list).await?, adas, "{list:?}");
            assert_eq!(divided.listed(Some(&bob), list).await?, bobs, "{list:?}");
            // Who is in none sees what those do who are not logged in.
            assert_eq!(divided.listed(Some(&eve), list).await?, eves, "{list:?}");
            assert_eq!(divided.listed(None, list).await?, eves, "{list:?}");
            assert_eq!(world.social.list(None, list, None, 10).await?.items.len(), 5, "nobody is divided: {list:?}");
        }
        assert_eq!(divided.listed(Some(&amy), List::OfUser("ada")).await?, adas);
        assert!(divided.listed(Some(&bob), List::OfUser("ada")).await.is_err());
        for id in &adas {
            let image = world.gallery.get(&ada.id, id).await?;
            let job = easel_store::jobs::by_id(&world.context.db, &image.job_id).await?.ok_or("its job")?;
            assert_eq!((image.organization_id.as_deref(), job.organization_id.as_deref()), (Some(left.as_str()), Some(left.as_str())));
        }
        divided.put(&ada, None).await?;
        assert_eq!(divided.listed(Some(&amy), List::Recent).await?, Vec::<String>::new());
        assert_eq!(divided.listed(None, List::Recent).await?.len(), 3);
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn nothing_is_done_to_what_is_not_seen(database: &Database) {
        let world = World::open(database).await?;
        let divided = Divided::of(&world);
        let social = &divided.social;
        let (ada, amy, bob) = (world.user("ada", 50).await?, world.user("amy", 0).await?, world.user("bob", 0).await?);
        let (left, right) = (divided.organization("left").await?, divided.organization("right").await?);
        divided.put(&ada, Some(&left)).await?;
        divided.put(&amy, Some(&left)).await?;
        divided.put(&bob, Some(&right)).await?;
        let image = &shown(&world, &ada, 1).await?[0];
        let picture = easel_types::Rgb8::new(8, 8, vec![40; 8 * 8 * 3])?;
        let bytes = easel_imaging::encode(&picture, &easel_imaging::EncodeOptions::new(easel_imaging::Format::Png))?;
        divided.images.set_avatar(&ada.id, bytes.into()).await?;
        let comment = social.comment(&ada, image, "mine").await?;
        for viewer in [Some(bob.id.as_str()), None] {
            assert!(is_unknown(social.view(viewer, image, "x").await));
            assert!(is_unknown(social.files(viewer, image).await));
            assert!(is_unknown(social.comments(viewer, image, None, 5).await));
            assert!(is_unknown(social.profile(viewer, "ada").await));
            assert!(is_unknown(divided.gallery.template(viewer, image).await));
            assert!(is_unknown(divided.images.avatar(viewer, "ada").await));
        }
        assert!(is_unknown(social.like(&bob.id, image).await) && is_unknown(social.unlike(&bob.id, image).await));
        assert!(is_unknown(social.comment(&bob, image, "hello").await));
        assert!(is_unknown(social.delete_comment(&Actor::user(&bob), &comment.id).await), "not even that there is one");
        assert!(is_unknown(social.follow(&bob.id, "ada").await) && is_unknown(social.unfollow(&bob.id, "ada").await));
        for subject in [Subject::Image(image), Subject::Comment(&comment.id), Subject::User("ada")] {
            assert!(is_unknown(divided.moderation.report(&bob.id, subject, Category::Spam, None).await), "{subject:?}");
        }
        // Their own organisation does all of it.
        let viewer = Some(amy.id.as_str());
        social.view(viewer, image, "x").await?;
        social.files(viewer, image).await?;
        divided.gallery.template(viewer, image).await?;
        divided.images.avatar(viewer, "ada").await?;
        assert_eq!(social.like(&amy.id, image).await?, 1);
        social.comment(&amy, image, "nice").await?;
        assert_eq!(social.comments(viewer, image, None, 5).await?.items.len(), 2);
        social.follow(&amy.id, "ada").await?;
        assert!(social.profile(viewer, "ada").await?.is_followed);
        assert_eq!(social.feed(&amy.id, None, 5).await?.items.len(), 1);
        divided.moderation.report(&amy.id, Subject::Image(image), Category::Spam, None).await?;
        // A link is for whoever has it.
        let link = social.share(&ada.id, image, None, false).await?;
        assert_eq!(&social.open_share(&link.token, "x").await?.image.id, image);
        social.shared_files(&link.token).await?;
        // Who leaves sees nothing more of it, is not seen there, and can take back what they did.
        divided.put(&amy, Some(&right)).await?;
        assert_eq!(social.liked(&amy.id, None, 5).await?.items.len(), 0);
        assert_eq!(social.feed(&amy.id, None, 5).await?.items.len(), 0);
        assert_eq!(social.following(&amy.id, None, 5).await?.items.len(), 0);
        assert_eq!(social.followers(&ada.id, None, 5).await?.items.len(), 0);
        let said = social.comments(Some(&ada.id), image, None, 5).await?.items;
        assert_eq!(said.iter().map(|comment| comment.username.as_str()).collect::<Vec<_>>(), ["ada"]);
        assert_eq!(social.unlike(&amy.id, image).await?, 0);
        assert!(is_unknown(social.unlike(&amy.id, image).await));
        social.unfollow(&amy.id, "ada").await?;
        assert!(is_unknown(social.unfollow(&amy.id, "ada").await));
        world.assert_clean().await?;
    }

    async fn moderators_judge_what_is_of_their_own_organisation(database: &Database) {
        let world = World::open(database).await?;
        let divided = Divided::of(&world);
        let moderation = &divided.moderation;
        let (ada, amy, eve) = (world.user("ada", 50).await?, world.user("amy", 0).await?, world.user("eve", 50).await?);
        let left = divided.organization("left").await?;
        let (theirs, others) = (of_rank(&world, "theirs", Role::Moderator).await?, of_rank(&world, "others", Role::Moderator).await?);
        let admin = Actor::user(&of_rank(&world, "admin", Role::Admin).await?);
        for user in [&ada, &amy, &theirs] {
            divided.put(user, Some(&left)).await?;
        }
        let (theirs, others) = (Actor::user(&theirs), Actor::user(&others));
        let (image, plain) = (&shown(&world, &ada, 1).await?[0], &shown(&world, &eve, 1).await?[0]);
        moderation.report(&amy.id, Subject::Image(image), Category::Spam, None).await?;
        let case = moderation.queue(&theirs, None, 10).await?.items.remove(0);
        assert_eq!(&case.target_id, image);
        assert!(moderation.queue(&others, None, 10).await?.items.is_empty());
        assert_eq!(moderation.queue(&admin, None, 10).await?.items.len(), 1);
        assert!(is_unknown(moderation.case(&others, &case.id).await));
        assert!(is_unknown(divided.social.files_of_case(&others, &case.id).await));
        assert!(is_unknown(moderation.decide(&others, &case.id, Decision::Hide, "no").await));
        assert!(is_unknown(moderation.open(&others, Subject::Image(image), Category::Other).await));
        assert!(is_unknown(moderation.open(&theirs, Subject::Image(plain), Category::Other).await));
        moderation.case(&admin, &case.id).await?;
        divided.social.files_of_case(&theirs, &case.id).await?;
        moderation.decide(&theirs, &case.id, Decision::Warn, "no").await?;
        assert!(is_unknown(moderation.close(&others, &case.id, true).await));
        assert_eq!(moderation.findings(&theirs, None, None, 10).await?.items.len(), 1);
        assert_eq!(moderation.findings(&theirs, Some(&ada.id), None, 10).await?.items.len(), 1);
        assert!(moderation.findings(&others, None, None, 10).await?.items.is_empty());
        assert!(is_unknown(moderation.findings(&others, Some(&ada.id), None, 10).await));
        assert_eq!(moderation.findings(&admin, None, None, 10).await?.items.len(), 1);
        let comment = divided.social.comment(&ada, image, "rude").await?;
        assert!(is_unknown(divided.social.delete_comment(&others, &comment.id).await));
        divided.social.delete_comment(&theirs, &comment.id).await?;
        // Nobody is divided: every moderator judges everything.
        assert_eq!(world.moderation.findings(&others, None, None, 10).await?.items.len(), 1);
        world.moderation.close(&others, &case.id, true).await?;
    }

    async fn superusers_make_organisations_and_move_people(database: &Database) {
        let world = World::open(database).await?;
        let organizations = Organizations::new(world.context.clone());
        let root = of_rank(&world, "root", Role::Superuser).await?;
        let (admin, user) = (Actor::user(&of_rank(&world, "admin", Role::Admin).await?), world.user("ada", 0).await?);
        let actor = Actor::user(&root);
        assert!(matches!(organizations.create(&admin, "left", "Left").await, Err(PlatformError::Forbidden(_))));
        let long = "x".repeat(101);
        for (slug, name) in [("", "Left"), ("Left", "Left"), ("le ft", "Left"), (&long[..51], "Left"), ("left", " "), ("left", long.as_str())] {
            assert!(matches!(organizations.create(&actor, slug, name).await, Err(PlatformError::Invalid { .. })), "{slug:?} {name:?}");
        }
        let left = organizations.create(&actor, "left", " Left ").await?;
        assert_eq!((left.slug.as_str(), left.name.as_str()), ("left", "Left"));
        assert!(matches!(organizations.create(&actor, "left", "Other").await, Err(PlatformError::Taken("slug"))));
        world.clock.advance(std::time::Duration::from_secs(1));
        let right = organizations.create(&actor, "right", "Right").await?;
        assert_eq!(organizations.list(&admin, None, 10).await?, [left.clone(), right.clone()]);
        assert_eq!(organizations.list(&admin, Some(&left.id), 10).await?, [right]);
        assert!(matches!(organizations.list(&Actor::user(&user), None, 10).await, Err(PlatformError::Forbidden(_))));
        assert!(matches!(organizations.move_user(&admin, &user.id, Some(&left.id)).await, Err(PlatformError::Forbidden(_))));
        for nowhere in ["nowhere", "a\0b", ""] {
            assert!(matches!(organizations.move_user(&actor, &user.id, Some(nowhere)).await, Err(PlatformError::NotFound("organization"))));
        }
        assert!(matches!(organizations.move_user(&actor, "nobody", Some(&left.id)).await, Err(PlatformError::NotFound("user"))));
        organizations.move_user(&actor, &user.id, Some(&left.id)).await?;
        organizations.move_user(&actor, &root.id, Some(&left.id)).await?;
        assert_eq!(world.accounts.get(&user.id).await?.organization_id.as_deref(), Some(left.id.as_str()));
        organizations.move_user(&actor, &user.id, None).await?;
        assert_eq!(world.accounts.get(&user.id).await?.organization_id, None);
        let recorded = easel_store::audit::recent(&world.context.db, i64::MAX, 5).await?;
        let actions: Vec<&str> = recorded.iter().map(|record| record.action.as_str()).collect();
        assert_eq!(actions, ["user.organization", "user.organization", "user.organization", "organization.create", "organization.create"]);
        assert_eq!(recorded[0].target_id.as_deref(), Some(user.id.as_str()));
        assert!(recorded[0].detail.contains(&left.id), "{}", recorded[0].detail);
        world.assert_clean().await?;
    }
}
