//! Drawing a job: the engine draws, its events become news, its pictures are stored.

use std::time::Duration;

use easel_engine::{Event, Picture, Terms, Ticket};
use easel_imaging::{EncodeOptions, Format, encode};
use easel_store::{jobs::Job, leases::Lease};
use easel_types::Rgb8;
use tokio::time::Instant;

use super::{Held, Keeper, Kept, Trouble, Worker, sources};
use crate::{
    bus::What,
    jobs::{Jobs, Results},
    orders::{Drawing, Order, seed_of},
};

/// Thousandths of a job that drawing is; storing is the rest.
const DRAWN: i64 = 900;
/// The pause between two notes of when a job will be finished.
const FORETOLD_EVERY: Duration = Duration::from_secs(3);
/// Previews are small and short-lived.
const PREVIEW_QUALITY: u8 = 80;

impl Worker {
    pub(super) async fn draw(&self, job: &Job, order: &Order, drawing: &Drawing, held: &mut Held) -> Result<Results, Trouble> {
        let pictures = sources::of(&self.platform, &job.user_id, drawing).await?;
        let request = drawing.request(pictures, seed_of(&job.id));
        let request = sources::resized(&self.engine, request).await?;
        let terms = Terms {
            user: Some(job.user_id.clone()),
            priority: i32::try_from(job.priority).unwrap_or(0),
            time_limit: Some(self.settings.time_limit),
            preview_every: self.settings.preview_every,
        };
        let ticket = self.engine.submit_on(request, &terms)?;
        let (drawn, took) = follow(job, ticket, held, &self.platform.jobs, self.settings.device_limit).await?;
        let gpu_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let kept = keep_all(&self.keeper, job, order, drawn, held).await?;
        Ok(Results { images: kept.into_iter().map(|kept| kept.image).collect(), gpu_ms })
    }
}

async fn keep_all(keeper: &Keeper, job: &Job, order: &Order, drawn: Vec<Picture>, held: &Held) -> Result<Vec<Kept>, Trouble> {
    let count = i64::try_from(drawn.len()).unwrap_or(i64::MAX).max(1);
    let mut kept = Vec::with_capacity(drawn.len());
    let mut blocked = None;
    for (place, picture) in drawn.into_iter().enumerate() {
        match keeper.keep(job, &order.output.into(), picture).await {
            Ok(picture) => kept.push(picture),
            // The others are none the worse for it, and it costs nothing.
            Err(trouble) if trouble.is_blocked() => blocked = Some(trouble),
            Err(trouble) => return Err(trouble),
        }
        held.sign(DRAWN + (1000 - DRAWN) * i64::try_from(place + 1).unwrap_or(0) / count);
    }
    match blocked {
        Some(trouble) if kept.is_empty() => Err(trouble),
        _ => Ok(kept),
    }
}

/// Tells what happens, until the pictures are there or the job must not go on: with how long it took since the device began. The ticket goes
/// with it: then the engine stops within a step.
async fn follow(
    job: &Job,
    mut ticket: Ticket,
    held: &mut Held,
    jobs: &Jobs,
    limit: Option<Duration>,
) -> Result<(Vec<Picture>, Duration), Trouble> {
    let mut foretold = Foretold::default();
    let (submitted, mut begun) = (Instant::now(), None::<Instant>);
    loop {
        let event = tokio::select! {
            stop = held.stopped() => return Err(Trouble::Stopped(stop)),
            event = ticket.next() => event,
            () = over(begun, limit) => {
                return Err(Trouble::refused("time_limit", "the picture took longer than this server allows; nothing was paid"));
            }
        };
        let what = match event {
            Some(Event::Finished(pictures)) => return Ok((pictures, begun.unwrap_or(submitted).elapsed())),
            Some(Event::Failed(error)) => return Err(error.into()),
            Some(Event::Cancelled) | None => return Err(Trouble::passing("engine_stopped", "the image engine has stopped")),
            Some(Event::Queued { position, left }) => Some(What::Waiting { position: position as u64, seconds_left: left }),
            Some(Event::Started) => {
                begun.get_or_insert_with(Instant::now);
                held.sign(0);
                Some(What::Started)
            }
            Some(Event::Step { index, total, left, .. }) => {
                held.sign(DRAWN * i64::from(index) / i64::from(total.max(1)));
                Some(What::Step { index, total, seconds_left: left })
            }
            Some(Event::Preview { picture, image }) => jpeg(&image).map(|jpeg| What::Preview { picture, jpeg }),
            Some(Event::Decoded { index, total }) => {
                held.sign(DRAWN);
                Some(What::Decoded { index, total })
            }
            Some(_) => None,
        };
        if let Some(What::Waiting { seconds_left, .. } | What::Step { seconds_left, .. }) = &what {
            foretold.note(jobs, held.lease(), *seconds_left);
        }
        if let Some(what) = what {
            jobs.bus().tell(&job.id, &job.user_id, what);
        }
    }
}

/// Returns when what has begun then has taken too long.
async fn over(begun: Option<Instant>, limit: Option<Duration>) {
    match begun.zip(limit) {
        Some((begun, limit)) => tokio::time::sleep_until(begun + limit).await,
        None => std::future::pending().await,
    }
}

/// Writes down when a job will be finished, now and then: for whoever asks for the job and does not listen.
#[derive(Default)]
struct Foretold {
    noted: Option<Instant>,
}

impl Foretold {
    /// Nothing waits for it: what is told late is overtaken, and a job that has ended says nothing more.
    fn note(&mut self, jobs: &Jobs, lease: &Lease, seconds_left: f64) {
        if self.noted.is_some_and(|noted| noted.elapsed() < FORETOLD_EVERY) {
            return;
        }
        let Ok(left) = Duration::try_from_secs_f64(seconds_left) else { return };
        self.noted = Some(Instant::now());
        let (jobs, lease) = (jobs.clone(), lease.clone());
        tokio::spawn(async move {
            if let Err(error) = jobs.foretell(&lease, left).await {
                tracing::debug!(job = lease.job_id, error = ?error, "a job's end could not be foretold");
            }
        });
    }
}

/// A preview has a pixel for each latent, so this takes microseconds; one that cannot be encoded is left out.
fn jpeg(image: &Rgb8) -> Option<String> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let options = EncodeOptions { quality: PREVIEW_QUALITY, ..EncodeOptions::new(Format::Jpeg) };
    encode(image, &options).ok().map(|bytes| BASE64_STANDARD.encode(bytes))
}
