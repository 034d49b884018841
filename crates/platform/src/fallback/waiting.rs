//! Drawings whose client waits for the answer, with pictures that came with the request (OpenAI's and A1111's routes): done elsewhere by the same
//! rules as jobs of the queue, under a job that is held from the start.

use std::time::Duration;

use easel_engine::{Engine, State};
use easel_providers::{Local, Order as Elsewhere};
use easel_store::jobs::Job;
use easel_types::{GenerationRequest, ModelId};

use super::{Errand, Fallback, Offer, serve};
use crate::{
    PlatformError,
    jobs::NewImage,
    orders::{Drawing, Order, Work},
    worker::{Held, Keeper, Trouble},
};

/// A drawing that somebody waits for.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// What pays for it.
    pub job: &'a Job,
    /// A drawing, and how its files are written.
    pub order: &'a Order,
    /// The same with its pictures, at `size`.
    pub request: &'a GenerationRequest,
    /// Pixels.
    pub size: (u32, u32),
    /// Who stores what comes.
    pub keeper: &'a Keeper,
    /// How long its client may be kept waiting.
    pub time_limit: Duration,
}

/// How things are here for a drawing with this model that has waited so long already.
pub fn here(engine: &Engine, model: &str, waited: Duration) -> Local {
    let status = engine.status();
    if status.state == State::Failed {
        return Local::NoDevice;
    }
    if engine.find_model(Some(&ModelId(model.to_owned()))).is_err() {
        return Local::ModelMissing;
    }
    Local::Ready { wait: waited.saturating_add(status.backlog) }
}

/// What a failure here says of this host; `None` for what is the job's own fault, or passes.
pub fn after(trouble: &Trouble) -> Option<Local> {
    let Trouble::Failed { code, .. } = trouble else { return None };
    match *code {
        "out_of_memory" => Some(Local::OutOfMemory),
        "device_failed" | "engine_failed" | "model_unusable" => Some(Local::EngineFailed),
        "model_not_found" => Some(Local::ModelMissing),
        _ => None,
    }
}

impl Fallback {
    /// Whether it is drawn here as things are.
    pub fn draws_here(&self, local: Local) -> bool {
        matches!(local, Local::Ready { wait } if wait <= self.settings.rules.max_wait)
    }

    /// What is settled before a drawing is taken that somebody waits for; `None` if it stays here whatever comes.
    pub async fn offer_for(
        &self,
        user_id: &str,
        drawing: &Drawing,
        request: &GenerationRequest,
        size: (u32, u32),
    ) -> Result<Option<Offer>, PlatformError> {
        let outwards = Elsewhere::from_request(request, drawing.model.clone(), size);
        self.offer_as(user_id, drawing, &outwards, true).await
    }

    /// Has it done elsewhere. `None` if it is to be done here after all.
    ///
    /// # Errors
    /// [`Trouble`] says why nobody does it; nothing is paid then.
    pub async fn serve_waiting(
        &self,
        waiting: Waiting<'_>,
        local: Local,
        held: &mut Held,
    ) -> Result<Option<Vec<NewImage>>, Trouble> {
        let Waiting { job, order, request, size, keeper, time_limit } = waiting;
        let Work::Draw(drawing) = &order.work else { return Ok(None) };
        let lease = held.lease().clone();
        let errand = Errand { job, lease: &lease, order, drawing, request, size, keeper, time_limit: Some(time_limit) };
        Ok(match self.serve(&errand, local, held).await? {
            serve::Elsewhere::Here => None,
            serve::Elsewhere::Done(images) => Some(images),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_here_is_sent_nowhere() {
        for code in ["content_blocked", "unsupported", "source_not_found", "invalid_size", "time_limit", "internal_error"] {
            assert_eq!(after(&Trouble::refused(code, "")), None, "{code}");
        }
        assert_eq!(after(&Trouble::Leaving), None);
        assert_eq!(after(&Trouble::refused("out_of_memory", "")), Some(Local::OutOfMemory));
        assert_eq!(after(&Trouble::passing("device_failed", "")), Some(Local::EngineFailed));
    }
}
