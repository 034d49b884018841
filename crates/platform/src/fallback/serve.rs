//! A job done elsewhere, from the decision to its pictures. What was tried is read from the database in each turn, so that a worker that comes
//! after a crash does the same as the one before it would have.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use easel_providers::{
    AttemptKey, Candidate, Decision, Failure, FallbackReason, Fitted, JobRules, Local, Order as Outwards, OverBudget, Owner,
    ProviderId, Quote, Situation, Tenant, route,
};
use easel_store::{jobs::Job, leases::Lease};
use easel_types::GenerationRequest;

use super::{
    Away, Fallback,
    accounts::Everybody,
    attempt::Trying,
    spend::{Beginning, Reserved},
    story::{Open, Story, Terms},
};
use crate::{
    jobs::NewImage,
    orders::{Drawing, Order},
    worker::{BLOCKED, Held, Keeper, Trouble},
};

/// A job that is to be done elsewhere, and what is at hand for it.
pub(crate) struct Errand<'a> {
    pub job: &'a Job,
    pub lease: &'a Lease,
    pub order: &'a Order,
    pub drawing: &'a Drawing,
    /// With its pictures.
    pub request: &'a GenerationRequest,
    /// Pixels.
    pub size: (u32, u32),
    pub keeper: &'a Keeper,
    /// How long its owner may be kept waiting, where somebody waits.
    pub time_limit: Option<Duration>,
}

/// What came of it.
pub(crate) enum Elsewhere {
    /// It is to be done here after all: nobody else may or can, and it can be.
    Here,
    /// Its pictures, stored.
    Done(Vec<NewImage>),
}

/// What one turn found out.
enum Turn {
    Again,
    Ended(Elsewhere),
}

/// One go at a job.
struct Going<'a> {
    errand: &'a Errand<'a>,
    away: Away,
    tenant: Tenant,
    everybody: Everybody,
    local: Local,
    ends: Instant,
    /// Those whose budget turned out to be used up.
    over: BTreeSet<ProviderId>,
}

impl Fallback {
    /// Has a job done elsewhere, or goes on with it; `local` is how things are here.
    pub(crate) async fn serve(&self, errand: &Errand<'_>, local: Local, held: &mut Held) -> Result<Elsewhere, Trouble> {
        let Some(away) = Away::of(errand.job) else { return Ok(Elsewhere::Here) };
        let user_id = &errand.job.user_id;
        let mut going = Going {
            errand,
            away,
            tenant: self.tenant(user_id).await?,
            everybody: self.everybody(user_id).await?,
            local,
            ends: Instant::now()
                + errand.time_limit.map_or(self.settings.time_limit, |limit| limit.min(self.settings.time_limit)),
            over: BTreeSet::new(),
        };
        loop {
            if let Turn::Ended(elsewhere) = self.turn(&mut going, held).await? {
                return Ok(elsewhere);
            }
        }
    }

    /// Whether something of a job was begun elsewhere: then it is gone on with there, whatever could be done here by now.
    pub(crate) async fn has_begun(&self, job: &Job) -> Result<bool, Trouble> {
        if Away::of(job).is_none_or(|away| away.reason.is_none()) {
            return Ok(false);
        }
        let story = self.story(&job.id).await?;
        Ok(story.open.is_some_and(|open| open.step.is_some()) || !story.images.is_empty())
    }

    async fn turn(&self, going: &mut Going<'_>, held: &mut Held) -> Result<Turn, Trouble> {
        let errand = going.errand;
        let story = self.story(&errand.job.id).await?;
        let gained = u32::try_from(story.images.len()).unwrap_or(u32::MAX).saturating_add(story.withheld);
        let left = errand.drawing.count.saturating_sub(gained);
        match story.open {
            Some(Open { step: None, attempt, .. }) => {
                self.take_back(errand.lease, &attempt).await?;
                Ok(Turn::Again)
            }
            Some(open) => {
                self.go_on(going, open, held).await?;
                Ok(Turn::Again)
            }
            None if left == 0 && story.images.is_empty() => {
                Err(Trouble::refused(BLOCKED, "none of the pictures that came of it is taken here"))
            }
            None if left == 0 => Ok(Turn::Ended(Elsewhere::Done(story.images))),
            None => self.decide(going, story, gained, left, held).await,
        }
    }

    /// Asks who is next, and has them try.
    async fn decide(&self, going: &mut Going<'_>, story: Story, first: u32, left: u32, held: &mut Held) -> Result<Turn, Trouble> {
        self.refresh().await?;
        let errand = going.errand;
        let order = going.rest(left, first);
        let mut candidates = going.everybody.candidates(&order, &errand.drawing.model);
        for candidate in candidates.iter_mut().filter(|candidate| going.over.contains(&candidate.provider)) {
            candidate.budget = Err(OverBudget::Day);
        }
        let situation = Situation {
            rules: &self.settings.rules,
            tenant: &going.tenant,
            job: &JobRules {
                allow_fallback: super::offer::can_leave(errand.drawing),
                time_left: going.ends.saturating_duration_since(Instant::now()),
                cost_max: going.away.cost_max.minus(going.away.cost),
            },
            local: going.local,
            candidates: &candidates,
            tried: &story.tried,
        };
        match route(&situation) {
            // Those that came are delivered, and paid as what they are.
            Decision::Local | Decision::Fail(_) if !story.images.is_empty() => Ok(Turn::Ended(Elsewhere::Done(story.images))),
            Decision::Local => {
                if going.away.reason.is_some() {
                    self.stays(errand.lease, &going.away).await?;
                }
                Ok(Turn::Ended(Elsewhere::Here))
            }
            Decision::Fail(failure) => Err(trouble(failure, &story)),
            Decision::External { candidate, reason } => {
                let chosen = candidates.swap_remove(candidate);
                self.begin(going, &story, chosen, reason, order, held).await?;
                Ok(Turn::Again)
            }
        }
    }

    /// Begins an attempt: leave of the breaker, money, and only then a request.
    async fn begin(
        &self,
        going: &mut Going<'_>,
        story: &Story,
        chosen: Candidate,
        reason: FallbackReason,
        order: Outwards,
        held: &mut Held,
    ) -> Result<(), Trouble> {
        let errand = going.errand;
        let everybody = going.everybody.clone();
        let (Some((fleet, registered)), Some(served_by)) =
            (everybody.find(&chosen.provider), everybody.served_by(&chosen.provider, &chosen.model))
        else {
            return Err(Trouble::passing("provider_unavailable", UNAVAILABLE));
        };
        let first = errand.drawing.count.saturating_sub(order.num_images);
        let order = Outwards { model: chosen.model.clone(), ..order };
        let fitted = fitted(registered, order, None).ok_or_else(|| Trouble::passing("provider_unavailable", UNAVAILABLE))?;
        let terms = Terms {
            reason,
            kind: served_by.kind,
            model: chosen.model.clone(),
            pictures: fitted.order.num_images,
            first,
            own: chosen.owner == Owner::User,
            changes: fitted.changes.clone(),
        };
        let key = AttemptKey::new(&errand.job.id, first, &chosen.provider, story.attempts + 1);
        let key = key.ok_or_else(|| Trouble::refused("internal_error", "the server has failed"))?;
        let Ok(leave) = fleet.admit(&chosen.provider, &fitted.quote, reason, self.now()) else {
            going.over.insert(chosen.provider);
            return Ok(());
        };
        (going.away.reason, going.away.served_by) = (Some(reason), Some(served_by));
        going.away.changes.clone_from(&fitted.changes);
        let beginning = Beginning {
            key: key.as_str(),
            provider: &chosen.provider,
            part: i64::from(first),
            terms: &terms,
            amount: fitted.quote.total,
            away: &going.away.to_json(),
            free: story.free,
        };
        match self.reserve(errand.lease, beginning).await {
            Ok(Reserved::Yes) => {}
            Ok(Reserved::Over) => {
                fleet.withdraw(leave, self.now());
                going.over.insert(chosen.provider);
                return Ok(());
            }
            Err(error) => {
                fleet.withdraw(leave, self.now());
                return Err(error.into());
            }
        }
        let time_left = going.ends.saturating_duration_since(Instant::now());
        let trying =
            Trying { errand, fleet, registered, fitted: &fitted, terms: &terms, key, known: None, leave: Some(leave), time_left };
        self.attempt(trying, &going.away, held).await?;
        going.learn(self).await
    }

    /// Goes on with what another worker had begun, or this one before it was stopped.
    async fn go_on(&self, going: &mut Going<'_>, open: Open, held: &mut Held) -> Result<(), Trouble> {
        let errand = going.errand;
        let everybody = going.everybody.clone();
        let Open { attempt, terms, step } = open;
        let id: Option<ProviderId> = attempt.provider.parse().ok();
        let found = id.as_ref().and_then(|id| everybody.find(id));
        let left = errand.drawing.count.saturating_sub(terms.first);
        let again = found.and_then(|(fleet, registered)| {
            let order = Outwards { model: terms.model.clone(), ..going.rest(left, terms.first) };
            Some((fleet, registered, fitted(registered, order, Some(terms.pictures))?))
        });
        let key = again
            .as_ref()
            .and_then(|(_, registered, _)| named(&errand.job.id, &terms, registered.provider.id(), &attempt.attempt_key));
        let (Some((fleet, registered, fitted)), Some(key)) = (again, key) else {
            // The account or its model is gone: nobody can be asked what became of it, and it counts as paid.
            return Err(Trouble::refused("provider_outcome_unknown", OUTCOME_UNKNOWN));
        };
        // Its money is set aside already.
        let nothing = Quote { per_picture: Default::default(), pictures: terms.pictures, total: Default::default() };
        let leave = fleet.admit(registered.provider.id(), &nothing, terms.reason, self.now()).ok();
        going.away.reason = Some(terms.reason);
        going.away.served_by = going.everybody.served_by(registered.provider.id(), &terms.model);
        going.away.changes.clone_from(&terms.changes);
        let time_left = going.ends.saturating_duration_since(Instant::now());
        let trying = Trying { errand, fleet, registered, fitted: &fitted, terms: &terms, key, known: step, leave, time_left };
        self.attempt(trying, &going.away, held).await?;
        going.learn(self).await
    }
}

impl Going<'_> {
    /// The pictures that are still to be had, from the `first` on.
    fn rest(&self, left: u32, first: u32) -> Outwards {
        let Errand { request, drawing, size, .. } = self.errand;
        let seed = request.seed.map(|seed| seed.wrapping_add(u64::from(first)));
        // Nobody asked for a seed that was drawn here: it would only be told as dropped.
        let seed = drawing.seed.and(seed);
        let request = GenerationRequest { num_images: left, seed, ..(*request).clone() };
        Outwards::from_request(&request, drawing.model.clone(), *size)
    }

    /// What the job's row says by now.
    async fn learn(&mut self, fallback: &Fallback) -> Result<(), Trouble> {
        let job =
            easel_store::jobs::by_id(&fallback.context.db, &self.errand.job.id).await.map_err(crate::PlatformError::from)?;
        if let Some(away) = job.as_ref().and_then(Away::of) {
            self.away = away;
        }
        Ok(())
    }
}

const UNAVAILABLE: &str = "this server cannot draw it, and nobody else can or may now";
const OUTCOME_UNKNOWN: &str = "nobody can tell whether the provider has drawn it; nothing was paid";

/// The next part of an order, as the account's model can do it.
fn fitted(registered: &easel_providers::Registered, order: Outwards, pictures: Option<u32>) -> Option<Fitted> {
    let ability = registered.provider.capabilities(&order.model)?;
    let part = pictures.unwrap_or(order.num_images).min(ability.pictures_max);
    ability.fit(&Outwards { num_images: part, ..order }).ok()
}

/// The key of an attempt that was written down, by the count it ends in.
fn named(job_id: &str, terms: &Terms, id: &ProviderId, written: &str) -> Option<AttemptKey> {
    let count = written.rsplit('-').next()?.parse().ok()?;
    AttemptKey::new(job_id, terms.first, id, count).filter(|key| key.as_str() == written)
}

fn trouble(failure: Failure, story: &Story) -> Trouble {
    let said = story.last_failure.as_ref();
    match failure {
        Failure::UserError | Failure::Moderated => match said {
            Some(said) => Trouble::refused(said.client_code(), said.to_string()),
            None => Trouble::refused("unsupported", "what was asked for cannot be drawn"),
        },
        Failure::OutcomeUnknown => Trouble::refused("provider_outcome_unknown", OUTCOME_UNKNOWN),
        Failure::Timeout => Trouble::refused("provider_timeout", "nobody has drawn it in time"),
        // A budget or a breaker may be another by the next attempt.
        Failure::Unavailable => Trouble::passing("provider_unavailable", UNAVAILABLE),
    }
}
