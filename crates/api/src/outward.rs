//! Drawings whose client waits and that somebody else may do: what is settled before they begin, and what is told when they are done.

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use easel_engine::{EngineError, SubmitError, plan};
use easel_platform::{
    fallback::{Away, Local, Offer, Waiting, after, here},
    jobs::{NewImage, Results},
    orders::{Drawing, Order, Work},
    worker::{Stop, Trouble},
};
use easel_types::GenerationRequest;
use serde_json::Value;

use crate::{
    ApiError, AppState,
    auth::Caller,
    generation::{Paid, cancelled},
    ordering::{DEFAULT_MODEL, check_elsewhere, size_elsewhere},
    views::{AwayView, CreditAmount},
};

/// A drawing that somebody else may do.
pub(crate) struct Outward {
    order: Order,
    request: GenerationRequest,
    size: (u32, u32),
    offer: Offer,
}

/// A picture that somebody else has drawn, stored and paid for.
pub(crate) struct Foreign {
    /// The file.
    pub(crate) bytes: Bytes,
    /// The seed that was used, where the provider says so or was told.
    pub(crate) seed: Option<u64>,
    /// Pixels.
    pub(crate) size: (u32, u32),
}

/// What somebody else has done.
pub(crate) struct There {
    /// The pictures.
    pub(crate) pictures: Vec<Foreign>,
    /// Who, why, and what is otherwise than was asked for.
    pub(crate) served_by: Option<AwayView>,
    /// The price of a picture, as it was settled before.
    pub(crate) unit_price: CreditAmount,
}

/// What came of asking others first.
pub(crate) enum Asked {
    /// They have done it.
    There(There),
    /// It is to be drawn here after all; what it costs is still set aside.
    Here(Box<Paid>),
}

/// The name of the model a request is drawn with.
pub(crate) fn model_of(state: &AppState, request: &GenerationRequest) -> String {
    let named = request.model.clone();
    let named = named.or_else(|| state.engine.find_model(None).ok().map(|model| model.id.clone()));
    named.map_or_else(|| DEFAULT_MODEL.to_owned(), |model| model.0)
}

impl Outward {
    /// `None` if it stays here whatever comes. `request` has its pictures, at the size that is drawn.
    pub(crate) async fn of(
        state: &AppState,
        caller: &Caller,
        order: Order,
        request: &GenerationRequest,
    ) -> Result<Option<Self>, ApiError> {
        let Some(fallback) = state.services.fallback.as_ref().filter(|fallback| fallback.is_on()) else { return Ok(None) };
        let Work::Draw(drawing) = &order.work else { return Ok(None) };
        // Others draw from words; and what a ControlNet looks at stays here, unless it may be left out.
        if drawing.prompt.trim().is_empty() || !(request.controls.is_empty() || drawing.allow_drops) {
            return Ok(None);
        }
        let size = state.engine.output_size(request).unwrap_or_else(|_| size_elsewhere(request));
        let offer = fallback.offer_for(&caller.user.id, drawing, request, size).await?;
        Ok(offer.map(|offer| Self { order, request: request.clone(), size, offer }))
    }

    /// What is settled of it.
    pub(crate) fn offer(&self) -> &Offer {
        &self.offer
    }

    /// For the job's row.
    pub(crate) fn order(&self) -> &Order {
        &self.order
    }

    /// Why others are asked before it is drawn here; `None` if they are not. What nobody could draw is refused.
    pub(crate) fn leaves(&self, state: &AppState) -> Result<Option<Local>, ApiError> {
        let (Some(fallback), Some(drawing)) = (&state.services.fallback, self.drawing()) else { return Ok(None) };
        let local = here(&state.engine, &drawing.model, Duration::ZERO);
        if fallback.draws_here(local) {
            return Ok(None);
        }
        match state.engine.find_model(Some(&drawing.model.as_str().into())) {
            Ok(model) => drop(plan(&self.request, &model, state.engine.limits(), 0).map_err(SubmitError::from)?),
            Err(_) => check_elsewhere(drawing)?,
        }
        Ok(Some(local))
    }

    fn drawing(&self) -> Option<&Drawing> {
        match &self.order.work {
            Work::Draw(drawing) => Some(drawing),
            Work::Upscale { .. } => None,
        }
    }
}

impl Paid {
    /// Asks others, before it is drawn here. When `left` is, it is cancelled there and here.
    pub(crate) async fn elsewhere(
        mut self,
        state: &AppState,
        outward: &Outward,
        local: Local,
        left: impl Future<Output = ()>,
    ) -> Result<Asked, ApiError> {
        match self.served(state, outward, local, left).await {
            Ok(Some(images)) => Ok(Asked::There(self.handed_on(state, images).await?)),
            Ok(None) => Ok(Asked::Here(Box::new(self))),
            Err(trouble) => Err(self.refused(trouble).await),
        }
    }

    /// Asks others after it has failed here, where that is a reason to; else it has failed. When `left` is, it is cancelled there and here.
    pub(crate) async fn after(
        mut self,
        state: &AppState,
        outward: Option<&Outward>,
        failure: EngineError,
        left: impl Future<Output = ()>,
    ) -> Result<There, ApiError> {
        let (Some(outward), Some(local)) = (outward, after(&Trouble::from(failure.clone()))) else {
            return Err(self.fail(failure).await);
        };
        match self.served(state, outward, local, left).await {
            Ok(Some(images)) => self.handed_on(state, images).await,
            // Nobody else can either: what went wrong here is what its owner is told.
            Ok(None) | Err(Trouble::Failed { code: "provider_unavailable", .. }) => Err(self.fail(failure).await),
            Err(trouble) => Err(self.refused(trouble).await),
        }
    }

    async fn served(
        &mut self,
        state: &AppState,
        outward: &Outward,
        local: Local,
        left: impl Future<Output = ()>,
    ) -> Result<Option<Vec<NewImage>>, Trouble> {
        let Some(fallback) = &state.services.fallback else { return Ok(None) };
        let waiting = Waiting {
            job: &self.job,
            order: &outward.order,
            request: &outward.request,
            size: outward.size,
            keeper: &state.keeper,
            time_limit: state.config.generation_timeout,
        };
        tokio::select! {
            served = fallback.serve_waiting(waiting, local, &mut self.held) => served,
            () = left => Err(Trouble::Stopped(Stop::Cancelled)),
        }
    }

    /// Pays for what others have drawn, and reads what is answered.
    async fn handed_on(self, state: &AppState, images: Vec<NewImage>) -> Result<There, ApiError> {
        let mut pictures = Vec::with_capacity(images.len());
        for image in &images {
            let bytes = match state.keeper.read(image).await {
                Ok(bytes) => bytes,
                Err(trouble) => return Err(self.refused(trouble).await),
            };
            let side = |side: i64| u32::try_from(side).unwrap_or(0);
            let parameters: Value = serde_json::from_str(&image.parameters).unwrap_or_default();
            pictures.push(Foreign { bytes, seed: parameters["seed"].as_u64(), size: (side(image.width), side(image.height)) });
        }
        let (user_id, job_id) = (self.job.user_id.clone(), self.job.id.clone());
        self.held.deliver(&Results { images, gpu_ms: 0 }).await?;
        let job = state.platform.jobs.get(&user_id, &job_id).await?;
        let served_by = Away::of(&job).and_then(AwayView::of);
        Ok(There { pictures, served_by, unit_price: job.unit_price.into() })
    }

    /// Nothing came of it, and nothing is paid.
    async fn refused(self, trouble: Trouble) -> ApiError {
        let error = match &trouble {
            Trouble::Failed { code, message, .. } => told(code, message),
            Trouble::Stopped(Stop::Cancelled) => cancelled(),
            Trouble::Stopped(Stop::Lost) | Trouble::Leaving => ApiError::internal(),
        };
        match trouble {
            // By its owner, or by their client, which only interrupts what it waits for.
            Trouble::Stopped(Stop::Cancelled) => self.held.give_up().await,
            trouble => self.held.fail(trouble).await,
        }
        error
    }
}

/// As the job's own error says it.
fn told(code: &'static str, message: &str) -> ApiError {
    let status = match code {
        "content_policy" | "provider_refused_request" | "unsupported" => StatusCode::BAD_REQUEST,
        "provider_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        "provider_timeout" => StatusCode::GATEWAY_TIMEOUT,
        "provider_outcome_unknown" => StatusCode::BAD_GATEWAY,
        _ => return ApiError::internal(),
    };
    let error = ApiError::new(status, code, message);
    // Asked again it might be drawn, and paid by the operator, a second time.
    if matches!(code, "provider_timeout" | "provider_outcome_unknown") { error.for_good() } else { error }
}
