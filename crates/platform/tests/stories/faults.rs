//! Every call of the database fails once: before it is done, or after, with nobody hearing of it. Whoever meets a failure does what it would do
//! in a server, which is the same again, and afterwards everything happened once and the books are right. (R04 and R05 of the plan; the
//! program that ends there instead is in `crash.rs`.)

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use easel_platform::{
    PlatformError,
    jobs::{Jobs, NewJob},
    webhooks::{EndpointWords, Webhooks},
};
use easel_store::{Faults, Point, jobs::JobState};
use easel_testing::on_both_engines;

use crate::{
    common::{World, job_for},
    receiver::{Receiver, status},
    webhooks::{client, webhooks},
};

/// Lets so many points pass and fails at the next one, once.
#[derive(Default)]
pub struct Nth {
    left: AtomicI64,
}

impl Nth {
    pub fn arm(&self, after: i64) {
        self.left.store(after, Ordering::SeqCst);
    }

    /// Whether it has failed.
    pub fn is_spent(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }
}

impl Faults for Nth {
    fn fails(&self, _: Point) -> bool {
        self.left.fetch_sub(1, Ordering::SeqCst) == 0
    }
}

/// Whatever it is, done until it is done. Only what the database did not do is done again.
macro_rules! until_done {
    ($attempt:expr) => {
        loop {
            match $attempt.await {
                Err(PlatformError::Store(_)) => {}
                done => break done,
            }
        }
    };
}

/// A job from its submission to the webhook that tells of it.
async fn one_job(world: &World, webhooks: &Webhooks, user_id: &str, key: &str, fails: bool) -> Result<(), PlatformError> {
    let new = NewJob { idempotency_key: Some(key), ..job_for(user_id, 2) };
    let submitted = until_done!(world.jobs.submit(new))?.job;
    loop {
        // A claim that was made and not heard of is swept when its lease is over.
        let claimed = until_done!(world.jobs.claim("w", None, 1))?;
        let Some(job) = claimed.first() else {
            world.clock.advance(std::time::Duration::from_secs(31));
            until_done!(world.jobs.sweep())?;
            world.clock.advance(std::time::Duration::from_secs(31));
            let state = until_done!(world.jobs.get(user_id, &submitted.id))?.state;
            if state.is_terminal() { break } else { continue }
        };
        let lease = Jobs::lease_of(job).ok_or(PlatformError::LeaseLost)?;
        until_done!(world.jobs.heartbeat(&lease, 500))?;
        if fails {
            let failure = easel_platform::jobs::Failure { code: "test", message: "no", retryable: false };
            // One that was written and not heard of is not this worker's any more, as it should be.
            match until_done!(world.jobs.fail(&lease, failure)) {
                Err(PlatformError::LeaseLost) | Ok(_) => {}
                Err(error) => return Err(error),
            }
        } else {
            let results = world.draw(job, 2).await.map_err(|error| PlatformError::Settings(error.to_string()))?;
            until_done!(world.jobs.finish(&lease, &results))?;
        }
    }
    loop {
        let passed_on = until_done!(webhooks.fan_out())?;
        let sent = until_done!(webhooks.send_due())?;
        let waiting =
            until_done!(async { Ok::<_, PlatformError>(easel_store::webhook_deliveries::counts(&world.context.db).await?.0) })?;
        let events = until_done!(async { Ok::<_, PlatformError>(easel_store::outbox::counts(&world.context.db).await?.0) })?;
        if passed_on == 0 && sent == easel_platform::webhooks::Sent::default() {
            if waiting == 0 && events == 0 {
                return Ok(());
            }
            // What was taken and not noted is free again in a while.
            world.clock.advance(std::time::Duration::from_secs(2 * 3600));
        }
    }
}

on_both_engines! {
    async fn every_call_fails_once_and_everything_happens_once(database: &Database) {
        let receiver = Receiver::start(|_| status(200)).await;
        let faults = Arc::new(Nth::default());
        faults.arm(i64::MAX);
        let world = World::open(database).await?.with_faults(faults.clone(), &database.dir())?;
        let user = world.user("ada", 1_000_000).await?;
        let webhooks = webhooks(&world, client(&[&receiver]));
        let url = receiver.url("/");
        webhooks.create(&easel_platform::accounts::Actor::user(&user), EndpointWords { url: &url, ..EndpointWords::default() }).await?;
        let (mut calls, mut jobs, mut paid) = ([0, 0], 0_usize, 0);
        for fails in [false, true] {
            for nth in 0.. {
                faults.arm(nth);
                one_job(&world, &webhooks, &user.id, &format!("{fails}-{nth}"), fails).await?;
                jobs += 1;
                paid += if fails { 0 } else { 2 };
                if !faults.is_spent() {
                    break;
                }
                calls[usize::from(fails)] += 1;
            }
        }
        faults.arm(i64::MAX);
        assert!(calls.iter().all(|&calls| calls > 60), "{calls:?} points");
        assert_eq!(world.balance(&user.id).await?, (1_000_000 + 100 - paid, 0));
        let ids: std::collections::BTreeSet<_> =
            receiver.received().iter().map(|request| request.headers["webhook-id"].clone()).collect();
        assert_eq!(ids.len(), jobs, "each is told of, under one id");
        let states = easel_store::jobs::counts(&world.context.db).await?;
        let of = |state: JobState| states.iter().find(|(name, _)| name == state.name()).map_or(0, |(_, count)| *count);
        assert_eq!(of(JobState::Completed) + of(JobState::Failed), jobs as i64);
        world.assert_clean().await?;
        println!("{}: {} points failed one by one", database.engine(), calls[0] + calls[1]);
    }
}
