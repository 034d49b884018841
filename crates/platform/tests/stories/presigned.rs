//! An address to send a picture to ends, and what nobody asks for is removed.

use std::time::Duration;

use easel_blobs::{BlobError, Folder};
use easel_imaging::Format;
use easel_platform::{
    PlatformError,
    housekeeping::{Housekeeping, Retention},
    images::{Images, UploadLimits},
};
use easel_testing::on_both_engines;

use crate::common::World;

const HOUR: Duration = Duration::from_secs(3600);

on_both_engines! {
    async fn an_address_ends_and_what_it_brought_is_swept(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let images = Images::new(world.context.clone(), world.catalogue.clone(), world.blobs.clone(), UploadLimits::default());
        let made = images.presign(&user, Format::Png, 5, "https://easel.example/api/v1/files/").await?;
        let url = made.address.url.clone();
        let path = url.path().strip_prefix("/api/v1/files/").ok_or("below the base")?;
        let query = url.query().ok_or("signed")?;
        let expected = images.expected(path, query).await?;
        assert_eq!((expected.size, expected.media_type()), (5, "image/png"));
        images.arrived(&expected, b"bytes".to_vec().into()).await?;

        world.clock.advance(HOUR);
        assert!(matches!(images.expected(path, query).await, Err(PlatformError::Blobs(BlobError::Expired))));
        let keep = Housekeeping::new(world.context.clone(), world.desk.clone(), world.privacy.clone(), Retention::default());
        assert_eq!(keep.run().await?.awaited_removed, 0, "its owner may still ask for it");
        world.clock.advance(HOUR * 24);
        assert_eq!(keep.run().await?.awaited_removed, 1);
        assert_eq!(world.blobs.usage(Some(Folder::Temp)).await?.files, 0);
        assert!(matches!(images.complete_upload(&user, &made.id).await, Err(PlatformError::NotFound("upload"))));
        world.assert_clean().await?;
    }

    async fn of_many_who_ask_at_once_all_get_the_same(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let images = Images::new(world.context.clone(), world.catalogue.clone(), world.blobs.clone(), UploadLimits::default());
        let picture = easel_types::Rgb8::new(8, 8, vec![7; 8 * 8 * 3])?;
        let bytes = easel_imaging::encode(&picture, &easel_imaging::EncodeOptions::new(Format::Png))?;
        let made = images.presign(&user, Format::Png, bytes.len() as u64, "https://easel.example/f/").await?;
        let url = made.address.url.clone();
        let path = url.path().strip_prefix("/f/").ok_or("below the base")?;
        let expected = images.expected(path, url.query().ok_or("signed")?).await?;
        images.arrived(&expected, bytes.into()).await?;
        let asking: Vec<_> = (0..8).map(|_| {
            let (images, user, id) = (images.clone(), user.clone(), made.id.clone());
            tokio::spawn(async move { images.complete_upload(&user, &id).await })
        }).collect();
        let mut keys = std::collections::BTreeSet::new();
        for asked in asking {
            keys.insert(asked.await??.storage_key);
        }
        assert_eq!(keys.len(), 1);
        assert_eq!((world.blobs.usage(Some(Folder::Input)).await?.files, world.blobs.usage(Some(Folder::Temp)).await?.files), (1, 0));
        world.assert_clean().await?;
    }
}
