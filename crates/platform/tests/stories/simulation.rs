//! Days of jobs in a moment: submitters, workers that die, stall and wake up, a sweep, a courier whose receivers fail, and clocks that stand
//! apart, in an order drawn from a seed, over one database; compared with a small model of what each job must have come to. (R27 and, for
//! the clocks, R21 of the plan.) `EASEL_TEST_SEEDS` sets how many seeds are played on each database (8), `EASEL_TEST_SEED` the first.

use std::{collections::BTreeMap, env, sync::Arc, time::Duration};

use easel_platform::{
    Context, ManualClock, PlatformError, SeededSecrets,
    events::Events,
    jobs::{Failure, Jobs, NewJob, Settings},
};
use easel_store::{
    Db, RandomIds,
    jobs::JobState,
    leases::{Beat, Lease},
};
use easel_testing::{Database, on_both_engines};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use crate::common::{Outcome, World, job_for};

const STEPS: usize = 400;
const WORKERS: usize = 3;
const CREDITS: i64 = 100_000;

/// What must be true of a job.
#[derive(Debug, Clone, Copy, Default)]
struct Model {
    wanted: i64,
    /// What the first that was answered well delivered; nothing may change it.
    delivered: Option<i64>,
    ended_without: bool,
}

struct Simulation {
    world: World,
    user_id: String,
    random: StdRng,
    /// Leases somebody believes to have, dead ones too.
    held: Vec<(Lease, i64)>,
    jobs: BTreeMap<String, Model>,
    keys: BTreeMap<usize, String>,
    refused: usize,
}

impl Simulation {
    async fn step(&mut self) -> Outcome {
        match self.random.random_range(0..100) {
            0..20 => self.submit().await?,
            20..40 => self.claim().await?,
            40..60 => self.finish().await?,
            60..68 => self.fail().await?,
            68..74 => self.beat().await?,
            74..80 => self.cancel().await?,
            80..86 => drop(self.world.jobs.sweep().await?),
            86..94 => self.deliver().await?,
            // Up to a lease and a half: sometimes it ends, sometimes it does not.
            _ => self.world.clock.advance(Duration::from_millis(self.random.random_range(0..45_000))),
        }
        Ok(())
    }

    async fn submit(&mut self) -> Outcome {
        // Often a key that was used: clients ask again.
        let number = self.random.random_range(0..self.keys.len() + 3);
        let (key, wanted) = (format!("key-{number}"), (number % 3) as i64 + 1);
        let new = NewJob { idempotency_key: Some(&key), ..job_for(&self.user_id, wanted) };
        let submitted = self.world.jobs.submit(new).await?;
        let known = self.keys.entry(number).or_insert_with(|| submitted.job.id.clone());
        assert_eq!(*known, submitted.job.id, "one key made two jobs");
        self.jobs.entry(submitted.job.id).or_insert(Model { wanted, ..Model::default() });
        Ok(())
    }

    async fn claim(&mut self) -> Outcome {
        let worker = format!("w{}", self.random.random_range(0..WORKERS));
        for job in self.world.jobs.claim(&worker, None, 2).await? {
            assert!(self.jobs[&job.id].delivered.is_none() && !self.jobs[&job.id].ended_without, "what ended is begun again");
            self.held.push((Jobs::lease_of(&job).ok_or("a lease")?, job.images_wanted));
        }
        Ok(())
    }

    /// A worker, perhaps one that has slept through its lease; it keeps the lease, and may try again.
    fn somebody(&mut self) -> Option<(Lease, i64)> {
        self.held.choose(&mut self.random).cloned()
    }

    async fn finish(&mut self) -> Outcome {
        let Some((lease, wanted)) = self.somebody() else { return Ok(()) };
        let job = self.world.jobs.get(&self.user_id, &lease.job_id).await?;
        let count = self.random.random_range(1..=wanted);
        let results = self.world.draw(&job, count).await?;
        match self.world.jobs.finish(&lease, &results).await {
            Ok(()) => {
                let model = self.jobs.get_mut(&lease.job_id).ok_or("known")?;
                assert!(!model.ended_without, "what ended is finished");
                // Again by the same worker: the first time counts.
                model.delivered.get_or_insert(count);
            }
            Err(PlatformError::LeaseLost) => self.refused += 1,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn fail(&mut self) -> Outcome {
        let Some((lease, _)) = self.somebody() else { return Ok(()) };
        let failure = Failure { code: "test", message: "no", retryable: self.random.random() };
        match self.world.jobs.fail(&lease, failure).await {
            Ok(_) => {}
            Err(PlatformError::LeaseLost) => self.refused += 1,
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn beat(&mut self) -> Outcome {
        let Some((lease, _)) = self.somebody() else { return Ok(()) };
        if self.world.jobs.heartbeat(&lease, 500).await? == Beat::Lost {
            self.held.retain(|(held, _)| *held != lease);
        }
        Ok(())
    }

    async fn cancel(&mut self) -> Outcome {
        let ids: Vec<String> = self.jobs.keys().cloned().collect();
        if let Some(id) = ids.choose(&mut self.random) {
            self.world.jobs.cancel(&self.user_id, id).await?;
        }
        Ok(())
    }

    async fn deliver(&mut self) -> Outcome {
        let events = Events::new(self.world.context.clone());
        for event in events.take(5).await? {
            if self.random.random() {
                events.delivered(&event).await?;
            } else {
                events.failed(&event, "not today").await?;
            }
        }
        Ok(())
    }

    /// Notes what ended without anybody here having done it: swept, overdue, cancelled.
    async fn look(&mut self) -> Outcome {
        for (id, model) in &mut self.jobs {
            let job = self.world.jobs.get(&self.user_id, id).await?;
            match job.state {
                JobState::Completed => assert_eq!(Some(job.images_delivered), model.delivered, "{id}"),
                JobState::Failed | JobState::Cancelled => {
                    assert_eq!((model.delivered, job.images_delivered), (None, 0), "{id}");
                    model.ended_without = true;
                }
                _ => assert!(!model.ended_without && model.delivered.is_none(), "{id} came back"),
            }
        }
        Ok(())
    }
}

async fn play(database: &Database, seed: u64) -> Outcome<(usize, usize)> {
    let settings = Settings { jobs_open_max: None, ..Settings::default() };
    let world = World::at(database.url(), &database.dir().join(seed.to_string()), crate::common::START, seed, settings).await?;
    let user_id = world.user(&format!("user{seed}"), CREDITS - 100).await?.id;
    let (random, held) = (StdRng::seed_from_u64(seed), Vec::new());
    let mut simulation = Simulation { world, user_id, random, held, jobs: BTreeMap::new(), keys: BTreeMap::new(), refused: 0 };
    for step in 0..STEPS {
        simulation.step().await?;
        if step % 20 == 0 {
            simulation.look().await?;
        }
    }
    simulation.look().await?;
    let (world, user_id) = (&simulation.world, &simulation.user_id);
    let (mut paid, mut open) = (0, 0);
    for (id, model) in &simulation.jobs {
        paid += model.delivered.unwrap_or(0);
        if !world.jobs.get(user_id, id).await?.state.is_terminal() {
            open += model.wanted;
        }
    }
    assert_eq!(world.balance(user_id).await?, (CREDITS - paid - open, open), "paid is what was delivered, held what is open");
    // Files of the late that were refused are there, and events wait for their receivers: both are as they should be.
    world.jobs.sweep().await?;
    world.clock.advance(Duration::from_secs(1));
    let findings = world.fsck.check().await?.findings;
    let wrong: Vec<_> = findings.iter().filter(|finding| !matches!(finding.invariant, "I6" | "I7" | "I9")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    Ok((simulation.jobs.len(), simulation.refused))
}

fn setting(name: &str, default: u64) -> u64 {
    env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

on_both_engines! {
    async fn any_order_of_things_comes_to_the_same(database: &Database) {
        let (first, seeds) = (setting("EASEL_TEST_SEED", 1), setting("EASEL_TEST_SEEDS", 8));
        let (mut jobs, mut refused) = (0, 0);
        for seed in first..first + seeds {
            // A database each: what one leaves behind must not be the next one's.
            let own = Database::migrated(database.engine()).await?;
            let played = play(&own, seed).await.map_err(|error| format!("seed {seed}: {error}"))?;
            (jobs, refused) = (jobs + played.0, refused + played.1);
        }
        assert!(jobs > 0 && refused > 0, "workers that were too late must occur");
        println!("{}: {seeds} seeds, {} steps, {jobs} jobs, {refused} writes of the late refused", database.engine(), seeds as usize * STEPS);
    }

    async fn a_node_whose_clock_is_off_by_the_databases_takes_nothing_early(database: &Database) {
        // Nodes judge leases by the database's clock (`DatabaseClock`): what is left of the difference is what measuring misses. A lease is
        // 30 s; two nodes that are 5 s apart, the sooner one ahead, must not take one that was renewed.
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        world.jobs.submit(job_for(&user.id, 1)).await?;
        let ahead = Arc::new(ManualClock::new(world.context.now().after(Duration::from_secs(5))));
        let db: Db = world.context.db.clone();
        let context = Context { db, clock: ahead.clone(), ids: Arc::new(RandomIds::seeded(9)), secrets: Arc::new(SeededSecrets::new(9)) };
        let other = Jobs::new(context, world.catalogue.clone(), Settings::default());
        let job = world.jobs.claim("w", None, 1).await?.remove(0);
        let lease = Jobs::lease_of(&job).ok_or("a lease")?;
        for _ in 0..20 {
            // A third of a lease between two heartbeats, as workers are told to.
            for clock in [&world.clock, &ahead] {
                clock.advance(Duration::from_secs(10));
            }
            assert_eq!(other.sweep().await?.requeued, 0, "taken early");
            assert_eq!(world.jobs.heartbeat(&lease, 500).await?, Beat::Held);
        }
        for clock in [&world.clock, &ahead] {
            clock.advance(Duration::from_secs(31));
        }
        assert_eq!(other.sweep().await?.requeued, 1, "and taken when nobody speaks for it");
        assert!(matches!(world.jobs.finish(&lease, &world.draw(&job, 1).await?).await, Err(PlatformError::LeaseLost)));
    }

    async fn a_clock_that_jumps_back_or_ahead_lets_nobody_in_longer(database: &Database) {
        let world = World::open(database).await?;
        world.user("ada", 0).await?;
        let (_, tokens) = world.accounts.login("ada@example.org", "correct horse", easel_platform::accounts::Origin::default()).await?;
        world.accounts.authenticate(&tokens.access).await?;
        for jump in [Duration::from_secs(3600), Duration::from_secs(24 * 3600)] {
            world.clock.advance(jump);
            assert!(world.accounts.authenticate(&tokens.access).await.is_err(), "past its quarter of an hour");
        }
        let refreshed = world.accounts.refresh(&tokens.refresh).await?;
        world.accounts.authenticate(&refreshed.access).await?;
        world.clock.advance(Duration::from_secs(8 * 24 * 3600));
        assert!(world.accounts.refresh(&refreshed.refresh).await.is_err(), "past its week");
        world.assert_clean().await?;
    }
}
