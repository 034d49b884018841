//! Drawing here if it can be, and having it done elsewhere if not: what is known of this host goes to `fallback`, which decides.

use std::time::Duration;

use easel_providers::Local;
use easel_store::jobs::Job;

use super::{Held, Trouble, Worker, sources};
use crate::{
    bus::What,
    fallback::{Elsewhere, Errand, Fallback, after, here, size_of},
    jobs::Results,
    orders::{Drawing, Order, seed_of},
};

impl Worker {
    /// Draws here, or has it done elsewhere where that is allowed and there is a reason.
    pub(super) async fn draw_or_send(
        &self,
        job: &Job,
        order: &Order,
        drawing: &Drawing,
        held: &mut Held,
    ) -> Result<Results, Trouble> {
        let Some(fallback) = self.fallback.as_ref().filter(|fallback| fallback.is_on() && job.away.is_some()) else {
            return self.draw(job, order, drawing, held).await;
        };
        let local = self.local(job, drawing);
        let stays = fallback.draws_here(local);
        if stays && !fallback.has_begun(job).await? {
            let trouble = match self.draw(job, order, drawing, held).await {
                Err(trouble @ Trouble::Failed { .. }) => trouble,
                done => return done,
            };
            let Some(local) = after(&trouble) else { return Err(trouble) };
            return match self.send(fallback, (job, order, drawing), local, held).await {
                Ok(Some(results)) => Ok(results),
                // Nobody else can either: what went wrong here is what its owner is told.
                Ok(None) | Err(Trouble::Failed { code: "provider_unavailable", .. }) => Err(trouble),
                Err(other) => Err(other),
            };
        }
        match self.send(fallback, (job, order, drawing), local, held).await? {
            Some(results) => Ok(results),
            None => self.draw(job, order, drawing, held).await,
        }
    }

    /// How things are here for this job.
    fn local(&self, job: &Job, drawing: &Drawing) -> Local {
        // What it has waited counts too: it was not taken by anybody who could have drawn it.
        let waited = Duration::from_micros(u64::try_from(self.platform.context.now().0 - job.created_at.0).unwrap_or(0));
        let waited = if self.leaves(job) { waited } else { Duration::ZERO };
        here(&self.engine, &drawing.model, waited)
    }

    /// Its time to be sent elsewhere has come.
    fn leaves(&self, job: &Job) -> bool {
        job.leaves_at.is_some_and(|at| at <= self.platform.context.now())
    }

    /// `None` if it is to be done here after all.
    async fn send(
        &self,
        fallback: &Fallback,
        (job, order, drawing): (&Job, &Order, &Drawing),
        local: Local,
        held: &mut Held,
    ) -> Result<Option<Results>, Trouble> {
        let pictures = sources::of(&self.platform, &job.user_id, drawing).await?;
        let request = drawing.request(pictures, seed_of(&job.id));
        let size = self.engine.output_size(&request).unwrap_or_else(|_| size_of(drawing));
        let request = sources::resized_to(request, size).await?;
        let lease = held.lease().clone();
        self.platform.jobs.bus().tell(&job.id, &job.user_id, What::Started);
        let errand =
            Errand { job, lease: &lease, order, drawing, request: &request, size, keeper: &self.keeper, time_limit: None };
        Ok(match fallback.serve(&errand, local, held).await? {
            Elsewhere::Here => None,
            Elsewhere::Done(images) => Some(Results { images, gpu_ms: 0 }),
        })
    }
}
