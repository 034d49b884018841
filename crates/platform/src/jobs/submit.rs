//! Taking a job: checked, paid for in advance, and written, all at once or not at all.

use chrono::Datelike;
use easel_store::{
    Credits, Timestamp, Tx, api_keys, idempotency, images,
    jobs::{self, Job, JobState},
    leases::{self, Claim},
    ledger::{self, AccountKind, Event, NewHold},
    user_limits,
    users::{self, User},
    webhooks,
};
use easel_types::Quality;
use sha2::{Digest, Sha256};

use super::Jobs;
use crate::{
    PlatformError,
    accounts::{LOCAL_ID, hex},
    bus::What,
    context::retry,
    fallback::Offer,
    plans::{Plan, Quote},
    run_time::Key,
};

/// Bytes of an address.
const ADDRESS_MAX: usize = 2000;

/// What somebody asks for.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    /// Who.
    pub user_id: &'a str,
    /// Makes the same request happen once; theirs alone.
    pub idempotency_key: Option<&'a str>,
    /// The model it needs.
    pub model: &'a str,
    /// How large the pictures are to be.
    pub quality: Quality,
    /// How many.
    pub images: i64,
    /// The whole request as JSON, for the worker.
    pub request: &'a str,
    /// The API key it came by, whose limits of a month hold as well.
    pub key_id: Option<&'a str>,
    /// Where its end is told, beside the owner's endpoints. Whoever asks for it has had it judged.
    pub callback_url: Option<&'a str>,
    /// Its end is told by mail, to an address that is proved.
    pub mail_at_end: bool,
    /// The picture of theirs that it starts from: the job that made it is this one's parent.
    pub parent_image: Option<&'a str>,
    /// What all jobs of one batch share, of at most 255 characters.
    pub batch_key: Option<&'a str>,
}

/// A job that was taken.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The job.
    pub job: Job,
    /// It was taken before, under the same key.
    pub repeated: bool,
}

impl Jobs {
    /// Takes a job. The same key with the same request returns the same job, with another it is refused.
    ///
    /// # Errors
    /// [`PlatformError::InsufficientCredits`], [`PlatformError::Limit`], [`PlatformError::KeyReused`], [`PlatformError::ModelNotInPlan`],
    /// [`PlatformError::ContentBlocked`], [`PlatformError::ConsentRequired`]; there is no job then, nothing is charged, and the key is free for another try.
    pub async fn submit(&self, new: NewJob<'_>) -> Result<Submitted, PlatformError> {
        self.submit_with(new, None).await
    }

    /// Takes a job that may be sent elsewhere, as was settled for it; else it is like any other.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn submit_with(&self, new: NewJob<'_>, offer: Option<&Offer>) -> Result<Submitted, PlatformError> {
        check(&new, self.settings.images_max)?;
        let quote = self.quote(new.model, new.quality, new.images)?;
        let submitted = self.submit_looked_through(new, quote, None, offer).await?;
        if !submitted.repeated {
            self.bus.tell(&submitted.job.id, new.user_id, What::Queued);
        }
        Ok(submitted)
    }

    /// Takes a job that this worker does at once, while its owner waits for it: it is never in the queue, and is not begun again.
    ///
    /// # Errors
    /// As [`Self::submit`]. Idempotency keys are refused: what was answered before cannot be answered again.
    pub async fn submit_to(&self, worker: &str, new: NewJob<'_>) -> Result<Job, PlatformError> {
        self.submit_to_with(worker, new, None).await
    }

    /// The same for a job that may be done elsewhere, as was settled for it.
    ///
    /// # Errors
    /// As [`Self::submit_to`].
    pub async fn submit_to_with(&self, worker: &str, new: NewJob<'_>, offer: Option<&Offer>) -> Result<Job, PlatformError> {
        check(&new, self.settings.images_max)?;
        if new.idempotency_key.is_some() {
            return Err(PlatformError::Invalid { field: "idempotency key", problem: "cannot be used here" });
        }
        let quote = self.quote(new.model, new.quality, new.images)?;
        Ok(self.submit_looked_through(new, quote, Some(worker), offer).await?.job)
    }

    /// Leaves the words out of a text that are not drawn here, and adds their categories to those there are.
    pub fn mask(&self, text: &mut String, categories: &mut Vec<String>) {
        self.guard.mask(text, categories);
    }

    /// What is not drawn here is left out or refused before anything is set aside; what is left out or flagged is noted with the job.
    async fn submit_looked_through(
        &self,
        new: NewJob<'_>,
        quote: Quote,
        worker: Option<&str>,
        offer: Option<&Offer>,
    ) -> Result<Submitted, PlatformError> {
        let (request, masked) = self.guard.masked(new.request);
        let new = NewJob { request: request.as_deref().unwrap_or(new.request), ..new };
        let flagged = self.guard.check_request(new.user_id, new.request).await?;
        let submitted = retry!(self.submit_once(new, quote, worker, offer))?;
        if submitted.repeated {
            return Ok(submitted);
        }
        let job_id = &submitted.job.id;
        if let Some(category) = flagged {
            self.guard.note_prompt(new.user_id, &category, "flag", job_id).await?;
        }
        for category in &masked {
            self.guard.note_prompt(new.user_id, category, "mask", job_id).await?;
        }
        Ok(submitted)
    }

    /// What a job would cost.
    pub fn quote(&self, model: &str, quality: Quality, images: i64) -> Result<Quote, PlatformError> {
        let invalid = PlatformError::Invalid { field: "number of images", problem: "is out of range" };
        self.catalogue.quote(model, quality, images).ok_or(invalid)
    }

    async fn submit_once(
        &self,
        new: NewJob<'_>,
        quote: Quote,
        worker: Option<&str>,
        offer: Option<&Offer>,
    ) -> Result<Submitted, PlatformError> {
        let moment = self.context.moment();
        let job_id = moment.id();
        let mut tx = self.context.db.begin().await?;
        // The user's row makes their submissions take turns, so that no two of them count the same limit.
        let user = users::lock(&mut tx, new.user_id).await?.filter(|user| user.is_active);
        let user = user.ok_or(PlatformError::Forbidden("the account is not active"))?;
        if let Some(key) = new.idempotency_key
            && let Some(earlier) = self.take_key(&mut tx, &new, key, &job_id, moment.now).await?
        {
            return Ok(Submitted { job: earlier, repeated: true });
        }
        self.legal.require(&mut tx, &user.id).await?;
        let plan = self.catalogue.of(&user, moment.now);
        self.catalogue.check_model(plan, new.model)?;
        self.check_limits(&mut tx, &user, plan, new.images, moment.now).await?;
        self.check_key(&mut tx, &new, quote.total, moment.now).await?;
        check_callback(&mut tx, &new).await?;
        if new.mail_at_end && (!user.is_verified || user.id == LOCAL_ID) {
            return Err(PlatformError::Invalid { field: "notify", problem: "needs an address that is proved" });
        }
        let hold_id = if quote.total > Credits::ZERO {
            let charged = self.settings.charging && !plan.unlimited_credits;
            let account = if charged { AccountKind::Credits } else { AccountKind::Metered };
            let key = format!("hold:{job_id}");
            let event = Event { key: &key, job_id: Some(&job_id), actor: None, reason: "set aside for a job" };
            let hold = NewHold { user_id: &user.id, account, amount: quote.total };
            Some(ledger::hold(&mut tx, &moment, hold, event).await?.transfer.id)
        } else {
            None
        };
        let mut job = self.queued(&new, job_id, hold_id, quote, plan.priority, moment.now);
        job.task_no = jobs::next_number(&mut tx, &user.id).await?;
        job.organization_id = user.organization_id;
        if let Some(image_id) = new.parent_image {
            job.parent_id = jobs::of_image(&mut tx, &user.id, image_id).await?;
        }
        if let Some(offer) = offer {
            (job.leaves_at, job.away) = (Some(offer.leaves_at), Some(offer.away.to_json()));
        }
        if worker.is_some() {
            job.attempts_max = 1;
        }
        jobs::insert(&mut tx, &job).await?;
        if let Some(owner) = worker {
            let claim = Claim { owner, models: None, limit: 1, expires_at: moment.now.after(self.settings.lease) };
            job = leases::claim_this(&mut tx, moment.now, &job.id, claim).await?.ok_or(PlatformError::LeaseLost)?;
        }
        tx.commit().await?;
        Ok(Submitted { job, repeated: false })
    }

    /// The job that the key stands for, if it does for one.
    async fn take_key(
        &self,
        tx: &mut Tx,
        new: &NewJob<'_>,
        key: &str,
        job_id: &str,
        now: Timestamp,
    ) -> Result<Option<Job>, PlatformError> {
        let request_hash = hash_of(new);
        let expires_at = now.after(self.settings.key_ttl);
        let keeping =
            idempotency::Keeping { principal: new.user_id, key, request_hash: &request_hash, result_id: job_id, expires_at };
        let Some(kept) = idempotency::take(tx, now, keeping).await? else { return Ok(None) };
        if kept.request_hash != request_hash {
            return Err(PlatformError::KeyReused);
        }
        Ok(Some(jobs::lock(tx, &kept.result_id).await?.ok_or(PlatformError::NotFound("job"))?))
    }

    async fn check_limits(
        &self,
        tx: &mut Tx,
        user: &User,
        plan: &Plan,
        images: i64,
        now: Timestamp,
    ) -> Result<(), PlatformError> {
        let limit = |code, what, max| Err(PlatformError::Limit { code, what, max });
        let own = user_limits::of_user_in(tx, &user.id).await?.unwrap_or_default();
        if let Some(open_max) = own.jobs_open_max.or(plan.jobs_open_max).or(self.settings.jobs_open_max)
            && jobs::open_of_user(tx, &user.id, open_max).await? >= open_max
        {
            return limit("too_many_open_jobs", "jobs that have not ended", open_max);
        }
        let everybodys = self.catalogue.run_time().get(Key::MaxTasksPerDay).or(self.settings.images_daily_max);
        let daily = [own.images_daily_max.or(plan.images_daily_max), everybodys].into_iter().flatten().min();
        if let Some(max) = daily
            && jobs::images_since(tx, &user.id, Timestamp::of_day(now.day())).await?.saturating_add(images) > max
        {
            return limit("daily_limit_reached", "pictures a day", max);
        }
        if let Some(max) = own.storage_bytes_max.or(plan.storage_bytes_max)
            && images::bytes_of_user(tx, &user.id).await? >= max
        {
            return limit("storage_quota_exceeded", "bytes of stored pictures", max);
        }
        Ok(())
    }

    /// The key's own limits, under its owner's lock: of two jobs that come by it at once the second sees the first.
    async fn check_key(&self, tx: &mut Tx, new: &NewJob<'_>, cost: Credits, now: Timestamp) -> Result<(), PlatformError> {
        let limit = |what, max| Err(PlatformError::Limit { code: "key_limit_reached", what, max });
        let Some(key_id) = new.key_id else { return Ok(()) };
        let key = api_keys::by_id(tx, key_id).await?.filter(|key| key.user_id == new.user_id && key.revoked_at.is_none());
        let key = key.ok_or(PlatformError::Unauthenticated)?;
        if key.jobs_monthly_max.is_none() && key.credits_monthly_max.is_none() {
            return Ok(());
        }
        let (jobs, spent) = jobs::of_key_since(tx, key_id, month_of(now)).await?;
        if let Some(max) = key.jobs_monthly_max
            && jobs >= max
        {
            return limit("jobs a month with this API key", max);
        }
        if let Some(max) = key.credits_monthly_max
            && spent.0.saturating_add(cost.0) > max.0
        {
            return limit("credits a month with this API key", max.0 / Credits::UNIT);
        }
        Ok(())
    }

    fn queued(&self, new: &NewJob<'_>, id: String, hold_id: Option<String>, quote: Quote, priority: i64, now: Timestamp) -> Job {
        let ahead = self.settings.priority_worth * u32::try_from(priority).unwrap_or(0);
        Job {
            id,
            user_id: new.user_id.to_owned(),
            state: JobState::Queued,
            model: new.model.to_owned(),
            request: new.request.to_owned(),
            images_wanted: new.images,
            images_delivered: 0,
            unit_price: quote.unit_price,
            hold_id,
            priority,
            queue_order: now.before(ahead).0,
            not_before: now,
            queue_ends_at: now.after(self.settings.queue_ttl),
            attempt: 0,
            attempts_max: self.settings.attempts_max,
            lease_owner: None,
            lease_expires_at: None,
            cancel_requested: false,
            progress: 0,
            provider: None,
            provider_task_id: None,
            leaves_at: None,
            away: None,
            images_free: 0,
            api_key_id: new.key_id.map(str::to_owned),
            callback_url: new.callback_url.map(str::to_owned),
            mail_at_end: new.mail_at_end,
            error_code: None,
            error_message: None,
            created_at: now,
            started_at: None,
            finished_at: None,
            updated_at: now,
            task_no: 0,
            parent_id: None,
            batch_key: new.batch_key.map(str::to_owned),
            estimated_completion_at: None,
            organization_id: None,
        }
    }
}

/// When the month began, as limits of a month have it.
pub(crate) fn month_of(now: Timestamp) -> Timestamp {
    let today = chrono::DateTime::from_timestamp_micros(now.0).unwrap_or_default();
    Timestamp::of_day(now.day() - i64::from(today.day0()))
}

/// What is told there has to be signed by a secret that its owner knows.
async fn check_callback(tx: &mut Tx, new: &NewJob<'_>) -> Result<(), PlatformError> {
    if new.callback_url.is_none() {
        return Ok(());
    }
    let endpoint = webhooks::for_callbacks(tx, new.user_id).await?;
    if endpoint.is_some_and(|endpoint| endpoint.disabled_at.is_none()) {
        return Ok(());
    }
    let problem = "needs an enabled webhook endpoint for callbacks, whose secret signs them: make one first";
    Err(PlatformError::Invalid { field: "callback_url", problem })
}

fn check(new: &NewJob<'_>, images_max: i64) -> Result<(), PlatformError> {
    let invalid = |field, problem| Err(PlatformError::Invalid { field, problem });
    if !(1..=images_max).contains(&new.images) {
        return invalid("number of images", "is out of range");
    }
    if new.callback_url.is_some_and(|url| url.is_empty() || url.len() > ADDRESS_MAX || url.chars().any(char::is_control)) {
        return invalid("callback_url", "must be an address of at most 2000 bytes");
    }
    if new.request.contains('\0') || new.request.contains("\\u0000") || new.model.contains('\0') {
        // PostgreSQL cannot hold it, and what is asked for in JSON is stored as text in the end.
        return invalid("request", "contains a NUL character");
    }
    if new
        .idempotency_key
        .is_some_and(|key| key.is_empty() || key.len() > 255 || !key.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return invalid("idempotency key", "must be 1 to 255 printable ASCII characters");
    }
    Ok(())
}

/// Of everything that makes the request what it is.
fn hash_of(new: &NewJob<'_>) -> String {
    let mut hasher = Sha256::new();
    let count = new.images.to_string();
    let told = new.mail_at_end.then_some("mail");
    for part in [new.model, new.quality.name(), &count, new.request].into_iter().chain(new.callback_url).chain(told) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}
