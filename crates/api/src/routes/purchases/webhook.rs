//! `POST /api/v1/subscriptions/webhook/{provider}`: a payment service tells what happened, signed over the bytes as they come.

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request, State},
    http::{HeaderMap, StatusCode},
};
use easel_platform::payments::Signed;

use crate::{ApiError, AppState, extract::InName};

/// Whose webhooks come without a name.
const FIRST: &str = "stripe";

/// A payment service tells what happened.
#[utoipa::path(
    post, path = "/api/v1/subscriptions/webhook/{provider}", operation_id = "hear_payment", tag = "credits",
    params(
        ("provider" = String, Path, description = "`stripe`, `creem`, or `external` for a service of the operator's"),
        ("stripe-signature" = Option<String>, Header, description = "Stripe's signature"),
        ("creem-signature" = Option<String>, Header, description = "Creem's signature"),
        ("webhook-id" = Option<String>, Header, description = "As Standard Webhooks has it"),
        ("webhook-timestamp" = Option<String>, Header, description = "As Standard Webhooks has it"),
        ("webhook-signature" = Option<String>, Header, description = "As Standard Webhooks has it"),
    ),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "It was dealt with, now or before, or is of no interest"))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    InName(provider): InName,
    request: Request<Body>,
) -> Result<StatusCode, ApiError> {
    hear(&state, &provider, request).await
}

/// Stripe tells what happened.
#[utoipa::path(
    post, path = "/api/v1/subscriptions/webhook", operation_id = "hear_stripe", tag = "credits",
    params(("stripe-signature" = Option<String>, Header, description = "Stripe's signature")),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "It was dealt with, now or before, or is of no interest"))
)]
pub(crate) async fn first(State(state): State<AppState>, request: Request<Body>) -> Result<StatusCode, ApiError> {
    hear(&state, FIRST, request).await
}

async fn hear(state: &AppState, provider: &str, request: Request<Body>) -> Result<StatusCode, ApiError> {
    let payments = state.payments()?;
    let headers = request.headers().clone();
    let body = match tokio::time::timeout(state.config.body_timeout, Bytes::from_request(request, state)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => return Err(ApiError::new(error.status(), "body_unreadable", "the body could not be read to its end")),
        Err(_) => return Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not arrive in time")),
    };
    payments.hear(provider, signed(&headers), &body).await?;
    // Creem tells everything again that is not answered with 200 itself.
    Ok(StatusCode::OK)
}

fn signed(headers: &HeaderMap) -> Signed<'_> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    Signed {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
        stripe: text("stripe-signature"),
        creem: text("creem-signature"),
    }
}
