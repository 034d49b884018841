//! One attempt with one account: driven from where it is, its pictures stored, its money settled.

use std::{convert::Infallible, time::Duration};

use easel_imaging::{DecodeLimits, decode};
use easel_outbound::FetchedImage;
use easel_providers::{
    Accepted, Attempt as Sending, AttemptKey, Callback, Drive, DriveError, FailureClass, Fitted, Fleet, Leave, ProviderError,
    Registered, Served, Step,
};
use easel_store::provider_attempts::{self, Attempt};
use easel_types::{Rgb8, Task};
use serde_json::{Value, json};
use tokio::sync::{
    Notify,
    broadcast::{Receiver, error::RecvError},
};

use super::{
    Away, Errand, Fallback,
    journal::Pages,
    owed::Owed,
    spend,
    story::{Gained, Terms},
};
use crate::{
    PlatformError,
    bus::{Heard, What},
    context::retry,
    worker::{Held, Stop, Trouble, blocking},
};

/// What is at hand for an attempt.
pub(super) struct Trying<'a> {
    pub errand: &'a Errand<'a>,
    pub fleet: &'a Fleet,
    pub registered: &'a Registered,
    pub fitted: &'a Fitted,
    pub terms: &'a Terms,
    pub key: AttemptKey,
    pub known: Option<Step>,
    /// Of the breaker; what is gone on with after a crash may have none.
    pub leave: Option<Leave>,
    pub time_left: Duration,
}

impl Fallback {
    /// Drives an attempt to its end and writes down what came of it. `away` is what the job's row says if it went well.
    pub(super) async fn attempt(&self, trying: Trying<'_>, away: &Away, held: &mut Held) -> Result<(), Trouble> {
        let Trying { errand, fleet, registered, fitted, terms, key, known, leave, time_left } = trying;
        let pages = Pages::new(self, errand.lease, known.as_ref());
        let mut owed = Owed {
            fallback: self,
            fleet,
            provider: &registered.provider,
            pages: &pages,
            leave,
            is_last: held.is_given_up_when_dropped(),
        };
        let wake = Notify::new();
        let news = self.bus.listen();
        let drive = Drive { provider: &*registered.provider, journal: &pages, pace: self.settings.pace, wake: Some(&wake) };
        let sending = Sending { key: key.clone(), time_left, webhook: self.callback(registered.provider.id()) };
        let outcome = tokio::select! {
            outcome = drive.run(fitted, &sending, known) => outcome,
            never = answered(news, &errand.job.id, &wake) => match never {},
            stop = held.stopped() => {
                match stop {
                    Stop::Cancelled => owed.cancel().await,
                    // Whoever has it goes on with what is under way.
                    Stop::Lost => owed.is_last = false,
                }
                return Err(Trouble::Stopped(stop));
            }
        };
        let outcome = match outcome {
            Ok(served) => {
                pages.forget();
                self.keep(errand, registered, fitted, terms, &key, served, away).await?
            }
            Err(DriveError::Provider(failure)) => Err(failure),
            Err(DriveError::Journal) => {
                owed.is_last = false;
                return Err(Trouble::Stopped(Stop::Lost));
            }
        };
        if let Err(failure) = &outcome {
            tracing::warn!(job = errand.job.id, provider = %failure.provider, class = %failure.class, code = failure.code.as_deref(), "a provider did not serve a job");
        }
        if let Some(leave) = owed.leave.take() {
            fleet.report(leave, outcome.as_ref().copied(), self.now());
        }
        Ok(())
    }

    /// Stores the pictures and settles the attempt with them, so that whoever goes on after a crash has them.
    #[expect(clippy::too_many_arguments, reason = "all of them are of one attempt")]
    async fn keep(
        &self,
        errand: &Errand<'_>,
        registered: &Registered,
        fitted: &Fitted,
        terms: &Terms,
        key: &AttemptKey,
        served: Served,
        away: &Away,
    ) -> Result<Result<easel_providers::Micros, ProviderError>, Trouble> {
        let Served { pictures, cost, seed, withheld } = served;
        let Some(decoded) = decoded(pictures).await? else {
            // Paid, and of no use.
            let id = registered.provider.id();
            let failure = ProviderError::new(id, FailureClass::Garbage, Accepted::Yes).code("picture_unreadable");
            let step = Step::Ended { failure: Some(failure.clone()) };
            self.settled(errand, key, &step, cost, None, None).await?;
            return Ok(Err(failure));
        };
        let mut gained = Gained { images: Vec::new(), withheld };
        for (place, image) in decoded.into_iter().take(terms.pictures as usize).enumerate() {
            let index = terms.first + u32::try_from(place).unwrap_or(u32::MAX);
            let parameters = self.parameters(errand, fitted, terms, registered, seed, (image.width(), image.height()));
            let prompt = errand.drawing.prompt.clone();
            let writing = errand.order.output.into();
            match errand.keeper.keep_foreign(errand.job, &writing, (index, image), prompt, parameters).await {
                Ok(kept) => gained.images.push(kept.image),
                // As if the provider had kept it back itself.
                Err(trouble) if trouble.is_blocked() => gained.withheld += 1,
                Err(trouble) => return Err(trouble),
            }
        }
        let mut away = away.clone();
        away.cost = away.cost.plus(cost);
        self.settled(errand, key, &Step::Ended { failure: None }, cost, Some(&gained), Some(&away)).await?;
        Ok(Ok(cost))
    }

    /// What a picture was made with, for whoever looks at it.
    fn parameters(
        &self,
        errand: &Errand<'_>,
        fitted: &Fitted,
        terms: &Terms,
        registered: &Registered,
        seed: Option<u64>,
        (width, height): (u32, u32),
    ) -> Value {
        let drawing = errand.drawing;
        let mode = match errand.request.task {
            Task::Inpaint { .. } => "inpaint",
            Task::ImageToImage { .. } => "image_to_image",
            Task::TextToImage => "text_to_image",
        };
        json!({
            "task": mode,
            "mode": mode,
            "prompt": drawing.prompt,
            "negative_prompt": fitted.order.negative_prompt,
            "model": drawing.model,
            "width": width,
            "height": height,
            "seed": seed.or(fitted.order.seed),
            "num_inference_steps": fitted.order.num_inference_steps,
            "guidance_scale": fitted.order.guidance_scale,
            "provider": registered.provider.id(),
            "provider_kind": terms.kind,
            "provider_model": terms.model,
            "fallback_reason": terms.reason,
            "changes": terms.changes,
        })
    }

    async fn settled(
        &self,
        errand: &Errand<'_>,
        key: &AttemptKey,
        step: &Step,
        cost: easel_providers::Micros,
        gained: Option<&Gained>,
        away: Option<&Away>,
    ) -> Result<(), PlatformError> {
        retry!(self.settle_once(errand, key, step, cost, gained, away))
    }

    async fn settle_once(
        &self,
        errand: &Errand<'_>,
        key: &AttemptKey,
        step: &Step,
        cost: easel_providers::Micros,
        gained: Option<&Gained>,
        away: Option<&Away>,
    ) -> Result<(), PlatformError> {
        let now = self.context.now();
        let kept = gained.map(|gained| serde_json::to_string(gained).expect("pictures' rows are plain data. This is a bug."));
        let spent = i64::try_from(cost.0).unwrap_or(i64::MAX);
        let mut tx = self.context.db.begin().await?;
        let job = easel_store::leases::lock(&mut tx, errand.lease).await?.ok_or(PlatformError::LeaseLost)?;
        let open = provider_attempts::open_of_job(&mut tx, &job.id).await?;
        let attempt: &Attempt =
            open.iter().find(|attempt| attempt.attempt_key == key.as_str()).ok_or(PlatformError::LeaseLost)?;
        spend::settle(&mut tx, now, attempt, step, spent, kept.as_deref()).await?;
        if let Some(away) = away {
            let own = away.served_by.as_ref().is_some_and(|served_by| served_by.own);
            let images = gained.map_or(0, |gained| i64::try_from(gained.images.len()).unwrap_or(0));
            let free = job.images_free + if own { images } else { 0 };
            easel_store::jobs::set_away(&mut tx, &job.id, Some(&attempt.provider), &away.to_json(), free).await?;
        }
        Ok(tx.commit().await?)
    }

    fn callback(&self, id: &easel_providers::ProviderId) -> Option<Callback> {
        let base = self.settings.public_url.as_ref().filter(|url| url.starts_with("https://"))?;
        let serving = self.inner.serving.get(id)?;
        let secret = serving.webhook_secret.clone();
        let signs = match serving.kind {
            easel_providers::Kind::Fal => true,
            easel_providers::Kind::Replicate | easel_providers::Kind::Bfl => secret.is_some(),
            _ => false,
        };
        signs.then(|| Callback { url: format!("{}/api/v1/webhooks/providers/{id}", base.trim_end_matches('/')), secret })
    }
}

/// Wakes whoever waits for a provider when a webhook of it has come, to any node.
async fn answered(mut news: Receiver<Heard>, job_id: &str, wake: &Notify) -> Infallible {
    loop {
        match news.recv().await {
            Ok(heard) if heard.news.job_id == job_id && heard.news.what == What::ProviderAnswered => wake.notify_one(),
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => std::future::pending::<()>().await,
        }
    }
}

/// Decoded within limits; `None` if one of them is no picture.
async fn decoded(pictures: Vec<FetchedImage>) -> Result<Option<Vec<Rgb8>>, Trouble> {
    let decoding = move || {
        let limits = DecodeLimits::default();
        let decoded: Result<Vec<Rgb8>, _> =
            pictures.iter().map(|picture| decode(&picture.bytes, &limits).map(|decoded| decoded.rgb)).collect();
        decoded.ok().filter(|pictures| !pictures.is_empty())
    };
    blocking(decoding).await
}
