//! What a plan opens and allows is held to: which models, how much may be stored.

use easel_imaging::{EncodeOptions, Format, encode};
use easel_platform::{
    PlatformError,
    images::{Images, UploadLimits},
    jobs::{Jobs, NewJob, Settings},
    plans::Catalogue,
};
use easel_testing::on_both_engines;
use easel_types::Rgb8;

use crate::common::{World, job_for};

on_both_engines! {
    async fn a_model_that_the_plan_does_not_open_is_refused_and_costs_nothing(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let studio = Catalogue::named("studio").ok_or("a catalogue")?;
        let jobs = Jobs::new(world.context.clone(), studio, Settings::default());
        let of = |model| NewJob { model, ..job_for(&ada.id, 1) };
        jobs.submit(of("flux-schnell")).await?;
        for (model, tier) in [("flux-dev", "advanced"), ("flux-pro-1.1", "all")] {
            let refused = jobs.submit(of(model)).await;
            assert!(matches!(refused, Err(PlatformError::ModelNotInPlan { tier: needed }) if needed == tier), "{refused:?}");
            let refused = jobs.submit_to("w", of(model)).await;
            assert!(matches!(refused, Err(PlatformError::ModelNotInPlan { .. })), "{refused:?}");
        }
        assert_eq!(world.balance(&ada.id).await?, (99, 1), "nothing was set aside for those");
        world.accounts.set_plan(&easel_platform::accounts::Actor::operator(), &ada.id, "basic", None).await?;
        jobs.submit(of("flux-dev")).await?;
        assert!(jobs.submit(of("flux-pro-1.1")).await.is_err());
        world.assert_clean().await?;
    }

    async fn of_the_days_limits_the_lower_counts(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        world.accounts.set_plan(&easel_platform::accounts::Actor::operator(), &ada.id, "small", None).await?;
        for (own, max) in [(Some(2), 2), (Some(9), 3), (None, 3)] {
            let settings = Settings { images_daily_max: own, ..Settings::default() };
            let jobs = Jobs::new(world.context.clone(), world.catalogue.clone(), settings);
            let refused = jobs.submit(job_for(&ada.id, max + 1)).await;
            assert!(matches!(refused, Err(PlatformError::Limit { code: "daily_limit_reached", max: told, .. }) if told == max), "{refused:?}");
        }
    }

    async fn what_is_stored_counts_whatever_it_is(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let text = include_str!("../../src/plans.toml").replacen("storage_bytes_max = 1_000_000_000", "storage_bytes_max = 600", 1);
        let small = Catalogue::parse(&text)?;
        let images = Images::new(world.context.clone(), small.clone(), world.blobs.clone(), UploadLimits::default());
        let jobs = Jobs::new(world.context.clone(), small, Settings::default());
        let full = |error: PlatformError| matches!(error, PlatformError::Limit { code: "storage_quota_exceeded", max: 600, .. });
        let picture = encode(&Rgb8::new(8, 8, vec![9; 8 * 8 * 3])?, &EncodeOptions::new(Format::Png))?;
        let sent = images.upload(&ada, picture.clone().into()).await?;
        let room = u64::try_from(600 - sent.bytes)?;
        let here = "https://easel.example/f/";
        assert!(images.presign(&ada, Format::Png, room + 1, here).await.is_err_and(full));
        images.presign(&ada, Format::Png, room, here).await?;
        assert!(images.upload(&ada, picture.into()).await.is_err_and(full), "what is awaited counts");
        // Of what is drawn the size is not known before: a job is refused once all is used.
        jobs.submit(job_for(&ada.id, 1)).await?;
        let job = jobs.claim("w", None, 1).await?.remove(0);
        let mut results = world.draw(&job, 1).await?;
        results.images[0].bytes = 600;
        jobs.finish(&Jobs::lease_of(&job).ok_or("a lease")?, &results).await?;
        assert!(jobs.submit(job_for(&ada.id, 1)).await.is_err_and(full));
        assert_eq!(world.balance(&ada.id).await?, (99, 0), "and nothing is charged for that");
    }
}
