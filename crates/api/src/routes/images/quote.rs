//! `POST /api/v1/images/quote`: what a drawing would cost. Nothing is set aside.

use axum::{Json, extract::State};
use easel_platform::orders::Work;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::JsonBody,
    ordering::{DrawingBody, measures},
    views::{CreditAmount, ElsewhereView},
};

/// What a drawing would cost.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuoteView {
    /// The model.
    model: String,
    /// How many pictures.
    images: i64,
    /// One of them.
    unit_price: CreditAmount,
    /// All of them.
    total: CreditAmount,
    /// What you can spend.
    available: CreditAmount,
    /// Whether it would be charged; otherwise it is only counted.
    charged: bool,
    /// Who would draw it if this server could not, in the order in which they would be asked; the price stays the same.
    elsewhere: Vec<ElsewhereView>,
    /// Until it would be finished, if everybody else's jobs were done by this node, in seconds.
    backlog_seconds: f64,
}

/// What a drawing would cost.
#[utoipa::path(
    post, path = "/api/v1/images/quote", operation_id = "quote", tag = "images", request_body = DrawingBody,
    responses((status = 200, description = "The price", body = QuoteView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    JsonBody(body): JsonBody<DrawingBody>,
) -> Result<Json<QuoteView>, ApiError> {
    let order = body.order(&state, &caller.user).await?;
    let (model, quality, images) = measures(&order);
    let plan = state.platform.catalogue.of(&caller.user, state.platform.context.now());
    state.platform.catalogue.check_model(plan, model)?;
    let quote = state.platform.jobs.quote(model, quality, images)?;
    state.platform.desk.grant_periods(&caller.user).await?;
    let balance = state.platform.desk.balance(&caller.user.id).await?;
    let elsewhere = match (&state.services.fallback, &order.work) {
        (Some(fallback), Work::Draw(drawing)) => fallback.quotes(&caller.user.id, drawing).await?,
        _ => Vec::new(),
    };
    Ok(Json(QuoteView {
        model: model.to_owned(),
        images,
        unit_price: quote.unit_price.into(),
        total: quote.total.into(),
        available: balance.available.into(),
        charged: state.platform.jobs.settings().charging && !plan.unlimited_credits,
        elsewhere: elsewhere.into_iter().map(ElsewhereView::from).collect(),
        backlog_seconds: state.engine.status().backlog.as_secs_f64(),
    }))
}
