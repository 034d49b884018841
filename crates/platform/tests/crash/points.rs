//! Programs that end at one chosen point: at every call of the database in turn (R04 of the plan), in the middle of sending webhooks, and when
//! the disk is full (R11).

use std::{
    env,
    io::{BufRead, BufReader},
    os::unix::process::ExitStatusExt,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use easel_outbound::{Client, Limits, Policy};
use easel_platform::{
    SystemSecrets,
    accounts::Actor,
    events::Events,
    jobs::{Jobs, NewJob},
    keyring::Keyring,
    webhooks::{EndpointWords, Settings, Webhooks},
};
use easel_store::{Credits, Faults, Point, jobs::JobState};
use easel_testing::Database;

use crate::{
    begins,
    child::{Mode, Orders, say},
    common::{Outcome, START, World, job_for},
    receiver::{Receiver, status},
    start, start_by,
};

/// Ends the program at the `n`-th point, as a power cut would: nothing is flushed, no destructor runs.
pub struct Fall(pub AtomicI64);

impl Faults for Fall {
    fn fails(&self, _: Point) -> bool {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 0 {
            // SIGKILL asks nobody.
            let _ = Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
        }
        false
    }
}

/// One job from its submission to its event.
pub async fn fall(world: World, orders: &Orders) -> Outcome {
    let at = i64::try_from(orders.from)?;
    let world = world.with_faults(Arc::new(Fall(AtomicI64::new(at))), &orders.dir)?;
    let key = format!("key-{at}");
    let job = world.jobs.submit(NewJob { idempotency_key: Some(&key), ..job_for(&orders.user_id, 2) }).await?.job;
    say(&format!("submitted {at} {}", job.id));
    for job in world.jobs.claim("w", None, 10).await? {
        let lease = Jobs::lease_of(&job).ok_or("a lease")?;
        world.jobs.heartbeat(&lease, 500).await?;
        world.jobs.finish(&lease, &world.draw(&job, 2).await?).await?;
    }
    world.deliver_events().await
}

pub async fn killed_at_every_point(database: &Database) -> Outcome {
    let world = World::open(database).await?;
    let user = world.user("ada", 9900).await?;
    let (mut points, mut answered) = (0, Vec::new());
    for generation in 1.. {
        let mut child = start(&Orders::new(database, &user.id, Mode::Fall, generation, generation - 1))?;
        let lines = BufReader::new(child.stdout.take().ok_or("a pipe")?).lines();
        answered.extend(lines.map_while(Result::ok).filter_map(|line| Some(line.rsplit_once(' ')?.1.to_owned())));
        let status = child.wait()?;
        if status.success() {
            break;
        }
        assert_eq!(status.signal(), Some(9), "point {points}: {status}");
        points += 1;
    }
    assert!(points > 40, "{points} points");
    let mut drain = start(&Orders::new(database, &user.id, Mode::Drain, points + 10, 0))?;
    assert!(drain.wait()?.success());
    world.clock.advance(world.context.now().until(begins(points + 20)));
    let (mut delivered, mut found) = (0, Vec::new());
    let mut before: Option<easel_platform::records::Job> = None;
    loop {
        let page = world.jobs.list(&user.id, before.as_ref().map(|job| (job.created_at, job.id.as_str())), 100).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.clone());
        for job in page {
            assert!(job.state.is_terminal(), "{}: {:?}", job.id, job.state);
            delivered += job.images_delivered;
            found.push(job.id);
        }
    }
    assert!(answered.iter().all(|id| found.contains(id)), "what was answered is there");
    assert_eq!(world.balance(&user.id).await?, (10_000 - delivered, 0));
    // A job that was given up after its pictures were written leaves them behind: that, and nothing else, is to be cleaned up.
    let findings = world.fsck.check().await?.findings;
    assert!(findings.iter().all(|finding| finding.invariant == "I7" && finding.repairable), "{findings:#?}");
    assert_eq!(world.fsck.remove_orphans(Duration::ZERO).await?, findings.len() as u64);
    world.assert_clean().await?;
    println!("{}: killed at {points} points, {} jobs", database.engine(), found.len());
    Ok(())
}

fn webhooks(world: &World, dir: &Path, receiver: &str) -> Outcome<Webhooks> {
    const LONG: Duration = Duration::from_secs(3600);
    let limits = Limits { connect: LONG, first_byte: LONG, idle: LONG, total: LONG, ..Limits::default() };
    let policy = Policy { internal_hosts: vec![receiver.parse()?], limits, ..Policy::default() };
    let ring = Keyring::open_or_create(&dir.join("keyring"), &SystemSecrets)?;
    let settings = Settings { answer_max: LONG, at_once: 8, ..Settings::default() };
    Ok(Webhooks::new(world.context.clone(), ring, Client::new(policy)?, settings))
}

pub async fn courier(world: &World, orders: &Orders) -> Outcome {
    let webhooks = webhooks(world, &orders.dir, &env::var("EASEL_CRASH_RECEIVER")?)?;
    loop {
        webhooks.fan_out().await?;
        webhooks.send_due().await?;
    }
}

/// The program that sends events is killed while the receiver is silent, again and again, until all have arrived.
pub async fn killed_courier(database: &Database) -> Outcome {
    // Four times five are answered, and one more is always waiting: with fewer, the last would have none left to be killed at.
    const EVENTS: usize = 25;
    let (asked, answers) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(5)));
    let (counted, allowed) = (asked.clone(), answers.clone());
    // Answers so many, and is silent then.
    let receiver =
        Receiver::start(
            move |_| {
                if counted.fetch_add(1, Ordering::SeqCst) < allowed.load(Ordering::SeqCst) { status(200) } else { None }
            },
        )
        .await;
    let world = World::open(database).await?;
    let user = world.user("ada", 0).await?;
    let address = receiver.address.to_string();
    let here = webhooks(&world, &database.dir(), &address)?;
    let url = receiver.url("/");
    here.create(&Actor::user(&user), EndpointWords { url: &url, ..EndpointWords::default() }).await?;
    for _ in 0..EVENTS {
        world.jobs.submit(job_for(&user.id, 1)).await?;
        let job = world.jobs.claim("w", None, 1).await?.remove(0);
        world.jobs.finish(&Jobs::lease_of(&job).ok_or("a lease")?, &world.draw(&job, 1).await?).await?;
    }
    for generation in 1..=4 {
        let mut command = Command::new(env::current_exe()?);
        command.env("EASEL_CRASH_RECEIVER", &address);
        let mut child = start_by(command, &Orders::new(database, &user.id, Mode::Courier, 10 * generation, 0))?;
        // One more than is answered: it waits for that answer when it is killed.
        receiver.wait_for(answers.load(Ordering::SeqCst) + 1).await;
        child.kill()?;
        assert_eq!(child.wait()?.signal(), Some(9));
        answers.store(asked.load(Ordering::SeqCst) + 5, Ordering::SeqCst);
    }
    answers.store(usize::MAX, Ordering::SeqCst);
    world.clock.advance(world.context.now().until(begins(100)));
    while here.fan_out().await? > 0 || here.send_due().await?.delivered > 0 {}
    let received = receiver.received();
    let mut by_id = std::collections::BTreeMap::<_, Vec<_>>::new();
    for request in &received {
        by_id.entry(request.headers["webhook-id"].clone()).or_default().push(request.body.clone());
    }
    assert_eq!(by_id.len(), EVENTS, "each event is told of");
    assert!(by_id.values().all(|bodies| bodies.iter().all(|body| *body == bodies[0])), "by the same words each time");
    assert!(received.len() > EVENTS, "the killing left some to be sent again");
    assert_eq!(easel_store::webhook_deliveries::counts(&world.context.db).await?, (0, 0));
    world.assert_clean().await?;
    println!("{}: 4 couriers killed, {EVENTS} events told of in {} requests", database.engine(), received.len());
    Ok(())
}

pub async fn fill(world: &World, orders: &Orders) -> Outcome {
    let mut first = None;
    for key in 0.. {
        let text = format!("key-{key}");
        let request = "x".repeat(4000);
        let new = NewJob { idempotency_key: Some(&text), request: &request, ..job_for(&orders.user_id, 1) };
        match world.jobs.submit(new).await {
            Ok(submitted) => {
                say(&format!("submitted {key} {}", submitted.job.id));
                first.get_or_insert(submitted.job.id);
            }
            Err(error) => {
                say(&format!("refused {}", error.code()));
                break;
            }
        }
    }
    let first = first.ok_or("some room")?;
    for _ in 0..20 {
        // Still no room, and still readable.
        let again = world.jobs.submit(NewJob { request: &"x".repeat(4000), ..job_for(&orders.user_id, 1) }).await;
        let read = world.jobs.get(&orders.user_id, &first).await?;
        if again.is_ok() || read.state != JobState::Queued {
            return Err("a full disk took something".into());
        }
    }
    say("reads work");
    Ok(())
}

/// No file of the program may grow beyond three megabytes: what it is then refused is what a full disk refuses.
pub async fn full_disk(database: &Database) -> Outcome {
    let world = World::open(database).await?;
    let user = world.user("ada", 99_900).await?;
    // Everything that is written so far into the file, so that what follows goes into an empty log.
    world.context.db.compact().await?;
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 6144; exec \"$0\"", env::current_exe()?.to_str().ok_or("UTF-8")?]);
    let mut child = start_by(command, &Orders::new(database, &user.id, Mode::Fill, 0, 0))?;
    let lines: Vec<String> = BufReader::new(child.stdout.take().ok_or("a pipe")?).lines().collect::<Result<_, _>>()?;
    assert!(child.wait()?.success(), "{:?}", lines.last());
    let [answered @ .., refused, reads] = &lines[..] else { return Err("lines".into()) };
    assert_eq!((refused.as_str(), reads.as_str()), ("refused database_unavailable", "reads work"));
    assert!(answered.len() > 20, "{} jobs fit", answered.len());

    // There is room again, and nobody had to do anything.
    let world = World::at(database.url(), &database.dir(), START, 99, easel_platform::jobs::Settings::default()).await?;
    for line in answered {
        let id = line.rsplit_once(' ').ok_or("a line")?.1;
        assert_eq!(world.jobs.get(&user.id, id).await?.state, JobState::Queued, "what was answered is there");
    }
    let held = i64::try_from(answered.len())?;
    let balance = world.desk.balance(&user.id).await?;
    assert_eq!((balance.available, balance.pending), (Credits((100_000 - held) * Credits::UNIT), Credits(held * Credits::UNIT)));
    world.jobs.submit(job_for(&user.id, 1)).await?;
    Events::new(world.context.clone()).take(1).await?;
    assert!(world.fsck.check().await?.is_clean());
    println!("sqlite: {held} jobs were answered before the disk was full, all are there");
    Ok(())
}
