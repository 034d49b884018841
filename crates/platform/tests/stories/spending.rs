//! Ten thousand requests at once on an account that can pay for half of them.

use std::sync::Arc;

use crate::common::{World, job_for};
use easel_platform::{PlatformError, jobs::Settings};
use easel_testing::on_both_engines;
use tokio::sync::Semaphore;

const REQUESTS: usize = 10_000;
const CREDITS: i64 = 5_000;
/// What a server would let in at a time; the others wait in front of it, as they would.
const AT_ONCE: usize = 64;

on_both_engines! {
    async fn exactly_what_can_be_paid_is_accepted(database: &Database) {
        let settings = Settings { jobs_open_max: None, ..Settings::default() };
        let world = World::with(database, settings).await?;
        // A hundred come with registering.
        let user = world.user("ada", CREDITS - 100).await?;
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let requests: Vec<_> = (0..REQUESTS).map(|_| {
            let (jobs, places, user_id) = (world.jobs.clone(), places.clone(), user.id.clone());
            tokio::spawn(async move {
                let _place = places.acquire().await.expect("open");
                jobs.submit(job_for(&user_id, 1)).await.map(drop)
            })
        }).collect();
        let (mut accepted, mut refused) = (0, 0);
        for request in requests {
            match request.await? {
                Ok(()) => accepted += 1,
                Err(PlatformError::InsufficientCredits { .. }) => refused += 1,
                Err(error) => return Err(error.into()),
            }
        }
        assert_eq!((accepted, refused), (CREDITS, REQUESTS as i64 - CREDITS));
        assert_eq!(world.balance(&user.id).await?, (0, CREDITS));
        let report = world.assert_clean().await?;
        assert_eq!(report.jobs, CREDITS);
    }
}
