//! Asking a payment service: what it answers is told to nobody; of its errors only the status is logged.

use easel_outbound::{Client, Request, Url};
use serde_json::Value as Json;

use crate::PlatformError;

/// What a service answers.
pub(super) async fn answer(client: &Client, request: Request) -> Result<Json, PlatformError> {
    let answer = client.send(request).await.map_err(|error| {
        tracing::warn!(error = error.code(), "the payment service cannot be reached");
        PlatformError::PaymentUnavailable
    })?;
    if !answer.status.is_success() {
        tracing::error!(status = answer.status.as_u16(), "the payment service refuses what it is asked for");
        return Err(PlatformError::PaymentUnavailable);
    }
    serde_json::from_slice(&answer.body).map_err(|_| PlatformError::PaymentUnavailable)
}

/// Where to send the browser, which leads nowhere but to a page.
pub(super) fn page(answered: &Json) -> Result<String, PlatformError> {
    let url = answered.as_str().and_then(|url| Url::parse(url).ok());
    let url = url.filter(|url| matches!(url.scheme(), "https" | "http")).ok_or(PlatformError::PaymentUnavailable)?;
    Ok(url.into())
}

/// A key or an address that no request can be made of.
pub(super) fn unusable() -> PlatformError {
    PlatformError::Settings("the payment service's key or address cannot be used".to_owned())
}
