//! `DELETE /api/v1/users/me`: asks to be forgotten. Nobody can log in as them from now on; after the time to change one's mind everything goes.

use axum::{extract::State, http::StatusCode};
use easel_platform::{PlatformError, accounts::LOCAL_ID};

use crate::{
    ApiError, AppState,
    auth::{ActsAsThemselves, As},
};

/// Asks to be forgotten.
#[utoipa::path(
    delete, path = "/api/v1/users/me", operation_id = "erase_me", tag = "users",
    responses((status = 202, description = "You cannot log in any more, and will be forgotten")),
    security(("session" = []), ("cookie" = []))
)]
pub(crate) async fn handler(State(state): State<AppState>, As(caller, _): As<ActsAsThemselves>) -> Result<StatusCode, ApiError> {
    if caller.user.id == LOCAL_ID {
        return Err(PlatformError::Forbidden("the built-in account stays").into());
    }
    if let Some(payments) = &state.services.payments {
        // Whoever is forgotten pays no longer.
        match payments.set_cancelled(&caller.actor(), &caller.user.id, true).await {
            Ok(_) | Err(PlatformError::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    state.platform.privacy.request_erasure(&caller.actor(), &caller.user.id).await?;
    Ok(StatusCode::ACCEPTED)
}
