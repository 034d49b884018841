//! A job from submission to its end, in every way it can end.

use std::time::Duration;

use crate::common::{World, job_for};
use easel_platform::{
    PlatformError,
    accounts::Actor,
    jobs::{Failure, Jobs, NewJob, Settings, Which},
};
use easel_store::{jobs::JobState, leases::Beat};
use easel_testing::on_both_engines;
use easel_types::Quality;

const LEASE: Duration = Duration::from_secs(30);
const BROKEN: Failure<'static> =
    Failure { code: "out_of_memory", message: "the picture does not fit into memory", retryable: true };

on_both_engines! {
    async fn a_job_is_held_for_drawn_and_paid(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let submitted = world.jobs.submit(job_for(&user.id, 4)).await?;
        assert!(!submitted.repeated);
        assert_eq!(world.balance(&user.id).await?, (96, 4));

        let job = world.jobs.claim("w", None, 10).await?.remove(0);
        let lease = Jobs::lease_of(&job).ok_or("a lease")?;
        assert_eq!(world.jobs.heartbeat(&lease, 500).await?, Beat::Held);
        assert_eq!(world.jobs.get(&user.id, &job.id).await?.progress, 500);
        // Three of four: what was not delivered is not paid.
        let results = world.draw(&job, 3).await?;
        world.jobs.finish(&lease, &results).await?;
        assert_eq!(world.balance(&user.id).await?, (97, 0));
        // An answer that was lost: the same again changes nothing.
        world.jobs.finish(&lease, &results).await?;
        assert_eq!(world.balance(&user.id).await?, (97, 0));

        let job = world.jobs.get(&user.id, &job.id).await?;
        assert_eq!((job.state, job.images_delivered, job.progress), (JobState::Completed, 3, 1000));
        let stranger = world.jobs.get("somebody-else", &job.id).await;
        assert!(matches!(stranger, Err(PlatformError::NotFound("job"))), "{stranger:?}");
        let events = easel_platform::events::Events::new(world.context.clone()).take(10).await?;
        assert_eq!(events.iter().map(|event| event.topic.as_str()).collect::<Vec<_>>(), ["job.completed"]);
        let report = world.assert_clean().await?;
        assert_eq!((report.jobs, report.images, report.files), (1, 3, 3));
    }

    async fn jobs_have_numbers_parents_batches_and_an_end_that_is_foretold(database: &Database) {
        let world = World::open(database).await?;
        let (ada, bob) = (world.user("ada", 0).await?, world.user("bob", 0).await?);
        // Eight at once: nobody's number is given twice, and what was refused takes none.
        assert!(world.jobs.submit(NewJob { user_id: "nobody", ..job_for(&ada.id, 1) }).await.is_err());
        assert!(world.jobs.submit(job_for(&ada.id, 0)).await.is_err());
        let all: Vec<_> = (0..8).map(|_| {
            let (jobs, user_id) = (world.jobs.clone(), ada.id.clone());
            tokio::spawn(async move { jobs.submit(job_for(&user_id, 1)).await })
        }).collect();
        let mut numbers = Vec::new();
        for one in all {
            numbers.push(one.await??.job.task_no);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=8).collect::<Vec<i64>>());
        let keyed = NewJob { idempotency_key: Some("k"), ..job_for(&bob.id, 1) };
        assert_eq!(world.jobs.submit(keyed).await?.job.task_no, 1, "each counts their own");
        assert_eq!(world.jobs.submit(keyed).await?.job.task_no, 1, "the same key is the same job");

        // Its parent is the job that made its picture, if that is theirs.
        let image = world.pictures(&ada, "a red circle", 1).await?.remove(0);
        let parent = easel_store::images::by_id(&world.context.db, &image).await?.ok_or("a picture")?.job_id;
        world.clock.advance(Duration::from_secs(1));
        let child = NewJob { parent_image: Some(&image), batch_key: Some("batch"), ..job_for(&ada.id, 1) };
        let child = world.jobs.submit(child).await?.job;
        assert_eq!((child.task_no, child.parent_id.as_deref(), child.batch_key.as_deref()), (10, Some(parent.as_str()), Some("batch")));
        let others = world.jobs.submit(NewJob { parent_image: Some(&image), batch_key: Some("batch"), ..job_for(&bob.id, 1) }).await?.job;
        assert_eq!(others.parent_id, None);

        // Lists: of one batch, and by offset.
        let of_batch = Which { batch_key: Some("batch"), ..Which::default() };
        let listed = world.jobs.list_which(&ada.id, of_batch, 10).await?;
        assert_eq!(listed.iter().map(|job| &job.id).collect::<Vec<_>>(), [&child.id]);
        let whole: Vec<String> = world.jobs.list(&ada.id, None, 100).await?.into_iter().map(|job| job.id).collect();
        assert_eq!(whole.len(), 10);
        let from = |offset| Which { offset, ..Which::default() };
        let third: Vec<String> = world.jobs.list_which(&ada.id, from(2), 3).await?.into_iter().map(|job| job.id).collect();
        assert_eq!(third, whole[2..5]);
        assert!(world.jobs.list_which(&ada.id, from(10), 3).await?.is_empty());
        for offset in [-1, 10_001] {
            let refused = world.jobs.list_which(&ada.id, from(offset), 3).await;
            assert!(matches!(refused, Err(PlatformError::Invalid { field: "offset", .. })), "{refused:?}");
        }

        // Only whoever has it foretells its end; when it is begun again nobody has yet.
        let claimed = world.jobs.claim("w", None, 1).await?.remove(0);
        let lease = Jobs::lease_of(&claimed).ok_or("a lease")?;
        let left = Duration::from_secs(7);
        assert!(world.jobs.foretell(&lease, left).await?);
        let foretold = world.jobs.get(&claimed.user_id, &claimed.id).await?.estimated_completion_at;
        assert_eq!(foretold, Some(world.context.now().after(left)));
        world.jobs.fail(&lease, BROKEN).await?;
        assert!(!world.jobs.foretell(&lease, left).await?, "it is in the queue again");
        assert_eq!(world.jobs.get(&claimed.user_id, &claimed.id).await?.estimated_completion_at, None);
        world.assert_clean().await?;
    }

    async fn the_same_key_is_the_same_job(database: &Database) {
        let world = World::open(database).await?;
        let (ada, bob) = (world.user("ada", 0).await?, world.user("bob", 0).await?);
        let new = NewJob { idempotency_key: Some("k"), ..job_for(&ada.id, 1) };
        let all: Vec<_> = (0..8).map(|_| {
            let (jobs, user_id) = (world.jobs.clone(), ada.id.clone());
            tokio::spawn(async move { jobs.submit(NewJob { idempotency_key: Some("k"), ..job_for(&user_id, 1) }).await })
        }).collect();
        let mut ids = std::collections::BTreeSet::new();
        let mut made = 0;
        for one in all {
            let submitted = one.await??;
            made += i32::from(!submitted.repeated);
            ids.insert(submitted.job.id);
        }
        assert_eq!((ids.len(), made), (1, 1));
        let other = world.jobs.submit(NewJob { images: 2, ..new }).await;
        assert!(matches!(other, Err(PlatformError::KeyReused)), "{other:?}");
        let bobs = world.jobs.submit(NewJob { user_id: &bob.id, ..new }).await?;
        assert!(!bobs.repeated, "a key is its owner's alone");
        world.clock.advance(Duration::from_secs(25 * 3600));
        assert!(!world.jobs.submit(NewJob { images: 2, ..new }).await?.repeated, "after a day it is free again");
        assert_eq!(world.jobs.list(&ada.id, None, 10).await?.len(), 2);
    }

    async fn what_is_refused_leaves_nothing_behind(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let keyed = |images| NewJob { idempotency_key: Some("k"), quality: Quality::FourK, ..job_for(&user.id, images) };
        let refused = world.jobs.submit(keyed(16)).await?;
        assert_eq!(refused.job.unit_price.to_string(), "4");
        let refused = world.jobs.submit(NewJob { idempotency_key: Some("other"), ..keyed(16) }).await;
        assert!(matches!(&refused, Err(error @ PlatformError::InsufficientCredits { .. }) if error.code() == "insufficient_credits"), "{refused:?}");
        assert!(!world.jobs.submit(NewJob { idempotency_key: Some("other"), ..keyed(1) }).await?.repeated, "its key is free");
        for (what, bad) in [("none", job_for(&user.id, 0)), ("many", job_for(&user.id, 17)), ("nul", NewJob { request: "\0", ..job_for(&user.id, 1) })] {
            assert!(matches!(world.jobs.submit(bad).await, Err(PlatformError::Invalid { .. })), "{what}");
        }
        assert!(world.jobs.submit(job_for("nobody", 1)).await.is_err());
        world.accounts.set_active(&Actor::operator(), &user.id, false).await?;
        assert!(matches!(world.jobs.submit(job_for(&user.id, 1)).await, Err(PlatformError::Forbidden(_))));
        world.assert_clean().await?;
    }

    async fn limits_are_the_plans(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        world.accounts.set_plan(&Actor::operator(), &user.id, "small", None).await?;
        let refused = world.jobs.submit(job_for(&user.id, 4)).await;
        assert!(matches!(refused, Err(PlatformError::Limit { code: "daily_limit_reached", max: 3, .. })), "{refused:?}");
        let first = world.jobs.submit(job_for(&user.id, 1)).await?;
        world.jobs.submit(job_for(&user.id, 1)).await?;
        let refused = world.jobs.submit(job_for(&user.id, 1)).await;
        assert!(matches!(refused, Err(PlatformError::Limit { code: "too_many_open_jobs", max: 2, .. })), "{refused:?}");
        // What is cancelled does not count.
        assert_eq!(world.jobs.cancel(&user.id, &first.job.id).await?, JobState::Cancelled);
        world.jobs.submit(job_for(&user.id, 1)).await?;
        world.clock.advance(Duration::from_secs(24 * 3600));
        world.jobs.sweep().await?;
        world.jobs.submit(job_for(&user.id, 3)).await?;
        // A day has gone by: an event that nobody took since would be a finding, and rightly.
        assert_eq!(world.fsck.check().await?.findings[0].invariant, "I9");
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn unlimited_plans_and_metering_count_and_do_not_charge(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        world.accounts.set_plan(&Actor::operator(), &user.id, "enterprise", None).await?;
        for (jobs, used) in [(world.jobs.clone(), 16), (Jobs::new(world.context.clone(), world.catalogue.clone(), Settings { charging: false, ..Settings::default() }), 32)] {
            jobs.submit(NewJob { quality: Quality::FourK, ..job_for(&user.id, 4) }).await?;
            let job = jobs.claim("w", None, 1).await?.remove(0);
            jobs.finish(&Jobs::lease_of(&job).ok_or("a lease")?, &world.draw(&job, 4).await?).await?;
            let balance = world.desk.balance(&user.id).await?;
            assert_eq!((balance.available.to_string(), balance.metered.to_string()), ("100".to_owned(), used.to_string()));
            if used == 16 {
                world.accounts.set_plan(&Actor::operator(), &user.id, "free", None).await?;
            }
        }
        world.assert_clean().await?;
    }

    async fn what_fails_is_tried_again_and_costs_nothing_in_the_end(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let id = world.jobs.submit(job_for(&user.id, 2)).await?.job.id;
        for attempt in 1..=3 {
            let job = world.jobs.claim("w", None, 1).await?.pop().ok_or("a job")?;
            assert_eq!(job.attempt, attempt);
            let state = world.jobs.fail(&Jobs::lease_of(&job).ok_or("a lease")?, BROKEN).await?;
            assert_eq!(state, if attempt < 3 { JobState::Queued } else { JobState::Failed });
            assert!(world.jobs.claim("w", None, 1).await?.is_empty(), "a pause first");
            world.clock.advance(Duration::from_secs(10));
        }
        let job = world.jobs.get(&user.id, &id).await?;
        assert_eq!(job.error_code.as_deref(), Some("out_of_memory"));
        assert_eq!(world.balance(&user.id).await?, (100, 0));
        let once = world.jobs.submit(job_for(&user.id, 1)).await?.job.id;
        let job = world.jobs.claim("w", None, 1).await?.remove(0);
        let fatal = Failure { retryable: false, ..BROKEN };
        assert_eq!(world.jobs.fail(&Jobs::lease_of(&job).ok_or("a lease")?, fatal).await?, JobState::Failed);
        assert_eq!(job.id, once);
        world.assert_clean().await?;
    }

    async fn a_silent_worker_loses_its_jobs_and_a_late_one_changes_nothing(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        world.jobs.submit(job_for(&user.id, 1)).await?;
        let first = world.jobs.claim("silent", None, 1).await?.remove(0);
        let late = Jobs::lease_of(&first).ok_or("a lease")?;
        world.clock.advance(LEASE - Duration::from_micros(1));
        assert_eq!(world.jobs.sweep().await?.requeued, 0);
        world.clock.advance(Duration::from_micros(1));
        assert_eq!(world.jobs.sweep().await?.requeued, 1);
        world.clock.advance(LEASE);

        let second = world.jobs.claim("other", None, 1).await?.remove(0);
        let results = world.draw(&first, 1).await?;
        assert_eq!(world.jobs.heartbeat(&late, 900).await?, Beat::Lost);
        assert!(matches!(world.jobs.finish(&late, &results).await, Err(PlatformError::LeaseLost)));
        assert!(matches!(world.jobs.fail(&late, BROKEN).await, Err(PlatformError::LeaseLost)));
        assert!(matches!(world.jobs.note_provider_task(&late, "p", "t").await, Err(PlatformError::LeaseLost)));
        world.jobs.finish(&Jobs::lease_of(&second).ok_or("a lease")?, &results).await?;
        assert!(matches!(world.jobs.finish(&late, &results).await, Err(PlatformError::LeaseLost)), "another attempt finished it");
        assert_eq!(world.balance(&user.id).await?, (99, 0));
        world.assert_clean().await?;
    }

    async fn a_job_that_kills_its_workers_is_given_up(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let poison = world.jobs.submit(job_for(&user.id, 1)).await?.job.id;
        for _ in 0..3 {
            assert_eq!(world.jobs.claim("w", None, 1).await?.len(), 1);
            world.clock.advance(LEASE);
            world.jobs.sweep().await?;
            world.clock.advance(LEASE);
        }
        let job = world.jobs.get(&user.id, &poison).await?;
        assert_eq!((job.state, job.error_code.as_deref()), (JobState::Failed, Some("attempts_exhausted")));
        // One that nobody takes fails too, and one that is handed back at a graceful end loses no attempt.
        let waiting = world.jobs.submit(job_for(&user.id, 1)).await?.job.id;
        for _ in 0..5 {
            assert_eq!(world.jobs.claim("w", None, 1).await?.len(), 1);
            assert_eq!(world.jobs.hand_back("w").await?, 1);
        }
        world.clock.advance(Duration::from_secs(301));
        assert_eq!(world.jobs.sweep().await?.overdue, 1);
        assert_eq!(world.jobs.get(&user.id, &waiting).await?.error_code.as_deref(), Some("queue_timeout"));
        assert_eq!(world.balance(&user.id).await?, (100, 0));
        world.assert_clean().await?;
    }

    async fn a_cancelled_job_costs_nothing(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let waiting = world.jobs.submit(job_for(&user.id, 1)).await?.job.id;
        assert!(matches!(world.jobs.cancel("somebody-else", &waiting).await, Err(PlatformError::NotFound("job"))));
        assert_eq!(world.jobs.cancel(&user.id, &waiting).await?, JobState::Cancelled);
        assert_eq!(world.jobs.cancel(&user.id, &waiting).await?, JobState::Cancelled, "again changes nothing");

        for silent in [false, true] {
            let running = world.jobs.submit(job_for(&user.id, 1)).await?.job.id;
            let job = world.jobs.claim("w", None, 1).await?.remove(0);
            let lease = Jobs::lease_of(&job).ok_or("a lease")?;
            assert_eq!(world.jobs.cancel(&user.id, &running).await?, JobState::Processing);
            assert_eq!(world.jobs.heartbeat(&lease, 1).await?, Beat::Cancelled);
            if silent {
                world.clock.advance(LEASE);
                assert_eq!(world.jobs.sweep().await?.cancelled, 1);
            } else {
                assert_eq!(world.jobs.fail(&lease, BROKEN).await?, JobState::Cancelled);
            }
            assert_eq!(world.jobs.get(&user.id, &running).await?.state, JobState::Cancelled);
        }
        assert_eq!(world.balance(&user.id).await?, (100, 0));
        world.assert_clean().await?;
    }

    async fn priority_goes_ahead_and_waiting_makes_up_for_it(database: &Database) {
        let world = World::open(database).await?;
        let (free, pro) = (world.user("free", 0).await?, world.user("pro", 0).await?);
        world.accounts.set_plan(&Actor::operator(), &pro.id, "pro", None).await?;
        let early = world.jobs.submit(job_for(&free.id, 1)).await?.job.id;
        // Twenty points of six seconds each.
        world.clock.advance(Duration::from_secs(119));
        let first = world.jobs.submit(job_for(&pro.id, 1)).await?.job.id;
        world.clock.advance(Duration::from_secs(2));
        let later = world.jobs.submit(job_for(&pro.id, 1)).await?.job.id;
        let order: Vec<String> = world.jobs.claim("w", None, 9).await?.into_iter().map(|job| job.id).collect();
        assert_eq!(order, [first, early, later]);
    }
}
