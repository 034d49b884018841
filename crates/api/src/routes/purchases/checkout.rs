//! `POST /api/v1/subscriptions/checkout`: orders a plan, for a month or a year. It begins once it is paid.

use axum::{Json, extract::State, http::StatusCode};
use easel_platform::{payments::Wanted, plans::Interval};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
    extract::JsonBody,
    views::OrderedView,
};

/// Which plan, and for how long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckoutBody {
    /// Its name.
    #[schema(example = "pro")]
    plan: String,
    /// `month` or `year`.
    #[serde(default)]
    interval: IntervalField,
}

/// For how long.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IntervalField {
    /// A month.
    #[default]
    Month,
    /// A year.
    Year,
}

impl From<IntervalField> for Interval {
    fn from(field: IntervalField) -> Self {
        match field {
            IntervalField::Month => Self::Month,
            IntervalField::Year => Self::Year,
        }
    }
}

/// Orders a plan.
#[utoipa::path(
    post, path = "/api/v1/subscriptions/checkout", operation_id = "checkout_subscription", tag = "credits", request_body = CheckoutBody,
    responses((status = 201, description = "The order, and where it is paid", body = OrderedView)),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ActsAsThemselves>,
    JsonBody(body): JsonBody<CheckoutBody>,
) -> Result<(StatusCode, Json<OrderedView>), ApiError> {
    let ordered = state.payments()?.order(&caller.user, Wanted::Plan(&body.plan, body.interval.into())).await?;
    Ok((StatusCode::CREATED, Json(ordered.into())))
}
