//! `POST /api/v1/images/quote`: what a drawing or an enlargement would cost. Nothing is set aside.

use axum::{Json, extract::State};
use easel_platform::{
    orders::{Order, Work},
    records::User,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::upscale::{self, UpscaleBody};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::{JsonBody, read},
    ordering::{DrawingBody, measures},
    views::{CreditAmount, ElsewhereView},
};

/// What is to be priced: a drawing, as it would be ordered, or an enlargement.
// `untagged` is for the document; [`QuoteBody::read`] tells them apart, so that an error names a field instead of both shapes.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum QuoteBody {
    /// A drawing.
    Draw(Box<DrawingBody>),
    /// An enlargement.
    Upscale(UpscaleQuoteBody),
}

/// An enlargement to be priced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpscaleQuoteBody {
    /// Of what.
    upscale: UpscaleOfBody,
}

/// Which of your pictures is to be enlarged, and how much.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpscaleOfBody {
    /// The picture.
    image_id: String,
    /// 2 or 4.
    #[schema(example = 2, minimum = 2, maximum = 4)]
    factor: u32,
}

impl QuoteBody {
    fn read(object: Map<String, Value>) -> Result<Self, ApiError> {
        if object.contains_key("upscale") {
            return read(object).map(Self::Upscale);
        }
        read(object).map(|drawing| Self::Draw(Box::new(drawing)))
    }

    /// The order it would be.
    async fn order(self, state: &AppState, user: &User) -> Result<Order, ApiError> {
        match self {
            Self::Draw(drawing) => drawing.order(state, user).await,
            Self::Upscale(UpscaleQuoteBody { upscale: UpscaleOfBody { image_id, factor } }) => {
                let image = state.platform.images.get(&user.id, &image_id).await?;
                upscale::order(&image, UpscaleBody { factor })
            }
        }
    }
}

/// What it would cost.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuoteView {
    /// The model; `upscale` for an enlargement.
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

/// What a drawing or an enlargement would cost.
#[utoipa::path(
    post, path = "/api/v1/images/quote", operation_id = "quote", tag = "images", request_body = QuoteBody,
    responses((status = 200, description = "The price", body = QuoteView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    JsonBody(body): JsonBody<Map<String, Value>>,
) -> Result<Json<QuoteView>, ApiError> {
    let order = QuoteBody::read(body)?.order(&state, &caller.user).await?;
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
