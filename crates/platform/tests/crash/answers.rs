//! A provider that answers at once, and a worker that is killed at every call of the database on that answer's way: before it is asked for, while
//! it comes, before and after it is written down, stored and booked.

use std::{
    collections::BTreeMap,
    env,
    process::Command,
    sync::{Arc, Mutex, atomic::AtomicI64},
    time::Duration,
};

use easel_platform::{
    accounts::Actor,
    fallback::Consent,
    orders::Drawing,
    worker::{Worker, WorkerSettings},
};
use easel_providers::Kind;
use easel_store::{
    Credits,
    jobs::{Job, JobState},
    provider_answers, provider_attempts,
};
use easel_testing::Database;

use crate::{
    CREDITS,
    child::{Mode, Orders, settings},
    common::{Outcome, World},
    elsewhere::{Elsewhere, MODEL, Setup, inline},
    fakes::Fake,
    points::Fall,
    start_by,
};

/// Where the provider is, for the worker.
const PORT: &str = "EASEL_CRASH_PORT";
const KIND: Kind = Kind::Openai;

/// The worker: does what waits, unless it ends at the chosen point.
pub async fn serve(world: World, orders: &Orders) -> Outcome {
    let at = i64::try_from(orders.from)?;
    // Without faults: it only looks.
    let seen = World::at(orders.url(), &orders.dir, world.context.now(), 5_000 + orders.generation, settings()).await?;
    let world = world.with_faults(Arc::new(Fall(AtomicI64::new(at))), &orders.dir)?;
    let here = Elsewhere::over(world, env::var(PORT)?.parse()?, Setup::of(&[KIND])).await?;
    // It looks into the queue when it begins and when a job has ended, so that the points are those of the job.
    let name = format!("g{}", orders.generation);
    let settings = WorkerSettings { look_every: Duration::from_secs(60), ..WorkerSettings::new(name) };
    let worker =
        Worker::new(Arc::clone(&here.platform), here.engine.clone(), settings).with_fallback(Some(here.fallback.clone()));
    let working = tokio::spawn(async move { worker.run(std::future::pending()).await });
    while !easel_store::jobs::open_ids_of_user(&seen.context.db, &orders.user_id).await?.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    working.abort();
    Ok(())
}

/// How far the job was when its worker was killed, as the tables tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Nothing was sent, for certain.
    Unsent,
    /// It may have been sent, and there is no answer.
    InDoubt,
    /// There is an answer, and it is not booked.
    Answered,
    /// It is booked, and the job has not ended.
    Booked,
    /// The job has ended.
    Ended,
}

async fn stage_of(here: &Elsewhere, job: &Job) -> Outcome<Stage> {
    let db = &here.world.context.db;
    if here.platform.jobs.get(&job.user_id, &job.id).await?.state.is_terminal() {
        return Ok(Stage::Ended);
    }
    let attempts = provider_attempts::of_job(db, &job.id).await?;
    assert!(attempts.len() <= 1, "{attempts:?}");
    let Some(attempt) = attempts.first() else { return Ok(Stage::Unsent) };
    if attempt.spent.is_some() {
        return Ok(Stage::Booked);
    }
    if provider_answers::of_attempt(db, &attempt.attempt_key).await?.is_some() {
        return Ok(Stage::Answered);
    }
    Ok(if attempt.step.is_some() { Stage::InDoubt } else { Stage::Unsent })
}

/// Takes the job from the one who died with it. A server learns only after a moment that a client is gone, and what that client had locked is
/// passed over until then: sweeping goes on, as it does at every node.
async fn given_back(here: &Elsewhere, job: &Job) -> Outcome {
    let taken = async {
        loop {
            here.platform.jobs.sweep().await?;
            if here.platform.jobs.get(&job.user_id, &job.id).await?.state != JobState::Processing {
                return Ok::<_, easel_platform::PlatformError>(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    Ok(tokio::time::timeout(Duration::from_secs(60), taken).await??)
}

pub async fn killed_at_every_point_of_an_answer(database: &Database) -> Outcome {
    // How often the provider was asked, by prompt.
    let asked: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
    let counted = asked.clone();
    let fake = Fake::start(move |request| {
        let prompt = request.json()["prompt"].as_str().expect("a prompt").to_owned();
        *counted.lock().expect("no test panics with it").entry(prompt).or_default() += 1;
        inline()
    })
    .await;
    let here = Elsewhere::over(World::with(database, settings()).await?, fake.port(), Setup::of(&[KIND])).await?;
    let user = here.world.user("ada", CREDITS - 100).await?;
    here.fallback.set_consent(&Actor::user(&user), &Consent { allow_external: true, ..Consent::default() }).await?;
    let (mut stages, mut completed): (BTreeMap<Stage, u64>, i64) = (BTreeMap::new(), 0);
    for generation in 1.. {
        here.world.clock.advance(here.world.context.now().until(crate::begins(generation)));
        let prompt = format!("heron number {generation}");
        let job = here.ask(&user, Drawing::new(MODEL, &prompt)).await?;
        let mut command = Command::new(env::current_exe()?);
        command.env(PORT, fake.port().to_string());
        let status = start_by(command, &Orders::new(database, &user.id, Mode::Answer, generation, generation - 1))?.wait()?;
        if let Some(code) = status.code() {
            assert_eq!(code, 0, "point {generation}: the worker failed");
        }
        let times = || asked.lock().expect("no test panics with it").get(&prompt).copied().unwrap_or(0);
        let (stage, before) = (stage_of(&here, &job).await?, times());
        assert!(before == 0 || stage != Stage::Unsent, "point {generation}: sent before it was written down");
        assert!(before == 1 || stage < Stage::Answered, "point {generation}: an answer to nothing");
        // Whoever comes when the lease is over.
        here.world.clock.advance(Duration::from_secs(60));
        given_back(&here, &job).await?;
        here.world.clock.advance(Duration::from_secs(10));
        let job = here.ended(&format!("after{generation}"), &job).await?;
        let what = format!("point {generation}, {stage:?}: {:?} {:?}", job.state, job.error_code);
        match stage {
            // It may have been sent, or not: nobody can tell, and it is not sent again.
            Stage::InDoubt => {
                let ended = (job.state, job.error_code.as_deref());
                assert_eq!(ended, (JobState::Failed, Some("provider_outcome_unknown")), "{what}");
                assert_eq!(times(), before, "{what}");
            }
            _ => {
                assert_eq!((job.state, times()), (JobState::Completed, 1), "{what}");
                completed += 1;
            }
        }
        for attempt in provider_attempts::of_job(&here.world.context.db, &job.id).await? {
            let kept = provider_answers::of_attempt(&here.world.context.db, &attempt.attempt_key).await?;
            assert!(attempt.spent.is_some() && attempt.kept.is_none() && kept.is_none(), "{what}: {attempt:?}");
        }
        *stages.entry(stage).or_default() += 1;
        if status.success() {
            break;
        }
    }
    for stage in [Stage::Unsent, Stage::InDoubt, Stage::Answered, Stage::Booked, Stage::Ended] {
        assert!(stages.contains_key(&stage), "no worker was killed there: {stages:?}");
    }
    let balance = here.world.desk.balance(&user.id).await?;
    let left = Credits((CREDITS - completed) * Credits::UNIT);
    assert_eq!((balance.available, balance.pending), (left, Credits::ZERO), "paid once");
    assert_eq!(here.spent(KIND).await?.1, 0, "nothing is set aside any more");
    here.world.deliver_events().await?;
    let report = here.world.assert_clean().await?;
    assert_eq!(report.images, completed);
    println!("{}: {stages:?}", database.engine());
    Ok(())
}
