//! What a plan opens and allows is held to: which models, how much may be stored.

use easel_imaging::{EncodeOptions, Format, encode};
use easel_platform::{
    PlatformError,
    accounts::Actor,
    images::{Images, UploadLimits},
    jobs::{Jobs, NewJob, Settings},
    plans::Catalogue,
    records::Limits,
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

    async fn limits_of_ones_own_take_the_plans_place_until_they_are_taken(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let bob = world.user("bob", 0).await?;
        let (operator, accounts) = (Actor::operator(), &world.accounts);
        accounts.set_plan(&operator, &ada.id, "small", None).await?;
        let ada = accounts.get(&ada.id).await?;
        let refused = async |jobs: &Jobs, images: i64| match jobs.submit(job_for(&ada.id, images)).await {
            Err(PlatformError::Limit { code, max, .. }) => Some((code, max)),
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&world.jobs, 4).await, Some(("daily_limit_reached", 3)));
        let more = Limits { images_daily_max: Some(5), jobs_open_max: Some(1), storage_bytes_max: Some(10) };
        // Only who stands above them, with a reason.
        let own = accounts.set_own_limits(&Actor::user(&ada), &ada.id, more, "please").await;
        assert!(matches!(own, Err(PlatformError::Forbidden(_))), "{own:?}");
        for (limits, reason) in [(more, " "), (Limits { jobs_open_max: Some(-1), ..more }, "why")] {
            assert!(matches!(accounts.set_own_limits(&operator, &ada.id, limits, reason).await, Err(PlatformError::Invalid { .. })));
        }
        let nobody = accounts.set_own_limits(&operator, "nobody", more, "why").await;
        assert!(matches!(nobody, Err(PlatformError::NotFound("user"))), "{nobody:?}");
        assert_eq!(accounts.own_limits(&ada.id).await?, Limits::default());
        for _ in 0..2 {
            accounts.set_own_limits(&operator, &ada.id, more, "a class of thirty").await?;
        }
        assert_eq!((accounts.own_limits(&ada.id).await?, accounts.own_limits(&bob.id).await?), (more, Limits::default()));
        assert_eq!(refused(&world.jobs, 6).await, Some(("daily_limit_reached", 5)));
        // The server's own limit holds whatever is given.
        let strict = Settings { images_daily_max: Some(4), ..Settings::default() };
        let strict = Jobs::new(world.context.clone(), world.catalogue.clone(), strict);
        assert_eq!(refused(&strict, 5).await, Some(("daily_limit_reached", 4)));
        let job = world.jobs.submit(job_for(&ada.id, 4)).await?.job;
        assert_eq!(refused(&world.jobs, 1).await, Some(("too_many_open_jobs", 1)));
        let claimed = world.jobs.claim("w", None, 1).await?.remove(0);
        assert_eq!(claimed.id, job.id);
        world.jobs.finish(&Jobs::lease_of(&claimed).ok_or("a lease")?, &world.draw(&claimed, 1).await?).await?;
        assert_eq!(refused(&world.jobs, 1).await, Some(("storage_quota_exceeded", 10)));
        assert_eq!(world.gallery.storage(&ada).await?.bytes_max, Some(10));
        let images = Images::new(world.context.clone(), world.catalogue.clone(), world.blobs.clone(), UploadLimits::default());
        assert!(images.presign(&ada, Format::Png, 100, "https://easel.example/f/").await.is_err());
        // Taken away, the plan's hold again.
        accounts.set_own_limits(&operator, &ada.id, Limits::default(), "the class is over").await?;
        assert_eq!(refused(&world.jobs, 3).await, Some(("daily_limit_reached", 3)));
        world.jobs.submit(job_for(&ada.id, 1)).await?;
        images.presign(&ada, Format::Png, 100, "https://easel.example/f/").await?;
        world.assert_clean().await?;
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
