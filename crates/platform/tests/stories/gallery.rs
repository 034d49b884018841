//! One's own pictures: found, ordered, thrown away and taken back; nobody else's are touched.

use std::time::Duration;

use crate::common::{Outcome, World};
use easel_platform::{
    PlatformError,
    gallery::{Action, Applied, Cover, Search},
    housekeeping::{Housekeeping, Retention},
};
use easel_store::users::User;
use easel_testing::on_both_engines;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The names that are found, on all pages of two.
async fn found(world: &World, user: &User, search: Search<'_>) -> Outcome<Vec<String>> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let page = world.gallery.find(&user.id, &Search { cursor: cursor.as_deref(), ..search }, 2).await?;
        assert!(page.items.len() <= 2);
        all.extend(page.items.into_iter().map(|image| image.id));
        cursor = page.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
}

fn picked(ids: &[String], which: &[usize]) -> Vec<String> {
    which.iter().map(|&at| ids[at].clone()).collect()
}

on_both_engines! {
    async fn pictures_are_found_by_what_they_are(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 50).await?, world.user("eve", 50).await?);
        let start = world.context.now();
        let ids = world.pictures(&ada, "a red CAT, straße 8k", 5).await?;
        world.pictures(&eve, "a red cat", 1).await?;
        let search = Search::default();
        assert_eq!(found(&world, &ada, search).await?, picked(&ids, &[4, 3, 2, 1, 0]), "newest first, on three pages");
        assert_eq!(found(&world, &ada, Search { sampler: Some("ddim"), ..search }).await?, picked(&ids, &[3, 1]));
        assert_eq!(found(&world, &ada, Search { model: Some("drawn"), mode: Some("text_to_image"), ..search }).await?.len(), 5);
        assert_eq!(found(&world, &ada, Search { model: Some("other"), ..search }).await?.len(), 0);
        assert_eq!(found(&world, &ada, Search { width: (Some(16), Some(24)), height: (Some(8), None), ..search }).await?, picked(&ids, &[2, 1]));
        let second = start.after(Duration::from_secs(1));
        assert_eq!(found(&world, &ada, Search { made: (Some(second), Some(second.after(Duration::from_secs(2)))), ..search }).await?, picked(&ids, &[2, 1]));

        let gallery = &world.gallery;
        gallery.apply_to(&ada.id, &ids[0], &Action::Favourite(true)).await?;
        assert_eq!(found(&world, &ada, Search { is_favourite: Some(true), ..search }).await?, picked(&ids, &[0]));
        assert_eq!(found(&world, &ada, Search { is_favourite: Some(false), ..search }).await?.len(), 4);
        gallery.apply_to(&ada.id, &ids[1], &Action::Tag(vec![" Cats ".to_owned(), "ＣＡＴＳ".to_owned(), "red".to_owned()])).await?;
        assert_eq!(gallery.tags_of(&ada.id, &ids[1]).await?, ["cats", "red"]);
        assert_eq!(found(&world, &ada, Search { tag: Some("CATS"), ..search }).await?, picked(&ids, &[1]));
        gallery.apply_to(&ada.id, &ids[2], &Action::Publish { shows_prompt: false }).await?;
        assert_eq!(found(&world, &ada, Search { is_public: Some(true), ..search }).await?, picked(&ids, &[2]));

        for (text, count) in [("cat", 5), ("RED cat", 5), ("straße", 5), ("8K", 5), ("ca", 0), ("red dog", 0), ("' OR 1=1 --", 0), ("\"cat\" AND", 0), ("* :", 0)] {
            assert_eq!(found(&world, &ada, Search { text: Some(text), ..search }).await?.len(), count, "{text}");
        }
        gallery.apply_to(&ada.id, &ids[3], &Action::Title("A Zebra/Horse".to_owned())).await?;
        assert_eq!(found(&world, &ada, Search { text: Some("horse cat"), ..search }).await?, picked(&ids, &[3]));
        gallery.apply_to(&ada.id, &ids[3], &Action::Title(String::new())).await?;
        assert_eq!(found(&world, &ada, Search { text: Some("horse"), ..search }).await?.len(), 0, "the index follows");
        let bad = gallery.find(&ada.id, &Search { cursor: Some("nonsense"), ..search }, 2).await;
        assert!(matches!(bad, Err(PlatformError::Invalid { field: "cursor", .. })), "{bad:?}");
    }

    async fn many_are_changed_at_once_and_others_never(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 50).await?, world.user("eve", 50).await?);
        let mine = world.pictures(&ada, "a cat", 2).await?;
        let hers = world.pictures(&eve, "a dog", 1).await?;
        let ids = [mine[0].as_str(), hers[0].as_str(), "nothing", mine[1].as_str()];
        let gallery = &world.gallery;
        let some = [Applied::Done, Applied::NotFound, Applied::NotFound, Applied::Done];
        let album = gallery.create_album(&ada.id, "both").await?;
        for action in [
            Action::Favourite(true),
            Action::Tag(vec!["pets".to_owned()]),
            Action::Retag(vec!["animals".to_owned()]),
            Action::Title("pet".to_owned()),
            Action::AddToAlbum(album.id.clone()),
            Action::Publish { shows_prompt: true },
            Action::Withdraw,
            Action::Trash,
            Action::Restore,
            Action::Trash,
            Action::Delete,
        ] {
            assert_eq!(gallery.apply(&ada.id, &ids, &action).await?, some, "{action:?}");
        }
        let after = gallery.get(&eve.id, &hers[0]).await?;
        assert!(!after.is_favourite && !after.is_public && after.title.is_none() && after.deleted_at.is_none());
        assert!(matches!(gallery.get(&ada.id, &hers[0]).await, Err(PlatformError::NotFound(_))), "nobody else's is found");
        assert!(gallery.apply(&ada.id, &[], &Action::Trash).await.is_err());
        assert!(gallery.apply(&ada.id, &vec!["x"; 101], &Action::Trash).await.is_err());
        // Too many tags for one of them, and nothing is done to any.
        let more = world.pictures(&ada, "a cat", 2).await?;
        let tags = |from: usize| (from..from + 15).map(|n| format!("tag{n}")).collect::<Vec<_>>();
        gallery.apply_to(&ada.id, &more[1], &Action::Tag(tags(0))).await?;
        let refused = gallery.apply(&ada.id, &[&more[0], &more[1]], &Action::Tag(tags(20))).await;
        assert!(matches!(refused, Err(PlatformError::Invalid { field: "number of tags", .. })), "{refused:?}");
        assert_eq!(gallery.tags_of(&ada.id, &more[0]).await?, Vec::<String>::new());
        gallery.apply_to(&ada.id, &more[1], &Action::Untag(tags(1))).await?;
        assert_eq!(gallery.tags(&ada.id).await?.iter().map(|counted| (counted.tag.as_str(), counted.images)).collect::<Vec<_>>(), [("tag0", 1)]);
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn albums_keep_their_order_and_their_cover(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 50).await?, world.user("eve", 50).await?);
        let ids = world.pictures(&ada, "a cat", 4).await?;
        let hers = world.pictures(&eve, "a dog", 1).await?;
        let gallery = &world.gallery;
        let first = gallery.create_album(&ada.id, " first ").await?;
        let second = gallery.create_album(&ada.id, "second").await?;
        assert_eq!(first.title, "first");
        assert!(gallery.create_album(&ada.id, "  ").await.is_err());
        gallery.rename_album(&ada.id, &second.id, "zweites").await?;
        gallery.albums_first(&ada.id, &[&second.id]).await?;
        let all: Vec<&str> = ids.iter().map(String::as_str).collect();
        gallery.apply(&ada.id, &all, &Action::AddToAlbum(first.id.clone())).await?;
        gallery.apply(&ada.id, &all, &Action::AddToAlbum(first.id.clone())).await?;
        gallery.pictures_first(&ada.id, &first.id, &[&ids[2], &ids[1]]).await?;
        let order = async |id: &str| -> Outcome<Vec<String>> {
            let (mut all, mut cursor) = (Vec::new(), None::<String>);
            loop {
                let page = gallery.album_pictures(&ada.id, id, cursor.as_deref(), 3).await?;
                all.extend(page.items.into_iter().map(|placed| placed.image.id));
                cursor = page.next;
                if cursor.is_none() { return Ok(all); }
            }
        };
        assert_eq!(order(&first.id).await?, picked(&ids, &[2, 1, 0, 3]));
        gallery.set_cover(&ada.id, &first.id, Cover::Image(&ids[3])).await?;
        let shown: Vec<_> = gallery.albums(&ada.id).await?.into_iter().map(|(album, size)| (album.title, album.cover_image_id, size)).collect();
        assert_eq!(shown, [("zweites".to_owned(), None, 0), ("first".to_owned(), Some(ids[3].clone()), 4)]);
        // Another's picture, album and order.
        assert!(gallery.apply_to(&ada.id, &hers[0], &Action::AddToAlbum(first.id.clone())).await.is_err());
        assert!(gallery.apply_to(&eve.id, &hers[0], &Action::AddToAlbum(first.id.clone())).await.is_err());
        assert!(gallery.set_cover(&ada.id, &first.id, Cover::Image(&hers[0])).await.is_err());
        for refused in [
            gallery.rename_album(&eve.id, &first.id, "mine").await,
            gallery.set_cover(&eve.id, &first.id, Cover::None).await,
            gallery.albums_first(&eve.id, &[&first.id]).await,
            gallery.pictures_first(&eve.id, &first.id, &[&ids[0]]).await,
            gallery.delete_album(&eve.id, &first.id).await,
            gallery.albums_first(&ada.id, &[&first.id, &first.id]).await,
        ] {
            assert!(matches!(refused, Err(PlatformError::NotFound("album") | PlatformError::Invalid { .. })), "{refused:?}");
        }
        // What is taken out stands for it no longer; what is in the trash is not shown and comes back to its place.
        gallery.apply_to(&ada.id, &ids[3], &Action::RemoveFromAlbum(first.id.clone())).await?;
        assert_eq!(gallery.album(&ada.id, &first.id).await?.cover_image_id, None);
        gallery.apply_to(&ada.id, &ids[1], &Action::Trash).await?;
        assert_eq!(order(&first.id).await?, picked(&ids, &[2, 0]));
        gallery.apply_to(&ada.id, &ids[1], &Action::Restore).await?;
        assert_eq!(order(&first.id).await?, picked(&ids, &[2, 1, 0]));
        gallery.delete_album(&ada.id, &first.id).await?;
        assert_eq!(found(&world, &ada, Search::default()).await?.len(), 4, "pictures stay");
    }

    async fn the_trash_gives_back_until_its_time_is_up(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 50).await?;
        let ids = world.pictures(&ada, "a cat", 3).await?;
        let gallery = &world.gallery;
        let before = gallery.storage(&ada).await?;
        assert_eq!((before.stored.images, before.stored.trash_images, before.bytes_max), (3, 0, Some(1_000_000_000)));
        for id in &ids {
            gallery.apply_to(&ada.id, id, &Action::Trash).await?;
            world.clock.advance(DAY);
        }
        assert!(matches!(gallery.apply_to(&ada.id, &ids[0], &Action::Trash).await, Err(PlatformError::NotFound(_))));
        let page = gallery.trash(&ada.id, None, 2).await?;
        assert_eq!(page.items.iter().map(|image| &image.id).collect::<Vec<_>>(), [&ids[2], &ids[1]]);
        assert_eq!(gallery.trash(&ada.id, page.next.as_deref(), 2).await?.items.len(), 1);
        let during = gallery.storage(&ada).await?;
        assert_eq!((during.stored.images, during.stored.trash_images, during.stored.bytes), (3, 3, before.stored.bytes), "it counts until it goes");
        gallery.apply_to(&ada.id, &ids[2], &Action::Restore).await?;
        gallery.apply_to(&ada.id, &ids[1], &Action::Delete).await?;
        let keeping = Housekeeping::new(world.context.clone(), world.desk.clone(), world.privacy.clone(), Retention::default());
        assert_eq!(keeping.run().await?.images_purged, 1, "what was deleted, and not what waits");
        world.clock.advance(DAY * 27);
        assert!(matches!(gallery.apply_to(&ada.id, &ids[0], &Action::Restore).await, Err(PlatformError::NotFound(_))), "its time is up");
        assert_eq!(keeping.run().await?.images_purged, 1);
        assert_eq!(gallery.storage(&ada).await?.stored.images, 1);
        assert_eq!(world.blobs.usage(None).await?.files, 1);
        assert!(matches!(gallery.apply_to(&ada.id, &ids[1], &Action::Restore).await, Err(PlatformError::NotFound(_))));
        assert_eq!(found(&world, &ada, Search { text: Some("cat"), ..Search::default() }).await?, picked(&ids, &[2]));
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn a_picture_can_be_drawn_again_by_who_sees_its_prompt(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 50).await?, world.user("eve", 50).await?);
        let ids = world.pictures(&ada, "a red cat", 1).await?;
        let gallery = &world.gallery;
        let own = gallery.template(Some(&ada.id), &ids[0]).await?;
        assert_eq!((own.prompt.as_str(), own.model.as_str(), own.width), ("a red cat", "drawn", 8));
        assert_eq!(own.parameters["init_image"], "input/x.png");
        assert!(gallery.template(Some(&eve.id), &ids[0]).await.is_err());
        gallery.apply_to(&ada.id, &ids[0], &Action::Publish { shows_prompt: false }).await?;
        assert!(gallery.template(Some(&eve.id), &ids[0]).await.is_err(), "public, but not its prompt");
        gallery.apply_to(&ada.id, &ids[0], &Action::Publish { shows_prompt: true }).await?;
        for viewer in [Some(eve.id.as_str()), None] {
            let shown = gallery.template(viewer, &ids[0]).await?;
            assert_eq!(shown.parameters["seed"], 0);
            assert!(!shown.parameters.contains_key("init_image"), "what somebody put in is theirs");
        }
    }
}
