//! Pictures that people send, the built-in account, and jobs that are done while their owner waits.

use bytes::Bytes;
use easel_platform::{
    PlatformError,
    accounts::{Actor, LOCAL_ID},
    images::{Images, UploadLimits},
    jobs::NewJob,
    orders::Source,
    records::{JobState, Role, Timestamp},
    worker::Held,
};
use easel_testing::on_both_engines;

use crate::common::{World, job_for};

/// A black PNG of so many pixels a side.
fn png(side: u32) -> Bytes {
    let picture = easel_types::Rgb8::new(side, side, vec![0; (side * side * 3) as usize]).expect("three bytes a pixel");
    easel_imaging::encode(&picture, &easel_imaging::EncodeOptions::new(easel_imaging::Format::Png)).expect("a file").into()
}

fn images(world: &World, limits: UploadLimits) -> Images {
    Images::new(world.context.clone(), world.catalogue.clone(), world.blobs.clone(), limits)
}

on_both_engines! {
    async fn what_is_sent_is_kept_for_its_owner_and_goes_with_them(database: &Database) {
        let world = World::open(database).await?;
        let (ada, eve) = (world.user("ada", 0).await?, world.user("eve", 0).await?);
        let images = images(&world, UploadLimits { count_max: 2, ..UploadLimits::default() });
        let first = images.upload(&ada, png(8)).await?;
        images.upload(&ada, png(9)).await?;
        let third = images.upload(&ada, png(10)).await;
        assert!(matches!(third, Err(PlatformError::Limit { code: "too_many_uploads", .. })), "{third:?}");
        assert!(matches!(images.upload(&eve, Bytes::from_static(b"x")).await, Err(PlatformError::Picture(_))));
        let source = Source::Upload(first.id.clone());
        assert_eq!(images.size_of(&ada.id, &source).await?, (8, 8));
        assert!(matches!(images.key_of(&eve.id, &source).await, Err(PlatformError::NotFound(_))));
        world.assert_clean().await?;

        world.privacy.request_erasure(&Actor::user(&ada), &ada.id).await?;
        world.clock.advance(std::time::Duration::from_secs(31 * 24 * 3600));
        assert_eq!(world.privacy.erase_due().await?, 1);
        let key = first.storage_key.parse()?;
        assert!(matches!(world.blobs.head(&key).await, Err(easel_blobs::BlobError::NotFound)));
        let kept = images.upload(&eve, png(8)).await?;
        assert_eq!(world.privacy.remove_uploads(None, kept.created_at.before(std::time::Duration::from_secs(1))).await?, 0);
        assert_eq!(world.privacy.remove_uploads(None, Timestamp::MAX).await?, 1);
        world.assert_clean().await?;
    }

    async fn the_built_in_account_is_metered_and_ends_with_the_first_administrator(database: &Database) {
        let world = World::open(database).await?;
        assert!(!world.accounts.has_administrator().await?);
        let local = world.accounts.local().await?;
        assert_eq!((local.id.as_str(), local.role), (LOCAL_ID, Role::User));
        let plan = world.catalogue.of(&local, world.context.now());
        assert!(plan.unlimited_credits && !plan.watermark && !plan.api_access);
        let job = world.jobs.submit(NewJob { user_id: LOCAL_ID, ..job_for(LOCAL_ID, 3) }).await?.job;
        let claimed = world.jobs.claim("w", None, 1).await?.remove(0);
        let lease = easel_platform::jobs::Jobs::lease_of(&claimed).ok_or("a lease")?;
        world.jobs.finish(&lease, &world.draw(&job, 3).await?).await?;
        let balance = world.desk.balance(LOCAL_ID).await?;
        assert_eq!((balance.posted.0, balance.metered.0), (0, 3_000_000));
        let root = easel_platform::accounts::Registration { email: "root@example.org", password: "correct horse", ..Default::default() };
        world.accounts.create_superuser(root).await?;
        assert!(world.accounts.has_administrator().await?);
        world.assert_clean().await?;
    }

    async fn a_job_whose_owner_waits_is_never_somebody_elses(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 5).await?;
        let before = world.balance(&ada.id).await?;
        let job = world.jobs.submit_to("api", job_for(&ada.id, 2)).await?;
        assert_eq!((job.state, job.lease_owner.as_deref(), job.attempt), (JobState::Processing, Some("api"), 1));
        assert!(world.jobs.claim("w", None, 10).await?.is_empty(), "it is never in the queue");
        assert_eq!(world.balance(&ada.id).await?, (before.0 - 2, 2));
        // Its client goes away.
        let held = Held::begin(&world.jobs, &job).ok_or("held")?.given_up_when_dropped();
        drop(held);
        while !world.jobs.get(&ada.id, &job.id).await?.state.is_terminal() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(world.jobs.get(&ada.id, &job.id).await?.state, JobState::Cancelled);
        assert_eq!(world.balance(&ada.id).await?, before);
        // Its process dies.
        let job = world.jobs.submit_to("api", job_for(&ada.id, 2)).await?;
        world.clock.advance(std::time::Duration::from_secs(31));
        assert_eq!(world.jobs.sweep().await?.exhausted, 1);
        assert_eq!(world.jobs.get(&ada.id, &job.id).await?.state, JobState::Failed);
        assert_eq!(world.balance(&ada.id).await?, before);
        world.deliver_events().await?;
        world.assert_clean().await?;
    }
}
