//! What the platform refuses, as answers. Its own words go to clients where they are meant for them; what the database or a store said goes to
//! the log.

use std::time::Duration;

use axum::http::StatusCode;
use easel_blobs::BlobError;
use easel_platform::{OutboundError, PlatformError, sign_in::SignInError};
use serde_json::{Value, json};

use super::ApiError;

/// After which the same may succeed.
const AGAIN: Duration = Duration::from_secs(1);
/// After which a database or a store may be back.
const BACK: Duration = Duration::from_secs(5);

impl From<PlatformError> for ApiError {
    fn from(error: PlatformError) -> Self {
        let (code, message) = (error.code(), error.to_string());
        let plain = |status| Self::new(status, code, message.clone()).with(details_of(&error));
        match &error {
            PlatformError::NotFound(_) => plain(StatusCode::NOT_FOUND),
            PlatformError::Forbidden(_) | PlatformError::ModelNotInPlan { .. } | PlatformError::PlanRequired(_) => {
                plain(StatusCode::FORBIDDEN)
            }
            PlatformError::ConsentRequired { .. } => plain(StatusCode::FORBIDDEN),
            PlatformError::Unauthenticated => plain(StatusCode::UNAUTHORIZED),
            PlatformError::LoginBlocked { retry_after } => {
                Self { retry_after: Some(*retry_after), ..plain(StatusCode::TOO_MANY_REQUESTS) }
            }
            PlatformError::TooManyRequests { retry_after, .. } => {
                Self { retry_after: Some(*retry_after), ..plain(StatusCode::TOO_MANY_REQUESTS) }
            }
            PlatformError::Outbound(OutboundError::Setup) => by_code(code, &error),
            PlatformError::Outbound(_) => plain(StatusCode::BAD_REQUEST),
            PlatformError::SignIn(reason) => plain(sign_in_status(reason)),
            PlatformError::Taken(_) | PlatformError::NotArrived | PlatformError::Arrived => plain(StatusCode::CONFLICT),
            PlatformError::Blobs(BlobError::Signature | BlobError::Expired) => plain(StatusCode::FORBIDDEN),
            PlatformError::Blobs(BlobError::TooLarge { .. }) => plain(StatusCode::PAYLOAD_TOO_LARGE),
            PlatformError::Invalid { .. } | PlatformError::Token | PlatformError::PaymentSignature => {
                plain(StatusCode::BAD_REQUEST)
            }
            PlatformError::InsufficientCredits { .. } => Self { final_answer: true, ..plain(StatusCode::PAYMENT_REQUIRED) },
            PlatformError::PaymentRequired => plain(StatusCode::PAYMENT_REQUIRED),
            PlatformError::Limit {
                code:
                    "too_many_open_jobs" | "daily_limit_reached" | "key_limit_reached" | "too_many_comments" | "too_many_reports",
                ..
            } => Self { retry_after: Some(BACK), ..plain(StatusCode::TOO_MANY_REQUESTS) },
            PlatformError::Limit { code: "storage_quota_exceeded", .. } => plain(StatusCode::PAYLOAD_TOO_LARGE),
            PlatformError::Limit { .. } => plain(StatusCode::FORBIDDEN),
            PlatformError::Picture(_) => plain(StatusCode::UNPROCESSABLE_ENTITY),
            PlatformError::ContentBlocked { .. } => plain(StatusCode::BAD_REQUEST),
            PlatformError::LookUnavailable => Self::unavailable(code, message, BACK),
            PlatformError::PaymentUnavailable => Self::unavailable(code, message, BACK),
            PlatformError::KeyReused => plain(StatusCode::UNPROCESSABLE_ENTITY),
            PlatformError::Prompts(_) => Self::invalid("styles", code, message),
            PlatformError::LeaseLost => plain(StatusCode::CONFLICT),
            PlatformError::Store(store) if store.is_busy() => Self::unavailable(code, message, AGAIN),
            _ => by_code(code, &error),
        }
    }
}

/// The numbers of a refusal, for programs.
fn details_of(error: &PlatformError) -> Option<Value> {
    match error {
        PlatformError::InsufficientCredits { needed, available } => {
            Some(json!({ "needed": needed.to_string(), "available": available.to_string() }))
        }
        PlatformError::Limit { what, max, .. } => Some(json!({ "limit": what, "max": max })),
        PlatformError::TooManyRequests { max, seconds, .. } => Some(json!({ "max": max, "seconds": seconds })),
        PlatformError::ModelNotInPlan { tier } => Some(json!({ "model_tier": tier })),
        PlatformError::PlanRequired(feature) => Some(json!({ "feature": feature })),
        PlatformError::ContentBlocked { category } => Some(json!({ "category": category })),
        _ => None,
    }
}

fn sign_in_status(reason: &SignInError) -> StatusCode {
    match reason {
        SignInError::State | SignInError::NoEmail => StatusCode::BAD_REQUEST,
        SignInError::Refused | SignInError::EmailNotVerified => StatusCode::FORBIDDEN,
        SignInError::Provider(_) => StatusCode::BAD_GATEWAY,
        SignInError::AccountExists | SignInError::Linked | SignInError::LastWay => StatusCode::CONFLICT,
    }
}

/// Of what has no answer of its own: some codes are the client's to know, the rest is ours.
fn by_code(code: &'static str, error: &PlatformError) -> ApiError {
    match code {
        "already_exists" => ApiError::new(StatusCode::CONFLICT, code, "there is one already"),
        "not_found" => ApiError::new(StatusCode::NOT_FOUND, code, "there is no such thing"),
        "database_unavailable" | "storage_unavailable" => {
            tracing::error!(error = ?error, "what the server stores in does not answer");
            ApiError::unavailable(code, "the server cannot reach what it stores in; try again later", BACK)
        }
        _ => {
            tracing::error!(error = ?error, "the platform has failed");
            ApiError::internal()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_is_told_apart() {
        let limit = |code| ApiError::from(PlatformError::Limit { code, what: "of something", max: 1 });
        let told =
            ["storage_quota_exceeded", "daily_limit_reached", "too_many_purchases"].map(|code| limit(code).status().as_u16());
        assert_eq!(told, [413, 429, 403]);
        assert_eq!(ApiError::from(PlatformError::PaymentRequired).status(), StatusCode::PAYMENT_REQUIRED);
        assert_eq!(ApiError::from(PlatformError::PaymentSignature).status(), StatusCode::BAD_REQUEST);
    }
}
